package rp

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
)

// DefaultPollEvery is the time between two requests of a poll that does not say.
const DefaultPollEvery = 250 * time.Millisecond

// run is one operation under way.
type run struct {
	party   *Party
	session *Session
	in      Input
	op      *scenarios.Operation
	outer   scenarios.Env // a scenario's own request sees these names instead of the adapter's
	zero    time.Time     // what the times in the result count from
	started time.Time
	result  *Result

	args       map[string]any
	options    any // after the options step
	credential any // before the credential step, encoded as the adapter says
	phase      string
	phaseStart time.Time
	answer     *answer // the last one
}

// errStop ends an operation whose outcome is already written in the result.
var errStop = errors.New("operation decided")

func (r *run) perform(ctx context.Context) error {
	var err error
	if r.args, err = r.arguments(); err != nil {
		return err
	}
	r.phaseStart = r.started
	if r.hasCeremony() {
		r.phase = report.PhaseOptions
	}
	steps := r.op.Steps
	if r.in.NoOptions {
		steps = afterOptions(steps)
	}
	if err := r.steps(ctx, steps); err != nil {
		if errors.Is(err, errStop) {
			return nil
		}
		return err
	}
	return r.readResult()
}

// afterOptions are the steps that follow the one that answers with the options.
func afterOptions(steps []scenarios.HTTPStep) []scenarios.HTTPStep {
	at := slices.IndexFunc(steps, func(s scenarios.HTTPStep) bool { return s.Options != nil })
	return steps[at+1:]
}

func (r *run) hasCeremony() bool {
	for i := range r.op.Steps {
		if r.op.Steps[i].Credential != nil {
			return true
		}
	}
	return false
}

func (r *run) arguments() (map[string]any, error) {
	args := make(map[string]any, len(r.op.Args))
	for name, tree := range r.op.Args {
		v, err := tree.Eval(r.env())
		if err != nil {
			return nil, fmt.Errorf("argument %q: %w", name, err)
		}
		args[name] = v
	}
	maps.Copy(args, r.in.Args)
	return args, nil
}

func (r *run) steps(ctx context.Context, steps []scenarios.HTTPStep) error {
	for i := range steps {
		step := &steps[i]
		if step.When != nil {
			yes, err := step.When.Bool(r.env())
			if err != nil {
				return err
			}
			if !yes {
				continue
			}
		}
		if step.Use != "" {
			if err := r.steps(ctx, r.party.target.Adapter.Fragments[step.Use]); err != nil {
				return err
			}
			continue
		}
		if err := r.step(ctx, step); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) step(ctx context.Context, step *scenarios.HTTPStep) error {
	if step.Credential != nil {
		if err := r.authenticate(ctx, step.Credential); err != nil {
			return err
		}
	}
	decision, err := r.ask(ctx, step)
	if err != nil {
		return err
	}
	switch decision {
	case OutcomeAccepted:
	case OutcomeRejected:
		r.result.Outcome = OutcomeRejected
		r.result.Reason = fmt.Sprintf("%s answered %s", r.answer.what, r.answer.summary())
		return errStop
	default:
		return r.unexpected(step)
	}
	if err := r.save(step.Save); err != nil {
		return err
	}
	if step.Options != nil {
		if err := r.readOptions(step.Options); err != nil {
			return err
		}
		if r.in.OptionsOnly {
			r.result.Outcome, r.result.Reason = OutcomeRefused, "only the options were wanted"
			return errStop
		}
	}
	r.result.Reason = fmt.Sprintf("%s answered %s", r.answer.what, r.answer.statusText())
	return nil
}

// ask sends the step's request, again while it is polled, and says what the answer means.
func (r *run) ask(ctx context.Context, step *scenarios.HTTPStep) (Outcome, error) {
	var deadline time.Time
	every := DefaultPollEvery
	if step.Poll != nil {
		limit, err := step.Poll.For.Value(r.env())
		if err != nil {
			return "", err
		}
		deadline = r.party.target.Clock().Add(limit)
		if !step.Poll.Every.IsZero() {
			if every, err = step.Poll.Every.Value(r.env()); err != nil {
				return "", err
			}
		}
	}
	for {
		decision, err := r.askOnce(ctx, step)
		if err != nil || decision == OutcomeAccepted || step.Poll == nil {
			return decision, err
		}
		if !r.party.target.Clock().Add(every).Before(deadline) {
			return decision, nil
		}
		select {
		case <-ctx.Done():
			return "", transportFault(ctx.Err(), r.answer.what)
		case <-time.After(every):
		}
	}
}

func (r *run) askOnce(ctx context.Context, step *scenarios.HTTPStep) (Outcome, error) {
	req, err := r.build(ctx, &step.HTTP, roleOf(step))
	if err != nil {
		return "", err
	}
	purpose := step.Title
	if purpose == "" {
		purpose = defaultPurpose(r.result.Operation, step)
	}
	follow := step.Redirects == "follow"
	a, err := r.send(ctx, req, purpose, follow)
	if err != nil {
		return "", err
	}
	r.answer = a
	r.result.Status, r.result.Body = a.status, a.body
	return decide(step.Accept, step.Reject, r.responseEnv(), a, r.saysNo(a.status))
}

// saysNo is the default for a no: any 4xx, except that whoami answers "nobody" by 401 or 403 only. A
// path that does not exist must not read as "nobody is signed in".
func (r *run) saysNo(status int) bool {
	if r.result.Operation == scenarios.OpWhoami {
		return status == http.StatusUnauthorized || status == http.StatusForbidden
	}
	return status >= 400 && status <= 499
}

func roleOf(step *scenarios.HTTPStep) Role {
	switch {
	case step.Options != nil:
		return RoleOptions
	case step.Credential != nil:
		return RoleCredential
	default:
		return RoleOther
	}
}

func defaultPurpose(operation string, step *scenarios.HTTPStep) string {
	switch roleOf(step) {
	case RoleOptions:
		return "options"
	case RoleCredential:
		return "result"
	case RoleOther:
	}
	return operation
}

// decide applies the predicates; no is what counts without a reject predicate.
func decide(accept, reject *scenarios.Expr, env scenarios.Env, a *answer, no bool) (Outcome, error) {
	yes := a.status >= 200 && a.status <= 299
	var err error
	if accept != nil {
		if yes, err = accept.Bool(env); err != nil {
			return "", a.unreadable(err)
		}
	}
	if yes {
		return OutcomeAccepted, nil
	}
	if reject != nil {
		if no, err = reject.Bool(env); err != nil {
			return "", a.unreadable(err)
		}
	}
	if no {
		return OutcomeRejected, nil
	}
	return OutcomeError, nil
}

// authenticate runs the client's side of the ceremony and encodes the credential for the wire.
func (r *run) authenticate(ctx context.Context, spec *scenarios.CredentialSpec) error {
	if r.result.Options == nil && !r.in.NoOptions {
		return &Fault{Kind: FaultAdapter, Sentence: fmt.Sprintf("adapter %q sends a credential before it asked for options", r.party.target.Adapter.Name)}
	}
	r.endPhase(report.PhaseClient)
	response, err := r.in.Authenticate(ctx, Ceremony{Origin: r.party.target.Origin, Options: r.result.Options})
	if err != nil {
		if ctx.Err() != nil {
			return transportFault(ctx.Err(), "the client's part of the ceremony")
		}
		r.result.Outcome = OutcomeRefused
		r.result.ClientErr = err
		r.result.Reason = err.Error()
		return errStop
	}
	r.result.Response = response
	r.credential, err = encodeCredential(response, spec)
	if err != nil {
		return fmt.Errorf("encoding the credential: %w", err)
	}
	r.endPhase(report.PhaseResult)
	return nil
}

// endPhase closes the current phase and opens the next.
func (r *run) endPhase(next string) {
	now := r.party.target.Clock()
	if r.phase != "" {
		r.result.Phases = append(r.result.Phases, report.Phase{
			Name: r.phase, StartMS: ms(r.phaseStart.Sub(r.zero)), DurationMS: ms(now.Sub(r.phaseStart)),
		})
	}
	r.phase, r.phaseStart = next, now
}

func (r *run) finishPhases() {
	if r.phase == "" {
		return
	}
	r.endPhase("")
	r.result.Phases = append(r.result.Phases, report.Phase{
		Name: report.PhaseTotal, StartMS: ms(r.started.Sub(r.zero)), DurationMS: ms(r.phaseStart.Sub(r.started)),
	})
}

func (r *run) fail(f *Fault) {
	r.result.Outcome = OutcomeError
	r.result.Fault = f
	r.result.Reason = f.Sentence
}

// env is what the adapter's expressions see.
func (r *run) env() scenarios.Env {
	if r.outer != nil {
		return maps.Clone(r.outer)
	}
	return r.adapterEnv()
}

func (r *run) adapterEnv() scenarios.Env {
	env := scenarios.Env{
		"user": r.in.User.env(), "target": r.party.targetEnv(), "run": r.party.runEnv(),
		"params": r.party.target.Params, "saved": r.session.saved, "args": r.args,
		"label": r.in.Label, "name": r.in.Name, "signedIn": r.in.SignedIn,
		"passkey": map[string]any{"id": r.in.Passkey.ID, "name": r.in.Passkey.Name, "device": r.in.Passkey.Device},
		"entry":   nil, "credential": r.credential, "options": r.options,
	}
	if r.in.Entry != nil {
		env["entry"] = map[string]any{
			"id": r.in.Entry.ID, "credential": r.in.Entry.Credential, "name": r.in.Entry.Name, "raw": r.in.Entry.Raw,
		}
	}
	return env
}

// responseEnv adds the last answer to env.
func (r *run) responseEnv() scenarios.Env {
	env := r.env()
	maps.Copy(env, r.answer.env(r.session))
	return env
}
