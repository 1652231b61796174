package load

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/passrig/passrig/internal/load/fleet"
	"github.com/passrig/passrig/report"
)

// Run runs the load. The result is complete even when the load ends early: it is then marked as partial.
func (l *Load) Run(ctx context.Context) *report.Run {
	defer l.begin()()
	if err := l.newNewcomers(); err != nil { //nolint:contextcheck // nothing in it waits
		l.stop.ask(err.Error())
	}
	if l.assume(ctx) && l.prepare(ctx) && !l.cfg.Wishes.PrepareOnly && l.tryOut(ctx) {
		l.fill(ctx)
		refilled := l.refill(ctx)
		if l.Plan.Limit != nil {
			l.search(ctx)
		} else {
			l.offer(ctx)
		}
		refilled()
	}
	return l.finish(ctx)
}

// begin starts the clock, and returns what ends everything that goes on beside the load.
func (l *Load) begin() func() {
	l.begun = l.cfg.Clock()
	l.clock = l.cfg.clock(l.begun)
	l.stop = newStop()
	l.live = &feed{load: l}
	l.run = l.newRun()
	unfollow := l.stop.after(l.cfg.Soft, func() string { return interrupted })
	unserve := l.live.serve()
	collect := l.collectLess()
	return func() {
		collect()
		unserve()
		unfollow()
	}
}

// collectLess has garbage collected less often where every iteration makes some, until the returned function is called:
// it is the load's own processor time.
func (l *Load) collectLess() func() {
	const often, seldom = 100, 400
	percent := often
	if l.Plan.Signing == fleet.SigningFresh || l.general {
		percent = seldom
	}
	before := debug.SetGCPercent(percent)
	return func() { debug.SetGCPercent(before) }
}

const interrupted = "interrupted"

// fill makes nonces before the clock starts, so that the first signatures are as cheap as the others.
func (l *Load) fill(ctx context.Context) {
	events := &l.cfg.Events
	shown, wanted := false, l.nonces()
	err := l.fleet.Fill(ctx, wanted, func(ready int) {
		if !shown {
			shown = true
			events.started(Phase{Name: "nonces", Total: int64(wanted)})
		}
		events.progress(Progress{Done: int64(ready)})
	})
	if shown {
		events.done()
	}
	if err != nil && ctx.Err() == nil {
		l.stop.ask(fmt.Sprintf("no nonces could be made: %v", err))
	}
}

// nonces is how many there is room for.
func (l *Load) nonces() int {
	if n := l.cfg.Wishes.Nonces; n > 0 {
		return n
	}
	if n := l.signatures(); n > 0 {
		return int(min(n, fleet.DefaultPoolSize))
	}
	return fleet.DefaultPoolSize
}

// signatures is how many the load can need, with one in each iteration; 0 where nobody knows.
func (l *Load) signatures() int64 {
	arrivals := 0.0
	for _, s := range l.Plan.Stages {
		arrivals += (s.From + s.To) / 2 * s.For.Seconds()
	}
	if c := l.Plan.Closed; c != nil {
		arrivals = float64(c.Iterations)
	}
	if arrivals == 0 {
		return 0
	}
	return int64(arrivals) + 1
}

// refill makes nonces beside the load, until the returned function is called.
func (l *Load) refill(ctx context.Context) func() {
	ctx, cancel := context.WithCancel(ctx)
	var making sync.WaitGroup
	for _, users := range []*fleet.Fleet{l.fleet, l.newcomers} {
		if users == nil {
			continue
		}
		making.Go(func() {
			if err := users.Refill(ctx); err != nil && ctx.Err() == nil {
				l.stop.ask(fmt.Sprintf("no nonces could be made: %v", err))
			}
		})
	}
	return func() {
		cancel()
		making.Wait()
	}
}

// offer plays the load as it is planned, once.
func (l *Load) offer(ctx context.Context) {
	m := l.newMeasurement(ctx)
	m.abort = l.stop
	begin := m.clock.Now()
	if l.Plan.Closed != nil {
		m.closed(ctx, l.Plan.Closed, l.Plan.WarmUp)
	} else {
		m.open(ctx, l.Plan.Stages, l.Plan.Pattern)
	}
	l.conclude(m, begin)
}
