package engine

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
)

// A relying party's answer says what it means to have done; whoami and the list say what it did.
// These looks are made after the ceremony's clock has stopped.

// describe fills in what the ceremony's parts say.
func describe(c *report.Ceremony, id, clientData, authData []byte) {
	c.CredentialID = base64.RawURLEncoding.EncodeToString(id)
	c.ClientData = webauthn.DescribeClientData(clientData)
	c.AuthData = webauthn.DescribeAuthenticatorData(authData)
}

// look performs an operation whose answer is only looked at.
func (w *world) look(ctx context.Context, operation string, u rp.User, v *visit, o *outcome) *rp.Result {
	w.enter(v, nil, nil)
	r := w.driver.Do(ctx, operation, v.session, rp.Input{User: u, SignedIn: v.signedIn, Began: w.began})
	for _, x := range r.Exchanges {
		x.Purpose = "after: " + operation
		o.after = append(o.after, x)
	}
	return r
}

// onPage says whether an operation is done on the page.
func (w *world) onPage(operation string) bool {
	return w.pages != nil && w.file.Adapter.Operations[operation].Page != nil
}

// missing says why an operation cannot be looked at: the adapter does not offer it, or not to this driver. It
// is empty if it can.
func (w *world) missing(operation string) string {
	op, offered := w.file.Adapter.Operations[operation]
	switch {
	case !offered:
		return "the adapter offers no " + operation
	case op.PageOnly() && w.pages == nil:
		return "the adapter does " + operation + " on its page only"
	}
	return ""
}

// lookAtSession asks whoami about a session of the actor's. Without that operation the session is taken to be as
// the relying party said: open tells which.
func (w *world) lookAtSession(ctx context.Context, actor string, v *visit, o *outcome, open bool) {
	if why := w.missing(scenarios.OpWhoami); why != "" {
		v.signedIn = open
		o.notes = append(o.notes, "who is signed in "+report.NotVerified+": "+why)
		return
	}
	r := w.look(ctx, scenarios.OpWhoami, rp.User{}, v, o)
	switch r.Outcome {
	case rp.OutcomeAccepted:
		w.identify(r, actor, o)
	case rp.OutcomeRejected:
		o.user = scenarios.Nobody
	case rp.OutcomeRefused, rp.OutcomeError:
		o.findings = append(o.findings, untold("who is signed in afterwards", r))
		return
	}
	v.signedIn = o.user != scenarios.Nobody
}

// identify takes in who whoami says is signed in, as far as it says. A page that does not name them is not taken
// to mean the actor.
func (w *world) identify(r *rp.Result, actor string, o *outcome) {
	o.actor = actor
	if !r.Somebody {
		o.user = w.whoIs(r.User)
		return
	}
	o.user = scenarios.Somebody
	o.notes = append(o.notes, "who is signed in "+report.NotVerified+": the page shows only that somebody is")
}

// lookAtList asks for the list, if the adapter offers it.
func (w *world) lookAtList(ctx context.Context, u *user, v *visit, o *outcome) (entries []rp.Entry, known bool) {
	if why := w.missing(scenarios.OpList); why != "" {
		o.notes = append(o.notes, "what the relying party stored "+report.NotVerified+": "+why)
		return nil, false
	}
	r := w.look(ctx, scenarios.OpList, u.User, v, o)
	if r.Outcome != rp.OutcomeAccepted {
		o.findings = append(o.findings, untold("what the relying party stored", r))
		return nil, false
	}
	return r.Entries, true
}

// untold is the finding for a look that did not work.
func untold(what string, r *rp.Result) finding {
	if r.Fault != nil && r.Fault.Kind == rp.FaultInterrupted {
		return interrupted()
	}
	return finding{verdict: report.VerdictError, message: what + " could not be told: " + r.Reason, hint: hintOf(r)}
}

// interrupted is the finding for a step that the end of the run cut off.
func interrupted() finding {
	return finding{verdict: report.VerdictSkip, message: "interrupted before it could be judged"}
}

func hintOf(r *rp.Result) string {
	if r.Fault != nil {
		return r.Fault.Hint
	}
	return ""
}

// lookAfterRegistration verifies that the list shows a passkey that was accepted, and none that was not. made is its
// id; nil if none was made.
func (w *world) lookAfterRegistration(ctx context.Context, u *user, v *visit, o *outcome, made []byte) {
	accepted := o.result.Outcome == rp.OutcomeAccepted
	if made == nil || (!accepted && o.result.Outcome != rp.OutcomeRejected) {
		return
	}
	w.lookAtSession(ctx, u.Name, v, o, accepted || v.signedIn)
	w.nobodyElse(u, o, "registration")
	if !v.signedIn && w.missing(scenarios.OpList) == "" {
		o.notes = append(o.notes, "what the relying party stored "+report.NotVerified+": the session is not signed in")
		return
	}
	entries, known := w.lookAtList(ctx, u, v, o)
	if !known {
		return
	}
	key := &passkey{id: made}
	stored := findEntry(entries, key) != nil
	if stored == accepted {
		return
	}
	f := finding{verdict: report.VerdictFail, expected: "a list with " + key.idText(), actual: describeEntries(entries)}
	f.message = "the relying party accepted the registration, but its list does not show the passkey"
	if stored {
		f.message, f.expected = "the relying party rejected the registration, yet its list shows the passkey", "a list without "+key.idText()
	}
	o.findings = append(o.findings, f)
}

// nobodyElse verifies that an operation on one user's account did not sign somebody else in.
func (w *world) nobodyElse(u *user, o *outcome, operation string) {
	if o.result.Outcome == rp.OutcomeAccepted && !slices.Contains([]string{"", scenarios.Nobody, scenarios.Somebody, u.Name}, o.user) {
		o.findings = append(o.findings, finding{
			verdict: report.VerdictFail, message: "after the " + operation + " somebody else is signed in",
			expected: u.Name + " or nobody", actual: o.user,
		})
	}
}

// lookAfterChange verifies by the list that an accepted change of a passkey was made, and a rejected one
// was not. before says that things were so already.
func (w *world) lookAfterChange(ctx context.Context, o *outcome, v *visit, u *user, what, made string, isMade func([]rp.Entry) bool, before bool) {
	accepted := o.result.Outcome == rp.OutcomeAccepted
	if !accepted && o.result.Outcome != rp.OutcomeRejected {
		return
	}
	if !accepted && (before || !v.signedIn) {
		return // nothing to change; or refused for want of a session, and without one there is no list
	}
	entries, known := w.lookAtList(ctx, u, v, o)
	if !known || isMade(entries) == accepted {
		return
	}
	f := finding{
		verdict: report.VerdictFail, message: "the relying party accepted the " + what + ", but its list does not show it",
		expected: "a list with " + made, actual: describeEntries(entries),
	}
	if !accepted {
		f.message, f.expected = "the relying party rejected the "+what+", yet its list shows it", "a list as before"
	}
	o.findings = append(o.findings, f)
}

// lookAfterLogin verifies that an accepted login opened the right user's session, and a rejected one none.
func (w *world) lookAfterLogin(ctx context.Context, s *scenarios.Step, u *user, v *visit, o *outcome) {
	accepted := o.result.Outcome == rp.OutcomeAccepted
	wasSignedIn := v.signedIn
	switch {
	case accepted, o.result.Outcome == rp.OutcomeRejected:
		w.lookAtSession(ctx, u.Name, v, o, accepted)
	case o.result.Outcome == rp.OutcomeRefused && s.Expect != nil && s.Expect.User != "":
		w.lookAtSession(ctx, u.Name, v, o, wasSignedIn) // nothing was sent that could have changed it
	default:
		return
	}
	if o.user == "" {
		return
	}
	want := u.Name
	if s.Expect != nil && s.Expect.User != "" {
		return // judged as an expectation
	}
	switch {
	case accepted && o.user == scenarios.Nobody && !v.session.HoldsCredentials():
		o.findings = append(o.findings, finding{
			verdict: report.VerdictError, message: "the relying party accepted the login but set no cookie, and the adapter saved no token: nothing can carry the session",
			expected: "whoami says " + want, actual: "whoami says nobody",
			hint: "is the cookie dropped on the way (Secure over plain HTTP, another Domain), or does the session travel in a token that the adapter should save?",
		})
	case accepted && o.user != want && o.user != scenarios.Somebody:
		o.findings = append(o.findings, finding{
			verdict: report.VerdictFail, message: "the relying party accepted the login, but not for this user",
			expected: "whoami says " + want, actual: "whoami says " + o.user,
		})
	case !accepted && !wasSignedIn && o.user != scenarios.Nobody:
		o.findings = append(o.findings, finding{
			verdict: report.VerdictFail, message: "the relying party rejected the login, yet the session is signed in",
			expected: "whoami says nobody", actual: "whoami says " + o.user,
		})
	}
}

// findEntry finds a passkey in a list: by credential id, in whatever alphabet and padding the list writes it.
func findEntry(entries []rp.Entry, key *passkey) *rp.Entry {
	want := key.idText()
	canonical := strings.NewReplacer("+", "-", "/", "_", "=", "")
	for i := range entries {
		if canonical.Replace(entries[i].Credential) == want {
			return &entries[i]
		}
	}
	return nil
}

func describeEntries(entries []rp.Entry) string {
	if len(entries) == 0 {
		return "no passkeys"
	}
	parts := make([]string, 0, len(entries))
	for _, e := range entries {
		parts = append(parts, fmt.Sprintf("%q (%s)", e.Name, e.Credential))
	}
	return strings.Join(parts, ", ")
}
