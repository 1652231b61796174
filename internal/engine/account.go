package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
)

func (w *world) userOn(userName, deviceRef string) (*user, *device, error) {
	u, ok := w.users[userName]
	if !ok {
		return nil, nil, fmt.Errorf("no user %q", userName)
	}
	if deviceRef == "" {
		return u, nil, nil
	}
	d, err := w.device(deviceRef, userName)
	return u, d, err
}

// accountVisit is the session for an operation on the user's account: on the named device, else the
// newest that is signed in, else the newest.
func (w *world) accountVisit(userName, deviceRef string) (*user, *visit, error) {
	u, d, err := w.userOn(userName, deviceRef)
	if err != nil {
		return nil, nil, err
	}
	if d != nil {
		return u, w.visit(u, d.key), nil
	}
	if v := u.signedInVisit(); v != nil {
		return u, w.visit(u, v.device), nil
	}
	if n := len(u.visits); n > 0 {
		return u, u.visits[n-1], nil
	}
	return u, w.visit(u, ""), nil
}

// operate performs an operation that is no ceremony.
func (w *world) operate(ctx context.Context, operation string, v *visit, in rp.Input) *outcome {
	w.enter(v, nil, nil)
	begin := w.cfg.Clock()
	in.Began = w.began
	r := w.driver.Do(ctx, operation, v.session, in)
	return &outcome{result: r, duration: w.cfg.Clock().Sub(begin), notes: r.Notes}
}

func (w *world) signup(ctx context.Context, spec *scenarios.Signup) (*outcome, error) {
	u, v, err := w.accountVisit(spec.User, spec.On)
	if err != nil {
		return nil, err
	}
	if w.file.Adapter.Operations[scenarios.OpSignup].With == scenarios.OpRegister {
		return &outcome{
			own:     report.VerdictInfo,
			message: "nothing was sent: this relying party makes the account along with the first passkey",
		}, nil
	}
	args, err := w.args(spec.With)
	if err != nil {
		return nil, err
	}
	o := w.operate(ctx, scenarios.OpSignup, v, rp.Input{User: u.User, Args: args})
	if o.result.Outcome == rp.OutcomeAccepted {
		u.signedUp = true
		w.lookAtSession(ctx, u.Name, v, o, true)
		w.nobodyElse(u, o, "sign-up")
	}
	return o, nil
}

// ensureAccount makes the account that a registration needs, unless it is there already.
func (w *world) ensureAccount(ctx context.Context, u *user, d *device, step *report.Step) error {
	op, offered := w.file.Adapter.Operations[scenarios.OpSignup]
	if !offered || op.With == scenarios.OpRegister || u.signedUp {
		return nil
	}
	title := "sign up " + u.Name + " (before the first passkey)"
	w.stepStarted(title)
	o, err := w.signup(ctx, &scenarios.Signup{User: u.Name, On: d.key})
	if err != nil {
		return err
	}
	implied := report.Step{
		ID: step.ID + ".signup", Scenario: w.id, Action: "signup", Title: title,
		File: step.File, Line: step.Line, User: u.Name, StartMS: w.since(w.began), DurationMS: millis(w.cfg.Clock().Sub(w.began)),
	}
	o.action = implied.Action
	w.judge(&scenarios.Step{}, o, &implied)
	w.measure(o, &implied)
	w.record(implied)
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	if o.result.Outcome != rp.OutcomeAccepted {
		return fmt.Errorf("signing %s up first failed: %s", u.Name, o.result.Reason)
	}
	w.began = w.cfg.Clock()
	return nil
}

// visited performs an operation that only needs a session.
func (w *world) visited(ctx context.Context, operation string, spec *scenarios.Visit) (*outcome, *visit, error) {
	u, v, err := w.accountVisit(spec.User, spec.On)
	if err != nil {
		return nil, nil, err
	}
	args, err := w.args(spec.With)
	if err != nil {
		return nil, nil, err
	}
	return w.operate(ctx, operation, v, rp.Input{User: u.User, Args: args, SignedIn: v.signedIn}), v, nil
}

// whoami asks who is signed in. "Nobody" is an answer, not a refusal.
func (w *world) whoami(ctx context.Context, spec *scenarios.Visit) (*outcome, error) {
	o, v, err := w.visited(ctx, scenarios.OpWhoami, spec)
	if err != nil {
		return nil, err
	}
	switch o.result.Outcome {
	case rp.OutcomeAccepted:
		w.identify(o.result, spec.User, o)
	case rp.OutcomeRejected:
		o.user = scenarios.Nobody
		o.result.Outcome = rp.OutcomeAccepted
	case rp.OutcomeRefused, rp.OutcomeError:
	}
	if o.user != "" {
		v.signedIn = o.user != scenarios.Nobody
	}
	return o, nil
}

// whoIs turns what the relying party calls a user into the scenario's name; an identity that is no
// user of the scenario stands for itself.
func (w *world) whoIs(identity string) string {
	if identity == "" {
		return scenarios.Nobody
	}
	for name, u := range w.users {
		if u.identity == identity {
			return name
		}
	}
	return identity
}

func (w *world) logout(ctx context.Context, spec *scenarios.Visit) (*outcome, error) {
	o, v, err := w.visited(ctx, scenarios.OpLogout, spec)
	if err != nil || o.result.Outcome != rp.OutcomeAccepted {
		return o, err
	}
	w.lookAtSession(ctx, spec.User, v, o, false)
	if v.signedIn {
		o.findings = append(o.findings, finding{
			verdict: report.VerdictFail, message: "the relying party accepted the logout, but the session is still signed in",
			expected: "whoami says nobody", actual: "whoami says " + o.user,
		})
	}
	return o, nil
}

func (w *world) list(ctx context.Context, spec *scenarios.Visit) (*outcome, error) {
	o, _, err := w.visited(ctx, scenarios.OpList, spec)
	if err == nil {
		o.entries = o.result.Entries
	}
	return o, err
}

// change is a rename or delete of one passkey.
type change struct {
	operation, user, on, credential, name string
	with                                  map[string]scenarios.Tree
}

// changed performs a rename or delete. If the adapter needs the passkey's entry, the list is asked first.
func (w *world) changed(ctx context.Context, c change) (*outcome, *visit, *passkey, error) {
	u, v, err := w.accountVisit(c.user, c.on)
	if err != nil {
		return nil, nil, nil, err
	}
	key, err := w.passkey(c.credential, c.user)
	if err != nil {
		return nil, nil, nil, err
	}
	in := rp.Input{
		User: u.User, Name: c.name, SignedIn: v.signedIn,
		Passkey: rp.Passkey{ID: key.idText(), Name: key.label, Device: key.device.name},
	}
	if in.Args, err = w.args(c.with); err != nil {
		return nil, nil, nil, err
	}
	op := w.file.Adapter.Operations[c.operation]
	if !op.Uses("entry") && (op.Page == nil || !op.Page.Uses("entry")) {
		return w.operate(ctx, c.operation, v, in), v, key, nil
	}
	listed := w.operate(ctx, scenarios.OpList, v, rp.Input{User: u.User, SignedIn: v.signedIn})
	if listed.result.Outcome != rp.OutcomeAccepted {
		return listed, v, key, nil
	}
	if in.Entry = findEntry(listed.result.Entries, key); in.Entry == nil {
		return nil, nil, nil, fmt.Errorf("the relying party's list does not show %s's passkey %q: it shows %s", c.user, c.credential, describeEntries(listed.result.Entries))
	}
	o := w.operate(ctx, c.operation, v, in)
	o.result.Exchanges = append(listed.result.Exchanges, o.result.Exchanges...)
	return o, v, key, nil
}

func (w *world) rename(ctx context.Context, spec *scenarios.Rename) (*outcome, error) {
	to, err := spec.To.String(w.env)
	if err != nil {
		return nil, err
	}
	o, v, key, err := w.changed(ctx, change{scenarios.OpRename, spec.User, spec.On, spec.Credential, to, spec.With})
	if err != nil {
		return o, err
	}
	w.lookAfterChange(ctx, o, v, w.users[spec.User], "renaming", fmt.Sprintf("a passkey named %q", to), func(entries []rp.Entry) bool {
		e := findEntry(entries, key)
		return e != nil && e.Name == to
	}, key.label == to)
	if o.result.Outcome == rp.OutcomeAccepted {
		key.label = to
	}
	return o, nil
}

func (w *world) remove(ctx context.Context, spec *scenarios.Delete) (*outcome, error) {
	o, v, key, err := w.changed(ctx, change{scenarios.OpDelete, spec.User, spec.On, spec.Credential, "", spec.With})
	if err != nil {
		return o, err
	}
	w.lookAfterChange(ctx, o, v, w.users[spec.User], "deletion", "no passkey "+key.idText(), func(entries []rp.Entry) bool {
		return findEntry(entries, key) == nil
	}, key.deleted)
	key.deleted = key.deleted || o.result.Outcome == rp.OutcomeAccepted
	return o, nil
}
