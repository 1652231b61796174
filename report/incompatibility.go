package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Incompatibility is one cause by which cells of a relying party did not pass a facet.
type Incompatibility struct {
	Party     string // MatrixParty.ID
	Facet     string // MatrixFacet.ID; empty: everything that was judged
	Verdict   Verdict
	Sentence  string   // the relying party's name, Claim and Reason, without a full stop: "Passport: two of 23 providers fail at algorithms (Bitwarden and Enpass): …"
	Claim     string   // "two of 23 providers fail at algorithms (Bitwarden and Enpass)"
	Reason    string   // as the first cell says it, without a full stop; may be empty
	Providers []string // MatrixProvider.ID, in the order of the rows
	Of        int      // how many providers the facet was judged with at this relying party
}

// Incompatibilities are the causes of all failures, of what could not be told, and of all warnings: the worst first, and
// then by relying party and facet. Cells of one party and facet have one cause when their deciding step, their reason and
// what was expected and seen are the same, but for names and numbers that are new in every run. What keeps a provider from
// everything at a relying party is one cause.
func (m *Matrix) Incompatibilities() []Incompatibility {
	g := grouping{m: m, names: m.names(), groups: make(map[cause]*Incompatibility), reasons: make(map[cause]string), problems: make(map[string]string)}
	for _, p := range m.Untold() {
		g.problems[p.ID] = p.Problem
		c := cause{party: p.ID, verdict: VerdictError, words: p.Problem}
		g.groups[c], g.reasons[c] = &Incompatibility{Party: p.ID, Verdict: VerdictError}, p.Problem
		for i := range m.Providers {
			if m.Cell(m.Providers[i].ID, p.ID) == nil {
				g.add(c, p.Problem, m.Providers[i].ID)
			}
		}
	}
	for i := range m.Cells {
		g.cell(&m.Cells[i])
	}
	return g.list()
}

// cause is what cells of one group have in common.
type cause struct {
	party, facet string
	verdict      Verdict
	words, place string
}

type grouping struct {
	m        *Matrix
	names    *matrixNames
	groups   map[cause]*Incompatibility
	reasons  map[cause]string // as the first cell of the group says it
	problems map[string]string
}

func (g *grouping) add(c cause, reason, provider string) {
	group := g.groups[c]
	if group == nil {
		group = &Incompatibility{Party: c.party, Facet: c.facet, Verdict: c.verdict}
		g.groups[c], g.reasons[c] = group, reason
	}
	group.Providers = append(group.Providers, provider)
}

func (g *grouping) cell(c *MatrixCell) {
	var judged []*MatrixResult
	for i := range c.Facets {
		if r := &c.Facets[i]; r.Applies() && r.Verdict != VerdictInfo {
			judged = append(judged, r)
		}
	}
	if problem := g.problems[c.Party]; problem != "" { // said once for the column, whatever the cell under way saw of it
		if slices.ContainsFunc(judged, func(r *MatrixResult) bool { return r.Verdict == VerdictError }) {
			g.add(cause{party: c.Party, verdict: VerdictError, words: problem}, problem, c.Provider)
		}
		judged = slices.DeleteFunc(judged, func(r *MatrixResult) bool { return r.Verdict == VerdictError })
	}
	everything := len(judged) > 1 && !slices.ContainsFunc(judged, func(r *MatrixResult) bool {
		return r.Verdict != judged[0].Verdict || steadyWords(r) != steadyWords(judged[0])
	})
	for _, r := range judged {
		if r.Verdict == VerdictPass {
			continue
		}
		key := cause{party: c.Party, facet: r.Facet, verdict: r.Verdict, words: steadyWords(r), place: r.where()}
		if everything {
			key.facet, key.place = "", ""
		}
		g.add(key, r.why(), c.Provider)
		if everything {
			return
		}
	}
}

func (r *MatrixResult) where() string {
	if r.File == "" {
		return ""
	}
	return r.File + ":" + strconv.Itoa(r.Line)
}

// why is the reason, or what stands in for one.
func (r *MatrixResult) why() string {
	switch {
	case r.Reason != "":
		return r.Reason
	case r.Expected != "" && r.Actual != "":
		return "expected " + r.Expected + ", but " + r.Actual
	}
	return cmp.Or(r.Actual, r.Expected)
}

func (g *grouping) list() []Incompatibility {
	rows, columns, facets := positions(g.m.Providers, func(p *MatrixProvider) string { return p.ID }),
		positions(g.m.Parties, func(p *MatrixParty) string { return p.ID }), positions(g.m.Facets, func(f *MatrixFacet) string { return f.ID })
	place := func(at map[string]int, id string) int {
		if i, known := at[id]; known {
			return i
		}
		return len(at)
	}
	facets[""] = -1
	judged := g.judged()
	list := make([]Incompatibility, 0, len(g.groups))
	for c, group := range g.groups {
		slices.SortStableFunc(group.Providers, func(a, b string) int { return cmp.Or(place(rows, a)-place(rows, b), cmp.Compare(a, b)) })
		group.Providers = slices.Compact(group.Providers)
		if group.Of = len(judged[[2]string{c.party, c.facet}]); c.facet == "" && g.problems[c.party] != "" {
			group.Of = len(g.m.Providers)
		}
		group.Of = max(group.Of, len(group.Providers))
		group.Claim = g.claim(group, judged[[2]string{c.party, c.facet}])
		group.Reason = strings.TrimSuffix(strings.TrimSpace(g.reasons[c]), ".")
		group.Sentence = strings.TrimSuffix(g.names.party(c.party)+": "+group.Claim+": "+group.Reason, ": ")
		list = append(list, *group)
	}
	slices.SortFunc(list, func(a, b Incompatibility) int {
		return cmp.Or(badness(b.Verdict)-badness(a.Verdict), place(columns, a.Party)-place(columns, b.Party), cmp.Compare(a.Party, b.Party),
			place(facets, a.Facet)-place(facets, b.Facet), cmp.Compare(a.Facet, b.Facet), len(b.Providers)-len(a.Providers), cmp.Compare(a.Sentence, b.Sentence),
			slices.Compare(a.Providers, b.Providers))
	})
	return list
}

func positions[T any](list []T, id func(*T) string) map[string]int {
	at := make(map[string]int)
	for i := range list {
		if _, twice := at[id(&list[i])]; !twice {
			at[id(&list[i])] = i
		}
	}
	return at
}

// judged are the providers with which something was judged, by party and facet; an empty facet is any.
func (g *grouping) judged() map[[2]string]map[string]bool {
	judged := make(map[[2]string]map[string]bool)
	for i := range g.m.Cells {
		c := &g.m.Cells[i]
		for j := range c.Facets {
			if r := &c.Facets[j]; r.Applies() {
				for _, facet := range []string{r.Facet, ""} {
					key := [2]string{c.Party, facet}
					if judged[key] == nil {
						judged[key] = make(map[string]bool)
					}
					judged[key][c.Provider] = true
				}
			}
		}
	}
	return judged
}

// claim says who could not do what. judged are the providers with which it was tried.
func (g *grouping) claim(i *Incompatibility, judged map[string]bool) string {
	n, total := len(i.Providers), len(g.m.Providers)
	who := shareOf(n, i.Of, total)
	one := n == 1
	pick := func(singular, plural string) string {
		if one {
			return singular
		}
		return plural
	}
	what, at := pick("fails", "fail"), ""
	switch i.Verdict {
	case VerdictError:
		what = "could not be judged"
	case VerdictWarn:
		what = pick("has a warning", "have a warning")
	default:
	}
	switch all := n == total; {
	case n == 0: // of a column with a problem all of whose cells were judged all the same
		who, what = "not everything", "could be told"
	case i.Facet != "":
		at = " at " + FacetName(i.Facet)
	case i.Verdict == VerdictError && all:
		who, what = "no provider", "could be judged"
	case i.Verdict == VerdictFail && all:
		who, what = "no provider", "works"
	case i.Verdict != VerdictError:
		at = " at everything"
	}
	if n > 0 && n < i.Of {
		at += " (" + g.which(i, judged) + ")"
	}
	return who + " " + what + at
}

// which names the providers, or of many those that it is not.
func (g *grouping) which(i *Incompatibility, judged map[string]bool) string {
	var titles, others []string
	for j := range g.m.Providers {
		switch id := g.m.Providers[j].ID; {
		case slices.Contains(i.Providers, id):
			titles = append(titles, g.names.provider(id))
		case judged[id]:
			others = append(others, g.names.provider(id))
		}
	}
	if len(others) > 0 && len(others)*2 < len(titles) && len(titles)+len(others) == i.Of {
		return "all but " + enumerate(others)
	}
	return enumerate(titles)
}

// shareOf says how many providers of those that a question was put to, of all there are: "nine of 23 providers", "all 23 providers",
// "two of three providers tried", "the only provider tried".
func shareOf(n, of, total int) string {
	tried := ""
	if of < total {
		tried = " tried"
	}
	if n != of {
		return inWords(n) + " of " + countWords(of, "provider") + tried
	}
	switch n {
	case 1:
		return "the only provider" + tried
	case 2:
		return "both providers" + tried
	}
	return "all " + inWords(n) + " providers" + tried
}

// enumerate writes "a", "a and b", "a, b and c".
func enumerate(list []string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	last := len(list) - 1
	return strings.Join(list[:last], ", ") + " and " + list[last]
}

// inWords writes a number up to twelve as a word.
func inWords(n int) string {
	words := []string{"no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"}
	if n >= 0 && n < len(words) {
		return words[n]
	}
	return strconv.Itoa(n)
}

// countWords is like plural, with its number in words: "three providers".
func countWords(n int, words ...string) string {
	return strings.Replace(plural(n, words...), strconv.Itoa(n), inWords(n), 1)
}

// steadyWords are what a result says without what is another in every cell: names and IDs made at random, times, ports.
func steadyWords(r *MatrixResult) string {
	return fmt.Sprintf("%q", []string{steady(r.Reason), steady(r.Expected), steady(r.Actual)})
}

// steady replaces words that look made up by an ellipsis. It is not for people: "status 400" and "RS256" stay, and so
// does whatever could be a name in a specification.
func steady(s string) string {
	var b strings.Builder
	for s != "" {
		end := strings.IndexFunc(s, func(c rune) bool { return !wordlike(c) })
		switch {
		case end < 0:
			end = len(s)
		case end == 0:
			end = strings.IndexFunc(s, wordlike)
			if end < 0 {
				end = len(s)
			}
			b.WriteString(s[:end])
			s = s[end:]
			continue
		}
		if word := s[:end]; madeUp(word) {
			b.WriteString("…")
		} else {
			b.WriteString(word)
		}
		s = s[end:]
	}
	return b.String()
}

func wordlike(c rune) bool {
	return c == '-' || c == '_' || c == '.' || c == '…' || unicode.IsLetter(c) || unicode.IsDigit(c)
}

// madeUp reports times ("1.2s"), ports, and what looks like an ID.
func madeUp(word string) bool {
	var digits, upper, lower int
	for _, c := range word {
		switch {
		case unicode.IsDigit(c):
			digits++
		case unicode.IsUpper(c):
			upper++
		case unicode.IsLower(c):
			lower++
		}
	}
	unit := strings.TrimLeft(word, "0123456789.")
	switch {
	case digits > 0 && unit != word && slices.Contains([]string{"ns", "µs", "ms", "s", "m", "h"}, unit):
		return true
	case digits == len(word):
		return digits >= 4
	case digits > 0:
		return len(word) >= 6
	}
	return len(word) >= 20 && upper >= 6 && lower >= 4 // base64url without a digit
}

// Example is the result of the first provider that a cause was seen with, or nil where no cell was played, as at a relying
// party with a problem.
func (m *Matrix) Example(i *Incompatibility) *MatrixResult {
	for _, id := range i.Providers {
		c := m.Cell(id, i.Party)
		if c == nil {
			continue
		}
		for j := range c.Facets {
			if r := &c.Facets[j]; r.Verdict == i.Verdict && r.Applies() && (i.Facet == "" || r.Facet == i.Facet) {
				return r
			}
		}
	}
	return nil
}
