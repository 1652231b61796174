package wire

import (
	"context"
	"os"
	"slices"
	"sync"
	"time"
)

// pool holds the idle connections to one server, the one used last on top, and counts the open ones. Whoever waits for
// one is served in turn.
type pool struct {
	max int // 0: no bound

	mu      sync.Mutex
	idle    []*conn
	open    int // connections made or being made; bounded if max is not 0
	waiting []chan *conn
	closed  bool
}

// seat is what a line waits with. It is made when it is first needed.
type seat struct{ ready chan *conn }

// take returns an idle connection, or nil when the caller may make one.
func (p *pool) take(ctx context.Context, w *seat, until time.Time, clock func() time.Time) (*conn, error) {
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		c := p.idle[n-1]
		p.idle[n-1] = nil
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return c, nil
	}
	if p.max == 0 || p.open < p.max {
		p.open++
		p.mu.Unlock()
		return nil, nil //nolint:nilnil // says that the caller may dial
	}
	if w.ready == nil {
		w.ready = make(chan *conn, 1)
	}
	p.waiting = append(p.waiting, w.ready)
	p.mu.Unlock()

	var late <-chan time.Time
	if !until.IsZero() {
		timer := time.NewTimer(until.Sub(clock()))
		defer timer.Stop()
		late = timer.C
	}
	select {
	case c := <-w.ready:
		return c, nil
	case <-late:
		p.withdraw(w)
		return nil, os.ErrDeadlineExceeded
	case <-ctx.Done():
		p.withdraw(w)
		return nil, ctx.Err()
	}
}

// withdraw ends waiting. What was handed over just then goes to the next one.
func (p *pool) withdraw(w *seat) {
	p.mu.Lock()
	if i := slices.Index(p.waiting, w.ready); i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
		p.mu.Unlock()
		return
	}
	p.mu.Unlock()
	if c := <-w.ready; c != nil {
		p.put(c)
	} else {
		p.leave()
	}
}

// put gives a connection back that can carry another request.
func (p *pool) put(c *conn) {
	p.mu.Lock()
	switch {
	case len(p.waiting) > 0:
		p.hand(c)
		p.mu.Unlock()
	case p.closed:
		p.open--
		p.mu.Unlock()
		c.close()
	default:
		p.idle = append(p.idle, c)
		p.mu.Unlock()
	}
}

// leave says that a connection was closed, or not made after all.
func (p *pool) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) > 0 {
		p.hand(nil)
	} else {
		p.open--
	}
}

// hand serves the one who has waited longest.
func (p *pool) hand(c *conn) {
	p.waiting[0] <- c
	p.waiting = slices.Delete(p.waiting, 0, 1)
}

// shut closes the idle connections, now and from now on.
func (p *pool) shut() {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	p.open -= len(idle)
	p.mu.Unlock()
	for _, c := range idle {
		c.close()
	}
}
