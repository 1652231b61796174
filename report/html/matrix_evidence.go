package html

import (
	"cmp"
	"slices"
	"strings"

	"github.com/passrig/passrig/report"
)

// providerEvidence is what was seen of a provider.
type providerEvidence struct {
	Anchor     string
	Provider   report.MatrixProvider
	Devices    string
	Unverified string
	Cells      []cellEvidence
}

// cellEvidence is what was seen in one cell.
type cellEvidence struct {
	matrixCell
	Duration string
	Seed     uint64
	Facets   []facetEvidence
	Command  string // to play it again, where something did not pass
}

// facetEvidence is what was seen of one facet.
type facetEvidence struct {
	Anchor           string
	Look             look
	Name, Title      string
	Reason, Hint     string
	Expected, Actual string
	Where, Duration  string
	Steps            []stepEvidence // with what was sent and answered
	Trail            []string       // those of which there is nothing to say but that they were
	SameAs           *link          // where the like is shown in full
}

// stepEvidence is a step of a facet. A plain one has no more to tell than that it was.
type stepEvidence struct {
	*item
	Plain bool
}

// mostSteps is how many steps a document shows with all that was sent and answered: what failed for the same reason
// looks the same, and a document has to stay one that can be mailed.
const mostSteps = 240

func (b *matrixViewer) evidence() []*providerEvidence {
	shown := b.shown()
	number := len(b.run.Steps)
	var all []*providerEvidence
	for i, p := range b.providers {
		e := &providerEvidence{Anchor: providerAnchor(i), Provider: *p, Devices: strings.Join(p.Devices, " · "), Unverified: strings.Join(p.Unverified, ", ")}
		for _, party := range b.parties {
			c := b.m.Cell(p.ID, party.ID)
			if c == nil {
				continue
			}
			cell := cellEvidence{matrixCell: b.cell(p, party), Duration: report.FormatMS(c.DurationMS), Seed: c.Seed}
			if c.Verdict().Worse(report.VerdictPass) {
				cell.Command = cellCommand(b.run, c)
			}
			for _, f := range b.facets {
				if r := b.m.Result(c, f.ID); r != nil {
					cell.Facets = append(cell.Facets, b.facet(c, r, f, shown[r], &number))
				}
			}
			e.Cells = append(e.Cells, cell)
		}
		all = append(all, e)
	}
	return all
}

// facet shows a result; its steps in full unless the like of them stands elsewhere.
func (b *matrixViewer) facet(c *report.MatrixCell, r *report.MatrixResult, f *report.MatrixFacet, elsewhere *link, number *int) facetEvidence {
	e := facetEvidence{
		Anchor: report.MatrixAnchor(c.Provider, c.Party, r.Facet), Look: facetLook(r), Name: facetName(r.Facet), Reason: r.Reason, Hint: r.Hint,
		Expected: r.Expected, Actual: r.Actual, Duration: report.FormatMS(r.DurationMS),
	}
	if !strings.EqualFold(f.Title, e.Name) {
		e.Title = f.Title
	}
	if r.Applies() && r.Verdict != report.VerdictPass {
		e.Where = where(r.File, r.Line)
	}
	if !r.Applies() {
		e.Duration = ""
	}
	for i := range r.Steps {
		switch step := &r.Steps[i]; {
		case step.Verdict == report.VerdictSkip: // its `when` was not met
		case elsewhere != nil || telling(r) == 0:
			e.Trail = append(e.Trail, cmp.Or(step.Title, step.ID))
		default:
			it := stepItem(step, *number, "")
			if step.File == r.File && step.Line == r.Line {
				it.unsay(r)
			}
			e.Steps = append(e.Steps, stepEvidence{it, !tells(step)})
			*number++
		}
	}
	if elsewhere != nil && telling(r) > 0 {
		e.SameAs = elsewhere
	}
	return e
}

// unsay takes from the step that decided what the result says already.
func (it *item) unsay(r *report.MatrixResult) {
	if strings.HasSuffix(r.Reason, it.Message) {
		it.Message = ""
	}
	if it.Expected == r.Expected && it.Actual == r.Actual {
		it.Expected, it.Actual, it.Outcome = "", "", ""
	}
	if it.Hint == r.Hint {
		it.Hint = ""
	}
}

// telling is how many steps of a result have more to tell than their titles.
func telling(r *report.MatrixResult) int {
	n := 0
	for i := range r.Steps {
		if tells(&r.Steps[i]) {
			n++
		}
	}
	return n
}

func tells(s *report.Step) bool {
	return s.Verdict.Worse(report.VerdictPass) || s.Ceremony != nil || len(s.Exchanges) > 0 || s.Page != nil
}

// shown decides which results are shown with all their steps: the first of every cause, then the second, until there are
// enough. For the others it has where the first is.
func (b *matrixViewer) shown() map[*report.MatrixResult]*link {
	type candidate struct {
		result *report.MatrixResult
		rank   int // among those of its cause
		first  *link
	}
	type cause struct{ party, facet, reason string }
	var all []candidate
	firsts, ranks := make(map[cause]*link), make(map[cause]int)
	for i := range b.m.Cells {
		c := &b.m.Cells[i]
		for j := range c.Facets {
			r := &c.Facets[j]
			if telling(r) == 0 {
				continue
			}
			why := cause{c.Party, r.Facet, r.Reason}
			if firsts[why] == nil {
				firsts[why] = &link{report.MatrixAnchor(c.Provider, c.Party, r.Facet), b.m.ProviderName(c.Provider)}
			}
			all = append(all, candidate{r, ranks[why], firsts[why]})
			ranks[why]++
		}
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return a.rank - b.rank })
	elsewhere := make(map[*report.MatrixResult]*link)
	steps := 0
	for _, c := range all {
		if steps += telling(c.result); steps > mostSteps && c.rank > 0 {
			elsewhere[c.result] = c.first
		}
	}
	return elsewhere
}
