package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/passrig/passrig/bench/internal/measure"
	"github.com/passrig/passrig/internal/demorp"
)

// bench is a measurement under way.
type bench struct {
	settings
	contenders []*contender
	result     *result
	match      match
	progress   io.Writer
}

// measureAll has all contenders take their turns and returns what was measured.
func measureAll(ctx context.Context, s settings, stderr io.Writer) (*result, error) {
	wrapper, err := os.ReadFile(filepath.Join(s.root, "virtual", "cdp", "wrapper.js"))
	if err != nil {
		return nil, err
	}
	origin, closeSite, err := serve() //nolint:contextcheck // a new relying party waits for nothing
	if err != nil {
		return nil, err
	}
	defer closeSite()
	b := &bench{settings: s, progress: stderr, result: newResult(s)}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer func() {
		for _, c := range b.contenders {
			c.kill()
		}
	}()
	b.match = match{
		Browser: s.browser, Hidden: !strings.Contains(filepath.Base(s.browser), "headless"), NoSandbox: os.Geteuid() == 0,
		Origin: origin, Page: origin + "/?autofill=off", Enroll: enrollScript, Login: loginScript, Wrapper: string(wrapper),
	}
	for _, e := range entries {
		if e.peer == "" || s.peers {
			b.result.enter(e)
		}
	}
	if err := b.memory(ctx); err != nil {
		return nil, err
	}
	for _, row := range b.result.Rows {
		if _, err := b.begin(ctx, row.entry, ""); err != nil {
			return nil, err
		}
	}
	for _, stage := range []func() error{b.alone, b.together, b.setUps, b.soaks, b.crowd, b.stop} {
		if err := stage(); err != nil {
			return nil, err
		}
	}
	return b.result, nil
}

// begin starts a contender and its browser.
func (b *bench) begin(ctx context.Context, e entry, users string) (*contender, error) {
	c, err := newContender(ctx, b.settings, e, b.progress)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", e.name, err)
	}
	b.contenders = append(b.contenders, c)
	m := b.match
	m.User = e.name + users
	r, err := c.tell(order{Do: "start", match: m})
	b.result.of(c).Version = r.Version
	return c, err
}

// memory weighs contexts, of one browser after the other: as long as two run, they share the pages of
// their program, and to open a context would move the share.
func (b *bench) memory(ctx context.Context) error {
	for _, row := range b.result.Rows {
		if b.plan.weighed != nil && !slices.Contains(b.plan.weighed, row.Name) {
			continue
		}
		b.say("%s: weighing", row.Name)
		c, err := b.begin(ctx, row.entry, "-memory")
		if err != nil {
			return err
		}
		var held []usage
		for _, n := range []int{1, b.plan.contexts} {
			if err := b.join(c, n); err != nil {
				return err
			}
			u, err := hold(c.cmd.Process.Pid)
			if err != nil {
				return err
			}
			held = append(held, u)
		}
		more := float64(b.plan.contexts - 1)
		row.Memory, row.Anonymous = (held[1].memory-held[0].memory)/more, (held[1].anonymous-held[0].anonymous)/more
		if err := b.stop(); err != nil {
			return err
		}
	}
	return nil
}

// serve starts the demo relying party, and returns its origin and what ends it.
func serve() (string, func(), error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it is there at once
	if err != nil {
		return "", nil, err
	}
	origin := fmt.Sprintf("http://localhost:%d", l.Addr().(*net.TCPAddr).Port)
	rp, err := demorp.New(demorp.Config{Origins: []string{origin}})
	if err != nil {
		return "", nil, errors.Join(err, l.Close())
	}
	server := &http.Server{Handler: rp.Handler(), ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }()
	return origin, func() { _ = server.Close() }, nil
}

func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.progress, format+"\n", args...) }

func (b *bench) alone() error { return b.rounds(1) }

func (b *bench) together() error { return b.rounds(b.plan.contexts) }

// rounds has everybody log in with n contexts, in another order each time.
func (b *bench) rounds(n int) error {
	for _, c := range b.contenders {
		if err := b.join(c, n); err != nil {
			return err
		}
	}
	turn := slices.Clone(b.contenders)
	for i := range b.plan.rounds {
		b.say("round %d of %d with %d contexts", i+1, b.plan.rounds, n)
		for _, c := range turn {
			r, used, err := b.login(c, order{Contexts: n, Milliseconds: b.slice()})
			if err != nil {
				return err
			}
			b.result.of(c).add(n, r, used)
		}
		turn = append(turn[1:], turn[0])
	}
	return nil
}

// join opens what a contender has not got of n contexts, and has each log in for a while.
func (b *bench) join(c *contender, n int) error {
	b.say("%s: opening %d contexts", c.name, n)
	if err := c.open(n); err != nil {
		return err
	}
	_, _, err := b.login(c, order{Contexts: n, Milliseconds: b.slice() / 2})
	return err
}

func (b *bench) slice() int { return int(b.plan.slice.Milliseconds()) }

// login has a contender log in, and returns with its reply the processor time it took.
func (b *bench) login(c *contender, o order) (reply, usage, error) {
	o.Do = "login"
	before, err := use(c.cmd.Process.Pid)
	if err != nil {
		return reply{}, usage{}, err
	}
	party, _ := measure.ReadProcess(os.Getpid())
	r, err := c.tell(o)
	if err != nil {
		return r, usage{}, err
	}
	b.result.fail(c, r.Failed)
	partyNow, _ := measure.ReadProcess(os.Getpid())
	after, err := use(c.cmd.Process.Pid)
	return r, usage{client: after.client - before.client, browser: after.browser - before.browser, party: partyNow.CPU - party.CPU}, err
}

// setUps times fresh contexts.
func (b *bench) setUps() error {
	const each = 3
	b.say("timing the set-up of %d contexts each", b.plan.setups)
	for range (b.plan.setups + each - 1) / each {
		for _, c := range b.contenders {
			r, err := c.tell(order{Do: "set-up", Contexts: min(each, b.plan.setups)})
			if err != nil {
				return err
			}
			row := b.result.of(c)
			row.Setups = append(row.Setups, r.Setups...)
		}
	}
	return nil
}

// soaks logs in many times and looks whether anything grows.
func (b *bench) soaks() error {
	const parts = 20
	for _, c := range b.contenders {
		if c.name != page && c.name != splitUp {
			continue
		}
		b.say("%s: %d logins", c.name, b.plan.soak)
		s := &soak{Logins: b.plan.soak}
		b.result.of(c).Soak = s
		for part := range parts + 1 {
			u, err := hold(c.cmd.Process.Pid)
			if err != nil {
				return err
			}
			s.add(part*b.plan.soak/parts, u)
			if part == parts {
				break
			}
			if _, _, err := b.login(c, order{Contexts: b.plan.soakers, Logins: b.plan.soak / parts}); err != nil {
				return err
			}
		}
	}
	return nil
}

// crowd has passrig log in with many contexts at once.
func (b *bench) crowd() error {
	n := b.plan.crowd
	for _, c := range b.contenders {
		if c.name != page {
			continue
		}
		if err := b.join(c, n); err != nil {
			return err
		}
		r, used, err := b.login(c, order{Contexts: n, Milliseconds: 2 * b.slice()})
		if err != nil {
			return err
		}
		b.result.of(c).add(n, r, used)
	}
	return nil
}

func (b *bench) stop() error {
	for len(b.contenders) > 0 {
		c := b.contenders[0]
		left, err := c.stop()
		b.contenders = b.contenders[1:]
		if err != nil {
			return err
		}
		b.result.of(c).Left = append(b.result.of(c).Left, left...)
	}
	return nil
}
