package terminal

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/passrig/passrig/report"
)

// latencies writes the table of distributions; counters follow it.
func (p *printer) latencies() {
	if p.opts.Quiet || p.run.Load != nil { // which has tables of its own
		return
	}
	var times, counts []line
	first := 0
	for _, name := range slices.Sorted(maps.Keys(p.run.Metrics)) {
		m := p.run.Metrics[name]
		l := line{name: "  " + name}
		first = max(first, width(oneLine(l.name)))
		if m.Unit == report.UnitCount {
			l.cells = []string{strconv.FormatInt(m.Count, 10)}
			counts = append(counts, l)
			continue
		}
		l.cells = []string{strconv.FormatInt(m.Count, 10)}
		for _, ns := range []float64{m.P50, m.P95, m.P99, m.Max} {
			cell := "–" // nobody came to be measured
			if m.Count > 0 {
				cell = report.FormatDuration(ns)
			}
			l.cells = append(l.cells, cell)
		}
		times = append(times, l)
	}
	p.grid(grid{
		head: "Latency", columns: []string{"count", "p50", "p95", "p99", "max"}, expendable: []string{"count", "p99", "max"}, rows: times, first: first,
	})
	p.grid(grid{head: "Counts", columns: []string{""}, rows: counts, first: first})
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
	if p.run.Fabric != nil && p.run.Fabric.Study != nil {
		line += " of virtual time"
	}
	if p.run.Partial {
		line += " (partial)"
	}
	return line
}
