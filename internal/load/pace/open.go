package pace

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/passrig/passrig/report"
)

// Open starts iterations by a schedule.
type Open struct {
	Clock       Clock
	Schedule    *Schedule
	MaxInFlight int           // most iterations at a time, at least 1
	Drain       time.Duration // how long what is due or in flight is awaited after the last arrival; then it is cut off

	// Over, if set, is told when nothing more is due, before what is in flight is awaited.
	Over func(at time.Duration)
	// Unstarted, if set, is told of every arrival that was due and never started, after the last job has returned.
	Unstarted func(a Arrival)

	run openRun
}

// Run starts every iteration at its time, or as soon as a slot is free, and returns when all have ended. When soft is
// closed no more arrivals are due; what is due or in flight is awaited up to Drain. When ctx ends, what is in flight is
// cut off at once: its own ctx ends, and it counts as censored. An Open runs once.
func (o *Open) Run(ctx context.Context, soft <-chan struct{}, job Job) Tally {
	jobs, cut := context.WithCancel(ctx)
	defer cut()
	r := &o.run
	r.clock, r.job, r.limit, r.settled = o.Clock, job, max(o.MaxInFlight, 1), make(chan struct{})
	r.stages, r.late = o.Schedule.stages, report.NewHistogram()

	end := r.arrivals(ctx, jobs, soft, o.Schedule)
	if o.Over != nil {
		o.Over(end)
	}
	drained := time.AfterFunc(o.Drain, cut)
	defer drained.Stop()
	r.settle()
	for a, ok := r.left(); ok; a, ok = r.left() {
		if o.Unstarted != nil {
			o.Unstarted(a)
		}
	}
	r.tally.Slots, r.tally.Late = r.limit, r.late.Metric()
	return r.tally
}

// Progress may be called while Run runs.
func (o *Open) Progress() Progress {
	r := &o.run
	r.mu.Lock()
	defer r.mu.Unlock()
	t := &r.tally
	return Progress{Scheduled: t.Scheduled, Started: t.Started, Ended: t.Finished + t.Censored, Queued: r.queued}
}

const (
	// attention is how often whoever sleeps looks up whether to stop.
	attention = 50 * time.Millisecond
	// leastSleep keeps a fast schedule from costing more than what it starts, since waking up takes some 20 µs of processor
	// time: above 10 000 arrivals a second, some start together and late by less than this.
	leastSleep = 100 * time.Microsecond
	// burst is how much sleep may be missing, so that arrivals by chance close together are on time.
	burst = 20 * time.Millisecond
)

// openRun is the state of a run. Its queue is the first arrival of it and the schedule from there on, whatever its length.
type openRun struct {
	clock   Clock
	job     Job
	limit   int
	stages  []Stage
	workers sync.WaitGroup
	settled chan struct{} // closed when nothing is in flight any more

	mu     sync.Mutex
	idle   []*worker // the last to become idle is the first to work: its memory is warm
	busy   int
	queued int64
	first  Arrival  // of the queue, if it is not empty
	rest   Schedule // whose next arrivals are the others
	ending bool     // no more arrivals
	tally  Tally
	late   *report.Histogram // see Tally.Late
}

// worker performs jobs one after the other.
type worker struct {
	number int
	next   Arrival
	wake   chan struct{} // holds one; closed when there is nothing more to do
}

// arrivals lets everything arrive at its time, until the schedule or the run ends, and returns when that was.
func (r *openRun) arrivals(ctx, jobs context.Context, soft <-chan struct{}, s *Schedule) (end time.Duration) {
	const never = math.MaxInt64
	end = never
	var slept time.Duration // as if every sleep had been a least one
	for {
		a, ok := s.Next()
		if !ok {
			a.At = s.Length() // the last stage lasts as long as it says
		}
		now := r.clock.Now()
		for {
			if end == never && stopped(ctx, soft) {
				end = now
			}
			if a.At > end {
				return end
			}
			if now >= a.At {
				break
			}
			// An error is the end of ctx, which is looked at next.
			_ = r.clock.SleepUntil(ctx, min(max(a.At, slept-burst), now+attention))
			now = r.clock.Now()
			slept = max(slept, now) + leastSleep
		}
		if !ok {
			return a.At
		}
		r.arrive(jobs, a, now, s)
	}
}

// stopped says whether no more arrivals are wanted.
func stopped(ctx context.Context, soft <-chan struct{}) bool {
	select {
	case <-soft:
		return true
	default:
		return ctx.Err() != nil
	}
}

// arrive gives an arrival to a worker, or queues it. The schedule goes on after it.
func (r *openRun) arrive(ctx context.Context, a Arrival, now time.Duration, s *Schedule) {
	cut := ctx.Err() != nil
	r.mu.Lock()
	r.tally.Scheduled++
	if r.busy == r.limit || cut {
		if r.queued == 0 {
			r.first, r.rest = a, *s
		}
		r.queued++
		if !cut {
			r.tally.Queued++
		}
		r.observe(&a, now-a.At)
		r.mu.Unlock()
		return
	}
	r.busy++
	r.tally.Started++
	n := len(r.idle)
	if n == 0 {
		w := &worker{number: r.tally.MaxWorkers, next: a, wake: make(chan struct{}, 1)}
		r.tally.MaxWorkers++
		r.mu.Unlock()
		r.workers.Go(func() { r.work(ctx, w) })
		return
	}
	w := r.idle[n-1]
	r.idle = r.idle[:n-1]
	w.next = a
	r.mu.Unlock()
	w.wake <- struct{}{}
}

// work performs what the worker is given, and what is queued then, until there will be nothing more.
func (r *openRun) work(ctx context.Context, w *worker) {
	for awake := true; awake; _, awake = <-w.wake {
		late := r.clock.Now() - w.next.At
		r.job(ctx, w.number, w.next)
		for r.ended(ctx, w, late) {
			late = inQueue
			r.job(ctx, w.number, w.next)
		}
	}
}

// inQueue stands for the lateness of an arrival that has been counted when it was queued.
const inQueue = -1

// ended counts a job that has ended and says whether the worker has a next one.
func (r *openRun) ended(ctx context.Context, w *worker, late time.Duration) bool {
	cut := ctx.Err() != nil
	r.mu.Lock()
	defer r.mu.Unlock()
	if late != inQueue {
		r.observe(&w.next, late)
	}
	if cut {
		r.tally.Censored++
	} else {
		r.tally.Finished++
	}
	if r.queued > 0 && !cut {
		w.next = r.pop()
		r.tally.Started++
		return true
	}
	r.busy--
	r.idle = append(r.idle, w)
	if r.ending && r.busy == 0 {
		close(r.settled)
	}
	return false
}

// observe counts how late the generator was, where that is measured.
func (r *openRun) observe(a *Arrival, late time.Duration) {
	if r.stages[a.Stage].Measured {
		r.late.Observe(late)
	}
}

// pop takes the first arrival from a queue that is not empty.
func (r *openRun) pop() Arrival {
	a := r.first
	if r.queued--; r.queued > 0 {
		r.first, _ = r.rest.Next()
	}
	return a
}

// left takes an arrival that nobody will start any more.
func (r *openRun) left() (a Arrival, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.queued == 0 {
		return a, false
	}
	return r.pop(), true
}

// settle waits until nothing is in flight any more and ends the workers.
func (r *openRun) settle() {
	r.mu.Lock()
	r.ending = true
	if r.busy == 0 {
		close(r.settled)
	}
	r.mu.Unlock()
	<-r.settled
	r.mu.Lock()
	for _, w := range r.idle {
		close(w.wake)
	}
	r.mu.Unlock()
	r.workers.Wait()
}
