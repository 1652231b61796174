package checks

import (
	"context"
	"maps"
	"slices"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/scenarios"
)

func accountChecks() []*Check {
	return []*Check{
		{
			ID: "reg-account-binding", Title: "Another user's name in the body of a registration", Ceremony: Registration, Level: Must, Severity: Critical,
			Basis: []string{"WebAuthn L3 §7.1 step 29"}, Sends: "a legal registration whose body also names another user, in the ways in which names are written",
			Expects: "the passkey is stored for the signed-in user, or not at all",
			Fix:     "Store the passkey for the user that the challenge was issued to, and read no user from the request.",
			Faults:  []string{"account-from-body"}, Perform: accountBinding,
		},
		{
			ID: "reg-existing-account-unauthenticated", Title: "A passkey for somebody's account, without signing in", Ceremony: Registration,
			Level: Must, Severity: Critical, Gates: []Gate{unless("preset", "fido", "demo")}, Basis: []string{"CVE-2021-3632", "WebAuthn L3 §7.1 step 29"},
			Sends:   "a sign-up and a registration for an existing username from a new browser, as the adapter writes it and with the name in every body",
			Expects: "a refusal, or an account that is not the existing one", Fix: "Let only a signed-in user add passkeys to an account that exists.",
			Faults: []string{"enrollment-open"}, Perform: openEnrollment,
		},
		{
			ID: "reg-step-up", Title: "Another passkey on a session that is not fresh", Ceremony: Registration, Level: Info, Severity: Medium,
			Basis: []string{"OWASP ASVS 5.0 §7.5"}, Sends: "a second registration on a session that was signed in for other things",
			Expects: "either; a fresh confirmation keeps a stolen session from becoming a stolen account",
			Fix:     "Ask for a fresh login or another confirmation before a passkey is added, and tell the user about it.",
			Perform: func(ctx context.Context, r *Rig) Finding {
				u, err := r.Prove(ctx, opRegister)
				switch {
				case err != nil:
					return untold("%v", err)
				case r.oneKey:
					return unable("users can have but one passkey here")
				}
				t := r.Act(ctx, u, Act{Name: "another passkey"})
				return either(t.Answer == Accepted, "%s: %s", t.Answer, t.Result.Reason)
			},
		},
	}
}

// naming writes a user into a request's body in the ways in which relying parties name users.
func naming(u *User, roles ...rp.Role) func(rp.Role, any) any {
	handle := ""
	if len(u.Passkeys) > 0 {
		handle = idText(u.Passkey().handle())
	}
	names := map[string]string{
		"username": u.Username, "userName": u.Username, "email": u.Email, "user": u.Username, "userId": handle, "user_id": handle, "userHandle": handle,
	}
	return func(role rp.Role, body any) any {
		if !slices.Contains(roles, role) {
			return body
		}
		switch body := body.(type) {
		case map[string]any:
			for name, value := range names {
				body[name] = value
			}
		case map[string]string:
			maps.Copy(body, names)
		}
		return body
	}
}

func accountBinding(ctx context.Context, r *Rig) Finding {
	victim, err := r.Other(ctx)
	if err != nil {
		return untold("%v", err)
	}
	attacker, err := r.Prove(ctx, opRegister)
	if err == nil && r.oneKey {
		attacker, err = r.newcomer(ctx)
	}
	if err != nil {
		return untold("%v", err)
	}
	t := r.Act(ctx, attacker, Act{Name: "another user's name", Rewrite: naming(victim, rp.RoleCredential)})
	if f, over := t.unusable(); over {
		return f
	}
	return r.intruded(ctx, victim, t)
}

// intruded judges whether a registration's passkey got into the victim's account.
func (r *Rig) intruded(ctx context.Context, victim *User, t *Trial) Finding {
	stored, known, how := r.Stored(ctx, victim, t)
	if stored {
		return deviates("%s, and the passkey is stored in the victim's account (%s)", t.Answer, how)
	}
	if !known && t.Passkey != nil && t.Answer == Accepted {
		login := r.act(ctx, victim, Act{Name: t.Name + ", then login as the victim", Operation: r.loginOperation(), Passkey: t.Passkey, See: allowing(t.Passkey)})
		if login.WhoKnown && login.Who == victim.Identity {
			return deviates("%s, and the passkey signs the victim in", t.Answer)
		}
		known = login.WhoKnown
	}
	switch {
	case !known:
		return unable("%s; what the relying party stored cannot be told: %s", t.Answer, how)
	case t.Answer == Crashed:
		return crashes(t.Result.Reason)
	}
	return conforms("%s, and nothing was added to the victim's account", t.Answer)
}

func openEnrollment(ctx context.Context, r *Rig) Finding {
	victim, err := r.Prove(ctx, opRegister)
	if err != nil {
		return untold("%v", err)
	}
	var findings []named
	if r.Offers(scenarios.OpSignup) && !r.withSignup() {
		s := r.NewSession()
		defer r.cfg.Driver.Release(s)
		result := r.Do(ctx, scenarios.OpSignup, s, rp.Input{User: victim.User})
		who, known, _ := r.Whoami(ctx, s)
		if result.Outcome == rp.OutcomeAccepted && known && who == victim.Identity {
			// A name may be shared by several accounts: only the victim's own passkeys tell.
			if _, found, _ := r.entry(ctx, &User{User: victim.User, Session: s}, victim.Passkey().IDText()); found {
				findings = append(findings, named{"sign-up", deviates("signing up with the victim's name opens the victim's account")})
			}
		}
	}
	for _, variant := range []struct {
		name    string
		rewrite func(rp.Role, any) any
	}{{name: "registration"}, {"name in the bodies", naming(victim, rp.RoleOptions, rp.RoleCredential)}} {
		f, err := r.enrollAsStranger(ctx, victim, variant.name, variant.rewrite)
		if err != nil {
			return untold("%v", err)
		}
		findings = append(findings, named{variant.name, f})
	}
	return sum(findings)
}

func (r *Rig) enrollAsStranger(ctx context.Context, victim *User, name string, rewrite func(rp.Role, any) any) (Finding, error) {
	s := r.NewSession()
	defer r.cfg.Driver.Release(s)
	t := r.Act(ctx, victim, Act{Name: name, Session: s, Rewrite: rewrite})
	switch t.Answer {
	case Rejected, Soft: // with the options, or with the response
		return conforms("%s: %s", t.Answer, t.Result.Reason), nil
	case Crashed:
		return crashes(t.Result.Reason), nil
	case Limited, Refused, Inapt, Unclear:
		f, _ := t.unusable()
		return f, nil
	case Accepted:
	}
	return r.intruded(ctx, victim, t), nil
}
