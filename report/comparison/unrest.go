package comparison

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/passrig/passrig/report"
)

// Unrest is how much times of one run of each side are taken to differ although nothing changed. With several runs of a
// side there is none: how much they differ by themselves is seen.
type Unrest struct {
	// Bands are the shares that times may be off by, of each figure: the noise that was asked for, or more.
	Bands map[string]float64 `json:"bands"`
	// Why they are not that which was asked for, in one sentence.
	Why string `json:"why,omitempty"`
	// Drift is how far off the change is, as one standard deviation, because each run was slower at one time than at
	// another. 0 where that was not more than chance explains.
	Drift float64 `json:"drift,omitempty"`
	// Freedom is with how many degrees of freedom Drift was estimated.
	Freedom int64 `json:"freedom,omitempty"`
}

// added is what the interval of the difference of a figure gets on each side, on a logarithmic scale: first what adds up as
// variances do, and then what is added as it is.
func (u *Unrest) added(figure string, tail float64) (spread, band float64) {
	if u == nil {
		return 0, 0
	}
	if u.Drift > 0 {
		spread = student(tail, u.Freedom) * u.Drift
	}
	return spread, math.Log1p(u.Bands[figure])
}

// What is needed to see how a load changed while it ran.
const (
	leastBlocks = 3
	mostBlocks  = 6
	blockLength = 2  // seconds, at least
	leastEnded  = 20 // iterations in a second
)

// surely is how seldom chance alone may look like a drift, as each time makes intervals wider that did not need it.
const surely = 0.01

// shortBand is the band of loads that were too short to see that.
const shortBand = 0.3

// unrest finds out what single runs know of it; nil when a side has several.
func (c *Comparison) unrest(old, recent []Input, list []subject) *Unrest {
	if len(old) != 1 || len(recent) != 1 {
		return nil
	}
	a, b := old[0].Run, recent[0].Run
	u := &Unrest{Bands: make(map[string]float64)}
	for _, f := range figures() {
		u.Bands[f.name] = c.Noise
	}
	u.widen(ownWork(a, b))
	if a.Load == nil || b.Load == nil {
		return u
	}
	blocks := blocksOf(a, b)
	if len(blocks) < leastBlocks {
		u.short()
		return u
	}
	u.drift(blocks, chance(list))
	return u
}

// drift is estimated from the means of blocks of seconds, which differ by less the fewer things last longer than a block
// (the method of batch means). What samples differ by anyway, of the given variance, is not counted.
func (u *Unrest) drift(blocks []float64, sampling float64) {
	n := float64(len(blocks))
	mean, squares := 0.0, 0.0
	for _, v := range blocks {
		mean += v / n
	}
	for _, v := range blocks {
		squares += (v - mean) * (v - mean)
	}
	variance := squares / (n - 1) / n
	if variance > sampling*chiSquared(surely, n-1)/(n-1) {
		u.Drift, u.Freedom = math.Sqrt(variance-sampling), int64(len(blocks)-1)
	}
}

// short widens the bands of loads that were too short to show how much times change by themselves.
func (u *Unrest) short() {
	for name, band := range u.Bands {
		if band < shortBand {
			u.Bands[name] = shortBand
			u.Why = cmp.Or(u.Why, "so short a load does not show how much times change by themselves")
		}
	}
}

// widen takes into account by how much passrig's own work changed. A figure may be off by as much as those of that work that
// are no further out: its median and mean bear on everything, its 99th percentile only on that of others.
func (u *Unrest) widen(own []ownFigure) {
	var most ownFigure
	for _, o := range own {
		off := math.Expm1(math.Abs(o.change))
		for name, band := range u.Bands {
			if off > band && slices.Contains(o.bears, name) {
				u.Bands[name] = off
				if math.Abs(o.change) > math.Abs(most.change) {
					most = o
				}
			}
		}
	}
	if most.name != "" {
		word := "longer"
		if most.change < 0 {
			word = "shorter"
		}
		u.Why = fmt.Sprintf("%s, which is passrig's own work, took %s %s: the machine was not the same", most.name,
			report.FormatShare(math.Abs(math.Expm1(most.change))), word)
	}
}

// ownFigure is by how much a figure of passrig's own work changed, on a logarithmic scale, and which figures it bears on. A
// relying party has no part in it, so it tells of the machine.
type ownFigure struct {
	name   string
	change float64
	bears  []string
}

func ownWork(a, b *report.Run) []ownFigure {
	var list []ownFigure
	for _, metric := range slices.Sorted(maps.Keys(a.Metrics)) {
		x, y := a.Metrics[metric], b.Metrics[metric]
		if !ofClient(metric) || !measured(metric) || min(x.Count, y.Count) < leastSamples || x.Unit != report.UnitNanoseconds || y.Unit != x.Unit {
			continue
		}
		for _, f := range []struct {
			name    string
			was, is float64
			bears   []string
		}{
			{"p50", x.P50, y.P50, []string{"p50", "p95", "p99", "mean"}},
			{"mean", x.Mean, y.Mean, []string{"p50", "p95", "p99", "mean"}},
			{"p95", x.P95, y.P95, []string{"p95", "p99"}},
			{"p99", x.P99, y.P99, []string{"p99"}},
		} {
			if f.was > 0 && f.is > 0 {
				list = append(list, ownFigure{name: metric + "." + f.name, change: math.Log(f.is / f.was), bears: f.bears})
			}
		}
	}
	return list
}

// ofClient says whether a metric is of what passrig does as client and authenticator.
func ofClient(metric string) bool { return strings.HasSuffix(metric, "."+report.PhaseClient) }

// measured says whether a metric is of what is measured, and not of what is done before.
func measured(metric string) bool { return !strings.HasPrefix(metric, "prepare.") }

// chance is the variance of the change of the median of a load that samples alone explain, on a logarithmic scale.
func chance(list []subject) float64 {
	at := slices.IndexFunc(list, func(s subject) bool { return s.name == report.MetricIteration })
	if at < 0 {
		return 0
	}
	sum := 0.0
	for _, whole := range []sample{list[at].old.whole, list[at].recent.whole} {
		if i := percentile(.5)(whole, oneSigma); i.bounded() {
			sum += (i.high - i.low) * (i.high - i.low) / 4
		}
	}
	return sum
}

// blocksOf are the differences of the medians of two loads, second by second from the beginning of what is measured, as means
// of blocks. What happens in both, as when a rate rises, is no drift.
func blocksOf(a, b *report.Run) []float64 {
	was, is := medians(a.Load), medians(b.Load)
	var differences []float64
	for second := range min(len(was), len(is)) {
		if was[second] > 0 && is[second] > 0 {
			differences = append(differences, math.Log(is[second]/was[second]))
		}
	}
	n := min(len(differences)/blockLength, mostBlocks)
	var blocks []float64
	for i := range n {
		from, to := i*len(differences)/n, (i+1)*len(differences)/n
		sum := 0.0
		for _, v := range differences[from:to] {
			sum += v
		}
		blocks = append(blocks, sum/float64(to-from))
	}
	return blocks
}

// medians are those of the whole seconds that are measured, in their order; 0 where little ended.
func medians(l *report.LoadRun) []float64 {
	var list []float64
	for i := range l.Series {
		s := &l.Series[i]
		at := float64(s.Second) * 1000
		measured := slices.ContainsFunc(l.Phases, func(p report.LoadPhase) bool {
			return p.Measured && p.StartMS <= at && at+1000 <= p.StartMS+p.DurationMS
		})
		switch {
		case !measured:
		case s.Finished < leastEnded:
			list = append(list, 0)
		default:
			list = append(list, s.P50)
		}
	}
	return list
}
