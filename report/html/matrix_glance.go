package html

import (
	"fmt"

	"github.com/passrig/passrig/report"
)

// glance is the matrix in small, at the head of the page: who works with whom.
type glance struct {
	Says  string   // how much there is of everything
	Heads []string // providers
	Rows  []glanceRow
	Marks []square // what the marks mean, of those that occur
}

// glanceRow is a relying party.
type glanceRow struct {
	Name, Driven string
	Cells        []square
	Tally        tallyView
}

// glance turns the picture by a quarter: names of providers are short enough to stand upright.
func (b *matrixViewer) glance(v *matrixView) *glance {
	g := &glance{}
	works, seen := 0, make(map[look]bool)
	for i := range v.Rows {
		g.Heads = append(g.Heads, b.m.ProviderName(v.Rows[i].Provider.ID))
	}
	for i := range v.Heads {
		h := &v.Heads[i]
		row := glanceRow{Name: h.Title, Tally: h.Tally}
		if h.Driven != v.Heads[0].Driven || h.Driven != v.Heads[len(v.Heads)-1].Driven {
			row.Driven = h.Driven
		}
		for j := range v.Rows {
			l := v.Rows[j].Cells[i].Look
			seen[l] = true
			row.Cells = append(row.Cells, square{Look: l, Shape: shapeOf(l.Class), Says: l.Word})
		}
		works += h.Tally.Good
		g.Rows = append(g.Rows, row)
	}
	for _, l := range cellLooks() {
		if seen[l] {
			g.Marks = append(g.Marks, square{Look: l, Shape: shapeOf(l.Class), Says: l.Word})
		}
	}
	g.Says = fmt.Sprintf("%d of %d pairs of a provider and a relying party fully work. Each was looked at in %s, which are counted below.",
		works, len(v.Rows)*len(v.Heads), plural(int64(len(b.facets)), "facet"))
	return g
}

// cellLooks are all looks of cells, the best first.
func cellLooks() []look {
	looks := make([]look, 0, 7)
	for _, v := range []report.Verdict{report.VerdictPass, report.VerdictWarn, report.VerdictFail, report.VerdictError, report.VerdictSkip, report.VerdictInfo} {
		looks = append(looks, lookOf(v))
	}
	return append(looks, unplayed())
}

// unplayed is the look of a cell of which there is nothing.
func unplayed() look { return look{"none", "·", "not played"} }
