package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
)

// keptIterations is how often a step of a repeat is recorded with everything that was seen. A result
// of thousands would be too large to read otherwise.
const keptIterations = 20

// trim leaves only the verdict and times of a step that has passed often enough before.
func (w *world) trim(s *scenarios.Step, step *report.Step) {
	if step.Verdict != report.VerdictPass {
		return
	}
	w.performed[s]++
	if w.performed[s] <= keptIterations || len(step.Exchanges) == 0 && step.Ceremony == nil {
		return
	}
	w.redactor.AddHeaders(step.Exchanges)
	step.Exchanges, step.Page = nil, nil
	step.Notes = slices.DeleteFunc(slices.Clone(step.Notes), func(note string) bool {
		return !strings.Contains(note, report.NotVerified) // a caveat counts these
	})
	if c := step.Ceremony; c != nil {
		step.Ceremony = &report.Ceremony{Kind: c.Kind, Phases: c.Phases}
	}
	if !w.trimmed {
		w.trimmed = true
		step.Notes = append(step.Notes, fmt.Sprintf("from here on, a step that passes again after %d times is recorded without its exchanges and ceremony", keptIterations))
	}
}
