package checks

import (
	"context"
	"slices"

	"github.com/passrig/passrig/virtual"
)

// signatureChecks are about an assertion's signature and counter: WebAuthn L3 §7.2 steps 20 to 22, §6.1.1, §6.5.5.
func signatureChecks() []*Check {
	return slices.Concat(signatureValueChecks(), signatureFormChecks(), counterChecks())
}

// es256 is a device that makes ES256 passkeys.
func es256(cfg *virtual.Config) { cfg.Algorithms = []string{"ES256"} }

// signatureRow is a row about a signature that is not the right one.
func signatureRow(id, title string, basis []string, sends string, faults ...string) *Check {
	return &Check{
		ID: "auth-sig-" + id, Title: title, Ceremony: Authentication, Level: Must, Severity: Critical,
		Basis: append([]string{"WebAuthn L3 §7.2 step 21"}, basis...), Sends: sends, Expects: "a refusal",
		Fix: "Verify the signature with the public key stored at registration, over the authenticator data followed by the " +
			"SHA-256 hash of clientDataJSON, and refuse the login if it does not hold.",
		Faults: append([]string{"signature-unchecked"}, faults...),
	}
}

func signatureValueChecks() []*Check {
	flipped := signatureRow("flipped", "A signature with one bit changed", []string{"FIDO GA-Resp-1 F-20 (1.9.2)"},
		"a legal assertion, but one bit of the signature is changed, or the signature is random")
	flipped.Cases = []Case{
		{Name: "lowest bit", Changes: change("signature-flip", nil)},
		{Name: "random", Changes: change("signature-bytes", "random")},
	}
	other := signatureRow("other-key", "A signature by another key", nil, "a legal assertion, but signed with a key that is not the credential's")
	other.Cases = []Case{{Name: "other key", Changes: change("signature-other-key", nil)}}
	hash := signatureRow("wrong-hash", "A signature over other client data", []string{"WebAuthn L3 §7.2 step 20", "FIDO GA-Resp-3 F-3 (1.9.2)"},
		"a legal assertion, but the signature covers client data with another challenge")
	hash.Cases = []Case{{Name: "other client data", Changes: change("signature-over", "other-clientdata")}}
	part := signatureRow("authdata-only", "A signature over a part of what has to be signed", nil,
		"signatures over the authenticator data alone, the client data or its hash alone, and nothing", "signature-client-data-loose")
	part.Cases = words("signature-over", "authdata", "clientdata", "clientdata-hash", "nothing")
	zero := signatureRow("zero", "An ECDSA signature of zeros", []string{"CVE-2022-21449"},
		"an ECDSA signature whose numbers are both zero, or both the order of the curve", "signature-zero")
	zero.Fix = "Use a library that refuses ECDSA numbers outside 1 to n-1, such as a JDK with the fix of CVE-2022-21449."
	zero.Perform = withOnePasskey(es256, words("signature-zero", "zero", "order")...)
	confusion := signatureRow("alg-confusion", "A signature with another algorithm of the key", []string{"WebAuthn L3 §6.5.5"},
		"an RS256 credential's signature made with PSS padding, SHA-1 or SHA-512", "signature-algorithm-any")
	confusion.Severity = High
	confusion.Fix = "Verify with the algorithm stored with the credential, never with one that fits the answer."
	confusion.Perform = withOnePasskey(func(cfg *virtual.Config) { cfg.Algorithms = []string{"RS256"} },
		words("signature-algorithm", "PS256", "RS1", "RS512")...)
	return []*Check{flipped, other, hash, part, zero, confusion}
}

func signatureFormChecks() []*Check {
	raw := signatureRow("raw-ecdsa", "An ECDSA signature that is not DER", []string{"WebAuthn L3 §6.5.5"},
		"a right ECDSA signature as two bare numbers, one after the other", "signature-raw")
	raw.Perform = withOnePasskey(es256, Case{Name: "raw", Changes: change("signature-raw", nil)})
	der := signatureRow("der-noncanonical", "An ECDSA signature in sloppy DER", []string{"WebAuthn L3 §6.5.5"},
		"a right ECDSA signature with a byte behind it, or with padded numbers", "signature-der-lenient")
	der.Perform = withOnePasskey(es256,
		Case{Name: "trailing byte", Changes: change("signature-der-trailing", nil)}, Case{Name: "padded numbers", Changes: change("signature-der-padded", nil)})
	for _, c := range []*Check{raw, der} {
		c.Level, c.Severity, c.Basis = Should, Low, c.Basis[1:]
		c.Fix = "Decode ECDSA signatures as strict DER; a second form of the same signature is room for mistakes."
	}
	return []*Check{raw, der, {
		ID: "auth-sig-high-s", Title: "An ECDSA signature with a high s", Ceremony: Authentication, Level: Accept, Severity: Medium,
		Basis: []string{"WebAuthn L3 §6.5.5"}, Sends: "a right ECDSA signature whose s is in the upper half of its range",
		Expects: "acceptance: WebAuthn has no rule against it, and authenticators make such signatures half of the time",
		Fix:     "Do not ask for a low s: it is a rule of other systems.", Faults: []string{"signature-low-s"},
		Perform: rightInOtherForm([]string{"nfc", "usb"}, Case{Name: "high s", Changes: change("signature-high-s", nil)}),
	}, {
		ID: "auth-sig-short", Title: "An ECDSA signature with a short number", Ceremony: Authentication, Level: Accept, Severity: High,
		Basis: []string{"WebAuthn L3 §6.5.5", "RFC 3279 §2.2.3"}, Sends: "a right ECDSA signature one of whose numbers begins with a zero byte, which DER leaves out",
		Expects: "acceptance: one in 128 signatures of any authenticator has such a number",
		Fix: "Where r and s are wanted as bytes of one length, as WebCrypto does, fill each with zeros from the left. Until then every " +
			"128th login fails, and works at the second try.",
		Faults: []string{"signature-short-refused"}, Perform: rightInOtherForm([]string{"smart-card", "usb"}, words("signature-short", "r", "s")...),
	}}
}

// attempts are how many legal logins there are to find one with a low s, of which every other one is.
const attempts = 10

// rightInOtherForm performs logins with a security key, whose signatures are right in a form that is not every one's. One
// legal login in a few has to work: a relying party that does not take the form refuses some of those too.
func rightInOtherForm(transports []string, cases ...Case) func(context.Context, *Rig) Finding {
	return func(ctx context.Context, r *Rig) Finding {
		u, key, err := r.ownPasskey(ctx, func(cfg *virtual.Config) {
			es256(cfg)
			cfg.Attachment, cfg.Transports = "cross-platform", transports
		})
		if err != nil {
			return notMade(err)
		}
		worked := false
		for i := 0; i < attempts && !worked; i++ {
			login := r.act(ctx, u, Act{Operation: r.loginOperation(), Passkey: key})
			worked = login.Answer == Accepted
		}
		if !worked {
			return unable("legal logins with a security key do not work here, so that nothing can be told about their signatures")
		}
		findings := make([]named, len(cases))
		for i, c := range cases {
			findings[i] = named{c.Name, r.judge(ctx, u, Act{Name: c.Name, Operation: r.loginOperation(), Passkey: key, Changes: c.Changes}, toBeTaken)}
		}
		return sum(findings)
	}
}

// counts is a device whose passkeys count, from a start value.
func counts(start uint32) func(*virtual.Config) {
	return func(cfg *virtual.Config) {
		cfg.BackupEligible, cfg.BackedUp = false, false
		cfg.Counter = virtual.Counter{Policy: virtual.CounterPerCredential, Start: start}
	}
}

// count is a case with a counter.
func count(name string, n int64) Case {
	return Case{Name: name, Changes: change("authdata-sign-count", n)}
}

func counterChecks() []*Check {
	record := func(id, title, sends string, cases ...Case) *Check {
		return &Check{
			ID: "auth-counter-" + id, Title: title, Ceremony: Authentication, Level: Info, Severity: Low,
			Basis: []string{"WebAuthn L3 §7.2 step 22, §6.1.1"}, Sends: sends,
			Expects: "either: a refusal, a warning or nothing is the relying party's choice",
			Fix:     "Nothing has to be done. Where passkeys do not sync, a counter that does not grow hints at a clone.",
			Perform: withOnePasskey(counts(1000), cases...),
		}
	}
	legal := Case{Name: "0 again"}
	const half, most = 1 << 31, 1<<32 - 1
	regress := record("regress", "A counter that goes back", "a counter lower than the one before", count("n-500", 500))
	regress.Basis = append(regress.Basis, "FIDO GA-Resp-3 F-4 (1.9.2)")
	return []*Check{
		{
			ID: "auth-counter-zero", Title: "A counter that stays at zero", Ceremony: Authentication, Level: Accept, Severity: High,
			Basis: []string{"WebAuthn L3 §7.2 step 22, §6.1.1", "FIDO GA-Resp-1 P-1 (1.9.2)"},
			Sends: "legal logins with counter 0, again and again", Expects: "acceptance: synced passkeys, and many others, do not count",
			Fix:    "Compare counters only if the stored or the received one is not zero.",
			Faults: []string{"counter-zero-refused"},
			Perform: withOnePasskey(func(cfg *virtual.Config) { cfg.BackupEligible, cfg.BackedUp = false, false },
				legal, legal),
		},
		{
			ID: "auth-counter-increase", Title: "A counter that grows", Ceremony: Authentication, Level: Accept, Severity: Medium,
			Basis: []string{"WebAuthn L3 §7.2 step 22, §6.1.1"}, Sends: "a counter one higher, then far higher, then 2^31, then 2^32-1",
			Expects: "acceptance: authenticators may count for all their credentials together",
			Fix:     "Keep the counter as an unsigned number of 32 bits, and take any that is higher than the one before.",
			Faults:  []string{"counter-signed", "counter-steps"},
			Perform: withOnePasskey(counts(1000),
				Case{Name: "n+1"}, count("n+50000", 51002), count("2^31", half), count("2^32-1", most)),
		},
		regress,
		record("equal", "A counter that stays", "the same counter twice", count("n", 1001)),
		record("to-zero", "A counter that falls to zero", "counter 0 after a higher one", count("0", 0)),
	}
}
