package checks

import (
	"bytes"
	"context"
	"slices"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/scenarios"
)

// accountSyncChecks are about one account on several devices.
func accountSyncChecks() []*Check {
	discoverable := syncRow("discoverable-new-device", "A login without a name on a new device", Accept, High, "WebAuthn L3 §7.2 step 6",
		"a login without a username, from a device and a browser that the user has never used here",
		"Find the user by the user handle that the authenticator gives.", []string{"discoverable-refused"}, discoverableElsewhere)
	discoverable.Gates, discoverable.Needs = []Gate{gate("discoverable", "yes")}, []Ability{CanDiscoverable, CanWhoami}
	constant := syncRow("user-handle-constant", "The user handle on every device", Should, Medium, "WebAuthn L3 §5.4.3, §5.1.10",
		"options for a registration, asked for in two sessions of one user",
		"Give a user one user handle for good: with two, providers keep two accounts, and signals miss one of them.",
		[]string{"user-handle-per-request"}, constantHandle)
	constant.Expects = "the same user.id"
	replaced := syncRow("replaced-credential", "A passkey made anew by its provider", Info, Low, "WebAuthn L3 §5.4.3, §6.3.2",
		"a second passkey for the same user handle on the same authenticator, which forgets the first; then a login with the first one from a copy",
		"Nothing has to be done. Users see an old passkey in the list until they delete it.", nil, replacedByProvider)
	seen := syncRow("delete-seen-by-other", "A passkey deleted on one device, used on another", Must, High, "WebAuthn L3 §5.1.10.1, §4",
		"a passkey deleted in one device's session, then used from a device that has a copy",
		"Delete the credential record at once. Tell the page of a login without a name that the credential is unknown, so that it can signal it.",
		[]string{"deleted-passkey-usable", "unknown-credential-taken"}, deletedElsewhere)
	seen.Expects, seen.Needs = "a refusal", []Ability{CanDelete, CanList, CanWhoami}
	return []*Check{discoverable, constant, replaced, seen}
}

func discoverableElsewhere(ctx context.Context, r *Rig) Finding {
	u, err := r.Prove(ctx, r.loginOperation())
	if err != nil {
		return untold("%v", err)
	}
	k, err := r.onAnother(u.Passkey(), nil, nil)
	if err != nil {
		return untold("%v", err)
	}
	return r.judge(ctx, u, Act{Name: "new device", Operation: scenarios.OpLoginDiscoverable, Passkey: k}, toBeTaken)
}

func constantHandle(ctx context.Context, r *Rig) Finding {
	u, err := r.Prove(ctx, r.loginOperation())
	if err != nil {
		return untold("%v", err)
	}
	s, err := r.signedInAs(ctx, u)
	if err != nil {
		return untold("%v", err)
	}
	defer r.cfg.Driver.Release(s)
	var handles []any
	for _, session := range []*rp.Session{u.Session, s} {
		options, _, err := r.OptionsWith(ctx, opRegister, session, rp.Input{User: u.User, SignedIn: true})
		if err != nil {
			return unable("there are no options for another passkey: %v", err)
		}
		user, _ := options["user"].(map[string]any)
		handles = append(handles, user["id"])
	}
	if handles[0] != handles[1] || handles[0] == nil {
		return deviates("user.id is %v in one session and %v in the other", handles[0], handles[1])
	}
	return conforms("user.id is %v in both sessions", handles[0])
}

func replacedByProvider(ctx context.Context, r *Rig) Finding {
	if r.oneKey {
		return unable("users can have but one passkey here")
	}
	u, old, err := r.passkeyOf(ctx, nil)
	if err != nil {
		return notMade(err)
	}
	kept, err := r.onAnother(old, nil, nil)
	if err != nil {
		return untold("%v", err)
	}
	again := r.Act(ctx, u, Act{Name: "made anew", Device: old.Device, Session: u.Session, See: func(options map[string]any) { delete(options, "excludeCredentials") }})
	if f, over := again.unusable(); over {
		return f
	}
	t := r.Act(ctx, u, Act{Name: "the old one", Operation: r.loginOperation(), Passkey: kept})
	return either(t.Answer == Accepted, "the new one: %s; the old one: %s", again.Answer, t.Answer)
}

func deletedElsewhere(ctx context.Context, r *Rig) Finding {
	return deleted(func(ctx context.Context, r *Rig, u *User, k *Passkey) Finding {
		other, err := r.onAnother(k, nil, nil)
		if err != nil {
			return untold("%v", err)
		}
		return r.shutOut(ctx, u, other, "the passkey's copy")
	})(ctx, r)
}

// signalChecks are about what a page tells providers (WebAuthn L3 §5.1.10). Only a browser sees it.
func signalChecks() []*Check {
	row := func(id, title string, level Level, severity Severity, sends, expects, fix string, perform func(context.Context, *Rig) Finding, faults ...string) *Check {
		return &Check{
			ID: "sync-signal-" + id, Title: title, Ceremony: Sync, Level: level, Severity: severity, Basis: []string{"WebAuthn L3 §5.1.10, §14.6.3"},
			Sends: sends, Expects: expects, Fix: fix, Where: Browser, Perform: perform, Faults: faults,
		}
	}
	return []*Check{
		row("unknown", "Signals of unknown credentials", Info, Low, "a login on the page with a credential that was never registered",
			"signalUnknownCredential for that credential, and for no other",
			"Call signalUnknownCredential when the server says that it does not know a credential, and only then.", signalsUnknown),
		row("all-complete", "Signals of all accepted credentials", Should, High, "a legal login on the page", "if signalAllAcceptedCredentials is called, the user's own handle and every passkey are in it",
			"Give signalAllAcceptedCredentials the whole list: providers hide or delete what is not in it.", signalsAll, "page-signals-partly"),
		row("all-authenticated", "Signals before anybody is signed in", Should, Low, "a login on the page that is refused", "no signalAllAcceptedCredentials",
			"Call signalAllAcceptedCredentials for signed-in users only: it tells which credentials exist.", signalsEarly, "page-signals-early"),
		row("user-details", "Signals of a user's names", Info, Note, "a legal login on the page", "signalCurrentUserDetails with the names of the user",
			"Call signalCurrentUserDetails after names have changed, and at logins.", signalsDetails),
	}
}

// Kinds of [rp.Signal].
const (
	signalUnknown = "unknown-credential"
	signalAll     = "all-accepted-credentials"
	signalDetails = "current-user-details"
)

// signaled are the signals of a kind that had an effect.
func signaled(result *rp.Result, kind string) []rp.Signal {
	return slices.DeleteFunc(slices.Clone(result.Signals), func(s rp.Signal) bool { return s.Type != kind || s.Error != "" })
}

// aSecond is a script that gives a page time for what it does after it has shown its yes or no.
const aSecond = "await new Promise((done) => setTimeout(done, 1000));"

// signaling acts out a login on a page of its own, with what the page signals until a second after it.
func (r *Rig) signaling(ctx context.Context, u *User, a Act) *Trial {
	a.Session = r.NewSession()
	defer r.cfg.Driver.Release(a.Session)
	t := r.Act(ctx, u, a)
	if driver, ok := r.cfg.Driver.(pager); ok {
		steps := []scenarios.PageStep{{Evaluate: &scenarios.PageEvaluate{Script: scenarios.NewText(aSecond)}}}
		t.Result.Signals = append(t.Result.Signals, driver.Page(ctx, a.Session, steps, scenarios.Env{}).Signals...)
	}
	return t
}

// onPage is a legal login on the page.
func (r *Rig) onPage(ctx context.Context) (*User, *Trial, error) {
	u, err := r.Prove(ctx, r.loginOperation())
	if err != nil {
		return nil, nil, err
	}
	return u, r.signaling(ctx, u, Act{Name: "login", Operation: r.loginOperation()}), nil
}

func signalsUnknown(ctx context.Context, r *Rig) Finding {
	u, err := r.Prove(ctx, r.loginOperation())
	if err != nil {
		return untold("%v", err)
	}
	unknown, err := r.stranger(ctx, u)
	if err != nil {
		return untold("%v", err)
	}
	operation := r.loginOperation()
	if r.Offers(scenarios.OpLoginDiscoverable) {
		operation = scenarios.OpLoginDiscoverable
	}
	t := r.signaling(ctx, u, Act{Name: "unknown credential", Operation: operation, Passkey: unknown, See: allowAll})
	if f, over := t.unusable(); over {
		return f
	}
	signals := signaled(t.Result, signalUnknown)
	told := slices.ContainsFunc(signals, func(s rp.Signal) bool { return bytes.Equal(s.CredentialID, unknown.ID) })
	return either(!told || len(signals) > 1, "the page signaled %d unknown credentials; this one among them: %t", len(signals), told)
}

func signalsAll(ctx context.Context, r *Rig) Finding {
	u, t, err := r.onPage(ctx)
	if err != nil {
		return untold("%v", err)
	}
	if t.Answer != Accepted {
		return untold("control: a legal login did not work: %s", t.Result.Reason)
	}
	signals := signaled(t.Result, signalAll)
	for _, s := range signals {
		if handle := u.Passkey().handle(); !bytes.Equal(s.UserHandle, handle) {
			return deviates("the page signaled the credentials of user handle %q, whose user has %q", idText(s.UserHandle), idText(handle))
		}
		for _, k := range u.Passkeys {
			if !slices.ContainsFunc(s.Accepted, func(id []byte) bool { return bytes.Equal(id, k.ID) }) {
				return deviates("the page signaled %d credentials, and a valid one is not among them: providers may delete it", len(s.Accepted))
			}
		}
	}
	if len(signals) == 0 {
		return inapplicable("the page does not call signalAllAcceptedCredentials")
	}
	return conforms("the page signaled all %d passkeys", len(u.Passkeys))
}

func signalsEarly(ctx context.Context, r *Rig) Finding {
	u, err := r.Prove(ctx, r.loginOperation())
	if err != nil {
		return untold("%v", err)
	}
	t := r.signaling(ctx, u, Act{Name: "wrong signature", Operation: r.loginOperation(), Changes: change("signature-flip", nil)})
	if t.Answer != Rejected && t.Answer != Soft {
		return untold("a wrong login was not refused: %s", t.Answer)
	}
	if signals := signaled(t.Result, signalAll); len(signals) > 0 {
		return deviates("the page signaled %d credentials of a user who is not signed in", len(signals[0].Accepted))
	}
	return conforms("the page signaled no accepted credentials")
}

func signalsDetails(ctx context.Context, r *Rig) Finding {
	_, t, err := r.onPage(ctx)
	if err != nil {
		return untold("%v", err)
	}
	signals := signaled(t.Result, signalDetails)
	return either(len(signals) == 0, "the page called signalCurrentUserDetails %d times", len(signals))
}
