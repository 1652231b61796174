// Package study plays what happens to many accounts at passkey providers over days, in virtual time: with the same cloud
// and the same devices' copies as in a run (package virtual/fabric), but no relying party that is asked anything, and no
// waiting. Accounts have nothing in common, so that each is a simulation of its own, with randomness of its own, and the
// same seed gives the same figures on any number of processors.
package study

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/passrig/passrig/report"
)

// Config is a study to play.
type Config struct {
	Plan *Plan // one that [Plan.Check] has nothing against
	Seed uint64
	Tool report.Tool
	// Workers is how many accounts are played at a time; 0: as many as there are processors. It changes no figure.
	Workers int
	// Progress is told how many accounts are done and how many events those have had; calls do not overlap. May be nil.
	Progress func(accounts, events int64)
}

// chunk is how many accounts a worker takes at a time.
const chunk = 8

// Run plays the study. When the context ends, the result has the accounts that were done by then, and is marked partial.
// The error is one of the simulation itself.
func Run(ctx context.Context, cfg Config) (*report.Run, error) {
	if err := cfg.Plan.Check(); err != nil {
		return nil, err
	}
	workers := cfg.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	crew := &crew{cfg: cfg, all: newTally()}
	var working sync.WaitGroup
	for range workers {
		working.Go(func() { crew.work(ctx) })
	}
	working.Wait()
	if crew.err != nil {
		return nil, crew.err
	}
	return cfg.result(crew.all)
}

// crew are the workers of a study.
type crew struct {
	cfg  Config
	next atomic.Int64 // the first account that nobody has taken

	mu           sync.Mutex // guards what follows
	all          *tally
	done, events int64
	err          error // of the first account that went wrong
}

// work plays accounts until there are none left.
func (c *crew) work(ctx context.Context) {
	mine := newTally()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.all.merge(mine)
	}()
	for ctx.Err() == nil {
		first := c.next.Add(chunk) - chunk
		last := min(first+chunk, c.cfg.Plan.Accounts)
		before := mine.events()
		for number := first; number < last; number++ {
			if err := c.play(context.WithoutCancel(ctx), number, mine); err != nil {
				c.fail(fmt.Errorf("account %d: %w", number, err))
				return
			}
		}
		if first >= last {
			return
		}
		c.progress(last-first, mine.events()-before)
	}
}

// play plays one account. That takes about a millisecond, so that the context of a study that is interrupted ends it
// between two accounts, and never within one.
func (c *crew) play(ctx context.Context, number int64, t *tally) error {
	a, err := newAccount(c.cfg.Plan, c.cfg.Seed, number, t)
	if err != nil {
		return err
	}
	return a.play(ctx)
}

// fail ends the study.
func (c *crew) fail(err error) {
	c.next.Store(c.cfg.Plan.Accounts)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
}

func (c *crew) progress(accounts, events int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done, c.events = c.done+accounts, c.events+events
	if c.cfg.Progress != nil {
		c.cfg.Progress(c.done, c.events)
	}
}
