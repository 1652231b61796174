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
	return comparison.Options{Confidence: comparison.DefaultConfidence, Noise: comparison.DefaultNoise}
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
		{untold, untold, comparison.StillUntold},
		{untold, skip, comparison.Changed},
		{skip, skip, ""},
		{skip, pass, comparison.Changed},
		{skip, fail, comparison.NewFailure},
		{warn, pass, comparison.WarningGone},
		{info, warn, comparison.NewWarning},
		{"", fail, comparison.Appeared},
		{"", pass, comparison.Appeared},
	} {
		// What passes on both sides, so that there is something to compare.
		c, err := comparison.Compare([]comparison.Input{checked(tt.old, pass)}, []comparison.Input{checked(tt.recent, pass)}, options())
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if len(c.Changes) > 0 {
			got = c.Changes[0].Change
		}
		if got != tt.want || len(c.Changes) > 1 || c.Regressed != (tt.want == comparison.NewFailure) || c.Untold != (tt.want == comparison.CouldNotTell) {
			t.Errorf("%q to %q: %q, regressed %v; want %q", tt.old, tt.recent, got, c.Regressed, tt.want)
		}
	}
}

// TestNothingJudgedIsNotNoChange covers runs that have nothing in common that anybody could tell of.
func TestNothingJudgedIsNotNoChange(t *testing.T) {
	t.Parallel()
	pass, skip, untold := report.VerdictPass, report.VerdictSkip, report.VerdictError
	for _, tt := range []struct{ old, recent report.Verdict }{{untold, untold}, {skip, skip}, {"", pass}, {pass, ""}, {untold, pass}, {pass, skip}, {"", ""}} {
		c, err := comparison.Compare([]comparison.Input{checked(tt.old)}, []comparison.Input{checked(tt.recent)}, options())
		if err != nil {
			t.Fatal(err)
		}
		if !c.Untold || c.Regressed || c.Headline() != "Not everything could be told" || !strings.Contains(strings.Join(c.Notes, ""), "Nothing was judged on both sides") {
			t.Errorf("%q to %q: untold %v, %q, notes %q", tt.old, tt.recent, c.Untold, c.Headline(), c.Notes)
		}
	}
}

// TestAStepWithinOneThatWasSkippedIsNotGone covers a sign-up that a step needs, and that is not there when it is not run.
func TestAStepWithinOneThatWasSkippedIsNotGone(t *testing.T) {
	t.Parallel()
	run := func(verdict report.Verdict, within ...report.Step) []comparison.Input {
		steps := slices.Concat(within, []report.Step{
			{ID: "a/2", Scenario: "a", Action: "register", Title: "register bob", Verdict: verdict, Message: "why"},
			{ID: "a/1", Scenario: "a", Action: "login", Verdict: report.VerdictPass},
		})
		return []comparison.Input{{Name: "run.json", Run: &report.Run{Steps: steps}}}
	}
	signup := report.Step{ID: "a/2.signup", Scenario: "a", Action: "signup", Title: "sign up bob", Verdict: report.VerdictPass}
	for verdict, want := range map[report.Verdict]string{report.VerdictSkip: comparison.NotRun, report.VerdictPass: comparison.Gone} {
		c, err := comparison.Compare(run(report.VerdictPass, signup), run(verdict), options())
		if err != nil {
			t.Fatal(err)
		}
		at := slices.IndexFunc(c.Changes, func(ch comparison.Change) bool { return ch.ID == "a/2.signup" })
		if at < 0 || c.Changes[at].Change != want || want == comparison.NotRun && c.Changes[at].Message != "why" {
			t.Errorf("%s: %+v", verdict, c.Changes)
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
	faster := func(r *report.Run) {
		for i := range r.Load.Phases {
			r.Load.Phases[i].FromRate, r.Load.Phases[i].ToRate = 2*r.Load.Phases[i].FromRate, 2*r.Load.Phases[i].ToRate
		}
	}
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
		"rate":             {"load", faster, "the rate asked for is"},
		"rate of a stump":  {"load", func(r *report.Run) { faster(r); r.Partial = true }, ""},
		"other arrivals":   {"load", func(r *report.Run) { r.Load.Counts.Scheduled += r.Load.Counts.Scheduled / 10 }, ""},
		"search":           {"load", func(r *report.Run) { r.Load.Limit = &report.LoadLimit{} }, "searched for the limit"},
		"a matrix":         {"pass", func(r *report.Run) { r.Matrix = &report.Matrix{} }, "is a matrix"},
		"matrix origin":    {"matrix", func(r *report.Run) { r.Matrix.Parties[0].Target.Origin = "https://a.example" }, `the origin of the relying party "passport" is`},
		"matrix driver":    {"matrix", func(r *report.Run) { r.Matrix.Parties[0].Driver = "browser" }, `the driver of the relying party "passport" is`},
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

func input(name string, run *report.Run) comparison.Input {
	return comparison.Input{Name: name, Run: run}
}

// TestWhatCannotBeToldIsNeverNoChange covers runs whose figures are not those of the relying party, or not all of them.
func TestWhatCannotBeToldIsNeverNoChange(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		edit   func(*report.Run)
		reason string // of login.total
		untold bool   // the whole comparison
	}{
		"limited":      {func(r *report.Run) { r.Load.Generator.Limited = "it came too late" }, "the generator of new.json could not keep up", true},
		"partial":      {func(r *report.Run) { r.Partial = true }, "new.json is a partial run", true},
		"lost":         {func(r *report.Run) { r.Load.Counts.Finished++ }, "the counts of new.json do not add up", true},
		"no histogram": {func(r *report.Run) { edit(r, func(m *report.Metric) { m.Histogram = "" }) }, "not in the new runs", false},
		"absent":       {func(r *report.Run) { delete(r.Metrics, "login.total") }, "not in the new runs", false},
		"clipped":      {func(r *report.Run) { edit(r, func(m *report.Metric) { m.Clamped = m.Count }) }, "1000 samples are beyond", false},
	} {
		recent := golden.Load(t, "load")
		tt.edit(recent)
		c, err := comparison.Compare([]comparison.Input{input("old.json", golden.Load(t, "load"))}, []comparison.Input{input("new.json", recent)}, options())
		if err != nil {
			t.Fatal(name, err)
		}
		if c.Untold != tt.untold || c.Regressed {
			t.Errorf("%s: untold %v, regressed %v", name, c.Untold, c.Regressed)
		}
		i := slices.IndexFunc(c.Metrics, func(m comparison.Metric) bool { return m.Name == "login.total" })
		if m := &c.Metrics[i]; !strings.HasPrefix(m.Why(), tt.reason) || !m.Untold() {
			t.Errorf("%s: %+v", name, m)
		}
		if got := c.Headline(); got == "No change" {
			t.Errorf("%s: %q", name, got)
		}
		if _, err := json.Marshal(c); err != nil {
			t.Error(name, err)
		}
	}
}

func edit(r *report.Run, change func(*report.Metric)) {
	m := r.Metrics["login.total"]
	change(&m)
	r.Metrics["login.total"] = m
}

// TestAFewClippedSamples only hide what they could be.
func TestAFewClippedSamples(t *testing.T) {
	t.Parallel()
	recent := golden.Load(t, "load")
	edit(recent, func(m *report.Metric) { m.Clamped = 15 }) // of 1000
	c, err := comparison.Compare([]comparison.Input{input("old.json", golden.Load(t, "load"))}, []comparison.Input{input("new.json", recent)}, options())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(c.Metrics, func(m comparison.Metric) bool { return m.Name == "login.total" })
	for _, s := range c.Metrics[i].Statistics {
		if want := s.Name == "p99" || s.Name == "mean"; (s.Verdict == comparison.Unknown) != want {
			t.Errorf("%s: %s", s.Name, s.Verdict)
		}
	}
}

// TestAnUnusableRunAmongSeveralIsLeftOut: the others tell enough.
func TestAnUnusableRunAmongSeveralIsLeftOut(t *testing.T) {
	t.Parallel()
	limited := golden.Load(t, "load")
	limited.Load.Generator.Limited = "it came too late"
	c, err := comparison.Compare([]comparison.Input{input("old.json", golden.Load(t, "load"))},
		[]comparison.Input{input("a.json", golden.Load(t, "load")), input("b.json", limited)}, options())
	if err != nil || c.Untold || c.Regressed || c.Intervals == 0 {
		t.Fatalf("%v, untold %v, %d intervals", err, c.Untold, c.Intervals)
	}
	for _, m := range c.Metrics {
		if m.NewCount > m.OldCount {
			t.Errorf("%s has the samples of both", m.Name)
		}
	}
	if !strings.Contains(strings.Join(c.Notes, " "), "b.json is of a load that its generator could not keep up with") {
		t.Errorf("%q", c.Notes)
	}
}

// TestWhatAPartialRunDidNotComeTo is not gone.
func TestWhatAPartialRunDidNotComeTo(t *testing.T) {
	t.Parallel()
	recent := checked(report.VerdictPass, "")
	recent.Run.Partial = true
	c, err := comparison.Compare([]comparison.Input{checked(report.VerdictPass, report.VerdictPass)}, []comparison.Input{recent}, options())
	if err != nil || len(c.Changes) != 1 || c.Changes[0].Change != comparison.CouldNotTell || !c.Untold {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestUnrest covers what single runs know of how much runs differ by themselves.
func TestUnrest(t *testing.T) {
	t.Parallel()
	long := func(run *report.Run, off func(second int) float64) {
		run.Load.Series, run.Load.Phases = nil, []report.LoadPhase{{Name: "hold", Measured: true, DurationMS: 30_000}}
		for i := range 30 {
			run.Load.Series = append(run.Load.Series, report.LoadSecond{Second: i, Finished: 100, P50: 1e7 * off(i)})
		}
	}
	steady := func(int) float64 { return 1 }
	own := func(factor float64) func(*report.Run) {
		return func(r *report.Run) {
			for name, m := range r.Metrics {
				if strings.HasSuffix(name, ".client") {
					m.P50, m.P95, m.P99, m.Mean = m.P50*factor, m.P95*factor, m.P99*factor*2, m.Mean*factor
					r.Metrics[name] = m
				}
			}
			long(r, steady)
		}
	}
	for name, tt := range map[string]struct {
		edit     func(*report.Run)
		p50, p99 float64 // bands
		why      string
		drifts   bool
	}{
		"steady":         {func(r *report.Run) { long(r, steady) }, .05, .05, "", false},
		"a slow machine": {own(1.5), .5, 2, "passrig's own work, took 200% longer", false},
		"a fast machine": {own(.8), .25, .6, "passrig's own work", false},
		"short":          {func(r *report.Run) { long(r, steady); r.Load.Series = r.Load.Series[:5] }, .3, .3, "so short a load", false},
		"drifting": {func(r *report.Run) {
			long(r, func(second int) float64 { return math.Exp(float64(second) / 60) })
		}, .05, .05, "", true},
	} {
		old, recent := golden.Load(t, "load"), golden.Load(t, "load")
		long(old, steady)
		tt.edit(recent)
		c, err := comparison.Compare([]comparison.Input{input("old.json", old)}, []comparison.Input{input("new.json", recent)}, options())
		if err != nil {
			t.Fatal(name, err)
		}
		u := c.Unrest
		if math.Abs(u.Bands["p50"]-tt.p50) > 1e-9 || tt.p99 > 0 && math.Abs(u.Bands["p99"]-tt.p99) > 1e-9 || (u.Drift > 0) != tt.drifts ||
			!strings.Contains(u.Why, tt.why) || (u.Why == "") != (tt.why == "") {
			t.Errorf("%s: %+v", name, u)
		}
		if said := strings.Contains(strings.Join(c.Notes, " "), "are taken for the same"); said != (u.Why != "") {
			t.Errorf("%s: %q", name, c.Notes)
		}
		several, err := comparison.Compare([]comparison.Input{input("old.json", old)}, []comparison.Input{input("a.json", recent), input("b.json", recent)}, options())
		if err != nil || several.Unrest != nil {
			t.Errorf("%s, two new runs: %+v, %v", name, several.Unrest, err)
		}
	}
}

// TestPlansThatDiffer are compared, and that is said.
func TestPlansThatDiffer(t *testing.T) {
	t.Parallel()
	recent := golden.Load(t, "load")
	recent.Seed, recent.Browser, recent.Params = 9, "Chrome 1", map[string]string{"a": "b"}
	recent.Load.Users.Count, recent.Load.Signing, recent.Load.Transport = 3, "fresh", "HTTP/2"
	for i := range recent.Load.Phases {
		recent.Load.Phases[i].DurationMS *= 2
	}
	recent.Load.Counts.Scheduled *= 2
	c, err := comparison.Compare([]comparison.Input{input("old.json", golden.Load(t, "load"))}, []comparison.Input{input("new.json", recent)}, options())
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(c.Notes, "\n")
	for _, want := range []string{"The seeds", "numbers of users", "carried the requests", "ways to sign", "lengths of what was measured", "browsers differ", "files' params"} {
		if !strings.Contains(all, want) {
			t.Errorf("nothing of %q in:\n%s", want, all)
		}
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
