package report

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseThreshold(t *testing.T) {
	tests := []struct {
		in   string
		want ThresholdRule
	}{
		{"login.total.p95 < 300ms", ThresholdRule{"login.total.p95 < 300ms", "login.total", "p95", "<", 300e6}},
		{"  login.errors == 0 ", ThresholdRule{"login.errors == 0", "login.errors", "count", "==", 0}},
		{"sync.lag.p99.9<=1.5s", ThresholdRule{"sync.lag.p99.9<=1.5s", "sync.lag", "p99.9", "<=", 1.5e9}},
		{"register.total.max != 1m30s", ThresholdRule{"register.total.max != 1m30s", "register.total", "max", "!=", 90e9}},
		{"login.total.count >= 1e3", ThresholdRule{"login.total.count >= 1e3", "login.total", "count", ">=", 1000}},
		{"login.total.mean > 1µs", ThresholdRule{"login.total.mean > 1µs", "login.total", "mean", ">", 1000}},
		{"dropped < 5", ThresholdRule{"dropped < 5", "dropped", "count", "<", 5}},
		{"p95.min < 1ms", ThresholdRule{"p95.min < 1ms", "p95", "min", "<", 1e6}},
		{"login.failed.rate < 1%", ThresholdRule{"login.failed.rate < 1%", "login.failed", "rate", "<", 0.01}},
		{"load.failed.rate <= 0.005", ThresholdRule{"load.failed.rate <= 0.005", "load.failed", "rate", "<=", 0.005}},
		{"a.rate == 100 %", ThresholdRule{"a.rate == 100 %", "a", "rate", "==", 1}},
		{"login.total.p95 < 0s", ThresholdRule{"login.total.p95 < 0s", "login.total", "p95", "<", 0}},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			got, err := ParseThreshold(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseThresholdErrors(t *testing.T) {
	tests := []struct {
		in             string
		offset, length int
		message, hint  string
	}{
		{"", 0, 0, "no comparison", `write it like "login.total.p95 < 300ms"`},
		{"login.total.p95", 15, 0, "no comparison", `write it like "login.total.p95 < 300ms"`},
		{"login.total.p95 = 3ms", 16, 1, `"=" is not a comparison`, `use "==" or "!="`},
		{" < 3ms", 1, 0, "no metric", `name one before the comparison, like "login.total.p95"`},
		{"login.total.p95 <  ", 19, 0, `nothing after "<"`, `write a limit after it, like "300ms"`},
		{"login..p95 < 3ms", 5, 1, `"login." is not a metric name`, "a metric is words of letters, digits, - and _ with dots between"},
		{"login total.p95 < 3ms", 5, 1, `"login total" is not a metric name`, "a metric is words of letters, digits, - and _ with dots between"},
		{"9a.p95 < 3ms", 0, 1, `"9a" is not a metric name`, "a metric is words of letters, digits, - and _ with dots between"},
		{".p95 < 3ms", 0, 1, `".p95" is not a metric name`, "a metric is words of letters, digits, - and _ with dots between"},
		{"login.total.p95 < 300", 18, 3, `p95 is a time, but "300" has no unit`, `write "300ms"`},
		{"login.total.p96 < 300ms", 12, 3, `"p96" is not a statistic, and a time needs one`, "add one of p50, p90, p95, p99, p99.9, min, max, mean"},
		{"login.total < 300ms", 6, 5, `"total" is not a statistic, and a time needs one`, "add one of p50, p90, p95, p99, p99.9, min, max, mean"},
		{"login.total.count < 300ms", 20, 5, `count is a number, but "300ms" is a time`, ""},
		{"login.total.p95 < 300 ms", 18, 6, `"300 ms" is not a limit`, `a time is a number with a unit, like "300ms" or "1.5s"`},
		{"login.errors == none", 16, 4, `"none" is not a limit`, "a count is compared with a plain number"},
		{"login.errors < NaN", 15, 3, `"NaN" is not a number`, ""},
		{"login.errors < Inf", 15, 3, `"Inf" is not a number`, ""},
		{"login.failed.rate < 5", 20, 1, `rate is a share, and "5" is more than the whole`, `write "5%"`},
		{"login.failed.rate < 300ms", 20, 5, `rate is a share, but "300ms" is none`, `write a percentage, like "1%"`},
		{"login.failed.rate < NaN", 20, 3, `rate is a share, but "NaN" is none`, `write a percentage, like "1%"`},
		{"login.failed.rate < 101%", 20, 4, "rate is a share, from 0% to 100%", `write a percentage, like "1%"`},
		{"login.failed.rate > -1%", 20, 3, "rate is a share, from 0% to 100%", `write a percentage, like "1%"`},
		{"login.failed < 1%", 15, 2, `count is a number, but "1%" is a share`, "compare the rate: login.failed.rate"},
		{"login.total.p95 < 1%", 18, 2, `p95 is a time, but "1%" is a share`, `write a time, like "300ms"`},
		{"login.errors <> 3", 14, 3, `"> 3" is not a limit`, "a count is compared with a plain number"},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			rule, err := ParseThreshold(tt.in)
			got, ok := errors.AsType[*ThresholdError](err)
			if !ok {
				t.Fatalf("got rule %+v, error %v", rule, err)
			}
			want := &ThresholdError{Text: tt.in, Offset: tt.offset, Length: tt.length, Message: tt.message, Hint: tt.hint}
			if strings.HasSuffix(tt.message, "a time needs one") {
				want.Word, want.Known = tt.in[tt.offset:tt.offset+tt.length], timeStatistics()
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if rule != (ThresholdRule{}) {
				t.Errorf("a rule was returned with the error: %+v", rule)
			}
		})
	}
}

func FuzzParseThreshold(f *testing.F) {
	for _, seed := range []string{"login.total.p95 < 300ms", "a==0", "<", "é.p95 < 1h", "a.p99.9>=-1ns", "a < 0x1p-2", "login.failed.rate < 1%", "a.rate<=.5"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rule, err := ParseThreshold(text)
		if err != nil {
			e, ok := errors.AsType[*ThresholdError](err)
			if !ok || e.Offset < 0 || e.Length < 0 || e.Offset+e.Length > len(text) {
				t.Fatalf("%q: error points outside of the text: %+v", text, err)
			}
			return
		}
		again, err := ParseThreshold(rule.Text)
		if err != nil || again != rule {
			t.Fatalf("%q: %+v, parsed again %+v, %v", text, rule, again, err)
		}
	})
}

func TestEvaluate(t *testing.T) {
	r := NewRecorder()
	for i := range 100 {
		r.Observe("login.total", time.Duration(i+1)*time.Millisecond)
	}
	r.Count("login.errors", 0)
	metrics := r.Metrics()
	metrics["empty.total"] = Metric{Unit: UnitNanoseconds}
	metrics["old.total"] = Metric{Unit: UnitNanoseconds, Count: 1, P50: 5, P99: 5, Max: 5}
	metrics["login.failed"] = Metric{Unit: UnitCount, Count: 3, Of: 1000}
	metrics["whole.failed"] = Metric{Unit: UnitCount, Count: 99_999, Of: 100_000}
	metrics["edge.total"] = Metric{Unit: UnitNanoseconds, Count: 1, P95: 300.0004e6, Max: 301e6}

	const recorded = "; there is edge, empty, login, old, whole"
	tests := []struct {
		in      string
		verdict Verdict
		actual  string
		hint    string
	}{
		{"login.total.p95 < 300ms", VerdictPass, "95ms", ""},
		{"login.total.p95 < 50ms", VerdictFail, "95ms", ""},
		{"login.total.min <= 1ms", VerdictPass, "1ms", ""},
		{"login.total.max >= 100ms", VerdictPass, "100ms", ""},
		{"login.total.mean > 51ms", VerdictFail, "50.5ms", ""},
		{"login.total.count == 100", VerdictPass, "100", ""},
		{"login.total.count != 100", VerdictFail, "100", ""},
		{"login.total.p99.9 < 1s", VerdictPass, "100ms", ""},
		{"login.errors == 0", VerdictPass, "0", ""},
		{"login.errors > 0", VerdictFail, "0", ""},
		{"login.failed.rate < 1%", VerdictPass, "0.3%", ""},
		{"login.failed.rate < 0.3%", VerdictFail, "0.3%", ""},
		{"login.failed.rate == 0.003", VerdictPass, "0.3%", ""},
		{"whole.failed.rate < 99.91%", VerdictFail, "99.999%", ""},
		{"login.failed == 3", VerdictPass, "3", ""},
		{"login.errors.rate < 1%", VerdictError, "no samples", `nothing was counted that "login.errors" could be a share of`},
		{"login.total.rate < 1%", VerdictError, "no samples", `nothing was counted that "login.total" could be a share of`},
		{"edge.total.p95 < 300ms", VerdictFail, "300.0004ms", ""},
		{"empty.total.p95 < 1h", VerdictError, "no samples", ""},
		{"empty.total.count == 0", VerdictError, "no samples", ""},
		{"old.total.p99.9 < 1h", VerdictError, "no p99.9", ""},
		{"login.errors.p95 < 1h", VerdictError, "no p95", `"login.errors" is a counter; compare it with a plain number`},
		{"logn.total.p95 < 1h", VerdictError, "no samples", `nothing was recorded as "logn.total" in this run` + recorded},
		{"login.totl.p95 < 1h", VerdictError, "no samples", `nothing was recorded as "login.totl" in this run; there is login.errors, login.failed, login.total`},
		{"whoami.errors == 0", VerdictError, "no samples", `nothing was recorded as "whoami.errors" in this run` + recorded},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			rule, err := ParseThreshold(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			want := Threshold{Text: tt.in, Verdict: tt.verdict, Actual: tt.actual, Hint: tt.hint}
			if diff := cmp.Diff(want, rule.Evaluate(metrics)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFormatDuration(t *testing.T) {
	tests := []struct {
		ns   float64
		want string
	}{
		{0, "0ms"},
		{1, "0µs"},
		{850e3, "850µs"},
		{999.6e3, "1ms"},
		{1.234e6, "1.23ms"},
		{12.34e6, "12.3ms"},
		{212.4e6, "212ms"},
		{999.6e6, "1s"},
		{3.4e9, "3.4s"},
		{59.99e9, "1m00s"},
		{125e9, "2m05s"},
		{3720e9, "1h02m"},
		{-5e6, "-5ms"},
	}
	for _, tt := range tests {
		if got := FormatDuration(tt.ns); got != tt.want {
			t.Errorf("FormatDuration(%v) = %q, want %q", tt.ns, got, tt.want)
		}
	}
}
