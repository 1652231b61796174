package checks

import (
	"slices"

	"github.com/passrig/passrig/virtual/forge"
)

// envelopeChecks are about the JSON around a response: WebAuthn L3 §5.1, §7.1 step 3, §7.2 steps 3 to 7. A page may
// write that JSON itself, and then nothing of what was changed in it is sent.
func envelopeChecks() []*Check {
	list := slices.Concat(envelopeIDChecks(), envelopeTypeChecks(), envelopePartChecks(), envelopeMemberChecks(), envelopeEncodingChecks())
	for _, c := range list {
		c.Where = API
	}
	return list
}

func envelopeIDChecks() []*Check {
	fix := "Take the credential id from the authenticator data, and refuse a response whose id and rawId are not the same."
	own := "a refusal, or that the passkey is stored under the id that was attested"
	missing := values("envelope-id", namedValue{"missing", nil})
	mistyped := values("envelope-id", namedValue{"number", 7}, namedValue{"object", map[string]any{}}, namedValue{"not base64url", "!?"})
	return slices.Concat(
		[]*Check{
			{
				ID: "reg-envelope-id-missing", Title: "A registration without an id", Ceremony: Registration, Level: Should, Severity: Low,
				Basis: []string{"WebAuthn L3 §5.1, §7.1 step 27", "FIDO MC-Resp-1 F-1 (1.9.2)"},
				Sends: "neither id nor rawId", Expects: own, Fix: fix,
				Faults: []string{"credential-id-outer"}, Perform: boundByAttestation(missing),
			},
			{
				ID: "auth-envelope-id-missing", Title: "A login without an id", Ceremony: Authentication, Level: Must, Severity: Medium,
				Basis: []string{"WebAuthn L3 §7.2 steps 5 and 6", "FIDO GA-Resp-1 F-1 (1.9.2)"},
				Sends: "neither id nor rawId", Expects: "a clean refusal", Fix: "Refuse a login that does not say which passkey it is with.",
				Faults: []string{"credential-id-optional"}, Cases: missing,
			},
		},
		both(Check{
			ID: "envelope-id-type", Title: "An id that is no base64url text", Level: Should, Severity: Low,
			Basis: []string{
				"WebAuthn L3 §5.1, §7.1 step 27 | WebAuthn L3 §5.1, §7.2 step 5", "FIDO MC-Resp-1 F-2, F-3 (1.9.2) | FIDO GA-Resp-1 F-2, F-3 (1.9.2)",
			},
			Sends:   "id and rawId a number, an object, or not base64url",
			Expects: own + " | a clean refusal",
			Fix:     "Look at the types of id and rawId before you use them.",
		}, func(c *Check) {
			c.Faults, c.Perform = []string{"credential-id-outer"}, boundByAttestation(mistyped)
		}, func(c *Check) {
			c.Faults, c.Cases = []string{"credential-id-optional"}, mistyped
		}),
		both(Check{
			ID: "envelope-id-rawid-mismatch", Title: "An id that is not the rawId", Level: Should, Severity: High,
			Basis:   []string{"WebAuthn L3 §5.1, §7.1 step 27 | WebAuthn L3 §5.1, §7.2 step 6"},
			Sends:   "another id, or another rawId | another id, or another rawId; and somebody else's of one of them",
			Expects: own + " | a refusal, or that one of the two decides everything",
			Fix:     fix + " | Refuse a response whose id and rawId are not the same, and find key and account by one of them.",
		}, func(c *Check) {
			c.Faults, c.Perform = []string{"credential-id-outer"}, boundByAttestation(words("envelope-id", "other-id", "other-raw-id"))
		}, func(c *Check) {
			c.Faults, c.Perform = []string{"credential-id-either", "credential-id-split"}, oneIDDecides
		}),
		[]*Check{{
			ID: "reg-envelope-id-authdata-mismatch", Title: "Another id than the attested one", Ceremony: Registration, Level: Should, Severity: High,
			Basis: []string{"WebAuthn L3 §7.1 steps 25 to 27"}, Sends: "id and rawId of another passkey than the attested one", Expects: own, Fix: fix,
			Faults: []string{"credential-id-outer"}, Perform: boundByAttestation(words("envelope-id", "other")),
		}},
	)
}

func envelopeTypeChecks() []*Check {
	return slices.Concat(
		both(Check{
			ID: "envelope-type", Title: "A credential of another type", Level: Should, Severity: Low,
			Basis:   []string{"WebAuthn L3 §5.1", "FIDO MC-Resp-1 F-4..6 (1.9.2) | FIDO GA-Resp-1 F-4..6 (1.9.2)"},
			Sends:   `type missing, a number, or "foo"`,
			Expects: "a refusal",
			Fix:     `Refuse a credential whose type is not "public-key".`,
			Faults:  []string{"credential-type-unchecked"},
			Cases:   values("envelope-type", namedValue{"missing", nil}, namedValue{"number", 7}, namedValue{"unknown", "foo"}),
		}, nil, nil),
		both(Check{
			ID: "envelope-response", Title: "A credential without a response", Level: Must, Severity: Medium,
			Basis:   []string{"WebAuthn L3 §7.1 step 3 | WebAuthn L3 §7.2 step 3", "FIDO MC-Resp-1 F-7, F-8 (1.9.2) | FIDO GA-Resp-1 F-7, F-8 (1.9.2)"},
			Sends:   "response missing, an array, or a text",
			Expects: "a refusal",
			Fix:     "Refuse a credential whose response is no object.",
			Faults:  []string{"response-optional"},
			Cases:   values("envelope-response", namedValue{"missing", nil}, namedValue{"array", []any{}}, namedValue{"text", "response"}),
		}, nil, nil),
		both(Check{
			ID: "envelope-swap", Title: "The other ceremony's response", Level: Must, Severity: High,
			Basis:   []string{"WebAuthn L3 §7.1 step 3 | WebAuthn L3 §7.2 step 3"},
			Sends:   "a right login with the registration's challenge | a right registration with the login's challenge",
			Expects: "a refusal",
			Fix:     "Have an endpoint take the response of its own ceremony only.",
			Faults:  []string{"response-of-either-ceremony"},
			Cases:   []Case{{Name: "swap", Changes: change("envelope-swap", nil)}},
		}, nil, nil),
	)
}

// unusable are a member's values that no bytes can be read from.
func unusableMember(path string) []Case {
	cases := make([]Case, 0, 4)
	cases = append(cases, Case{Name: "missing", Changes: change("envelope-remove", path)})
	for _, v := range []namedValue{{"number", 7}, {"empty", ""}, {"not base64url", "!?"}} {
		cases = append(cases, Case{Name: v.name, Changes: change("envelope-set", map[string]any{path: v.value})})
	}
	return cases
}

// envelopePartChecks are about the parts that everything depends on.
func envelopePartChecks() []*Check {
	attestation := unusableMember("response.attestationObject")
	for i := range attestation { // an RP may read the copies beside it instead (WebAuthn L3 §5.2.1.1)
		made := attestation[i].Changes
		attestation[i].Changes = func(s Scene) []forge.Change {
			return append(made(s), forge.Change{Name: "envelope-copies", Value: "drop"})
		}
	}
	what := "missing, a number, empty, or not base64url"
	return slices.Concat(
		both(Check{
			ID: "envelope-clientdata", Title: "A response without client data", Level: Must, Severity: Medium,
			Basis:   []string{"WebAuthn L3 §7.1 step 5 | WebAuthn L3 §7.2 steps 7 and 8", "FIDO MC-Resp-1 F-9..11 (1.9.2) | FIDO GA-Resp-1 F-9..11 (1.9.2)"},
			Sends:   "clientDataJSON " + what,
			Expects: "a refusal",
			Fix:     "Refuse a response without clientDataJSON: challenge and origin are in it.",
			Faults:  []string{"clientdata-optional"},
			Cases:   unusableMember("response.clientDataJSON"),
		}, nil, nil),
		[]*Check{
			{
				ID: "reg-envelope-attobj", Title: "A registration without an attestation object", Ceremony: Registration, Level: Must, Severity: Medium,
				Basis: []string{"WebAuthn L3 §7.1 step 13", "FIDO MC-Resp-1 F-12..14 (1.9.2)"},
				Sends: "attestationObject " + what + ", and no copies of what it holds", Expects: "a refusal",
				Fix: "Refuse a registration without an attestation object: the key is in it.", Faults: []string{"authdata-optional"}, Cases: attestation,
			},
			{
				ID: "auth-envelope-authdata", Title: "A login without authenticator data", Ceremony: Authentication, Level: Must, Severity: Medium,
				Basis: []string{"WebAuthn L3 §7.2 step 7", "FIDO GA-Resp-1 F-12..15 (1.9.2)"},
				Sends: "authenticatorData " + what, Expects: "a refusal",
				Fix: "Refuse a login without authenticator data.", Faults: []string{"authdata-optional"}, Cases: unusableMember("response.authenticatorData"),
			},
			{
				ID: "auth-envelope-signature", Title: "A login without a signature", Ceremony: Authentication, Level: Must, Severity: Critical,
				Basis: []string{"WebAuthn L3 §7.2 step 21", "FIDO GA-Resp-1 F-16..19 (1.9.2)"},
				Sends: "signature " + what, Expects: "a refusal",
				Fix: "Refuse a login without a signature: it is all that shows that the passkey is there.", Faults: []string{"signature-optional", "signature-unchecked"},
				Cases: unusableMember("response.signature"),
			},
			{
				ID: "auth-envelope-userhandle-type", Title: "A user handle that is no text", Ceremony: Authentication, Level: Should, Severity: Low,
				Basis: []string{"WebAuthn L3 §7.2 step 6", "FIDO GA-Resp-1 F-21 (1.9.2)"},
				Sends: "userHandle a number or an object", Expects: "a clean refusal",
				Fix: "Look at the type of userHandle before you use it.", Faults: []string{"user-handle-unread"},
				Cases: values("user-handle", namedValue{"number", 7}, namedValue{"object", map[string]any{}}),
			},
		},
	)
}

// envelopeMemberChecks are about members that clients may send.
func envelopeMemberChecks() []*Check {
	row := func(id, title string, level Level, severity Severity, basis, sends string, faults []string, cases ...Case) Check {
		return Check{
			ID: "envelope-" + id, Title: title, Level: level, Severity: severity, Basis: []string{basis}, Sends: sends, Expects: "acceptance",
			Fix: "Read the members that you know and need, and let the others be.", Faults: faults, Cases: cases,
		}
	}
	of := func(c Check) []*Check {
		c.ID, c.Ceremony = "reg-"+c.ID, Registration
		return []*Check{&c}
	}
	return slices.Concat(
		both(row("l3-members", "The response as toJSON writes it", Accept, High, "WebAuthn L3 §5.1",
			"every member of Level 3, of a passkey on this device and on another", nil,
			Case{Name: "this device", Changes: change("envelope-set", map[string]any{"clientExtensionResults": map[string]any{}})},
			Case{Name: "another device", Changes: elsewhere}), func(c *Check) { c.Faults = []string{"attachment-platform-only"} }, func(c *Check) { c.Faults = []string{"hybrid-refused"} }),
		both(row("unknown-members", "Members that nobody knows", ShouldAccept, Medium, "WebAuthn L3 §5.1",
			"an unknown member of the credential, and one of its response", []string{"members-closed"},
			Case{Name: "credential", Changes: change("envelope-set", map[string]any{"x-unknown": "x"})},
			Case{Name: "response", Changes: change("envelope-set", map[string]any{"response.x-unknown": []any{1}})}), nil, nil),
		both(row("attachment-unknown", "An attachment of a new kind, or none", ShouldAccept, Low, "WebAuthn L3 §5.1",
			`authenticatorAttachment "foo", or absent`, []string{"attachment-closed"},
			values("envelope-attachment", namedValue{"unknown", "foo"}, namedValue{"absent", nil})...), nil, nil),
		of(row("transports-unknown", "Transports of a new kind", ShouldAccept, Medium, "WebAuthn L3 §5.2.1",
			`transports "cable", "x-new" and "internal"`, []string{"transports-closed"},
			values("envelope-transports", namedValue{"unknown", []any{"cable", "x-new", "internal"}})...)),
		of(row("transports-empty", "No transports", Accept, Medium, "WebAuthn L3 §5.2.1",
			"transports empty, or absent", []string{"transports-demanded"},
			values("envelope-transports", namedValue{"empty", []any{}}, namedValue{"absent", nil})...)),
		[]*Check{{
			ID: "reg-envelope-convenience-mismatch", Title: "Copies of another key", Ceremony: Registration, Level: Info, Severity: Medium,
			Basis: []string{"WebAuthn L3 §5.2.1.1"}, Sends: "publicKey, publicKeyAlgorithm and authenticatorData of another key than the attested one",
			Expects: "either a refusal, or that one source is used throughout", Fix: "Read the key from the attestation object, which is what can be verified.",
			Perform: copiesOfAnotherKey,
		}},
	)
}

// elsewhere makes the response one of a device that is not the client's own.
func elsewhere(s Scene) []forge.Change {
	if choice, _ := s.Options["authenticatorSelection"].(map[string]any); choice["authenticatorAttachment"] == "platform" {
		return nil
	}
	changes := []forge.Change{{Name: "envelope-attachment", Value: "cross-platform"}}
	if s.Options["pubKeyCredParams"] != nil {
		changes = append(changes, forge.Change{Name: "envelope-transports", Value: []any{"hybrid", "internal"}})
	}
	return changes
}

func envelopeEncodingChecks() []*Check {
	return slices.Concat(
		both(Check{
			ID: "envelope-padding", Title: "Base64 of another kind", Level: Info, Severity: Note, Basis: []string{"WebAuthn L3 §5.1"},
			Sends:   "binary members padded, or in the standard alphabet",
			Expects: "either: clients write base64url without padding",
			Fix:     "Nothing has to be done.",
			Cases:   words("envelope-base64", "padded", "standard", "standard-padded"),
		}, nil, nil),
		both(Check{
			ID: "envelope-oversize", Title: "A response of megabytes", Level: Should, Severity: Low, Basis: []string{"CWE-400", "WebAuthn L3 §5.1"},
			Sends:   "a member of two megabytes: an unknown one, and client data with garbage behind it",
			Expects: "a quick refusal",
			Fix:     "Limit the size of request bodies; no response needs more than 64 KiB.",
			Faults:  []string{"body-unlimited"},
			Perform: refusesMegabytes,
		}, nil, nil),
	)
}
