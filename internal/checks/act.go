package checks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/forge"
)

// Act is how one ceremony is acted out. The zero value is a legal registration in the user's session.
type Act struct {
	Name      string      // of the case, for the record; an act without a name is not recorded
	Operation string      // "" is register
	Session   *rp.Session // nil: the user's for a registration, a fresh one for a login

	// Device makes or uses the passkey. nil: a new device for a registration, that of the user's first passkey for a
	// login. Authenticator changes how a new device behaves.
	Device        *virtual.SoftwareDevice
	Authenticator func(*virtual.Config)
	Passkey       *Passkey // the one that is used for a login; nil: the user's first

	Changes func(Scene) []forge.Change // nil: the legal response is sent
	// See is what the client is given instead of the relying party's options.
	See func(options map[string]any)
	// Answer takes the client's place altogether.
	Answer func(ctx context.Context, c rp.Ceremony) (json.RawMessage, error)

	Listen    bool // on a page: keep what its scripts are answered
	NoOptions bool
	Rewrite   func(role rp.Role, body any) any
	Args      map[string]any
	Label     string
}

// Answer says how a relying party answered, going by its adapter.
type Answer string

// The answers.
const (
	Accepted Answer = "accepted"
	Rejected Answer = "rejected"      // a clean no
	Soft     Answer = "soft-rejected" // a no in a 2xx answer
	Crashed  Answer = "crashed"       // 5xx, a closed connection, no answer in time
	Limited  Answer = "limited"       // too many requests: no answer at all
	Refused  Answer = "refused"       // the client itself said no
	Inapt    Answer = "inapplicable"  // no case for this relying party
	Unclear  Answer = "unclear"
)

// Trial is one ceremony that was acted out, and what was seen afterwards.
type Trial struct {
	Name     string
	Result   *rp.Result
	Answer   Answer
	Response json.RawMessage // the credential as it was sent
	Legal    json.RawMessage // before it was changed
	Passkey  *Passkey        // what a registration made, wanted or not

	Who      string // who is signed in afterwards
	WhoKnown bool

	changes []forge.Change
	after   []report.Exchange
}

// errInapplicable ends a ceremony for which a case has no change.
var errInapplicable = errors.New("the case does not apply to this relying party")

// Act acts out a ceremony, looks who is signed in afterwards, and records it. It counts as hostile.
func (r *Rig) Act(ctx context.Context, u *User, a Act) *Trial {
	defer u.spoil()
	return r.act(ctx, u, a)
}

// act acts out a ceremony, again when the relying party only limits the rate.
func (r *Rig) act(ctx context.Context, u *User, a Act) *Trial {
	if a.Operation == "" {
		a.Operation = opRegister
	}
	own := a.Session == nil
	for {
		if own {
			a.Session = u.Session
			if a.Operation != opRegister {
				a.Session = r.NewSession()
				defer r.cfg.Driver.Release(a.Session)
			}
		}
		t := r.once(ctx, u, a)
		if t.Answer == Limited && r.wait(ctx, t.Result) {
			continue
		}
		r.record(t)
		return t
	}
}

func (r *Rig) once(ctx context.Context, u *User, a Act) *Trial {
	t := &Trial{Name: a.Name}
	in := rp.Input{
		User: u.User, SignedIn: r.signedIn(u, a.Session), NoOptions: a.NoOptions, Rewrite: a.Rewrite, Args: a.Args, Label: a.Label, Listen: a.Listen,
	}
	if in.Label == "" {
		in.Label = "passkey " + strconv.Itoa(len(u.Passkeys)+1)
	}
	var refusal error
	in.Authenticate = func(ctx context.Context, c rp.Ceremony) (json.RawMessage, error) {
		if a.Answer != nil {
			t.Response, refusal = a.Answer(ctx, c)
		} else {
			t.Response, refusal = r.client(ctx, u, &a, t, c)
		}
		return t.Response, refusal
	}
	t.Result = r.Do(ctx, a.Operation, a.Session, in)
	if t.Result.Outcome == rp.OutcomeRefused && refusal != nil {
		t.Result.ClientErr, t.Result.Reason = refusal, refusal.Error() // a page gets only the name of an exception
	}
	t.Answer = answerOf(t.Result)
	if a.Operation != opRegister && t.Answer != Limited && t.Answer != Inapt {
		r.look(ctx, a.Session, t)
	}
	return t
}

// look asks who is signed in.
func (r *Rig) look(ctx context.Context, s *rp.Session, t *Trial) {
	var result *rp.Result
	t.Who, t.WhoKnown, result = r.Whoami(ctx, s)
	t.sees(scenarios.OpWhoami, result)
	if result != nil {
		t.Result.Signals = append(t.Result.Signals, result.Signals...) // where the page is opened again to look
	}
}

func (t *Trial) sees(operation string, result *rp.Result) {
	if result == nil {
		return
	}
	for _, x := range result.Exchanges {
		x.Purpose = "after: " + operation
		t.after = append(t.after, x)
	}
}

// client is the client's part: a legal response, with the act's changes.
func (r *Rig) client(ctx context.Context, u *User, a *Act, t *Trial, c rp.Ceremony) (json.RawMessage, error) {
	scene := Scene{Origin: c.Origin, User: u}
	if err := json.Unmarshal(c.Options, &scene.Options); err != nil {
		return nil, err
	}
	if a.See != nil {
		a.See(scene.Options)
		var err error
		if c.Options, err = json.Marshal(scene.Options); err != nil {
			return nil, err
		}
	}
	scene.RPID = rpIDOf(scene.Options, c.Origin)
	if a.Changes != nil {
		if t.changes = a.Changes(scene); len(t.changes) == 0 {
			return nil, errInapplicable
		}
	}
	if a.Operation == opRegister {
		return r.create(ctx, a, t, c)
	}
	return r.get(ctx, u, a, t, c)
}

func (r *Rig) create(ctx context.Context, a *Act, t *Trial, c rp.Ceremony) (json.RawMessage, error) {
	device := a.Device
	if device == nil {
		var err error
		if device, err = r.device(r.purpose(), a.Authenticator); err != nil {
			return nil, err
		}
	}
	legal, err := device.Create(ctx, virtual.CreateRequest{
		Origin: c.Origin, TopOrigin: c.TopOrigin, Options: c.Options, Mediation: c.Mediation, RelatedOrigins: c.Related,
	})
	if err != nil {
		return nil, err
	}
	t.Passkey = &Passkey{Device: device, ID: legal.CredentialID}
	changes := r.attested(t.changes)
	if t.Legal, err = json.Marshal(legal); err != nil || len(changes) == 0 {
		return t.Legal, err
	}
	return forge.Registration(legal, device, changes...)
}

func (r *Rig) get(ctx context.Context, u *User, a *Act, t *Trial, c rp.Ceremony) (json.RawMessage, error) {
	key := a.Passkey
	if key == nil {
		key = u.Passkey()
	}
	device := a.Device
	if device == nil {
		device = key.Device
	}
	legal, err := device.Get(ctx, virtual.GetRequest{
		Origin: c.Origin, TopOrigin: c.TopOrigin, Options: c.Options, Mediation: c.Mediation, RelatedOrigins: c.Related, CredentialID: key.ID,
	})
	if err != nil {
		return nil, err
	}
	if t.Legal, err = json.Marshal(legal); err != nil || len(t.changes) == 0 {
		return t.Legal, err
	}
	return forge.Assertion(legal, device, t.changes...)
}

// purpose is a new name for a device's randomness.
func (r *Rig) purpose() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.devices++
	return "device " + strconv.Itoa(r.devices)
}

func rpIDOf(options map[string]any, origin string) string {
	if id, ok := options["rpId"].(string); ok && id != "" {
		return id
	}
	if party, ok := options["rp"].(map[string]any); ok {
		if id, ok := party["id"].(string); ok && id != "" {
			return id
		}
	}
	return hostOf(origin)
}

// answerOf reads an operation's result.
func answerOf(result *rp.Result) Answer {
	switch {
	case limited(result):
		return Limited
	case result.Outcome == rp.OutcomeAccepted:
		return Accepted
	case result.Outcome == rp.OutcomeRejected && result.Status >= 200 && result.Status <= 299:
		return Soft
	case result.Outcome == rp.OutcomeRejected:
		return Rejected
	case result.Outcome == rp.OutcomeRefused && (errors.Is(result.ClientErr, errInapplicable) || errors.Is(result.ClientErr, forge.ErrNotApplicable)):
		return Inapt
	case result.Outcome == rp.OutcomeRefused:
		return Refused
	case result.Status >= 500:
		return Crashed
	case result.Fault != nil && result.Fault.Kind == rp.FaultUnexpected && result.Status >= 400:
		return Rejected // not the adapter's no, but no yes either: a proxy's 413, say
	case result.Fault != nil && (result.Fault.Kind == rp.FaultClosed || result.Fault.Kind == rp.FaultTimeout):
		return Crashed
	}
	return Unclear
}

// maxRecorded is the length of the largest response that is kept as evidence, in bytes.
const maxRecorded = 1 << 20

// record keeps a trial as evidence.
func (r *Rig) record(t *Trial) {
	if t.Name == "" || r.check == nil || t.Answer == Inapt {
		return
	}
	c := report.CheckCase{
		Name: t.Name, Answer: string(t.Answer), Reason: t.Result.Reason, Response: t.Response,
		Exchanges: append(slices.Clip(t.Result.Exchanges), t.after...),
	}
	for _, change := range t.changes {
		c.Changes = append(c.Changes, fmt.Sprintf("%s: %v", change.Name, change.Value))
	}
	if t.WhoKnown {
		c.After = "signed in: " + orNobody(t.Who)
	}
	if len(c.Response) > maxRecorded {
		c.Response = nil // the requests have its beginning
	}
	c.ClientData, c.AuthData = decoded(c.Response)
	r.cases = append(r.cases, c)
}

func orNobody(who string) string {
	if who == "" {
		return scenarios.Nobody
	}
	return who
}

// decoded takes a response apart for people, as far as it can be.
func decoded(response json.RawMessage) (clientData, authData any) {
	var parts struct {
		Response struct {
			ClientDataJSON    webauthn.Base64URL `json:"clientDataJSON"`
			AuthenticatorData webauthn.Base64URL `json:"authenticatorData"`
		} `json:"response"`
	}
	if err := json.Unmarshal(response, &parts); err != nil {
		return nil, nil // malformed on purpose: it is in the request's body as it was sent
	}
	return webauthn.DescribeClientData(parts.Response.ClientDataJSON), webauthn.DescribeAuthenticatorData(parts.Response.AuthenticatorData)
}
