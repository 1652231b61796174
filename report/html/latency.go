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
	Name                         string
	Count                        int64
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
			counters = append(counters, counter{name, m.Count})
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
	s := logScale{low: low, high: max(high, low*2)}
	l := &latency{From: report.FormatDuration(s.low), To: report.FormatDuration(s.high)}
	for _, name := range names {
		l.Rows = append(l.Rows, s.row(name, metrics[name]))
	}
	return l, counters
}

type logScale struct{ low, high float64 }

// at returns where a duration stands on the scale, in percent of a strip with a margin of 1.
func (s logScale) at(ns float64) float64 {
	share := math.Log(max(ns, s.low)/s.low) / math.Log(s.high/s.low)
	return 1 + 98*min(max(share, 0), 1)
}

func (s logScale) row(name string, m report.Metric) latencyRow {
	percent := func(v float64) string { return fmt.Sprintf("%.2f%%", v) }
	width := func(from, to float64) string { return percent(max(s.at(to)-s.at(from), 0.8)) }
	f := report.FormatDuration
	return latencyRow{
		Name: name, Count: m.Count, Min: f(m.Min), P50: f(m.P50), P90: f(m.P90), P95: f(m.P95), P99: f(m.P99), Max: f(m.Max),
		Desc:  fmt.Sprintf("%s: from %s to %s, half within %s, 95 percent within %s", name, f(m.Min), f(m.Max), f(m.P50), f(m.P95)),
		LineX: percent(s.at(m.Min)), LineW: width(m.Min, m.Max),
		BoxX: percent(s.at(m.P50)), BoxW: width(m.P50, m.P95),
		P50X: percent(s.at(m.P50)), P99X: percent(s.at(m.P99)),
	}
}
