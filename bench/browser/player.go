package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// driver drives a browser in its own way.
type driver interface {
	start(ctx context.Context, m match) (version string, err error)
	// open makes a browser context with an authenticator and a page that has been read.
	open(ctx context.Context) (visitor, error)
	stop() error
}

// visitor is a user of the relying party, in a browser context of their own.
type visitor interface {
	// enroll signs the user up and gives them a passkey.
	enroll(ctx context.Context, name string) error
	// login returns the name of the user who is signed in by it.
	login(ctx context.Context) (string, error)
	leave(ctx context.Context) error
}

// play is a contender written in Go: it carries out orders until its input ends.
func play(ctx context.Context, name string, in io.Reader, out io.Writer) error {
	d, err := newDriver(name)
	if err != nil {
		return err
	}
	p := &player{driver: d}
	orders, replies := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var o order
		err := orders.Decode(&o)
		if errors.Is(err, io.EOF) {
			return p.driver.stop()
		}
		if err != nil {
			return errors.Join(err, p.driver.stop())
		}
		r, err := p.obey(ctx, o)
		if err != nil {
			r.Error = err.Error()
		}
		if err := replies.Encode(r); err != nil {
			return errors.Join(err, p.driver.stop())
		}
	}
}

// newDriver returns one of the drivers written in Go.
func newDriver(name string) (driver, error) {
	switch name {
	case "passrig":
		return &passrig{}, nil
	case "passrig-software":
		return &passrig{software: true}, nil
	case "passrig-split":
		return &passrig{split: true}, nil
	case "bare":
		return &bare{}, nil
	case "bare-wrapped":
		return &bare{wrapped: true}, nil
	}
	return nil, fmt.Errorf("no contender %q", name)
}

type player struct {
	driver   driver
	match    match
	visitors []visitor
}

func (p *player) obey(ctx context.Context, o order) (reply, error) {
	switch o.Do {
	case "start":
		p.match = o.match
		version, err := p.driver.start(ctx, o.match)
		return reply{Version: version}, err
	case "open":
		return p.open(ctx, o.Contexts)
	case "login":
		if o.Logins <= 0 && o.Milliseconds <= 0 {
			return reply{}, errors.New("login without an end")
		}
		return p.login(ctx, o), nil
	case "set-up":
		return p.setUp(ctx, o.Contexts)
	case "stop":
		return reply{}, p.driver.stop()
	}
	return reply{}, fmt.Errorf("no order %q", o.Do)
}

func (p *player) user(i int) string { return fmt.Sprintf("%s-%d", p.match.User, i) }

func (p *player) open(ctx context.Context, n int) (reply, error) {
	for range n {
		v, err := p.driver.open(ctx)
		if err != nil {
			return reply{}, err
		}
		if err := v.enroll(ctx, p.user(len(p.visitors))); err != nil {
			return reply{}, fmt.Errorf("enroll: %w", err)
		}
		p.visitors = append(p.visitors, v)
	}
	return reply{}, nil
}

func (p *player) setUp(ctx context.Context, n int) (reply, error) {
	var r reply
	for range n {
		began := time.Now()
		v, err := p.driver.open(ctx)
		if err != nil {
			return r, err
		}
		r.Setups = append(r.Setups, milliseconds(time.Since(began)))
		if err := v.leave(ctx); err != nil {
			return r, err
		}
	}
	return r, nil
}

func (p *player) login(ctx context.Context, o order) reply {
	var r reply
	var mu sync.Mutex
	var started atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for i, v := range p.visitors[:o.Contexts] {
		wg.Go(func() {
			for {
				if o.Logins > 0 && started.Add(1) > int64(o.Logins) || o.Milliseconds > 0 && milliseconds(time.Since(began)) >= float64(o.Milliseconds) {
					return
				}
				who, err := v.login(ctx)
				mu.Lock()
				r.Logins++
				switch {
				case err != nil:
					r.Failed = append(r.Failed, err.Error())
				case who != p.user(i):
					r.Failed = append(r.Failed, fmt.Sprintf("%q is signed in, not %q", who, p.user(i)))
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	r.Took = milliseconds(time.Since(began))
	return r
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
