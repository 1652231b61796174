package checks

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/passrig/passrig/report"
)

// BaselineSchema names the version of a baseline file.
const BaselineSchema = "passrig/baseline/1"

// Baseline is a list of failures that are known.
type Baseline struct {
	Schema   string            `json:"schema"`
	Target   string            `json:"target,omitempty"` // its origin
	Failures map[string]string `json:"failures"`         // what is known, by the id of the check
}

// NewBaseline takes the failures of results as known.
func NewBaseline(origin string, results []report.Check) *Baseline {
	b := &Baseline{Schema: BaselineSchema, Target: origin, Failures: make(map[string]string)}
	for i := range results {
		if results[i].Verdict == report.VerdictFail {
			b.Failures[results[i].ID] = results[i].Actual
		}
	}
	return b
}

// ParseBaseline reads a baseline, or the failed checks of a run's result file.
func ParseBaseline(data []byte) (*Baseline, error) {
	var b Baseline
	if err := json.Unmarshal(data, &b); err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	switch b.Schema {
	case BaselineSchema:
		for id := range b.Failures {
			if Find(id) == nil {
				return nil, fmt.Errorf("there is no check %q", id)
			}
		}
		return &b, nil
	case report.Schema:
		var run report.Run
		if err := json.Unmarshal(data, &run); err != nil {
			return nil, fmt.Errorf("not a result file: %w", err)
		}
		if run.Partial {
			return nil, errors.New("the result is of a partial run: what it did not reach is not known")
		}
		return NewBaseline(run.Target.Origin, run.Checks), nil
	}
	return nil, fmt.Errorf("schema %q is neither %q nor %q", b.Schema, BaselineSchema, report.Schema)
}

// Terms say which failed checks fail a run.
type Terms struct {
	FailOn Severity  // those less severe do not
	Known  *Baseline // nor do those in it; nil: none is known
}

// Apply marks the failures that are tolerated and returns the ids of known failures that passed this time.
func (t Terms) Apply(results []report.Check) (fixed []string) {
	known := map[string]string{}
	if t.Known != nil {
		known = maps.Clone(t.Known.Failures)
	}
	for i := range results {
		r := &results[i]
		_, expected := known[r.ID]
		switch {
		case r.Verdict == report.VerdictPass && expected:
			fixed = append(fixed, r.ID)
		case r.Verdict != report.VerdictFail:
		case expected:
			r.Tolerated = report.ToleratedKnown
		case !Severity(r.Severity).AtLeast(t.FailOn):
			r.Tolerated = fmt.Sprintf("it is %s, less severe than %s", r.Severity, t.FailOn)
		}
	}
	slices.Sort(fixed)
	return fixed
}

// Whole reports whether every check of a tier came to a verdict, or does not apply to the target.
func Whole(tier Tier, results []report.Check) bool {
	performed := make(map[string]bool, len(results))
	for i := range results {
		r := &results[i]
		performed[r.ID] = r.NotApplicable || r.Verdict != report.VerdictSkip && r.Verdict != report.VerdictError
	}
	for _, c := range Catalogue() {
		if c.In(tier) && c.Consent == "" && c.Where != Browser && !performed[c.ID] {
			return false
		}
	}
	return true
}

// Grade sums results up in a letter: A when nothing deviates but what is low, B when something ought to be better, C, D
// and F when something medium, high or critical failed.
func Grade(results []report.Check) string {
	worst := 0
	for i := range results {
		r := &results[i]
		level := 0
		switch {
		case r.Verdict == report.VerdictWarn && Severity(r.Severity).AtLeast(Medium):
			level = 1
		case r.Verdict == report.VerdictFail:
			level = map[string]int{string(Critical): 4, string(High): 3, string(Medium): 2}[r.Severity]
			level = max(level, 1)
		}
		worst = max(worst, level)
	}
	return string("ABCDF"[worst])
}
