package comparison

import (
	"fmt"
	"slices"
	"strings"

	"github.com/passrig/passrig/report"
)

// Group is what happened to cells of a matrix for one cause: the same facet of one relying party, for the same reason.
type Group struct {
	Change     string   `json:"change"`
	Party      string   `json:"party"`           // report.MatrixParty.ID
	Facet      string   `json:"facet,omitempty"` // report.MatrixFacet.ID; empty: all of them
	Providers  []string `json:"providers"`       // report.MatrixProvider.ID, in the order of the rows
	Sentence   string   `json:"sentence"`        // "Passport: 3 providers no longer pass algorithms (…): …", without its full stop
	Hint       string   `json:"hint,omitempty"`
	Regression bool     `json:"regression,omitempty"`
}

// cell is a facet of a provider at a relying party.
type cell struct {
	provider, party, facet string
	result                 report.MatrixResult
}

// cells are the verdicts of a run's matrix. What was not played although it was due could not be told.
func cells(run *report.Run) []entry {
	m := run.Matrix
	if m == nil {
		return nil
	}
	var all []entry
	for i := range m.Providers {
		for j := range m.Parties {
			provider, party := &m.Providers[i], &m.Parties[j]
			played := m.Cell(provider.ID, party.ID)
			for k := range m.Facets {
				c := &cell{provider: provider.ID, party: party.ID, facet: m.Facets[k].ID}
				if r := m.Result(played, c.facet); r != nil {
					c.result = *r
				} else {
					c.result = report.MatrixResult{Facet: c.facet, Verdict: report.VerdictError, Reason: "it was not played", Hint: party.Hint}
					if party.Problem != "" {
						c.result.Reason = party.Problem
					}
				}
				all = append(all, entry{
					key: key{of: OfCell, scenario: party.ID, name: provider.ID + "/" + c.facet}, id: provider.ID + "/" + party.ID + "/" + c.facet,
					title:   m.ProviderName(provider.ID) + " at " + m.PartyName(party.ID) + ": " + report.FacetName(c.facet),
					message: c.result.Reason, hint: c.result.Hint, verdict: c.result.Verdict, cell: c,
				})
			}
		}
	}
	return all
}

// grouped says in sentences what happened to cells. A row, a column or a facet that appeared or is gone is one change and
// not one for each of its cells.
func grouped(list []Change, old, recent []Input, s *summaries) ([]Change, []Group) {
	before, after := matrixOf(old), matrixOf(recent)
	if before == nil || after == nil {
		return list, nil
	}
	var out []Change
	axes := slices.Concat(axis(OfProvider, rows(before), rows(after)), axis(OfParty, columns(before), columns(after)), axis(OfFacet, facets(before), facets(after)))
	byChange := make(map[string][]Change)
	for _, c := range list {
		if c.Of == OfCell && (c.Change == Gone || c.Change == Appeared) {
			continue // with what it is a cell of
		}
		if c.Of == OfCell {
			byChange[c.Change] = append(byChange[c.Change], c)
		}
		out = append(out, c)
	}
	g := grouping{after: after, was: cellsByID(s.was), is: cellsByID(s.is)}
	var groups []Group
	for _, change := range kinds() {
		groups = append(groups, g.of(change, byChange[change])...)
	}
	return append(out, axes...), groups
}

// matrixOf joins the rows, columns and facets of the matrices of a side, or is nil when there are none.
func matrixOf(inputs []Input) *report.Matrix {
	var out *report.Matrix
	for _, in := range inputs {
		m := in.Run.Matrix
		if m == nil {
			continue
		}
		if out == nil {
			out = &report.Matrix{}
		}
		out.Providers = join(out.Providers, m.Providers, func(p report.MatrixProvider) string { return p.ID })
		out.Parties = join(out.Parties, m.Parties, func(p report.MatrixParty) string { return p.ID })
		out.Facets = join(out.Facets, m.Facets, func(f report.MatrixFacet) string { return f.ID })
	}
	return out
}

func join[T any](list, more []T, id func(T) string) []T {
	for _, v := range more {
		if !slices.ContainsFunc(list, func(o T) bool { return id(o) == id(v) }) {
			list = append(list, v)
		}
	}
	return list
}

// named is an ID with what people call it.
type named struct{ id, title string }

func rows(m *report.Matrix) (list []named) {
	for i := range m.Providers {
		list = append(list, named{m.Providers[i].ID, m.ProviderName(m.Providers[i].ID)})
	}
	return list
}

func columns(m *report.Matrix) (list []named) {
	for i := range m.Parties {
		list = append(list, named{m.Parties[i].ID, m.PartyName(m.Parties[i].ID)})
	}
	return list
}

func facets(m *report.Matrix) (list []named) {
	for i := range m.Facets {
		list = append(list, named{m.Facets[i].ID, m.Facets[i].Title})
	}
	return list
}

// axis says what appeared and what is gone.
func axis(of string, before, after []named) []Change {
	var list []Change
	missing := func(change string, from, in []named) {
		for _, n := range from {
			if !slices.ContainsFunc(in, func(o named) bool { return o.id == n.id }) {
				list = append(list, Change{Of: of, ID: n.id, Title: n.title, Change: change})
			}
		}
	}
	missing(Gone, before, after)
	missing(Appeared, after, before)
	return list
}

// grouping finds out what cells have in common. Was and is are the results of both sides, by the IDs of changes.
type grouping struct {
	after   *report.Matrix
	was, is map[string]*report.MatrixResult
}

func cellsByID(side map[key]summary) map[string]*report.MatrixResult {
	all := make(map[string]*report.MatrixResult)
	for k := range side {
		if c := side[k].worst.cell; c != nil {
			all[side[k].worst.id] = &c.result
		}
	}
	return all
}

// of has the report package find out which cells have a cause in common, as it does for a whole matrix: in one in which
// everything but these changes passed.
func (g *grouping) of(change string, list []Change) []Group {
	if len(list) == 0 {
		return nil
	}
	m := &report.Matrix{Providers: g.after.Providers, Parties: slices.Clone(g.after.Parties), Facets: g.after.Facets}
	changed := make(map[string]Change)
	for _, c := range list {
		changed[c.ID] = c
	}
	for j := range m.Parties {
		m.Parties[j].Problem = "" // which is the reason of its cells
	}
	for i := range m.Providers {
		for j := range m.Parties {
			one := report.MatrixCell{Provider: m.Providers[i].ID, Party: m.Parties[j].ID}
			for k := range m.Facets {
				id := one.Provider + "/" + one.Party + "/" + m.Facets[k].ID
				r := report.MatrixResult{Facet: m.Facets[k].ID, Verdict: report.VerdictPass}
				if c, ok := changed[id]; ok {
					r = g.cause(c)
				} else if is := g.is[id]; is != nil && !is.Applies() {
					r.Verdict, r.NotApplicable = report.VerdictSkip, true
				}
				one.Facets = append(one.Facets, r)
			}
			m.Cells = append(m.Cells, one)
		}
	}
	var groups []Group
	for _, i := range m.Incompatibilities() {
		groups = append(groups, groupOf(change, &i, m, changed))
	}
	return groups
}

// cause is the result that says why: of what got better, the old one.
func (g *grouping) cause(c Change) report.MatrixResult {
	from := g.is[c.ID]
	if from == nil || Better(c.Change) {
		from = g.was[c.ID]
	}
	r := *from
	r.Verdict, r.NotApplicable, r.Steps = report.VerdictFail, false, nil
	return r
}

func groupOf(change string, i *report.Incompatibility, m *report.Matrix, changed map[string]Change) Group {
	g := Group{Change: change, Party: i.Party, Facet: i.Facet, Providers: i.Providers, Regression: change == NewFailure}
	passed := true // all of them, before
	for _, provider := range i.Providers {
		for _, f := range m.Facets {
			if c, ok := changed[provider+"/"+i.Party+"/"+f.ID]; ok && (i.Facet == "" || i.Facet == f.ID) {
				passed = passed && (c.Old == report.VerdictPass || c.Old == report.VerdictWarn || c.Old == report.VerdictInfo)
			}
		}
	}
	what := "anything"
	if i.Facet != "" {
		what = report.FacetName(i.Facet)
	}
	one, many := words(change, passed)
	who := fmt.Sprintf("%d providers %s", len(i.Providers), many)
	if len(i.Providers) == 1 {
		who = "1 provider " + one
	}
	titles := make([]string, len(i.Providers))
	for j, id := range i.Providers {
		titles[j] = m.ProviderName(id)
	}
	g.Sentence = fmt.Sprintf("%s: %s %s (%s)", m.PartyName(i.Party), who, what, strings.Join(titles, ", "))
	if r := m.Example(i); r != nil {
		before := ": "
		if Better(change) {
			before = "; before: "
		} else {
			g.Hint = r.Hint
		}
		if reason := strings.TrimSuffix(strings.TrimSpace(r.Reason), "."); reason != "" {
			g.Sentence += before + reason
		}
	}
	return g
}

// words say of one provider and of many what happened, up to the facet.
func words(change string, passed bool) (one, many string) {
	switch change {
	case NewFailure:
		if passed {
			return "no longer passes", "no longer pass"
		}
		return "now fails at", "now fail at"
	case CouldNotTell:
		return "could not be judged at", "could not be judged at"
	case StillUntold:
		return "still cannot be judged at", "still cannot be judged at"
	case NewWarning:
		return "now has a warning at", "now have a warning at"
	case NotRun:
		return "is not tried any more at", "are not tried any more at"
	case Fixed:
		return "no longer fails at", "no longer fail at"
	case ToldAgain:
		return "can be judged again at", "can be judged again at"
	case WarningGone:
		return "no longer has a warning at", "no longer have a warning at"
	}
	return "came to something else at", "came to something else at"
}
