package html

import (
	"fmt"
	"math"

	"github.com/passrig/passrig/report"
)

// moment is one second of a load, or several that share a point of a picture.
type moment struct {
	at                              float64 // its middle, seconds since the run's start
	asked, done, failed             float64 // per second
	inFlight, worstFailed           float64
	p50, p90, p99, slowest, lag     float64 // nanoseconds; NaN where nothing ended
	options, client, result, weight float64
	seconds                         int
}

// series are the seconds of a load, thinned to what a picture can show.
type series struct {
	moments  []moment
	from, to float64 // seconds since the run's start
	every    int     // seconds that share a point
}

const (
	mostPoints = 600     // of a line
	mostRows   = 60      // of a table
	lastSecond = 1 << 31 // a result file may hold anything
)

// thin puts seconds together so that there are at most so many moments. What is a rate becomes its mean; of latencies, lag
// and iterations in flight the worst second counts, because a mean of percentiles is the percentile of nothing.
func thin(all []report.LoadSecond, from float64, most int) series {
	low, high := lastSecond, -1
	for _, s := range all {
		if s.Second >= 0 && s.Second < lastSecond && float64(s.Second) >= from {
			low, high = min(low, s.Second), max(high, s.Second)
		}
	}
	if high < low {
		return series{}
	}
	every := (high - low + most) / most
	out := series{every: every, from: float64(low), to: float64(high + 1)}
	out.moments = make([]moment, (high-low)/every+1)
	for i := range out.moments {
		begin := float64(low + i*every)
		out.moments[i] = empty((begin + min(begin+float64(every), out.to)) / 2)
	}
	for _, s := range all {
		if s.Second >= low && s.Second <= high {
			out.moments[(s.Second-low)/every].add(s)
		}
	}
	for i := range out.moments {
		out.moments[i].finish()
	}
	return out
}

// empty is a moment of which nothing is known.
func empty(at float64) moment {
	none := math.NaN()
	return moment{at: at, inFlight: none, worstFailed: none, p50: none, p90: none, p99: none, slowest: none, lag: none}
}

func (m *moment) add(s report.LoadSecond) {
	m.seconds++
	m.asked += counted(s.Asked)
	m.done += counted(s.Finished)
	m.failed += counted(s.Failed)
	m.inFlight = worse(m.inFlight, counted(s.InFlight), true)
	m.worstFailed = worse(m.worstFailed, counted(s.Failed), true)
	m.lag = worse(m.lag, s.LagP99, true)
	m.p50, m.p90 = worse(m.p50, s.P50, false), worse(m.p90, s.P90, false)
	m.p99, m.slowest = worse(m.p99, s.P99, false), worse(m.slowest, s.Max, false)
	if weight := counted(s.Finished); s.Options > 0 || s.Client > 0 || s.Result > 0 {
		weight = max(weight, 1)
		m.weight += weight
		m.options += positive(s.Options) * weight
		m.client += positive(s.Client) * weight
		m.result += positive(s.Result) * weight
	}
}

func (m *moment) finish() {
	n := float64(m.seconds) // 0/0 is not a number, and interrupts the line
	m.asked, m.done, m.failed = m.asked/n, m.done/n, m.failed/n
	m.options, m.client, m.result = m.options/m.weight, m.client/m.weight, m.result/m.weight
}

func counted(n int64) float64 { return float64(max(n, 0)) }

func positive(v float64) float64 {
	v, _ = clean(v)
	return max(v, 0)
}

// worse is the larger of a and b, where a may be unknown. A zero says that nothing was measured, unless it counts.
func worse(a, b float64, zero bool) float64 {
	b, ok := clean(b)
	if !ok || b < 0 || b == 0 && !zero {
		return a
	}
	if math.IsNaN(a) {
		return b
	}
	return max(a, b)
}

// values are what get takes from every moment.
func (s series) values(get ...func(moment) float64) []float64 {
	var out []float64
	for _, m := range s.moments {
		for _, g := range get {
			out = append(out, g(m))
		}
	}
	return out
}

func (s series) points(get func(moment) float64) []point {
	out := make([]point, len(s.moments))
	for i, m := range s.moments {
		out[i] = point{m.at, get(m)}
	}
	return out
}

// note says how a thinned series was made.
func (s series) note(each, how string) string {
	if s.every <= 1 {
		return ""
	}
	return fmt.Sprintf("Each %s stands for %d seconds: %s.", each, s.every, how)
}

// The ways in which seconds are put together.
const (
	worstSecond = "the worst of them"
	meanOfAll   = "their mean"
)

// column is a figure of a table over time.
type column struct {
	head   string
	get    func(moment) float64
	format func(float64) string
}

// table says in at most mostRows rows what a picture shows.
func (l *loadView) table(how string, columns ...column) grid {
	s := thin(l.run.Series, l.from, mostRows)
	g := grid{Head: []string{"Time"}, Note: s.note("line", how)}
	for _, c := range columns {
		g.Head = append(g.Head, c.head)
	}
	for i, m := range s.moments {
		if m.seconds == 0 {
			continue
		}
		row := []string{formatSecond(s.from + float64(i*s.every))}
		for _, c := range columns {
			text := "–"
			if v, ok := clean(c.get(m)); ok {
				text = c.format(v)
			}
			row = append(row, text)
		}
		g.Rows = append(g.Rows, row)
	}
	return g
}
