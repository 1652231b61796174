package checks

import (
	"context"
	"time"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/virtual/forge"
)

// conforming reports whether the target wants to pass the FIDO conformance tests, which leave less freedom than
// WebAuthn does.
func (r *Rig) conforming() bool {
	standing := gate("preset", "fido").standing(r.Profile())
	return standing == open
}

// boundByAttestation performs registrations with an id that is not right. It does not matter to a relying party that
// reads the attested one, as a login then shows.
func boundByAttestation(cases []Case) func(context.Context, *Rig) Finding {
	return func(ctx context.Context, r *Rig) Finding {
		findings := make([]named, 0, len(cases))
		for _, variant := range cases {
			f := r.boundByAttestation(ctx, variant)
			findings = append(findings, named{variant.Name, f})
			if ctx.Err() != nil {
				return untold("interrupted at %q", variant.Name)
			}
		}
		return sum(findings)
	}
}

func (r *Rig) boundByAttestation(ctx context.Context, variant Case) Finding {
	u, err := r.Prove(ctx, opRegister)
	if err == nil {
		u, err = r.registrant(ctx, u)
	}
	if err != nil {
		return untold("%v", err)
	}
	t := r.Act(ctx, u, Act{Name: variant.Name, Changes: variant.Changes})
	if f, over := t.unusable(); over {
		return f
	}
	if t.Answer != Accepted || r.conforming() {
		return r.registrationRefused(ctx, u, t)
	}
	return r.registrationTaken(ctx, u, t)
}

// oneIDDecides performs logins whose id and rawId differ. A relying party may go by either, but by one only: else one
// finds the key and the other the account.
func oneIDDecides(ctx context.Context, r *Rig) Finding {
	findings := make([]named, 0, 4)
	taken := 0
	for _, word := range []string{"other-id", "other-raw-id"} {
		u, err := r.Prove(ctx, r.loginOperation())
		if err != nil {
			return untold("%v", err)
		}
		f := r.judgeLogin(ctx, u, Act{Name: word, Operation: r.loginOperation(), Changes: change("envelope-id", word)}, toBeRefused)
		if f.kind == kindDeviates {
			taken++
			f = conforms("%s", f.Actual)
		}
		findings = append(findings, named{word, f})
	}
	if taken == len(findings) || taken > 0 && r.conforming() {
		findings = append(findings, named{"either", deviates("accepted with another id, and with another rawId")})
	}
	for _, member := range []string{"id", "rawId"} {
		findings = append(findings, named{"somebody's " + member, r.somebodysID(ctx, member)})
	}
	return sum(findings)
}

// somebodysID logs in with somebody's own passkey and the user's id in one of the two places.
func (r *Rig) somebodysID(ctx context.Context, member string) Finding {
	u, err := r.Prove(ctx, r.loginOperation())
	if err != nil {
		return untold("%v", err)
	}
	other, err := r.Other(ctx)
	if err != nil {
		return untold("%v", err)
	}
	t := r.Act(ctx, u, Act{
		Name: "somebody's " + member, Operation: r.loginOperation(), Passkey: other.Passkey(),
		See: func(options map[string]any) { delete(options, "allowCredentials") },
		Changes: func(s Scene) []forge.Change {
			return []forge.Change{
				{Name: "envelope-set", Value: map[string]any{member: s.User.Passkey().IDText()}},
				{Name: "user-handle", Value: s.User.Passkey().handle()},
			}
		},
	})
	if f, over := t.unusable(); over {
		return f
	}
	if t.WhoKnown && t.Who == u.Identity {
		return breaks("somebody else's passkey signed %s in: %s led to the account, and the other id to the key", t.Who, member)
	}
	if t.WhoKnown && t.Who != "" {
		return conforms("%s, and the owner of the passkey, %s, is signed in", t.Answer, t.Who)
	}
	return t.refused()
}

// copiesOfAnotherKey looks which key a registration with two of them stores.
func copiesOfAnotherKey(ctx context.Context, r *Rig) Finding {
	findings := make([]named, 0, 2)
	for _, word := range []string{"other-key", "other-public-key"} {
		u, err := r.Prove(ctx, opRegister)
		if err == nil {
			u, err = r.registrant(ctx, u)
		}
		if err != nil {
			return untold("%v", err)
		}
		t := r.Act(ctx, u, Act{Name: word, Changes: change("envelope-copies", word)})
		f, over := t.unusable()
		if !over && t.Answer != Accepted {
			f = r.registrationRefused(ctx, u, t)
		} else if !over {
			login := r.act(ctx, u, Act{Name: word + ", then login", Operation: r.loginOperation(), Passkey: t.Passkey})
			f = either(login.Answer != Accepted, "the registration was accepted, and the login with the attested key %s", login.Answer)
		}
		findings = append(findings, named{word, f})
	}
	return sum(findings)
}

// refusesMegabytes sends large bodies. To close the connection is a refusal too.
func refusesMegabytes(ctx context.Context, r *Rig) Finding {
	const (
		size  = 2 << 20 // bytes
		quick = 10 * time.Second
	)
	operation := r.check.operation(r)
	findings := make([]named, 0, 2)
	for _, path := range []string{"x-oversize", "response.clientDataJSON"} {
		u, err := r.Prove(ctx, operation)
		if err == nil && operation == opRegister {
			u, err = r.registrant(ctx, u)
		}
		if err != nil {
			return untold("%v", err)
		}
		begin := r.cfg.Clock()
		t := r.Act(ctx, u, Act{Name: path, Operation: operation, Changes: change("envelope-oversize", map[string]any{path: size})})
		took := r.cfg.Clock().Sub(begin)
		f, over := t.unusable()
		switch {
		case over:
		case t.Result.Fault != nil && t.Result.Fault.Kind == rp.FaultClosed:
			f = conforms("the connection was closed")
		case took > quick:
			f = deviates("the answer took %s", took.Round(time.Second))
		case operation == opRegister:
			f = r.registrationRefused(ctx, u, t)
		default:
			f = t.refused()
		}
		findings = append(findings, named{path, f})
	}
	return sum(findings)
}
