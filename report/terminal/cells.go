package terminal

import (
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
	heads := make([]string, 0, len(t.Columns)+1)
	heads = append(heads, "  ")
	for _, c := range t.Columns {
		heads = append(heads, oneLine(c))
	}
	widths := make([]int, len(heads))
	total := 0
	for i, h := range heads {
		widths[i] = width(h)
		for j := range t.Rows {
			if i == 0 {
				widths[i] = max(widths[i], width("  "+oneLine(t.Rows[j])))
			} else {
				widths[i] = max(widths[i], width(cellText(t.Cells[j][i-1])))
			}
		}
		total += widths[i] + 2
	}
	if p.opts.Width > 0 && total-2 > p.opts.Width {
		p.cellList(t)
	} else {
		p.cellTable(t, heads, widths)
	}
	if t.Left > 0 {
		p.wrapped("  ", "  ", strconv.Itoa(t.Left)+" more steps of this table are only above", dim)
	}
}

// cellText is the mark and word of a field.
func cellText(c report.TableCell) string {
	if len(c.Steps) == 0 {
		return "–"
	}
	mark, word, _ := look(c.Verdict)
	return mark + " " + word
}

func cellColor(c report.TableCell) string {
	if len(c.Steps) == 0 {
		return dim
	}
	_, _, color := look(c.Verdict)
	return color
}

func (p *printer) cellTable(t *report.Table, heads []string, widths []int) {
	var head strings.Builder
	for i, h := range heads {
		head.WriteString(pad(h, widths[i]+2))
	}
	p.line(p.paint(bold, strings.TrimRight(head.String(), " ")))
	for i, row := range t.Rows {
		parts := []string{pad("  "+oneLine(row), widths[0])}
		for j, c := range t.Cells[i] {
			parts = append(parts, "  ", p.paint(cellColor(c), cellText(c)), strings.Repeat(" ", widths[j+1]-width(cellText(c))))
		}
		p.line(parts...)
	}
}

func (p *printer) cellList(t *report.Table) {
	for i, row := range t.Rows {
		p.line(p.paint(bold, p.fit("  "+oneLine(row))))
		for j, c := range t.Cells[i] {
			lead := "    " + pad(cellText(c), 2+wordWidth) + "  "
			p.line("    ", p.paint(cellColor(c), pad(cellText(c), 2+wordWidth)), "  ", cut(oneLine(t.Columns[j]), p.opts.Width-width(lead)))
		}
	}
}
