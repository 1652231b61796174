package report_test

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/passrig/passrig/report"
)

// TestMergeLosesNothing plays samples in one run, and spread over several that are merged.
func TestMergeLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole := report.NewRecorder()
		parts := make([]*report.Recorder, rapid.IntRange(1, 4).Draw(t, "shards"))
		for i := range parts {
			parts[i] = report.NewRecorder()
			parts[i].Count("login.failed", 1)
		}
		whole.Count("login.failed", int64(len(parts)))
		samples := rapid.SliceOfN(rapid.Int64Range(-5, int64(2*time.Hour)), 1, 60).Draw(t, "samples")
		for i, ns := range samples {
			whole.Observe("login.total", time.Duration(ns))
			parts[(i*7)%len(parts)].Observe("login.total", time.Duration(ns))
		}
		var runs []*report.Run
		for _, p := range parts {
			runs = append(runs, &report.Run{Metrics: p.Metrics()})
		}
		merged, err := report.Merge(runs...)
		if err != nil {
			t.Fatal(err)
		}
		near := cmpopts.EquateApprox(1e-12, 0) // of the mean, which is a sum of floating-point numbers
		if diff := cmp.Diff(whole.Metrics(), merged.Metrics, near); diff != "" {
			t.Fatal(diff)
		}
	})
}

// TestTheOrderOfShardsDoesNotMatter for figures.
func TestTheOrderOfShardsDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"login.total", "register.total", "login.result"}
		var runs []*report.Run
		for range rapid.IntRange(2, 5).Draw(t, "shards") {
			part := report.NewRecorder()
			for _, ns := range rapid.SliceOfN(rapid.Int64Range(-5, int64(2*time.Hour)), 0, 30).Draw(t, "samples") {
				part.Observe(rapid.SampledFrom(names).Draw(t, "metric"), time.Duration(ns))
			}
			part.Count("login.failed", rapid.Int64Range(0, 9).Draw(t, "failed"))
			runs = append(runs, &report.Run{Metrics: part.Metrics()})
		}
		one, err := report.Merge(runs...)
		if err != nil {
			t.Fatal(err)
		}
		other, err := report.Merge(rapid.Permutation(runs).Draw(t, "order")...)
		if err != nil {
			t.Fatal(err)
		}
		pairwise := runs[0]
		for _, run := range runs[1:] {
			if pairwise, err = report.Merge(pairwise, run); err != nil {
				t.Fatal(err)
			}
		}
		near := cmpopts.EquateApprox(1e-12, 0)
		if diff := cmp.Diff(one.Metrics, other.Metrics, near); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(one.Metrics, pairwise.Metrics, near); diff != "" {
			t.Fatal(diff)
		}
	})
}

// part is a matrix run with only some of its rows or columns.
func part(later time.Duration, keep func(provider, party int) bool) *report.Run {
	run := matrixPassRun()
	m := run.Matrix
	rows, columns := make(map[string]bool), make(map[string]bool)
	for i, p := range m.Providers {
		for j, q := range m.Parties {
			if keep(i, j) {
				rows[p.ID], columns[q.ID] = true, true
			}
		}
	}
	m.Providers = slices.DeleteFunc(m.Providers, func(p report.MatrixProvider) bool { return !rows[p.ID] })
	m.Parties = slices.DeleteFunc(m.Parties, func(p report.MatrixParty) bool { return !columns[p.ID] })
	m.Cells = slices.DeleteFunc(m.Cells, func(c report.MatrixCell) bool { return !rows[c.Provider] || !columns[c.Party] })
	run.Summary, run.Started = run.Summarize(), run.Started.Add(later)
	return run
}

func TestMergeMatrices(t *testing.T) {
	t.Parallel()
	whole := matrixPassRun()
	for name, runs := range map[string][]*report.Run{
		"rows":    {part(0, func(row, _ int) bool { return row < 2 }), part(0, func(row, _ int) bool { return row == 2 })},
		"columns": {part(0, func(_, column int) bool { return column == 0 }), part(0, func(_, column int) bool { return column == 1 })},
	} {
		before, err := json.Marshal(runs)
		if err != nil {
			t.Fatal(err)
		}
		merged, err := report.Merge(runs...)
		if err != nil {
			t.Fatal(name, err)
		}
		if after, err := json.Marshal(runs); err != nil || string(after) != string(before) {
			t.Error(name, "the runs were changed")
		}
		if diff := cmp.Diff(whole.Matrix, merged.Matrix); diff != "" {
			t.Error(name, diff)
		}
		if diff := cmp.Diff(whole.Summary, merged.Summary); diff != "" {
			t.Error(name, diff)
		}
	}
	first := func(row, _ int) bool { return row == 0 }
	late, err := report.Merge(part(time.Second, func(row, _ int) bool { return row == 1 }), part(0, first))
	if err != nil || late.Matrix.Cells[0].StartMS < 1000 || late.Matrix.Cells[0].Provider != whole.Matrix.Providers[1].ID {
		t.Errorf("%+v, %v", late.Matrix.Cells[0], err)
	}
	for name, tt := range map[string]struct {
		edit func(*report.Run)
		want string
	}{
		"same cell": {func(*report.Run) {}, `it has the cell of "bitwarden@2024.1" at "demo/api", which a run before it has too`},
		"facets":    {func(r *report.Run) { r.Matrix.Facets = r.Matrix.Facets[1:] }, "its facets are login second-device"},
		"origin":    {func(r *report.Run) { r.Matrix.Parties[0].Target.Origin = "https://a.example" }, `the origin of its relying party "demo/api" is "https://a.example"`},
		"no matrix": {func(r *report.Run) { r.Matrix = nil }, "it is no matrix"},
	} {
		other := part(0, first)
		tt.edit(other)
		_, err := report.Merge(part(0, first), other)
		if e, ok := errors.AsType[*report.MergeError](err); !ok || !strings.Contains(e.Message, tt.want) || e.Hint == "" || e.Index != 1 {
			t.Errorf("%s: %+v", name, err)
		}
	}
}

// segment is a part of the recorded load, that began a while after the first.
func segment(name string, later time.Duration) *report.Run {
	run := loadRun()
	run.Load.Segment, run.Started = name, run.Started.Add(later)
	return run
}

func TestMergeSegments(t *testing.T) {
	t.Parallel()
	runs := []*report.Run{segment("1/2", 0), segment("2/2", 3*time.Second)}
	before, err := json.Marshal(runs)
	if err != nil {
		t.Fatal(err)
	}
	merged, err := report.Merge(runs...)
	if err != nil {
		t.Fatal(err)
	}
	if after, err := json.Marshal(runs); err != nil || string(after) != string(before) {
		t.Error("the runs were changed")
	}
	one, l := runs[0], merged.Load
	if l.Segment != "" || l.Counts.Started != 2*one.Load.Counts.Started || len(l.Phases) != len(one.Load.Phases) || l.Counts.Lost() != 0 {
		t.Errorf("%+v", l.Counts)
	}
	asked, done := l.Rates()
	if math.Abs(asked-100) > 1e-9 || done < 99 {
		t.Errorf("%v/s asked for, %v/s done", asked, done)
	}
	if l.Phases[3].ToRate != 100 || l.Phases[3].DurationMS != 20_000 {
		t.Errorf("%+v", l.Phases[3])
	}
	m, was := merged.Metrics["login.total"], one.Metrics["login.total"]
	if m.Count != 2*was.Count || m.P99 != was.P99 || math.Abs(m.Mean-was.Mean) > 1 {
		t.Errorf("%+v", m)
	}
	var asks int64
	for i, s := range l.Series {
		asks += s.Asked
		if i > 0 && s.Second <= l.Series[i-1].Second {
			t.Errorf("second %d after %d", s.Second, l.Series[i-1].Second)
		}
	}
	if asks < 2*l.Counts.Scheduled/2 || merged.DurationMS != one.DurationMS+3000 {
		t.Errorf("%d asked for in the series, %v ms", asks, merged.DurationMS)
	}
	if len(merged.Thresholds) != 2 || merged.Thresholds[1].Verdict != report.VerdictPass {
		t.Errorf("thresholds %+v", merged.Thresholds)
	}
	var ids []string
	for i := range merged.Steps {
		ids = append(ids, merged.Steps[i].ID)
	}
	if diff := cmp.Diff([]string{"login/1", "login/2", "login-2/1", "login-2/2"}, ids); diff != "" {
		t.Error(diff)
	}
	if merged.Scenarios[1].Name != one.Scenarios[0].Name+" (segment 2/2)" || merged.Scenarios[1].StartMS != 3000 {
		t.Errorf("%+v", merged.Scenarios[1])
	}
	if !strings.Contains(strings.Join(merged.Caveats(), " "), "averages of theirs") {
		t.Errorf("caveats %q", merged.Caveats())
	}
	var again strings.Builder
	if err := json.NewEncoder(&again).Encode(merged); err != nil {
		t.Fatal(err)
	}
	if _, err := report.Load(strings.NewReader(again.String())); err != nil {
		t.Error("the merged run cannot be read:", err)
	}
}

// TestMergeJudgesAnew: a threshold that one segment crossed can hold for all of them, and the other way round.
func TestMergeJudgesAnew(t *testing.T) {
	t.Parallel()
	slow := segment("2/2", 0)
	slow.Thresholds[1].Verdict = report.VerdictFail
	for name, count := range map[string]int64{report.MetricFailed: 15} { // of 1000; of all, 0.75 %
		slow.Metrics[name] = report.Metric{Unit: report.UnitCount, Count: count, Of: 1000}
	}
	merged, err := report.Merge(segment("1/2", 0), slow)
	if err != nil {
		t.Fatal(err)
	}
	if got := merged.Thresholds[1]; got.Verdict != report.VerdictPass || got.Actual != "0.75%" {
		t.Errorf("%+v", got)
	}
}

func TestMergeScenarios(t *testing.T) {
	t.Parallel()
	partial := partialRun()
	partial.Target = passRun().Target
	merged, err := report.Merge(passRun(), partial, mixedRun())
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for i := range merged.Scenarios {
		if id := merged.Scenarios[i].ID; seen[id] {
			t.Errorf("scenario %s twice", id)
		} else {
			seen[id] = true
		}
	}
	for i := range merged.Steps {
		s := &merged.Steps[i]
		if seen[s.ID] || !seen[s.Scenario] || !strings.HasPrefix(s.ID, s.Scenario+"/") {
			t.Errorf("step %s of %s", s.ID, s.Scenario)
		}
		seen[s.ID] = true
		if _, quoted, ok := strings.Cut(s.Message, `step "`); ok && !strings.HasPrefix(quoted, s.Scenario+"/") {
			t.Errorf("step %s speaks of another: %s", s.ID, s.Message)
		}
	}
	a, b, c := passRun().Summary, partialRun().Summary, mixedRun().Summary
	if got := merged.Summary; got.Passed != a.Passed+b.Passed+c.Passed || got.Failed != c.Failed || got.Errored != a.Errored+b.Errored+c.Errored {
		t.Errorf("%+v", got)
	}
	if !merged.Partial || merged.Aborted == "" || len(merged.Shards) != 3 || !merged.Shards[1].Partial {
		t.Errorf("partial %v %q, %+v", merged.Partial, merged.Aborted, merged.Shards)
	}
}

func TestMergeOneIsTheSame(t *testing.T) {
	t.Parallel()
	for _, run := range []*report.Run{passRun(), mixedRun(), partialRun(), loadMixedRun(), loadLimitRun(), syncRun(), syncStudyRun(), matrixRun(), matrixPassRun()} {
		merged, err := report.Merge(run)
		if err != nil {
			t.Fatal(run.Name, err)
		}
		merged.Shards = nil
		ignored := cmp.Options{cmpopts.EquateEmpty(), cmpopts.IgnoreFields(report.Scenario{}, "Name")} // which has the segment
		if diff := cmp.Diff(run, merged, ignored); diff != "" {
			t.Error(run.Name, diff)
		}
	}
}

func TestMergeRefuses(t *testing.T) {
	t.Parallel()
	edited := func(run *report.Run, edit func(*report.Run)) *report.Run {
		edit(run)
		return run
	}
	for name, tt := range map[string]struct {
		a, b *report.Run
		want string
	}{
		"version": {passRun(), edited(passRun(), func(r *report.Run) { r.Tool.Version = "9.9" }), "its passrig is"},
		"adapter": {passRun(), edited(passRun(), func(r *report.Run) { r.Target.Adapter = "fido" }), "its adapter is"},
		"origin":  {passRun(), edited(passRun(), func(r *report.Run) { r.Target.Origin = "https://a.example" }), "its origin is"},
		"driver":  {passRun(), edited(passRun(), func(r *report.Run) { r.Driver = "browser" }), "its driver is"},
		"check":   {mixedRun(), mixedRun(), `it has the check "auth.challenge-reuse"`},
		"loads":   {loadRun(), loadRun(), "a load of its own"},
		"a load":  {edited(passRun(), func(r *report.Run) { r.Metrics, r.Target = nil, loadRun().Target }), segment("1/2", 0), "it is a load, and"},
		"no load": {segment("1/2", 0), edited(passRun(), func(r *report.Run) { r.Metrics, r.Target = nil, loadRun().Target }), "it is no load, and"},
		"twice":   {segment("1/3", 0), segment("1/3", 0), "is there twice"},
		"parts":   {segment("1/3", 0), segment("2/2", 0), "does not fit the others"},
		"seed":    {segment("1/2", 0), edited(segment("2/2", 0), func(r *report.Run) { r.Seed = 1 }), "its seed is 1"},
		"no histogram": {passRun(), edited(passRun(), func(r *report.Run) {
			m := r.Metrics["login.total"]
			m.Histogram = ""
			r.Metrics["login.total"] = m
		}), "keeps no histogram"},
		"other unit": {passRun(), edited(passRun(), func(r *report.Run) {
			r.Metrics["login.total"] = report.Metric{Unit: report.UnitCount, Count: 3}
		}), `is in "count"`},
		"damaged": {passRun(), edited(passRun(), func(r *report.Run) {
			m := r.Metrics["login.total"]
			m.Count++
			r.Metrics["login.total"] = m
		}), "has 2 samples, and it says 3"},
		"studies": {syncStudyRun(), syncStudyRun(), "a simulation"},
	} {
		_, err := report.Merge(tt.a, tt.b)
		if e, ok := errors.AsType[*report.MergeError](err); !ok || !strings.Contains(e.Message, tt.want) || e.Hint == "" || e.Index != 1 {
			t.Errorf("%s: %+v", name, err)
		}
	}
	if merged, err := report.Merge(segment("3/3", 0), segment("1/3", 0)); err != nil || merged.Load.Segment != "1+3/3" {
		t.Errorf("without the second: %v", err)
	}
}
