package report_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/report"
)

func TestResults(t *testing.T) {
	run := &report.Run{
		Steps: []report.Step{{
			ID: "s/1", Scenario: "s", Title: "login alice", Verdict: report.VerdictFail, Message: "rejected", File: "a.yaml", Line: 3, DurationMS: 5,
		}},
		Checks: []report.Check{
			{ID: "reg-x", Title: "X", Ceremony: "registration", Severity: "high", Verdict: report.VerdictFail, Tolerated: "known", Basis: []string{"§7.1"}},
			{ID: "reg-y", Verdict: report.VerdictSkip, NotApplicable: true},
		},
		Thresholds: []report.Threshold{
			{Text: "login.total.p95 < 1s", Actual: "2s", Verdict: report.VerdictFail, Scenario: "s", File: "a.yaml", Line: 9},
			{Text: "sync.lag.p95 < 1s", Actual: "no samples", Verdict: report.VerdictError},
		},
	}
	run.Summary = run.Summarize()
	want := []report.Result{
		{Kind: report.ResultStep, ID: "s/1", Group: "s", Title: "login alice", Verdict: report.VerdictFail, Message: "rejected", File: "a.yaml", Line: 3, DurationMS: 5},
		{
			Kind: report.ResultCheck, ID: "reg-x", Title: "X", Group: "registration", Severity: "high", Verdict: report.VerdictFail, Tolerated: "known",
			Basis: []string{"§7.1"},
		},
		{Kind: report.ResultCheck, ID: "reg-y", Verdict: report.VerdictSkip, NotApplicable: true},
		{
			Kind: report.ResultThreshold, Title: "threshold login.total.p95 < 1s", Group: "s", Verdict: report.VerdictFail, File: "a.yaml", Line: 9,
			Message: "the threshold was crossed: 2s", Expected: "login.total.p95 < 1s", Actual: "2s",
		},
		{
			Kind: report.ResultThreshold, Title: "threshold sync.lag.p95 < 1s", Verdict: report.VerdictError,
			Message: "the threshold could not be judged: no samples", Expected: "sync.lag.p95 < 1s", Actual: "no samples",
		},
	}
	got := run.Results()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	var words, places []string
	for i := range got {
		words, places = append(words, got[i].Words()), append(places, got[i].Where())
	}
	if diff := cmp.Diff([]string{"fail", "tolerated", "not applicable", "fail", "could not tell"}, words); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"a.yaml:3", "", "", "a.yaml:9", ""}, places); diff != "" {
		t.Error(diff)
	}
	if !got[0].Failed() || got[1].Failed() || got[0].Name() != "s/1 login alice" || got[2].Name() != "reg-y" {
		t.Errorf("got %+v", got[:3])
	}
}

func TestResultsTellWhatTheRunIsWorth(t *testing.T) {
	pass := []report.Step{{ID: "s/1", Verdict: report.VerdictPass}}
	for want, run := range map[string]*report.Run{
		"":                                {Steps: pass},
		"nothing was judged":              {},
		"the run is partial: interrupted": {Steps: pass, Partial: true, Aborted: "interrupted"},
		"the run is partial: it did not":  {Steps: pass, Partial: true},
		"the load generator could not keep up: x": {Steps: pass, Load: &report.LoadRun{Generator: report.LoadGenerator{Limited: "x"}}},
		"the load's counts do not add up":         {Steps: pass, Load: &report.LoadRun{Counts: report.LoadCounts{Started: 1}}},
	} {
		run.Summary = run.Summarize()
		results := run.Results()
		last := report.Result{}
		if n := len(results); n > 0 && results[n-1].Kind == report.ResultRun {
			last = results[n-1]
		}
		if !strings.HasPrefix(last.Message, want) || (want == "") != (last.Verdict == "") {
			t.Errorf("want %q, got %+v", want, last)
		}
	}
}

func FuzzVisible(f *testing.F) {
	for _, s := range []string{"a\tb", "\x1b[31m", "\xff", "\u202e", "a\r\nb", "\u0085"} {
		f.Add(s, 3)
	}
	f.Fuzz(func(t *testing.T, s string, n int) {
		shown := report.Visible(s)
		if !utf8.ValidString(shown) || strings.ContainsFunc(shown, func(c rune) bool { return c != '\n' && unicode.IsControl(c) || c == '\u202e' }) {
			t.Errorf("%q is shown as %q", s, shown)
		}
		if strings.Contains(report.OneLine(s), "\n") {
			t.Errorf("%q has more than one line", s)
		}
		if n < 0 {
			return
		}
		if short := report.Shorten(s, n); len(short) > n+len("…") && len(short) != len(s) || utf8.ValidString(s) && !utf8.ValidString(short) {
			t.Errorf("%q is cut to %q at %d", s, short, n)
		}
	})
}
