package checks

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"math/big"
	"slices"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/forge"
)

// credentialIDChecks are about credential ids: WebAuthn L3 §7.1 step 25.
func credentialIDChecks() []*Check {
	// long is a passkey whose id has this many bytes.
	long := func(n int) Case {
		return Case{Name: fmt.Sprintf("%d bytes", n), Authenticator: func(cfg *virtual.Config) { cfg.CredentialIDLength = n }}
	}
	var typical []Case
	for _, n := range []int{16, 20, 32, 64, 128, 192, 255, 256, 512, 528} {
		typical = append(typical, long(n))
	}
	row := func(c Check) *Check {
		c.Ceremony, c.Basis = Registration, append([]string{"WebAuthn L3 §7.1 step 25"}, c.Basis...)
		return &c
	}
	room := "Store credential ids as bytes, with room for 1023 of them."
	return []*Check{
		row(Check{
			ID: "reg-credid-1023", Title: "The longest credential id", Level: ShouldAccept, Severity: Medium, Basis: []string{"WebAuthn L3 §16"},
			Sends: "a credential id of 1023 bytes, then a login with it", Expects: "acceptance of both", Fix: room,
			Faults: []string{"credential-id-cut", "credential-id-limit-low"}, Cases: []Case{long(webauthn.MaxCredentialID)},
		}),
		row(Check{
			ID: "reg-credid-typical-lengths", Title: "Credential ids as long as authenticators make them", Level: Accept, Severity: High,
			Sends: "credential ids of 16 to 528 bytes, each with a login", Expects: "acceptance of all", Fix: room,
			Faults: []string{"credential-id-cut"}, Cases: typical,
		}),
		row(Check{
			ID: "reg-credid-1024", Title: "A credential id that is too long", Level: Should, Severity: Low,
			Sends: "a credential id of 1024 bytes", Expects: "a refusal", Fix: "Refuse credential ids of more than 1023 bytes.",
			Faults: []string{"credential-id-unlimited"}, Cases: values("credential-id", namedValue{"1024 bytes", webauthn.MaxCredentialID + 1}),
		}),
		row(Check{
			ID: "reg-credid-empty", Title: "A credential id of no bytes", Level: Should, Severity: Medium, Basis: []string{"WebAuthn L3 §4"},
			Sends: "a credential id of length zero", Expects: "a refusal", Fix: "Refuse an empty credential id: all who have one would share it.",
			Faults: []string{"credential-id-empty"}, Cases: words("credential-id", "empty"),
		}),
		row(Check{
			ID: "reg-credid-length-overrun", Title: "A credential id that is longer than the data", Level: Must, Severity: High, Basis: []string{"WebAuthn L3 §6.5.1"},
			Sends: "a credential id length of one byte more than there is, and of 65535", Expects: "a clean refusal",
			Fix:    "Compare the credential id's length with what is left before you read it.",
			Faults: []string{"credential-id-length-unread"}, Cases: words("credential-id", "overrun", "overrun-max"),
		}),
	}
}

// keyChecks are about the public key: WebAuthn L3 §5.8.5, §6.5.1, §7.1 step 20.
func keyChecks() []*Check {
	row := func(id, title string, level Level, severity Severity, sends, fix string, faults []string, cases ...Case) *Check {
		return &Check{
			ID: "reg-key-" + id, Title: title, Ceremony: Registration, Level: level, Severity: severity, Basis: []string{"WebAuthn L3 §5.8.5, §6.5.1"},
			Sends: sends, Expects: "a refusal", Fix: fix, Faults: faults, Cases: cases,
		}
	}
	offered := row("alg-not-offered", "An algorithm that was not offered", Must, Medium, "a key of an algorithm that is not in pubKeyCredParams",
		"Compare the key's alg with the pubKeyCredParams that you sent.", []string{"algorithm-unchecked"}, notOffered()...)
	offered.Basis = []string{"WebAuthn L3 §7.1 step 20", "CVE-2026-8830"}
	works := &Check{
		ID: "reg-alg-offered-works", Title: "Every algorithm that is offered", Ceremony: Registration, Level: Accept, Severity: High,
		Basis: []string{"WebAuthn L3 §7.1 step 20, §7.2 step 21", "FIDO MC-Resp-4 (1.9.2)"},
		Sends: "for each algorithm of pubKeyCredParams a registration and a login", Expects: "acceptance of all",
		Fix: "Offer only the algorithms whose signatures you can verify.", Faults: []string{"algorithm-broken"}, Perform: offeredAlgorithmsWork,
	}
	parse := "Check that type and curve of the key are those of its algorithm, and that a library has parsed it, before you store it."
	return []*Check{
		offered,
		row("alg-curve-mismatch", "A key of another curve than its algorithm's", Should, Medium,
			"ES256 with P-384, EdDSA with X25519 and Ed448, and RS256 with an elliptic curve", parse, []string{"key-unread", "key-curve-unchecked"}, mismatches()...),
		row("off-curve", "A point that is not on its curve", Should, High, "an elliptic curve key whose point is not on the curve",
			parse, []string{"key-unread", "key-point-unchecked"}, whereOffered(webauthn.ES256, "off curve", forge.Change{Name: "key-off-curve"})),
		row("compressed", "A compressed point", Should, Low, "an elliptic curve key with the sign of y only",
			"Refuse keys whose y coordinate is not there in full.", []string{"key-unread", "key-compressed-taken"},
			whereOffered(webauthn.ES256, "compressed", forge.Change{Name: "key-compressed"})),
		row("missing-alg", "A key without an algorithm", Must, Medium, "a key that does not say its algorithm",
			"Refuse keys without alg: what they sign cannot be verified.", []string{"key-algorithm-assumed"},
			Case{Name: "no alg", Changes: change("key-missing-alg", nil)}),
		row("extra-params", "A key with parameters too many", Should, Low, "a key id, key operations, and private bytes in the key",
			"Refuse keys with other parameters than the required ones.", []string{"key-unread", "key-parameters-unchecked"},
			words("key-extra-params", "kid", "key-ops", "private")...),
		row("weak-rsa", "A weak RSA key", Should, Low, "RSA keys of 512 and 1024 bits, and one with exponent 1",
			"Refuse RSA keys of fewer than 2048 bits, or with an exponent below 3: with 1 anybody can sign.", []string{"key-unread", "key-weak-rsa-taken"},
			whereOffered(webauthn.RS256, "512 bits", forge.Change{Name: "key-weak-rsa", Value: 512}),
			whereOffered(webauthn.RS256, "1024 bits", forge.Change{Name: "key-weak-rsa", Value: 1024}),
			whereOffered(webauthn.RS256, "exponent 1", rsaKey(webauthn.RS256, 1))),
		works,
	}
}

// hasAlgorithm reports whether creation options have an algorithm. Without any they stand for ES256 and RS256
// (WebAuthn L3 §5.1.3).
func hasAlgorithm(options map[string]any, algorithm webauthn.Algorithm) bool {
	list, _ := options["pubKeyCredParams"].([]any)
	if len(list) == 0 {
		return algorithm == webauthn.ES256 || algorithm == webauthn.RS256
	}
	return slices.ContainsFunc(list, func(entry any) bool {
		parameter, _ := entry.(map[string]any)
		return parameter["alg"] == float64(algorithm)
	})
}

// whereOffered is a case with one change, for relying parties that offer an algorithm: others refuse it for that.
func whereOffered(algorithm webauthn.Algorithm, name string, changes ...forge.Change) Case {
	return Case{Name: name, Changes: func(s Scene) []forge.Change {
		if !hasAlgorithm(s.Options, algorithm) {
			return nil
		}
		return changes
	}}
}

func mismatches() []Case {
	var cases []Case
	for _, pair := range []struct {
		algorithm webauthn.Algorithm
		words     []string
	}{
		{webauthn.ES256, []string{"ES256-P384"}}, {webauthn.EdDSA, []string{"EdDSA-X25519", "EdDSA-Ed448"}}, {webauthn.RS256, []string{"RS256-EC2"}},
	} {
		for _, word := range pair.words {
			cases = append(cases, whereOffered(pair.algorithm, word, forge.Change{Name: "key-curve-mismatch", Value: word}))
		}
	}
	return cases
}

// COSE algorithms that are hardly ever offered (IANA COSE Algorithms).
const (
	rs1     webauthn.Algorithm = -65535 // RSASSA-PKCS1-v1_5 with SHA-1
	rs512   webauthn.Algorithm = -259
	esp256  webauthn.Algorithm = -9  // ES256 that says its curve
	ed25519 webauthn.Algorithm = -19 // EdDSA that says its curve
)

// notOffered are sound keys of algorithms, each for relying parties that do not offer it.
func notOffered() []Case {
	absent := func(algorithm webauthn.Algorithm, name string, changes ...forge.Change) Case {
		return Case{Name: name, Changes: func(s Scene) []forge.Change {
			if hasAlgorithm(s.Options, algorithm) {
				return nil
			}
			return changes
		}}
	}
	renamed := func(algorithm, as webauthn.Algorithm, name string) Case {
		return absent(as, name, forge.Change{Name: "key-algorithm", Value: algorithm.String()}, forge.Change{Name: "key-set", Value: map[string]any{"3": int(as)}})
	}
	cases := []Case{
		renamed(webauthn.ES256, esp256, "ESP256"), renamed(webauthn.EdDSA, ed25519, "Ed25519"),
		absent(rs1, "RS1", rsaKey(rs1, 65537)), absent(rs512, "RS512", rsaKey(rs512, 65537)),
	}
	for _, algorithm := range []webauthn.Algorithm{webauthn.ES256, webauthn.ES384, webauthn.ES512, webauthn.EdDSA} {
		name := algorithm.String()
		cases = append(cases, absent(algorithm, name, forge.Change{Name: "key-algorithm", Value: name}))
	}
	for _, algorithm := range []webauthn.Algorithm{webauthn.RS256, webauthn.PS256} {
		cases = append(cases, absent(algorithm, algorithm.String(), rsaKey(algorithm, 65537)))
	}
	return cases
}

// rsaKey makes the key an RSA key of 2048 bits. Nobody has its private part, which saves the time to make it.
func rsaKey(algorithm webauthn.Algorithm, exponent int64) forge.Change {
	modulus := bytes.Repeat([]byte{0xd7}, 256)
	public := big.NewInt(exponent).Bytes()
	raw := func(b []byte) map[string]any { return map[string]any{"bytes": base64.RawURLEncoding.EncodeToString(b)} }
	return forge.Change{Name: "key-set", Value: map[string]any{"1": 3, "3": int(algorithm), "-1": raw(modulus), "-2": raw(public), "-3": nil}}
}

// offeredAlgorithmsWork registers a passkey of every algorithm that is offered, and signs in with it.
func offeredAlgorithmsWork(ctx context.Context, r *Rig) Finding {
	u, err := r.Prove(ctx, opRegister)
	if err == nil {
		u, err = r.registrant(ctx, u)
	}
	if err != nil {
		return untold("%v", err)
	}
	options, _, err := r.Options(ctx, opRegister, u.Session, u)
	if err != nil {
		return untold("%v", err)
	}
	var findings []named
	for _, algorithm := range webauthn.Algorithms() {
		if !hasAlgorithm(options, algorithm) {
			continue
		}
		if u, err = r.Prove(ctx, opRegister); err != nil {
			return untold("%v", err)
		}
		name := algorithm.String()
		act := Act{Name: name, Authenticator: func(cfg *virtual.Config) { cfg.Algorithms = []string{name} }}
		findings = append(findings, named{name, r.judgeRegistration(ctx, u, act, toBeTaken)})
		if ctx.Err() != nil {
			return untold("interrupted after %s", name)
		}
	}
	return sum(findings)
}

// conditionalCreation registers a passkey as clients do without a prompt: nobody is present, and nobody verified.
func conditionalCreation(ctx context.Context, r *Rig) Finding {
	const argument = "mediation"
	if _, ok := r.party.Adapter().Operations[opRegister].Args[argument]; !ok {
		return unable("the adapter's register has no argument %q to ask for a creation without a prompt; add it", argument)
	}
	u, err := r.Prove(ctx, opRegister)
	if err != nil {
		return untold("%v", err)
	}
	return r.judgeRegistration(ctx, u, Act{
		Name: "no prompt", Args: map[string]any{argument: virtual.MediationConditional},
		Changes: func(s Scene) []forge.Change {
			absent := map[string]any{"up": false}
			if uvOf(s.Options) != "required" {
				absent["uv"] = false
			}
			return []forge.Change{{Name: "authdata-flags", Value: absent}}
		},
	}, toBeTaken)
}
