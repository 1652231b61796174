package report

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Cell is a provider at a relying party, or nil if it was not played.
func (m *Matrix) Cell(provider, party string) *MatrixCell {
	for i := range m.Cells {
		if c := &m.Cells[i]; c.Provider == provider && c.Party == party {
			return c
		}
	}
	return nil
}

// Result is what a facet came to in a cell, or nil if the cell has no such facet, or is nil itself.
func (m *Matrix) Result(c *MatrixCell, facet string) *MatrixResult {
	if c == nil {
		return nil
	}
	for i := range c.Facets {
		if r := &c.Facets[i]; r.Facet == facet {
			return r
		}
	}
	return nil
}

// Provider is the row with that ID, or nil.
func (m *Matrix) Provider(id string) *MatrixProvider {
	return found(m.Providers, func(p *MatrixProvider) bool { return p.ID == id })
}

// Party is the column with that ID, or nil.
func (m *Matrix) Party(id string) *MatrixParty {
	return found(m.Parties, func(p *MatrixParty) bool { return p.ID == id })
}

// Facet is the facet with that ID, or nil.
func (m *Matrix) Facet(id string) *MatrixFacet {
	return found(m.Facets, func(f *MatrixFacet) bool { return f.ID == id })
}

func found[T any](list []T, is func(*T) bool) *T {
	for i := range list {
		if is(&list[i]) {
			return &list[i]
		}
	}
	return nil
}

// ProviderName is the title of a row, with its version where another row has the same title.
func (m *Matrix) ProviderName(id string) string { return m.names().provider(id) }

// PartyName is the title of a column, with its driver where another column has the same title.
func (m *Matrix) PartyName(id string) string { return m.names().party(id) }

// FacetName is a facet in a word or two: "sign-up", "second device".
func FacetName(id string) string {
	if id == "signup" {
		return "sign-up"
	}
	id = id[strings.LastIndexAny(id, `/\`)+1:]
	return strings.ReplaceAll(strings.TrimSuffix(strings.TrimSuffix(id, ".yaml"), ".yml"), "-", " ")
}

// matrixNames are what rows and columns are called, by their IDs.
type matrixNames struct{ providers, parties map[string]string }

func (n *matrixNames) provider(id string) string { return cmp.Or(n.providers[id], id) }
func (n *matrixNames) party(id string) string    { return cmp.Or(n.parties[id], id) }

func (m *Matrix) names() *matrixNames {
	n := &matrixNames{make(map[string]string), make(map[string]string)}
	same := make(map[string]int)
	for i := range m.Providers {
		same[m.Providers[i].Title]++
	}
	for i := range m.Providers {
		p := &m.Providers[i]
		if n.providers[p.ID] = p.Title; same[p.Title] > 1 {
			n.providers[p.ID] = strings.TrimSpace(p.Title + " " + p.Version)
		}
	}
	clear(same)
	for i := range m.Parties {
		same[m.Parties[i].Title]++
	}
	for i := range m.Parties {
		p := &m.Parties[i]
		if n.parties[p.ID] = p.Title; same[p.Title] > 1 {
			n.parties[p.ID] = strings.TrimSuffix(p.Title+" ("+p.Driver+")", " ()")
		}
	}
	return n
}

// Applies says whether the facet is about something that the provider has and the relying party offers.
func (r *MatrixResult) Applies() bool { return !r.NotApplicable && r.Verdict != VerdictSkip }

// Verdict is the worst of the cell's facets, and skip when none of them applied.
func (c *MatrixCell) Verdict() Verdict {
	worst := VerdictSkip
	for i := range c.Facets {
		if r := &c.Facets[i]; !r.NotApplicable && r.Verdict.Worse(worst) {
			worst = r.Verdict
		}
	}
	return worst
}

// Works says whether something passed in the cell and nothing failed or could not be told. A nil cell does not.
func (c *MatrixCell) Works() bool {
	if c == nil {
		return false
	}
	v := c.Verdict()
	return v == VerdictPass || v == VerdictWarn
}

// Tally counts facets of cells by what they came to. Info is counted nowhere.
type Tally struct{ Passed, Failed, Warned, Errored, Skipped, NotApplicable int }

// Judged is how many were neither skipped nor not applicable.
func (t Tally) Judged() int { return t.Passed + t.Failed + t.Warned + t.Errored }

// Verdict is the worst that was counted, and skip when nothing was judged.
func (t Tally) Verdict() Verdict {
	switch {
	case t.Failed > 0:
		return VerdictFail
	case t.Errored > 0:
		return VerdictError
	case t.Warned > 0:
		return VerdictWarn
	case t.Passed > 0:
		return VerdictPass
	}
	return VerdictSkip
}

// String is the mark of the worst and how many passed, with a warning or without, of those that were judged: "✗ 9/11"; or
// only the mark of a skip when nothing was.
func (t Tally) String() string {
	v := t.Verdict()
	if v == VerdictSkip {
		return v.Mark()
	}
	return v.Mark() + " " + strconv.Itoa(t.Passed+t.Warned) + "/" + strconv.Itoa(t.Judged())
}

func (t *Tally) add(r *MatrixResult) {
	if r.NotApplicable {
		t.NotApplicable++
		return
	}
	switch r.Verdict {
	case VerdictPass:
		t.Passed++
	case VerdictFail:
		t.Failed++
	case VerdictWarn:
		t.Warned++
	case VerdictError:
		t.Errored++
	case VerdictSkip:
		t.Skipped++
	case VerdictInfo:
	}
}

// Tally counts the facets of the cell. Those of a nil cell are none.
func (c *MatrixCell) Tally() Tally {
	var t Tally
	if c != nil {
		for i := range c.Facets {
			t.add(&c.Facets[i])
		}
	}
	return t
}

// OfProvider counts the facets of all cells of a row.
func (m *Matrix) OfProvider(id string) Tally {
	return m.tally(func(c *MatrixCell, _ *MatrixResult) bool { return c.Provider == id })
}

// OfParty counts the facets of all cells of a column.
func (m *Matrix) OfParty(id string) Tally {
	return m.tally(func(c *MatrixCell, _ *MatrixResult) bool { return c.Party == id })
}

// OfFacet counts what a facet came to in all cells.
func (m *Matrix) OfFacet(id string) Tally {
	return m.tally(func(_ *MatrixCell, r *MatrixResult) bool { return r.Facet == id })
}

// OfPartyFacet counts what a facet came to in all cells of a column.
func (m *Matrix) OfPartyFacet(party, facet string) Tally {
	return m.tally(func(c *MatrixCell, r *MatrixResult) bool { return c.Party == party && r.Facet == facet })
}

func (m *Matrix) tally(counts func(*MatrixCell, *MatrixResult) bool) Tally {
	var t Tally
	for i := range m.Cells {
		c := &m.Cells[i]
		for j := range c.Facets {
			if r := &c.Facets[j]; counts(c, r) {
				t.add(r)
			}
		}
	}
	return t
}

// WorksAt is how many providers work at a relying party.
func (m *Matrix) WorksAt(party string) int {
	return m.works(func(c *MatrixCell) bool { return c.Party == party })
}

// WorksWith is at how many relying parties a provider works.
func (m *Matrix) WorksWith(provider string) int {
	return m.works(func(c *MatrixCell) bool { return c.Provider == provider })
}

func (m *Matrix) works(counts func(*MatrixCell) bool) int {
	n := 0
	for i := range m.Cells {
		if c := &m.Cells[i]; counts(c) && c.Works() {
			n++
		}
	}
	return n
}

// Subject is the relying party that the run as a whole is about: none, where it is a matrix of several.
func (r *Run) Subject() Target {
	if r.Matrix != nil && len(r.Matrix.Parties) > 1 {
		return Target{}
	}
	return r.Target
}

// Untold are the columns with a problem: of them nothing more could be told than the cells that were played say.
func (m *Matrix) Untold() []*MatrixParty {
	var list []*MatrixParty
	for i := range m.Parties {
		if p := &m.Parties[i]; p.Problem != "" {
			list = append(list, p)
		}
	}
	return list
}

// unplayed is how many cells were not played, apart from those of columns with a problem.
func (m *Matrix) unplayed() int {
	due := 0
	for i := range m.Parties {
		if m.Parties[i].Problem == "" {
			due += len(m.Providers)
		}
	}
	for i := range m.Cells {
		if p := m.Party(m.Cells[i].Party); p != nil && p.Problem == "" {
			due--
		}
	}
	return max(due, 0)
}

// MatrixAnchor is the ID of an element that shows a facet of a cell, or with an empty facet the cell, in a page: letters,
// digits, and -._ only, another one for every cell.
func MatrixAnchor(provider, party, facet string) string {
	parts := []string{anchorPart(provider), anchorPart(party)}
	if facet != "" {
		parts = append(parts, anchorPart(facet))
	}
	return "cell-" + strings.Join(parts, "__")
}

// anchorPart writes bytes that an ID should not have as _ and two digits, so that __ is in none.
func anchorPart(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "_%02x", c)
		}
	}
	return b.String()
}
