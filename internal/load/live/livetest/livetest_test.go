package livetest_test

import (
	"testing"

	"github.com/passrig/passrig/internal/load/live/livetest"
)

// TestTheReaderIsStrict makes sure that the other tests can fail.
func TestTheReaderIsStrict(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "# EOF", "x 1\n# EOF\n", "# TYPE a counter\na 1\n# EOF\n", "# TYPE a gauge\na{x=\"1\",x=\"2\"} 1\n# EOF\n",
		"# HELP a b\n# TYPE a gauge\n# EOF\n", "# TYPE a gauge\n# UNIT a seconds\n# EOF\n", "# TYPE a gauge\na 1\na 1\n# EOF\n",
		"# TYPE a gauge\na 1\n# TYPE b gauge\n# TYPE a gauge\n# EOF\n", "# TYPE a gauge\na 0x1\n# EOF\n", "# TYPE a gauge\na{x=\"\\x\"} 1\n# EOF\n",
		"# TYPE a summary\na{quantile=\"2\"} 1\n# EOF\n", "# TYPE a stateset\na 1\n# EOF\n", "# TYPE a info\na_info 2\n# EOF\n",
		"# TYPE a counter\na_total -1\n# EOF\n", "# TYPE a gauge\n\na 1\n# EOF\n", "# TYPE a gauge\na  1\n# EOF\n",
	} {
		if _, err := livetest.Read(text); err == nil {
			t.Errorf("read %q", text)
		}
	}
}
