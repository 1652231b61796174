package checks

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/forge"
)

// attested puts attestation under the forge's root into registrations at a target that requires it: nothing legal
// works there otherwise. The relying party has to be told beforehand to trust that root, [forge.RootDER].
func (r *Rig) attested(changes []forge.Change) []forge.Change {
	if gate("attestation", "required").standing(r.Profile()) != open {
		return changes
	}
	return append([]forge.Change{{Name: "attestation-packed"}}, changes...)
}

// withES256 performs a case with a key of ES256, which all formats of attestation know, where that is offered.
func withES256(c Case) Case {
	made := c.Changes
	c.Changes = func(s Scene) []forge.Change {
		if !hasAlgorithm(s.Options, webauthn.ES256) {
			return nil
		}
		return made(s)
	}
	c.Authenticator = func(cfg *virtual.Config) { cfg.Algorithms = []string{webauthn.ES256.String()} }
	return c
}

// taking performs a registration that is right, and ends the check where the relying party takes none of the kind.
func (r *Rig) taking(ctx context.Context, valid Case) (Finding, bool) {
	u, err := r.Prove(ctx, opRegister)
	if err == nil {
		u, err = r.registrant(ctx, u)
	}
	if err != nil {
		return untold("%v", err), false
	}
	t := r.act(ctx, u, Act{Name: valid.Name, Changes: valid.Changes, Authenticator: valid.Authenticator})
	if f, over := t.unusable(); over {
		return f, false
	}
	if t.Answer != Accepted {
		return inapplicable("right attestation of the kind is refused too, so that refusing the wrong tells nothing: %s", t.Result.Reason), false
	}
	return Finding{}, true
}

// afterValid performs cases that are each one step from a right registration, if that is taken.
func afterValid(valid Case, hostile ...Case) func(context.Context, *Rig) Finding {
	return func(ctx context.Context, r *Rig) Finding {
		if f, ok := r.taking(ctx, valid); !ok {
			return f
		}
		c := *r.check
		c.Perform, c.Cases = nil, hostile
		return c.perform(ctx, r)
	}
}

// u2fAttestation performs both sides of fido-u2f, where the forge's root does not stand in the way.
func u2fAttestation(ctx context.Context, r *Rig) Finding {
	if f, ok := r.taking(ctx, certified()); !ok {
		return f
	}
	var findings []named
	for _, variant := range []struct {
		word string
		want wants
	}{{"valid", toBeTaken}, {"bad-signature", toBeRefused}} {
		u, err := r.Prove(ctx, opRegister)
		if err != nil {
			return untold("%v", err)
		}
		c := withES256(Case{Changes: change("attestation-u2f", variant.word)})
		act := Act{Name: variant.word, Changes: c.Changes, Authenticator: c.Authenticator}
		findings = append(findings, named{variant.word, r.judgeRegistration(ctx, u, act, variant.want)})
	}
	return sum(findings)
}

// slowMS is how long an answer may take, in milliseconds. What exhausts a reader takes minutes, or ends it.
const slowMS = 10_000

// survives performs registrations that are to exhaust their reader, and looks whether the relying party works after
// each.
func survives(cases []Case) func(context.Context, *Rig) Finding {
	return func(ctx context.Context, r *Rig) Finding {
		findings := make([]named, 0, len(cases))
		for _, variant := range cases {
			f := r.survives(ctx, variant)
			findings = append(findings, named{variant.Name, f})
			if f.kind == kindDeviates || f.kind == kindUntold {
				break // it may be down
			}
		}
		return sum(findings)
	}
}

func (r *Rig) survives(ctx context.Context, variant Case) Finding {
	known, err := r.Prove(ctx, r.loginOperation())
	if err != nil {
		return untold("%v", err)
	}
	u, err := r.Prove(ctx, opRegister)
	if err == nil {
		u, err = r.registrant(ctx, u)
	}
	if err != nil {
		return untold("%v", err)
	}
	t := r.Act(ctx, u, Act{Name: variant.Name, Changes: variant.Changes})
	for i := range t.Result.Exchanges {
		if took := t.Result.Exchanges[i].Timing.TotalMS; took > slowMS {
			return deviates("it took %.0f s to answer", took/1000)
		}
	}
	if f, over := t.unusable(); over {
		return f
	}
	after := r.act(ctx, known, Act{Name: variant.Name + ", then login", Operation: r.loginOperation()})
	if after.Answer == Crashed {
		return deviates("a legal login right after it ends in a failure: %s", after.Result.Reason)
	}
	f := r.registrationRefused(ctx, u, t)
	if f.kind == kindDeviates && t.Answer == Accepted {
		return weak("accepted, but nothing was exhausted: logging in works right after") // what may be accepted, other checks say
	}
	return f
}

// untrustedRoot performs registrations with attestation that is right in all but its root.
func untrustedRoot(ctx context.Context, r *Rig) Finding {
	var findings []named
	for _, variant := range []struct {
		name  string
		along bool
	}{{"own root", false}, {"own root in the chain", true}} {
		u, err := r.Prove(ctx, opRegister)
		if err != nil {
			return untold("%v", err)
		}
		act := Act{Name: variant.name, Answer: func(ctx context.Context, c rp.Ceremony) (json.RawMessage, error) {
			return r.underOwnRoot(ctx, c, variant.along)
		}}
		findings = append(findings, named{variant.name, r.judgeRegistration(ctx, u, act, toBeRefused)})
	}
	return sum(findings)
}

// underOwnRoot is a registration attested under a new root, which comes along behind the certificate or does not.
func (r *Rig) underOwnRoot(ctx context.Context, c rp.Ceremony, along bool) (json.RawMessage, error) {
	purpose := r.purpose()
	ca, err := virtual.NewAttestationCA(r.random(purpose + " root"))
	if err != nil {
		return nil, err
	}
	device, err := r.device(purpose, func(cfg *virtual.Config) {
		cfg.Attestation, cfg.AttestationCA, cfg.UnrequestedAttestation = virtual.AttestationPacked, ca, true
	})
	if err != nil {
		return nil, err
	}
	legal, err := device.Create(ctx, virtual.CreateRequest{Origin: c.Origin, Options: c.Options})
	if err != nil {
		return nil, err
	}
	if !along {
		return json.Marshal(legal)
	}
	object, err := webauthn.ParseAttestationObject(legal.AttestationObject)
	if err != nil {
		return nil, err
	}
	var s struct {
		Algorithm int64    `cbor:"alg"`
		Signature []byte   `cbor:"sig"`
		Chain     [][]byte `cbor:"x5c"`
	}
	if err := webauthn.DecodeCBOR(object.Statement, &s); err != nil {
		return nil, fmt.Errorf("attestation statement: %w", err)
	}
	raw := func(b []byte) map[string]any { return map[string]any{"bytes": idText(b)} }
	chain := []any{raw(s.Chain[0]), raw(ca.RootDER())}
	statement := map[string]any{"alg": s.Algorithm, "sig": raw(s.Signature), "x5c": chain}
	return forge.Registration(legal, device, forge.Change{Name: "attestation-object-set", Value: map[string]any{"attStmt": statement}})
}
