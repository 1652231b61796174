package html

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/passrig/passrig/report"
)

// checksView is the section about checks: there are hundreds, so they are grouped by ceremony, and of each group what
// needs a look comes first and the rest is folded away by verdict.
type checksView struct {
	Figures  []figure
	Facts    []fact
	Sentence string
	Heads    []look // of the columns of the table
	Groups   []*checkGroup
}

type checkGroup struct {
	Anchor, Name string
	Counts       []int // as many as there are heads
	Total        int
	Open         []*item
	Folds        []fold

	byKind [][]*item
}

// fold are the checks of a group with one verdict, folded away.
type fold struct {
	Look  look
	Items []*item
}

// kinds of results, in the order of the columns. What does not apply is apart from what was skipped.
func checkKinds() []look {
	return []look{
		lookOf(report.VerdictFail), lookOf(report.VerdictError), lookOf(report.VerdictWarn), tolerated(),
		lookOf(report.VerdictSkip), inapplicable(), lookOf(report.VerdictInfo), lookOf(report.VerdictPass),
	}
}

// folded is the first kind that needs no look.
const folded = 4

// tolerated is how a failure looks that does not fail the run.
func tolerated() look { return look{"warn", "✗", "tolerated"} }

// inapplicable is how a check looks for which there is nothing on this target.
func inapplicable() look { return look{"skip", "∅", "not applicable"} }

// ceremonies are the groups, in their order.
func ceremonies() []fact {
	return []fact{
		{"options", "Options"},
		{"registration", "Registration"},
		{"authentication", "Authentication"},
		{"lifecycle", "Life of a passkey"},
		{"sync", "Synced passkeys"},
	}
}

// place is where a ceremony stands among them; an unknown one comes last.
func place(ceremony string) int {
	all := ceremonies()
	if i := slices.IndexFunc(all, func(f fact) bool { return f.Name == ceremony }); i >= 0 {
		return i
	}
	return len(all)
}

func newChecksView(run *report.Run, items []*item) *checksView {
	if len(items) == 0 && run.Suite == nil {
		return nil
	}
	v := &checksView{Heads: checkKinds()}
	names := append(ceremonies(), fact{Value: "Other checks"})
	byName := make(map[string]*checkGroup)
	for i, it := range items {
		ceremony := run.Checks[i].Ceremony
		if byName[ceremony] == nil {
			byName[ceremony] = &checkGroup{Name: names[place(ceremony)].Value, Counts: make([]int, len(v.Heads)), byKind: make([][]*item, len(v.Heads))}
		}
		byName[ceremony].add(it, v.Heads)
	}
	order := func(a, b string) int { return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a, b)) }
	for _, ceremony := range slices.SortedFunc(maps.Keys(byName), order) {
		g := byName[ceremony]
		g.Anchor = "checks-" + strconv.Itoa(len(v.Groups)+1)
		g.arrange(v.Heads)
		v.Groups = append(v.Groups, g)
	}
	v.compact()
	v.suite(run)
	return v
}

func (g *checkGroup) add(it *item, kinds []look) {
	kind := slices.Index(kinds, it.Look)
	if kind < 0 {
		kind = slices.Index(kinds, lookOf(report.VerdictSkip))
	}
	g.Counts[kind]++
	g.Total++
	g.byKind[kind] = append(g.byKind[kind], it)
}

// arrange puts what needs a look first, worst first, and folds away the rest.
func (g *checkGroup) arrange(kinds []look) {
	for kind, items := range g.byKind {
		switch {
		case len(items) == 0:
		case kind < folded:
			slices.SortStableFunc(items, func(a, b *item) int { return a.Severity - b.Severity })
			g.Open = append(g.Open, items...)
		default:
			g.Folds = append(g.Folds, fold{kinds[kind], items})
		}
	}
}

// compact drops the columns that are empty in all groups.
func (v *checksView) compact() {
	for i := range slices.Backward(v.Heads) {
		if slices.ContainsFunc(v.Groups, func(g *checkGroup) bool { return g.Counts[i] > 0 }) {
			continue
		}
		v.Heads = slices.Delete(v.Heads, i, i+1)
		for _, g := range v.Groups {
			g.Counts = slices.Delete(g.Counts, i, i+1)
		}
	}
}

// suite says which part of the catalogue was performed, and under which terms.
func (v *checksView) suite(run *report.Run) {
	s := run.Suite
	if s == nil {
		return
	}
	switch {
	case s.Grade != "":
		v.Figures = append(v.Figures, figure{Value: s.Grade, Name: "grade of the tier " + s.Tier})
	case run.Partial:
		v.Sentence = "No grade: the run is incomplete."
	default:
		v.Sentence = "No grade: not every check of the tier " + s.Tier + " came to a verdict."
	}
	v.Figures = append(v.Figures, figure{Value: fmt.Sprintf("%d of %d", len(run.Checks), s.Catalogue), Name: "checks of the catalogue"})
	if n := run.Summary.Tolerated; n > 0 {
		v.Figures = append(v.Figures, figure{Value: strconv.Itoa(n), Name: "failed without failing the run"})
	}
	strict := "no: what ought to be is a warning"
	if s.Strict {
		strict = "yes: what ought to be counts like what must be"
	}
	all := []fact{{"Tier", s.Tier}, {"Fails the run from severity", s.FailOn}, {"Strict", strict}, {"Baseline of known failures", s.Baseline}}
	if len(s.Fixed) > 0 {
		all = append(all, fact{"In the baseline, but passed", strings.Join(s.Fixed, ", ")})
	}
	for _, name := range slices.Sorted(maps.Keys(s.Profile)) {
		all = append(all, fact{"Profile: " + name, strings.Join(s.Profile[name], ", ")})
	}
	v.Facts = slices.DeleteFunc(all, func(f fact) bool { return f.Value == "" })
}
