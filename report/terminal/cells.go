package terminal

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/passrig/passrig/report"
)

// cells shows the table of a scenario, or if it is wider than the terminal, a line for each of its fields.
func (p *printer) cells(scenario string) {
	t := p.run.Table(scenario)
	if t == nil || p.opts.Quiet {
		return
	}
	p.line()
	columns := layColumns(t, false)
	if !p.fits(columns) {
		columns = layColumns(t, true)
	}
	if p.fits(columns) {
		p.cellTable(t, columns)
	} else {
		p.cellList(t)
	}
	p.cellLegend(t)
	if t.Left > 0 {
		p.wrapped("  ", "  ", strconv.Itoa(t.Left)+" more steps of this table are only above", dim)
	}
}

// cellText is the mark of a field's verdict and what happened; where no outcome is known, the verdict.
func cellText(c report.TableCell) string {
	if len(c.Steps) == 0 {
		return "–"
	}
	mark, word, _ := look(c.Verdict)
	return mark + " " + cmp.Or(cut(oneLine(c.Outcome), mostOutcome), word)
}

const mostOutcome = 12 // columns: enough for every outcome there is

func cellColor(c report.TableCell) string {
	if len(c.Steps) == 0 {
		return dim
	}
	_, _, color := look(c.Verdict)
	return color
}

// column is a column of a table of cells. The first one has the names of the rows.
type column struct {
	head  []string // its lines
	width int
}

// layColumns are the columns of a table; narrow ones have the words of their heads below each other.
func layColumns(t *report.Table, narrow bool) []column {
	all := []column{{head: []string{""}}}
	for _, row := range t.Rows {
		all[0].width = max(all[0].width, 2+width(oneLine(row)))
	}
	for i, head := range t.Columns {
		c := column{}
		for j := range t.Rows {
			c.width = max(c.width, width(cellText(t.Cells[j][i])))
		}
		if head = oneLine(head); narrow {
			for word := range strings.SplitSeq(head, " ") {
				c.width = max(c.width, width(word))
			}
			c.head = stack(head, c.width)
		} else {
			c.head = []string{head}
		}
		for _, line := range c.head {
			c.width = max(c.width, width(line))
		}
		all = append(all, c)
	}
	return all
}

// stack wraps a head from its end: what tells it from the others most often stands there.
func stack(head string, room int) []string {
	words := strings.Split(head, " ")
	slices.Reverse(words)
	lines := wrap(strings.Join(words, " "), room)
	for i, line := range lines {
		words := strings.Split(line, " ")
		slices.Reverse(words)
		lines[i] = strings.Join(words, " ")
	}
	slices.Reverse(lines)
	return lines
}

const (
	cellGap       = 2 // columns between two cells
	mostHeadLines = 3
)

func (p *printer) fits(columns []column) bool {
	total, lines := -cellGap, 0
	for _, c := range columns {
		total += c.width + cellGap
		lines = max(lines, len(c.head))
	}
	return lines <= mostHeadLines && (p.opts.Width <= 0 || total <= p.opts.Width)
}

func (p *printer) cellTable(t *report.Table, columns []column) {
	lines := 0
	for _, c := range columns {
		lines = max(lines, len(c.head))
	}
	for i := range lines {
		var head strings.Builder
		for _, c := range columns {
			text := ""
			if at := len(c.head) - lines + i; at >= 0 { // the last lines stand above the cells
				text = c.head[at]
			}
			head.WriteString(pad(text, c.width+cellGap))
		}
		p.line(p.paint(bold, strings.TrimRight(head.String(), " ")))
	}
	for i, row := range t.Rows {
		parts := []string{pad("  "+oneLine(row), columns[0].width)}
		for j, c := range t.Cells[i] {
			text := cellText(c)
			parts = append(parts, strings.Repeat(" ", cellGap), p.paint(cellColor(c), text), strings.Repeat(" ", columns[j+1].width-width(text)))
		}
		p.line(parts...)
	}
}

func (p *printer) cellList(t *report.Table) {
	wide := 2 + wordWidth
	for _, row := range t.Cells {
		for _, c := range row {
			wide = max(wide, width(cellText(c)))
		}
	}
	for i, row := range t.Rows {
		p.line(p.paint(bold, p.fit("  "+oneLine(row))))
		for j, c := range t.Cells[i] {
			text := pad(cellText(c), wide)
			p.line("    ", p.paint(cellColor(c), text), "  ", cut(oneLine(t.Columns[j]), p.opts.Width-6-width(text)))
		}
	}
}

// cellLegend says what the marks mean where what happened stands beside them.
func (p *printer) cellLegend(t *report.Table) {
	if !t.Outcomes() {
		return
	}
	var marks []string
	for _, v := range t.Verdicts() {
		mark, word, _ := look(v)
		marks = append(marks, mark+" "+word)
	}
	p.wrapped("  ", "  ", "the mark is the verdict ("+strings.Join(marks, ", ")+"), the word what happened", dim)
}
