package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// oneMinute is a load of a minute at 100/s, with an edit.
func oneMinute(edit func(*LoadRun)) *LoadRun {
	counts := LoadCounts{Scheduled: 6000, Started: 6000, Finished: 6000}
	l := &LoadRun{
		Model: LoadOpen, Connections: ConnectionsPerUser, Signing: "ES256, fresh", Counts: counts,
		Phases: []LoadPhase{
			{Name: "warm-up", DurationMS: 10_000, Counts: LoadCounts{Scheduled: 1000, Started: 1000, Finished: 1000}},
			{Name: "hold", DurationMS: 60_000, Measured: true, Counts: counts, Done: counts.Finished},
		},
		Outcomes: []LoadOutcome{{Operation: "login", Class: "accepted", Expected: true, Count: 6000}},
	}
	if edit != nil {
		edit(l)
	}
	return l
}

// failing makes some of the iterations fail or be cut off.
func failing(failed, censored int64) func(*LoadRun) {
	return func(l *LoadRun) {
		for _, c := range []*LoadCounts{&l.Counts, &l.Phases[1].Counts} {
			c.Finished, c.Failed, c.Censored = c.Started-failed-censored, failed, censored
		}
		l.Phases[1].Done = l.Counts.Finished
	}
}

func TestLoadVerdict(t *testing.T) {
	tests := []struct {
		edit func(*LoadRun)
		want string
	}{
		{nil, "Of the 100/s asked for it answered 100/s, with every iteration as it should be."},
		{failing(60, 0), "Of the 100/s asked for it answered 99/s, with 99% of the iterations as they should be."},
		{failing(1, 0), "Of the 100/s asked for it answered 100/s, with 99.9% of the iterations as they should be."},
		{failing(6000, 0), "None of 6000 iterations went as it should."},
		{
			func(l *LoadRun) { l.Phases[1].Done = 2400 },
			"Of the 100/s asked for it answered 40/s while the load lasted and the rest after it, with every iteration as it should be.",
		},
		{func(l *LoadRun) { l.Model = LoadClosed }, "It answered 100/s, with every iteration as it should be."},
		{func(l *LoadRun) { l.Phases, l.Counts = nil, LoadCounts{} }, "Nothing was measured."},
		{
			func(l *LoadRun) { l.Generator.Limited = "it lagged" },
			"GENERATOR-LIMITED: passrig could not keep up with the load it was to make, so nothing is claimed about how fast the relying party is.",
		},
		{
			func(l *LoadRun) { l.Counts.Started++ },
			"Nothing can be told: iterations are missing from the counts, which is a mistake in passrig.",
		},
		{
			func(l *LoadRun) { l.Limit = &LoadLimit{Rate: 850, Bounded: "at 900/s login.total.p95 was 1s"} },
			"It bears 850/s. At 900/s login.total.p95 was 1s.",
		},
		{func(l *LoadRun) { l.Limit = &LoadLimit{Rate: 850} }, "It bears 850/s."},
		{
			func(l *LoadRun) {
				l.Limit = &LoadLimit{Bounded: "at 50/s half of the logins failed.", Points: []LoadPoint{{Verdict: VerdictFail}}}
			},
			"Even the lowest rate was too much: at 50/s half of the logins failed.",
		},
		{
			func(l *LoadRun) { l.Limit = &LoadLimit{Points: []LoadPoint{{Verdict: VerdictFail}}} },
			"Even the lowest rate was too much: no rate that was tried kept the thresholds.",
		},
		{
			func(l *LoadRun) {
				l.Limit = &LoadLimit{Bounded: "the search ended early: interrupted", Points: []LoadPoint{{Verdict: VerdictFail}, {Verdict: VerdictSkip}}}
			},
			"Whether it bears even the lowest rate could not be told. The search ended early: interrupted.",
		},
		{func(l *LoadRun) { l.Limit = &LoadLimit{} }, "Whether it bears even the lowest rate could not be told."},
	}
	for _, tt := range tests {
		if got := oneMinute(tt.edit).Verdict(); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

func TestLoadCaveats(t *testing.T) {
	tests := []struct {
		edit func(*LoadRun)
		want string // in the only caveat; empty: there is none
	}{
		{nil, ""},
		{failing(0, 1), "1 iteration was still under way"},
		{failing(0, 12), "12 iterations were still under way"},
		{func(l *LoadRun) { l.Model = LoadClosed }, "Closed model"},
		{func(l *LoadRun) { l.Connections = ConnectionsKeepAlive }, "Connections are shared"},
		{func(l *LoadRun) { l.Signing = "ES256, pooled nonces" }, "for tests only"},
		{func(l *LoadRun) { l.Segment = "1/3" }, "Segment 1/3"},
		{func(l *LoadRun) { l.Generator.Limited = "it lagged by 1s." }, "Generator-limited: it lagged by 1s. No latency is claimed"},
		{func(l *LoadRun) { l.Counts.Started += 2 }, "do not add up (-2)"},
		{func(l *LoadRun) { l.Phases[0].Counts.Failed++ }, "do not add up (+1)"},
		{
			func(l *LoadRun) {
				l.Outcomes = append(l.Outcomes, LoadOutcome{Operation: "login", Class: "timeout", Count: 1})
			},
			"1 operation did not end as expected and is not in the latencies",
		},
	}
	for _, tt := range tests {
		run := &Run{Load: oneMinute(tt.edit), Steps: []Step{{}}}
		switch got := run.Caveats(); {
		case tt.want == "" && len(got) > 0:
			t.Errorf("got %q, want none", got)
		case tt.want != "" && (len(got) != 1 || !strings.Contains(got[0], tt.want)):
			t.Errorf("got %q, want one with %q", got, tt.want)
		}
	}
}

// Where passrig could not keep up, or lost count, nothing may look like a pass, whatever steps and thresholds say.
func TestUnsoundLoadsDoNotPass(t *testing.T) {
	for name, tt := range map[string]struct {
		edit func(*LoadRun)
		exit int
	}{
		"sound":   {nil, ExitPassed},
		"limited": {func(l *LoadRun) { l.Generator.Limited = "it lagged" }, ExitCouldNot},
		"lost":    {func(l *LoadRun) { l.Counts.Finished-- }, ExitCouldNot},
		"twice":   {func(l *LoadRun) { l.Phases[0].Counts.Finished++ }, ExitCouldNot},
	} {
		run := &Run{Load: oneMinute(tt.edit), Summary: Summary{Passed: 3}}
		if got := ExitCode(run); got != tt.exit {
			t.Errorf("%s: exit code %d, want %d", name, got, tt.exit)
		}
		run.Summary.Failed = 1
		if got := ExitCode(run); got != ExitFailed {
			t.Errorf("%s, with a failure: exit code %d, want %d", name, got, ExitFailed)
		}
	}
}

func TestJudge(t *testing.T) {
	metrics := map[string]Metric{
		"login.total": {Unit: UnitNanoseconds, Count: 10, P95: 1e6}, "login.failed": {Unit: UnitCount, Count: 0, Of: 10},
		MetricLag: {Unit: UnitNanoseconds, Count: 10, P99: 9e8},
	}
	for _, limited := range []string{"", "it lagged"} {
		run := &Run{Metrics: metrics, Load: oneMinute(func(l *LoadRun) { l.Generator.Limited = limited })}
		for text, want := range map[string]Verdict{
			"login.total.p95 < 300ms": VerdictPass, "login.failed.rate < 1%": VerdictPass, "login.failed == 0": VerdictPass,
			"login.total.count == 10": VerdictPass, "generator.lag.p99 < 5ms": VerdictFail,
		} {
			rule, err := ParseThreshold(text)
			if err != nil {
				t.Fatal(err)
			}
			if limited != "" && rule.OfLatency() {
				want = VerdictError
			}
			if got := rule.Judge(run); got.Verdict != want || got.Text != text {
				t.Errorf("limited %q: %s is %s (%s), want %s", limited, text, got.Verdict, got.Actual, want)
			}
		}
	}
	if rule, err := ParseThreshold(DefaultLoadThreshold); err != nil || rule.OfLatency() {
		t.Errorf("%s: %+v, %v", DefaultLoadThreshold, rule, err)
	}
}

func TestLoadOperations(t *testing.T) {
	l := &LoadRun{Outcomes: []LoadOutcome{
		{Operation: "login", Class: "accepted", Expected: true, Count: 7},
		{Operation: "login", Class: "timeout", Count: 2},
		{Journey: "new", Operation: "login", Class: "accepted", Expected: true, Count: 5},
		{Operation: "login", Class: "closed", Count: 1},
	}}
	want := []LoadOperation{{"", "login", 10, 3}, {"new", "login", 5, 0}}
	if diff := cmp.Diff(want, l.Operations()); diff != "" {
		t.Error(diff)
	}
	if got := LoadMetric("", "login", PhaseTotal); got != "login.total" {
		t.Error(got)
	}
	if got := LoadMetric("new", "login", PartAll); got != "new.login.all" {
		t.Error(got)
	}
}

func TestLoadOfALoad(t *testing.T) {
	const file = `{"schema":"passrig/run/1","tool":{},"driver":"api","target":{},"seed":1,"load":%s}`
	tests := []struct{ load, want string }{
		{`{"model":"open"}`, ""},
		{`{"model":"closed","counts":{"started":5,"finished":4}}`, ""}, // and an error when it is judged
		{`{"model":"half-open"}`, `run file: load.model is "half-open"`},
		{`{}`, `run file: load.model is ""`},
		{`{"model":"open","counts":{"failed":-1}}`, "run file: a count of the load is below zero"},
		{`{"model":"open","phases":[{"counts":{"started":-1}}]}`, "run file: a count of the load is below zero"},
		{`{"model":"open","outcomes":[{"count":-1}]}`, "run file: a count of the load is below zero"},
		{`{"model":"open","series":[{"second":0,"inFlight":-1}]}`, "run file: a count of the load is below zero"},
		{`{"model":"open","series":[{"second":2},{"second":2}]}`, "run file: load.series[1] is not after the second before it"},
		{`{"model":"open","limit":{"points":[{"verdict":"fine"}]}}`, `run file: load.limit.points[0] has verdict "fine"`},
		{`{"model":"open","limit":{"points":[{"verdict":"error"}]}}`, ""},
	}
	for _, tt := range tests {
		_, err := Load(strings.NewReader(fmt.Sprintf(file, tt.load)))
		if got := fmt.Sprint(err); tt.want == "" && err != nil || tt.want != "" && !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s: got %v, want %q", tt.load, err, tt.want)
		}
	}
}

// What a relying party answers gets into a load's examples and sentences, too.
func TestRedactLoad(t *testing.T) {
	const secret = "c5f1a9b2e47d4e0c"
	run := &Run{Load: &LoadRun{
		Outcomes:  []LoadOutcome{{Operation: "login", Class: "closed", Example: "status 400 after token " + secret}},
		Generator: LoadGenerator{Limited: secret}, Limit: &LoadLimit{Bounded: secret, Points: []LoadPoint{{Message: secret}}},
	}}
	r := NewRedactor()
	r.Add("csrf", secret)
	r.Apply(run)
	l := run.Load
	if text := fmt.Sprint(l.Outcomes, l.Generator, l.Limit); strings.Contains(text, secret) || !strings.Contains(text, "status 400 after token") {
		t.Error(text)
	}
}

func TestFormatShareAndRate(t *testing.T) {
	for share, want := range map[float64]string{
		0: "0%", 1: "100%", 0.5: "50%", 0.125: "12.5%", 0.0035: "0.35%", 0.0000012: "0.00012%", 0.99999: "99.9%", 0.999: "99.9%",
	} {
		if got := FormatShare(share); got != want {
			t.Errorf("FormatShare(%v) = %s, want %s", share, got, want)
		}
	}
	for rate, want := range map[float64]string{0: "0/s", 0.5: "0.5/s", 187.5: "188/s", 12500: "12500/s"} {
		if got := FormatRate(rate); got != want {
			t.Errorf("FormatRate(%v) = %s, want %s", rate, got, want)
		}
	}
}
