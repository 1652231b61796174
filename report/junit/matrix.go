package junit

import (
	"slices"

	"github.com/passrig/passrig/report"
)

// matrix are the suites of a matrix, one for each relying party: a case for each facet of each provider.
func (b *builder) matrix() []testsuite {
	m := b.run.Matrix
	if m == nil {
		return nil
	}
	parties := slices.Clone(m.Parties)
	cells := map[string][]report.Result{} // by party
	for _, r := range b.run.Results() {
		if r.Kind != report.ResultCell {
			continue
		}
		if m.Party(r.Group) == nil && cells[r.Group] == nil {
			parties = append(parties, report.MatrixParty{ID: r.Group})
		}
		cells[r.Group] = append(cells[r.Group], r)
	}
	evidence := map[string]*report.MatrixResult{}
	for i := range m.Cells {
		for j := range m.Cells[i].Facets {
			c := &m.Cells[i]
			evidence[c.Provider+"/"+c.Party+"/"+c.Facets[j].Facet] = &c.Facets[j]
		}
	}
	var suites []testsuite
	for i := range parties {
		p := &parties[i]
		suites = append(suites, b.party(p, cells[p.ID], evidence))
		delete(cells, p.ID) // an ID that is there twice has its cells once
	}
	return suites
}

func (b *builder) party(p *report.MatrixParty, cells []report.Result, evidence map[string]*report.MatrixResult) testsuite {
	start, total := played(b.run.Matrix, p.ID)
	s := b.suite(orElse(p.Title, p.ID), "", p.Driver, start, total, p.Target)
	for i := range cells {
		r := &cells[i]
		if !b.fits(r.Verdict, r.Name(), p.ID) {
			continue
		}
		c := b.testcase(r.Name(), p.ID, r.DurationMS)
		e := entry{
			message: r.Message, expected: r.Expected, actual: r.Actual, hint: r.Hint, file: r.File, line: r.Line, kind: orElse(r.Facet, "party"),
		}
		if r.NotApplicable {
			e.message = "not applicable: " + orElse(r.Message, "the provider has nothing of the kind")
		}
		b.judge(&c, r.Verdict, e)
		if seen := evidence[r.ID]; seen != nil {
			for j := range seen.Steps {
				b.evidence(&c, &seen.Steps[j])
			}
		}
		s.Cases = append(s.Cases, c)
	}
	return s
}

// played is when the first cell of a relying party began, and how long all of them took, in milliseconds.
func played(m *report.Matrix, party string) (start, total float64) {
	first := true
	for i := range m.Cells {
		if c := &m.Cells[i]; c.Party == party {
			if first || c.StartMS < start {
				start, first = c.StartMS, false
			}
			total += c.DurationMS
		}
	}
	return start, total
}
