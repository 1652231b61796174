package html

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/passrig/passrig/report"
)

// finding is one cause for which providers and a relying party do not go together, or could not be held against each other.
type finding struct {
	Anchor string
	Look   look
	N, Of  int
	Share  string   // N of Of
	Party  string   // whom the sentence is about
	Said   []phrase // who could not do what
	Reason string
	Links  []link // to the evidence of those whom the sentence does not name
	Hint   string
}

// First is the evidence to begin with, and Others that of the others, which is of the like.
func (f finding) First() link    { return f.Links[0] }
func (f finding) Others() []link { return f.Links[1:] }

// phrase is a part of a sentence, leading to the evidence of whom it names.
type phrase struct{ Text, Anchor string }

func (b *matrixViewer) findings() []finding {
	var all []finding
	for i, in := range b.causes {
		f := finding{
			Anchor: findingAnchor(i), Look: lookOf(in.Verdict), N: len(in.Providers), Of: in.Of, Share: percent(float64(len(in.Providers)) / float64(max(in.Of, 1))),
			Party: b.m.PartyName(in.Party), Reason: sentence(in.Reason),
		}
		for _, provider := range in.Providers {
			c := b.m.Cell(provider, in.Party)
			r := b.m.Result(c, in.Facet)
			if c == nil || in.Facet != "" && r == nil {
				continue
			}
			f.Links = append(f.Links, link{report.MatrixAnchor(provider, in.Party, in.Facet), b.m.ProviderName(provider)})
			f.Hint = cmp.Or(f.Hint, hintOf(c, r, in.Verdict))
		}
		if p := b.m.Party(in.Party); p != nil && p.Problem != "" && in.Verdict == report.VerdictError {
			f.Hint, f.Links = cmp.Or(p.Hint, f.Hint), nil // it is the column's, whatever the cells under way saw of it
		}
		f.say(sentence(in.Claim))
		all = append(all, f)
	}
	return all
}

func findingAnchor(i int) string { return fmt.Sprintf("finding-%d", i+1) }

// hintOf is what a result says that can be done, or the first of a cell with that verdict.
func hintOf(c *report.MatrixCell, r *report.MatrixResult, v report.Verdict) string {
	if r != nil {
		return r.Hint
	}
	for i := range c.Facets {
		if f := &c.Facets[i]; f.Verdict == v && f.Hint != "" {
			return f.Hint
		}
	}
	return ""
}

// say makes links of the names in a sentence if all of them are there, in their order.
func (f *finding) say(s string) {
	at := strings.Index(s, " (")
	rest, before := s, 0
	said := make([]phrase, 0, 2*len(f.Links)+1)
	for _, l := range f.Links {
		from := max(at-before, 0)
		i := -1
		if from <= len(rest) && at >= 0 && l.Name != "" {
			i = strings.Index(rest[from:], l.Name)
		}
		if i < 0 {
			f.Said = []phrase{{Text: s}}
			return
		}
		i += from
		said = append(said, phrase{Text: rest[:i]}, phrase{l.Name, l.Anchor})
		before += i + len(l.Name)
		rest = rest[i+len(l.Name):]
	}
	said = append(said, phrase{Text: rest})
	f.Said, f.Links = said, nil
}

// addFindings keeps apart what is wrong and what could not be told.
func (v *matrixView) addFindings(all []finding) {
	for _, f := range all {
		switch {
		case f.Look == lookOf(report.VerdictError):
			v.Untold = append(v.Untold, f)
		case len(v.Findings) < mostFindings:
			v.Findings = append(v.Findings, f)
		default:
			v.More = append(v.More, f)
		}
	}
}
