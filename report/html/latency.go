package html

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/passrig/passrig/report"
)

// latency is the table of distributions. Every row has a strip on one common logarithmic scale,
// because a client's microseconds and an RP's seconds are in the same table.
type latency struct {
	Rows     []latencyRow
	From, To string
}

type latencyRow struct {
	Name, Count                  string
	Min, P50, P90, P95, P99, Max string
	Desc                         string
	LineX, LineW, BoxX, BoxW     string // percent
	P50X, P99X                   string
}

func newLatency(metrics map[string]report.Metric) (*latency, []counter) {
	var names []string
	var counters []counter
	for _, name := range slices.Sorted(maps.Keys(metrics)) {
		switch m := metrics[name]; {
		case m.Unit == report.UnitCount:
			c := counter{Name: name, N: formatCount(float64(m.Count))}
			if m.Of > 0 {
				c.Share = fmt.Sprintf("of %s, %s", formatCount(float64(m.Of)), report.FormatShare(float64(m.Count)/float64(m.Of)))
			}
			counters = append(counters, c)
		case m.Count > 0:
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, counters
	}
	low, high := math.Inf(1), 0.0
	for _, name := range names {
		low, high = min(low, max(metrics[name].Min, 1e3)), max(high, metrics[name].Max)
	}
	s := strips{scale{low: low, high: max(high, low*2), log: true}}
	l := &latency{From: report.FormatDuration(s.low), To: report.FormatDuration(s.high)}
	for _, name := range names {
		l.Rows = append(l.Rows, s.row(name, metrics[name]))
	}
	return l, counters
}

// strips place durations on the common scale, in percent of a strip with a margin of 1.
type strips struct{ scale }

func (s strips) at(ns float64) float64 { return 1 + 98*s.scale.at(ns) }

func (s strips) row(name string, m report.Metric) latencyRow {
	percent := func(v float64) string { return fmt.Sprintf("%.2f%%", v) }
	width := func(from, to float64) string { return percent(max(s.at(to)-s.at(from), 0.8)) }
	f := report.FormatDuration
	return latencyRow{
		Name: name, Count: formatCount(float64(m.Count)), Min: f(m.Min), P50: f(m.P50), P90: f(m.P90), P95: f(m.P95), P99: f(m.P99), Max: f(m.Max),
		Desc:  fmt.Sprintf("%s: from %s to %s, half within %s, 95 percent within %s", name, f(m.Min), f(m.Max), f(m.P50), f(m.P95)),
		LineX: percent(s.at(m.Min)), LineW: width(m.Min, m.Max),
		BoxX: percent(s.at(m.P50)), BoxW: width(m.P50, m.P95),
		P50X: percent(s.at(m.P50)), P99X: percent(s.at(m.P99)),
	}
}
