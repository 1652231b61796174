package markdown

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/passrig/passrig/report"
)

// load says what was asked of the relying party, how it answered, and what went wrong.
func (d *writer) load() {
	l := d.run.Load
	if l == nil {
		return
	}
	d.heading(1, "Load")
	d.items([]string{l.Verdict(), l.Offered(), l.Means()})
	var rows [][]string
	for i := range l.Outcomes {
		o := &l.Outcomes[i]
		verdict := report.VerdictPass
		if !o.Expected {
			verdict = report.VerdictFail
		}
		rows = append(rows, []string{
			strings.TrimPrefix(o.Journey+": "+o.Operation, ": "), verdict.Mark() + " " + o.Class, o.Example, strconv.FormatInt(o.Count, 10),
		})
	}
	d.table([]string{"Operation", "Outcome", "Example", "Count"}, 3, rows)
	if l.Limit != nil {
		d.limit(l.Limit)
	}
}

// limit is what was tried in the search for the highest rate. Of a rate that could not be judged no time is claimed.
func (d *writer) limit(l *report.LoadLimit) {
	var rows [][]string
	for i := range l.Points {
		pt := &l.Points[i]
		row := []string{report.FormatRate(pt.Rate), pt.Verdict.Mark() + " " + pt.Verdict.Words(), pt.Message, report.FormatRate(pt.Achieved)}
		for _, ns := range []float64{pt.P50, pt.P95, pt.P99} {
			cell := "–"
			if ns > 0 && pt.Verdict != report.VerdictError {
				cell = report.FormatDuration(ns)
			}
			row = append(row, cell)
		}
		rows = append(rows, append(row, report.FormatShare(pt.FailedRate)))
	}
	d.table([]string{"Rate", "Verdict", "", "Done", "p50", "p95", "p99", "Failed"}, 3, rows)
}

// fabric says of each account who could not save or use passkeys, how long they traveled, and what became of unlocking.
func (d *writer) fabric() {
	f := d.run.Fabric
	if f == nil {
		return
	}
	if s := f.Study; s != nil {
		d.heading(1, "Study")
		d.items([]string{s.String(), s.Means()})
		var rows [][]string
		for _, k := range s.Kinds {
			rows = append(rows, []string{k.Kind, strconv.FormatInt(k.Count, 10), strconv.FormatInt(k.Failed, 10)})
		}
		d.table([]string{"Events", "Count", "Failed"}, 1, rows)
	}
	if len(f.Accounts) == 0 {
		return
	}
	d.heading(1, "Synced passkeys")
	for i := range f.Accounts {
		a := &f.Accounts[i]
		name := a.String()
		if len(d.run.Scenarios) > 1 {
			name = a.Scenario + ": " + name
		}
		d.section(2, name, func() { d.items(account(a)) })
	}
}

func account(a *report.FabricAccount) []string {
	lines := []string{a.Provider}
	for i := range a.Devices {
		dev := &a.Devices[i]
		switch {
		case dev.Barred():
			lines = append(lines, dev.String()+" cannot save or use passkeys"+dev.Save.Because())
		default:
			if !dev.Save.Allowed {
				lines = append(lines, dev.String()+" cannot save passkeys"+dev.Save.Because())
			}
			if !dev.Use.Allowed {
				lines = append(lines, dev.String()+" cannot use passkeys"+dev.Use.Because())
			}
		}
	}
	if s := a.Arrivals(); s != "" {
		lines = append(lines, s)
	}
	if a.Unlock != nil && len(a.Unlock.Path) > 0 {
		lines = append(lines, a.Unlock.String())
	}
	if a.Audit != nil {
		lines = append(lines, a.Audit.String())
	}
	return lines
}

// tables are those of the scenarios whose steps have a place in one.
func (d *writer) tables() {
	shown := make(map[string]bool)
	for i := range d.run.Scenarios {
		sc := &d.run.Scenarios[i]
		t := d.run.Table(sc.ID)
		if t == nil || shown[sc.ID] {
			continue
		}
		shown[sc.ID] = true
		d.section(1, "Table: "+sc.Name, func() {
			var rows [][]string
			for j, name := range t.Rows {
				row := []string{name}
				for _, c := range t.Cells[j] {
					row = append(row, cell(c))
				}
				rows = append(rows, row)
			}
			d.table(append([]string{""}, t.Columns...), len(t.Columns)+1, rows)
			if t.Outcomes() {
				d.paragraph("The mark is the verdict, the word what happened.")
			}
			if t.Left > 0 {
				d.paragraph(fmt.Sprintf("%d more steps have no place in this table.", t.Left))
			}
		})
	}
}

func cell(c report.TableCell) string {
	if len(c.Steps) == 0 {
		return "–"
	}
	what := c.Outcome
	if what == "" {
		what = c.Verdict.Words()
	}
	return c.Verdict.Mark() + " " + what
}

// steps are a table for each scenario; steps of no listed scenario come last.
func (d *writer) steps() {
	rows := make(map[string][][]string)
	var others []string // scenarios that are not listed
	for i := range d.run.Scenarios {
		rows[d.run.Scenarios[i].ID] = nil
	}
	for i := range d.results {
		r := &d.results[i]
		if r.Kind != report.ResultStep {
			continue
		}
		if _, listed := rows[r.Group]; !listed {
			others = append(others, r.Group)
		}
		took := report.FormatMS(r.DurationMS)
		if r.Verdict == report.VerdictSkip || r.Verdict == report.VerdictInfo {
			took = "" // there was nothing to time
		}
		rows[r.Group] = append(rows[r.Group], []string{r.Verdict.Mark() + " " + r.Words(), r.Title, r.Message, took})
	}
	show := func(id, name, file string) {
		if len(rows[id]) == 0 {
			return
		}
		d.section(1, "Steps: "+name, func() {
			d.paragraph(file)
			d.table([]string{"Verdict", "Step", "What happened", "Time"}, 3, rows[id])
		})
		delete(rows, id) // a scenario that is listed twice is shown once
	}
	for i := range d.run.Scenarios {
		sc := &d.run.Scenarios[i]
		show(sc.ID, sc.Name, sc.File)
	}
	for _, id := range others {
		show(id, id, "")
	}
}
