package checks

import (
	"bytes"
	"context"

	"github.com/passrig/passrig/scenarios"
)

func userHandleChecks() []*Check {
	fix := "Compare a user handle that is there with that of the credential's account; without a username it has to be there."
	basis := []string{"WebAuthn L3 §7.2 step 6"}
	discoverable := []Gate{gate("discoverable", "yes")}
	return []*Check{
		{
			ID: "auth-userhandle-foreign", Title: "Another user's user handle", Ceremony: Authentication, Level: Must, Severity: Medium, Basis: basis,
			Sends: "the right credential with another user's handle, and with a random one", Expects: "a refusal", Fix: fix,
			Faults: []string{"user-handle-unchecked", "user-handle-per-request", "identity-from-options", "identity-from-user-handle"}, Perform: foreignHandle,
		},
		{
			ID: "auth-userhandle-victim-discoverable", Title: "A victim's user handle in a login without a name", Ceremony: Authentication,
			Level: Must, Severity: Critical, Gates: discoverable, Basis: basis, Needs: []Ability{CanDiscoverable, CanWhoami},
			Sends: "one user's credential with another user's handle, without a username", Expects: "the other user is never signed in",
			Fix: ownerFix, Faults: []string{"identity-from-user-handle"}, Perform: victimHandle,
		},
		{
			ID: "auth-userhandle-absent-identified", Title: "No user handle, where the user is known", Ceremony: Authentication,
			Level: Accept, Severity: High, Basis: []string{"WebAuthn L3 §7.2 step 6, §6.1.3"},
			Sends: "a login with a username whose answer has no user handle", Expects: "acceptance: credentials that are not discoverable have none",
			Fix: fix, Needs: []Ability{CanLogin}, Faults: []string{"user-handle-demanded"}, Perform: handleAs("absent", nil),
		},
		{
			ID: "auth-userhandle-empty-string", Title: "An empty user handle", Ceremony: Authentication, Level: Info, Severity: Note, Basis: basis,
			Sends: `a login with a username whose user handle is ""`, Expects: "either: clients leave it out, some libraries write it like that",
			Fix: "Nothing has to be done.", Needs: []Ability{CanLogin}, Perform: handleAs("empty", ""),
		},
		{
			ID: "auth-userhandle-absent-discoverable", Title: "No user handle, where the user is not known", Ceremony: Authentication,
			Level: Info, Severity: Low, Basis: basis, Needs: []Ability{CanDiscoverable, CanWhoami}, Sends: "a login without a username and without a user handle",
			Expects: "a refusal by the letter; to find the user by the credential id is safe in practice", Fix: "Nothing has to be done.",
			Perform: func(ctx context.Context, r *Rig) Finding {
				u, err := r.Prove(ctx, scenarios.OpLoginDiscoverable)
				if err != nil {
					return unable("%v", err)
				}
				return r.judge(ctx, u, Act{Name: "absent", Operation: scenarios.OpLoginDiscoverable, Changes: change("user-handle", nil)}, eitherWay)
			},
		},
	}
}

func foreignHandle(ctx context.Context, r *Rig) Finding {
	var findings []named
	other, err := r.Other(ctx)
	if err != nil {
		return untold("%v", err)
	}
	if u, err := r.User(ctx); err == nil && bytes.Equal(u.Passkey().handle(), other.Passkey().handle()) {
		return inapplicable("all users have one and the same user handle: see opt-user-id-unique")
	}
	for _, variant := range []Case{
		{Name: "another user's", Changes: change("user-handle", idText(other.Passkey().handle()))},
		{Name: "random", Changes: change("user-handle", "random")},
	} {
		u, err := r.Prove(ctx, r.loginOperation())
		if err != nil {
			return untold("%v", err)
		}
		f := r.judge(ctx, u, Act{Name: variant.Name, Operation: r.loginOperation(), Changes: variant.Changes}, toBeRefused)
		findings = append(findings, named{variant.Name, f})
	}
	return sum(findings)
}

func victimHandle(ctx context.Context, r *Rig) Finding {
	attacker, err := r.Prove(ctx, scenarios.OpLoginDiscoverable)
	if err != nil {
		return unable("%v", err)
	}
	victim, err := r.Other(ctx)
	if err != nil {
		return untold("%v", err)
	}
	t := r.Act(ctx, attacker, Act{
		Name: "victim's user handle", Operation: scenarios.OpLoginDiscoverable, Changes: change("user-handle", idText(victim.Passkey().handle())),
	})
	if f, over := t.unusable(); over {
		return f
	}
	return t.never(victim)
}

// handleAs sends a user handle where the user is known.
func handleAs(name string, value any) func(context.Context, *Rig) Finding {
	return func(ctx context.Context, r *Rig) Finding {
		u, f, ok := r.identifiedUser(ctx)
		if !ok {
			return f
		}
		return r.judge(ctx, u, Act{Name: name, Operation: opLogin, Changes: change("user-handle", value)}, r.check.wants())
	}
}
