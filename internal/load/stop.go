package load

import (
	"context"
	"sync"
)

// stop is how a load is ended before its time: nothing more begins, and what is under way is finished.
type stop struct {
	soft chan struct{}

	mu  sync.Mutex
	why string // in one sentence; empty: nobody has asked
}

func newStop() *stop { return &stop{soft: make(chan struct{})} }

// ask ends the load, for the first reason that is given.
func (s *stop) ask(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.why == "" {
		s.why = why
		close(s.soft)
	}
}

// reason is why the load was ended; empty when it was not.
func (s *stop) reason() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.why
}

// asked says whether nothing more may begin.
func (s *stop) asked(ctx context.Context) bool { return ctx.Err() != nil || s.reason() != "" }

// follow makes a stop end when another does, until the returned function is called.
func (s *stop) follow(other *stop) func() {
	return s.after(other.soft, other.reason)
}

// after asks when the channel is closed, until the returned function is called.
func (s *stop) after(soft <-chan struct{}, why func() string) func() {
	done := make(chan struct{})
	var waiting sync.WaitGroup
	waiting.Go(func() {
		select {
		case <-soft: // never, if it is nil
			s.ask(why())
		case <-done:
		}
	})
	return func() {
		close(done)
		waiting.Wait()
	}
}
