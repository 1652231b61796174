// Package comparison says what changed between two runs, or between several runs of each side: verdicts one by one, and
// figures with confidence intervals, so that noise is not taken for a change.
//
// Of times, the intervals of percentiles come from order statistics: between which two ranks a percentile lies follows a
// binomial distribution, whatever the times are distributed like. Those of means are Student's. The intervals of both
// sides are joined into one of their ratio by the method of variance estimates recovery (Zou and Donner, Statistics in
// Medicine 27, 2008), on a logarithmic scale. Rates have Wilson's interval, and their difference Newcombe's (Statistics in
// Medicine 17, 1998), which joins them the same way. Where a side has several runs, the spread between runs beyond that
// within them is estimated as in a meta-analysis (DerSimonian and Laird, Controlled Clinical Trials 7, 1986) and added with
// Student's quantile. Bonferroni's correction makes all intervals of a comparison hold together.
//
// Single runs do not show how much two runs of the same build differ, because the machine was not the same from one to the
// other. So their intervals get what can be seen of it, and what has to be assumed: how much the load drifted while it ran,
// by the method of batch means, and a band of noise, which is wider when passrig's own work took another time: see [Unrest].
package comparison

import (
	"slices"
	"time"

	"github.com/passrig/passrig/report"
)

// Schema names the version of the JSON form. Within one version members are only added.
const Schema = "passrig/comparison/1"

// What is used unless something else is asked for.
const (
	DefaultConfidence = 0.95
	DefaultNoise      = 0.05
)

// Input is a run, and the name of the file that it is from.
type Input struct {
	Name string
	Run  *report.Run
}

// Options say how strict a comparison is.
type Options struct {
	Confidence float64 // that no interval misses the true change, between 0 and 1
	Noise      float64 // what times of the same build differ by, as a share: see [Unrest]. A smaller change is none.
	Force      bool    // compare what is not comparable
}

// Comparison is what changed.
type Comparison struct {
	Schema     string   `json:"schema"`
	Old        []Side   `json:"old"`
	New        []Side   `json:"new"`
	Method     string   `json:"method"`
	Confidence float64  `json:"confidence"` // of all intervals together
	Noise      float64  `json:"noise"`
	Unrest     *Unrest  `json:"unrest,omitempty"` // of single runs
	Intervals  int      `json:"intervals"`        // how many there are
	Regressed  bool     `json:"regressed"`        // something got worse
	Untold     bool     `json:"untold"`           // something that had a verdict before could not be told, or no figure of a load, or nothing at all
	Changes    []Change `json:"changes"`          // of verdicts, the worst first
	Groups     []Group  `json:"groups"`           // what changes of a matrix have in common, in sentences, the worst first
	Metrics    []Metric `json:"metrics"`          // by name
	Notes      []string `json:"notes"`            // what makes the comparison worth less than it looks
}

// Side is one run of a side.
type Side struct {
	File    string         `json:"file"`
	Name    string         `json:"name,omitempty"`
	Started time.Time      `json:"started"`
	Tool    string         `json:"tool"`
	Verdict report.Verdict `json:"verdict"`
	Partial bool           `json:"partial,omitempty"`
}

const method = "percentiles by order statistics, means by Student's t, rates by Wilson's interval; both sides joined by the method " +
	"of variance estimates recovered; of several runs, the spread between them added; of single ones, drift by batch means and the noise band; " +
	"Bonferroni over all intervals"

// Compare says what changed from the old runs to the recent ones, of which there is one or more each. The error is an
// [*IncomparableError] when they are of different targets, or a [*DamagedError].
func Compare(old, recent []Input, opts Options) (*Comparison, error) {
	c := &Comparison{
		Schema: Schema, Old: sides(old), New: sides(recent), Method: method, Confidence: opts.Confidence, Noise: opts.Noise,
		Changes: []Change{}, Groups: []Group{}, Metrics: []Metric{}, Notes: []string{},
	}
	if err := sameBasis(old, recent); err != nil {
		if !opts.Force {
			return nil, err
		}
		c.Notes = append(c.Notes, sentence(err.Reason)+" The comparison was forced.")
	}
	both := summariesOf(old, recent)
	list, groups := both.changes(old, recent)
	c.Changes, c.Groups = append(c.Changes, list...), append(c.Groups, groups...)
	figures, err := subjects(old, recent)
	if err != nil {
		return nil, err
	}
	before, _ := usable(old)
	after, _ := usable(recent)
	c.Unrest = c.unrest(before, after, figures)
	c.compareMetrics(figures)
	c.Notes = append(c.Notes, notes(old, recent, c.Unrest)...)
	c.Regressed = slices.ContainsFunc(c.Changes, func(ch Change) bool { return ch.Regression }) ||
		slices.ContainsFunc(c.Metrics, func(m Metric) bool {
			return slices.ContainsFunc(m.Statistics, func(s Statistic) bool { return s.Regression })
		})
	nothing := !both.told() && !slices.ContainsFunc(c.Metrics, func(m Metric) bool { return !m.Untold() })
	if nothing {
		c.Notes = append(c.Notes, "Nothing was judged on both sides, so whether anything changed cannot be told.")
	}
	c.Untold = nothing || slices.ContainsFunc(c.Changes, func(ch Change) bool { return ch.Change == CouldNotTell }) ||
		loads(old) && loads(recent) && min(len(before), len(after)) == 0
	return c, nil
}

// loads says whether a side has figures to compare.
func loads(inputs []Input) bool {
	return slices.ContainsFunc(inputs, func(in Input) bool { return in.Run.Load != nil })
}

func sides(inputs []Input) []Side {
	var all []Side
	for _, in := range inputs {
		all = append(all, Side{
			File: in.Name, Name: in.Run.Name, Started: in.Run.Started, Tool: in.Run.Tool.Version,
			Verdict: in.Run.Verdict(), Partial: in.Run.Partial,
		})
	}
	return all
}
