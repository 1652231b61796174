package html

import (
	"cmp"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/passrig/passrig/report"
)

// outcomes say how operations ended: a bar for each operation, and the table.
type outcomes struct {
	Bars   []shareBar
	Height int
	Desc   string
	Rows   []outcomeRow
}

// shareBar is a row divided among the classes.
type shareBar struct {
	Label     string
	LabelY, Y int
	Parts     []sharePart
}

type sharePart struct {
	X, W, LabelX string
	Label        string
	Wide         bool
	Class        string
}

type outcomeRow struct {
	report.LoadOutcome
	Name, Class, Count, Share, P50, P99 string
}

const (
	shareRow    = 52 // pixels from bar to bar
	shareLabelY = 14
	shareBarY   = 20
	thinnestBar = .004
	barNarrow   = 320 // pixels of the bars on a telephone
	barWide     = 960 // and on a screen
)

// newOutcomes groups the classes by operation. What was not expected gets a bar of its own: among many that went well a
// few cannot be seen.
func newOutcomes(all []report.LoadOutcome) *outcomes {
	if len(all) == 0 {
		return nil
	}
	o := &outcomes{}
	var names []string
	groups := make(map[string][]report.LoadOutcome)
	for _, x := range all {
		name := x.Operation
		if x.Journey != "" {
			name = x.Journey + "." + x.Operation
		}
		if groups[name] == nil {
			names = append(names, name)
		}
		groups[name] = append(groups[name], x)
	}
	looks := classLooks(all)
	for _, name := range names {
		group := groups[name]
		slices.SortStableFunc(group, byExpectation)
		total := 0.0
		for _, x := range group {
			total += counted(x.Count)
		}
		o.bar(name+", "+formatCount(total), group, looks)
		wrong := slices.IndexFunc(group, func(x report.LoadOutcome) bool { return !x.Expected })
		if wrong > 0 {
			n := 0.0
			for _, x := range group[wrong:] {
				n += counted(x.Count)
			}
			o.bar(fmt.Sprintf("of these, the %s not expected (%s)", formatCount(n), report.FormatShare(n/max(total, 1))), group[wrong:], looks)
		}
		for _, x := range group {
			o.Rows = append(o.Rows, outcomeRow{
				LoadOutcome: x, Name: name, Class: looks[x.Class], Count: formatCount(float64(x.Count)), Share: report.FormatShare(counted(x.Count) / max(total, 1)),
				P50: report.FormatDuration(x.P50), P99: report.FormatDuration(x.P99),
			})
		}
	}
	o.Height = len(o.Bars) * shareRow
	return o
}

// byExpectation puts what was expected first, then the most frequent.
func byExpectation(a, b report.LoadOutcome) int {
	if a.Expected != b.Expected {
		if a.Expected {
			return -1
		}
		return 1
	}
	return cmp.Compare(b.Count, a.Count)
}

// classLooks gives each class its pattern: accepted has the first, the others follow as they occur.
func classLooks(all []report.LoadOutcome) map[string]string {
	looks := map[string]string{"accepted": "o0"}
	for _, x := range all {
		if looks[x.Class] == "" {
			looks[x.Class] = fmt.Sprintf("o%d", 1+(len(looks)-1)%6)
		}
	}
	return looks
}

func (o *outcomes) bar(label string, group []report.LoadOutcome, looks map[string]string) {
	top := len(o.Bars) * shareRow
	b := shareBar{Label: label, LabelY: top + shareLabelY, Y: top + shareBarY}
	total := 0.0
	for _, x := range group {
		total += counted(x.Count)
	}
	at := 0.0
	o.Desc += label + ":"
	for _, x := range group {
		share := counted(x.Count) / max(total, 1)
		from := min(at, 1-thinnestBar)
		width := min(max(share, thinnestBar), 1-from)
		p := sharePart{X: percent(from), W: percent(width), LabelX: percent(from + width/2), Class: looks[x.Class]}
		text := x.Class + " " + report.FormatShare(share)
		if need := float64(utf8.RuneCountInString(text))*letterWidth + 12; need <= width*barWide {
			p.Label, p.Wide = text, need > width*barNarrow
		}
		b.Parts = append(b.Parts, p)
		at += share
		o.Desc += " " + text + ","
	}
	o.Desc = o.Desc[:len(o.Desc)-1] + ". "
	o.Bars = append(o.Bars, b)
}
