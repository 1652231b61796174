package pace_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passrig/passrig/internal/load/ledger"
	"github.com/passrig/passrig/internal/load/pace"
	"github.com/passrig/passrig/report"
)

const ms = time.Millisecond

// stalling is a relying party that freezes for half a second after 2, 4, … 18 s. A login takes it 5 ms.
func stalling() *party {
	return &party{options: 2 * ms, result: 3 * ms, freezes: freezes(2*time.Second, 500*ms, stallLength)}
}

// The offer that all trials of a stall have in common.
const (
	stallRate   = 200
	stallLength = 20 * time.Second
	stallCount  = 4000
)

// stallFigures are the percentiles of a stall that has no limit on what is in flight. Of the 4000 arrivals 900 find it
// frozen, 9 of them for each of 5, 10, … 500 ms, so that P(L > s+x) = f(1 - x/D) in steps.
func stallFigures(m report.Metric) []figure {
	return []figure{
		{"total p50", float64(5 * ms), m.P50},
		{"total p90", float64(285 * ms), m.P90},
		{"total p95", float64(395 * ms), m.P95},
		{"total p99", float64(485 * ms), m.P99},
		{"total max", float64(505 * ms), m.Max},
		{"total count", stallCount, float64(m.Count)},
	}
}

func TestStall(t *testing.T) {
	o := play(t, stalling(), stallRate, stallLength, 1000)
	exact(t, stallFigures(o.metrics["login.total"]))
	if lag := o.metrics[report.MetricLag]; lag.Max != 0 || o.tally.Late.Max != 0 {
		t.Errorf("a virtual clock is late by %v and %v ns", lag.Max, o.tally.Late.Max)
	}
	if got := o.load.Counts; got != (report.LoadCounts{Scheduled: stallCount, Started: stallCount, Finished: stallCount}) {
		t.Errorf("counts are %+v", got)
	}
	// Whether an answer at the very moment of an arrival comes before it is not said.
	if n := o.tally.MaxWorkers; n < 101 || n > 102 || o.tally.Bound() != "" || o.tally.Limited(2*ms) != "" {
		t.Errorf("tally %+v, %q, %q", o.tally, o.tally.Bound(), o.tally.Limited(2*ms))
	}
}

func TestStallWithFewSlots(t *testing.T) {
	o := play(t, stalling(), stallRate, stallLength, 16)
	waits, totals := simulated(stalling(), stallRate, stallCount, 16)
	exact(t, append(percentiles("total", o.metrics["login.total"], totals), percentiles("lag", o.metrics[report.MetricLag], waits)...))
	if o.tally.Late.Max != 0 || o.tally.Limited(2*ms) != "" {
		t.Errorf("the wait for a slot is blamed on the generator: %v ns, %q", o.tally.Late.Max, o.tally.Limited(2*ms))
	}
	if !strings.Contains(o.tally.Bound(), "found all 16 slots in use") {
		t.Errorf("nothing is said about the limit: %q", o.tally.Bound())
	}
}

func TestOverload(t *testing.T) {
	const capacity, length = 1000, 10 * time.Second
	// An arrival at time x waits for a quarter of x.
	figures := func(m report.Metric) []figure {
		return []figure{
			{"total p50", 1250e6, m.P50},
			{"total p90", 2250e6, m.P90},
			{"total p99", 2475e6, m.P99},
			{"total max", 2500e6, m.Max},
			{"total count", 12500, float64(m.Count)},
		}
	}
	t.Run("waiting here", func(t *testing.T) {
		o := play(t, &party{result: ms}, 1.25*capacity, length, 1)
		within(t, 0.005, figures(o.metrics["login.total"]))
		within(t, 0.005, []figure{{"lag p50", 1250e6, o.metrics[report.MetricLag].P50}})
	})
	t.Run("waiting there", func(t *testing.T) {
		var o outcome
		synctest.Test(t, func(t *testing.T) {
			r := newRecorder(&party{})
			var server sync.Mutex
			var free time.Duration
			open := &pace.Open{Clock: r.clock, Schedule: steady(1.25*capacity, length), MaxInFlight: 100_000, Drain: time.Hour}
			o = r.outcome(t, open.Run(t.Context(), nil, func(ctx context.Context, worker int, a pace.Arrival) {
				server.Lock()
				free = max(free, r.clock.Now()) + ms
				done := recorder{ledger: r.ledger, clock: r.clock, party: &party{result: free - r.clock.Now()}}
				server.Unlock()
				done.job(ctx, worker, a)
			}))
		})
		within(t, 0.005, figures(o.metrics["login.total"]))
	})
}

func TestFreezeOfTheResultOnly(t *testing.T) {
	p := stalling()
	p.held = func(phase int) bool { return phase == 1 }
	o := play(t, p, stallRate, stallLength, 1000)
	options := o.metrics["login.options"]
	exact(t, []figure{
		{"options p50", 2e6, options.P50},
		{"options p99", 2e6, options.P99},
		{"options max", 2e6, options.Max},
		{"result p50", 3e6, o.metrics["login.result"].P50},
	})
	// The second request arrives 2 ms after the first: it finds a freeze of 498, 493, … 3 ms, if any.
	_, totals := simulated(p, stallRate, stallCount, stallCount)
	results := make([]time.Duration, len(totals))
	for i := range totals {
		results[i] = totals[i] - 2*ms
	}
	exact(t, append(percentiles("total", o.metrics["login.total"], totals), percentiles("result", o.metrics["login.result"], results)...))
	if m := o.metrics["login.total"]; m.P99 < 480e6 {
		t.Errorf("the total does not carry the freeze: p99 %v", m.P99)
	}
}

func TestTimeout(t *testing.T) {
	p := timingOut()
	o := play(t, p, stallRate, timeoutLength, 4000)
	exact(t, timeoutFigures(o))
	for _, outcome := range o.load.Outcomes {
		if outcome.Class == "timeout" && outcome.P50 < 1e9 {
			t.Errorf("a timeout of 1 s counts as %v ns", outcome.P50)
		}
	}
	if got := o.load.Counts; got.Failed != timeouts || got.Started != got.Finished+got.Failed {
		t.Errorf("counts are %+v", got)
	}
}

// timingOut freezes once, from 2 to 5 s, for clients that wait for 1 s.
func timingOut() *party {
	return &party{options: 2 * ms, result: 3 * ms, freezes: []freeze{{2 * time.Second, 5 * time.Second}}, timeout: time.Second}
}

const (
	timeoutLength = 10 * time.Second
	timeouts      = 401 // arrivals at 2, 2.005, … 4 s would have to wait for longer than 1 s
)

func timeoutFigures(o outcome) []figure {
	all := o.metrics["login.all"]
	return []figure{
		{"timeouts count", timeouts, float64(o.metrics["login.failed"].Count)},
		{"total count", 2000 - timeouts, float64(o.metrics["login.total"].Count)},
		{"all p50", 5e6, all.P50},
		{"all p90", 1000e6, all.P90},
		{"all p99", 1000e6, all.P99},
		{"all max", 1000e6, all.Max},
		{"all count", 2000, float64(all.Count)},
	}
}

func TestErrorsOfAStall(t *testing.T) {
	p := stalling()
	p.broken = true
	o := play(t, p, stallRate, stallLength, 1000)
	exact(t, stallFigures(o.metrics["login.all"]))
	if m := o.metrics["login.total"]; m.Count != stallCount-900 || m.Max != 5e6 {
		t.Errorf("what was accepted has %d samples up to %v ns", m.Count, m.Max)
	}
}

// A mutant is a load generator with one mistake that others have made. Each has to be found out by the figures of the test
// that its name begins with.
func TestMutants(t *testing.T) {
	stall := func(o outcome) []figure { return stallFigures(o.metrics["login.total"]) }
	for _, m := range []struct {
		name    string
		play    func(t *testing.T) outcome
		figures func(o outcome) []figure
	}{
		{"Stall: closed loop", stalled(closedLoop), stall},
		{"Stall: latency from send", stalled(fromSend), stall},
		{"Stall: arrivals dropped", stalled(dropping), stall},
		{"Stall: max workers with service time", stalled(blocking), stall},
		{"Stall: catch-up burst from a shifted schedule", stalled(shifting), stall},
		{"Stall: what is in flight at the end forgotten", stalled(forgetting), stall},
		{"Timeout: timeouts left out", func(t *testing.T) outcome {
			t.Helper()
			o := play(t, timingOut(), stallRate, timeoutLength, 4000)
			o.metrics["login.all"] = o.metrics["login.total"]
			return o
		}, timeoutFigures},
		{"ErrorsOfAStall: percentiles of what was accepted", func(t *testing.T) outcome {
			t.Helper()
			p := stalling()
			p.broken = true
			return play(t, p, stallRate, stallLength, 1000)
		}, stall},
	} {
		t.Run(m.name, func(t *testing.T) {
			times := slices.DeleteFunc(m.figures(m.play(t)), figure.counts)
			if worst := deviation(t, times); worst <= 0.005 {
				t.Errorf("not found out by its times: off by %.3f %% only", 100*worst)
			}
		})
	}
}

// stalled plays a stall in a way of its own.
func stalled(run func(ctx context.Context, r *recorder)) func(t *testing.T) outcome {
	return func(t *testing.T) (o outcome) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			r := newRecorder(stalling())
			run(t.Context(), r)
			o = outcome{metrics: r.ledger.Metrics()}
		})
		return o
	}
}

func closedLoop(ctx context.Context, r *recorder) {
	loop := &pace.ClosedLoop{Clock: r.clock, VUs: 16, For: stallLength, Drain: time.Hour}
	loop.Run(ctx, nil, r.job)
}

func fromSend(ctx context.Context, r *recorder) {
	open := &pace.Open{Clock: r.clock, Schedule: steady(stallRate, stallLength), MaxInFlight: 16, Drain: time.Hour}
	open.Run(ctx, nil, func(ctx context.Context, worker int, a pace.Arrival) {
		a.At = r.clock.Now()
		r.job(ctx, worker, a)
	})
}

// dropping leaves out what finds no worker.
func dropping(ctx context.Context, r *recorder) {
	var jobs sync.WaitGroup
	var working gauge
	for s := steady(stallRate, stallLength); ; {
		a, ok := s.Next()
		if !ok {
			break
		}
		_ = r.clock.SleepUntil(ctx, a.At)
		synctest.Wait() // what ends now has ended
		if working.now.Load() == 16 {
			continue
		}
		working.enter()
		jobs.Go(func() {
			defer working.leave()
			r.job(ctx, 0, a)
		})
	}
	jobs.Wait()
}

// blocking hands arrivals over to workers that time what they do; none arrives while all are busy.
func blocking(ctx context.Context, r *recorder) {
	var jobs sync.WaitGroup
	arrivals := make(chan pace.Arrival)
	for range 16 {
		jobs.Go(func() {
			for a := range arrivals {
				a.At = r.clock.Now()
				r.job(ctx, 0, a)
			}
		})
	}
	for s := steady(stallRate, stallLength); ; {
		a, ok := s.Next()
		if !ok {
			break
		}
		_ = r.clock.SleepUntil(ctx, a.At)
		arrivals <- a
	}
	close(arrivals)
	jobs.Wait()
}

// shifting intends what is late to start when it could.
func shifting(ctx context.Context, r *recorder) {
	var jobs sync.WaitGroup
	slots := make(chan struct{}, 16)
	next := time.Duration(0)
	for k := range int64(stallCount) {
		_ = r.clock.SleepUntil(ctx, next)
		slots <- struct{}{}
		at := r.clock.Now()
		jobs.Go(func() {
			r.job(ctx, 0, pace.Arrival{Index: k, At: at})
			<-slots
		})
		next = at + time.Second/stallRate
	}
	jobs.Wait()
}

// forgetting stops in the middle of the last freeze and looks at what has ended.
func forgetting(ctx context.Context, r *recorder) {
	s := steady(stallRate, 18*time.Second+400*ms)
	open := &pace.Open{Clock: r.clock, Schedule: s, MaxInFlight: 1000, Drain: 0}
	open.Run(ctx, nil, r.job)
}

func TestWhatIsCutOffIsCensored(t *testing.T) {
	var o outcome
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder(stalling())
		open := &pace.Open{Clock: r.clock, Schedule: steady(stallRate, 18*time.Second+400*ms), MaxInFlight: 50, Drain: 50 * ms}
		open.Unstarted = func(a pace.Arrival) { r.ledger.Unstarted(a.At) }
		o = r.outcome(t, open.Run(t.Context(), nil, r.job))
	})
	// The last freeze began at 18 s. The first 50 of the 80 arrivals since then have a slot, and none has ended at 18.45 s.
	want := report.LoadCounts{Scheduled: 3680, Started: 3650, Finished: 3600, Censored: 50}
	if o.load.Counts != want {
		t.Errorf("counts are %+v, want %+v", o.load.Counts, want)
	}
	if got := o.tally.Unplayed(); !strings.Contains(got, "30 of 3680 iterations that were due never began") {
		t.Errorf("unplayed: %q", got)
	}
	if got := o.tally.Limited(2 * ms); got != "" {
		t.Errorf("the generator is blamed for what the relying party holds up: %q", got)
	}
	if m := o.metrics["login.all"]; m.Count != 3600 {
		t.Errorf("%d logins have a latency, of 3600 that ended", m.Count)
	}
	var asked int64
	for _, s := range o.load.Series {
		asked += s.Asked
	}
	if asked != 3680 || o.load.Series[17].InFlight != 1 { // the one from 17.995 s ends at 18 s
		t.Errorf("series: %d asked for, %d in flight at 18 s", asked, o.load.Series[17].InFlight)
	}
	for _, outcome := range o.load.Outcomes {
		if outcome.Class == ledger.Interrupted.String() && outcome.Count != 50 {
			t.Errorf("%d interrupted", outcome.Count)
		}
	}
}
