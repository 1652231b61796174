package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/passrig/passrig/bench/internal/measure"
)

// play has one contestant work on a fresh server, and measures a window of it.
func (b *bench) play(ctx context.Context, c contestant, e event, m match) (s sample, err error) {
	if err := os.Mkdir(m.Dir, 0o700); err != nil {
		return s, err
	}
	against, err := startParty(ctx, b.serverCPU, []string{
		b.self, playServer, "-kind", e.Server, "-recording", b.recording, "-delay", e.delay.String(),
	}, b.progress)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, against.stop()) }()
	m.Origin = against.origin
	if e.enrolled {
		if err := enroll(m); err != nil { //nolint:contextcheck // it writes a file
			return s, err
		}
	}
	command, err := c.command(m)
	if err != nil {
		return s, err
	}
	p, err := start(ctx, b.clientCPU, command)
	if err != nil {
		return s, err
	}
	if s, err = b.watch(p, against, m); err != nil {
		p.kill()
		return s, p.failure(err)
	}
	if err := p.wait(); err != nil {
		return s, err
	}
	t, err := c.tally(m, p.stdout.Bytes())
	if err != nil {
		return s, p.failure(err)
	}
	return s, reconcile(against, m.What, t)
}

// watch waits for the flow and the warm-up, and measures the window that follows.
func (b *bench) watch(p *process, against *party, m match) (sample, error) {
	if err := flow(p, against, m.What, int64(m.Workers)+1); err != nil {
		return sample{}, err
	}
	time.Sleep(b.plan.warmUp)
	before, err := look(p, against)
	if err != nil {
		return sample{}, err
	}
	time.Sleep(b.plan.window)
	after, err := look(p, against)
	if err != nil {
		return sample{}, err
	}
	sizes, err := measure.Sizes(p.cmd.Process.Pid, "status")
	if err != nil {
		return sample{}, err
	}
	n := after.state.of(m.What) - before.state.of(m.What)
	if n <= 0 {
		return sample{}, fmt.Errorf("no %s in %v", m.What, b.plan.window)
	}
	each := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 / float64(n) }
	return sample{
		ClientCPU: each(after.client - before.client), ServerCPU: each(after.server - before.server),
		Rate: float64(n) / after.at.Sub(before.at).Seconds(), RSS: sizes["VmRSS"], PeakRSS: sizes["VmHWM"],
	}, nil
}

// patience is how long the first logins may take: users are registered before them, and programs start.
const patience = 2 * time.Minute

// flow waits until the server has seen so many done that they were no trial.
func flow(p *process, against *party, what string, many int64) error {
	for limit := time.Now().Add(patience); time.Now().Before(limit); time.Sleep(5 * time.Millisecond) {
		s, err := against.state()
		if err != nil || s.of(what) >= many {
			return err
		}
		if _, err := p.usage(); err != nil {
			return err
		}
	}
	return fmt.Errorf("no %s in %v, or too few", what, patience)
}

// sight is what is seen at a moment.
type sight struct {
	at             time.Time
	state          state
	client, server time.Duration // processor time so far
}

func look(p *process, against *party) (s sight, err error) {
	if s.state, err = against.state(); err != nil {
		return s, err
	}
	s.at, s.server = time.Now(), against.cpu()
	s.client, err = p.usage()
	return s, err
}

// reconcile compares what a contestant says it did with what the server knows of: nothing may be lost.
func reconcile(against *party, what string, t tally) error {
	if t.Failed > 0 {
		return fmt.Errorf("%d failed, the first: %s", t.Failed, t.Failure)
	}
	s, err := against.state()
	if err != nil {
		return err
	}
	if n := s.of(what); n != t.Done {
		return fmt.Errorf("it says %d, the server %d", t.Done, n)
	}
	return nil
}
