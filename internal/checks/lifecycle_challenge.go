package checks

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/passrig/passrig/internal/rp"
)

// forBoth makes the two checks of a row whose ceremony is the lifecycle's. The login's deviates under more faults.
func forBoth(row Check, registration, authentication func(context.Context, *Rig) Finding, more ...string) []*Check {
	pair := both(row, func(c *Check) { c.Perform = registration }, func(c *Check) { c.Perform = authentication })
	for _, c := range pair {
		c.Ceremony = Lifecycle
	}
	pair[1].Faults = slices.Concat(row.Faults, more)
	return pair
}

func challengeLifeChecks() []*Check {
	basis := []string{"WebAuthn L3 §7.1 step 8, §13.4.3 | WebAuthn L3 §7.2 step 11, §13.4.3"}
	crossed := forBoth(Check{
		ID: "challenge-cross-ceremony", Title: "A challenge of the other ceremony", Level: Must, Severity: High, Basis: basis,
		Sends: "a registration for the challenge of a login | a login for the challenge of a registration", Expects: "a refusal",
		Fix:    "Keep with each challenge which ceremony it was issued for.",
		Faults: []string{"challenge-any-kind"},
	}, registrationForLogin, loginForRegistration, "challenge-if-any")
	crossed[0].Faults = append(slices.Clone(crossed[0].Faults), "challenge-unchecked", "challenge-length-only")
	return slices.Concat(
		forBoth(Check{
			ID: "session-swap", Title: "A challenge from another session", Level: Must, Severity: Critical, Basis: basis,
			Sends:   "a registration for one user's challenge, in another user's session | a login for a challenge that was issued to another browser",
			Expects: "a refusal", Fix: "Keep each challenge with the session that it was issued to, and look for it there only.",
			Faults: []string{"challenge-anywhere", "challenge-stateless", "challenge-if-any"},
		}, registrationSwap, loginSwap, "challenge-unchecked", "challenge-length-only", "challenge-constant"),
		crossed,
		forBoth(Check{
			ID: "no-options-first", Title: "An answer to no challenge at all", Level: Must, Severity: High, Basis: basis,
			Sends: "a legal answer to a made-up challenge, in a session that asked for no options", Expects: "a clean refusal",
			Fix:    "Refuse an answer when no challenge is pending: nothing must not equal nothing.",
			Faults: []string{"challenge-if-any"},
		}, registrationUnasked, loginUnasked),
		forBoth(Check{
			ID: "challenge-expired", Title: "An answer long after the time for it", Level: Should, Severity: Medium,
			Basis: []string{"WebAuthn L3 §13.4.3, §15.1"}, Consent: Slow,
			Sends: "an answer after twice the time that the options give, and not before 11 minutes", Expects: "a refusal",
			Fix:    "Let challenges expire about when the options' timeout is over.",
			Faults: []string{"challenge-forever"},
		}, registrationExpired, loginExpired, "challenge-if-any"),
	)
}

// madeUp is a challenge that nobody issued, in options that are otherwise real.
func madeUp(options map[string]any) {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // never fails
	options["challenge"] = idText(raw)
}

// takes gives options the challenge of others.
func takes(from json.RawMessage) func(map[string]any) {
	return func(options map[string]any) {
		var other struct {
			Challenge any `json:"challenge"`
		}
		if json.Unmarshal(from, &other) == nil {
			options["challenge"] = other.Challenge
		}
	}
}

func registrationSwap(ctx context.Context, r *Rig) Finding {
	u, f, ok := r.severalKeys(ctx)
	if !ok {
		return f
	}
	other, err := r.Other(ctx)
	if err != nil {
		return untold("%v", err)
	}
	_, result, err := r.Options(ctx, opRegister, u.Session, u)
	if err != nil {
		return untold("%v", err)
	}
	s, err := r.signedInAs(ctx, other)
	if err != nil {
		return untold("%v", err)
	}
	defer r.cfg.Driver.Release(s)
	defer other.spoil()
	f = r.registersWith(ctx, other.in(s), "another user's session", result.Options)
	if f.kind != kindConforms {
		return f
	}
	// It may have gone to the user whom the challenge was issued to.
	device, err := r.device(r.purpose(), nil)
	if err != nil {
		return untold("%v", err)
	}
	_, result, err = r.Options(ctx, opRegister, u.Session, u)
	if err != nil {
		return untold("%v", err)
	}
	made, response, err := r.make(ctx, device, result.Options)
	if err != nil {
		return untold("%v", err)
	}
	t := r.Act(ctx, other.in(s), Act{Name: "another user's session, once more", NoOptions: true, Answer: send(response)})
	t.Passkey = made
	return r.intruded(ctx, u, t)
}

func loginSwap(ctx context.Context, r *Rig) Finding {
	var findings []named
	for _, asked := range []bool{false, true} {
		u, err := r.Prove(ctx, r.loginOperation())
		if err != nil {
			return untold("%v", err)
		}
		first, second := r.NewSession(), r.NewSession()
		_, result, err := r.Options(ctx, r.loginOperation(), first, u)
		if err != nil {
			return untold("%v", err)
		}
		response, err := r.sign(ctx, u.Passkey(), result.Options)
		if err != nil {
			return untold("%v", err)
		}
		act := Act{Name: "in a session without a challenge", Operation: r.loginOperation(), Session: second, Answer: send(response), NoOptions: !asked}
		if asked {
			act.Name = "in a session with a challenge of its own"
		}
		findings = append(findings, named{act.Name, r.sent(ctx, u, act)})
		r.cfg.Driver.Release(first)
		r.cfg.Driver.Release(second)
	}
	return sum(findings)
}

func registrationUnasked(ctx context.Context, r *Rig) Finding {
	u, f, ok := r.severalKeys(ctx)
	if !ok {
		return f
	}
	_, creation, err := r.Options(ctx, opRegister, u.Session, u)
	if err != nil {
		return untold("%v", err)
	}
	options, err := seen(creation.Options, madeUp)
	if err != nil {
		return untold("%v", err)
	}
	s, err := r.signedInAs(ctx, u) // a session that has asked for nothing yet
	if err != nil {
		return untold("%v", err)
	}
	defer r.cfg.Driver.Release(s)
	return r.registersWith(ctx, u.in(s), "made-up challenge", options)
}

func loginUnasked(ctx context.Context, r *Rig) Finding {
	u, err := r.Prove(ctx, r.loginOperation())
	if err != nil {
		return untold("%v", err)
	}
	options, err := seen(json.RawMessage(`{}`), func(options map[string]any) {
		options["rpId"] = u.Passkey().rpID()
		madeUp(options)
	})
	if err != nil {
		return untold("%v", err)
	}
	response, err := r.sign(ctx, u.Passkey(), options)
	if err != nil {
		return untold("%v", err)
	}
	s := r.NewSession()
	defer r.cfg.Driver.Release(s)
	return r.resend(ctx, u, "made-up challenge", s, response)
}

// rpID is the RP ID that the passkey is for.
func (k *Passkey) rpID() string {
	for _, c := range k.Device.Credentials() {
		if string(c.ID) == string(k.ID) {
			return c.RPID
		}
	}
	return ""
}

// leastExpiry is how long a challenge may live without being thought to live for ever (WebAuthn L3 §15.1).
const leastExpiry = 11 * time.Minute

// overdue waits until an answer to options is overdue.
func overdue(ctx context.Context, options json.RawMessage) error {
	var told struct {
		Timeout float64 `json:"timeout"` // milliseconds
	}
	_ = json.Unmarshal(options, &told) // without a timeout it is the least
	return sleep(ctx, max(leastExpiry, 2*time.Duration(told.Timeout)*time.Millisecond))
}

func registrationExpired(ctx context.Context, r *Rig) Finding {
	u, f, ok := r.severalKeys(ctx)
	if !ok {
		return f
	}
	device, err := r.device(r.purpose(), nil)
	if err != nil {
		return untold("%v", err)
	}
	var made *Passkey
	t := r.Act(ctx, u, Act{Name: "late", Answer: func(ctx context.Context, c rp.Ceremony) (json.RawMessage, error) {
		k, response, err := r.make(ctx, device, c.Options)
		made = k
		if err != nil {
			return nil, err
		}
		return response, overdue(ctx, c.Options)
	}})
	t.Passkey = made
	if f, over := t.unusable(); over {
		return f
	}
	return r.registrationRefused(ctx, u, t)
}

func loginExpired(ctx context.Context, r *Rig) Finding {
	u, err := r.Prove(ctx, r.loginOperation())
	if err != nil {
		return untold("%v", err)
	}
	return r.sent(ctx, u, Act{Name: "late", Operation: r.loginOperation(), Answer: func(ctx context.Context, c rp.Ceremony) (json.RawMessage, error) {
		response, err := r.sign(ctx, u.Passkey(), c.Options)
		if err != nil {
			return nil, err
		}
		return response, overdue(ctx, c.Options)
	}})
}

// together lets several goroutines go on at once, when all of them have come, or one is missing.
type together struct {
	mu      sync.Mutex
	missing int
	gate    chan struct{}
}

func meet(n int) *together { return &together{missing: n, gate: make(chan struct{})} }

// arrive notes that one has come, or never will.
func (m *together) arrive() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.missing--; m.missing == 0 {
		close(m.gate)
	}
}

// wait comes and waits for the others.
func (m *together) wait(ctx context.Context) error {
	m.arrive()
	select {
	case <-m.gate:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// racer is one of several operations whose last requests are sent at once.
type racer struct {
	operation string
	session   *rp.Session
	in        rp.Input // its Authenticate makes the response; it is sent when all have theirs
}

// race performs operations at once. It holds each back right before its credential is sent until all have come so far.
func (r *Rig) race(ctx context.Context, racers []racer) []*rp.Result {
	start := meet(len(racers))
	results := make([]*rp.Result, len(racers))
	var running sync.WaitGroup
	for i := range racers {
		running.Go(func() {
			one := racers[i]
			answer, came := one.in.Authenticate, false
			one.in.Authenticate = func(ctx context.Context, c rp.Ceremony) (json.RawMessage, error) {
				response, err := answer(ctx, c)
				if err != nil {
					return nil, err
				}
				came = true
				return response, start.wait(ctx)
			}
			results[i] = r.Do(ctx, one.operation, one.session, one.in)
			if !came {
				start.arrive()
			}
		})
	}
	running.Wait()
	return results
}
