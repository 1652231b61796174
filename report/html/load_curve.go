package html

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/passrig/passrig/report"
)

// spread is a distribution as far as its samples carry.
type spread struct {
	name      string
	metric    report.Metric
	quantiles report.Distribution
}

// mostCurves are as many lines as can be told apart by their dashes.
const mostCurves = 6

// newCurve draws the distributions on an axis on which every further nine takes the same space.
func newCurve(ops []operation, unclaimed string) *chart {
	spreads, failed := spreadsOf(ops)
	if len(spreads) == 0 {
		return nil
	}
	drawn := spreads[:min(len(spreads), mostCurves)]
	var most int64
	var values []float64
	for _, s := range drawn {
		most = max(most, s.metric.Count)
		values = append(values, s.metric.P50, s.metric.Max)
	}
	c := newChart("load-percentiles", "Share of ceremonies that took at most so long", 260, nines(most), durations(values))
	c.Wide, c.Unclaimed = true, unclaimed
	c.XName = "share of ceremonies"
	for i, s := range drawn {
		short := s.name
		if utf8.RuneCountInString(short) > 7 {
			short = string(rune('A' + i))
		}
		k := key{Class: fmt.Sprintf("s%d", i+1), Name: s.name, Short: short}
		if short != s.name {
			k.Name = short + ": " + s.name
		}
		c.line(k, s.points())
	}
	c.Note = "Each line ends where less than one sample is left beyond it."
	if len(drawn) < len(spreads) {
		c.Note += fmt.Sprintf(" %d more distributions are in the table only.", len(spreads)-len(drawn))
	}
	if failed > 0 {
		c.Note += fmt.Sprintf(" %d histograms of the result file are damaged; their percentiles are drawn instead.", failed)
	}
	c.Table = percentileTable("Operation", spreads)
	return c.separate()
}

// spreadsOf are the distributions to draw: what went as expected, and all outcomes where they differ from that.
func spreadsOf(ops []operation) (spreads []spread, damaged int) {
	add := func(name string, m report.Metric) {
		d, err := m.Distribution()
		if err != nil {
			damaged++
		}
		spreads = append(spreads, spread{name, m, d})
	}
	for _, op := range ops {
		if op.total.Count > 0 {
			add(op.name, op.total)
		}
		if op.all.Count > op.total.Count {
			add(op.name+", all outcomes", op.all)
		}
	}
	return spreads, damaged
}

// points are the distribution's line.
func (s spread) points() []point {
	end := math.Log10(float64(max(s.metric.Count, 1)))
	if len(s.quantiles) == 0 {
		return s.fewPoints(end)
	}
	const steps = 200
	half := -math.Log10(.5)
	var at, shares []float64
	for i := range steps + 1 {
		n := half + max(end-half, 0)*float64(i)/steps
		at, shares = append(at, n), append(shares, 1-math.Pow(10, -n))
	}
	points := make([]point, len(at))
	for i, v := range s.quantiles.Quantiles(shares...) {
		points[i] = point{at[i], v}
	}
	return points
}

// fewPoints are all that is known without a histogram.
func (s spread) fewPoints(end float64) []point {
	m := s.metric
	points := []point{{-math.Log10(.5), m.P50}, {1, m.P90}, {-math.Log10(.05), m.P95}, {2, m.P99}, {3, m.P999}}
	points = slices.DeleteFunc(points, func(p point) bool { return p.x >= end || p.y <= 0 })
	return append(points, point{end, m.Max})
}

// percentileTable has a percentile only where at least one sample lies beyond it.
func percentileTable(what string, spreads []spread) grid {
	marks := []float64{.5, .9, .95, .99, .999, .9999, .99999}
	g := grid{
		Head: []string{what, "Count", "p50", "p90", "p95", "p99", "p99.9", "p99.99", "p99.999", "Slowest"},
		Note: "A dash says that there are too few samples for that percentile.",
	}
	for _, s := range spreads {
		m := s.metric
		row := []string{s.name, formatCount(float64(m.Count))}
		known := []float64{m.P50, m.P90, m.P95, m.P99, m.P999, 0, 0}
		if len(s.quantiles) > 0 {
			known = s.quantiles.Quantiles(marks...)
		}
		for i, v := range known {
			text := "–"
			if v > 0 && float64(m.Count)*(1-marks[i]) >= 1-1e-9 {
				text = report.FormatDuration(v)
			}
			row = append(row, text)
		}
		g.Rows = append(g.Rows, append(row, report.FormatDuration(m.Max)))
	}
	return g
}

// limitView is the search for the highest rate that keeps the thresholds.
type limitView struct {
	Sentence string
	Charts   []*chart
	Points   []limitRow
	Muted    bool
}

type limitRow struct {
	report.LoadPoint
	Look look
	// Cells are rate, achieved, p50, p95, p99, failed and lag.
	Cells []string
}

func newLimitView(run *report.LoadRun, unclaimed string) *limitView {
	lim := run.Limit
	if lim == nil {
		return nil
	}
	v := &limitView{Muted: unclaimed != ""}
	v.Sentence = fmt.Sprintf("The highest rate that keeps the thresholds is %s.", report.FormatRate(lim.Rate))
	if lim.Rate <= 0 {
		v.Sentence = run.Verdict()
	}
	if lim.Rate > 0 && lim.Bounded != "" {
		v.Sentence += " " + sentence(lim.Bounded)
	}
	f := func(ns float64) string {
		if ns == 0 {
			return "–"
		}
		return report.FormatDuration(ns)
	}
	for _, p := range lim.Points {
		row := limitRow{LoadPoint: p, Look: lookOf(p.Verdict)}
		row.Cells = []string{report.FormatRate(p.Rate), report.FormatRate(p.Achieved), f(p.P50), f(p.P95), f(p.P99), report.FormatShare(p.FailedRate), f(p.LagP99)}
		v.Points = append(v.Points, row)
	}
	points := slices.SortedStableFunc(slices.Values(lim.Points), func(a, b report.LoadPoint) int { return cmp.Compare(a.Rate, b.Rate) })
	points = slices.DeleteFunc(points, func(p report.LoadPoint) bool { rate, ok := clean(p.Rate); return !ok || rate <= 0 })
	if len(points) > 0 {
		v.Charts = []*chart{limitLatency(lim, points, unclaimed).separate(), limitThroughput(lim, points).separate()}
	}
	return v
}

// rates is the axis of both pictures of the search.
func rates(points []report.LoadPoint) axis {
	low, high := bounds([]float64{points[0].Rate, points[len(points)-1].Rate})
	if high > low*manifold {
		return decades(low, high, report.FormatRate)
	}
	return amounts([]float64{high}, report.FormatRate)
}

// curveOf draws one figure of the points that were tried.
func (c *chart) curveOf(k key, points []report.LoadPoint, get func(report.LoadPoint) float64) {
	var line []point
	for _, p := range points {
		at := point{p.Rate, get(p)}
		if at.y <= 0 { // nothing came back
			continue
		}
		line = append(line, at)
		class := "unknown"
		switch p.Verdict {
		case report.VerdictPass:
			class = "kept"
		case report.VerdictFail:
			class = "broken"
		case report.VerdictWarn, report.VerdictInfo, report.VerdictSkip, report.VerdictError:
		}
		c.dot(at, class)
	}
	c.line(k, line)
}

func limitLatency(lim *report.LoadLimit, points []report.LoadPoint, unclaimed string) *chart {
	p50, p95 := func(p report.LoadPoint) float64 { return p.P50 }, func(p report.LoadPoint) float64 { return p.P95 }
	p99 := func(p report.LoadPoint) float64 { return p.P99 }
	var values []float64
	for _, p := range points {
		values = append(values, p.P50, p.P95, p.P99)
	}
	c := newChart("limit-latency", "Latency at each rate", 220, rates(points), durations(values))
	c.XName, c.Unclaimed = "iterations asked for", unclaimed
	c.curveOf(keyTail(), points, p99)
	c.curveOf(key{"s2", "p95", "p95"}, points, p95)
	c.curveOf(keyMedian(), points, p50)
	c.limit(lim)
	return c
}

func limitThroughput(lim *report.LoadLimit, points []report.LoadPoint) *chart {
	values := []float64{points[len(points)-1].Rate}
	for _, p := range points {
		values = append(values, p.Achieved)
	}
	c := newChart("limit-throughput", "Done at each rate", 220, amounts(values[:1], report.FormatRate), amounts(values, report.FormatRate))
	c.XName = "iterations asked for"
	asked := make([]point, len(points))
	for i, p := range points {
		asked[i] = point{p.Rate, p.Rate}
	}
	c.line(key{"wide", "asked for", "asked"}, asked)
	c.curveOf(key{"s1", "done", "done"}, points, func(p report.LoadPoint) float64 { return p.Achieved })
	c.limit(lim)
	return c
}

func (c *chart) limit(lim *report.LoadLimit) {
	if rate, ok := clean(lim.Rate); ok && rate > 0 {
		c.rule(rate, "limit "+report.FormatRate(rate))
	}
	c.Marks = true
}
