package checks

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual"
)

// accountLifeChecks are about accounts, sessions, and what a site offers besides its own ways.
func accountLifeChecks() []*Check {
	return []*Check{
		{
			ID: "life-default-endpoints", Title: "A framework's own endpoints", Ceremony: Lifecycle, Level: Should, Severity: High,
			Basis: []string{"CVE-2024-12225"}, Sends: "requests for options to the paths at which frameworks offer them, other than the adapter's",
			Expects: "no options", Fix: "Switch the framework's default endpoints off, or put them under the same rules as your own.",
			Faults: []string{"default-endpoints-live"}, Perform: defaultEndpoints,
		},
		{
			ID: "life-multiple-credentials", Title: "A second passkey", Ceremony: Lifecycle, Level: ShouldAccept, Severity: Medium,
			Basis: []string{"WebAuthn L3 §6.1.3"}, Sends: "a legal registration of a user who has a passkey", Expects: "acceptance",
			Fix: "Let users have several passkeys: the other one is what is left when one is lost.", Faults: []string{"one-passkey-only"},
			Perform: func(ctx context.Context, r *Rig) Finding {
				u, err := r.Prove(ctx, opRegister)
				if err != nil {
					return untold("%v", err)
				}
				return r.judge(ctx, u, Act{Name: "second", Session: u.Session}, toBeTaken)
			},
		},
		{
			ID: "life-session-rotation", Title: "A session's secret before and after a login", Ceremony: Lifecycle, Level: Should, Severity: Medium,
			Where: API, Basis: []string{"OWASP ASVS 5.0 §7.2", "CWE-384"}, Sends: "a request after a login, with the cookies that were there before it",
			Expects: "nobody is signed in", Fix: "Give the session a new secret when its user signs in.", Needs: []Ability{CanWhoami},
			Faults: []string{"session-not-rotated"}, Perform: rotation,
		},
		{
			//nolint:misspell // the id is as others write the specification's uvInitialized
			ID: "life-uv-initialised", Title: "The first user verification of a passkey", Ceremony: Lifecycle, Level: Info, Severity: Low,
			Basis: []string{"WebAuthn L3 §4 uvInitialized, §7.2 step 24"}, Sends: "a login with UV of a passkey that was registered without",
			Expects: "either; where one passkey is all there is, another factor confirms that the verification is the user's",
			Fix:     "Keep uvInitialized, and do not take UV for a factor before another one has confirmed it.",
			Perform: withOnePasskey(func(cfg *virtual.Config) { cfg.UserVerification = virtual.VerificationNever },
				Case{Name: "verified", Changes: change("authdata-flags", map[string]any{"uv": true})}),
		},
		{
			ID: "life-rate-limit", Title: "Many wrong logins", Ceremony: Lifecycle, Level: Info, Severity: Note, Where: API,
			Basis: []string{"OWASP ASVS 5.0 §6.3"}, Sends: fmt.Sprintf("%d logins with a wrong signature, and then a right one", burst),
			Expects: "either", Fix: "Limit the rate of wrong logins by where they come from; a locked account helps whoever wants it locked.",
			Perform: rateLimit,
		},
	}
}

// endpoint is a path at which a framework gives out options.
type endpoint struct{ framework, method, path string }

func endpoints() []endpoint {
	return []endpoint{
		{"FIDO conformance interface", http.MethodPost, "/attestation/options"},
		{"FIDO conformance interface", http.MethodPost, "/assertion/options"},
		{"Spring Security", http.MethodPost, "/webauthn/register/options"},
		{"Spring Security", http.MethodPost, "/webauthn/authenticate/options"},
		{"Quarkus", http.MethodGet, "/q/webauthn/register-options-challenge"},
		{"Quarkus", http.MethodGet, "/q/webauthn/login-options-challenge"},
		{"Quarkus", http.MethodPost, "/q/webauthn/register"},
		{"Quarkus", http.MethodPost, "/q/webauthn/login"},
	}
}

func defaultEndpoints(ctx context.Context, r *Rig) Finding {
	somebody, err := r.visitor()
	if err != nil {
		return untold("%v", err)
	}
	body, err := json.Marshal(map[string]string{"username": somebody.Username, "name": somebody.Username, "displayName": somebody.DisplayName})
	if err != nil {
		return untold("%v", err)
	}
	var findings []named
	for _, e := range endpoints() {
		if r.declares(e.path) {
			continue
		}
		req := &scenarios.Request{HTTP: scenarios.HTTP{
			Method: e.method, Path: scenarios.NewText(e.path), Query: map[string]scenarios.Text{"username": scenarios.NewText(somebody.Username)},
		}}
		if e.method == http.MethodPost {
			req.Text = scenarios.NewText(string(body))
			req.Headers = map[string]scenarios.Text{"Content-Type": scenarios.NewText("application/json")}
		}
		name := e.method + " " + e.path
		if err := r.pace(ctx); err != nil {
			return untold("interrupted before %s", name)
		}
		result := r.party.Send(ctx, r.NewSession(), req, scenarios.Env{})
		r.record(&Trial{Name: name, Result: result, Answer: answerOf(result)})
		f := conforms("status %d", result.Status)
		if result.Outcome == rp.OutcomeAccepted && holdsChallenge(result.Body) {
			f = deviates("%s of %s gives out options", e.path, e.framework)
		}
		findings = append(findings, named{name, f})
	}
	return sum(findings)
}

// declares reports whether the adapter itself uses a path.
func (r *Rig) declares(path string) bool {
	uses := func(steps []scenarios.HTTPStep) bool {
		return slices.ContainsFunc(steps, func(s scenarios.HTTPStep) bool { return strings.HasSuffix(s.Path.Raw(), path) })
	}
	adapter := r.party.Adapter()
	for _, op := range adapter.Operations {
		if uses(op.Steps) {
			return true
		}
	}
	for _, steps := range adapter.Fragments {
		if uses(steps) {
			return true
		}
	}
	return false
}

// holdsChallenge reports whether an answer holds a challenge, wherever it is.
func holdsChallenge(body any) bool {
	members, ok := body.(map[string]any)
	if !ok {
		return false
	}
	for name, value := range members {
		if text, ok := value.(string); ok && name == "challenge" && text != "" || holdsChallenge(value) {
			return true
		}
	}
	return false
}

func rotation(ctx context.Context, r *Rig) Finding {
	u, err := r.Prove(ctx, r.loginOperation())
	if err != nil {
		return untold("%v", err)
	}
	s := r.NewSession()
	defer r.cfg.Driver.Release(s)
	var before *rp.Session
	t := r.act(ctx, u, Act{Name: "login", Operation: r.loginOperation(), Session: s, Answer: func(ctx context.Context, c rp.Ceremony) (json.RawMessage, error) {
		before = r.party.Fork(s)
		return r.sign(ctx, u.Passkey(), c.Options)
	}})
	if t.Answer != Accepted {
		return untold("control: a legal login did not work: %s", t.Result.Reason)
	}
	who, known, _ := r.Whoami(ctx, before)
	switch {
	case !known:
		return unable("whoami did not answer to the old cookies")
	case who == u.Identity:
		return deviates("the cookies from before the login now carry %s's session", who)
	}
	return conforms("the cookies from before the login carry nobody's session")
}

// burst is how many wrong logins are sent.
const burst = 10

func rateLimit(ctx context.Context, r *Rig) Finding {
	u, err := r.NewUser(ctx)
	if err != nil {
		return untold("%v", err)
	}
	for i := range burst {
		s := r.NewSession()
		t := r.once(ctx, u, Act{Name: "wrong signature", Operation: r.loginOperation(), Session: s, Changes: change("signature-flip", nil)})
		r.cfg.Driver.Release(s)
		if t.Answer == Limited {
			return either(true, "after %d wrong logins the rate is limited: status %d", i+1, t.Result.Status)
		}
	}
	legal := r.once(ctx, u, Act{Name: "right signature", Operation: r.loginOperation(), Session: r.NewSession()})
	return either(legal.Answer == Accepted, "%d wrong logins, and then a right one: %s", burst, legal.Answer)
}
