package checks

import (
	"slices"

	"github.com/passrig/passrig/virtual/forge"
)

// clientDataChecks are about clientDataJSON: WebAuthn L3 §7.1 steps 5 to 12, §7.2 steps 8 to 14.
func clientDataChecks() []*Check {
	return slices.Concat(clientDataTypeChecks(), challengeChecks(), originChecks(), framingChecks(), toleranceChecks())
}

// words are cases that each make one kind of change with one of its words.
func words(name string, list ...string) []Case {
	cases := make([]Case, len(list))
	for i, word := range list {
		cases[i] = Case{Name: word, Changes: change(name, word)}
	}
	return cases
}

// values are cases that each make one kind of change with one value.
func values(name string, list ...namedValue) []Case {
	cases := make([]Case, len(list))
	for i, v := range list {
		cases[i] = Case{Name: v.name, Changes: change(name, v.value)}
	}
	return cases
}

type namedValue struct {
	name  string
	value any
}

func clientDataTypeChecks() []*Check {
	return slices.Concat(
		both(Check{
			ID: "clientdata-not-json", Title: "Client data that is no JSON object", Level: Must, Severity: Medium,
			Basis:   []string{"WebAuthn L3 §7.1 steps 5 and 6 | WebAuthn L3 §7.2 steps 8 and 9"},
			Sends:   "clientDataJSON that is garbage, an array, null, or not UTF-8",
			Expects: "a clean refusal",
			Fix:     "Decode clientDataJSON as UTF-8 and as JSON, and refuse what is not an object.",
			Faults:  []string{"clientdata-unread"},
			Cases:   words("clientdata-raw", "garbage", "array", "null", "invalid-utf8"),
		}, nil, nil),
		both(Check{
			ID: "clientdata-type-wrong", Title: "Client data of no ceremony's type", Level: Must, Severity: High,
			Basis: []string{
				"WebAuthn L3 §7.1 step 7 | WebAuthn L3 §7.2 step 10", "FIDO MC-Resp-2 F-1..4 (1.9.2) | FIDO GA-Resp-2 F-1..4 (1.9.2)",
			},
			Sends:   "type missing, empty, a number, or an unknown word",
			Expects: "a refusal",
			Fix:     `Compare clientData.type with "webauthn.create". | Compare clientData.type with "webauthn.get".`,
			Faults:  []string{"type-unchecked", "type-lenient"},
			Cases: values("clientdata-type",
				namedValue{"missing", nil}, namedValue{"empty", ""}, namedValue{"number", 7}, namedValue{"unknown", "abc.def"}),
		}, nil, nil),
		both(Check{
			ID: "clientdata-type-swapped", Title: "Client data of the other ceremony's type", Level: Must, Severity: High,
			Basis: []string{
				"WebAuthn L3 §7.1 step 7 | WebAuthn L3 §7.2 step 10", "FIDO MC-Resp-2 F-5 (1.9.2) | FIDO GA-Resp-2 F-5 (1.9.2)",
			},
			Sends:   `type "webauthn.get" | type "webauthn.create"`,
			Expects: "a refusal",
			Fix:     `Compare clientData.type with "webauthn.create": a login must not pass for a registration. | Compare clientData.type with "webauthn.get": a registration must not pass for a login.`,
			Faults:  []string{"type-unchecked", "type-either"},
			Cases:   words("clientdata-type", "swap"),
		}, nil, nil),
	)
}

func challengeChecks() []*Check {
	basis := []string{"WebAuthn L3 §7.1 step 8, §13.4.3 | WebAuthn L3 §7.2 step 11, §13.4.3"}
	fix := "Compare clientData.challenge with the challenge that was issued to this session, whole and exactly."
	return slices.Concat(
		both(Check{
			ID: "clientdata-challenge-absent", Title: "Client data without a usable challenge", Level: Must, Severity: Critical,
			Basis: append(slices.Clone(basis), "FIDO MC-Resp-2 F-6..9 (1.9.2) | FIDO GA-Resp-2 F-6..9 (1.9.2)"),
			Sends: "challenge missing, empty, a number, or not base64url", Expects: "a refusal", Fix: fix,
			Faults: []string{"challenge-unchecked", "challenge-optional"},
			Cases: append(values("clientdata-challenge",
				namedValue{"missing", nil}, namedValue{"empty", ""}, namedValue{"number", 7}), words("clientdata-challenge", "not-base64url")...),
		}, nil, nil),
		both(Check{
			ID: "clientdata-challenge-flipped", Title: "Another challenge than the one issued", Level: Must, Severity: Critical,
			Basis: append(slices.Clone(basis), "FIDO MC-Resp-2 F-10 (1.9.2) | FIDO GA-Resp-2 F-10 (1.9.2)"),
			Sends: "the challenge with one bit changed, or a random one", Expects: "a refusal", Fix: fix,
			Faults: []string{"challenge-unchecked", "challenge-length-only"},
			Cases:  words("clientdata-challenge", "flip", "random"),
		}, nil, nil),
		both(Check{
			ID: "clientdata-challenge-truncated", Title: "A part of the challenge, or more than it", Level: Must, Severity: Critical,
			Basis: basis, Sends: "the challenge without its first or last byte, or with one more", Expects: "a refusal", Fix: fix,
			Faults: []string{"challenge-unchecked", "challenge-prefix"},
			Cases:  words("clientdata-challenge", "truncate", "truncate-start", "extend"),
		}, nil, nil),
		both(Check{
			ID: "clientdata-challenge-junk", Title: "The challenge among other characters", Level: Should, Severity: Low,
			Basis: append(slices.Clone(basis), "FIDO MC-Resp-2 F-9 (1.9.2) | FIDO GA-Resp-2 F-9 (1.9.2)"),
			Sends: `the challenge between "!", which base64url does not have`, Expects: "a refusal",
			Fix:    "Compare the texts, or decode with a decoder that refuses what is no base64url. Nobody gains a challenge by this alone.",
			Faults: []string{"challenge-unchecked", "challenge-optional", "challenge-decoded-leniently"},
			Cases:  words("clientdata-challenge", "junk"),
		}, nil, nil),
		both(Check{
			ID: "clientdata-challenge-padded", Title: "The challenge written with padding", Level: Info, Severity: Note,
			Basis: basis[:1], Sends: `the same bytes with "=" behind them`, Expects: "either: strings or bytes may be compared",
			Fix:   "Nothing has to be done. Comparing strings is the narrower choice.",
			Cases: words("clientdata-challenge", "pad"),
		}, nil, nil),
	)
}

// origin is a row of the origin checks.
func origin(id, title string, level Level, severity Severity, sends string, faults []string, words ...string) Check {
	return Check{
		ID: "clientdata-origin-" + id, Title: title, Level: level, Severity: severity,
		Basis:   []string{"WebAuthn L3 §7.1 step 9, §13.4.9 | WebAuthn L3 §7.2 step 12, §13.4.9"},
		Sends:   sends,
		Expects: "a refusal",
		Fix:     "Compare clientData.origin, as a whole string, with a list of the origins you expect.",
		Faults:  append([]string{"origin-unchecked"}, faults...),
		Cases:   originCases(words),
	}
}

func originCases(list []string) []Case { return words("clientdata-origin", list...) }

func originChecks() []*Check {
	plain := func(row Check) []*Check { return both(row, nil, nil) }
	gated := func(row Check) []*Check {
		row.Gates = []Gate{gate("origins")}
		return both(row, nil, nil)
	}
	absent := origin("absent", "Client data without an origin", Must, High, "origin missing, empty, or a number", []string{"origin-optional"})
	absent.Cases = values("clientdata-origin", namedValue{"missing", nil}, namedValue{"empty", ""}, namedValue{"number", 7})
	normalised := origin("normalised", "The origin in another spelling", Info, Note,
		"a slash at its end, upper case, the default port, a dot behind the host", nil, "slash", "upper-case", "default-port", "trailing-dot")
	normalised.Faults, normalised.Expects = nil, "either: clients never write it like that"
	normalised.Fix = "Nothing has to be done. Comparing whole strings is the narrower choice."
	return slices.Concat(
		plain(absent),
		plain(origin("foreign", "A foreign site's origin", Must, Critical, "https://attacker.example", nil, "foreign")),
		plain(origin("suffix", "An origin that ends like the right one", Must, Critical,
			"the right host with letters before it", []string{"origin-suffix"}, "suffix", "suffix-dash")),
		plain(origin("prefix", "An origin that begins like the right one", Must, Critical,
			"the right host as the beginning of another, or before an @", []string{"origin-prefix"}, "prefix", "user-info")),
		plain(origin("regex-dot", "An origin with another character for a dot", Must, High,
			"a dot of the host replaced by a letter", []string{"origin-regex"}, "regex-dot")),
		plain(origin("http", "The origin without TLS", Must, High, "http instead of https", []string{"origin-host-only"}, "http")),
		gated(origin("port", "The origin on another port", Must, Medium, "a port that is not declared", []string{"origin-host-only", "origin-subdomains"}, "port")),
		gated(origin("subdomain", "A subdomain's origin", Should, High, "a subdomain that is not declared", []string{"origin-subdomains", "origin-suffix"}, "subdomain")),
		gated(origin("parent", "The parent domain's origin", Should, Medium, "the parent domain, not declared", []string{"origin-subdomains"}, "parent")),
		plain(origin("null", "An opaque origin", Must, High, `"null" and "file://"`, []string{"origin-opaque"}, "opaque", "file")),
		gated(origin("app", "An app's origin", Must, High, "the origin of an Android or iOS app that is not declared", []string{"origin-apps"}, "android-app", "ios-app")),
		plain(normalised),
	)
}

func framingChecks() []*Check {
	return slices.Concat(
		both(Check{
			ID: "clientdata-crossorigin-true", Title: "A ceremony in another site's frame", Level: Must, Severity: Low,
			Gates: []Gate{gate("embedding", "none")}, Basis: []string{"WebAuthn L3 §7.1 step 10, §13.4.2 | WebAuthn L3 §7.2 step 13, §13.4.2"},
			Sends: "crossOrigin true, no topOrigin", Expects: "a refusal, as no page of other sites may embed this one",
			Fix:    "Refuse crossOrigin true unless you mean to be embedded.",
			Faults: []string{"framing-unchecked", "cross-origin-unchecked"}, Cases: values("clientdata-cross-origin", namedValue{"true", true}),
		}, nil, nil),
		both(Check{
			ID: "clientdata-toporigin-foreign", Title: "A ceremony in a foreign site's frame", Level: Must, Severity: Medium,
			Gates: []Gate{gate("embedding")}, Basis: []string{"WebAuthn L3 §7.1 step 11, §13.4.2 | WebAuthn L3 §7.2 step 14, §13.4.2"},
			Sends: "crossOrigin true and a foreign topOrigin", Expects: "a refusal",
			Fix:    "Compare clientData.topOrigin with a list of the sites that may embed you.",
			Faults: []string{"framing-unchecked"}, Cases: values("clientdata-top-origin", namedValue{"foreign", "https://attacker.example"}),
		}, nil, nil),
		both(Check{
			ID: "clientdata-toporigin-inconsistent", Title: "A top origin without a frame", Level: Info, Severity: Note,
			Basis: []string{"WebAuthn L3 §5.8.1"}, Sends: "topOrigin with crossOrigin false", Expects: "either: clients never send it",
			Fix:   "Nothing has to be done.",
			Cases: values("clientdata-set", namedValue{"topOrigin", map[string]any{"topOrigin": "https://attacker.example"}}),
		}, nil, nil),
	)
}

// toleranceChecks are about what clients may send, or did at one time.
func toleranceChecks() []*Check {
	row := func(id, title string, level Level, severity Severity, basis, sends string, faults []string, cases ...Case) []*Check {
		c := Check{
			ID: "clientdata-" + id, Title: title, Level: level, Severity: severity, Basis: []string{basis}, Sends: sends, Expects: "acceptance",
			Fix: "Parse clientDataJSON with a JSON parser, read the members you know, and hash the bytes as they came.", Faults: faults, Cases: cases,
		}
		if level == Info {
			c.Expects, c.Fix = "either", "Nothing has to be done."
		}
		return both(c, nil, nil)
	}
	foreign := map[string]any{"origin": "https://attacker.example"}
	return slices.Concat(
		row("crossorigin-absent", "Client data without crossOrigin", Accept, High, "WebAuthn L3 §5.8.1",
			"no crossOrigin member, as older clients", []string{"cross-origin-demanded"}, Case{Name: "absent", Changes: change("clientdata-remove", "crossOrigin")}),
		row("extra-keys", "Client data with unknown members", Accept, High, "WebAuthn L3 §5.8.1, §16",
			"unknown members behind the known ones", []string{"client-data-closed"}, Case{Name: "extra", Changes: change("clientdata-extra", nil)}),
		row("key-order", "Client data in another order", Info, Note, "WebAuthn L3 §5.8.1.2",
			"members in reverse order, and with white space", nil, words("clientdata-reorder", "reverse", "whitespace")...),
		row("bom", "Client data with a byte order mark", Info, Note, "WebAuthn L3 §7.1 step 5, §7.2 step 8",
			"a byte order mark first, the hash over all bytes", nil, Case{Name: "bom", Changes: change("clientdata-bom", nil)}),
		row("duplicate-keys", "Client data with a member twice", Info, Low, "RFC 8259 §4",
			"origin twice: the foreign one first, then last", nil,
			Case{Name: "first", Changes: change("clientdata-duplicate", foreign)}, Case{Name: "last", Changes: change("clientdata-duplicate-last", foreign)}),
		row("tokenbinding-bad", "Token binding that makes no sense", Info, Note, "WebAuthn L3 §5.8.1",
			"tokenBinding of a wrong type, and with an unknown status", nil,
			values("clientdata-token-binding", namedValue{"text", "text"}, namedValue{"status", map[string]any{"status": "unknown"}})...),
		row("tokenbinding-ok", "Token binding of older clients", ShouldAccept, Low, "WebAuthn L2 §5.8.1",
			`tokenBinding {"status": "supported"}`, []string{"token-binding-refused"},
			Case{Name: "supported", Changes: func(Scene) []forge.Change {
				return []forge.Change{{Name: "clientdata-token-binding", Value: map[string]any{"status": "supported"}}}
			}}),
	)
}
