package terminal

import (
	"fmt"
	"strings"

	"github.com/passrig/passrig/report"
)

// matrix shows providers × relying parties, what each facet comes to at them, and a sentence for each cause of what did not
// pass. What could not be told stands apart from what failed.
func (p *printer) matrix() {
	m := p.run.Matrix
	if m == nil {
		return
	}
	if !p.opts.Quiet {
		p.parties(m)
	}
	causes := m.Incompatibilities()
	p.causes("Incompatible", causes, report.VerdictFail, report.VerdictWarn)
	p.causes("Could not be told", causes, report.VerdictError)
	if p.opts.Verbose {
		p.matrixRows(m)
	}
}

// parties are two tables with a column for each relying party: of rows with providers, and of rows with facets.
func (p *printer) parties(m *report.Matrix) {
	if len(m.Parties) == 0 {
		return
	}
	providers := sheet{title: "Providers"}
	if len(m.Parties) > 1 {
		providers.last = "fully works with"
	}
	for i := range m.Parties {
		providers.columns = append(providers.columns, m.PartyName(m.Parties[i].ID))
	}
	facets := sheet{title: "Facets", columns: providers.columns}
	for i := range m.Providers {
		id := m.Providers[i].ID
		line := sheetLine{name: m.ProviderName(id)}
		if providers.last != "" {
			line.side = fmt.Sprintf("%d of %d", m.WorksWith(id), len(m.Parties))
		}
		for j := range m.Parties {
			line.fields = append(line.fields, cellField(&m.Parties[j], m.Cell(id, m.Parties[j].ID).Tally()))
		}
		providers.lines = append(providers.lines, line)
	}
	total := sheetLine{name: "fully works with"}
	for i := range m.Parties {
		total.fields = append(total.fields, field{text: fmt.Sprintf("%d of %d", m.WorksAt(m.Parties[i].ID), len(m.Providers)), color: bold})
	}
	providers.lines = append(providers.lines, total)
	for i := range m.Facets {
		line := sheetLine{name: report.FacetName(m.Facets[i].ID)}
		for j := range m.Parties {
			line.fields = append(line.fields, cellField(&m.Parties[j], m.OfPartyFacet(m.Parties[j].ID, m.Facets[i].ID)))
		}
		facets.lines = append(facets.lines, line)
	}
	providers.legend = "a cell is the mark of its worst facet (✓ pass, ! warn, ? ERROR: could not tell, ✗ FAIL) and how many passed of those that apply; – is nothing played, or nothing that applies"
	facets.lettered = p.sheet(&providers)
	p.sheet(&facets)
}

// cellField is what cells of a relying party come to: "✗ 9/11". Where nothing was judged, a problem of the relying party
// is the reason.
func cellField(at *report.MatrixParty, t report.Tally) field {
	if t.Verdict() == report.VerdictSkip && at.Problem != "" {
		mark, _, color := look(report.VerdictError)
		return field{mark, color}
	}
	_, _, color := look(t.Verdict())
	return field{t.String(), color}
}

// sheet is a table of short fields below long heads.
type sheet struct {
	title   string
	columns []string
	last    string // head of the sides, if there are any
	lines   []sheetLine
	legend  string

	lettered bool // by a sheet before this one, which says what the letters stand for
}

type sheetLine struct {
	name   string
	fields []field // as many as columns
	side   string
}

type field struct{ text, color string }

// sheet writes a table whose heads are cut, or where that leaves too little of them, letters that are explained below it.
// When even that is too wide, it is written in parts below each other. It reports whether it has letters.
func (p *printer) sheet(s *sheet) (lettered bool) {
	name, least, side := width(s.title), 1, width(s.last)
	for i := range s.lines {
		l := &s.lines[i]
		name, side = max(name, width(oneLine(l.name))), max(side, width(l.side))
		for _, f := range l.fields {
			least = max(least, width(f.text))
		}
	}
	heads, keys := make([]string, len(s.columns)), []string(nil)
	longest := least
	for i, column := range s.columns {
		heads[i] = oneLine(column)
		longest = max(longest, width(heads[i]))
	}
	each := longest
	if p.opts.Width > 0 {
		name = min(name, max(p.opts.Width/3, minName))
		room := p.opts.Width - 2 - name
		if side > 0 && room-side-cellGap >= len(heads)*(least+cellGap) {
			room -= side + cellGap
		} else {
			side = 0
		}
		each = min(longest, room/len(heads)-cellGap)
	}
	if s.lettered || each < longest && (each < max(least, leastHead) || !distinct(heads, each)) {
		each = least
		heads, keys = letters(heads)
	}
	from := 0
	for from < len(heads) {
		to := len(heads)
		if p.opts.Width > 0 {
			to = min(to, from+max(1, (p.opts.Width-2-name)/(each+cellGap)))
		}
		p.sheetPart(s, heads, from, to, name, each, side)
		from = to
	}
	if !s.lettered {
		for _, key := range keys {
			p.wrapped("  ", "     ", key, dim)
		}
	}
	if s.legend != "" {
		p.wrapped("  ", "  ", s.legend, dim)
	}
	return len(keys) > 0
}

// distinct says whether heads differ when they are cut.
func distinct(heads []string, columns int) bool {
	seen := make(map[string]bool)
	for _, head := range heads {
		seen[cut(head, columns)] = true
	}
	return len(seen) == len(heads)
}

// Of the names of rows at least so many columns are shown, and of the heads.
const (
	minName   = 14
	leastHead = 10
)

func (p *printer) sheetPart(s *sheet, heads []string, from, to, name, each, side int) {
	gap := strings.Repeat(" ", cellGap)
	var head strings.Builder
	for _, text := range heads[from:to] {
		head.WriteString(gap + pad(cut(text, each), each))
	}
	if side > 0 {
		head.WriteString(gap + s.last)
	}
	p.line()
	p.line(p.paint(bold, strings.TrimRight(pad(s.title, name+2)+head.String(), " ")))
	for i := range s.lines {
		l := &s.lines[i]
		parts := []string{"  ", pad(cut(oneLine(l.name), name), name)}
		for _, f := range l.fields[from:to] {
			parts = append(parts, gap, p.paint(f.color, f.text), strings.Repeat(" ", max(0, each-width(f.text))))
		}
		if side > 0 {
			parts = append(parts, gap, p.paint(dim, l.side))
		}
		p.line(parts...)
	}
}

// letters are "A", "B", …, "Z", "AA", … for heads, and what they stand for.
func letters(heads []string) (short, keys []string) {
	for i, head := range heads {
		letter := ""
		for n := i + 1; n > 0; n = (n - 1) / 26 {
			letter = string(rune('A'+(n-1)%26)) + letter
		}
		short, keys = append(short, letter), append(keys, pad(letter, 2)+" "+head)
	}
	return short, keys
}

// causes are the sentences of some verdicts.
func (p *printer) causes(title string, list []report.Incompatibility, verdicts ...report.Verdict) {
	first := true
	for _, v := range verdicts {
		for i := range list {
			if list[i].Verdict != v {
				continue
			}
			if first {
				p.line()
				p.line(p.paint(bold, title))
				first = false
			}
			mark, word, color := look(v)
			p.wrapped("  "+p.paint(color, mark+" "+pad(word, wordWidth))+"  ", strings.Repeat(" ", indent), clean(list[i].Sentence), plain)
			p.remedy(&list[i])
		}
	}
}

// remedy is what is known of a cause besides its sentence, from the first cell that it was seen in.
func (p *printer) remedy(i *report.Incompatibility) {
	m := p.run.Matrix
	r := m.Example(i)
	if r == nil {
		if at := m.Party(i.Party); at != nil {
			p.below("hint", at.Hint, plain)
		}
		return
	}
	p.below("expected", r.Expected, plain)
	p.below("actual", r.Actual, plain)
	p.below("hint", r.Hint, plain)
	if r.File != "" && i.Facet != "" {
		p.below("at", fmt.Sprintf("%s:%d", r.File, r.Line), dim)
	}
}

// matrixRows are all facets of all cells, a section for each cell.
func (p *printer) matrixRows(m *report.Matrix) {
	for i := range m.Cells {
		c := &m.Cells[i]
		rows := make([]row, len(c.Facets))
		for j := range c.Facets {
			r := &c.Facets[j]
			rows[j] = row{
				verdict: r.Verdict, title: report.FacetName(r.Facet), duration: r.DurationMS, message: r.Reason, expected: r.Expected, actual: r.Actual,
				hint: r.Hint,
			}
			if r.File != "" {
				rows[j].at = fmt.Sprintf("%s:%d", r.File, r.Line)
			}
			if r.NotApplicable {
				rows[j].message = strings.TrimSuffix("not applicable: "+r.Reason, ": ")
			}
		}
		p.section(m.ProviderName(c.Provider)+" at "+m.PartyName(c.Party), "", rows)
	}
}
