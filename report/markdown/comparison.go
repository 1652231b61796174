package markdown

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/report/comparison"
)

// WriteComparison writes what changed between runs, for a merge request: what got worse first.
func WriteComparison(w io.Writer, c *comparison.Comparison, opts Options) error {
	if opts.Limit > 0 {
		opts.Limit = max(opts.Limit, leastLimit)
	}
	d := &document{opts: opts}
	mark := report.VerdictPass.Mark()
	switch {
	case c.Regressed:
		mark = report.VerdictFail.Mark()
	case c.Untold:
		mark = report.VerdictError.Mark()
	}
	d.heading(0, mark+" "+c.Headline())
	d.tally(c)
	d.changes(c)
	d.figures(c, report.UnitNanoseconds, "Latency", "Change")
	d.figures(c, report.UnitCount, "Rates", "Points")
	if reasons := c.Reasons(); len(reasons) > 0 {
		d.section(1, "What could not be told", func() { d.items(reasons) })
	}
	d.section(1, "What was compared", func() {
		d.sides(c)
		d.items(c.Notes)
		d.paragraph(c.Basis())
	})
	if d.full {
		d.text.WriteString(cutNote)
	}
	if _, err := io.WriteString(w, strings.TrimRight(d.text.String(), "\n")+"\n"); err != nil {
		return fmt.Errorf("write Markdown comparison: %w", err)
	}
	return nil
}

func (d *document) tally(c *comparison.Comparison) {
	t := c.Tally()
	var parts []string
	for _, part := range []struct {
		n    int
		what string
	}{
		{t.Worse, "worse"},
		{t.Better, "better"},
		{t.Untold, "could not be told"},
		{t.Other, "changed otherwise"},
		{t.Same, "figures without a change"},
	} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.what))
		}
	}
	if len(parts) > 0 {
		d.paragraph(strings.Join(parts, ", ") + ".")
	}
}

// changes are a list for each kind. Cells of a matrix are told of in groups.
func (d *document) changes(c *comparison.Comparison) {
	last := ""
	for i := range c.Changes {
		ch := &c.Changes[i]
		if ch.Change != last {
			if last != "" {
				d.put("\n")
			}
			d.heading(1, comparison.Heading(ch.Change))
			last = ch.Change
			for j := range c.Groups {
				if g := &c.Groups[j]; g.Change == ch.Change {
					d.put(item("", g.Sentence))
				}
			}
		}
		if ch.Of != comparison.OfCell {
			d.put(item(ch.Of, change(ch)))
		}
	}
	if last != "" {
		d.put("\n")
	}
}

// change says what changed from what to what: "reg.challenge: pass, then fail: the RP accepted it".
func change(c *comparison.Change) string {
	text := c.ID
	if c.Title != "" && c.Title != c.ID {
		text += " " + c.Title
	}
	was, is := c.Old.Words(), c.New.Words()
	switch {
	case was == "" && is == "":
	case was == "":
		text += ": " + is
	case is == "":
		text += ": was " + was
	default:
		text += ": " + was + ", then " + is
	}
	more := slices.DeleteFunc([]string{text, c.Message, c.Mixed}, func(s string) bool { return s == "" })
	return strings.Join(more, "; ")
}

// figures are a table of those that changed, and one of all of them that can be folded away.
func (d *document) figures(c *comparison.Comparison, unit, title, change string) {
	heads := []string{"Figure", "Verdict", "Old", "New", change, "From", "To"}
	var changed, all [][]string
	for i := range c.Metrics {
		m := &c.Metrics[i]
		if m.Unit != unit || m.Untold() && m.Reason != "" {
			continue
		}
		for j := range m.Statistics {
			s := &m.Statistics[j]
			row := []string{m.Name + "." + s.Name, s.Verdict, m.Value(s.Old), m.Value(s.New), m.Signed(s.Change), m.Bound(s.Low), m.Bound(s.High)}
			if all = append(all, row); s.Verdict != comparison.Same && s.Verdict != comparison.Unknown {
				changed = append(changed, row)
			}
		}
	}
	if len(changed) > 0 {
		d.heading(1, title+" that changed")
		d.table(heads, 2, changed)
	}
	if len(all) > 0 {
		d.section(1, title, func() { d.table(heads, 2, all) })
	}
}

func (d *document) sides(c *comparison.Comparison) {
	var rows [][]string
	for _, side := range []struct {
		name string
		list []comparison.Side
	}{{"old", c.Old}, {"new", c.New}} {
		for i := range side.list {
			s := &side.list[i]
			words := s.Verdict.Words()
			if s.Partial {
				words += " (partial)"
			}
			rows = append(rows, []string{side.name, s.File, s.Name, s.Started.UTC().Format("2006-01-02 15:04:05"), words})
		}
	}
	d.table([]string{"", "File", "Run", "Started", "Verdict"}, 5, rows)
}
