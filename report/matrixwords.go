package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// results are one for each facet of each cell, and one for each column of which nothing could be told.
func (m *Matrix) results() []Result {
	if m == nil {
		return nil
	}
	names, files := m.names(), make(map[string]string)
	for i := range m.Facets {
		files[m.Facets[i].ID] = m.Facets[i].File
	}
	var list []Result
	for i := range m.Cells {
		c := &m.Cells[i]
		where := names.provider(c.Provider) + " at " + names.party(c.Party) + ": "
		for j := range c.Facets {
			r := &c.Facets[j]
			list = append(list, Result{
				Kind: ResultCell, ID: c.Provider + "/" + c.Party + "/" + r.Facet, Title: where + FacetName(r.Facet), Group: c.Party,
				Verdict: r.Verdict, NotApplicable: r.NotApplicable, Message: r.Reason, Hint: r.Hint, Expected: r.Expected, Actual: r.Actual,
				Facet: r.Facet, File: cmp.Or(r.File, files[r.Facet]), Line: r.Line, DurationMS: r.DurationMS,
			})
		}
	}
	for _, p := range m.Untold() {
		list = append(list, Result{
			Kind: ResultCell, ID: p.ID, Title: names.party(p.ID) + " could not be judged", Group: p.ID, Verdict: VerdictError, Message: p.Problem, Hint: p.Hint,
		})
	}
	return list
}

// mostSaid is how many columns a headline names of those that fare alike.
const mostSaid = 12

// headline says how many providers work everywhere, and with which relying party how many. What could not be told is
// neither.
func (m *Matrix) headline() (head, standfirst string) {
	untold := make(map[string]bool)
	for _, p := range m.Untold() {
		untold[p.ID] = true
	}
	if len(m.Parties) == 1 {
		return m.worksSentence(m.names(), &m.Parties[0], untold[m.Parties[0].ID]), ""
	}
	works, total := make(map[string]int), len(m.Providers)
	everywhere := 0
	for i := range m.Cells {
		c := &m.Cells[i]
		if untold[c.Party] || !c.Works() {
			continue
		}
		if works[c.Provider]++; works[c.Provider] == len(m.Parties)-len(untold) {
			everywhere++
		}
	}
	switch everywhere {
	case 0:
		head = "None of " + countWords(total, "provider") + " fully works"
	case 1:
		head = shareOf(1, total, total) + " fully works"
	default:
		head = shareOf(everywhere, total, total) + " fully work"
	}
	head = strings.ToUpper(head[:1]) + head[1:] + " at every relying party"
	if len(untold) > 0 {
		head += " that could be judged"
	}
	return head, m.shares(untold)
}

// shares say with which relying parties how many providers work, those that most work with first.
func (m *Matrix) shares(untold map[string]bool) string {
	names, total, by := m.names(), len(m.Providers), make(map[int][]string)
	var unsure []string
	for i := range m.Parties {
		p := &m.Parties[i]
		works, errors := m.worksAt(p.ID)
		switch name := names.party(p.ID); {
		case untold[p.ID] && works == 0:
			unsure = append(unsure, name)
		case errors > 0:
			by[works] = append(by[works], name+" ("+inWords(errors)+" could not be judged)")
		default:
			by[works] = append(by[works], name)
		}
	}
	var each []string
	for _, works := range slices.Backward(slices.Sorted(maps.Keys(by))) {
		who, verb := shareOf(works, total, total), " fully work with "
		switch works {
		case 0:
			who = "no provider"
			if len(each) > 0 {
				who = "none"
			}
			verb = " fully works with "
		case 1:
			verb = " fully works with "
		}
		each = append(each, who+verb+enumerateUpTo(mostSaid, by[works]))
	}
	if len(unsure) > 0 {
		each = append(each, enumerateUpTo(mostSaid, unsure)+" could not be judged")
	}
	text := strings.Join(each, "; ") + "."
	if len(by) == 0 {
		return text // begins with a name, as it is written
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// enumerateUpTo is like enumerate, but only counts what is more than so many.
func enumerateUpTo(most int, list []string) string {
	if more := len(list) - most; more > 0 {
		list = append(slices.Clip(list[:most]), fmt.Sprintf("%d more", more))
	}
	return enumerate(list)
}

// worksAt is how many providers work at a relying party, and with how many nothing failed but something could not be told.
func (m *Matrix) worksAt(party string) (works, errors int) {
	for i := range m.Cells {
		switch c := &m.Cells[i]; {
		case c.Party != party:
		case c.Works():
			works++
		case c.Verdict() == VerdictError:
			errors++
		}
	}
	return works, errors
}

// worksSentence says with how many providers a relying party works.
func (m *Matrix) worksSentence(names *matrixNames, p *MatrixParty, untold bool) string {
	works, errors := m.worksAt(p.ID)
	name, total := names.party(p.ID), len(m.Providers)
	if untold && works == 0 {
		return name + " could not be judged"
	}
	text := name + " fully works with no provider"
	if works > 0 {
		text = name + " fully works with " + shareOf(works, total, total)
	}
	if errors > 0 {
		text += " (" + inWords(errors) + " could not be judged)"
	}
	return text
}

// mostNamed is of how many providers a caveat says what is not sure.
const mostNamed = 3

// caveats say what the providers' data and missing cells make the verdict worth.
func (m *Matrix) caveats() []string {
	if m == nil {
		return nil
	}
	var out []string
	if n := m.unplayed(); n > 0 {
		out = append(out, fmt.Sprintf("%d of %d cells were not played.", n, len(m.Providers)*len(m.Parties)))
	}
	names := m.names()
	var unsure, assumptions []string
	members := make(map[string]int) // of data, and for how many providers nobody has confirmed them
	for i := range m.Providers {
		p := &m.Providers[i]
		if len(p.Unverified) > 0 {
			unsure = append(unsure, names.provider(p.ID)+" ("+strings.Join(p.Unverified, ", ")+")")
		}
		for _, member := range p.Unverified {
			members[member]++
		}
		if text := strings.TrimSuffix(p.Assumes, "."); text != "" && !slices.Contains(assumptions, text) {
			assumptions = append(assumptions, text)
		}
	}
	switch n := len(unsure); {
	case n > mostNamed:
		often := slices.SortedFunc(maps.Keys(members), func(a, b string) int { return cmp.Or(members[b]-members[a], cmp.Compare(a, b)) })
		out = append(out, fmt.Sprintf("Nobody has confirmed all of the data of %s; what is open most often: %s.", countWords(n, "provider"), enumerate(often[:min(len(often), mostNamed)])))
	case n > 0:
		out = append(out, fmt.Sprintf("Nobody has confirmed all of the data of %s: %s.", countWords(n, "provider"), strings.Join(unsure, "; ")))
	}
	for _, text := range assumptions {
		out = append(out, "It is assumed that "+text+".")
	}
	return out
}
