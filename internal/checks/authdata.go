package checks

import (
	"slices"
	"strings"

	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/forge"
)

// authenticatorDataChecks are about authenticator data and the key in it: WebAuthn L3 §6.1, §6.5.1, §7.1 steps 14 to 20
// and 25, §7.2 steps 15 to 18.
func authenticatorDataChecks() []*Check {
	return slices.Concat(rpIDHashChecks(), presenceChecks(), verificationChecks(), backupFlagChecks(), layoutChecks(), credentialIDChecks(), keyChecks())
}

func rpIDHashChecks() []*Check {
	// related is a case for the RP ID hash of a name that is made from the right one; "" if there is none.
	related := func(name string, of func(rpID string) string) Case {
		return Case{Name: name, Changes: func(s Scene) []forge.Change {
			if id := of(s.RPID); id != "" {
				return []forge.Change{{Name: "authdata-rp-id", Value: id}}
			}
			return nil
		}}
	}
	return slices.Concat(
		both(Check{
			ID: "authdata-short", Title: "Authenticator data that is too short", Level: Must, Severity: Medium,
			Basis:   []string{"WebAuthn L3 §6.1, §7.1 step 13 | WebAuthn L3 §6.1, §7.2 step 7", "FIDO MC-Resp-3 F-8 (1.9.2) | "},
			Sends:   "authenticator data of 36 bytes, of one, and of none",
			Expects: "a clean refusal",
			Fix:     "Refuse authenticator data of fewer than 37 bytes before you read from it.",
			Faults:  []string{"authdata-short"},
			Cases:   values("authdata-truncate", namedValue{"36 bytes", 36}, namedValue{"1 byte", 1}, namedValue{"empty", 0}),
		}, nil, func(c *Check) { c.Faults = append(slices.Clone(c.Faults), "authdata-optional") }),
		both(Check{
			ID: "authdata-rpidhash", Title: "Authenticator data for another RP ID", Level: Must, Severity: Critical,
			Basis:   []string{"WebAuthn L3 §7.1 step 14 | WebAuthn L3 §7.2 step 15", " | FIDO GA-Resp-3 F-2 (1.9.2)"},
			Sends:   "the hash of another site's RP ID, random and zero bytes, and the hash of the parent and of a child domain",
			Expects: "a refusal",
			Fix:     "Compare rpIdHash with the SHA-256 hash of your own RP ID, all 32 bytes.",
			Faults:  []string{"rp-id-unchecked", "rp-id-related"},
			Cases: []Case{
				{Name: "other site", Changes: change("authdata-rp-id", "attacker.example")},
				{Name: "random", Changes: change("authdata-rp-id-hash", "random")},
				{Name: "zero", Changes: change("authdata-rp-id-hash", "zero")},
				related("parent", func(rpID string) string { _, parent, _ := strings.Cut(rpID, "."); return parent }),
				related("child", func(rpID string) string { return "sub." + rpID }),
			},
		}, nil, nil),
	)
}

// flags is a case with some flags set or cleared.
func flags(name string, set map[string]any) Case {
	return Case{Name: name, Changes: change("authdata-flags", set)}
}

func presenceChecks() []*Check {
	absent := map[string]any{"up": false}
	row := func(c Check) *Check { return &c }
	return []*Check{
		row(Check{
			ID: "reg-authdata-up-clear", Title: "A registration without user presence", Ceremony: Registration, Level: Must, Severity: Medium,
			Gates: []Gate{gate("conditional-create", "no")}, Basis: []string{"WebAuthn L3 §7.1 step 15"},
			Sends: "user presence (UP) not set, though the options were not for a creation without a prompt", Expects: "a refusal",
			Fix: "Refuse a registration without UP, unless you asked for it with mediation conditional.", Faults: []string{"user-presence-unchecked"},
			Cases: []Case{flags("up clear", absent)},
		}),
		row(Check{
			ID: "reg-authdata-up-clear-conditional", Title: "A passkey that was made without a prompt", Ceremony: Registration, Level: Accept, Severity: Medium,
			Gates: []Gate{gate("conditional-create", "yes")}, Basis: []string{"WebAuthn L3 §7.1 step 15, §5.1.3"},
			Sends: "user presence (UP) not set after options for a creation without a prompt", Expects: "acceptance",
			Fix: "Do without UP when you asked for a registration with mediation conditional.", Faults: []string{"user-presence-always-demanded"},
			Perform: conditionalCreation,
		}),
		row(Check{
			ID: "auth-authdata-up-clear", Title: "A login without user presence", Ceremony: Authentication, Level: Must, Severity: Medium,
			Basis: []string{"WebAuthn L3 §7.2 step 16", "CVE-2021-38299"}, Sends: "user presence (UP) not set", Expects: "a refusal",
			Fix: "Refuse a login without UP.", Faults: []string{"user-presence-unchecked"}, Cases: []Case{flags("up clear", absent)},
		}),
	}
}

func verificationChecks() []*Check {
	unverified := flags("uv clear", map[string]any{"uv": false})
	// asked is a case that applies where the options ask for one of these.
	asked := func(c Case, uv ...string) Case {
		made := c.Changes
		c.Changes = func(s Scene) []forge.Change {
			if !slices.Contains(uv, uvOf(s.Options)) {
				return nil
			}
			return made(s)
		}
		return c
	}
	return slices.Concat(
		both(Check{
			ID: "authdata-uv-clear-required", Title: "No user verification though it is required", Level: Must, Severity: High,
			Gates:   []Gate{gate("uv", "required")},
			Basis:   []string{"WebAuthn L3 §7.1 step 16 | WebAuthn L3 §7.2 step 17", "FIDO MC-Resp-3 F-15 (1.9.2) | FIDO GA-Resp-3 F-5 (1.9.2)"},
			Sends:   "user verification (UV) not set",
			Expects: "a refusal",
			Fix:     "Where you ask for user verification with required, refuse a response without UV.",
			Faults:  []string{"user-verification-unchecked"},
			Cases:   []Case{unverified},
		}, nil, func(c *Check) { c.Faults = append(slices.Clone(c.Faults), "user-verification-unchecked-at-login") }),
		both(Check{
			ID: "authdata-uv-clear-preferred", Title: "No user verification where it is not required", Level: ShouldAccept, Severity: Medium,
			Gates:   []Gate{unless("uv", "required")},
			Basis:   []string{"WebAuthn L3 §7.1 step 16 | WebAuthn L3 §7.2 step 17", " | FIDO GA-Resp-3 P-3, P-5 (1.9.2)"},
			Sends:   "user verification (UV) not set, which the options leave open",
			Expects: "acceptance",
			Fix:     "Ask for user verification with required if you demand it; else people with older security keys are refused after they did all they were asked for.",
			Faults:  []string{"user-verification-always-demanded"},
			Cases:   []Case{asked(unverified, "preferred", "discouraged")},
		}, nil, func(c *Check) { c.Faults = append(slices.Clone(c.Faults), "user-verification-sticky") }),
		both(Check{
			ID: "authdata-uv-set-discouraged", Title: "User verification where it is discouraged", Level: Accept, Severity: Medium,
			Gates:   []Gate{gate("uv", "discouraged")},
			Basis:   []string{"WebAuthn L3 §7.1 step 16 | WebAuthn L3 §7.2 step 17", " | FIDO GA-Resp-3 P-6 (1.9.2)"},
			Sends:   "user verification (UV) set, though the options discourage it",
			Expects: "acceptance",
			Fix:     "Ignore UV where you do not require it: many authenticators verify always.",
			Faults:  []string{"user-verification-unwanted"},
			Cases:   []Case{asked(flags("uv set", map[string]any{"uv": true}), "discouraged")},
		}, func(c *Check) { c.Faults = append(slices.Clone(c.Faults), "user-verification-sticky") }, nil),
	)
}

func backupFlagChecks() []*Check {
	return both(Check{
		ID: "authdata-bs-without-be", Title: "Backed up without being eligible for it", Level: Must, Severity: Low,
		Basis:   []string{"WebAuthn L3 §6.1.3, §7.1 step 17 | WebAuthn L3 §6.1.3, §7.2 step 18"},
		Sends:   "BS set and BE not",
		Expects: "a refusal",
		Fix:     "Refuse BS without BE: no authenticator sends that.",
		Faults:  []string{"backup-flags-unchecked"},
		Cases: []Case{{
			Name: "bs without be", Changes: change("authdata-flags", map[string]any{"be": false, "bs": true}),
			Authenticator: func(cfg *virtual.Config) { cfg.BackupEligible, cfg.BackedUp = false, false },
		}},
	}, nil, nil)
}

func layoutChecks() []*Check {
	attested := func(id, title string, severity Severity, fido, sends, word string, faults ...string) *Check {
		return &Check{
			ID: "reg-authdata-at-" + id, Title: title, Ceremony: Registration, Level: Must, Severity: severity,
			Basis: []string{"WebAuthn L3 §6.1, §6.5.1", "FIDO MC-Resp-3 " + fido + " (1.9.2)"}, Sends: sends, Expects: "a clean refusal",
			Fix:    "Go by the AT flag: a registration has it set, and attested credential data behind the first 37 bytes.",
			Faults: faults, Cases: words("authdata-attested", word),
		}
	}
	return slices.Concat(
		[]*Check{
			attested("clear-with-data", "A credential that no flag announces", Medium, "F-9", "attested credential data without the AT flag", "unflagged", "attested-flag-unread"),
			attested("clear-no-data", "A registration without a credential", High, "F-10", "no attested credential data, and no AT flag", "absent", "attested-optional"),
			attested("set-no-data", "A credential that is announced and missing", Medium, "F-11", "the AT flag without attested credential data", "missing", "attested-optional"),
			{
				ID: "auth-authdata-at-set", Title: "A login with a credential in it", Ceremony: Authentication, Level: Info, Severity: Note,
				Basis: []string{"WebAuthn L3 §6.1"}, Sends: "attested credential data, or its flag alone, signed along", Expects: "either: it is for authenticators to leave it out",
				Fix: "Nothing has to be done.", Cases: words("authdata-attested-added", "flagged", "flag-only"),
			},
		},
		both(Check{
			ID: "authdata-leftover", Title: "Bytes behind authenticator data", Level: Should, Severity: Low,
			Basis:   []string{"WebAuthn L3 §6.1", "FIDO MC-Resp-3 F-12 (1.9.2) | FIDO GA-Resp-3 F-1 (1.9.2)"},
			Sends:   "four bytes that no flag announces, signed along",
			Expects: "a refusal",
			Fix:     "Refuse authenticator data that goes on where its flags say that it ends.",
			Faults:  []string{"leftover-ignored"},
			Cases:   []Case{{Name: "four bytes", Changes: change("authdata-append", []byte{0xde, 0xad, 0xbe, 0xef})}},
		}, nil, nil),
		both(Check{
			ID: "authdata-ed-mismatch", Title: "Extensions that are not as the flag says", Level: Should, Severity: Low,
			Basis:   []string{"WebAuthn L3 §6.1"},
			Sends:   "the ED flag without extensions, and extensions without the ED flag",
			Expects: "a refusal",
			Fix:     "Go by the ED flag, and refuse authenticator data that is shorter or longer than its flags say.",
			Faults:  []string{"extension-flag-unread", "leftover-ignored"},
			Cases:   []Case{flags("flag only", map[string]any{"ed": true}), {Name: "extensions only", Changes: change("authdata-extensions", "unflagged")}},
		}, nil, nil),
		both(Check{
			ID: "authdata-ext-unsolicited", Title: "Extensions that nobody asked for", Level: Info, Severity: Low,
			Basis:   []string{"WebAuthn L3 §7.1 step 28 | WebAuthn L3 §7.2 step 23", "FIDO MC-Resp-3 P-1 (1.9.2) | FIDO GA-Resp-3 P-7 (1.9.2)"},
			Sends:   "an unknown extension's output, announced and signed",
			Expects: "either: it may be ignored or refused",
			Fix:     "Nothing has to be done, as long as it is no error of the server's own.",
			Cases:   words("authdata-extensions", "unsolicited"),
		}, nil, nil),
		both(Check{
			ID: "authdata-rfu", Title: "Reserved flags", Level: Info, Severity: Note,
			Basis:   []string{"WebAuthn L3 §6.1"},
			Sends:   "a reserved bit of the flags set, one after the other",
			Expects: "either: a later version of the specification may use them",
			Fix:     "Nothing has to be done. To ignore them is the wider choice.",
			Cases:   []Case{flags("bit 1", map[string]any{"rfu1": true}), flags("bit 5", map[string]any{"rfu2": true})},
		}, nil, nil),
	)
}
