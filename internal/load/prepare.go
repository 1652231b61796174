package load

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/passrig/passrig/internal/load/ledger"
	"github.com/passrig/passrig/report"
)

// maxUnprepared is how many users may fail to be prepared before no more are tried.
const maxUnprepared = 20

const prepareName = "prepare"

// preparation is the stretch in which users are enrolled.
type preparation struct {
	*measurement
	journey int

	taking sync.Mutex // guards what follows
	next   func() (int64, error, bool)
	err    error

	failed atomic.Int64
}

// prepare enrolls the users who are not yet. It says whether the load can go on.
func (l *Load) prepare(ctx context.Context) bool {
	plan := l.Plan.Prepare
	if plan == nil {
		return true
	}
	of := max(int64(l.cfg.Wishes.Segment.Of), 1)
	reused := l.fleet.Enrolled()
	m := l.newMeasurement(ctx)
	p := &preparation{measurement: m, journey: l.program.Prepare()}
	next, stop := iter.Pull2(l.fleet.Missing(int64(l.cfg.Wishes.Segment.Index), of))
	defer stop()
	p.next = next
	m.plan(ledger.Phase{Name: prepareName, VUs: plan.VUs, Measured: true}, max((l.fleet.Count()-reused)/of, 0))
	m.plan(ledger.Phase{Name: drainName}, 0)
	begin := m.clock.Now()
	p.enroll(ctx, plan.VUs)
	p.end()
	l.out.Users.Reused = reused
	l.out.Users.Enrolled = l.fleet.Enrolled() - reused
	l.addPrepared(p, begin)
	return p.err == nil && p.failed.Load() == 0 && !l.stop.asked(ctx)
}

// enroll plays the preparation for every user who needs it, several at a time.
func (p *preparation) enroll(ctx context.Context, vus int) {
	p.enter(0)
	defer p.watch(ctx)()
	ctx, cancel := context.WithCancel(ctx)
	defer p.load.cutOff(ctx, cancel)()
	var working sync.WaitGroup
	for worker := range vus {
		working.Go(func() {
			for {
				user, ok := p.take(ctx)
				if !ok {
					return
				}
				now := p.clock.Now()
				p.ledger.Start(now)
				it, samples := p.player(worker, p.journey).Play(ctx, p.journey, user, now)
				p.ledger.Record(samples, it)
				if it.Failed && !it.Censored && p.failed.Add(1) >= maxUnprepared {
					p.load.stop.ask(fmt.Sprintf("%d users could not be prepared", maxUnprepared))
				}
			}
		})
	}
	working.Wait()
}

// cutOff cancels what is still under way a drain after the load was asked to end, until the returned function is called.
func (l *Load) cutOff(ctx context.Context, cancel func()) func() {
	var waiting sync.WaitGroup
	waiting.Go(func() {
		select {
		case <-l.stop.soft:
			_ = l.clock.SleepUntil(ctx, l.clock.Now()+l.Plan.Drain) // an error says that nothing is under way any more
			cancel()
		case <-ctx.Done():
		}
	})
	return func() {
		cancel()
		waiting.Wait()
	}
}

// take is the next user to prepare.
func (p *preparation) take(ctx context.Context) (int64, bool) {
	p.taking.Lock()
	defer p.taking.Unlock()
	if p.err != nil || p.load.stop.asked(ctx) {
		return 0, false
	}
	user, err, ok := p.next()
	if err != nil {
		p.err = err
		return 0, false
	}
	return user, ok
}

// addPrepared puts the preparation into the result: as a phase, as metrics of its own, and as a step.
func (l *Load) addPrepared(p *preparation, begin time.Duration) {
	var part report.LoadRun
	err := errors.Join(l.append(p.measurement, false), p.fill(&part))
	for name, metric := range p.ledger.Metrics() {
		l.run.Metrics[prepareName+"."+name] = metric
	}
	step := report.Step{
		Action: prepareName, Title: fmt.Sprintf("prepare %d users with register", l.fleet.Count()), Verdict: report.VerdictPass,
		StartMS: millis(p.zero + begin), DurationMS: millis(p.ended - begin),
	}
	switch enrolled, took := l.out.Users.Enrolled, p.ended-begin; {
	case err != nil:
		step.Verdict, step.Message = report.VerdictError, err.Error()
	case p.err != nil:
		step.Verdict, step.Message = report.VerdictError, p.err.Error()
	case p.failed.Load() > 0:
		step.Verdict = report.VerdictError
		step.Message = fmt.Sprintf("%d of %d users could not be registered: %s", part.Counts.Failed, part.Counts.Started, exampleOf(&part))
		step.Hint = "once the cause is gone, another run goes on where this one ended, if there is a state file; a user whom the relying party knows and the state file does not needs another --seed"
	case l.run.Partial || l.stop.reason() != "":
		step.Verdict, step.Message = report.VerdictSkip, fmt.Sprintf("ended early, after %d users; %s", enrolled, resumption(l))
	case enrolled == 0:
		step.Message = "all of them are registered already"
	default:
		step.Message = fmt.Sprintf("%d registered in %s, %.0f/s", enrolled, report.FormatDuration(float64(took)), float64(enrolled)/took.Seconds())
	}
	l.addStep(step)
}

func resumption(l *Load) string {
	if l.Plan.Prepare.State == "" {
		return "without a state file they are lost"
	}
	return "another run goes on from there"
}

// exampleOf is a sentence about what went wrong.
func exampleOf(out *report.LoadRun) string {
	for i := range out.Outcomes {
		if o := &out.Outcomes[i]; !o.Expected && o.Example != "" {
			return o.Example
		}
	}
	for i := range out.Outcomes {
		if o := &out.Outcomes[i]; !o.Expected {
			return o.Operation + " ended with " + o.Class
		}
	}
	return "no outcome was recorded"
}
