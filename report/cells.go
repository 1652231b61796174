package report

import (
	"slices"
)

// Table are the verdicts of a scenario's steps that have a place in a table.
type Table struct {
	Rows, Columns []string      // in the order in which they first appear
	Cells         [][]TableCell // as many as rows, each as many as columns
	Left          int           // how many steps have no place: the table would be too large to be read
}

// TableCell is a field of a table. Without steps it is empty.
type TableCell struct {
	Verdict Verdict // the worst of its steps
	Outcome string  // what happened in the steps of that verdict: a Step.Outcome; empty if not the same in all of them
	Steps   []int   // indexes of Run.Steps
}

// What can still be read as a table.
const (
	mostTableRows    = 100
	mostTableColumns = 40
)

// Table is the table of a scenario, or nil if none of its steps has a [Cell].
func (r *Run) Table(scenario string) *Table {
	t := &Table{}
	for i := range r.Steps {
		if s := &r.Steps[i]; s.Scenario == scenario && s.Cell != nil {
			t.add(i, s)
		}
	}
	if len(t.Rows) == 0 {
		return nil
	}
	for i := range t.Cells {
		t.Cells[i] = append(t.Cells[i], make([]TableCell, len(t.Columns)-len(t.Cells[i]))...)
	}
	return t
}

func (t *Table) add(index int, s *Step) {
	row, column := slices.Index(t.Rows, s.Cell.Row), slices.Index(t.Columns, s.Cell.Column)
	if row < 0 && len(t.Rows) == mostTableRows || column < 0 && len(t.Columns) == mostTableColumns {
		t.Left++
		return
	}
	if row < 0 {
		row, t.Rows, t.Cells = len(t.Rows), append(t.Rows, s.Cell.Row), append(t.Cells, nil)
	}
	if column < 0 {
		column, t.Columns = len(t.Columns), append(t.Columns, s.Cell.Column)
	}
	if short := column + 1 - len(t.Cells[row]); short > 0 {
		t.Cells[row] = append(t.Cells[row], make([]TableCell, short)...)
	}
	c := &t.Cells[row][column]
	switch {
	case len(c.Steps) == 0 || badness(s.Verdict) > badness(c.Verdict):
		c.Verdict, c.Outcome = s.Verdict, s.Outcome
	case s.Verdict == c.Verdict && s.Outcome != c.Outcome:
		c.Outcome = ""
	}
	c.Steps = append(c.Steps, index)
}

// Outcomes reports whether any field says what happened, and not only what to think of it.
func (t *Table) Outcomes() bool {
	return slices.ContainsFunc(t.Cells, func(row []TableCell) bool {
		return slices.ContainsFunc(row, func(c TableCell) bool { return c.Outcome != "" })
	})
}

// Verdicts are those of the table's fields, each once, the best first.
func (t *Table) Verdicts() []Verdict {
	var all []Verdict
	for _, row := range t.Cells {
		for _, c := range row {
			if len(c.Steps) > 0 && !slices.Contains(all, c.Verdict) {
				all = append(all, c.Verdict)
			}
		}
	}
	slices.SortFunc(all, func(a, b Verdict) int { return badness(a) - badness(b) })
	return all
}

// badness orders verdicts: the worst of several stands for all of them.
func badness(v Verdict) int {
	return slices.Index([]Verdict{VerdictInfo, VerdictSkip, VerdictPass, VerdictWarn, VerdictError, VerdictFail}, v)
}
