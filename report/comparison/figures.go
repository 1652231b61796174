package comparison

import (
	"maps"
	"math"
	"slices"
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
}

// What a figure did.
const (
	Same    = "no change" // none was found
	Slower  = "slower"
	Faster  = "faster"
	More    = "more"
	Less    = "less"
	Unknown = "could not tell" // too few samples
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
const tooWide = 4

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

// timesOf are the samples of a metric in all runs of one side, each and together.
type timesOf struct {
	runs  []sample
	whole sample
}

func (c *Comparison) compareMetrics(old, recent []Input) error {
	unclaimed := timesDiffer(old, recent)
	before, after := make(map[string]timesOf), make(map[string]timesOf)
	var names []string
	for _, name := range slices.Sorted(maps.Keys(old[0].Run.Metrics)) {
		switch {
		case name == report.MetricLag: // the generator's own
		case old[0].Run.Metrics[name].Unit == report.UnitCount:
			if of(old, name) > 0 && of(recent, name) > 0 {
				names = append(names, name)
				c.Intervals++
			}
		case !unclaimed:
			var err error
			if before[name], err = times(old, name); err != nil {
				return err
			}
			if after[name], err = times(recent, name); err != nil {
				return err
			}
			if n := min(before[name].whole.count, after[name].whole.count); n > 0 {
				names = append(names, name)
				if n >= leastSamples {
					c.Intervals += len(figures())
				}
			}
		}
	}
	tail := (1 - c.Confidence) / 2 / float64(max(c.Intervals, 1))
	for _, name := range names {
		m := Metric{Name: name, Unit: old[0].Run.Metrics[name].Unit}
		if m.Unit == report.UnitCount {
			m.OldCount, m.NewCount = of(old, name), of(recent, name)
			m.Statistics = []Statistic{compareRate(name, old, recent, tail)}
		} else {
			m.OldCount, m.NewCount = before[name].whole.count, after[name].whole.count
			for _, f := range figures() {
				m.Statistics = append(m.Statistics, c.compareTimes(f, before[name], after[name], tail))
			}
		}
		c.Metrics = append(c.Metrics, m)
	}
	return nil
}

func times(inputs []Input, name string) (timesOf, error) {
	var t timesOf
	var parts []report.Distribution
	for _, in := range inputs {
		d, err := in.Run.Metrics[name].Distribution()
		if err != nil {
			return t, &DamagedError{File: in.Name, Metric: name, Err: err}
		}
		if len(d) > 0 {
			one := newSample(d)
			one.mean = max(in.Run.Metrics[name].Mean, 1) // which is exact
			t.runs, parts = append(t.runs, one), append(parts, d)
		}
	}
	t.whole = newSample(parts...)
	sum := 0.0
	for _, s := range t.runs {
		sum += s.mean * float64(s.count)
	}
	t.whole.mean = sum / math.Max(1, float64(t.whole.count))
	return t, nil
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

func (c *Comparison) compareTimes(f figure, old, recent timesOf, tail float64) Statistic {
	was, is := f.of(old.whole, tail), f.of(recent.whole, tail)
	if min(old.whole.count, recent.whole.count) < leastSamples {
		return Statistic{Name: f.name, Old: math.Exp(was.at), New: math.Exp(is.at), Change: math.Expm1(is.at - was.at), Verdict: Unknown}
	}
	// A run that is slower is so on average too, which the mean tells best.
	between := max(spread(old.readings(f), recent.readings(f), tail), spread(old.readings(average()), recent.readings(average()), tail))
	d := difference(was, is, between)
	s := Statistic{
		Name: f.name, Old: math.Exp(was.at), New: math.Exp(is.at), Change: math.Expm1(d.at), Low: bound(math.Expm1(d.low)), High: bound(math.Expm1(d.high)),
		Verdict: Same,
	}
	enough := math.Abs(d.at) >= math.Log1p(c.Margin)
	switch {
	case d.low > 0 && enough:
		s.Verdict, s.Regression = Slower, true
	case d.high < 0 && enough:
		s.Verdict, s.Improvement = Faster, true
	case !d.bounded() || d.high-d.low > math.Log(tooWide):
		s.Verdict = Unknown
	}
	return s
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

// of is how many things a counter counted among in all runs.
func of(inputs []Input, name string) int64 {
	var n int64
	for _, in := range inputs {
		n += in.Run.Metrics[name].Of
	}
	return n
}

// shares are a rate in all runs of a side, and in each.
func shares(inputs []Input, name string, tail float64) (interval, []reading) {
	var k, n int64
	var runs []reading
	for _, in := range inputs {
		m := in.Run.Metrics[name]
		if m.Of <= 0 {
			continue
		}
		k, n = k+m.Count, n+m.Of
		p := (float64(m.Count) + 1) / (float64(m.Of) + 2) // so that none of n does not look certain
		runs = append(runs, reading{at: float64(m.Count) / float64(m.Of), variance: p * (1 - p) / float64(m.Of), weight: float64(m.Of)})
	}
	return wilson(min(max(k, 0), n), n, tail), runs
}

func compareRate(name string, old, recent []Input, tail float64) Statistic {
	was, before := shares(old, name, tail)
	is, after := shares(recent, name, tail)
	d := difference(was, is, spread(before, after, tail))
	s := Statistic{Name: report.StatRate, Old: was.at, New: is.at, Change: d.at, Low: &d.low, High: &d.high, Verdict: Same}
	failure := strings.HasSuffix(name, "."+report.PartFailed) || name == report.MetricCensored
	switch {
	case d.low > 0:
		s.Verdict, s.Regression = More, failure
	case d.high < 0:
		s.Verdict, s.Improvement = Less, failure
	case d.high-d.low > tooVague:
		s.Verdict = Unknown
	}
	return s
}
