package checks

import (
	"context"
	"encoding/json"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/forge"
)

// duplicateChecks are about credential ids that are there already, and about refused registrations.
func duplicateChecks() []*Check {
	basis := []string{"WebAuthn L3 §7.1 step 26"}
	return []*Check{
		{
			ID: "reg-race-same-credential", Title: "Two users register one credential id at once", Ceremony: Lifecycle, Level: Should, Severity: High,
			Where: API, Basis: append([]string{"CWE-367"}, basis...), Sends: "registrations of two users with one credential id, at the same moment",
			Expects: "one success at most", Fix: duplicateFix, Faults: []string{"credential-check-then-add", "credential-overwritten", "credential-key-replaced"}, Perform: sameCredential,
		},
		{
			ID: "reg-duplicate-same-user", Title: "A user's credential id, registered again", Ceremony: Lifecycle, Level: Should, Severity: Low, Basis: basis,
			Sends: "a legal registration with the id and key of a passkey that the user has", Expects: "a refusal, or a yes that changes nothing", Fix: duplicateFix,
			Needs:  []Ability{CanList},
			Faults: []string{"credential-overwritten", "registration-replayable"}, Perform: duplicateOwn,
		},
		{
			ID: "reg-duplicate-other-user", Title: "Another user's credential id and key", Ceremony: Lifecycle, Level: Should, Severity: High, Basis: basis,
			Sends:   "a legal registration with the id and key of another user's passkey",
			Expects: "a refusal; above all, the other user still signs in, and into the own account", Fix: duplicateFix,
			Faults: []string{"credential-overwritten", "credential-key-replaced"}, Perform: duplicateOther(true),
		},
		{
			ID: "reg-credential-overwrite", Title: "Another user's credential id with a key of one's own", Ceremony: Lifecycle, Level: Should, Severity: Critical, Basis: basis,
			Sends:   "a legal registration with the id of another user's passkey and another key",
			Expects: "a refusal; above all, the other user still signs in, and nobody else does with the new key", Fix: duplicateFix,
			Faults: []string{"credential-overwritten", "credential-key-replaced"}, Perform: duplicateOther(false),
		},
		{
			ID: "reg-rejected-no-trace", Title: "A refused registration's passkey", Ceremony: Lifecycle, Level: Must, Severity: Critical,
			Basis: []string{"WebAuthn L3 §7.1 step 29"}, Sends: "registrations that are refused, and then logins with their passkeys",
			Expects: "the passkeys are not listed, and do not sign in", Fix: "Store a passkey when its registration is verified, not before.",
			Needs: []Ability{CanWhoami}, Faults: []string{"refused-registration-usable", "unknown-credential-taken"}, Perform: noTrace,
		},
	}
}

func sameCredential(ctx context.Context, r *Rig) Finding {
	if _, err := r.Prove(ctx, opRegister); err != nil {
		return untold("%v", err)
	}
	device, err := r.device(r.purpose(), nil)
	if err != nil {
		return untold("%v", err)
	}
	var shared []byte
	line := make([]racer, 2)
	responses := make([]json.RawMessage, len(line))
	for i := range line {
		u, err := r.newcomer(ctx)
		if err != nil {
			return untold("%v", err)
		}
		_, result, err := r.Options(ctx, opRegister, u.Session, u)
		if err != nil {
			return untold("%v", err)
		}
		var changes []forge.Change
		if i > 0 {
			changes = credentialID(shared, nil)(Scene{})
		}
		made, response, err := r.make(ctx, device, result.Options, changes...)
		if err != nil {
			return untold("%v", err)
		}
		if i == 0 {
			shared = made.ID
		}
		responses[i] = response
		line[i] = racer{opRegister, u.Session, rp.Input{
			User: u.User, NoOptions: true, SignedIn: r.signedIn(u, u.Session),
			Authenticate: func(context.Context, rp.Ceremony) (json.RawMessage, error) { return response, nil },
		}}
	}
	accepted := 0
	for i, result := range r.race(ctx, line) {
		t := &Trial{Name: "at once", Result: result, Answer: answerOf(result), Response: responses[i]}
		r.record(t)
		if f, over := t.unusable(); over {
			return f.withoutOptions(t)
		}
		if t.Answer == Accepted {
			accepted++
		}
	}
	switch accepted {
	case 0:
		return untold("neither of two legal registrations was accepted")
	case 1:
		return conforms("one of two was accepted")
	}
	return deviates("both users' registrations of one credential id were accepted")
}

func duplicateOwn(ctx context.Context, r *Rig) Finding {
	u, f, ok := r.severalKeys(ctx)
	if !ok {
		return f
	}
	key, err := u.Passkey().publicKey()
	if err != nil {
		return untold("%v", err)
	}
	before, known := r.row(ctx, u, u.Passkey())
	t := r.Act(ctx, u, Act{Name: "again", Changes: credentialID(u.Passkey().ID, key)})
	if f, over := t.unusable(); over {
		return f
	}
	return r.changedNothing(ctx, u, t, u.Passkey(), before, known)
}

// duplicateOther registers a victim's credential id for somebody else, with the victim's key or another.
func duplicateOther(sameKey bool) func(context.Context, *Rig) Finding {
	return func(ctx context.Context, r *Rig) Finding {
		attacker, f, ok := r.severalKeys(ctx)
		if !ok {
			return f
		}
		victim, err := r.NewUser(ctx)
		if err != nil {
			return untold("%v", err)
		}
		var key []byte
		if sameKey {
			if key, err = victim.Passkey().publicKey(); err != nil {
				return untold("%v", err)
			}
		}
		device, err := r.device(r.purpose(), nil)
		if err != nil {
			return untold("%v", err)
		}
		t := r.Act(ctx, attacker, Act{Name: "another user's credential id", Device: device, Changes: credentialID(victim.Passkey().ID, key)})
		if f, over := t.unusable(); over {
			return f
		}
		if !sameKey {
			if f := r.intrudes(ctx, victim, t); f.kind != kindConforms {
				return f
			}
		}
		if f := r.harmed(ctx, victim, attacker, t); f.kind != kindConforms {
			return f
		}
		switch t.Answer {
		case Accepted:
			if _, listed, result := r.entry(ctx, attacker, victim.Passkey().IDText()); !listed && result != nil {
				return weak("the relying party said yes, but stored no passkey")
			}
			return deviates("accepted; the other user still signs in")
		case Crashed:
			return crashes(t.Result.Reason)
		case Rejected, Soft, Limited, Refused, Inapt, Unclear:
		}
		return conforms("%s: %s", t.Answer, t.Result.Reason)
	}
}

// intrudes has the new key of a registration sign in under the victim's credential id. A key that the relying party has
// never seen shows whether it looks at keys at all.
func (r *Rig) intrudes(ctx context.Context, victim *User, t *Trial) Finding {
	unseen, err := r.stranger(ctx, victim)
	if err != nil {
		return untold("%v", err)
	}
	for _, k := range []*Passkey{unseen, t.Passkey} {
		forged, err := k.copyTo(k.Device, func(c *virtual.StoredCredential) {
			c.ID, c.UserHandle = victim.Passkey().ID, victim.Passkey().handle()
		})
		if err != nil {
			return untold("%v", err)
		}
		forged.ID = victim.Passkey().ID
		login := r.act(ctx, victim, Act{Name: "login with a new key", Operation: r.loginOperation(), Passkey: forged, See: allowing(forged)})
		switch {
		case !login.WhoKnown || login.Who != victim.Identity:
		case k == unseen:
			return inapplicable("any key signs in: auth-sig-other-key reports that")
		default:
			return breaks("%s, and the new key signs the other user in", t.Answer)
		}
	}
	return conforms("the new key does not sign in")
}

// harmed looks what became of the victim.
func (r *Rig) harmed(ctx context.Context, victim, attacker *User, t *Trial) Finding {
	login := r.act(ctx, victim, Act{Name: "the other user's login", Operation: r.loginOperation()})
	switch {
	case login.Answer == Limited, login.Answer == Unclear:
		return untold("%s", login.Result.Reason)
	case login.Answer != Accepted:
		return breaks("%s, and the other user can no longer sign in: %s", t.Answer, login.Result.Reason)
	case login.WhoKnown && login.Who == attacker.Identity:
		return breaks("%s, and the other user's passkey now signs in %s", t.Answer, login.Who)
	}
	return conforms("the other user still signs in")
}

func noTrace(ctx context.Context, r *Rig) Finding {
	var findings []named
	for _, wrong := range []Case{
		{Name: "foreign origin", Changes: change("clientdata-origin", "foreign")},
		{Name: "other challenge", Changes: change("clientdata-challenge", "flip")},
		{Name: "other relying party", Changes: change("authdata-rp-id-hash", "random")},
	} {
		u, f, ok := r.severalKeys(ctx)
		if !ok {
			return f
		}
		t := r.Act(ctx, u, Act{Name: wrong.Name, Changes: wrong.Changes})
		if t.Answer != Rejected && t.Answer != Soft && t.Answer != Crashed {
			continue // other checks report that
		}
		findings = append(findings, named{wrong.Name, r.untraced(ctx, u, t)})
	}
	return sum(findings)
}

// untraced looks whether a refused registration's passkey is listed, or signs in.
func (r *Rig) untraced(ctx context.Context, u *User, t *Trial) Finding {
	if stored, known, how := r.Stored(ctx, u, t); known && stored {
		return deviates("%s, and yet the passkey is stored (%s)", t.Answer, how)
	}
	return r.shutOut(ctx, u, t.Passkey, "a refused registration's passkey")
}

// shutOut has a passkey try all logins, none of which may work.
func (r *Rig) shutOut(ctx context.Context, u *User, k *Passkey, what string) Finding {
	told := false
	for _, operation := range []string{opLogin, scenarios.OpLoginDiscoverable} {
		if !r.Offers(operation) {
			continue
		}
		t := r.Act(ctx, u, Act{Name: operation + " with " + what, Operation: operation, Passkey: k, See: allowing(k)})
		unasked := t.Response == nil && (t.Answer == Rejected || t.Answer == Soft) // no options is a no as well
		if f, over := t.unusable(); over && !unasked {
			return f
		}
		if t.WhoKnown && t.Who != "" {
			return deviates("%s signs in %s", what, t.Who)
		}
		told = told || t.WhoKnown
	}
	if !told {
		return unable("who is signed in cannot be told: the adapter offers no whoami that answered")
	}
	return conforms("%s does not sign in", what)
}
