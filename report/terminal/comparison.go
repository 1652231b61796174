package terminal

import (
	"bufio"
	"fmt"
	"io"
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
	p.changes(c)
	p.times(c)
	p.rates(c)
	p.untold(c)
	if !opts.Quiet && len(c.Notes)+c.Intervals > 0 {
		p.line()
		for _, note := range c.Notes {
			p.wrapped("note: ", "      ", clean(note), yellow)
		}
		if basis := c.Basis(); basis != "" {
			p.wrapped("note: ", "      ", basis, dim)
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
	case comparison.CouldNotTell, comparison.StillUntold:
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

// changes writes those of each kind below a heading. Cells of a matrix are told of in groups.
func (p *printer) changes(c *comparison.Comparison) {
	last := ""
	for i := range c.Changes {
		ch := &c.Changes[i]
		mark, color := changeLook(ch.Change)
		if ch.Change != last {
			p.line()
			p.line(p.paint(bold, comparison.Heading(ch.Change)))
			last = ch.Change
			p.groups(c.Groups, ch.Change)
		}
		if ch.Of == comparison.OfCell {
			continue
		}
		name := ch.Of + " " + ch.ID
		if ch.Title != "" {
			name += ": " + ch.Title
		}
		p.wrapped("  "+mark+" ", "    ", clean(name), color)
		if ch.Old+ch.New != "" {
			p.wrapped("      ", "      ", clean(verdicts(ch)), plain)
		}
		if ch.Hint != "" && !p.opts.Quiet && ch.Change != comparison.Gone {
			p.wrapped("      hint: ", "            ", clean(ch.Hint), dim)
		}
	}
}

func (p *printer) groups(list []comparison.Group, change string) {
	for i := range list {
		g := &list[i]
		if g.Change != change {
			continue
		}
		mark, color := changeLook(change)
		p.wrapped("  "+mark+" ", "    ", clean(g.Sentence), color)
		if g.Hint != "" && !p.opts.Quiet {
			p.wrapped("      hint: ", "            ", clean(g.Hint), dim)
		}
	}
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
	})
}

func (p *printer) rates(c *comparison.Comparison) {
	p.figures(c, report.UnitCount, grid{
		head: "Rates", columns: []string{"old", "new", "points", "from", "to"}, expendable: []string{"old", "to", "from"},
	})
}

func (p *printer) figures(c *comparison.Comparison, unit string, g grid) {
	for i := range c.Metrics {
		m := &c.Metrics[i]
		if m.Unit != unit || m.Untold() && m.Reason != "" {
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
				cells: []string{m.Value(s.Old), m.Value(s.New), m.Signed(s.Change), m.Bound(s.Low), m.Bound(s.High)},
			})
		}
	}
	p.grid(g)
}

// untold says of which metrics nothing is known, and why.
func (p *printer) untold(c *comparison.Comparison) {
	reasons := c.Reasons()
	if len(reasons) == 0 || p.opts.Quiet {
		return
	}
	p.line()
	for _, text := range reasons {
		p.wrapped("  ? ", "    ", clean("could not tell: "+text), magenta)
	}
}

// tally is the last line: "2 worse, 1 better, 3 could not be told, 14 figures without a change".
func (p *printer) tally(c *comparison.Comparison) string {
	t := c.Tally()
	none := ""
	switch {
	case t == (comparison.Tally{}) && c.Untold:
		return p.paint(magenta, "nothing could be told")
	case t == (comparison.Tally{}) || c.Untold || t.Worse+t.Better+t.Other > 0:
	case t.Untold > 0:
		none = "no change in what could be told: "
	default:
		none = "no change: "
	}
	return none + p.counted([]counted{
		{t.Worse, "worse", red},
		{t.Better, "better", green},
		{t.Untold, "could not be told", magenta},
		{t.Other, "changed otherwise", yellow},
		{t.Same, "figures without a change", plain},
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
