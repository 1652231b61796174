package live_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/passrig/passrig/internal/load/live"
	"github.com/passrig/passrig/internal/load/live/livetest"
)

func TestWrite(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := live.Write(&b, []live.Family{
		{"a", live.Counter, "", "How many\n\\ \"times\"", []live.Sample{{"_total", []live.Label{{"x", "a\"b\\c\nd"}, {"y", ""}}, 12}, {"_total", nil, 1e21}}},
		{"b_seconds", live.Summary, "seconds", "Times", []live.Sample{{"", []live.Label{{"quantile", "0.5"}}, 0.25}, {"_count", nil, 3}, {"_sum", nil, 1e-9}}},
		{"c", live.StateSet, "", "Phase", []live.Sample{{"", []live.Label{{"c", "hold"}}, 1}}},
		{"nothing", live.Gauge, "", "Left out", nil},
	}); err != nil {
		t.Fatal(err)
	}
	const want = `# TYPE a counter
# HELP a How many\n\\ \"times\"
a_total{x="a\"b\\c\nd",y=""} 12
a_total 1e+21
# TYPE b_seconds summary
# UNIT b_seconds seconds
# HELP b_seconds Times
b_seconds{quantile="0.5"} 0.25
b_seconds_count 3
b_seconds_sum 1e-09
# TYPE c stateset
# HELP c Phase
c{c="hold"} 1
# EOF
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
	if _, err := livetest.Read(b.String()); err != nil {
		t.Error(err)
	}
}

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

func TestAnyTextCanBeALabel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		value, help := rapid.String().Draw(t, "value"), rapid.String().Draw(t, "help")
		number := rapid.Float64().Draw(t, "number")
		var b strings.Builder
		if err := live.Write(&b, []live.Family{{"a", live.Gauge, "", help, []live.Sample{{"", []live.Label{{"x", value}}, number}}}}); err != nil {
			t.Fatal(err)
		}
		out, err := livetest.Read(b.String())
		if err != nil {
			t.Fatal(err)
		}
		for _, got := range out["a"] {
			if got != number {
				t.Fatalf("%v became %v", number, got)
			}
		}
	})
}
