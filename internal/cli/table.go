package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/mattn/go-runewidth"
)

// writeTable writes rows with their columns aligned by display width. The first row is the heading.
func writeTable(w io.Writer, rows [][]string) error {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], runewidth.StringWidth(cell))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		for i, cell := range row {
			row[i] = runewidth.FillRight(cell, widths[i])
		}
		fmt.Fprintln(&b, strings.TrimRight(strings.Join(row, "  "), " "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
