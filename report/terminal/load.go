package terminal

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/passrig/passrig/report"
)

// load shows what was asked of the relying party, how it answered, and how the generator did.
func (p *printer) load() {
	l := p.run.Load
	if l == nil || p.opts.Quiet {
		return
	}
	p.line()
	p.line(p.paint(bold, "Load"))
	p.wrapped("  ", "  ", clean(l.Offered()), plain)
	p.wrapped("  ", "  ", clean(l.Means()), dim)
	color := green
	if l.Limited() {
		color = magenta
	} else if c := l.Counts; c.Failed > 0 || c.Censored > 0 || c.Finished == 0 || l.Limit != nil && l.Limit.Rate == 0 {
		color = yellow
	}
	p.wrapped("  ", "  ", clean(l.Verdict()), color)
	p.iterations(l)
	p.limit(l)
	p.operations(l)
	p.outcomes(l)
	p.generator(l)
}

const notCounted = " *"

// iterations counts them, phase by phase; of a search only at the limit, as the other rates are in a table of their own.
func (p *printer) iterations(l *report.LoadRun) {
	var rows []line
	uncounted, measured := false, 0
	for i := range l.Phases {
		ph := &l.Phases[i]
		if ph.Measured {
			measured++
		}
		tried := l.Limit != nil && !ph.Measured && ph.ToRate > 0
		if tried || ph.Counts == (report.LoadCounts{}) {
			continue
		}
		name := "  " + ph.Name
		if !ph.Measured {
			name, uncounted = name+notCounted, true
		}
		rows = append(rows, countLine(name, ph.Counts))
	}
	if measured > 1 {
		all := countLine("  measured", l.Counts)
		all.color = bold
		rows = append(rows, all)
	}
	p.grid(grid{
		head: "Iterations", columns: []string{"due", "started", "finished", "failed", "censored"}, expendable: []string{"due", "censored"}, rows: rows,
	})
	if uncounted {
		p.wrapped("  * ", "    ", "not measured, and in no figure below", dim)
	}
}

func countLine(name string, c report.LoadCounts) line {
	l := line{name: name}
	for _, n := range []int64{c.Scheduled, c.Started, c.Finished, c.Failed, c.Censored} {
		l.cells = append(l.cells, strconv.FormatInt(n, 10))
	}
	return l
}

// limit is the curve of a search, with the highest rate that was kept marked.
func (p *printer) limit(l *report.LoadRun) {
	if l.Limit == nil {
		return
	}
	var rows []line
	for i := range l.Limit.Points {
		pt := &l.Limit.Points[i]
		mark, word, color := look(pt.Verdict)
		name := fmt.Sprintf("  %s %s", mark, report.FormatRate(pt.Rate))
		if pt.Rate == l.Limit.Rate && pt.Verdict == report.VerdictPass {
			word = "the limit"
		}
		row := line{name: pad(name, 14) + word, color: color, cells: []string{report.FormatRate(pt.Achieved)}}
		if pt.Verdict == report.VerdictError {
			row.cells = append(row.cells, "–", "–", "–") // not claimed
		} else {
			for _, ns := range []float64{pt.P50, pt.P95, pt.P99} {
				cell := "–" // nothing came back
				if ns > 0 {
					cell = report.FormatDuration(ns)
				}
				row.cells = append(row.cells, cell)
			}
		}
		row.cells = append(row.cells, report.FormatShare(pt.FailedRate))
		if pt.Verdict != report.VerdictPass {
			row.below = pt.Message
		}
		rows = append(rows, row)
	}
	p.grid(grid{
		head: "Limit", columns: []string{"done", "p50", "p95", "p99", "failed"}, expendable: []string{"p50", "failed", "p95"}, rows: rows,
	})
}

// operations shows how long they took, each with its phases.
func (p *printer) operations(l *report.LoadRun) {
	if l.Limited() {
		p.line()
		p.line(p.paint(bold, "Latency"))
		p.wrapped("  ", "  ", clean("not claimed: "+strings.TrimSuffix(l.Generator.Limited, ".")), magenta)
		return
	}
	var rows []line
	add := func(name, metric string) {
		m, ok := p.run.Metrics[metric]
		if !ok || m.Count == 0 {
			return
		}
		row := line{name: name, cells: []string{strconv.FormatInt(m.Count, 10)}}
		for _, ns := range []float64{m.P50, m.P90, m.P95, m.P99, m.Max} {
			row.cells = append(row.cells, report.FormatDuration(ns))
		}
		rows = append(rows, row)
	}
	for _, op := range l.Operations() {
		name := called(op.Journey, op.Operation)
		if p.run.Metrics[report.LoadMetric(op.Journey, op.Operation, report.PhaseTotal)].Count == 0 { // as of one that is to be rejected
			add("  "+name+", every outcome", report.LoadMetric(op.Journey, op.Operation, report.PartAll))
			continue
		}
		add("  "+name, report.LoadMetric(op.Journey, op.Operation, report.PhaseTotal))
		for _, part := range []string{report.PhaseOptions, report.PhaseClient, report.PhaseResult} {
			add("    "+part, report.LoadMetric(op.Journey, op.Operation, part))
		}
		if op.Unexpected > 0 || p.opts.Verbose {
			add("    every outcome", report.LoadMetric(op.Journey, op.Operation, report.PartAll))
		}
	}
	add("  iteration", report.MetricIteration)
	head := "Latency"
	if l.Limit != nil {
		head += " at " + report.FormatRate(measuredRate(l))
	}
	p.grid(grid{
		head: head, columns: []string{"count", "p50", "p90", "p95", "p99", "max"}, expendable: []string{"count", "p90", "p50", "max"}, rows: rows,
	})
}

// measuredRate is the highest rate that was measured.
func measuredRate(l *report.LoadRun) float64 {
	rate := 0.0
	for i := range l.Phases {
		if l.Phases[i].Measured {
			rate = max(rate, l.Phases[i].ToRate)
		}
	}
	return rate
}

// called names an operation of a journey: "login", "checkout: login".
func called(journey, operation string) string {
	return strings.TrimPrefix(journey+": "+operation, ": ")
}

// outcomes counts how operations ended, with a sentence about those that should not have.
func (p *printer) outcomes(l *report.LoadRun) {
	g := grid{head: "Outcomes", columns: []string{"count", "share", "p50", "p99"}, expendable: []string{"p50", "share"}}
	if l.Limited() {
		g.columns = g.columns[:2]
	}
	total := make(map[string]int64)
	for _, op := range l.Operations() {
		total[called(op.Journey, op.Operation)] = op.Count
	}
	for i := range l.Outcomes {
		o := &l.Outcomes[i]
		name := called(o.Journey, o.Operation)
		mark, _, color := look(report.VerdictPass)
		if !o.Expected {
			mark, _, color = look(report.VerdictFail)
		}
		g.rows = append(g.rows, line{
			name: "  " + mark + " " + name + " " + o.Class, color: color, below: o.Example,
			cells: []string{
				strconv.FormatInt(o.Count, 10), report.FormatShare(float64(o.Count) / float64(max(total[name], 1))),
				report.FormatDuration(o.P50), report.FormatDuration(o.P99),
			},
		})
	}
	p.grid(g)
}

// generator says what making the load cost, and how late it was.
func (p *printer) generator(l *report.LoadRun) {
	g := &l.Generator
	if l.Counts.Started == 0 {
		return // nothing that it could have been late for
	}
	p.line()
	p.line(p.paint(bold, "Generator"))
	parts := []string{
		fmt.Sprintf("late by %s at p50, %s at p99, %s at most", report.FormatDuration(g.LagP50), report.FormatDuration(g.LagP99), report.FormatDuration(g.LagMax)),
		fmt.Sprintf("%d at a time at most", g.Workers),
	}
	if n := l.Counts.Started; n > 0 && g.CPUSeconds > 0 {
		parts = append(parts, report.FormatDuration(g.CPUSeconds*1e9/float64(n))+" of CPU per iteration")
	}
	if g.PeakRSS > 0 {
		parts = append(parts, fmt.Sprintf("%d MiB of memory", cmp.Or(g.PeakRSS>>20, 1)))
	}
	p.wrapped("  ", "  ", strings.Join(parts, "; "), plain)
}
