package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
)

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
	return &outcome{result: r, duration: w.cfg.Clock().Sub(begin), notes: r.Notes}, nil
}

// wait pauses, or asks again and again until the answer is accepted.
func (w *world) wait(ctx context.Context, spec *scenarios.Wait) (*outcome, error) {
	limit, err := spec.For.Value(w.env)
	if err != nil {
		return nil, err
	}
	if spec.Request == nil {
		switch err := sleep(ctx, limit); {
		case errors.Is(err, context.DeadlineExceeded):
			return nil, fmt.Errorf("the step's timeout ended its wait of %s", limit)
		case err != nil:
			return nil, err
		}
		return &outcome{own: report.VerdictPass, message: fmt.Sprintf("waited %s", limit)}, nil
	}
	every := rp.DefaultPollEvery
	if !spec.Every.IsZero() {
		if every, err = spec.Every.Value(w.env); err != nil {
			return nil, err
		}
	}
	return w.poll(ctx, spec.Request, limit, every)
}

// poll asks until the answer is accepted or the time is up; a request under way then is cut off. What
// the last answer was decides whether that is a failure or could not be told.
func (w *world) poll(ctx context.Context, req *scenarios.Request, limit, every time.Duration) (*outcome, error) {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var last *outcome
	for {
		o, err := w.request(limited, req)
		if err != nil || o.result.Outcome == rp.OutcomeAccepted || ctx.Err() != nil {
			return o, err
		}
		if limited.Err() == nil || last == nil {
			last = o
		}
		if sleep(limited, every) == nil {
			continue
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		f := finding{
			verdict: report.VerdictFail, message: fmt.Sprintf("the answer was not as wanted within %s", limit),
			expected: "an accepted answer", actual: last.result.Reason,
		}
		if last.result.Outcome == rp.OutcomeError {
			f.verdict, f.message, f.hint = report.VerdictError, fmt.Sprintf("nothing could be told within %s: %s", limit, last.result.Reason), hintOf(last.result)
		}
		last.judged = true
		last.findings = append(last.findings, f)
		return last, nil
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
