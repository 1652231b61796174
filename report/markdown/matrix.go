package markdown

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/passrig/passrig/report"
)

// matrixLimit is how many bytes the report of a matrix has where no limit is set: wikis and merge requests show no more.
const matrixLimit = 1<<20 - 4<<10

// matrix says what is incompatible and shows the table of cells, then what is known of each cause, and a table for each
// relying party with what every facet came to.
func (d *writer) matrix() {
	m := d.run.Matrix
	if m == nil {
		return
	}
	causes := m.Incompatibilities()
	d.causes(causes)
	d.cells(m)
	d.remedies(m, causes)
	if len(m.Parties) > 0 {
		d.heading(1, "Relying parties")
	}
	for i := range m.Parties {
		d.party(m, &m.Parties[i])
	}
}

func (d *writer) cells(m *report.Matrix) {
	d.heading(1, "Matrix")
	heads := []string{"Provider"}
	for i := range m.Parties {
		heads = append(heads, m.PartyName(m.Parties[i].ID))
	}
	var rows [][]string
	for i := range m.Providers {
		id := m.Providers[i].ID
		row := []string{m.ProviderName(id)}
		for j := range m.Parties {
			row = append(row, matrixCell(&m.Parties[j], m.Cell(id, m.Parties[j].ID)))
		}
		rows = append(rows, append(row, fmt.Sprintf("%d of %d", m.WorksWith(id), len(m.Parties))))
	}
	total := []string{"Fully works with"}
	for i := range m.Parties {
		total = append(total, fmt.Sprintf("%d of %d", m.WorksAt(m.Parties[i].ID), len(m.Providers)))
	}
	rows = append(rows, append(total, ""))
	d.table(append(heads, "Fully works with"), len(heads)+1, rows)
	d.paragraph("A cell is the mark of its worst facet (✓ pass, ! warning, ? could not tell, ✗ fail) and how many passed of those that apply; – is nothing played, or nothing that applies.")
}

func matrixCell(at *report.MatrixParty, c *report.MatrixCell) string {
	if c == nil && at.Problem != "" {
		return report.VerdictError.Mark()
	}
	return c.Tally().String()
}

// party is a column in full, with the marks of facets.
func (d *writer) party(m *report.Matrix, at *report.MatrixParty) {
	d.section(2, m.PartyName(at.ID)+": "+strconv.Itoa(m.WorksAt(at.ID))+" of "+strconv.Itoa(len(m.Providers))+" providers fully work", func() {
		lines := []string{strings.TrimSuffix(at.Target.Origin+", adapter "+at.Target.Adapter, ", adapter "), strings.TrimSuffix(at.Driver+", "+at.Browser, ", ")}
		if at.Problem != "" {
			lines = append(lines, "Nothing more could be told: "+at.Problem)
		}
		for _, asked := range at.Asks {
			lines = append(lines, asked.Name+": "+asked.Value)
		}
		d.items(lines)
		heads := []string{"Provider"}
		for i := range m.Facets {
			heads = append(heads, report.FacetName(m.Facets[i].ID))
		}
		var rows [][]string
		for i := range m.Providers {
			c := m.Cell(m.Providers[i].ID, at.ID)
			if c == nil {
				continue
			}
			row := []string{m.ProviderName(c.Provider)}
			for j := range m.Facets {
				mark := "–"
				if r := m.Result(c, m.Facets[j].ID); r != nil && !r.NotApplicable {
					mark = r.Verdict.Mark()
				}
				row = append(row, mark)
			}
			rows = append(rows, row)
		}
		d.table(heads, len(heads), rows)
	})
}

// causes say what is incompatible, and what could not be told, in a sentence for each cause.
func (d *writer) causes(list []report.Incompatibility) {
	for _, part := range []struct {
		verdict report.Verdict
		title   string
	}{
		{report.VerdictFail, "What is incompatible"},
		{report.VerdictError, "What could not be told"},
		{report.VerdictWarn, "Warnings"},
	} {
		var sentences []string
		for i := range list {
			if list[i].Verdict == part.verdict {
				sentences = append(sentences, list[i].Verdict.Mark()+" "+list[i].Sentence+".")
			}
		}
		if len(sentences) > 0 {
			d.heading(1, part.title)
			d.items(sentences)
		}
	}
}

// remedies are the details of each cause, from the first cell that it was seen in.
func (d *writer) remedies(m *report.Matrix, list []report.Incompatibility) {
	if len(list) > 0 {
		d.heading(1, "Causes")
	}
	for i := range list {
		cause := &list[i]
		r := m.Example(cause)
		if r == nil {
			continue
		}
		title := m.PartyName(cause.Party) + ": everything"
		if cause.Facet != "" {
			title = m.PartyName(cause.Party) + ": " + report.FacetName(cause.Facet)
		}
		var names []string
		if len(cause.Providers) < cause.Of {
			for _, id := range cause.Providers {
				names = append(names, m.ProviderName(id))
			}
		}
		d.section(2, fmt.Sprintf("%s %s (%d of %d)", cause.Verdict.Mark(), title, len(cause.Providers), cause.Of), func() {
			place := report.Result{File: r.File, Line: r.Line}
			d.paragraph(cmp.Or(r.Reason, cause.Verdict.Words()))
			d.put(item("Providers", strings.Join(names, "; ")) + item("Expected", r.Expected) + item("Actual", r.Actual) + item("Hint", r.Hint) +
				item("At", place.Where()) + "\n")
		})
	}
}
