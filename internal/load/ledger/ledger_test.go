package ledger

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/passrig/passrig/report"
)

const ms = time.Millisecond

// login is an iteration of one login: 2 ms until it starts, 10 ms for options, 1 ms to sign, 20 ms for the result.
func login(at time.Duration) ([]Sample, Iteration) {
	s := Sample{
		Ceremony: true, Expected: true, Intended: at, Started: at + 2*ms, Optioned: at + 12*ms, Signed: at + 13*ms, Finished: at + 33*ms,
	}
	return []Sample{s}, Iteration{Intended: at, Started: s.Started, Finished: s.Finished, Bytes: 100}
}

func failed(at time.Duration, class Class, after time.Duration, example string) ([]Sample, Iteration) {
	s := Sample{Class: class, Ceremony: true, Intended: at, Started: at, Finished: at + after, Example: example}
	return []Sample{s}, Iteration{Intended: at, Started: at, Finished: s.Finished, Failed: true}
}

func (l *Ledger) play(samples []Sample, it Iteration) {
	l.Start(it.Intended)
	l.Record(samples, it)
}

func newLogins() *Ledger {
	return New(Config{Operations: []OperationName{{Operation: "login"}, {Journey: "shop", Operation: "whoami"}}, Timeout: time.Second})
}

func TestLedger(t *testing.T) {
	l := newLogins()
	l.Begin(Phase{Name: "warm-up", ToRate: 5})
	l.Begin(Phase{Name: "hold", Start: time.Second, FromRate: 5, ToRate: 5, Measured: true})
	l.play(login(990 * ms)) // ends in the hold, but was intended before
	l.play(login(1000 * ms))
	l.play(login(1500 * ms))
	l.play(failed(1600*ms, Timeout, 900*ms, "no answer within 1s"))
	l.play(failed(1700*ms, ServerError, 40*ms, ""))
	l.play(failed(1800*ms, ServerError, 50*ms, "status 500"))
	l.play(failed(1900*ms, ServerError, 60*ms, "status 502"))
	samples, it := login(2500 * ms)
	samples[0].Class, samples[0].Expected, it.Censored = Interrupted, false, true
	l.play(samples, it)
	samples, it = login(2600 * ms) // a no that was asked for, and an operation that is no ceremony
	samples[0].Class = Rejected
	l.play(append(samples, Sample{Operation: 1, Expected: true, Intended: 2633 * ms, Started: 2633 * ms, Finished: 2640 * ms}), it)
	l.Unstarted(2700 * ms)
	l.End(3 * time.Second)

	var run report.LoadRun
	if err := l.Fill(&run); err != nil {
		t.Fatal(err)
	}
	counts := report.LoadCounts{Scheduled: 9, Started: 8, Finished: 3, Failed: 4, Censored: 1}
	want := report.LoadRun{
		Phases: []report.LoadPhase{
			{Name: "warm-up", DurationMS: 1000, ToRate: 5, Counts: report.LoadCounts{Scheduled: 1, Started: 1, Finished: 1}},
			{Name: "hold", StartMS: 1000, DurationMS: 2000, FromRate: 5, ToRate: 5, Measured: true, Counts: counts, Done: 4},
		},
		Counts: counts,
		Outcomes: []report.LoadOutcome{
			{Operation: "login", Class: "accepted", Expected: true, Count: 2, P50: 33e6, P99: 33e6},
			{Operation: "login", Class: "rejected", Expected: true, Count: 1, P50: 33e6, P99: 33e6},
			{Operation: "login", Class: "timeout", Count: 1, P50: 1e9, P99: 1e9, Example: "no answer within 1s"},
			{Operation: "login", Class: "server-error", Count: 3, P50: 50e6, P99: 60e6, Example: "status 500"},
			{Operation: "login", Class: "interrupted", Count: 1},
			{Journey: "shop", Operation: "whoami", Class: "accepted", Expected: true, Count: 1, P50: 7e6, P99: 7e6},
		},
		Series: []report.LoadSecond{
			{Second: 0, Asked: 1, Started: 1, InFlight: 1},
			{
				Second: 1, Asked: 6, Started: 6, Finished: 3, Failed: 3, InFlight: 1,
				P50: 33e6, P90: 60e6, P99: 60e6, Max: 60e6, LagP99: 2e6, Options: 10e6, Client: 1e6, Result: 20e6,
			},
			{Second: 2, Asked: 3, Started: 2, Finished: 1, Failed: 1, P50: 33e6, P90: 1e9, P99: 1e9, Max: 1e9, LagP99: 2e6},
		},
		Generator: report.LoadGenerator{LagP99: 2e6, LagMax: 2e6}, // four began late and four did not
	}
	if diff := cmp.Diff(want, run, cmpopts.EquateApprox(0.002, 1000)); diff != "" {
		t.Error(diff)
	}
}

func TestMetrics(t *testing.T) {
	l := newLogins()
	l.Begin(Phase{Name: "warm-up"})
	l.play(failed(0, ServerError, ms, ""))
	l.Begin(Phase{Name: "hold", Start: time.Second, Measured: true})
	for i := range 99 {
		l.play(login(time.Second + time.Duration(i)*ms))
	}
	l.play(failed(1500*ms, Timeout, 900*ms, ""))
	samples, it := login(1600 * ms)
	samples[0].Class, samples[0].Expected, it.Censored = Interrupted, false, true
	l.play(samples, it)

	got := map[string]string{}
	for name, m := range l.Metrics() {
		if m.Unit == report.UnitCount {
			got[name] = fmt.Sprintf("%d of %d", m.Count, m.Of)
			continue
		}
		got[name] = fmt.Sprintf("%d: p50 %.1f max %.1f", m.Count, m.P50/1e6, m.Max/1e6)
	}
	want := map[string]string{
		"login.total": "99: p50 33.0 max 33.0", "login.options": "99: p50 10.0 max 10.0", "login.client": "99: p50 1.0 max 1.0",
		"login.result": "99: p50 20.0 max 20.0", "login.all": "100: p50 33.0 max 1000.0", "login.accepted": "99 of 100",
		"login.failed": "1 of 100", "iteration.total": "99: p50 33.0 max 33.0", "generator.lag": "101: p50 2.0 max 2.0",
		"load.failed": "1 of 101", "load.censored": "1 of 101", "shop.whoami.accepted": "0 of 0", "shop.whoami.failed": "0 of 0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLostIterations(t *testing.T) {
	for name, c := range map[string]struct {
		mistake func(l *Ledger)
		want    string
	}{
		"not recorded":   {func(l *Ledger) { l.Start(ms) }, "started 2 iterations, but 1 finished, 0 failed and 0 were cut off, which makes 1"},
		"recorded twice": {func(l *Ledger) { l.Record(login(ms)) }, "started 1 iterations, but 2 finished, 0 failed and 0 were cut off, which makes 2"},
		"in balance":     {func(l *Ledger) { l.play(failed(ms, TLS, ms, "")) }, ""},
		"between phases": {func(l *Ledger) {
			samples, it := login(ms)
			l.Start(it.Intended)
			it.Intended = 2 * time.Second
			l.Record(samples, it)
		}, `phase "one" started 2 iterations, but 1 finished`},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLogins()
			l.Begin(Phase{Name: "one", Measured: true})
			l.Begin(Phase{Name: "two", Start: time.Second})
			l.play(login(0))
			c.mistake(l)
			var run report.LoadRun
			err := l.Fill(&run)
			if len(run.Phases) != 2 {
				t.Errorf("not filled: %+v", run)
			}
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var lost *LostError
			if !errors.As(err, &lost) || lost.Phase != "one" || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestExamplesAreAskedForOnce(t *testing.T) {
	l := newLogins()
	l.Begin(Phase{})
	l.Begin(Phase{Start: time.Second, Measured: true})
	l.play(failed(0, Closed, ms, "in the warm-up"))
	if !l.WantsExample(0, Closed) {
		t.Error("an example of an unmeasured phase was kept")
	}
	l.play(failed(time.Second, Closed, ms, "first"))
	if l.WantsExample(0, Closed) || !l.WantsExample(0, Timeout) || !l.WantsExample(1, Closed) {
		t.Error("an example of one kind stands for others, or is asked for again")
	}
}

func TestSnapshot(t *testing.T) {
	l := newLogins()
	l.Begin(Phase{Name: "ramp", Measured: true})
	if s := l.Snapshot(); s.Phase != "ramp" || s.All.Started != 0 || s.P99 != 0 {
		t.Errorf("at the beginning: %+v", s)
	}
	l.play(failed(0, Throttled, 5*ms, ""))
	l.Begin(Phase{Name: "hold", Start: time.Second, Measured: true})
	l.play(login(1100 * ms))
	l.play(login(2100 * ms))
	l.Start(2200 * ms)
	s := l.Snapshot()
	want := Snapshot{
		Phase: "hold", Counts: report.LoadCounts{Scheduled: 3, Started: 3, Finished: 2},
		All: report.LoadCounts{Scheduled: 4, Started: 4, Finished: 2, Failed: 1}, InFlight: 1, Accepted: 2,
		Unexpected: map[string]int64{"throttled": 1}, P50: 33 * ms, P99: 33 * ms, LagP99: 2 * ms, Bytes: 200,
		Second: report.LoadSecond{
			Second: 1, Asked: 1, Started: 1, Finished: 1, P50: 33e6, P90: 33e6, P99: 33e6, Max: 33e6, LagP99: 2e6, Options: 10e6, Client: 1e6, Result: 20e6,
		},
	}
	if diff := cmp.Diff(want, s, cmpopts.EquateApprox(0.002, 0)); diff != "" {
		t.Error(diff)
	}
}

// Every second keeps the percentiles of its own, however long the run and in whatever order iterations end.
func TestSeries(t *testing.T) {
	const seconds, each = 30, 200
	random := rand.New(rand.NewPCG(1, 2))
	l := newLogins()
	l.Begin(Phase{Measured: true})
	truth := make([][]float64, seconds)
	type ended struct {
		s  []Sample
		it Iteration
	}
	var list []ended
	for range seconds * each {
		end := time.Duration(random.Int64N(int64(seconds * time.Second)))
		total := min(time.Duration(float64(20*ms)*math.Exp(random.NormFloat64())), end)
		s, it := failed(end-total, Rejected, total, "")
		list = append(list, ended{s, it})
		truth[end/time.Second] = append(truth[end/time.Second], float64(total))
	}
	slices.SortFunc(list, func(a, b ended) int { return int(a.it.Finished - b.it.Finished) })
	for i := 0; i+3 < len(list); i += 6 { // neighbors overtake each other
		list[i], list[i+3] = list[i+3], list[i]
	}
	for _, e := range list {
		l.play(e.s, e.it)
	}
	var run report.LoadRun
	if err := l.Fill(&run); err != nil {
		t.Fatal(err)
	}
	for n, second := range run.Series {
		slices.Sort(truth[n])
		at := func(share float64) float64 { return truth[n][int(math.Ceil(share*float64(len(truth[n]))))-1] }
		want := report.LoadSecond{P50: at(.5), P90: at(.9), P99: at(.99), Max: at(1)}
		got := report.LoadSecond{P50: second.P50, P90: second.P90, P99: second.P99, Max: second.Max}
		if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0.001, 1000)); diff != "" || second.Failed != int64(len(truth[n])) {
			t.Errorf("second %d, %d failed of %d: %s", n, second.Failed, len(truth[n]), diff)
		}
	}
	if n := run.Series[seconds-1].InFlight; n != 0 {
		t.Errorf("%d in flight at the end", n)
	}
}

func TestConcurrently(t *testing.T) {
	l := newLogins()
	l.Begin(Phase{Name: "a", Measured: true})
	var workers sync.WaitGroup
	for w := range 8 {
		workers.Go(func() {
			for i := range 500 {
				at := time.Duration(i*10+w) * ms
				if w == 0 && i == 250 {
					l.Begin(Phase{Name: "b", Start: time.Second, Measured: true})
				}
				if i%7 == 0 {
					l.play(failed(at, Timeout, time.Second, "x"))
					l.Snapshot()
					continue
				}
				l.play(login(at))
			}
		})
	}
	workers.Wait()
	var run report.LoadRun
	// The second phase began when iterations of its time had been recorded, which belong to the first then.
	if err := l.Fill(&run); err != nil && !errors.As(err, new(*LostError)) {
		t.Fatal(err)
	}
	if run.Counts.Started != 4000 || run.Counts.Finished+run.Counts.Failed != 4000 {
		t.Errorf("counts are %+v", run.Counts)
	}
}

func TestClassNames(t *testing.T) {
	seen := map[string]bool{}
	for c := range classCount {
		if name := c.String(); name == "" || seen[name] || strings.ToLower(name) != name {
			t.Errorf("class %d is called %q", c, name)
		}
		seen[c.String()] = true
	}
	if Adapter.String() != "adapter" || Interrupted.String() != "interrupted" || classCount.String() != "unknown" {
		t.Errorf("names are shifted: %v %v", Adapter, Interrupted)
	}
}

// scatter is an iteration of two operations whose times vary as a real one's do.
func scatter(random *rand.Rand, i int, samples []Sample) Iteration {
	noise := func(d time.Duration) time.Duration {
		return time.Duration(float64(d) * math.Exp(random.NormFloat64()/2))
	}
	at := time.Duration(i) * 100 * time.Microsecond
	s := Sample{Expected: true, Ceremony: true, Intended: at, Started: at + noise(50*time.Microsecond)}
	s.Optioned = s.Started + noise(2*ms)
	s.Signed = s.Optioned + noise(40*time.Microsecond)
	s.Finished = s.Signed + noise(4*ms)
	samples[0] = s
	samples[1] = Sample{Operation: 1, Expected: true, Intended: s.Finished, Started: s.Finished, Finished: s.Finished + noise(ms)}
	return Iteration{Intended: at, Started: s.Started, Finished: samples[1].Finished}
}

func BenchmarkRecord(b *testing.B) {
	const n = 100_000
	random := rand.New(rand.NewPCG(1, 2))
	samples, its := make([][2]Sample, n), make([]Iteration, n)
	for i := range n {
		its[i] = scatter(random, i, samples[i][:])
	}
	for _, operations := range []int{1, 2} {
		b.Run(fmt.Sprint(operations, " operations"), func(b *testing.B) {
			l := newLogins()
			l.Begin(Phase{Measured: true})
			b.ReportAllocs()
			for i := 0; b.Loop(); i = (i + 1) % n {
				l.play(samples[i][:operations], its[i])
			}
		})
	}
	b.Run("parallel", func(b *testing.B) {
		l := newLogins()
		l.Begin(Phase{Measured: true})
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i = (i + 1) % n {
				l.play(samples[i][:1], its[i])
			}
		})
	})
	b.Run("snapshot", func(b *testing.B) {
		l := newLogins()
		l.Begin(Phase{Measured: true})
		for i := range n {
			l.play(samples[i][:], its[i])
		}
		for b.Loop() {
			l.Snapshot()
		}
	})
}

// The ledger of ten journeys with three operations each, of which each ended in three ways, is a few MiB after an hour.
func TestMemory(t *testing.T) {
	var cfg Config
	for j := range 10 {
		for o := range 3 {
			cfg.Operations = append(cfg.Operations, OperationName{Journey: fmt.Sprint("j", j), Operation: fmt.Sprint("o", o)})
		}
	}
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	l := New(cfg)
	l.Begin(Phase{Measured: true})
	random := rand.New(rand.NewPCG(1, 2))
	var samples [2]Sample
	for i := range 300_000 {
		it := scatter(random, i*120, samples[:])
		samples[0].Operation = i % len(cfg.Operations)
		samples[1].Class, samples[1].Operation = Class(i/len(cfg.Operations)%3), samples[0].Operation
		l.play(samples[:], it)
	}
	used := float64(heap()-before) / (1 << 20)
	t.Logf("%.1f MiB for %d operations with 3 outcomes and %d seconds", used, len(cfg.Operations), len(l.series.seconds))
	if used > 8 || len(l.series.seconds) < 3600 {
		t.Errorf("%.1f MiB, %d seconds", used, len(l.series.seconds))
	}
}
