package pace_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passrig/passrig/internal/load/ledger"
	"github.com/passrig/passrig/internal/load/pace"
	"github.com/passrig/passrig/report"
)

// party is a relying party that is known exactly. A request that reaches it while it is frozen is taken up when it thaws;
// one that has been taken up is not held any more.
type party struct {
	options, result time.Duration // to answer each request
	freezes         []freeze
	held            func(phase int) bool // which requests a freeze holds; nil: all
	broken          bool                 // what was held is answered with an error
	timeout         time.Duration        // of the client, for an operation
}

type freeze struct{ from, to time.Duration }

// freezes of a length after each multiple of every but 0, within a run.
func freezes(every, length, run time.Duration) []freeze {
	var list []freeze
	for at := every; at < run; at += every {
		list = append(list, freeze{at, at + length})
	}
	return list
}

// frozen is how long a request that arrives at t is held.
func (p *party) frozen(t time.Duration) time.Duration {
	for _, f := range p.freezes {
		if t >= f.from && t < f.to {
			return f.to - t
		}
	}
	return 0
}

// login is the whole ceremony as an honest client sees it, from when it starts.
func (p *party) login(started time.Duration) (s ledger.Sample) {
	s = ledger.Sample{Started: started, Ceremony: true, Expected: true}
	at, wasHeld := started, false
	for phase, service := range []time.Duration{p.options, p.result} {
		if wait := p.frozen(at); wait > 0 && (p.held == nil || p.held(phase)) {
			at += wait
			wasHeld = true
		}
		at += service
		if p.timeout > 0 && at-started > p.timeout {
			s.Class, s.Expected, s.Finished = ledger.Timeout, false, started+p.timeout
			return s
		}
		if phase == 0 {
			s.Optioned, s.Signed = at, at
		}
	}
	s.Finished = at
	if p.broken && wasHeld {
		s.Class, s.Expected = ledger.ServerError, false
	}
	return s
}

// recorder keeps what a runner measured.
type recorder struct {
	ledger *ledger.Ledger
	clock  pace.Clock
	party  *party
}

func newRecorder(p *party) *recorder {
	r := &recorder{
		ledger: ledger.New(ledger.Config{Operations: []ledger.OperationName{{Operation: "login"}}, Timeout: p.timeout}),
		clock:  pace.NewTimerClock(time.Now()), party: p,
	}
	r.ledger.Begin(ledger.Phase{Name: "hold", Measured: true})
	return r
}

// job plays one login at its time.
func (r *recorder) job(ctx context.Context, _ int, a pace.Arrival) {
	r.ledger.Start(a.At)
	s := r.party.login(r.clock.Now())
	s.Intended = a.At
	it := ledger.Iteration{Intended: a.At, Started: s.Started, Failed: !s.Expected}
	if r.clock.SleepUntil(ctx, s.Finished) != nil {
		s.Class, s.Expected, it.Censored = ledger.Interrupted, false, true
	}
	it.Finished = r.clock.Now()
	s.Finished = it.Finished
	r.ledger.Record([]ledger.Sample{s}, it)
}

// outcome is the result of a trial.
type outcome struct {
	tally   pace.Tally
	metrics map[string]report.Metric
	load    report.LoadRun
}

func (r *recorder) outcome(t *testing.T, tally pace.Tally) outcome {
	t.Helper()
	o := outcome{tally: tally, metrics: r.ledger.Metrics()}
	if err := r.ledger.Fill(&o.load); err != nil {
		t.Error(err)
	}
	if o.load.Counts.Started != tally.Started {
		t.Errorf("%d iterations were recorded, %d started", o.load.Counts.Started, tally.Started)
	}
	return o
}

// play offers a steady rate to the party and waits for all of it.
func play(t *testing.T, p *party, rate float64, length time.Duration, slots int) (o outcome) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder(p)
		open := &pace.Open{Clock: r.clock, Schedule: steady(rate, length), MaxInFlight: slots, Drain: time.Hour}
		o = r.outcome(t, open.Run(t.Context(), nil, r.job))
	})
	return o
}

func steady(rate float64, length time.Duration) *pace.Schedule {
	return pace.NewSchedule([]pace.Stage{{Name: "hold", From: rate, To: rate, For: length, Measured: true}}, pace.Uniform, 1, pace.Segment{})
}

// simulated is what each of n arrivals sees of a party that serves so many at a time, first come first served: found by
// looking at one after the other, without any clock.
func simulated(p *party, rate float64, n, slots int) (waits, totals []time.Duration) {
	free := make([]time.Duration, slots)
	for k := range n {
		due := time.Duration(math.Round(float64(k) / rate * 1e9))
		first := 0
		for i := range free {
			if free[i] < free[first] {
				first = i
			}
		}
		start := max(due, free[first])
		free[first] = p.login(start).Finished
		waits, totals = append(waits, start-due), append(totals, free[first]-due)
	}
	return waits, totals
}

// quantile is the smallest duration that a share of them, 0 to 1, does not exceed.
func quantile(list []time.Duration, share float64) time.Duration {
	slices.Sort(list)
	return list[max(int(math.Ceil(share*float64(len(list))-1e-9))-1, 0)]
}

// figure is one line of the table of a test.
type figure struct {
	name      string
	want, got float64 // ns, or a count
}

func (f figure) counts() bool { return strings.HasSuffix(f.name, "count") }

// err is the error as a share. A histogram does not tell times below 1 µs apart.
func (f figure) err() float64 {
	if !f.counts() && math.Abs(f.got-f.want) < 1000 {
		return 0
	}
	return (f.got - f.want) / f.want
}

// percentiles compares a metric with durations that are known.
func percentiles(name string, m report.Metric, truth []time.Duration) []figure {
	return []figure{
		{name + " p50", float64(quantile(truth, .5)), m.P50},
		{name + " p90", float64(quantile(truth, .9)), m.P90},
		{name + " p95", float64(quantile(truth, .95)), m.P95},
		{name + " p99", float64(quantile(truth, .99)), m.P99},
		{name + " max", float64(quantile(truth, 1)), m.Max},
		{name + " count", float64(len(truth)), float64(m.Count)},
	}
}

// deviation prints the figures and returns the largest error, as a share.
func deviation(t *testing.T, figures []figure) float64 {
	t.Helper()
	worst := 0.0
	for _, f := range figures {
		worst = max(worst, math.Abs(f.err()))
		show := func(v float64) string { return fmt.Sprintf("%.3f ms", v/1e6) }
		if f.counts() {
			show = func(v float64) string { return fmt.Sprintf("%.0f", v) }
		}
		t.Logf("%-22s expected %14s   got %14s   error %+8.3f %%", f.name, show(f.want), show(f.got), 100*f.err())
	}
	return worst
}

// exact fails for an error of more than a histogram's width.
func exact(t *testing.T, figures []figure) {
	t.Helper()
	within(t, 0.001, figures)
}

func within(t *testing.T, tolerance float64, figures []figure) {
	t.Helper()
	if worst := deviation(t, figures); worst > tolerance {
		t.Errorf("off by %.2f %%, more than %.2f %%", 100*worst, 100*tolerance)
	}
}

// gauge counts how many are at work.
type gauge struct{ now, most atomic.Int64 }

func (g *gauge) enter() {
	n := g.now.Add(1)
	for {
		if most := g.most.Load(); n <= most || g.most.CompareAndSwap(most, n) {
			return
		}
	}
}

func (g *gauge) leave() { g.now.Add(-1) }
