package rp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
)

// MaxBody is the largest answer that is read, in bytes. A relying party's answers are a few kilobytes.
const MaxBody = 4 << 20

// Outcome is how an operation ended.
type Outcome string

// The outcomes. OutcomeError comes with a [Fault] and means that nothing can be said about the RP's decision.
const (
	OutcomeAccepted Outcome = "accepted"
	OutcomeRejected Outcome = "rejected"
	OutcomeRefused  Outcome = "refused"
	OutcomeError    Outcome = "error"
)

// Target is where a relying party is and how its adapter is set up.
type Target struct {
	Adapter *scenarios.Adapter
	Origin  string            // claimed by the client, scheme://host[:port]
	BaseURL string            // where requests go; empty: the origin
	RPID    string            // when the options state none; empty: the adapter's, else the origin's host
	Params  map[string]any    // the adapter's params
	RunID   string            // run.id in expressions
	Seed    uint64            // run.seed in expressions
	HTTP    http.RoundTripper // see NewTransport
	Clock   func() time.Time

	Redact func(string) string          // takes the known secrets out of a text before it is cut; nil: there are none
	Learn  func(name string, value any) // is told every secret of a session as soon as it is known; may be nil
}

// Party is a relying party that can be spoken to. It is safe for concurrent use; a [Session] is not.
type Party struct {
	target Target
	base   *url.URL
	bases  map[string]*url.URL
}

// New prepares a relying party. It fails when a base URL of the target or adapter does not parse.
func New(target Target) (*Party, error) {
	if target.BaseURL == "" {
		target.BaseURL = target.Origin
	}
	base, err := parseBase(target.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("base URL: %w", err)
	}
	p := &Party{target: target, base: base, bases: make(map[string]*url.URL)}
	env := scenarios.Env{"target": p.targetEnv(), "params": target.Params, "run": p.runEnv()}
	for name, text := range target.Adapter.Bases {
		s, err := text.String(env)
		if err != nil {
			return nil, fmt.Errorf("base %q: %w", name, err)
		}
		if p.bases[name], err = parseBase(s); err != nil {
			return nil, fmt.Errorf("base %q: %w", name, err)
		}
	}
	if p.target.RPID == "" && !target.Adapter.RPID.IsZero() {
		if p.target.RPID, err = target.Adapter.RPID.String(env); err != nil {
			return nil, fmt.Errorf("rp-id: %w", err)
		}
	}
	return p, nil
}

func parseBase(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, err
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("%q is not an http or https URL", s)
	}
	return u, nil
}

// Offers reports whether the adapter has the operation.
func (p *Party) Offers(operation string) bool {
	_, ok := p.target.Adapter.Operations[operation]
	return ok
}

// BaseURL is where requests go.
func (p *Party) BaseURL() string { return p.target.BaseURL }

// Adapter says how the relying party is spoken to.
func (p *Party) Adapter() *scenarios.Adapter { return p.target.Adapter }

// Clock tells the time.
func (p *Party) Clock() func() time.Time { return p.target.Clock }

// Origin is the origin that the client claims.
func (p *Party) Origin() string { return p.target.Origin }

// RPID is the RP ID of the target where options state none; empty when the origin's host serves.
func (p *Party) RPID() string { return p.target.RPID }

// Learn tells of a secret, if somebody wants to know.
func (p *Party) Learn(name string, secret any) {
	if p.target.Learn != nil {
		p.target.Learn(name, secret)
	}
}

// LearnCookie tells of a cookie's value as a session does: unless it is so short that it is more likely a word.
func (p *Party) LearnCookie(name, value string) { learnCookie(p.Learn, name, value) }

// User is a user at the relying party, as the adapter's expressions see it.
type User struct {
	Name, Username, DisplayName, Email, Password string
}

func (u User) env() map[string]any {
	return map[string]any{
		"name": u.Name, "username": u.Username, "displayName": u.DisplayName,
		"email": u.Email, "password": u.Password,
	}
}

// Identity is what the relying party's whoami says of the user.
func (p *Party) Identity(u User) (string, error) {
	if p.target.Adapter.Identity.IsZero() {
		return u.Username, nil
	}
	return p.target.Adapter.Identity.String(scenarios.Env{
		"user": u.env(), "target": p.targetEnv(), "params": p.target.Params, "run": p.runEnv(),
	})
}

// Entry is one passkey in the relying party's list.
type Entry struct {
	ID         any    // what rename and delete call it
	Credential string // credential id, base64url without padding; empty if the list does not say
	Name       string
	Raw        any // the entry as it stands
}

// Input is what one operation works on.
type Input struct {
	User     User
	Args     map[string]any // given by the scenario; the operation's defaults fill the rest
	Label    string         // register: a name for the new passkey
	Name     string         // rename: the new name
	Passkey  Passkey        // rename, delete: which
	Entry    *Entry         // the same passkey in the RP's list, if the adapter asked for it
	SignedIn bool           // whether the session is signed in, as far as is known
	Listen   bool           // on a page: keep what its scripts are answered
	Began    time.Time      // what the times of exchanges and phases count from; zero: the operation's start

	// NoOptions leaves out the requests up to the one that answers with the options, as a client does that
	// replays a credential. The ceremony then has no options.
	NoOptions bool
	// OptionsOnly ends the operation with the answer that has the options, before other requests follow it. The
	// outcome is OutcomeRefused, as of a client that goes no further.
	OptionsOnly bool
	// Rewrite, if set, may replace the body of a request before it is sent, as a hostile client does. The
	// body is a JSON value, or a map[string]string of form fields.
	Rewrite func(role Role, body any) any

	// Authenticate performs the client's side of the ceremony and returns the credential in the JSON
	// form of WebAuthn L3 §5.1. An error means that the client refused.
	Authenticate func(ctx context.Context, c Ceremony) (json.RawMessage, error)
}

// Role is what a request is for in a ceremony.
type Role string

// The roles.
const (
	RoleOptions    Role = "options"    // its answer holds the options
	RoleCredential Role = "credential" // it carries the credential
	RoleOther      Role = "other"
)

// Ceremony is what a page hands to its client: navigator.credentials.create or get.
type Ceremony struct {
	Origin    string          // the calling page's
	TopOrigin string          // not empty in a cross-origin iframe
	Related   []string        // the related origins of the RP ID (WebAuthn L3 §5.11), where they were asked for
	Options   json.RawMessage // in the JSON form of WebAuthn L3 §5.1.8 and §5.1.9, flat
	Mediation string          // "", "conditional", …
}

// Passkey names a credential by its id (base64url) and the device that holds it.
type Passkey struct {
	ID, Name, Device string
}

// Result is how an operation went.
type Result struct {
	Operation string
	Outcome   Outcome
	Reason    string // one sentence: what the RP answered
	Fault     *Fault // with OutcomeError
	ClientErr error  // with OutcomeRefused
	Status    int    // HTTP status of the last answer
	Body      any    // the last answer: parsed JSON, or text
	User      string // whoami: who; empty when nobody, or when it is not told
	Somebody  bool   // whoami on a page: somebody is signed in, and the page does not say who
	Entries   []Entry
	Saved     map[string]any  // a scenario's request: what its save took
	Options   json.RawMessage // as given to the client
	Response  json.RawMessage // the credential in the JSON form of WebAuthn L3 §5.1, as the client made it; nil if it made none
	Exchanges []report.Exchange
	Phases    []report.Phase
	Notes     []string
	Page      *report.PageEvidence // what the page showed when a page step failed

	// On a page, what it asked of its client and what it signaled, in order.
	Ceremonies []PageCeremony
	Signals    []Signal
	Answers    []PageAnswer // if they were listened to
}

// Do performs an operation in a session. It always returns a result; what went wrong is in it.
func (p *Party) Do(ctx context.Context, operation string, s *Session, in Input) *Result {
	op, ok := p.target.Adapter.Operations[operation]
	r := &run{party: p, session: s, in: in, op: &op, started: p.target.Clock(), zero: in.Began, result: &Result{Operation: operation, Outcome: OutcomeAccepted}}
	if r.zero.IsZero() {
		r.zero = r.started
	}
	if !ok {
		r.fail(&Fault{Kind: FaultAdapter, Sentence: fmt.Sprintf("adapter %q has no operation %q", p.target.Adapter.Name, operation)})
		return r.result
	}
	if op.PageOnly() {
		r.fail(&Fault{
			Kind: FaultAdapter, Sentence: fmt.Sprintf("adapter %q does %q on its page only", p.target.Adapter.Name, operation),
			Hint: "run it with --driver browser",
		})
		return r.result
	}
	r.conclude(r.perform(ctx))
	return r.result
}

// Env is what the operation's expressions see when it is done in a session, for a driver that does it
// otherwise than by the adapter's requests.
func (p *Party) Env(operation string, s *Session, in Input) (scenarios.Env, error) {
	op := p.target.Adapter.Operations[operation]
	r := &run{party: p, session: s, in: in, op: &op}
	var err error
	if r.args, err = r.arguments(); err != nil {
		return nil, err
	}
	return r.env(), nil
}

// Send sends one request of the scenario itself, outside any operation. Its expressions see env.
func (p *Party) Send(ctx context.Context, s *Session, req *scenarios.Request, env scenarios.Env) *Result {
	now := p.target.Clock()
	r := &run{
		party: p, session: s, op: &scenarios.Operation{}, outer: env,
		started: now, zero: now, result: &Result{Operation: "request", Outcome: OutcomeAccepted},
	}
	step := &scenarios.HTTPStep{HTTP: req.HTTP, Accept: req.Accept, Reject: req.Reject}
	r.conclude(r.step(ctx, step))
	if r.result.Outcome == OutcomeAccepted {
		saved, err := r.extract(req.Save)
		r.result.Saved = saved
		r.conclude(err)
	}
	return r.result
}

// conclude ends the operation: an error that is not a decision becomes a fault.
func (r *run) conclude(err error) {
	if err != nil && !errors.Is(err, errStop) {
		fault, ok := errors.AsType[*Fault](err)
		if !ok {
			fault = &Fault{Kind: FaultAdapter, Sentence: err.Error()}
		}
		r.fail(fault)
	}
	r.finishPhases()
}

func (p *Party) targetEnv() map[string]any {
	rpID := p.target.RPID
	if rpID == "" {
		if u, err := url.Parse(p.target.Origin); err == nil {
			rpID = u.Hostname()
		}
	}
	return map[string]any{
		"origin": p.target.Origin, "rpId": rpID, "baseUrl": strings.TrimSuffix(p.target.BaseURL, "/"),
		"adapter": p.target.Adapter.Name, "operations": p.target.Adapter.Offers(),
	}
}

func (p *Party) runEnv() map[string]any {
	return map[string]any{"id": p.target.RunID, "seed": p.target.Seed}
}
