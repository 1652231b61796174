package pace_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"pgregory.net/rapid"

	"github.com/passrig/passrig/internal/load/pace"
	"github.com/passrig/passrig/report"
)

// course is a run of which everything may happen.
type course struct {
	stages            []pace.Stage
	pattern           pace.Pattern
	seed              uint64
	segment           pace.Segment
	slots             int
	slow              time.Duration // most that an iteration takes
	drain, soft, hard time.Duration // 0: not stopped that way
}

func drawCourse(t *rapid.T) course {
	when := func(name string) time.Duration {
		return time.Duration(max(rapid.IntRange(-3000, 6000).Draw(t, name), 0)) * ms
	}
	return course{
		stages: drawStages(t), pattern: rapid.SampledFrom([]pace.Pattern{pace.Uniform, pace.Poisson}).Draw(t, "pattern"),
		seed: rapid.Uint64().Draw(t, "seed"), slots: rapid.IntRange(1, 20).Draw(t, "slots"),
		slow:  time.Duration(rapid.IntRange(0, 400).Draw(t, "slow")) * ms,
		drain: when("drain"), soft: when("soft"), hard: when("hard"),
	}
}

// watched is what came of a course.
type watched struct {
	tally     pace.Tally
	most      int64
	started   []pace.Arrival
	unstarted []pace.Arrival
	early     int // iterations that started before they were due
	shared    int // or with a worker number that somebody else had
	lost      error
	outcome   outcome
}

// run plays the course on a virtual clock. How long an iteration takes, and whether it fails, is decided by its index.
func (c course) run(t *testing.T) (w watched) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r := newRecorder(&party{})
		soft := make(chan struct{})
		if c.soft > 0 {
			time.AfterFunc(c.soft, func() { close(soft) })
		}
		if c.hard > 0 {
			time.AfterFunc(c.hard, cancel)
		}
		var mu sync.Mutex
		var at gauge
		holders := map[int]bool{}
		open := &pace.Open{
			Clock: r.clock, Schedule: pace.NewSchedule(c.stages, c.pattern, c.seed, c.segment), MaxInFlight: c.slots, Drain: c.drain,
			Unstarted: func(a pace.Arrival) {
				w.unstarted = append(w.unstarted, a)
				r.ledger.Unstarted(a.At)
			},
		}
		w.tally = open.Run(ctx, soft, func(ctx context.Context, worker int, a pace.Arrival) {
			at.enter()
			mu.Lock()
			w.started = append(w.started, a)
			if r.clock.Now() < a.At {
				w.early++
			}
			if holders[worker] || worker >= c.slots {
				w.shared++
			}
			holders[worker] = true
			mu.Unlock()
			random := rand.New(rand.NewPCG(c.seed, uint64(a.Index)))
			p := &party{result: time.Duration(random.Int64N(int64(c.slow) + 1))}
			if random.IntN(5) == 0 {
				p.timeout = c.slow / 2
			}
			(&recorder{ledger: r.ledger, clock: r.clock, party: p}).job(ctx, worker, a)
			mu.Lock()
			holders[worker] = false
			mu.Unlock()
			at.leave()
		})
		w.most = at.most.Load()
		w.outcome = outcome{tally: w.tally, metrics: r.ledger.Metrics()}
		w.lost = r.ledger.Fill(&w.outcome.load)
		if p := open.Progress(); p.Started != p.Ended || p.Queued != 0 || p.Scheduled != w.tally.Scheduled {
			t.Errorf("afterwards the progress is %+v", p)
		}
	})
	return w
}

func TestNothingIsLost(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := drawCourse(rt)
		w := c.run(t)
		n := w.tally
		counts := w.outcome.load.Counts
		switch {
		case w.lost != nil:
			rt.Fatal(w.lost)
		case n.Started != n.Finished+n.Censored || counts.Started != counts.Finished+counts.Failed+counts.Censored:
			rt.Fatalf("iterations were lost: %+v, %+v", n, counts)
		case n.Started != counts.Started || n.Scheduled != counts.Scheduled || n.Scheduled != n.Started+int64(len(w.unstarted)):
			rt.Fatalf("runner and ledger disagree: %+v, %+v, %d unstarted", n, counts, len(w.unstarted))
		case w.early != 0 || w.shared != 0 || w.most > int64(c.slots):
			rt.Fatalf("%d early, %d with a worker in use, %d at a time of %d", w.early, w.shared, w.most, c.slots)
		case n.Late.Max > 0:
			rt.Fatalf("a virtual clock is late by %v ns", n.Late.Max)
		}
		// What was due are the first arrivals of the schedule; all of them if nobody stopped it.
		schedule := all(pace.NewSchedule(c.stages, c.pattern, c.seed, c.segment))
		seen := slices.Concat(w.started, w.unstarted)
		slices.SortFunc(seen, func(a, b pace.Arrival) int { return int(a.Index - b.Index) })
		if !slices.Equal(seen, schedule[:len(seen)]) {
			rt.Fatalf("%d of %d arrivals were due, but not the first ones", len(seen), len(schedule))
		}
		if c.soft == 0 && c.hard == 0 && len(seen) != len(schedule) {
			rt.Fatalf("%d of %d arrivals were due", len(seen), len(schedule))
		}
	})
}

func TestSegmentsMergeToTheWhole(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := drawCourse(rt)
		// Waits for a slot are not the same in parts, so there are enough slots.
		c.slots, c.drain, c.soft, c.hard = 100_000, time.Hour, 0, 0
		of := rapid.IntRange(2, 5).Draw(rt, "of")
		whole := c.run(t).outcome
		merged := map[string]*hdr.Histogram{}
		var counts report.LoadCounts
		for i := range of {
			c.segment = pace.Segment{Index: i, Of: of}
			part := c.run(t).outcome
			counts.Finished += part.load.Counts.Finished
			counts.Failed += part.load.Counts.Failed
			counts.Started += part.load.Counts.Started
			counts.Scheduled += part.load.Counts.Scheduled
			for name, m := range part.metrics {
				if m.Unit != report.UnitNanoseconds {
					continue
				}
				h, err := hdr.Decode([]byte(m.Histogram))
				if err != nil {
					rt.Fatal(err)
				}
				if merged[name] == nil {
					merged[name] = h
				} else if dropped := merged[name].Merge(h); dropped != 0 {
					rt.Fatalf("%d of %s could not be merged", dropped, name)
				}
			}
		}
		if counts != whole.load.Counts {
			rt.Fatalf("%+v together, %+v as a whole", counts, whole.load.Counts)
		}
		for name, m := range whole.metrics {
			if m.Unit != report.UnitNanoseconds {
				continue
			}
			h, err := hdr.Decode([]byte(m.Histogram))
			if err != nil {
				rt.Fatal(err)
			}
			if merged[name] == nil || !merged[name].Equals(h) {
				rt.Fatalf("%s is not that of the whole", name)
			}
		}
	})
}

// A schedule that is faster than wake-ups are worth starts some together, all of them and hardly late.
func TestFastSchedule(t *testing.T) {
	o := play(t, &party{result: ms}, 50_000, 200*ms, 1000)
	if o.tally.Started != 10_000 || o.tally.Late.Max > 100e3 || o.tally.Late.Max == 0 {
		t.Errorf("%d started, up to %v ns late", o.tally.Started, o.tally.Late.Max)
	}
}

func TestClosedLoop(t *testing.T) {
	for name, c := range map[string]struct {
		loop              *pace.ClosedLoop
		soft, hard        time.Duration
		started, censored int64
	}{
		"for a time":      {loop: &pace.ClosedLoop{VUs: 3, For: 95 * ms, Drain: time.Second}, started: 30},
		"iterations":      {loop: &pace.ClosedLoop{VUs: 3, Iterations: 10, Drain: time.Second}, started: 10},
		"segment":         {loop: &pace.ClosedLoop{VUs: 2, Iterations: 10, Segment: pace.Segment{Index: 1, Of: 3}, Drain: time.Second}, started: 3},
		"soft":            {loop: &pace.ClosedLoop{VUs: 3, Drain: time.Second}, soft: 25 * ms, started: 9},
		"hard":            {loop: &pace.ClosedLoop{VUs: 3, Drain: time.Second}, hard: 25 * ms, started: 9, censored: 3},
		"no time to end":  {loop: &pace.ClosedLoop{VUs: 3, For: 95 * ms, Drain: ms}, started: 30, censored: 3},
		"no virtual user": {loop: &pace.ClosedLoop{For: time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				soft := make(chan struct{})
				if c.soft > 0 {
					time.AfterFunc(c.soft, func() { close(soft) })
				}
				if c.hard > 0 {
					time.AfterFunc(c.hard, cancel)
				}
				r := newRecorder(&party{options: 4 * ms, result: 6 * ms})
				c.loop.Clock = r.clock
				o := r.outcome(t, c.loop.Run(ctx, soft, r.job))
				n := o.tally
				if n.Started != c.started || n.Censored != c.censored || n.Finished != c.started-c.censored || n.Scheduled != c.started {
					t.Errorf("tally is %+v, want %d started and %d cut off", n, c.started, c.censored)
				}
				if o.load.Counts.Censored != c.censored {
					t.Errorf("counts are %+v", o.load.Counts)
				}
				if p := c.loop.Progress(); p.Started != c.started || p.Ended != c.started {
					t.Errorf("progress is %+v", p)
				}
			})
		})
	}
}

func TestLimited(t *testing.T) {
	for name, c := range map[string]struct {
		tally   pace.Tally
		options time.Duration
		want    string
	}{
		"on time":          {pace.Tally{Scheduled: 1000, Started: 1000, Late: report.Metric{P99: 0.9e6}}, 2 * ms, ""},
		"slow answers":     {pace.Tally{Scheduled: 1000, Started: 1000, Late: report.Metric{P99: 4e6}}, 100 * ms, ""},
		"late":             {pace.Tally{Scheduled: 1000, Started: 1000, Late: report.Metric{P99: 5.1234e6}}, 100 * ms, "iterations began up to 5.12ms late (99th percentile) although nothing held them up but this machine; 5ms is tolerable"},
		"nearly all begun": {pace.Tally{Scheduled: 1000, Started: 999, Queued: 7, Slots: 16}, ms, ""},
		"waiting":          {pace.Tally{Scheduled: 1000, Started: 998, Queued: 7, Slots: 16}, ms, ""}, // for the relying party
		"cut off":          {pace.Tally{Scheduled: 1000, Started: 998, Slots: 16}, ms, "2 of 1000 iterations that were due never began"},
		"nothing":          {},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.tally.Limited(c.options); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
