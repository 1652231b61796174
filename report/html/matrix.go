package html

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/passrig/passrig/report"
)

// matrixView shows how providers fare at relying parties: first what does not go together, then the picture, then the
// evidence for every cell of it.
type matrixView struct {
	Glance     *glance
	Findings   []finding
	More       []finding // folded away: the least of many
	Untold     []finding
	Facets     []facetHead
	Marks      []square // what the squares mean, of those that occur
	Heads      []partyHead
	Asks       []askRow
	Rows       []matrixRow
	Wide       bool // too many columns for a page
	ByParty    shareTable
	ByProvider shareTable
	Evidence   []*providerEvidence
}

// Up to so many findings stand open, and up to so many columns have room beside each other.
const (
	mostFindings = 12
	mostAbreast  = 5
)

// facetHead is a facet as the legend names it.
type facetHead struct {
	Number            int
	Name, Title, Says string
	X                 int // of its square in a strip
}

// partyHead is the head of a column.
type partyHead struct {
	report.MatrixParty
	Driven string // "API", or the browser
	Tally  tallyView
}

// askRow is one thing that options ask for, at every relying party.
type askRow struct {
	Name   string
	Values []string // empty: it does not ask, or nobody saw
}

// matrixRow is a provider and what became of it everywhere.
type matrixRow struct {
	Anchor   string // of its evidence
	Provider report.MatrixProvider
	Devices  string
	Unsure   string // how many members of its data nobody has confirmed
	Keys     string // of its cells' verdicts, where the page is searched
	Tally    tallyView
	Cells    []matrixCell
}

// matrixCell is a field of the picture.
type matrixCell struct {
	Party, Provider string
	Anchor          string // of its evidence, or of why there is none; empty: it was not played
	Look            look
	Word            string // what came of it, in one or two words
	Passed          string // "8/9": of the facets that came to a verdict, those with a warning too
	Spoken          string // what the strip says, in words
	Strip           strip
}

// tallyView counts the cells of a row or a column that work.
type tallyView struct {
	Good, Of int
	Words    string // about the others
	Parts    []part
}

// part is a stretch of a bar.
type part struct{ Class, X, W string }

// matrixViewer makes a [matrixView].
type matrixViewer struct {
	run       *report.Run
	m         *report.Matrix
	providers []*report.MatrixProvider // each once: a file can hold anything
	parties   []*report.MatrixParty
	facets    []*report.MatrixFacet
	causes    []report.Incompatibility
	problems  map[string]string // what was found of a party's whole column, by its ID: an anchor
}

func newMatrixView(run *report.Run) *matrixView {
	if run.Matrix == nil {
		return nil
	}
	m := run.Matrix
	b := &matrixViewer{
		run: run, m: m, providers: once(m.Providers, func(p *report.MatrixProvider) string { return p.ID }),
		parties: once(m.Parties, func(p *report.MatrixParty) string { return p.ID }), facets: once(m.Facets, func(f *report.MatrixFacet) string { return f.ID }),
	}
	b.causes, b.problems = m.Incompatibilities(), make(map[string]string)
	for i, c := range b.causes {
		if p := m.Party(c.Party); p != nil && p.Problem != "" && c.Facet == "" && c.Verdict == report.VerdictError {
			b.problems[p.ID] = findingAnchor(i)
		}
	}
	v := &matrixView{Wide: len(b.parties) > mostAbreast, Marks: b.marks()}
	for i, f := range b.facets {
		v.Facets = append(v.Facets, facetHead{Number: i + 1, Name: facetName(f.ID), Title: f.Title, Says: f.Description, X: squareX(i)})
	}
	for _, p := range b.parties {
		v.Heads = append(v.Heads, b.head(p))
	}
	v.Asks = b.asks()
	for i, p := range b.providers {
		v.Rows = append(v.Rows, b.row(i, p))
	}
	v.Glance = b.glance(v)
	v.addFindings(b.findings())
	v.ByParty, v.ByProvider = b.facetsByParty(), b.facetsByProvider()
	v.Evidence = b.evidence()
	return v
}

// once leaves out what has the same ID as something before it.
func once[T any](list []T, id func(*T) string) []*T {
	seen := make(map[string]bool)
	var kept []*T
	for i := range list {
		if key := id(&list[i]); !seen[key] {
			seen[key] = true
			kept = append(kept, &list[i])
		}
	}
	return kept
}

// facetName is a facet as a heading: "Sign-up".
func facetName(id string) string { return strings.TrimSuffix(sentence(report.FacetName(id)), ".") }

func (b *matrixViewer) head(p *report.MatrixParty) partyHead {
	h := partyHead{MatrixParty: *p, Driven: cmp.Or(p.Browser, p.Driver), Tally: b.tally(b.providers, []*report.MatrixParty{p})}
	if p.Driver == "api" {
		h.Driven = "API"
	}
	if h.Title == "" {
		h.Title = p.ID
	}
	return h
}

// asks are what the relying parties ask for, in the order in which it is first seen.
func (b *matrixViewer) asks() []askRow {
	var rows []askRow
	at := make(map[string]int)
	for i, p := range b.parties {
		for _, a := range p.Asks {
			row, known := at[a.Name]
			if !known {
				row, at[a.Name] = len(rows), len(rows)
				rows = append(rows, askRow{a.Name, make([]string, len(b.parties))})
			}
			rows[row].Values[i] = a.Value
		}
	}
	return rows
}

func (b *matrixViewer) row(i int, p *report.MatrixProvider) matrixRow {
	row := matrixRow{
		Anchor: providerAnchor(i), Provider: *p, Devices: strings.Join(p.Devices, " · "),
		Tally: b.tally([]*report.MatrixProvider{p}, b.parties),
	}
	if row.Provider.Title == "" {
		row.Provider.Title = p.ID
	}
	if n := len(p.Unverified); n > 0 {
		row.Unsure = strconv.Itoa(n) + " unverified"
	}
	var keys []string
	for _, party := range b.parties {
		c := b.cell(p, party)
		row.Cells = append(row.Cells, c)
		keys = append(keys, c.Look.Key())
	}
	slices.Sort(keys)
	row.Keys = strings.Join(slices.Compact(keys), " ")
	return row
}

func (b *matrixViewer) cell(provider *report.MatrixProvider, party *report.MatrixParty) matrixCell {
	c := b.m.Cell(provider.ID, party.ID)
	out := matrixCell{Party: b.m.PartyName(party.ID), Provider: b.m.ProviderName(provider.ID)}
	if c == nil {
		out.Look, out.Word = unplayed(), unplayed().Word
		if party.Problem != "" {
			out.Look, out.Anchor = lookOf(report.VerdictError), b.problems[party.ID]
			out.Word = out.Look.Word
		}
		return out
	}
	t := c.Tally()
	out.Anchor, out.Look, out.Strip, out.Spoken = report.MatrixAnchor(provider.ID, party.ID, ""), lookOf(c.Verdict()), b.strip(c), spoken(c)
	switch out.Word = out.Look.Word; {
	case t.Failed > 0:
		out.Word = fmt.Sprintf("%d failed", t.Failed)
	case t.Errored > 0 && t.Errored < t.Judged():
		out.Word = fmt.Sprintf("%d not told", t.Errored)
	case t.Errored == 0 && t.Warned > 0:
		out.Word = plural(int64(t.Warned), "warning")
	}
	if of := t.Judged(); of > t.Errored {
		out.Passed = fmt.Sprintf("%d/%d", t.Passed+t.Warned, of)
	}
	return out
}

// spoken says of a cell what its strip shows.
func spoken(c *report.MatrixCell) string {
	var said []string
	for _, v := range []report.Verdict{report.VerdictFail, report.VerdictError, report.VerdictWarn} {
		var which []string
		for i := range c.Facets {
			if r := &c.Facets[i]; r.Verdict == v && !r.NotApplicable {
				which = append(which, facetName(r.Facet))
			}
		}
		if len(which) > 0 {
			said = append(said, v.Words()+": "+strings.ToLower(strings.Join(which, ", ")))
		}
	}
	return strings.Join(said, "; ")
}

// tally counts what became of some pairs.
func (b *matrixViewer) tally(providers []*report.MatrixProvider, parties []*report.MatrixParty) tallyView {
	counts := make(map[report.Verdict]int)
	of, played := len(providers)*len(parties), 0
	for _, provider := range providers {
		for _, party := range parties {
			switch c := b.m.Cell(provider.ID, party.ID); {
			case c != nil:
				counts[c.Verdict()]++
			case party.Problem != "":
				counts[report.VerdictError]++
			default:
				continue
			}
			played++
		}
	}
	t := tallyView{Good: counts[report.VerdictPass] + counts[report.VerdictWarn], Of: of, Parts: bar(counts, of)}
	var words []string
	for _, w := range []struct {
		verdict report.Verdict
		words   string
	}{{report.VerdictFail, "failed"}, {report.VerdictError, "not told"}, {report.VerdictWarn, "with warnings"}, {report.VerdictSkip, "skipped"}} {
		if n := counts[w.verdict]; n > 0 {
			words = append(words, strconv.Itoa(n)+" "+w.words)
		}
	}
	if n := of - played; n > 0 {
		words = append(words, fmt.Sprintf("%d not played", n))
	}
	t.Words = strings.Join(words, ", ")
	return t
}

// providerAnchor is where the evidence of a row's provider begins.
func providerAnchor(row int) string { return fmt.Sprintf("provider-%d", row+1) }
