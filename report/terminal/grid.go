package terminal

import (
	"slices"
	"strings"
)

// grid is a table: names, and figures in columns to the right of them.
type grid struct {
	head       string   // of the names
	columns    []string // names of the figures
	expendable []string // columns to do without where there is no room, the first ones first
	rows       []line
	first      int // least width of the names
}

// line is a row of a grid.
type line struct {
	name, color string
	cells       []string // in the order of the columns; may be fewer
	below       string   // a text below the row
}

// columnWidth is the least width of a column of figures.
const columnWidth = 9

// grid writes a table, or nothing when it has no rows.
func (p *printer) grid(g grid) {
	if len(g.rows) == 0 {
		return
	}
	first, column := max(g.first, len(g.head)), columnWidth
	for _, r := range g.rows {
		first = max(first, width(oneLine(r.name)))
		for _, cell := range r.cells {
			column = max(column, width(cell)+1)
		}
	}
	shown := p.shown(g, first, column)
	if p.opts.Width > 0 {
		first = min(first, p.opts.Width-len(shown)*column)
	}
	cells := func(texts []string) string {
		var b strings.Builder
		for _, i := range shown {
			text := ""
			if i < len(texts) {
				text = texts[i]
			}
			b.WriteString(padLeft(text, column))
		}
		return b.String()
	}
	p.line()
	p.line(p.paint(bold, strings.TrimRight(pad(cut(g.head, first), first)+cells(g.columns), " ")))
	for _, r := range g.rows {
		p.line(p.paint(r.color, pad(cut(oneLine(r.name), first), first)), cells(r.cells))
		if r.below != "" {
			p.wrapped("      ", "      ", clean(r.below), plain)
		}
	}
}

// shown are the indexes of the columns that fit, each of a width, next to names of a width.
func (p *printer) shown(g grid, first, column int) []int {
	columns := slices.Clone(g.columns)
	for _, name := range g.expendable {
		if p.opts.Width <= 0 || first+len(columns)*column <= p.opts.Width {
			break
		}
		columns = slices.DeleteFunc(columns, func(c string) bool { return c == name })
	}
	var indexes []int
	for i, c := range g.columns {
		if slices.Contains(columns, c) {
			indexes = append(indexes, i)
		}
	}
	return indexes
}
