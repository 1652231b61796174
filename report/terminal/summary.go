package terminal

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/passrig/passrig/report"
)

// column is one statistic of the latency table.
type column struct {
	name  string
	value func(report.Metric) string
}

const columnWidth = 9

// columnsFor returns the statistics that fit next to a name of the given width.
func (p *printer) columnsFor(name int) []column {
	ns := func(pick func(report.Metric) float64) func(report.Metric) string {
		return func(m report.Metric) string { return report.FormatDuration(pick(m)) }
	}
	all := []column{
		{"count", func(m report.Metric) string { return strconv.FormatInt(m.Count, 10) }},
		{"p50", ns(func(m report.Metric) float64 { return m.P50 })},
		{"p95", ns(func(m report.Metric) float64 { return m.P95 })},
		{"p99", ns(func(m report.Metric) float64 { return m.P99 })},
		{"max", ns(func(m report.Metric) float64 { return m.Max })},
	}
	for _, expendable := range []string{"count", "p99", "max"} {
		if p.opts.Width <= 0 || name+len(all)*columnWidth <= p.opts.Width {
			break
		}
		all = slices.DeleteFunc(all, func(c column) bool { return c.name == expendable })
	}
	return all
}

func cells(stats []column, text func(column) string) string {
	var b strings.Builder
	for _, c := range stats {
		b.WriteString(padLeft(text(c), columnWidth))
	}
	return b.String()
}

// latencies writes the table of distributions; counters follow it.
func (p *printer) latencies() {
	if p.opts.Quiet || len(p.run.Metrics) == 0 {
		return
	}
	names := slices.Sorted(maps.Keys(p.run.Metrics))
	first := len("Latency")
	for _, name := range names {
		first = max(first, 2+width(oneLine(name)))
	}
	stats := p.columnsFor(first)
	if p.opts.Width > 0 {
		first = min(first, p.opts.Width-len(stats)*columnWidth)
	}
	head := pad("Latency", first) + cells(stats, func(c column) string { return c.name })
	var times, counts []string
	for _, name := range names {
		m := p.run.Metrics[name]
		l := pad("  "+cut(oneLine(name), first-2), first)
		if m.Unit == report.UnitCount {
			counts = append(counts, l+padLeft(strconv.FormatInt(m.Count, 10), columnWidth))
			continue
		}
		times = append(times, l+cells(stats, func(c column) string { return c.value(m) }))
	}
	p.table(head, times)
	p.table("Counts", counts)
}

func (p *printer) table(head string, rows []string) {
	if len(rows) == 0 {
		return
	}
	p.line()
	p.line(p.paint(bold, head))
	for _, l := range rows {
		p.line(l)
	}
}

func (p *printer) footer() {
	caveats := p.run.Caveats()
	if len(caveats) > 0 && (!p.opts.Quiet || p.run.Partial) {
		p.line()
		for _, c := range caveats {
			p.wrapped("note: ", "      ", clean(c), yellow)
		}
	}
	if !p.opts.Quiet && len(p.opts.Reports) > 0 {
		p.line()
		for _, path := range p.opts.Reports {
			p.line("report  ", clean(path))
		}
	}
	p.line()
	p.line(p.counts())
}

// counts is the last line: "12 passed, 1 failed, 2 skipped in 3.4s".
func (p *printer) counts() string {
	s := p.run.Summary
	var parts []string
	for _, c := range []struct {
		n           int
		word, color string
	}{
		{s.Passed, "passed", green},
		{s.Failed, "failed", red},
		{s.Errored, "errored", magenta},
		{s.Warned, "warned", yellow},
		{s.Skipped, "skipped", dim},
	} {
		if c.n > 0 {
			parts = append(parts, p.paint(c.color, fmt.Sprintf("%d %s", c.n, c.word)))
		}
	}
	if len(parts) == 0 {
		parts = []string{"nothing was judged"}
	}
	line := strings.Join(parts, ", ") + " in " + report.FormatMS(p.run.DurationMS)
	if p.run.Partial {
		line += " (partial)"
	}
	return line
}
