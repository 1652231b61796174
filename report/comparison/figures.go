package comparison

import (
	"math"
	"strings"

	"github.com/passrig/passrig/report"
)

// Metric is how the figures of a metric changed.
type Metric struct {
	Name       string      `json:"name"`
	Unit       string      `json:"unit"`
	OldCount   int64       `json:"oldCount"` // samples; of a rate, what it is a share of
	NewCount   int64       `json:"newCount"`
	Statistics []Statistic `json:"statistics"`
	Reason     string      `json:"reason,omitempty"` // why all of it, or a part, could not be told
}

// What a figure did.
const (
	Same    = "no change" // none was found
	Slower  = "slower"
	Faster  = "faster"
	More    = "more"
	Less    = "less"
	Unknown = "could not tell" // see Metric.Reason, or the interval is too wide
)

// leastSamples is how many samples of times a side has to have to be compared at all.
const leastSamples = 20

// Statistic is how one figure of a metric changed.
type Statistic struct {
	Name string  `json:"name"` // "p50", "p95", "p99", "mean" or "rate"
	Old  float64 `json:"old"`  // nanoseconds; a rate from 0 to 1
	New  float64 `json:"new"`
	// Change is relative to the old value, 0.1 for 10 % more; of a rate it is the difference.
	Change  float64  `json:"change"`
	Low     *float64 `json:"low,omitempty"` // of the interval of the change; absent: any value is possible
	High    *float64 `json:"high,omitempty"`
	Verdict string   `json:"verdict"`
	// Of a time, slower is a regression and faster an improvement; of failures, more and less. Other rates are neither.
	Regression  bool `json:"regression,omitempty"`
	Improvement bool `json:"improvement,omitempty"`
}

// tooWide is the ratio of the ends of an interval from which on it tells nothing.
const tooWide = 2

// tooVague is the same of a rate, as a difference.
const tooVague = 0.5

// figure is a statistic of times.
type figure struct {
	name string
	of   estimate
}

func figures() []figure {
	return []figure{{"p50", percentile(.50)}, {"p95", percentile(.95)}, {"p99", percentile(.99)}, average()}
}

func average() figure { return figure{"mean", mean} }

// compareMetrics judges every subject, with intervals that hold all together.
func (c *Comparison) compareMetrics(list []subject) {
	for i := range list {
		c.Intervals += list[i].intervals()
	}
	tail := (1 - c.Confidence) / 2 / float64(max(c.Intervals, 1))
	for i := range list {
		s := &list[i]
		m := Metric{Name: s.name, Unit: s.unit, Reason: s.reason}
		m.OldCount, m.NewCount = s.samples()
		switch {
		case s.untold && min(m.OldCount, m.NewCount) == 0: // there is nothing to show
			m.Statistics = []Statistic{}
		case s.unit == report.UnitCount:
			m.Statistics = []Statistic{compareRate(s, tail)}
		default:
			for _, f := range figures() {
				m.Statistics = append(m.Statistics, c.compareTimes(f, s, tail))
			}
		}
		c.Metrics = append(c.Metrics, m)
	}
}

// oneSigma is what a normal variable exceeds its mean by more than its standard deviation with.
const oneSigma = 0.15865525393145707

func (t timesOf) readings(f figure) []reading {
	var list []reading
	for _, s := range t.runs {
		i := f.of(s, oneSigma)
		r := reading{at: i.at, variance: -1, weight: float64(s.count)}
		if i.bounded() {
			half := (i.high - i.low) / 2
			r.variance = half * half
		}
		list = append(list, r)
	}
	return list
}

func (c *Comparison) compareTimes(f figure, s *subject, tail float64) Statistic {
	was, is := f.of(s.old.whole, tail), f.of(s.recent.whole, tail)
	stat := Statistic{Name: f.name, Old: math.Exp(was.at), New: math.Exp(is.at), Change: math.Expm1(is.at - was.at), Verdict: Unknown}
	if s.untold {
		return stat
	}
	// A run that is slower is so on average too, which the mean tells best.
	between := max(spread(s.old.readings(f), s.recent.readings(f), tail), spread(s.old.readings(average()), s.recent.readings(average()), tail))
	drift, band := c.Unrest.added(f.name, tail)
	d := difference(was, is, math.Hypot(between, drift))
	d.low, d.high = d.low-band, d.high+band
	stat.Low, stat.High = bound(math.Expm1(d.low)), bound(math.Expm1(d.high))
	enough := math.Abs(d.at) >= math.Log1p(c.Noise)
	switch {
	case d.low > 0 && enough:
		stat.Verdict, stat.Regression = Slower, true
	case d.high < 0 && enough:
		stat.Verdict, stat.Improvement = Faster, true
	case d.bounded() && d.high-d.low <= math.Log(tooWide):
		stat.Verdict = Same
	}
	return stat
}

// unbelievable is a change that is only the end of an interval that tells nothing.
const unbelievable = 1000

// bound is nil for a bound that is not known.
func bound(v float64) *float64 {
	if v <= -1 || v > unbelievable || math.IsNaN(v) {
		return nil
	}
	return &v
}

// share is a rate in all runs of a side, and in each.
func share(counts []count, tail float64) (interval, []reading) {
	var k, n int64
	var runs []reading
	for _, c := range counts {
		k, n = k+c.k, n+c.of
		p := (float64(c.k) + 1) / (float64(c.of) + 2) // so that none of n does not look certain
		runs = append(runs, reading{at: float64(c.k) / float64(c.of), variance: p * (1 - p) / float64(c.of), weight: float64(c.of)})
	}
	return wilson(k, n, tail), runs
}

func compareRate(s *subject, tail float64) Statistic {
	was, before := share(s.was, tail)
	is, after := share(s.is, tail)
	stat := Statistic{Name: report.StatRate, Old: was.at, New: is.at, Change: is.at - was.at, Verdict: Unknown}
	if s.untold {
		return stat
	}
	d := difference(was, is, spread(before, after, tail))
	stat.Low, stat.High = &d.low, &d.high
	failure := strings.HasSuffix(s.name, "."+report.PartFailed) || s.name == report.MetricCensored
	switch {
	case d.low > 0:
		stat.Verdict, stat.Regression = More, failure
	case d.high < 0:
		stat.Verdict, stat.Improvement = Less, failure
	case d.high-d.low <= tooVague:
		stat.Verdict = Same
	}
	return stat
}
