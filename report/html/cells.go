package html

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/passrig/passrig/report"
)

// cellsView is the table of a scenario whose steps have a place in one.
type cellsView struct {
	Anchor, Name string
	Columns      []string
	Rows         []cellsRow
	Marks        []look // what the marks mean, where what happened stands beside them
	Note         string
}

type cellsRow struct {
	Name  string
	Cells []cell
}

// Keys are those of the verdicts in the row.
func (r cellsRow) Keys() string {
	var keys []string
	for _, c := range r.Cells {
		if k := c.Look.Key(); k != "" && !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	return strings.Join(keys, " ")
}

type cell struct {
	Look  look
	Said  string // what happened, or the verdict
	Links []link
}

// link leads to a step.
type link struct{ Anchor, Name string }

// placedStep is a step and where in the document it is.
type placedStep struct {
	link
	Outcome string
}

// placeSteps are the steps by their ID.
func placeSteps(shown *excerpt) map[string]placedStep {
	run := shown.run
	steps := make(map[string]placedStep, len(run.Steps))
	for i := range run.Steps {
		if id := run.Steps[i].ID; id != "" && steps[id].Anchor == "" {
			steps[id] = placedStep{shown.link(i), run.Steps[i].Outcome}
		}
	}
	return steps
}

func stepAnchor(i int) string { return fmt.Sprintf("step-%d", i+1) }

// newCells are the tables of all scenarios that have one.
func newCells(shown *excerpt) []cellsView {
	run := shown.run
	var all []cellsView
	seen := make(map[string]bool)
	for i := range run.Steps {
		s := &run.Steps[i]
		if s.Cell == nil || seen[s.Scenario] {
			continue
		}
		seen[s.Scenario] = true
		name := s.Scenario
		for _, sc := range run.Scenarios {
			if sc.ID == s.Scenario {
				name = sc.Name
			}
		}
		all = append(all, newCellsView(shown, run.Table(s.Scenario), fmt.Sprintf("cells-%d", len(all)+1), name))
	}
	return all
}

func newCellsView(shown *excerpt, t *report.Table, anchor, name string) cellsView {
	v := cellsView{Anchor: anchor, Name: name, Columns: t.Columns}
	for i, row := range t.Rows {
		out := cellsRow{Name: row}
		for _, c := range t.Cells[i] {
			field := cell{}
			if len(c.Steps) > 0 {
				field.Look = lookOf(c.Verdict)
				field.Said = cmp.Or(c.Outcome, field.Look.Word)
			}
			for _, at := range c.Steps {
				if l := shown.link(at); l.Anchor != "" {
					field.Links = append(field.Links, l)
				}
			}
			out.Cells = append(out.Cells, field)
		}
		v.Rows = append(v.Rows, out)
	}
	if t.Outcomes() {
		for _, verdict := range t.Verdicts() {
			v.Marks = append(v.Marks, lookOf(verdict))
		}
	}
	if t.Left > 0 {
		v.Note = plural(int64(t.Left), "step") + " more of this table are only in the list of steps."
	}
	return v
}
