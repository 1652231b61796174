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
	t, err := w.tampering(d, rp.KindCreate, spec.Tamper)
	if err != nil {
		return nil, err
	}
	in.Authenticate = w.authenticate(d, rp.KindCreate, request, t)
	w.enter(v, d, nil)
	o := w.ceremony(ctx, scenarios.OpRegister, "registration", v, in)
	made := w.madeBy(o, t)
	if o.result.Outcome == rp.OutcomeAccepted && made == nil {
		o.findings = append(o.findings, finding{
			verdict: report.VerdictError, message: "the relying party says that a passkey was registered, but no readable one was made",
			hint: "does the adapter's accept say yes too early, or is the passkey made in another window?",
		})
	}
	if o.result.Outcome == rp.OutcomeAccepted && made != nil {
		w.made(&passkey{step: s.ID, user: u.Name, device: d, id: made, label: in.Label})
		u.signedUp = true
	}
	w.lookAfterRegistration(ctx, u, v, o, made)
	return o, nil
}

// madeBy is the id of the passkey that a registration made, and shows its response in the outcome; nil without one.
func (w *world) madeBy(o *outcome, t *tampering) []byte {
	if t != nil {
		t.tell(o, w.onPage(scenarios.OpRegister))
		return t.registered(o, o.result.Outcome == rp.OutcomeAccepted)
	}
	made := registration(o.result.Response)
	if made == nil {
		return nil
	}
	describe(o.ceremony, made.CredentialID, made.ClientDataJSON, made.AuthenticatorData)
	o.ceremony.Attestation = webauthn.DescribeAttestation(made.AttestationObject)
	return made.CredentialID
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
	return w.signIn(ctx, s, u, d, login{
		operation: operation, key: key, explicit: spec.Credential != "", keep: spec.KeepSession, ignoreAllow: spec.IgnoreAllowList,
		tamper: spec.Tamper, with: spec.With,
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
	return w.signIn(ctx, s, u, d, login{
		operation: scenarios.OpLoginDiscoverable, key: key, explicit: spec.Credential != "", keep: spec.KeepSession, tamper: spec.Tamper, with: spec.With,
	})
}

// pick resolves a step's credential reference; without one it is the user's newest passkey on the
// device, if any. An empty user is anybody.
func (w *world) pick(ref, user string, d *device) (*passkey, error) {
	if ref == "" {
		return w.newestKey(user, d), nil
	}
	key, err := w.passkey(ref, user)
	if err == nil && !key.comesTo(d) {
		no := &advised{text: fmt.Sprintf("passkey %q is on %s, not on %s", ref, key.device.name, d.name)}
		if key.device.account == d.account && d.account.provider.Sync != nil {
			no.hint = syncBefore(d)
		}
		return nil, no
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
	tamper      []scenarios.Tamper
	with        map[string]scenarios.Tree
}

func (w *world) signIn(ctx context.Context, s *scenarios.Step, u *user, d *device, l login) (*outcome, error) {
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
	t, err := w.tampering(d, rp.KindGet, l.tamper)
	if err != nil {
		return nil, err
	}
	in.Authenticate = w.authenticate(d, rp.KindGet, l.request, t)
	w.enter(v, d, l.pick())
	o := w.ceremony(ctx, l.operation, "authentication", v, in)
	if used := assertion(o.result.Response); used != nil && t == nil {
		describe(o.ceremony, used.CredentialID, used.ClientDataJSON, used.AuthenticatorData)
	}
	if r := o.result; r.Outcome == rp.OutcomeRefused && !l.listed(r.Options) && errorName(r.ClientErr) == "NotAllowedError" {
		// The client found nothing to use because the relying party no longer lists the passkey: that is its no.
		r.Outcome = rp.OutcomeRejected
		r.Reason = "the relying party's allowCredentials leaves this passkey out"
		o.notes = append(o.notes, "no credential was sent: the relying party's allowCredentials leaves out every passkey of "+u.Name+" on "+d.name)
	}
	if no := w.notThere(u, d, o.result); no.reason != "" {
		o.result.Reason, o.hint = no.reason, no.hint
	}
	if t != nil {
		t.tell(o, w.onPage(l.operation))
	}
	if l.key != nil && !d.holds(l.key.id) {
		o.notes = append(o.notes, w.whyMissing(l.key, d))
	}
	w.lookAfterLogin(ctx, s, u, v, o)
	return o, nil
}

// pick is the credential that the person picks on a page that lists none.
func (l *login) pick() []byte {
	if l.key == nil || !l.explicit && l.operation != scenarios.OpLoginDiscoverable {
		return nil
	}
	return l.key.id
}

// request decides which credential a client uses.
func (l *login) request(c rp.Ceremony) (virtual.GetRequest, error) {
	req, err := request(c)
	if l.key == nil || err != nil {
		// Whatever the relying party lists decides: a client offers any passkey that fits.
		return req, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(c.Options, &members); err != nil {
		return req, err
	}
	if l.ignoreAllow {
		members["allowCredentials"] = json.RawMessage(`[{"type":"public-key","id":"` + l.key.idText() + `"}]`)
		req.Options, err = json.Marshal(members)
		return req, err
	}
	if l.explicit || len(allowed(c.Options)) == 0 {
		req.CredentialID = l.key.id
	}
	return req, nil
}

// listed says whether the device's passkey of the user may be used: options that name credentials have to
// name it.
func (l *login) listed(options json.RawMessage) bool {
	list := allowed(options)
	return l.key == nil || l.ignoreAllow || len(list) == 0 || slices.Contains(list, l.key.idText())
}

// allowed are the ids of allowCredentials. A malformed list is the client's to refuse, which says what is
// wrong with it.
func allowed(options json.RawMessage) []string {
	var o struct {
		AllowCredentials []struct {
			ID string `json:"id"`
		} `json:"allowCredentials"`
	}
	_ = json.Unmarshal(options, &o)
	ids := make([]string, len(o.AllowCredentials))
	for i, c := range o.AllowCredentials {
		ids[i] = c.ID
	}
	return ids
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
