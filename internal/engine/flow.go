package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
)

const defaultPollEvery = 250 * time.Millisecond

// request sends one request of the scenario itself and keeps what it saves as variables.
func (w *world) request(ctx context.Context, spec *scenarios.Request) (*outcome, error) {
	session := w.party.NewSession()
	if spec.User != "" {
		_, v, err := w.accountVisit(spec.User, spec.On)
		if err != nil {
			return nil, err
		}
		session = v.session
	}
	begin := w.cfg.Clock()
	r := w.party.Send(ctx, session, spec, w.env)
	maps.Copy(w.vars(), r.Saved)
	for value, name := range session.Secrets() {
		w.redactor.Add(name, value)
	}
	return &outcome{result: r, duration: w.cfg.Clock().Sub(begin), notes: r.Notes}, nil
}

// wait pauses, or asks again and again until the answer is accepted.
func (w *world) wait(ctx context.Context, spec *scenarios.Wait) (*outcome, error) {
	limit, err := spec.For.Value(w.env)
	if err != nil {
		return nil, err
	}
	if spec.Request == nil {
		if err := sleep(ctx, limit); err != nil {
			return nil, err
		}
		return &outcome{own: report.VerdictPass, message: fmt.Sprintf("waited %s", limit)}, nil
	}
	every := defaultPollEvery
	if !spec.Every.IsZero() {
		if every, err = spec.Every.Value(w.env); err != nil {
			return nil, err
		}
	}
	begin := w.cfg.Clock()
	for {
		o, err := w.request(ctx, spec.Request)
		if err != nil || o.result.Outcome == rp.OutcomeAccepted || ctx.Err() != nil {
			return o, err
		}
		if waited := w.cfg.Clock().Sub(begin); waited+every >= limit {
			o.findings = append(o.findings, finding{
				verdict: report.VerdictFail, message: fmt.Sprintf("the answer was not as wanted within %s", limit),
				expected: "an accepted answer", actual: o.result.Reason,
			})
			return o, nil
		}
		if err := sleep(ctx, every); err != nil {
			return nil, err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

func (w *world) assert(spec *scenarios.Assert) (*outcome, error) {
	o := &outcome{own: report.VerdictPass}
	for _, e := range spec.That {
		yes, err := e.Bool(w.env)
		if err != nil {
			return nil, err
		}
		if yes {
			continue
		}
		message := "not true: " + e.Source()
		if !spec.Message.IsZero() {
			if message, err = spec.Message.String(w.env); err != nil {
				return nil, err
			}
		}
		o.findings = append(o.findings, finding{verdict: report.VerdictFail, message: message, expected: e.Source(), actual: "false"})
	}
	return o, nil
}

// set evaluates all values before it sets any, so that they can be swapped.
func (w *world) set(values map[string]scenarios.Tree) (*outcome, error) {
	evaluated := make(map[string]any, len(values))
	for name, tree := range values {
		v, err := tree.Eval(w.env)
		if err != nil {
			return nil, fmt.Errorf("set %s: %w", name, err)
		}
		evaluated[name] = v
	}
	maps.Copy(w.vars(), evaluated)
	return &outcome{own: report.VerdictPass, message: "set " + strings.Join(slices.Sorted(maps.Keys(values)), ", ")}, nil
}
