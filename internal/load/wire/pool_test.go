package wire

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"
)

// Who gives up just when a connection, or a seat, is handed over passes it on.
func TestHandoverToOneWhoGaveUp(t *testing.T) {
	p := &pool{max: 1, open: 1}
	w := &seat{ready: make(chan *conn, 1)}
	c := new(conn)
	w.ready <- c
	p.withdraw(w)
	if len(p.idle) != 1 || p.idle[0] != c || p.open != 1 {
		t.Errorf("the connection is lost: %d idle, %d open", len(p.idle), p.open)
	}
	p.idle = nil
	w.ready <- nil
	p.withdraw(w)
	if p.open != 0 {
		t.Errorf("the seat is lost: %d open", p.open)
	}
	next := &seat{ready: make(chan *conn, 1)}
	p.open, p.waiting = 1, []chan *conn{next.ready}
	w.ready <- nil
	p.withdraw(w)
	if c := <-next.ready; c != nil || p.open != 1 || len(p.waiting) != 0 {
		t.Errorf("the next one got %v; %d open, %d waiting", c, p.open, len(p.waiting))
	}
}

// The end of a context that is not the line's any more closes nothing.
func TestEarlierContext(t *testing.T) {
	client, err := NewFast(Config{Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	l, ok := client.NewLine().(*fastLine)
	if !ok {
		t.Fatal("another kind of line")
	}
	defer l.Close()
	ours, theirs := net.Pipe()
	defer theirs.Close()
	c := &conn{raw: ours, stream: ours}
	earlier, cancelEarlier := context.WithCancel(t.Context())
	l.observe(earlier)
	watch := l.watch
	now, cancel := context.WithCancel(t.Context())
	l.observe(now)
	l.hold(now, c, time.Time{})
	cancelEarlier()
	l.interrupt(earlier, watch) // as if it had been under way
	if cut := l.release(); cut != nil {
		t.Errorf("the connection was closed: %v", cut)
	}
	l.hold(now, c, time.Time{})
	cancel()
	if _, err := theirs.Read(make([]byte, 1)); err == nil {
		t.Error("read something")
	}
	if cut := l.release(); !errors.Is(cut, context.Canceled) {
		t.Errorf("connection was closed because of %v", cut)
	}
}
