package html

import (
	"github.com/passrig/passrig/report"
)

// shareTable says for two of provider, relying party and facet how many of the third passed.
type shareTable struct {
	Heads []string
	Rows  []shareLine
}

type shareLine struct {
	Name, Version string
	Cells         []shareCell
}

// shareCell is a field of it. Without a verdict it is empty.
type shareCell struct {
	Look       look
	Passed, Of int
	Anchor     string // of the worst there is
	Parts      []part
	Name       string // the column, where columns have no heads
}

func (b *matrixViewer) facetsByParty() shareTable {
	var t shareTable
	for _, p := range b.parties {
		t.Heads = append(t.Heads, b.m.PartyName(p.ID))
	}
	t.Heads = append(t.Heads, "All")
	for _, f := range b.facets {
		row := shareLine{Name: facetName(f.ID)}
		for i, p := range b.parties {
			row.Cells = append(row.Cells, b.share(t.Heads[i], func(c *report.MatrixCell, r *report.MatrixResult) bool { return c.Party == p.ID && r.Facet == f.ID }))
		}
		row.Cells = append(row.Cells, b.share("All", func(_ *report.MatrixCell, r *report.MatrixResult) bool { return r.Facet == f.ID }))
		t.Rows = append(t.Rows, row)
	}
	return t
}

func (b *matrixViewer) facetsByProvider() shareTable {
	var t shareTable
	for _, f := range b.facets {
		t.Heads = append(t.Heads, facetName(f.ID))
	}
	t.Heads = append(t.Heads, "All")
	for _, p := range b.providers {
		row := shareLine{Name: p.Title, Version: p.Version}
		for i, f := range b.facets {
			row.Cells = append(row.Cells, b.share(t.Heads[i], func(c *report.MatrixCell, r *report.MatrixResult) bool { return c.Provider == p.ID && r.Facet == f.ID }))
		}
		row.Cells = append(row.Cells, b.share("All", func(c *report.MatrixCell, _ *report.MatrixResult) bool { return c.Provider == p.ID }))
		t.Rows = append(t.Rows, row)
	}
	return t
}

// share counts the results that keep tells of.
func (b *matrixViewer) share(name string, keep func(*report.MatrixCell, *report.MatrixResult) bool) shareCell {
	counts, worst, out := make(map[report.Verdict]int), report.VerdictPass, shareCell{Name: name}
	for i := range b.m.Cells {
		c := &b.m.Cells[i]
		for j := range c.Facets {
			r := &c.Facets[j]
			if r.NotApplicable || !keep(c, r) {
				continue
			}
			counts[r.Verdict]++
			if r.Verdict.Worse(worst) {
				worst, out.Anchor = r.Verdict, report.MatrixAnchor(c.Provider, c.Party, r.Facet)
			}
		}
	}
	out.Look, out.Passed = lookOf(worst), counts[report.VerdictPass]+counts[report.VerdictWarn]
	out.Of = out.Passed + counts[report.VerdictFail] + counts[report.VerdictError]
	switch n := counts[report.VerdictSkip]; {
	case out.Of > 0:
		out.Parts = bar(counts, out.Of)
	case n > 0:
		out.Look = lookOf(report.VerdictSkip)
	default:
		out.Look = look{"na", "·", inapplicable().Word}
	}
	return out
}

// bar draws what became of so many.
func bar(counts map[report.Verdict]int, of int) []part {
	var parts []part
	at := 0.0
	for _, v := range []report.Verdict{report.VerdictPass, report.VerdictWarn, report.VerdictFail, report.VerdictError, report.VerdictSkip} {
		if n := counts[v]; n > 0 && of > 0 {
			share := float64(n) / float64(of)
			parts = append(parts, part{lookOf(v).Class, percent(at), percent(share)})
			at += share
		}
	}
	return parts
}
