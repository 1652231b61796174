package html

import (
	"fmt"

	"github.com/passrig/passrig/report"
)

// cellsView is the table of a scenario whose steps have a place in one.
type cellsView struct {
	Anchor, Name string
	Columns      []string
	Rows         []cellsRow
	Note         string
}

type cellsRow struct {
	Name  string
	Cells []cell
}

type cell struct {
	Look  look
	Links []link
}

// link leads to a step.
type link struct{ Anchor, Name string }

// stepAnchors are the anchors of the steps by their ID.
func stepAnchors(run *report.Run) map[string]string {
	anchors := make(map[string]string, len(run.Steps))
	for i := range run.Steps {
		if id := run.Steps[i].ID; id != "" && anchors[id] == "" {
			anchors[id] = stepAnchor(i)
		}
	}
	return anchors
}

func stepAnchor(i int) string { return fmt.Sprintf("step-%d", i+1) }

// newCells are the tables of all scenarios that have one.
func newCells(run *report.Run) []cellsView {
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
		all = append(all, newCellsView(run, run.Table(s.Scenario), fmt.Sprintf("cells-%d", len(all)+1), name))
	}
	return all
}

func newCellsView(run *report.Run, t *report.Table, anchor, name string) cellsView {
	v := cellsView{Anchor: anchor, Name: name, Columns: t.Columns}
	for i, row := range t.Rows {
		out := cellsRow{Name: row}
		for _, c := range t.Cells[i] {
			field := cell{}
			if len(c.Steps) > 0 {
				field.Look = lookOf(c.Verdict)
			}
			for _, at := range c.Steps {
				title := run.Steps[at].Title
				if title == "" {
					title = run.Steps[at].ID
				}
				field.Links = append(field.Links, link{stepAnchor(at), title})
			}
			out.Cells = append(out.Cells, field)
		}
		v.Rows = append(v.Rows, out)
	}
	if t.Left > 0 {
		v.Note = plural(int64(t.Left), "step") + " more of this table are only in the list of steps."
	}
	return v
}
