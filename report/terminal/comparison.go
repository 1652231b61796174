package terminal

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/report/comparison"
)

// WriteComparison writes what changed between runs: verdicts, the worst first, then figures with the interval of their
// change, what makes the comparison worth less than it looks, and the counts as the last line. With Quiet, figures that
// did not change and notes are left out. Options.Reports is of no use here.
func WriteComparison(w io.Writer, c *comparison.Comparison, opts Options) error {
	if opts.Width > 0 {
		opts.Width = max(opts.Width, minWidth)
	}
	p := &printer{out: bufio.NewWriter(w), opts: opts}
	if !opts.Quiet {
		p.sides("old", c.Old)
		p.sides("new", c.New)
	}
	p.changes(c.Changes)
	p.times(c)
	p.rates(c)
	if !opts.Quiet && len(c.Notes)+c.Intervals > 0 {
		p.line()
		for _, note := range c.Notes {
			p.wrapped("note: ", "      ", clean(note), yellow)
		}
		if c.Intervals > 0 {
			text := fmt.Sprintf("%s that all %d intervals hold; a time that changed by less than %s is no change.",
				report.FormatShare(c.Confidence)+" confidence", c.Intervals, report.FormatShare(c.Margin))
			p.wrapped("note: ", "      ", text, dim)
		}
	}
	p.line()
	p.line(p.tally(c))
	if err := p.out.Flush(); err != nil {
		return fmt.Errorf("write comparison: %w", err)
	}
	return nil
}

func (p *printer) sides(label string, list []comparison.Side) {
	for i := range list {
		s := &list[i]
		_, word, _ := look(s.Verdict)
		parts := []string{s.File}
		for _, part := range []string{s.Name, s.Started.UTC().Format("2006-01-02 15:04:05"), word} {
			if part != "" {
				parts = append(parts, part)
			}
		}
		text := strings.Join(parts, ", ")
		if s.Partial {
			text += " (partial)"
		}
		p.wrapped(label+"  ", "     ", clean(text), plain)
	}
}

// changeLook is the mark and the color of a change, and its words.
func changeLook(change string) (mark, color string) {
	switch change {
	case comparison.NewFailure:
		return markOf(report.VerdictFail)
	case comparison.CouldNotTell:
		return markOf(report.VerdictError)
	case comparison.NewWarning, comparison.NotRun, comparison.Gone:
		return markOf(report.VerdictWarn)
	case comparison.Fixed, comparison.WarningGone, comparison.ToldAgain:
		return markOf(report.VerdictPass)
	}
	return markOf(report.VerdictInfo)
}

func markOf(v report.Verdict) (mark, color string) {
	mark, _, color = look(v)
	return mark, color
}

func (p *printer) changes(list []comparison.Change) {
	last := ""
	for i := range list {
		c := &list[i]
		mark, color := changeLook(c.Change)
		if c.Change != last {
			p.line()
			p.line(p.paint(bold, heading(c.Change)))
			last = c.Change
		}
		name := c.Of + " " + c.ID
		if c.Title != "" {
			name += "  " + c.Title
		}
		p.wrapped("  "+mark+" ", "    ", clean(name), color)
		p.wrapped("      ", "      ", clean(verdicts(c)), plain)
		if c.Hint != "" && !p.opts.Quiet && c.Change != comparison.Gone {
			p.wrapped("      hint: ", "            ", clean(c.Hint), dim)
		}
	}
}

// heading is a change in words: "New failure".
func heading(change string) string {
	text := strings.ReplaceAll(change, "-", " ")
	return strings.ToUpper(text[:1]) + text[1:]
}

// verdicts says from what to what: "pass → FAIL: the RP rejected a login".
func verdicts(c *comparison.Change) string {
	word := func(v report.Verdict) string {
		if v == "" {
			return "not there"
		}
		_, word, _ := look(v)
		return word
	}
	text := word(c.Old)
	if c.Of == comparison.OfThreshold && c.OldMessage != "" {
		text += " (" + c.OldMessage + ")"
	}
	text += " → " + word(c.New)
	switch {
	case c.Message == "":
	case c.Of == comparison.OfThreshold:
		text += " (" + c.Message + ")"
	default:
		text += ": " + c.Message
	}
	if c.Mixed != "" {
		text += "; " + c.Mixed
	}
	return text
}

// figureLook is the mark and the color of what a figure did.
func figureLook(s *comparison.Statistic) (mark, color string) {
	switch {
	case s.Regression:
		return markOf(report.VerdictFail)
	case s.Verdict == comparison.Unknown:
		return markOf(report.VerdictError)
	case s.Improvement:
		return markOf(report.VerdictPass)
	case s.Verdict != comparison.Same:
		return markOf(report.VerdictInfo)
	}
	return " ", plain
}

func (p *printer) times(c *comparison.Comparison) {
	p.figures(c, report.UnitNanoseconds, grid{
		head: "Latency", columns: []string{"old", "new", "change", "from", "to"}, expendable: []string{"old", "to", "from"},
	}, report.FormatDuration, func(v float64) string { return signed(v, report.FormatShare) })
}

func (p *printer) rates(c *comparison.Comparison) {
	p.figures(c, report.UnitCount, grid{
		head: "Rates", columns: []string{"old", "new", "points", "from", "to"}, expendable: []string{"old", "to", "from"},
	}, report.FormatShare, func(v float64) string {
		return signed(v, func(v float64) string { return strings.TrimSuffix(report.FormatShare(v), "%") })
	})
}

func (p *printer) figures(c *comparison.Comparison, unit string, g grid, value, change func(float64) string) {
	var few []string
	for i := range c.Metrics {
		m := &c.Metrics[i]
		if m.Unit != unit {
			continue
		}
		if untold(m) {
			few = append(few, fmt.Sprintf("%s (%d and %d)", m.Name, m.OldCount, m.NewCount))
			continue
		}
		for j := range m.Statistics {
			s := &m.Statistics[j]
			if p.opts.Quiet && s.Verdict == comparison.Same {
				continue
			}
			mark, color := figureLook(s)
			name := "  " + mark + " " + m.Name + "." + s.Name
			if s.Verdict != comparison.Same {
				name += " " + s.Verdict
			}
			g.rows = append(g.rows, line{
				name: name, color: color,
				cells: []string{value(s.Old), value(s.New), change(s.Change), end(s.Low, change), end(s.High, change)},
			})
		}
	}
	p.grid(g)
	if len(few) > 0 && !p.opts.Quiet {
		p.line()
		p.wrapped("  ? ", "    ", clean("too few samples to tell: "+strings.Join(few, ", ")), magenta)
	}
}

// untold says whether nothing is known of the change of a metric.
func untold(m *comparison.Metric) bool {
	return !slices.ContainsFunc(m.Statistics, func(s comparison.Statistic) bool { return s.Verdict != comparison.Unknown })
}

func end(bound *float64, change func(float64) string) string {
	if bound == nil {
		return "?"
	}
	return change(*bound)
}

func signed(v float64, format func(float64) string) string {
	switch text := format(math.Abs(v)); {
	case strings.Trim(text, "0.%") == "":
		return text
	case v < 0:
		return "-" + text
	default:
		return "+" + text
	}
}

// tally is the last line: "2 worse, 1 better, 14 without change, 3 could not be told".
func (p *printer) tally(c *comparison.Comparison) string {
	var worse, better, same, unknown, other int
	for i := range c.Changes {
		switch mark, _ := changeLook(c.Changes[i].Change); {
		case c.Changes[i].Regression:
			worse++
		case c.Changes[i].Change == comparison.CouldNotTell:
			unknown++
		case mark == "✓":
			better++
		default:
			other++
		}
	}
	for i := range c.Metrics {
		if untold(&c.Metrics[i]) {
			unknown++ // one for all of them
			continue
		}
		for j := range c.Metrics[i].Statistics {
			switch s := &c.Metrics[i].Statistics[j]; {
			case s.Regression:
				worse++
			case s.Improvement:
				better++
			case s.Verdict == comparison.Unknown:
				unknown++
			case s.Verdict == comparison.Same:
				same++
			default:
				other++
			}
		}
	}
	return p.counted([]counted{
		{worse, "worse", red},
		{better, "better", green},
		{unknown, "could not be told", magenta},
		{other, "changed otherwise", yellow},
		{same, "figures without a change", plain},
	})
}

// counted is how many of something there are.
type counted struct {
	n           int
	text, color string
}

func (p *printer) counted(list []counted) string {
	var parts []string
	for _, part := range list {
		if part.n > 0 {
			parts = append(parts, p.paint(part.color, fmt.Sprintf("%d %s", part.n, part.text)))
		}
	}
	if len(parts) == 0 {
		return "no change"
	}
	return strings.Join(parts, ", ")
}
