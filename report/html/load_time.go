package html

import (
	"strings"

	"github.com/passrig/passrig/report"
)

// The lines of the pictures over time. Classes are colors and dashes in style.css.
func keyMedian() key  { return key{"s1", "p50", "p50"} }
func keyTail() key    { return key{"s3", "p99", "p99"} }
func keySlowest() key { return key{"s4", "slowest", "max"} }

// timeCharts are the pictures over time.
func (l *loadView) timeCharts() []*chart {
	s := thin(l.run.Series, l.from, mostPoints)
	if len(s.moments) == 0 {
		return nil
	}
	charts := []*chart{l.latencyChart(s), l.throughputChart(s), l.failedChart(s), l.inFlightChart(s), l.partsChart(s)}
	var drawn []*chart
	for _, c := range charts {
		if c != nil {
			drawn = append(drawn, c.separate())
		}
	}
	return drawn
}

// overTime begins a picture over time, with the phases as bands.
func (l *loadView) overTime(id, title string, wide bool, height int, s series, y axis) *chart {
	to := s.to
	for _, ph := range l.run.Phases {
		if end, ok := clean((ph.StartMS + ph.DurationMS) / 1e3); ok && end < s.to*1.1 {
			to = max(to, end)
		}
	}
	c := newChart(id, title, height, seconds(s.from, to), y)
	c.XName, c.Wide = "since the start of the run", wide
	for _, ph := range l.run.Phases {
		from, okFrom := clean(ph.StartMS / 1e3)
		end, okTo := clean((ph.StartMS + ph.DurationMS) / 1e3)
		if okFrom && okTo && end > l.from {
			c.band(from, end, ph.Name, ph.Measured)
		}
	}
	return c
}

func (l *loadView) latencyChart(s series) *chart {
	p50, p90 := func(m moment) float64 { return m.p50 }, func(m moment) float64 { return m.p90 }
	p99, slowest := func(m moment) float64 { return m.p99 }, func(m moment) float64 { return m.slowest }
	c := l.overTime("load-latency", "Latency", true, 240, s, durations(s.values(p50, p90, p99, slowest)))
	c.Unclaimed = l.words()
	c.line(keySlowest(), s.points(slowest))
	c.line(keyTail(), s.points(p99))
	c.line(key{"s2", "p90", "p90"}, s.points(p90))
	c.line(keyMedian(), s.points(p50))
	if len(c.Lines) == 0 {
		return nil
	}
	c.Note = join("Of all that ended in a second, from the moment it was due.", s.note("point", worstSecond))
	f := report.FormatDuration
	c.Table = l.table(worstSecond, column{"p50", p50, f}, column{"p90", p90, f}, column{"p99", p99, f}, column{"Slowest", slowest, f})
	return c
}

func (l *loadView) throughputChart(s series) *chart {
	asked, done := func(m moment) float64 { return m.asked }, func(m moment) float64 { return m.done }
	failed := func(m moment) float64 { return m.failed }
	c := l.overTime("load-throughput", "Iterations per second", true, 200, s, amounts(s.values(asked, done, failed), formatCount))
	c.line(key{"wide", "asked for", "asked"}, s.points(asked))
	c.line(key{"s1", "done", "done"}, s.points(done))
	c.line(key{"bad", "failed", "failed"}, s.points(failed))
	c.Note = s.note("point", meanOfAll)
	c.Table = l.table(meanOfAll, column{"Asked for", asked, report.FormatRate}, column{"Done", done, report.FormatRate}, column{"Failed", failed, report.FormatRate})
	return c
}

// failedChart has a scale of its own: a few failures among many iterations would not be seen.
func (l *loadView) failedChart(s series) *chart {
	get := func(m moment) float64 { return m.worstFailed }
	if highest(s.points(get)) == 0 {
		return nil
	}
	c := l.overTime("load-failed", "Failed iterations per second", true, 90, s, amounts(s.values(get), formatCount))
	c.stack(layer{key{"f4", "failed", ""}, s.points(get)})
	c.Legend = nil
	c.Note = s.note("point", worstSecond)
	c.Table = l.table(worstSecond, column{"Failed", get, formatCount})
	return c
}

func (l *loadView) inFlightChart(s series) *chart {
	get := func(m moment) float64 { return m.inFlight }
	c := l.overTime("load-inflight", "Iterations in flight", false, 150, s, amounts(s.values(get), formatCount))
	c.stack(layer{key{"f1", "in flight", ""}, s.points(get)})
	c.Legend = nil // the title says it
	c.Note = join("At the end of each second, those that wait for a free place included.", s.note("point", worstSecond))
	c.Table = l.table(worstSecond, column{"In flight", get, formatCount})
	return c
}

// partsChart shows where the time of a ceremony goes.
func (l *loadView) partsChart(s series) *chart {
	options, client := func(m moment) float64 { return m.options }, func(m moment) float64 { return m.client }
	result := func(m moment) float64 { return m.result }
	sum := func(m moment) float64 { return m.options + m.client + m.result }
	if _, high := bounds(s.values(sum)); high <= 1 {
		return nil
	}
	c := l.overTime("load-parts", "Parts of a ceremony", false, 150, s, amounts(s.values(sum), report.FormatDuration))
	c.Unclaimed = l.words()
	c.stack(
		layer{key{"f1", "options", "options"}, s.points(options)},
		layer{key{"f2", "client", "client"}, s.points(client)},
		layer{key{"f3", "result", "result"}, s.points(result)},
	)
	c.Note = join("Means, stacked: asking for options, the client's part, sending the result. Waiting to be started is in none of them.", s.note("point", "the mean of all ceremonies in them"))
	f := report.FormatDuration
	c.Table = l.table("the mean of all ceremonies in them", column{"Options", options, f}, column{"Client", client, f}, column{"Result", result, f})
	return c
}

func (l *loadView) lagChart() *chart {
	s := thin(l.run.Series, l.from, mostPoints)
	get := func(m moment) float64 { return m.lag }
	y := durations(s.values(get))
	if len(s.moments) == 0 || highest(s.points(get)) == 0 {
		return nil
	}
	c := l.overTime("load-lag", "Lag of the generator, p99", true, 120, s, y)
	c.line(key{"s3", "p99 of the lag", "p99"}, s.points(get))
	c.Legend = nil
	c.Note = join("From the moment an iteration was due to the moment it was started. It is part of every latency here.", s.note("point", worstSecond))
	c.Table = l.table(worstSecond, column{"Lag, p99", get, report.FormatDuration})
	return c.separate()
}

func join(sentences ...string) string { return strings.TrimSpace(strings.Join(sentences, " ")) }
