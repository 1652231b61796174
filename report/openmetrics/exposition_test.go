package openmetrics_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/passrig/passrig/internal/load/live/livetest"
	"github.com/passrig/passrig/report/openmetrics"
)

func TestEncode(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := openmetrics.Encode(&b, []openmetrics.Family{
		{"a", openmetrics.Counter, "", "How many\n\\ \"times\"", []openmetrics.Sample{{"_total", []openmetrics.Label{{"x", "a\"b\\c\nd"}, {"y", ""}}, 12}, {"_total", nil, 1e21}}},
		{"b_seconds", openmetrics.Summary, "seconds", "Times", []openmetrics.Sample{{"", []openmetrics.Label{{"quantile", "0.5"}}, 0.25}, {"_count", nil, 3}, {"_sum", nil, 1e-9}}},
		{"c", openmetrics.StateSet, "", "Phase", []openmetrics.Sample{{"", []openmetrics.Label{{"c", "hold"}}, 1}}},
		{"nothing", openmetrics.Gauge, "", "Left out", nil},
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

func TestAnyTextCanBeALabel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		value, help := rapid.String().Draw(t, "value"), rapid.String().Draw(t, "help")
		number := rapid.Float64().Draw(t, "number")
		var b strings.Builder
		if err := openmetrics.Encode(&b, []openmetrics.Family{{"a", openmetrics.Gauge, "", help, []openmetrics.Sample{{"", []openmetrics.Label{{"x", value}}, number}}}}); err != nil {
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
