package comparison

import (
	"fmt"
	"slices"
	"strings"

	"github.com/passrig/passrig/report"
)

// What can happen to a verdict. Only NewFailure is a regression: a warning does not fail a run either, and what could not
// be told is neither better nor worse.
const (
	NewFailure   = "new-failure"
	CouldNotTell = "could-not-tell"       // and could before
	StillUntold  = "still-could-not-tell" // neither before nor now
	NewWarning   = "new-warning"
	NotRun       = "not-run" // and did before
	Gone         = "gone"
	Appeared     = "appeared"
	Changed      = "changed"
	ToldAgain    = "told-again" // and could not be before
	WarningGone  = "warning-gone"
	Fixed        = "fixed"
)

// kinds are the changes from the worst to the best.
func kinds() []string {
	return []string{NewFailure, CouldNotTell, StillUntold, NewWarning, NotRun, Gone, Appeared, Changed, ToldAgain, WarningGone, Fixed}
}

// The things that have a verdict.
const (
	OfCheck     = "check"
	OfStep      = "step"
	OfThreshold = "threshold"
	OfCell      = "cell"          // a facet of a provider at a relying party
	OfProvider  = "provider"      // of a matrix, that all of its cells appeared or went with
	OfParty     = "relying party" // the same
	OfFacet     = "facet"         // the same
)

// Change is what happened to one verdict. Of several runs of a side, the worst verdict stands for all of them.
type Change struct {
	Of         string         `json:"of"` // "check", "step", "threshold", "cell", …
	ID         string         `json:"id"` // the check's or the step's; the text of a threshold; "provider/party/facet"
	Title      string         `json:"title,omitempty"`
	Scenario   string         `json:"scenario,omitempty"`
	Change     string         `json:"change"`
	Old        report.Verdict `json:"old,omitempty"` // empty when it appeared
	New        report.Verdict `json:"new,omitempty"` // empty when it is gone
	OldMessage string         `json:"oldMessage,omitempty"`
	Message    string         `json:"message,omitempty"` // of the new side
	Hint       string         `json:"hint,omitempty"`
	Mixed      string         `json:"mixed,omitempty"` // in one sentence, when the runs of a side do not agree
	Regression bool           `json:"regression,omitempty"`
}

// entry is one verdict of a run. Entries with the same key are the same thing in different runs.
type entry struct {
	key                      key
	id, title, message, hint string
	verdict                  report.Verdict
	cell                     *cell // of a matrix
}

type key struct {
	of, scenario, name string
	nth                int // of those with the same name in a run
}

// entries are the verdicts of a run. A step is known by its title and not by its number, which every step that is added
// before it moves.
func entries(run *report.Run) []entry {
	var all []entry
	for i := range run.Checks {
		c := &run.Checks[i]
		e := entry{key{of: OfCheck, name: c.ID}, c.ID, c.Title, c.Message, c.Hint, c.Verdict, nil}
		if c.Verdict == report.VerdictFail && c.Tolerated != "" {
			e.verdict = report.VerdictWarn // as it does not fail the run
		}
		all = append(all, e)
	}
	for i := range run.Steps {
		s := &run.Steps[i]
		all = append(all, entry{key{of: OfStep, scenario: s.Scenario, name: s.Action + " " + s.Title}, s.ID, s.Title, s.Message, s.Hint, s.Verdict, nil})
	}
	for i := range run.Thresholds {
		t := &run.Thresholds[i]
		all = append(all, entry{key{of: OfThreshold, scenario: t.Scenario, name: t.Text}, t.Text, "", t.Actual, t.Hint, t.Verdict, nil})
	}
	all = append(all, cells(run)...)
	seen := make(map[key]int)
	for i := range all {
		k := all[i].key
		all[i].key.nth = seen[k]
		seen[k]++
	}
	return all
}

// summary is one thing in all runs of a side.
type summary struct {
	worst entry
	with  int // runs that have it
	bad   int // of them, with the worst verdict
}

// summarize joins the runs of a side. The order is that in which things first appear.
func summarize(inputs []Input) ([]key, map[key]summary) {
	var order []key
	all := make(map[key]summary)
	for _, in := range inputs {
		for _, e := range entries(in.Run) {
			s, known := all[e.key]
			switch {
			case !known:
				order = append(order, e.key)
				s = summary{worst: e, bad: 1}
			case e.verdict == s.worst.verdict:
				s.bad++
			case e.verdict.Worse(s.worst.verdict):
				s.worst, s.bad = e, 1
			}
			s.with++
			all[e.key] = s
		}
	}
	return order, all
}

// summaries are both sides.
type summaries struct {
	before, after []key
	was, is       map[key]summary
}

func summariesOf(old, recent []Input) *summaries {
	var s summaries
	s.before, s.was = summarize(old)
	s.after, s.is = summarize(recent)
	return &s
}

// parent is what became of the step that a step of the old side was done for, such as "login/2" of "login/2.signup"; or nil.
func (s *summaries) parent(k key) *entry {
	id, _, part := strings.Cut(s.was[k].worst.id, ".")
	if k.of != OfStep || !part {
		return nil
	}
	for _, other := range s.before {
		if other.of == OfStep && other.scenario == k.scenario && s.was[other].worst.id == id && s.is[other].with > 0 {
			worst := s.is[other].worst
			return &worst
		}
	}
	return nil
}

// told says whether anything has a verdict about the relying party on both sides.
func (s *summaries) told() bool {
	return slices.ContainsFunc(s.after, func(k key) bool { return judged(s.is[k].worst.verdict) && judged(s.was[k].worst.verdict) })
}

// changes are those of all verdicts, the worst first, and for those of matrices what they have in common.
func (s *summaries) changes(old, recent []Input) ([]Change, []Group) {
	stump := slices.ContainsFunc(recent, func(in Input) bool { return in.Run.Partial })
	var list []Change
	for _, k := range s.after {
		list = appendChange(list, k, s.was[k], s.is[k])
	}
	for _, k := range s.before {
		if s.is[k].with > 0 {
			continue
		}
		is := summary{}
		if stump && k.of != OfCell { // it may be there, and was not come to
			is.worst = entry{key: k, id: s.was[k].worst.id, title: s.was[k].worst.title, verdict: report.VerdictError, message: "the run ended before"}
		} else if parent := s.parent(k); parent != nil && parent.verdict == report.VerdictSkip {
			is.worst = entry{key: k, id: s.was[k].worst.id, title: s.was[k].worst.title, verdict: report.VerdictSkip, message: parent.message}
		}
		list = appendChange(list, k, s.was[k], is)
	}
	list, groups := grouped(list, old, recent, s)
	worst := func(change string) int { return slices.Index(kinds(), change) }
	slices.SortStableFunc(list, func(a, b Change) int { return worst(a.Change) - worst(b.Change) })
	slices.SortStableFunc(groups, func(a, b Group) int { return worst(a.Change) - worst(b.Change) })
	return list, groups
}

func appendChange(list []Change, k key, was, is summary) []Change {
	what := classify(was.worst.verdict, is.worst.verdict)
	if what == Changed && was.worst.verdict == report.VerdictError && is.worst.cell != nil && is.worst.cell.result.NotApplicable {
		what = ToldAgain // that there is nothing to play
	}
	if what == "" {
		return list
	}
	shown := is.worst
	if is.worst.verdict == "" {
		shown = was.worst
	}
	c := Change{
		Of: k.of, ID: shown.id, Title: shown.title, Scenario: k.scenario, Change: what, Old: was.worst.verdict, New: is.worst.verdict,
		OldMessage: was.worst.message, Message: is.worst.message, Hint: is.worst.hint, Regression: what == NewFailure,
	}
	if was.bad < was.with {
		c.Mixed = fmt.Sprintf("%s in %d of %d old runs", was.worst.verdict, was.bad, was.with)
	}
	if is.bad < is.with {
		if c.Mixed != "" {
			c.Mixed += ", "
		}
		c.Mixed += fmt.Sprintf("%s in %d of %d new runs", is.worst.verdict, is.bad, is.with)
	}
	return append(list, c)
}

// judged says whether a verdict is about the relying party: what was skipped, or could not be told, is not.
func judged(v report.Verdict) bool {
	return v == report.VerdictPass || v == report.VerdictInfo || v == report.VerdictWarn || v == report.VerdictFail
}

// classify names the change of a verdict, where an empty one is that of something that is not there; empty is no change.
func classify(was, is report.Verdict) string {
	clean := judged(is) && is != report.VerdictFail
	switch {
	case was == report.VerdictError && is == report.VerdictError:
		return StillUntold // as nobody knows whether something changed
	case was == is:
		return ""
	case was == "":
		return Appeared
	case is == "":
		return Gone
	case is == report.VerdictFail:
		return NewFailure
	case is == report.VerdictError:
		return CouldNotTell
	case was == report.VerdictFail && clean:
		return Fixed
	case was == report.VerdictError && is != report.VerdictSkip:
		return ToldAgain
	case is == report.VerdictSkip && was != report.VerdictError:
		return NotRun
	case is == report.VerdictWarn:
		return NewWarning
	case was == report.VerdictWarn:
		return WarningGone
	}
	return Changed
}
