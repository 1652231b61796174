package html

import (
	"strings"

	"github.com/passrig/passrig/report"
)

// strip is one small square for each facet of a cell, in the same place everywhere.
type strip struct {
	Width   int
	Squares []square
}

// square is a facet's verdict as a shape, since color alone tells nobody anything for certain.
type square struct {
	Look  look
	X     int
	Shape string // path data in a box of nine by nine; a failure sticks out of it
	Says  string
}

// The squares of a strip stand in groups of four, which makes their places easy to find again.
const (
	squareSize  = 9
	squarePitch = 11
	groupOf     = 4
	groupGap    = 3
)

func squareX(i int) int { return i*squarePitch + i/groupOf*groupGap }

// shapeOf is how a verdict is drawn: full, crossed out, a triangle, a ring with a dot, a dash, a dot.
func shapeOf(class string) string {
	switch class {
	case "pass":
		return "M0 0H9V9H0Z"
	case "fail":
		return "M0 -2H9V11H0ZM2 1L1 2L3.5 4.5L1 7L2 8L4.5 5.5L7 8L8 7L5.5 4.5L8 2L7 1L4.5 3.5Z"
	case "warn":
		return "M4.5 0L9 9H0Z"
	case "error":
		return "M0 0H9V9H0ZM1.5 1.5V7.5H7.5V1.5ZM3.25 3.25H5.75V5.75H3.25Z"
	case "info":
		return "M4.5 0L9 4.5L4.5 9L0 4.5Z"
	case "skip":
		return "M0 3.5H9V5.5H0Z"
	}
	return "M3.5 3.5H5.5V5.5H3.5Z"
}

// facetLook is how a facet's verdict is shown.
func facetLook(r *report.MatrixResult) look {
	if r.NotApplicable {
		return look{"na", "·", inapplicable().Word}
	}
	return lookOf(r.Verdict)
}

func (b *matrixViewer) strip(c *report.MatrixCell) strip {
	s := strip{Width: squareX(max(len(b.facets)-1, 0)) + squareSize}
	for i, f := range b.facets {
		r := b.m.Result(c, f.ID)
		if r == nil {
			continue
		}
		l := facetLook(r)
		s.Squares = append(s.Squares, square{l, squareX(i), shapeOf(l.Class), facetName(f.ID) + ": " + l.Word})
	}
	return s
}

// marks are the shapes that occur in the matrix, the best first.
func (b *matrixViewer) marks() []square {
	seen := make(map[look]bool)
	for i := range b.m.Cells {
		for j := range b.m.Cells[i].Facets {
			seen[facetLook(&b.m.Cells[i].Facets[j])] = true
		}
	}
	var all []square
	for _, r := range []report.MatrixResult{
		{Verdict: report.VerdictPass},
		{Verdict: report.VerdictWarn},
		{Verdict: report.VerdictFail},
		{Verdict: report.VerdictError},
		{Verdict: report.VerdictSkip},
		{Verdict: report.VerdictInfo},
		{NotApplicable: true},
	} {
		if l := facetLook(&r); seen[l] {
			all = append(all, square{Look: l, Shape: shapeOf(l.Class), Says: strings.ToLower(l.Word)})
		}
	}
	return all
}
