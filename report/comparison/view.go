package comparison

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/passrig/passrig/report"
)

// Tally counts what happened to verdicts and figures.
type Tally struct{ Worse, Better, Untold, Other, Same int }

// Tally counts every change, every figure, and once each metric of which nothing could be told. Same are figures only.
func (c *Comparison) Tally() Tally {
	var t Tally
	for i := range c.Changes {
		switch ch := &c.Changes[i]; {
		case ch.Regression:
			t.Worse++
		case ch.Change == CouldNotTell || ch.Change == StillUntold:
			t.Untold++
		case Better(ch.Change):
			t.Better++
		default:
			t.Other++
		}
	}
	for i := range c.Metrics {
		m := &c.Metrics[i]
		if m.Untold() {
			t.Untold++
			continue
		}
		for j := range m.Statistics {
			switch s := &m.Statistics[j]; {
			case s.Regression:
				t.Worse++
			case s.Improvement:
				t.Better++
			case s.Verdict == Unknown:
				t.Untold++
			case s.Verdict == Same:
				t.Same++
			default:
				t.Other++
			}
		}
	}
	return t
}

// Headline says in a few words what the comparison came to.
func (c *Comparison) Headline() string {
	t := c.Tally()
	switch {
	case c.Regressed:
		return "Something got worse"
	case c.Untold:
		return "Not everything could be told"
	case slices.ContainsFunc(c.Changes, func(ch Change) bool { return ch.Change == NotRun || ch.Change == Gone }):
		return "Not everything is judged any more, and nothing else got worse"
	case t.Better > 0:
		return "Something got better, and nothing worse"
	case t.Other > 0:
		return "Something changed, and nothing got worse"
	case t.Untold > 0:
		return "No change in what could be told"
	}
	return "No change"
}

// Better says whether a change of a verdict is one to the better.
func Better(change string) bool {
	return change == Fixed || change == WarningGone || change == ToldAgain
}

// Heading is a change of a verdict in words: "New failure".
func Heading(change string) string {
	text := strings.ReplaceAll(change, "-", " ")
	return strings.ToUpper(text[:1]) + text[1:]
}

// Untold says whether nothing is known of the change of a metric.
func (m *Metric) Untold() bool {
	return !slices.ContainsFunc(m.Statistics, func(s Statistic) bool { return s.Verdict != Unknown })
}

// Why is why nothing is known of it.
func (m *Metric) Why() string {
	if m.Reason != "" {
		return m.Reason
	}
	return "the intervals are too wide"
}

// Reasons are the metrics of which nothing could be told, by why: "too few samples, 2 and 2: login.total, login.options".
func (c *Comparison) Reasons() []string {
	var order []string
	names := make(map[string][]string)
	for i := range c.Metrics {
		if m := &c.Metrics[i]; m.Untold() {
			if names[m.Why()] == nil {
				order = append(order, m.Why())
			}
			names[m.Why()] = append(names[m.Why()], m.Name)
		}
	}
	for i, why := range order {
		order[i] = why + ": " + strings.Join(names[why], ", ")
	}
	return order
}

// Value formats a value of the figure.
func (m *Metric) Value(v float64) string {
	if m.Unit == report.UnitCount {
		return report.FormatShare(v)
	}
	return report.FormatDuration(v)
}

// Signed formats a change of the figure, of a rate in percentage points: "+12%", "-0.3".
func (m *Metric) Signed(v float64) string {
	text := report.FormatShare(math.Abs(v))
	if m.Unit == report.UnitCount {
		text = strings.TrimSuffix(text, "%")
	}
	switch {
	case strings.Trim(text, "0.%") == "":
		return text
	case v < 0:
		return "-" + text
	}
	return "+" + text
}

// Bound formats the end of an interval, which may not be known.
func (m *Metric) Bound(v *float64) string {
	if v == nil {
		return "?"
	}
	return m.Signed(*v)
}

// Basis says in one sentence how sure the figures are, or is empty when there are none.
func (c *Comparison) Basis() string {
	if c.Intervals == 0 {
		return ""
	}
	return fmt.Sprintf("%s confidence that all %d intervals hold, with %s for noise (%s).",
		report.FormatShare(c.Confidence), c.Intervals, report.FormatShare(c.Noise), c.Method)
}
