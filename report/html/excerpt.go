package html

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/passrig/passrig/report"
)

// mostOfEach is how many steps of each verdict a page shows: a browser has to open it, and somebody to mail it. Nobody
// reads the three thousandth step that passed.
const mostOfEach = 2000

// excerpt is which steps of a run the page shows.
type excerpt struct {
	run  *report.Run
	left []bool                 // by index; nil: all are shown
	by   map[report.Verdict]int // how many are left out
}

func newExcerpt(run *report.Run) *excerpt {
	e := &excerpt{run: run}
	if len(run.Steps) <= mostOfEach {
		return e
	}
	e.left, e.by = make([]bool, len(run.Steps)), make(map[report.Verdict]int)
	seen := make(map[report.Verdict]int)
	for i := range run.Steps {
		v := run.Steps[i].Verdict
		if seen[v]++; seen[v] > mostOfEach {
			e.left[i] = true
			e.by[v]++
		}
	}
	return e
}

func (e *excerpt) shows(step int) bool { return e.left == nil || !e.left[step] }

// link leads to a step, and nowhere to one that is left out.
func (e *excerpt) link(step int) link {
	l := link{Name: cmp.Or(e.run.Steps[step].Title, e.run.Steps[step].ID)}
	if e.shows(step) {
		l.Anchor = stepAnchor(step)
	}
	return l
}

// String says what is left out, if anything is.
func (e *excerpt) String() string {
	var parts []string
	for _, v := range []report.Verdict{report.VerdictFail, report.VerdictError, report.VerdictWarn, report.VerdictPass, report.VerdictSkip, report.VerdictInfo} {
		if n := e.by[v]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d (%s)", n, v.Words()))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf("Of %d steps the first %d of each verdict are shown. Left out: %s. All of them are in the result file (JSON).",
		len(e.run.Steps), mostOfEach, strings.Join(parts, ", "))
}
