package ledger

import (
	"time"

	"github.com/passrig/passrig/report"
)

// series is what happened in every second. Of the last few there are histograms, of the others only what came of them.
type series struct {
	seconds []second
	windows [4]window // second n has the one n mod 4, as long as it is among the last four
	closed  int       // seconds before this one have no histograms any more
}

// second is 1 s of the load.
type second struct {
	asked, started, finished, failed, censored int64
	ceremonies                                 int64
	options, client, result                    time.Duration // sums over ceremonies
	p50, p90, p99, max, lag                    time.Duration // since it was closed
}

// window is the distributions of a second.
type window struct{ total, lag *report.Histogram }

func newSeries() series {
	var s series
	for i := range s.windows {
		s.windows[i] = window{total: report.NewHistogram(), lag: report.NewHistogram()}
	}
	return s
}

func secondOf(t time.Duration) int { return int(max(t, 0) / time.Second) }

// second is where what happened at a time is counted.
func (s *series) second(t time.Duration) *second {
	n := secondOf(t)
	for len(s.seconds) <= n {
		s.seconds = append(s.seconds, second{})
	}
	return &s.seconds[n]
}

// window is where what ended at a time is distributed. What comes so late that its second has been closed is counted in the
// oldest that is not.
func (s *series) window(t time.Duration) *window {
	n := max(secondOf(t), s.closed)
	for ; n >= s.closed+len(s.windows); s.closed++ {
		s.close(s.closed)
	}
	return &s.windows[n%len(s.windows)]
}

// close keeps the percentiles of a second and frees its histograms for a later one.
func (s *series) close(n int) {
	s.second(time.Duration(n) * time.Second)
	s.seconds[n].summarize(&s.windows[n%len(s.windows)])
	s.windows[n%len(s.windows)].total.Reset()
	s.windows[n%len(s.windows)].lag.Reset()
}

func (s *second) summarize(w *window) {
	s.p50, s.p90, s.p99, s.max = w.total.Percentile(50), w.total.Percentile(90), w.total.Percentile(99), w.total.Max()
	s.lag = w.lag.Percentile(99)
}

// iteration counts an iteration that has ended.
func (s *series) iteration(it *Iteration) {
	s.second(it.Intended).asked++
	s.second(it.Started).started++
	s.window(it.Finished).lag.Observe(it.Started - it.Intended)
	switch end := s.second(it.Finished); {
	case it.Censored:
		end.censored++
	case it.Failed:
		end.failed++
	default:
		end.finished++
	}
}

// ceremony counts a ceremony that has ended, or whatever ended without an answer.
func (s *series) ceremony(sample *Sample, total time.Duration) {
	s.window(sample.Finished).total.Observe(total)
	if !sample.Ceremony || sample.Class != Accepted {
		return
	}
	end := s.second(sample.Finished)
	end.ceremonies++
	end.options += sample.Optioned - sample.Started
	end.client += sample.Signed - sample.Optioned
	end.result += sample.Finished - sample.Signed
}

// at is a second as it is reported, but for what is in flight.
func (s *series) at(n int) report.LoadSecond {
	sec := s.seconds[n]
	if n >= s.closed && n < s.closed+len(s.windows) {
		sec.summarize(&s.windows[n%len(s.windows)])
	}
	out := report.LoadSecond{
		Second: n, Asked: sec.asked, Started: sec.started, Finished: sec.finished, Failed: sec.failed,
		P50: float64(sec.p50), P90: float64(sec.p90), P99: float64(sec.p99), Max: float64(sec.max), LagP99: float64(sec.lag),
	}
	if k := float64(sec.ceremonies); k > 0 {
		out.Options, out.Client, out.Result = float64(sec.options)/k, float64(sec.client)/k, float64(sec.result)/k
	}
	return out
}

// all is every second up to the last in which something happened.
func (s *series) all() []report.LoadSecond {
	out := make([]report.LoadSecond, len(s.seconds))
	var inFlight int64
	for n := range out {
		out[n] = s.at(n)
		sec := &s.seconds[n]
		inFlight += sec.started - sec.finished - sec.failed - sec.censored
		out[n].InFlight = inFlight
	}
	return out
}
