package checks

import (
	"slices"
	"strings"

	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/forge"
)

// attestationChecks are about attestation objects and the statements in them: WebAuthn L3 §7.1 steps 13 and 21 to 24.
func attestationChecks() []*Check {
	return slices.Concat(attestationObjectChecks(), noAttestationChecks(), selfAttestationChecks(), certifiedChecks(), requiredChecks(), otherFormatChecks())
}

// objectCases are cases that leave nothing but the attestation object to read: without attestation, a relying party
// may go by the copies beside it (WebAuthn L3 §5.2.1.1).
func objectCases(cases ...Case) []Case {
	for i, c := range cases {
		cases[i].Changes = func(s Scene) []forge.Change {
			return append(c.Changes(s), forge.Change{Name: "envelope-copies", Value: "drop"})
		}
	}
	return cases
}

func attestationObjectChecks() []*Check {
	undecoded := []string{"attestation-object-unread", "attestation-object-crash"}
	return []*Check{
		{
			ID: "reg-attobj-cbor-invalid", Title: "An attestation object that is no CBOR map", Ceremony: Registration, Level: Must, Severity: Medium,
			Basis: []string{"WebAuthn L3 §7.1 step 13", "FIDO MC-Resp-3 F-1 (1.9.2)"},
			Sends: "an attestation object that is an array, a text, no CBOR, or cut off", Expects: "a clean refusal",
			Fix:    "Decode attestationObject with a CBOR decoder, and refuse what it cannot decode or what is no map.",
			Faults: undecoded,
			Cases: objectCases(append(words("attestation-object-raw", "array", "text", "garbage"),
				Case{Name: "truncated", Changes: change("attestation-object-truncate", -1)})...),
		},
		{
			ID: "reg-attobj-members", Title: "An attestation object without its members", Ceremony: Registration, Level: Must, Severity: Medium,
			Basis: []string{"WebAuthn L3 §6.5.4, §7.1 step 13", "FIDO MC-Resp-3 F-2..7 (1.9.2)"},
			Sends: "fmt, attStmt or authData missing or of another type", Expects: "a clean refusal",
			Fix:    "Refuse an attestation object unless fmt is a text, authData bytes and attStmt a map (for compound an array).",
			Faults: []string{"attestation-members-unchecked", "attestation-object-crash"},
			Cases: objectCases(append(words("attestation-object-remove", "fmt", "attStmt", "authData"), values("attestation-object-set",
				namedValue{"fmt a number", map[string]any{"fmt": 7}},
				namedValue{"attStmt a text", map[string]any{"attStmt": "statement"}},
				namedValue{"attStmt an array", map[string]any{"attStmt": []any{}}},
				namedValue{"authData a text", map[string]any{"authData": "data"}})...)...),
		},
		{
			ID: "reg-attobj-trailing", Title: "Bytes behind the attestation object", Ceremony: Registration, Level: Should, Severity: Low,
			Basis: []string{"WebAuthn L3 §2.4, §7.1 step 13", "webauthn4j#1194", "py_webauthn#285"},
			Sends: "a right attestation object with bytes behind it", Expects: "a refusal",
			Fix:    "Have the CBOR decoder refuse bytes behind the item it has read.",
			Faults: append([]string{"attestation-trailing-ignored"}, undecoded...),
			Cases:  objectCases(values("attestation-object-trailing", namedValue{"a zero byte", nil}, namedValue{"another item", "oA"})...),
		},
		{
			ID: "reg-attobj-noncanonical", Title: "An attestation object that is not canonical", Ceremony: Registration, Level: Should, Severity: Low,
			Basis: []string{"WebAuthn L3 §2.4", "go-webauthn#762"},
			Sends: "a member twice, lengths longer than necessary, or of no definite length", Expects: "a refusal",
			Fix:    "Use a CBOR decoder in its CTAP2 canonical mode; at least refuse maps that have a key twice.",
			Faults: append([]string{"attestation-cbor-lenient"}, undecoded...),
			Cases: objectCases(words("attestation-object-noncanonical",
				"duplicate-keys", "duplicate-format", "long-lengths", "indefinite-map", "indefinite-bytes")...),
		},
		{
			ID: "reg-attobj-bomb", Title: "An attestation object that exhausts its reader", Ceremony: Registration, Level: Must, Severity: High,
			Basis: []string{"WebAuthn L3 §7.1 step 13", "go-webauthn#719", "duo-labs/webauthn#122"},
			Sends: "a statement nested 100,000 levels deep, or one that claims to have 2^63-1 elements or bytes", Expects: "a clean refusal at once, and that logging in works right after",
			Fix:     "Limit the depth of what the CBOR decoder reads, and have it reserve no more memory than there are bytes to read.",
			Faults:  undecoded,
			Perform: survives(objectCases(words("attestation-object-bomb", "nesting", "array-length", "map-length", "bytes-length", "text-length")...)),
		},
	}
}

// noAttestationChecks are about the format none.
func noAttestationChecks() []*Check {
	return []*Check{
		{
			ID: "reg-att-none-accepted", Title: "No attestation", Ceremony: Registration, Level: Accept, Severity: High, Gates: []Gate{unless("attestation", "required")},
			Basis: []string{"WebAuthn L3 §8.7", "FIDO MC-Resp-7 P-1 (1.9.2)"},
			Sends: "fmt none with an empty statement, of a passkey on this device and of one on a phone", Expects: "acceptance",
			Fix:    "Accept attestation of the format none: most passkeys have no other.",
			Faults: []string{"attestation-demanded-of-phones", "attachment-platform-only", "hybrid-refused"},
			Cases: []Case{
				{Name: "platform", Changes: change("attestation-none", nil)},
				{Name: "phone", Changes: ofPhones, Authenticator: func(cfg *virtual.Config) {
					cfg.Attachment, cfg.Transports = crossPlatform, []string{"hybrid"}
				}},
			},
		},
		{
			ID: "reg-att-none-aaguid", Title: "No attestation, and an AAGUID", Ceremony: Registration, Level: Accept, Severity: Medium,
			Gates: []Gate{unless("attestation", "required")},
			Basis: []string{"WebAuthn L3 §5.1.3, §6.5.1"}, Sends: "fmt none and an AAGUID that is not zero", Expects: "acceptance",
			Fix:    "Do not demand a zero AAGUID of passkeys without attestation: clients no longer erase it.",
			Faults: []string{"aaguid-unattested-refused"},
			Cases: []Case{{Name: "aaguid", Changes: change("attestation-none", nil), Authenticator: func(cfg *virtual.Config) {
				cfg.AAGUID = "7d1b1f86-0f8e-4d0c-9a53-5c1f0e6a2b94" // nobody's model
			}}},
		},
		{
			ID: "reg-att-none-nonempty", Title: "No attestation, with a statement", Ceremony: Registration, Level: Should, Severity: Low,
			Basis: []string{"WebAuthn L3 §8.7", "FIDO MC-Resp-7 F-1 (1.9.2)"}, Sends: "fmt none with something in the statement", Expects: "a refusal",
			Fix:    "Refuse the format none unless its statement is an empty map.",
			Faults: []string{"none-statement-ignored", "attestation-unverified"},
			Cases:  words("attestation-none", "statement"),
		},
		{
			ID: "reg-att-unknown-fmt", Title: "Attestation of a format that does not exist", Ceremony: Registration, Level: Should, Severity: Low,
			Basis: []string{"WebAuthn L3 §7.1 steps 21 and 29", "FIDO MC-Resp-5 F-1 (1.9.2)"},
			Sends: `the formats "x-unknown" and "PACKED"`, Expects: "a refusal; storing it as a passkey without attestation is a policy that the specification permits",
			Fix:    "Compare fmt, as it is written, with the formats you verify, and refuse the rest.",
			Faults: []string{"attestation-format-unknown-taken", "attestation-format-any-case", "attestation-unverified"},
			Cases: []Case{
				{Name: "unknown", Changes: change("attestation-format", "x-unknown")},
				{Name: "upper case", Changes: func(Scene) []forge.Change {
					return []forge.Change{{Name: "attestation-packed-self"}, {Name: "attestation-format", Value: "PACKED"}}
				}},
			},
		},
	}
}

const crossPlatform = "cross-platform"

// ofPhones is no attestation, where the options leave room for other devices.
func ofPhones(s Scene) []forge.Change {
	selection, _ := s.Options["authenticatorSelection"].(map[string]any)
	if wanted, ok := selection["authenticatorAttachment"].(string); ok && wanted != crossPlatform {
		return nil
	}
	return []forge.Change{{Name: "attestation-none"}}
}

// selfAttestationChecks are about packed attestation with the credential's own key.
func selfAttestationChecks() []*Check {
	valid := Case{Name: "valid", Changes: change("attestation-packed-self", "valid")}
	row := func(id, title string, severity Severity, basis []string, sends, fix string, fault string, hostile ...Case) *Check {
		return &Check{
			ID: "reg-att-packed-" + id, Title: title, Ceremony: Registration, Level: Should, Severity: severity, Basis: basis, Sends: sends,
			Expects: "a refusal, where right self attestation is taken", Fix: fix, Faults: []string{fault, "attestation-unverified"}, Perform: afterValid(valid, hostile...),
		}
	}
	return []*Check{
		{
			ID: "reg-att-packed-self", Title: "Self attestation that nobody asked for", Ceremony: Registration, Level: ShouldAccept, Severity: Medium,
			Basis: []string{"WebAuthn L3 §5.4.7, §8.2", "FIDO MC-Resp-7 P-2 (1.9.2)"},
			Sends: "right packed self attestation, where the options ask for none", Expects: "acceptance: clients may pass it on",
			Fix:    "Verify packed self attestation, or ignore it, also when you asked for none.",
			Faults: []string{"self-attestation-refused"},
			Cases: []Case{{Name: "self", Changes: func(s Scene) []forge.Change {
				if wanted, ok := s.Options["attestation"].(string); ok && wanted != "none" {
					return nil
				}
				return []forge.Change{{Name: "attestation-packed-self"}}
			}}},
		},
		row("self-badsig", "Self attestation with a broken signature", Medium, []string{"WebAuthn L3 §7.1 step 22, §8.2", "FIDO MC-Resp-6 F-1 (1.9.2)"},
			"packed self attestation with one bit of its signature changed", "Verify the signature of self attestation with the new public key.",
			"self-signature-unchecked", words("attestation-packed-self", "bad-signature")...),
		row("self-alg", "Self attestation with another algorithm", Medium, []string{"WebAuthn L3 §8.2"},
			"packed self attestation whose alg is not that of the key", "Compare the statement's alg with that of the new public key.",
			"self-algorithm-unchecked", words("attestation-packed-self", "wrong-algorithm")...),
		row("stmt-malformed", "A packed statement that cannot be read", Medium,
			[]string{"WebAuthn L3 §7.1 step 22, §8.2", "FIDO MC-Resp-3 F-13..19 (1.9.2)", "FIDO MC-Resp-5 F-3..5 (1.9.2)"},
			"a packed statement that is empty, lacks alg or sig, or has members of another type; x5c empty, no array, or no certificates",
			"Look at the types of a packed statement's members before you verify it, and refuse an x5c that is no list of certificates.",
			"packed-malformed-taken",
			words("attestation-packed-malformed", "empty", "no-alg", "alg-text", "no-sig", "sig-text", "sig-empty", "x5c-empty", "x5c-text", "x5c-garbage")...),
	}
}

// certifiedChecks are about packed and fido-u2f attestation with a certificate.
func certifiedChecks() []*Check {
	verified := []Gate{gate("attestation", "verified", "required")}
	return []*Check{
		{
			ID: "reg-att-packed-full-badsig", Title: "Attestation that its certificate's key did not sign", Ceremony: Registration, Level: Should, Severity: Medium,
			Basis: []string{"WebAuthn L3 §7.1 step 22, §8.2", "FIDO MC-Resp-5 F-2, F-13, F-14 (1.9.2)"},
			Sends: "packed attestation with a certificate and a broken signature, or one by the credential's key", Expects: "a refusal, where the right signature is taken",
			Fix:     "Verify the signature with the key in the first certificate of x5c whenever there is one.",
			Faults:  []string{"attestation-signature-unchecked", "attestation-key-ignored", "attestation-unverified"},
			Perform: afterValid(certified(), words("attestation-packed", "bad-signature", "credential-key")...),
		},
		{
			ID: "reg-att-packed-cert-rules", Title: "An attestation certificate that breaks the rules", Ceremony: Registration, Level: Should, Severity: Medium, Gates: verified,
			Basis: []string{"WebAuthn L3 §8.2.1", "FIDO MC-Resp-5 F-6, F-7, F-12 (1.9.2)"},
			Sends: "a certificate of another unit, of a CA, of another AAGUID, or one that has expired", Expects: "a refusal, where a right certificate is taken",
			Fix:     "Hold attestation certificates to all of the rules, and to their dates.",
			Faults:  []string{"certificate-rules-unchecked", "certificate-expiry-unchecked", "certificate-aaguid-unchecked", "attestation-unverified"},
			Perform: afterValid(certified(), words("attestation-packed", "wrong-unit", "ca", "aaguid-mismatch", "expired")...),
		},
		{
			ID: "reg-att-u2f", Title: "Attestation of a U2F security key", Ceremony: Registration, Level: Should, Severity: Low, Gates: verified,
			Basis: []string{"WebAuthn L3 §8.6", "FIDO MC-Resp-8 (1.9.2)"},
			Sends: "right fido-u2f attestation, and with a broken signature", Expects: "that the right one is taken and the broken one refused, where packed attestation is taken",
			Fix:     "Verify fido-u2f attestation as its own section says: its signature covers other bytes than that of packed.",
			Faults:  []string{"u2f-refused", "u2f-signature-unchecked", "attestation-unverified"},
			Perform: u2fAttestation,
		},
	}
}

// certified is right attestation with a certificate, under a root that a relying party need not know.
func certified() Case {
	return Case{Name: "valid", Changes: change("attestation-packed", "valid")}
}

// requiredChecks are for targets that take attested authenticators only.
func requiredChecks() []*Check {
	required := []Gate{gate("attestation", "required")}
	return []*Check{
		{
			ID: "reg-att-untrusted-root", Title: "Attestation under a root that nobody trusts", Ceremony: Registration, Level: Should, Severity: High, Gates: required,
			Basis: []string{"WebAuthn L3 §7.1 steps 23 and 24", "GHSA-6hxq-p678-4hr2"},
			Sends: "right packed attestation under a root made up for it, which is left out of x5c or is in it", Expects: "a refusal",
			Fix:    "Verify the certificate chain up to a root of your own list. A root that the statement brings along proves nothing.",
			Faults: []string{"attestation-trust-unchecked", "attestation-root-from-chain"}, Perform: untrustedRoot,
		},
		{
			ID: "reg-att-missing-when-required", Title: "No attestation where it is required", Ceremony: Registration, Level: Must, Severity: High, Gates: required,
			Basis: []string{"WebAuthn L3 §7.1 step 24", "CVE-2025-12150", "CVE-2026-6856"},
			Sends: "fmt none, and right self attestation", Expects: "a refusal",
			Fix:    "Where attestation is required, refuse none and self attestation, and take the AAGUID from attestation that you trust.",
			Faults: []string{"attestation-not-demanded"},
			Cases: []Case{
				{Name: "none", Changes: change("attestation-none", nil)},
				{Name: "self", Changes: change("attestation-packed-self", nil)},
			},
		},
	}
}

// otherFormatChecks record what becomes of the rarer formats.
func otherFormatChecks() []*Check {
	nothing := "Nothing has to be done. Leave formats out that you do not mean to verify."
	var platforms []Case
	for _, kind := range []struct {
		name     string
		variants []string
	}{
		{"attestation-tpm", []string{"valid", "bad-signature", "wrong-extra-data"}},
		{"attestation-android-key", []string{"valid", "bad-signature", "wrong-challenge"}},
		{"attestation-apple", []string{"valid", "wrong-nonce"}},
	} {
		for _, c := range words(kind.name, kind.variants...) {
			c.Name = strings.TrimPrefix(kind.name, "attestation-") + " " + c.Name
			platforms = append(platforms, withES256(c))
		}
	}
	return []*Check{
		{
			ID: "reg-att-tpm-androidkey-apple", Title: "Attestation of platforms", Ceremony: Registration, Level: Info, Severity: Low,
			Gates: []Gate{gate("attestation", "verified", "required")},
			Basis: []string{"WebAuthn L3 §8.3, §8.4, §8.8", "FIDO MC-Resp-9, MC-Resp-A (1.9.2)"},
			Sends: "tpm, android-key and apple attestation under a root made up for it: right, and signed or bound wrongly", Expects: "whatever the policy is: the root is nobody's",
			Fix: nothing, Cases: platforms,
		},
		{
			ID: "reg-att-compound", Title: "Compound attestation", Ceremony: Registration, Level: Info, Severity: Low,
			Basis: []string{"WebAuthn L3 §8.9"}, Sends: "two packed statements in one, both right, and one with a broken signature", Expects: "acceptance or a clean refusal",
			Fix: nothing, Cases: words("attestation-compound", "valid", "bad-signature"),
		},
	}
}
