package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual"
)

// args evaluates a step's arguments for the adapter's operation.
func (w *world) args(with map[string]scenarios.Tree) (map[string]any, error) {
	args := make(map[string]any, len(with))
	for name, tree := range with {
		v, err := tree.Eval(w.env)
		if err != nil {
			return nil, fmt.Errorf("with %s: %w", name, err)
		}
		args[name] = v
	}
	return args, nil
}

// register registers a new passkey. If the relying party wants an account first and the user has
// none, it is made before, as a step of its own.
func (w *world) register(ctx context.Context, s *scenarios.Step, step *report.Step) (*outcome, error) {
	spec := s.Register
	u, d, err := w.userOn(spec.User, spec.On)
	if err != nil {
		return nil, err
	}
	if err := w.ensureAccount(ctx, u, d, step); err != nil {
		return nil, err
	}
	v, err := w.registrationVisit(u, d, spec.Session)
	if err != nil {
		return nil, err
	}
	in := rp.Input{User: u.User, SignedIn: v.signedIn}
	if in.Args, err = w.args(spec.With); err != nil {
		return nil, err
	}
	if in.Label, err = spec.Label.String(w.env); err != nil {
		return nil, err
	}
	if in.Label == "" {
		in.Label = d.name
	}
	var made *virtual.Registration
	in.Authenticate = func(ctx context.Context, c rp.Ceremony) (json.RawMessage, error) {
		var err error
		if made, err = d.Create(ctx, virtual.CreateRequest(c)); err != nil {
			return nil, err
		}
		return json.Marshal(made)
	}
	o := w.ceremony(ctx, scenarios.OpRegister, "registration", v, in)
	if made != nil {
		describe(o.ceremony, made.CredentialID, made.ClientDataJSON, made.AuthenticatorData)
		o.ceremony.Attestation = webauthn.DescribeAttestation(made.AttestationObject)
	}
	if o.result.Outcome == rp.OutcomeAccepted {
		w.keys = append(w.keys, &passkey{step: s.ID, user: u.Name, device: d, id: made.CredentialID, label: in.Label})
		u.signedUp = true
	}
	w.lookAfterRegistration(ctx, u, v, o, made)
	return o, nil
}

// registrationVisit chooses the session to register in: the one named, the device's own if it is
// signed in, else the user's newest that is (as when a page on the laptop asks the phone), else the
// device's own as it is.
func (w *world) registrationVisit(u *user, d *device, session string) (*visit, error) {
	if session != "" {
		other, err := w.device(session, u.Name)
		if err != nil {
			return nil, err
		}
		return w.visit(u, other.key), nil
	}
	for _, v := range u.visits {
		if v.device == d.key && v.signedIn {
			return w.visit(u, d.key), nil
		}
	}
	if v := u.signedInVisit(); v != nil {
		if v.device == "" {
			// A browser of no device turns out to be this one's.
			u.visits = slices.DeleteFunc(u.visits, func(other *visit) bool { return other.device == d.key })
			v.device = d.key
		}
		return w.visit(u, v.device), nil
	}
	return w.visit(u, d.key), nil
}

func (w *world) login(ctx context.Context, s *scenarios.Step) (*outcome, error) {
	spec := s.Login
	u, d, err := w.userOn(spec.User, spec.On)
	if err != nil {
		return nil, err
	}
	operation := scenarios.OpLogin
	if spec.Discoverable {
		operation = scenarios.OpLoginDiscoverable
	}
	key, err := w.pick(spec.Credential, spec.User, d)
	if err != nil {
		return nil, err
	}
	return w.authenticate(ctx, s, u, d, login{
		operation: operation, key: key, explicit: spec.Credential != "", keep: spec.KeepSession, ignoreAllow: spec.IgnoreAllowList, with: spec.With,
	})
}

func (w *world) loginDiscoverable(ctx context.Context, s *scenarios.Step) (*outcome, error) {
	spec := s.LoginDiscoverable
	d, err := w.device(spec.On, spec.User)
	if err != nil {
		return nil, err
	}
	key, err := w.pick(spec.Credential, spec.User, d)
	if err != nil {
		return nil, err
	}
	name := spec.User
	if name == "" && key != nil {
		name = key.user
	}
	u := w.users[name]
	if u == nil {
		return nil, fmt.Errorf("device %s holds no passkey of this scenario, and the step names no user", d.name)
	}
	return w.authenticate(ctx, s, u, d, login{
		operation: scenarios.OpLoginDiscoverable, key: key, explicit: spec.Credential != "", keep: spec.KeepSession, with: spec.With,
	})
}

// pick resolves a step's credential reference; without one it is the user's newest passkey on the
// device, if any. An empty user is anybody.
func (w *world) pick(ref, user string, d *device) (*passkey, error) {
	if ref == "" {
		return w.newestKey(user, d), nil
	}
	key, err := w.passkey(ref, user)
	if err == nil && key.device != d {
		return nil, fmt.Errorf("passkey %q is on %s, not on %s", ref, key.device.name, d.name)
	}
	return key, err
}

// login is how one authentication goes.
type login struct {
	operation   string
	key         *passkey // the one the person picks; nil when the device holds none of theirs
	explicit    bool     // the scenario named it
	keep        bool
	ignoreAllow bool
	with        map[string]scenarios.Tree
}

func (w *world) authenticate(ctx context.Context, s *scenarios.Step, u *user, d *device, l login) (*outcome, error) {
	var v *visit
	if l.keep {
		v = w.visit(u, d.key)
	} else {
		v = w.freshVisit(u, d.key)
	}
	in := rp.Input{User: u.User, SignedIn: v.signedIn}
	var err error
	if in.Args, err = w.args(l.with); err != nil {
		return nil, err
	}
	var used *virtual.Assertion
	unlisted := false
	in.Authenticate = func(ctx context.Context, c rp.Ceremony) (json.RawMessage, error) {
		req, listed, err := l.request(c)
		if err != nil {
			return nil, err
		}
		unlisted = !listed
		if used, err = d.Get(ctx, req); err != nil {
			return nil, err
		}
		return json.Marshal(used)
	}
	o := w.ceremony(ctx, l.operation, "authentication", v, in)
	if used != nil {
		describe(o.ceremony, used.CredentialID, used.ClientDataJSON, used.AuthenticatorData)
	}
	if r := o.result; r.Outcome == rp.OutcomeRefused && unlisted && errorName(r.ClientErr) == "NotAllowedError" {
		// The client found nothing to use because the relying party no longer lists the passkey: that is its no.
		r.Outcome = rp.OutcomeRejected
		r.Reason = "the relying party's allowCredentials leaves this passkey out"
		o.notes = append(o.notes, "no credential was sent: the relying party's allowCredentials leaves out every passkey of "+u.Name+" on "+d.name)
	}
	w.lookAfterLogin(ctx, s, u, v, o)
	return o, nil
}

// request decides which credential the person picks. listed is false when the options name
// credentials and the device's passkeys of the user are not among them.
func (l *login) request(c rp.Ceremony) (req virtual.GetRequest, listed bool, err error) {
	req = virtual.GetRequest{Origin: c.Origin, TopOrigin: c.TopOrigin, Mediation: c.Mediation, Options: c.Options}
	if l.key == nil {
		// Whatever the relying party lists decides: a client offers any passkey that fits.
		return req, true, nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(c.Options, &members); err != nil {
		return req, false, err
	}
	var allowed []struct {
		ID string `json:"id"`
	}
	if raw, ok := members["allowCredentials"]; ok {
		// A malformed list is the client's to refuse, which says what is wrong with it.
		_ = json.Unmarshal(raw, &allowed)
	}
	if l.ignoreAllow {
		members["allowCredentials"] = json.RawMessage(`[{"type":"public-key","id":"` + l.key.idText() + `"}]`)
		if req.Options, err = json.Marshal(members); err != nil {
			return req, false, err
		}
		return req, true, nil
	}
	if l.explicit || len(allowed) == 0 {
		req.CredentialID = l.key.id
	}
	listed = len(allowed) == 0
	for _, c := range allowed {
		listed = listed || c.ID == l.key.idText()
	}
	return req, listed, nil
}

// ceremony performs a ceremony's operation and keeps what it looked like.
func (w *world) ceremony(ctx context.Context, operation, kind string, v *visit, in rp.Input) *outcome {
	in.Began = w.began
	r := w.driver.Do(ctx, operation, v.session, in)
	o := &outcome{result: r, ceremony: &report.Ceremony{Kind: kind, Phases: r.Phases}, notes: r.Notes}
	for _, p := range r.Phases {
		if p.Name == report.PhaseTotal {
			o.duration = time.Duration(p.DurationMS * float64(time.Millisecond))
		}
	}
	if r.Options != nil {
		_ = json.Unmarshal(r.Options, &o.ceremony.Options)
	}
	if r.ClientErr != nil {
		o.ceremony.ClientError = errorName(r.ClientErr)
	}
	return o
}

// errorName is the DOMException's name, or "" for an error that is none.
func errorName(err error) string {
	if e, ok := errors.AsType[*virtual.Error](err); ok {
		return string(e.Name)
	}
	return ""
}
