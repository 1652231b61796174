package checks

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual/forge"
)

// identityChecks are about whose credential an answer is, and whose account it opens: WebAuthn L3 §7.2 steps 5 and 6,
// §7.1 step 29.
func identityChecks() []*Check {
	return slices.Concat(crossUserChecks(), userHandleChecks(), unknownCredentialChecks(), accountChecks())
}

const (
	allowListFix = "Look the credential up by its id, and refuse it if it is not one of those that the options allowed, or not the " +
		"account's that the login began with."
	ownerFix = "Sign in the account that the stored credential belongs to, and none that the request, its session or the user handle names."
)

func crossUserChecks() []*Check {
	return []*Check{
		{
			ID: "auth-cross-user-credential", Title: "Somebody else's credential for a victim's login", Ceremony: Authentication,
			Level: Must, Severity: Critical, Basis: []string{"WebAuthn L3 §7.2 steps 5 and 6", "CVE-2026-46419", "CVE-2025-26788"},
			Sends:   "a login begun for one user, answered with another user's credential; also with the first user's handle, and with none",
			Expects: "the first user is never signed in", Fix: ownerFix, Needs: []Ability{CanLogin, CanWhoami},
			Faults:  []string{"identity-from-options"},
			Perform: crossUser,
		},
		{
			ID: "auth-cross-user-credential-own", Title: "A login that ends with another user than it began with", Ceremony: Authentication,
			Level: Should, Severity: Low, Basis: []string{"WebAuthn L3 §7.2 steps 5 and 6"},
			Sends: "a login begun for one user, answered with another user's credential", Expects: "a refusal, although only the other user gets in",
			Fix: allowListFix, Needs: []Ability{CanLogin, CanWhoami}, Faults: []string{"allow-list-unchecked"}, Perform: crossUserOwn,
		},
		{
			ID: "auth-reauth-cross-user", Title: "Somebody else's credential inside a victim's session", Ceremony: Authentication,
			Level: Must, Severity: Critical, Basis: []string{"WebAuthn L3 §7.2 step 6", "GHSA-f66q-9rf6-8795"},
			Sends:   "another user's legal login inside the session of a signed-in user",
			Expects: "a refusal, or the other user signed in: never a yes that leaves the first user signed in",
			Fix:     "When a signed-in user confirms who they are, take that user's credentials only.", Needs: []Ability{CanWhoami},
			Faults: []string{"reauth-any-user"}, Perform: reauth,
		},
		{
			ID: "auth-credential-not-allowed", Title: "The user's own credential, which the options did not allow", Ceremony: Authentication,
			Level: Must, Severity: Medium, Gates: []Gate{gate("allow-subset", "yes")}, Basis: []string{"WebAuthn L3 §7.2 step 5"},
			Sends: "an answer with a credential of the same user that was registered after the options were issued", Expects: "a refusal",
			Fix: allowListFix, Needs: []Ability{CanLogin, CanWhoami}, Faults: []string{"allow-list-unchecked", "allow-list-by-owner", "identity-from-options"}, Perform: notAllowed,
		},
		{
			ID: "auth-flow-mix", Title: "A challenge of one login flow, answered in the other", Ceremony: Authentication, Level: Must, Severity: High,
			Basis:   []string{"WebAuthn L3 §7.2 steps 5 and 6", "CVE-2025-26788"},
			Sends:   "a login begun with a name and ended without one, and the reverse, with another user's credential",
			Expects: "a refusal, or the credential's own user signed in", Fix: "Remember with the challenge which flow it was issued for. " + ownerFix,
			Needs:   []Ability{CanLogin, CanDiscoverable, CanWhoami},
			Faults:  []string{"identity-from-options", "identity-from-user-handle"},
			Perform: flowMix,
		},
	}
}

// twoUsers proves the login of a victim, and that there is somebody else.
func (r *Rig) twoUsers(ctx context.Context) (victim, attacker *User, err error) {
	if victim, err = r.Prove(ctx, r.loginOperation()); err != nil {
		return nil, nil, err
	}
	attacker, err = r.Other(ctx)
	return victim, attacker, err
}

// never judges a trial that must not sign the victim in, whoever else it does.
func (t *Trial) never(victim *User) Finding {
	switch {
	case !t.WhoKnown:
		return unable("%s; who is signed in cannot be told: the adapter offers no whoami that answered", t.Answer)
	case t.Who == victim.Identity:
		return deviates("%s, and the victim is signed in", t.Answer)
	case t.Answer == Crashed:
		return crashes(t.Result.Reason)
	case t.Who != "":
		return conforms("%s, and %s is signed in, whose credential it was", t.Answer, t.Who)
	}
	return conforms("%s: %s", t.Answer, t.Result.Reason)
}

// handles are cases by the user handle that is sent along with somebody else's credential.
func handles(victim *User) []Case {
	return []Case{
		{Name: "own user handle"},
		{Name: "victim's user handle", Changes: change("user-handle", idText(victim.Passkey().handle()))},
		{Name: "no user handle", Changes: change("user-handle", nil)},
	}
}

func crossUser(ctx context.Context, r *Rig) Finding {
	victim, attacker, err := r.twoUsers(ctx)
	if err != nil {
		return untold("%v", err)
	}
	var findings []named
	for _, variant := range handles(victim) {
		if victim, err = r.Prove(ctx, opLogin); err != nil {
			return untold("%v", err)
		}
		t := r.Act(ctx, victim, Act{
			Name: variant.Name, Operation: opLogin, Passkey: attacker.Passkey(), See: allowing(attacker.Passkey()), Changes: variant.Changes,
		})
		f, over := t.unusable()
		if !over {
			f = t.never(victim)
		}
		findings = append(findings, named{variant.Name, f})
	}
	return sum(findings)
}

func crossUserOwn(ctx context.Context, r *Rig) Finding {
	victim, f, ok := r.identifiedUser(ctx)
	if !ok {
		return f
	}
	attacker, err := r.Other(ctx)
	if err != nil {
		return untold("%v", err)
	}
	t := r.Act(ctx, victim, Act{Name: "another user's credential", Operation: opLogin, Passkey: attacker.Passkey(), See: allowing(attacker.Passkey())})
	f, over := t.unusable()
	switch {
	case over:
		return f
	case t.WhoKnown && t.Who == attacker.Identity:
		return deviates("%s, and the credential's own user is signed in", t.Answer)
	}
	return t.never(victim).not(kindDeviates, "it is worse: see auth-cross-user-credential")
}

// not turns a finding of a kind that another check reports into one of nothing to add.
func (f Finding) not(kind kind, because string) Finding {
	if f.kind == kind {
		return inapplicable("%s", because)
	}
	return f
}

func reauth(ctx context.Context, r *Rig) Finding {
	victim, attacker, err := r.twoUsers(ctx)
	if err != nil {
		return untold("%v", err)
	}
	s, err := r.signedInAs(ctx, victim)
	if err != nil {
		return untold("%v", err)
	}
	defer r.cfg.Driver.Release(s)
	defer attacker.spoil()
	t := r.Act(ctx, attacker, Act{
		Name: "another user's login", Operation: r.loginOperation(), Session: s, See: allowing(attacker.Passkey()),
	})
	if f, over := t.unusable(); over {
		return f
	}
	if t.WhoKnown && t.Who == victim.Identity && t.Answer != Accepted {
		return conforms("%s: %s", t.Answer, t.Result.Reason)
	}
	f := t.never(victim)
	if f.kind == kindDeviates {
		return deviates("accepted, and still the session is the first user's: it took another user's credential for the first one's")
	}
	return f
}

func notAllowed(ctx context.Context, r *Rig) Finding {
	u, f, ok := r.identifiedUser(ctx)
	if !ok {
		return f
	}
	if r.oneKey {
		return unable("users can have but one passkey here")
	}
	t := r.Act(ctx, u, Act{Name: "registered after the options", Operation: opLogin, Answer: func(ctx context.Context, c rp.Ceremony) (json.RawMessage, error) {
		made := r.act(ctx, u, Act{Session: u.Session})
		if made.Answer != Accepted {
			return nil, errors.New("another passkey could not be registered meanwhile: " + made.Result.Reason)
		}
		options, err := seen(c.Options, allowing(made.Passkey))
		if err != nil {
			return nil, err
		}
		return r.sign(ctx, made.Passkey, options)
	}})
	if f, over := t.unusable(); over {
		return f
	}
	return t.refused()
}

// seen is what a client makes of options before it uses them.
func seen(options json.RawMessage, see func(map[string]any)) (json.RawMessage, error) {
	var members map[string]any
	if err := json.Unmarshal(options, &members); err != nil {
		return nil, err
	}
	see(members)
	return json.Marshal(members)
}

func flowMix(ctx context.Context, r *Rig) Finding {
	if _, f, ok := r.identifiedUser(ctx); !ok {
		return f
	}
	victim, attacker, err := r.twoUsers(ctx)
	if err != nil {
		return untold("%v", err)
	}
	var findings []named
	for _, flow := range []struct{ name, begins, ends string }{
		{"begun with a name", opLogin, scenarios.OpLoginDiscoverable}, {"begun without a name", scenarios.OpLoginDiscoverable, opLogin},
	} {
		for _, variant := range handles(victim) {
			name := flow.name + ", " + variant.Name
			findings = append(findings, named{name, r.mixed(ctx, victim, attacker, name, flow.begins, flow.ends, variant.Changes)})
		}
	}
	return sum(findings)
}

// mixed begins a login as the victim in one flow and ends it in the other, with the attacker's credential.
func (r *Rig) mixed(ctx context.Context, victim, attacker *User, name, begins, ends string, changes func(Scene) []forge.Change) Finding {
	s := r.NewSession()
	defer r.cfg.Driver.Release(s)
	_, result, err := r.Options(ctx, begins, s, victim)
	if err != nil {
		return untold("%v", err)
	}
	options, err := seen(result.Options, allowAll)
	if err != nil {
		return untold("%v", err)
	}
	var all []forge.Change
	if changes != nil {
		all = changes(Scene{})
	}
	response, err := r.sign(ctx, attacker.Passkey(), options, all...)
	if err != nil {
		return untold("%v", err)
	}
	t := r.Act(ctx, victim, Act{Name: name, Operation: ends, Session: s, NoOptions: true, Answer: send(response)})
	if f, over := t.unusable(); over {
		return f.withoutOptions(t)
	}
	return t.never(victim)
}

// withoutOptions says it where an adapter's request cannot be made before its options.
func (f Finding) withoutOptions(t *Trial) Finding {
	if t.Result.Fault != nil && t.Result.Fault.Kind == rp.FaultAdapter {
		return unable("the adapter cannot send a credential without asking for options first: %s", t.Result.Reason)
	}
	return f
}
