package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/passrig/passrig/bench/internal/measure"
)

// print writes the tables for people.
func (r *result) print(w io.Writer) error {
	if len(r.Tables) > 0 {
		fmt.Fprintln(w, r.circumstances())
	}
	for _, t := range r.Tables {
		fmt.Fprintf(w, "\n%s\n", t.title())
		if err := align(w, t.lines()); err != nil {
			return err
		}
	}
	if len(r.Studies) > 0 {
		fmt.Fprintln(w, "\nSimulations, on all CPUs")
		if err := align(w, r.studyLines()); err != nil {
			return err
		}
	}
	fmt.Fprintln(w)
	return align(w, slices.Concat(figures(r.Figures), figures(r.StudyFigures)[1:]))
}

// align writes lines with their cells below each other.
func align(w io.Writer, lines [][]string) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, line := range lines {
		fmt.Fprintln(tw, strings.Join(line, "\t"))
	}
	return tw.Flush()
}

// part is a piece of a page that is written anew.
type part struct{ begin, end, text string }

// parts are what there are tables for, each with the marks that they are put between.
func (r *result) parts() []part {
	var parts []part
	if len(r.Tables) > 0 {
		parts = append(parts, part{"<!-- bench/load: begin -->\n", "<!-- bench/load: end -->", r.markdown()})
	}
	if len(r.Studies) > 0 {
		parts = append(parts, part{"<!-- bench/load, studies: begin -->\n", "<!-- bench/load, studies: end -->", r.studyMarkdown()})
	}
	return parts
}

// insert rewrites the tables in a file of Markdown.
func (r *result) insert(path string) error {
	if path == "" {
		return nil
	}
	page, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for _, p := range r.parts() {
		head, rest, begun := bytes.Cut(page, []byte(p.begin))
		_, tail, ended := bytes.Cut(rest, []byte(p.end))
		if !begun || !ended {
			return fmt.Errorf("%s: the marks %q and %q are not there", path, p.begin, p.end)
		}
		page = slices.Concat(head, []byte(p.begin+p.text+p.end), tail)
	}
	return os.WriteFile(path, page, 0o600) //nolint:gosec // G703: the file the user names
}

func (r *result) markdown() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n\n", r.circumstances())
	for _, t := range r.Tables {
		fmt.Fprintf(&text, "%s:\n\n%s\n", t.title(), grid(t.lines()))
	}
	text.WriteString(grid(figures(r.Figures)))
	return text.String()
}

// grid is a table in Markdown.
func grid(lines [][]string) string {
	var text strings.Builder
	for i, line := range lines {
		fmt.Fprintf(&text, "| %s |\n", strings.Join(line, " | "))
		if i == 0 {
			text.WriteString(strings.Repeat("|---", len(line)) + "|\n")
		}
	}
	return text.String()
}

// circumstances say how it was measured.
func (r *result) circumstances() string {
	place := "one for the client and another for the server"
	if r.CPUs == 1 {
		place = "which client and server share"
	}
	rounds := 0
	for _, t := range r.Tables {
		rounds = max(rounds, len(t.Rows[0].Samples))
	}
	return fmt.Sprintf("Measured on %s with %d CPUs, %s; %d at a time, up to %d rounds of %g s; medians, with the range over rounds in brackets.",
		r.When.Format("2006-01-02"), r.CPUs, place, r.Workers, rounds, r.Window)
}

func (t *table) title() string {
	server := "the null server"
	if t.Server == demoServer {
		server = "the demo relying party"
	}
	return fmt.Sprintf("A %s on %s", t.What, server)
}

// lines are a table's, the first with what the columns are.
func (t *table) lines() [][]string {
	head := []string{"client", "CPU µs", "best", "a second and core", "of passrig"}
	floored := t.row(floorFast) != nil
	if floored {
		head = append(head, "of the floor")
	}
	lines := [][]string{append(head, "server CPU µs", "RSS MiB")}
	for _, w := range t.Rows {
		costs := w.costs()
		if len(costs) == 0 {
			continue // it had no turn
		}
		line := []string{
			w.Name, measure.Spread(costs, "%.1f"), fmt.Sprintf("%.1f", slices.Min(costs)), fmt.Sprintf("%.0f", 1e6/measure.Median(costs)),
			times(t.compare(w.Name, pooled, ratio)),
		}
		if floored {
			line = append(line, times(t.compare(w.Name, floorFast, ratio)))
		}
		lines = append(lines, append(line,
			fmt.Sprintf("%.0f", measure.Median(measure.Pick(w.Samples, func(s sample) float64 { return s.ServerCPU }))),
			fmt.Sprintf("%.0f", measure.Median(measure.Pick(w.Samples, func(s sample) float64 { return s.RSS }))),
		))
	}
	return lines
}

// times is the median of ratios, of which there may be none.
func times(ratios []float64) string {
	if len(ratios) == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", measure.Median(ratios))
}

// figures are what was promised and what became of it, the first line with what the columns are.
func figures(list []measure.Figure) [][]string {
	lines := [][]string{{"figure", "measured", "wanted"}}
	for _, f := range list {
		lines = append(lines, []string{f.What, f.Measured(), f.Wanted()})
	}
	return lines
}
