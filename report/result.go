package report

import (
	"fmt"
	"slices"
	"strings"
)

// The kinds of results.
const (
	ResultStep      = "step"
	ResultCheck     = "check"
	ResultThreshold = "threshold"
	ResultCell      = "cell" // a facet of a matrix' cell, or a column of it of which nothing could be told
	ResultRun       = "run"  // the run as a whole: that it came to its end, and to a verdict
)

// Result is what a step, a check or a threshold came to, in the one form that all of them have. Writers whose format
// knows only results read them from [Run.Results].
type Result struct {
	Kind             string // ResultStep, …
	ID               string // of a step or a check; of a cell "provider/party/facet", of a column "party"
	Title            string
	Group            string // the scenario's ID of a step or threshold, the ceremony of a check, the relying party's ID of a cell
	Facet            string // of a cell: MatrixFacet.ID
	Severity         string // of a check
	Verdict          Verdict
	Message, Hint    string
	Expected, Actual string
	Basis            []string
	Tolerated        string // of a failed check: why it does not fail the run
	NotApplicable    bool   // of a skipped check or cell
	File             string
	Line             int // from 1; 0 is unknown
	DurationMS       float64
}

// Failed says whether the result fails the run.
func (r *Result) Failed() bool { return r.Verdict == VerdictFail && r.Tolerated == "" }

// Name is the ID and the title, each once.
func (r *Result) Name() string {
	if r.ID == r.Title {
		return r.ID
	}
	return strings.TrimSpace(r.ID + " " + r.Title)
}

// Where is the place in the scenario file, "login.yaml:16", or empty.
func (r *Result) Where() string {
	if r.File == "" || r.Line <= 0 {
		return r.File
	}
	return fmt.Sprintf("%s:%d", r.File, r.Line)
}

// Words are the verdict as people say it; a failure that does not fail the run is "tolerated".
func (r *Result) Words() string {
	switch {
	case r.Verdict == VerdictFail && r.Tolerated != "":
		return "tolerated"
	case r.NotApplicable:
		return "not applicable"
	}
	return r.Verdict.Words()
}

// Results are those of steps, checks, thresholds and cells of a matrix, in this order, and within each as they are in the run. A run that
// is worth less than they tell, as it is partial, judged nothing, or its load cannot be relied on, has one more of the
// kind ResultRun: a format without other words would show what is there as all there is.
func (r *Run) Results() []Result {
	list := make([]Result, 0, len(r.Steps)+len(r.Checks)+len(r.Thresholds)+1)
	for i := range r.Steps {
		s := &r.Steps[i]
		list = append(list, Result{
			Kind: ResultStep, ID: s.ID, Title: s.Title, Group: s.Scenario, Verdict: s.Verdict, Message: s.Message, Hint: s.Hint,
			Expected: s.Expected, Actual: s.Actual, File: s.File, Line: s.Line, DurationMS: s.DurationMS,
		})
	}
	for i := range r.Checks {
		c := &r.Checks[i]
		list = append(list, Result{
			Kind: ResultCheck, ID: c.ID, Title: c.Title, Group: c.Ceremony, Severity: c.Severity, Verdict: c.Verdict, Message: c.Message,
			Hint: c.Hint, Expected: c.Expected, Actual: c.Actual, Basis: c.Basis, Tolerated: c.Tolerated, NotApplicable: c.NotApplicable,
			DurationMS: c.DurationMS,
		})
	}
	for i := range r.Thresholds {
		list = append(list, r.Thresholds[i].result())
	}
	list = append(list, r.Matrix.results()...)
	if doubt := r.doubt(); doubt != "" {
		list = append(list, Result{Kind: ResultRun, Title: "run completed", Verdict: VerdictError, Message: doubt})
	}
	return list
}

// Findings are [Run.Results] for a place that shows few: of a matrix one for each of its [Matrix.Incompatibilities], and not
// one for each cell.
func (r *Run) Findings() []Result {
	list := slices.DeleteFunc(r.Results(), func(r Result) bool { return r.Kind == ResultCell })
	if r.Matrix == nil {
		return list
	}
	var causes []Result
	names := r.Matrix.names()
	for _, i := range r.Matrix.Incompatibilities() {
		res := Result{Kind: ResultCell, Title: names.party(i.Party), Group: i.Party, Facet: i.Facet, Verdict: i.Verdict, Message: i.Sentence}
		if i.Facet != "" {
			res.Title += ": " + FacetName(i.Facet)
		}
		if seen := r.Matrix.Example(&i); seen != nil {
			res.Hint, res.Expected, res.Actual, res.File, res.Line = seen.Hint, seen.Expected, seen.Actual, seen.File, seen.Line
		} else if p := r.Matrix.Party(i.Party); p != nil {
			res.Hint = p.Hint
		}
		causes = append(causes, res)
	}
	return append(causes, list...)
}

func (t *Threshold) result() Result {
	res := Result{
		Kind: ResultThreshold, Title: "threshold " + t.Text, Group: t.Scenario, Verdict: t.Verdict, Hint: t.Hint,
		Expected: t.Text, Actual: t.Actual, File: t.File, Line: t.Line,
	}
	switch t.Verdict {
	case VerdictFail:
		res.Message = "the threshold was crossed: " + t.Actual
	case VerdictError:
		res.Message = "the threshold could not be judged: " + t.Actual
	default:
	}
	return res
}

// doubt says in one sentence what no step, check, threshold or cell tells, or nothing.
func (r *Run) doubt() string {
	switch {
	case r.Partial && r.Aborted != "":
		return "the run is partial: " + r.Aborted
	case r.Partial:
		return "the run is partial: it did not reach its end"
	case r.Load.lost() != 0:
		return "the load's counts do not add up"
	case r.Load.Limited():
		return "the load generator could not keep up: " + r.Load.Generator.Limited
	case r.Verdict() == VerdictSkip:
		return "nothing was judged"
	}
	return ""
}
