package checks

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/virtual"
)

// browserChecks are about what only the relying party's page shows.
func browserChecks() []*Check {
	return append(pageChecks(), []*Check{
		{
			ID: "brw-error-handling", Title: "A page that stands a refusal", Ceremony: Lifecycle, Level: Should, Severity: Low, Where: Browser,
			Basis:   []string{"WebAuthn L3 §7.1 step 2, §7.2 step 2"},
			Sends:   "NotAllowedError, InvalidStateError and AbortError instead of a credential, then a legal login in the same browser",
			Expects: "a login that works, with a new challenge",
			Fix:     "Catch what navigator.credentials throws, say so, and ask for new options when the person tries again.",
			Faults:  []string{"page-options-kept"}, Perform: afterRefusal,
		},
		{
			ID: "brw-happy-path-matrix", Title: "All kinds of authenticators work on the page", Ceremony: Registration,
			Level: ShouldAccept, Severity: Medium, Where: Browser,
			Basis:   []string{"WebAuthn L3 §6.1.3, §6.2, §11"},
			Sends:   "registrations and logins with platform passkeys, security keys and U2F keys, discoverable or not, verifying or not, synced or not",
			Expects: "acceptance of everything that the options let a client use",
			Fix:     "Find out what differs in the kinds that fail: flags, transports, attachment, or the length of the credential id.",
			Faults:  []string{"page-platform-only"}, Perform: everyKind,
		},
	}...)
}

// afterRefusal has the client refuse a login and then do it right, in one session.
func afterRefusal(ctx context.Context, r *Rig) Finding {
	u, err := r.Prove(ctx, r.loginOperation())
	if err != nil {
		return untold("%v", err)
	}
	findings := make([]named, 0, 3)
	for _, name := range []virtual.ErrorName{virtual.NotAllowedError, virtual.InvalidStateError, virtual.AbortError} {
		session := r.NewSession()
		refused := r.act(ctx, u, Act{
			Name: "refused: " + string(name), Operation: r.loginOperation(), Session: session,
			Answer: func(context.Context, rp.Ceremony) (json.RawMessage, error) {
				return nil, &virtual.Error{Name: name, Message: "the person said no"}
			},
		})
		again := r.act(ctx, u, Act{Name: "after " + string(name), Operation: r.loginOperation(), Session: session})
		r.cfg.Driver.Release(session)
		findings = append(findings, named{string(name), secondTry(u, refused, again)})
	}
	return sum(findings)
}

func secondTry(u *User, refused, again *Trial) Finding {
	if refused.WhoKnown && refused.Who != "" {
		return breaks("%s is signed in although the client refused", refused.Who)
	}
	if f, over := again.unusable(); over {
		return f
	}
	first, _ := optionsOf(refused.Result)
	second, err := optionsOf(again.Result)
	if err == nil && first["challenge"] != nil && first["challenge"] == second["challenge"] {
		return deviates("the second try uses the challenge of the first")
	}
	return again.taken(u)
}

// kinds are the kinds of authenticators that people have.
func kinds() []Case {
	kind := func(name, attachment, transports string, change func(*virtual.Config)) Case {
		return Case{Name: name, Authenticator: func(c *virtual.Config) {
			c.Attachment, c.Transports = attachment, strings.Fields(transports)
			c.BackupEligible, c.BackedUp, c.ResidentKeys = false, false, virtual.ResidentKeysWhenAsked
			change(c)
		}}
	}
	return []Case{
		kind("synced passkey", "platform", "internal hybrid", func(c *virtual.Config) { c.BackupEligible, c.BackedUp = true, true }),
		kind("passkey yet to be synced", "platform", "internal hybrid", func(c *virtual.Config) { c.BackupEligible = true }),
		kind("passkey on a phone", "cross-platform", "hybrid internal", func(c *virtual.Config) { c.BackupEligible, c.BackedUp = true, true }),
		kind("passkey of one device", "platform", "internal", func(*virtual.Config) {}),
		kind("device without verification", "platform", "internal", func(c *virtual.Config) { c.UserVerification = virtual.VerificationNever }),
		kind("security key", "cross-platform", "usb nfc", func(*virtual.Config) {}),
		kind("security key without room", "cross-platform", "usb", func(c *virtual.Config) { c.ResidentKeys = virtual.ResidentKeysNever }),
		kind("U2F key", "cross-platform", "usb", func(c *virtual.Config) {
			c.ResidentKeys, c.UserVerification = virtual.ResidentKeysNever, virtual.VerificationNever
		}),
	}
}

// everyKind registers and logs in with each kind. What the client refuses because of the options is none of the kinds
// that the relying party wants.
func everyKind(ctx context.Context, r *Rig) Finding {
	var findings []named
	for _, kind := range kinds() {
		u, err := r.Prove(ctx, opRegister)
		if err != nil {
			return untold("%v", err)
		}
		if r.oneKey {
			if u, err = r.newcomer(ctx); err != nil {
				return untold("%v", err)
			}
		}
		t := r.Act(ctx, u, Act{Name: kind.Name, Authenticator: kind.Authenticator})
		if t.Answer == Refused {
			continue
		}
		f, over := t.unusable()
		if !over {
			f = r.registrationTaken(ctx, u, t)
		}
		findings = append(findings, named{kind.Name, f})
	}
	return sum(findings)
}
