package pace

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// ClosedLoop lets virtual users play one iteration after the other. A slow answer delays what comes after it, so its
// latencies are not those of users who come when they like.
type ClosedLoop struct {
	Clock      Clock
	VUs        int           // virtual users, each a worker
	For        time.Duration // no iteration starts later than this after the start; 0: no limit
	Iterations int64         // most iterations, of all segments together; 0: no limit
	Segment    Segment       // of the indices
	Over       func()        // if set, is told when no more iterations start, before what is in flight is awaited
	Drain      time.Duration // how long what is in flight at the end is awaited; then it is cut off

	next, started, finished, censored atomic.Int64
}

// Run plays until For or Iterations is reached, soft is closed or ctx ends, and returns when all iterations have ended.
// Soft and ctx are as in [Open.Run]. A ClosedLoop runs once.
func (c *ClosedLoop) Run(ctx context.Context, soft <-chan struct{}, job Job) Tally {
	jobs, cut := context.WithCancel(ctx)
	defer cut()
	start := c.Clock.Now()
	over := make(chan struct{})
	var users sync.WaitGroup
	for number := range c.VUs {
		users.Go(func() {
			c.play(jobs, soft, start, number, job)
		})
	}
	go func() { // without iterations left, each ends by itself
		users.Wait()
		close(over)
	}()
	select {
	case <-over:
	case <-soft:
	case <-ctx.Done():
	case <-c.timeUp():
	}
	if c.Over != nil {
		c.Over()
	}
	drained := time.AfterFunc(c.Drain, cut)
	defer drained.Stop()
	users.Wait()
	started := c.started.Load()
	return Tally{
		Scheduled: started, Started: started, Finished: c.finished.Load(), Censored: c.censored.Load(), MaxWorkers: c.VUs,
	}
}

// timeUp receives when no more iterations start, if that is limited.
func (c *ClosedLoop) timeUp() <-chan time.Time {
	if c.For == 0 {
		return nil
	}
	return time.After(c.For)
}

// play is one virtual user.
func (c *ClosedLoop) play(ctx context.Context, soft <-chan struct{}, start time.Duration, number int, job Job) {
	of := int64(max(c.Segment.Of, 1))
	for !stopped(ctx, soft) {
		now := c.Clock.Now()
		if c.For > 0 && now-start >= c.For {
			return
		}
		index := (c.next.Add(1)-1)*of + int64(c.Segment.Index)
		if c.Iterations > 0 && index >= c.Iterations {
			return
		}
		c.started.Add(1)
		job(ctx, number, Arrival{Index: index, At: now})
		if ctx.Err() != nil {
			c.censored.Add(1)
		} else {
			c.finished.Add(1)
		}
	}
}

// Progress may be called while Run runs.
func (c *ClosedLoop) Progress() Progress {
	ended := c.finished.Load() + c.censored.Load()
	started := c.started.Load() // after what has ended, so that it is not less
	return Progress{Scheduled: started, Started: started, Ended: ended}
}
