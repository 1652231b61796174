package comparison_test

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/report/comparison"
	"github.com/passrig/passrig/report/internal/golden"
)

func options() comparison.Options {
	return comparison.Options{Confidence: comparison.DefaultConfidence, Margin: comparison.DefaultMargin}
}

func checked(verdicts ...report.Verdict) comparison.Input {
	run := &report.Run{}
	for i, v := range verdicts {
		if v != "" {
			run.Checks = append(run.Checks, report.Check{ID: string(rune('a' + i)), Verdict: v})
		}
	}
	return comparison.Input{Name: "run.json", Run: run}
}

func TestEveryChangeOfAVerdict(t *testing.T) {
	t.Parallel()
	pass, fail, warn := report.VerdictPass, report.VerdictFail, report.VerdictWarn
	info, skip, untold := report.VerdictInfo, report.VerdictSkip, report.VerdictError
	for _, tt := range []struct {
		old, recent report.Verdict
		want        string
	}{
		{pass, pass, ""},
		{pass, fail, comparison.NewFailure},
		{pass, untold, comparison.CouldNotTell},
		{pass, warn, comparison.NewWarning},
		{pass, skip, comparison.NotRun},
		{pass, info, comparison.Changed},
		{pass, "", comparison.Gone},
		{fail, pass, comparison.Fixed},
		{fail, warn, comparison.Fixed},
		{fail, fail, ""},
		{fail, untold, comparison.CouldNotTell},
		{fail, skip, comparison.NotRun},
		{fail, "", comparison.Gone},
		{untold, pass, comparison.ToldAgain},
		{untold, fail, comparison.NewFailure},
		{untold, untold, ""},
		{skip, pass, comparison.Changed},
		{skip, fail, comparison.NewFailure},
		{warn, pass, comparison.WarningGone},
		{info, warn, comparison.NewWarning},
		{"", fail, comparison.Appeared},
		{"", pass, comparison.Appeared},
	} {
		c, err := comparison.Compare([]comparison.Input{checked(tt.old)}, []comparison.Input{checked(tt.recent)}, options())
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if len(c.Changes) > 0 {
			got = c.Changes[0].Change
		}
		if got != tt.want || len(c.Changes) > 1 || c.Regressed != (tt.want == comparison.NewFailure) || c.Untold() != (tt.want == comparison.CouldNotTell) {
			t.Errorf("%q to %q: %q, regressed %v; want %q", tt.old, tt.recent, got, c.Regressed, tt.want)
		}
	}
}

// TestTheWorstRunStandsForItsSide covers runs of a side that do not agree.
func TestTheWorstRunStandsForItsSide(t *testing.T) {
	t.Parallel()
	pass, fail := report.VerdictPass, report.VerdictFail
	c, err := comparison.Compare(
		[]comparison.Input{checked(pass, fail, pass), checked(pass, pass, pass)},
		[]comparison.Input{checked(pass, fail, pass), checked(fail, pass, pass), checked(pass, pass, pass)}, options())
	if err != nil {
		t.Fatal(err)
	}
	want := []comparison.Change{{
		Of: comparison.OfCheck, ID: "a", Change: comparison.NewFailure, Old: pass, New: fail, Mixed: "fail in 1 of 3 new runs", Regression: true,
	}}
	if diff := cmp.Diff(want, c.Changes); diff != "" {
		t.Error(diff)
	}
}

func TestAToleratedFailureIsNoRegression(t *testing.T) {
	t.Parallel()
	known := checked(report.VerdictFail)
	known.Run.Checks[0].Tolerated = "in the baseline"
	c, err := comparison.Compare([]comparison.Input{checked(report.VerdictPass)}, []comparison.Input{known}, options())
	if err != nil || c.Regressed || c.Changes[0].Change != comparison.NewWarning {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestAStepIsKnownByWhatItDoes covers a step that was put in before others, whose numbers it moves.
func TestAStepIsKnownByWhatItDoes(t *testing.T) {
	t.Parallel()
	old, recent := golden.Load(t, "pass"), golden.Load(t, "pass")
	recent.Steps = slices.Insert(recent.Steps, 1, report.Step{ID: "quickstart/2", Scenario: "quickstart", Action: "wait", Title: "wait 1s", Verdict: report.VerdictPass})
	c, err := comparison.Compare([]comparison.Input{{Name: "old.json", Run: old}}, []comparison.Input{{Name: "new.json", Run: recent}}, options())
	if err != nil || len(c.Changes) != 1 || c.Changes[0].Change != comparison.Appeared {
		t.Errorf("%+v, %v", c.Changes, err)
	}
}

func TestWhatIsNotComparable(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		run  string
		edit func(*report.Run)
		want string // empty: comparable
	}{
		"adapter":          {"pass", func(r *report.Run) { r.Target.Adapter = "fido" }, "the adapter is"},
		"origin":           {"pass", func(r *report.Run) { r.Target.Origin = "https://example.com" }, "the origin is"},
		"port here":        {"pass", func(r *report.Run) { r.Target.Origin = "http://localhost:1" }, ""},
		"driver":           {"pass", func(r *report.Run) { r.Driver = "browser" }, "the driver is"},
		"model":            {"load", func(r *report.Run) { r.Load.Model = report.LoadClosed }, "the model of the load is"},
		"connections":      {"load", func(r *report.Run) { r.Load.Connections = report.ConnectionsPerUser }, "the life of connections is"},
		"rate":             {"load", func(r *report.Run) { r.Load.Counts.Scheduled *= 2 }, "the rate asked for is"},
		"rate of a stump":  {"load", func(r *report.Run) { r.Load.Counts.Scheduled, r.Partial = 7, true }, ""},
		"search":           {"load", func(r *report.Run) { r.Load.Limit = &report.LoadLimit{} }, "searched for the limit"},
		"another version":  {"pass", func(r *report.Run) { r.Tool.Version = "9" }, ""},
		"seed and machine": {"pass", func(r *report.Run) { r.Seed, r.Tool.OS = 9, "plan9" }, ""},
	} {
		old, recent := golden.Load(t, tt.run), golden.Load(t, tt.run)
		tt.edit(recent)
		inputs := func(run *report.Run) []comparison.Input { return []comparison.Input{{Name: "run.json", Run: run}} }
		_, err := comparison.Compare(inputs(old), inputs(recent), options())
		other, refused := errors.AsType[*comparison.IncomparableError](err)
		if refused != (tt.want != "") || refused && (!strings.Contains(other.Reason, tt.want) || other.Hint == "") {
			t.Errorf("%s: %v", name, err)
		}
		forced := options()
		forced.Force = true
		c, err := comparison.Compare(inputs(old), inputs(recent), forced)
		if err != nil || refused != strings.Contains(strings.Join(c.Notes, ""), "forced") {
			t.Errorf("%s, forced: %v", name, err)
		}
	}
}

// TestNothingIsClaimedOfALimitedGenerator covers times that are not the relying party's.
func TestNothingIsClaimedOfALimitedGenerator(t *testing.T) {
	t.Parallel()
	limited := golden.Load(t, "load-limited")
	c, err := comparison.Compare([]comparison.Input{{Name: "old.json", Run: golden.Load(t, "load")}}, []comparison.Input{{Name: "new.json", Run: limited}}, options())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range c.Metrics {
		if m.Unit != report.UnitCount {
			t.Errorf("%s is compared", m.Name)
		}
	}
	if !strings.Contains(strings.Join(c.Notes, " "), "could not keep up") {
		t.Errorf("notes %q", c.Notes)
	}
}

func TestADamagedHistogramIsNamed(t *testing.T) {
	t.Parallel()
	damaged := golden.Load(t, "load")
	m := damaged.Metrics["login.total"]
	m.Histogram = m.Histogram[:40]
	damaged.Metrics["login.total"] = m
	_, err := comparison.Compare([]comparison.Input{{Name: "old.json", Run: golden.Load(t, "load")}}, []comparison.Input{{Name: "new.json", Run: damaged}}, options())
	if d, ok := errors.AsType[*comparison.DamagedError](err); !ok || d.File != "new.json" || d.Metric != "login.total" {
		t.Errorf("got %v", err)
	}
}

// TestFewSamplesTellNothing covers runs that are no load: a handful of logins is not compared, however they differ.
func TestFewSamplesTellNothing(t *testing.T) {
	t.Parallel()
	side := func(each time.Duration) []comparison.Input {
		r := report.NewRecorder()
		for i := range 10 {
			r.Observe("login.total", each+time.Duration(i)*time.Millisecond)
		}
		return []comparison.Input{{Name: "run.json", Run: &report.Run{Metrics: r.Metrics()}}}
	}
	c, err := comparison.Compare(side(10*time.Millisecond), side(time.Second), options())
	if err != nil || c.Intervals != 0 || c.Regressed {
		t.Fatalf("%+v, %v", c, err)
	}
	for _, s := range c.Metrics[0].Statistics {
		if s.Verdict != comparison.Unknown || math.Abs(s.New-float64(time.Second)) > 2e7 {
			t.Errorf("%+v", s)
		}
	}
}

// FuzzCompare feeds damaged result files: an error or a comparison, and no panic.
func FuzzCompare(f *testing.F) {
	recorder := report.NewRecorder() // a small file, of which much is read
	for i := range 50 {
		recorder.Observe("login.total", time.Duration(i)*time.Millisecond)
	}
	run := &report.Run{
		Schema: report.Schema, Metrics: recorder.Metrics(),
		Steps: []report.Step{{ID: "a/1", Scenario: "a", Verdict: report.VerdictPass}},
		Load:  &report.LoadRun{Model: report.LoadOpen, Segment: "1/2", Series: []report.LoadSecond{{Second: 1}}},
	}
	run.Metrics["login.failed"] = report.Metric{Unit: report.UnitCount, Count: 1, Of: 50}
	data, err := json.Marshal(run)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(data))
	f.Fuzz(func(t *testing.T, text string) {
		run, err := report.Load(strings.NewReader(text))
		if err != nil {
			return
		}
		inputs := []comparison.Input{{Name: "fuzz.json", Run: run}}
		c, err := comparison.Compare(inputs, inputs, options())
		if err == nil && c.Regressed {
			t.Error("a run is worse than itself")
		}
		if merged, err := report.Merge(run); err == nil && merged.Verdict() != run.Verdict() {
			t.Errorf("alone it is %s, merged %s", run.Verdict(), merged.Verdict())
		}
	})
}
