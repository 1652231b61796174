package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mattn/go-runewidth"
)

// writeList writes a table, or where it is wider than the terminal (room, in columns; 0 is any), each row in two lines: the
// widest column, which has the sentences, is below the others.
func writeList(w io.Writer, rows [][]string, room int) error {
	widths := columnWidths(rows)
	total := -columnGap
	for _, width := range widths {
		total += width + columnGap
	}
	if room <= 0 || total <= room || len(widths) < 2 {
		return writeTable(w, rows)
	}
	widest := 1 + slices.Index(widths[1:], slices.Max(widths[1:]))
	var b strings.Builder
	for _, row := range rows {
		fmt.Fprintln(&b, aligned(slices.Delete(slices.Clone(row), widest, widest+1), slices.Delete(slices.Clone(widths), widest, widest+1)))
		if row[widest] != "" {
			fmt.Fprintln(&b, "    "+row[widest])
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

const columnGap = 2 // columns between two columns of a table

func columnWidths(rows [][]string) []int {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], runewidth.StringWidth(cell))
		}
	}
	return widths
}

// writeTable writes rows with their columns aligned by display width. The first row is the heading.
func writeTable(w io.Writer, rows [][]string) error {
	widths := columnWidths(rows)
	var b strings.Builder
	for _, row := range rows {
		fmt.Fprintln(&b, aligned(row, widths))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// aligned is a row whose cells are filled to the widths of their columns.
func aligned(row []string, widths []int) string {
	cells := make([]string, len(row))
	for i, cell := range row {
		cells[i] = runewidth.FillRight(cell, widths[i])
	}
	return strings.TrimRight(strings.Join(cells, strings.Repeat(" ", columnGap)), " ")
}
