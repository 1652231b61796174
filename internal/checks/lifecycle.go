package checks

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/scenarios"
)

// lifecycleChecks are about what becomes of challenges, credentials, accounts and sessions: WebAuthn L3 §13.4.3, §7.1
// steps 8 and 26, §7.2 step 11, §4.
func lifecycleChecks() []*Check {
	return slices.Concat(replayChecks(), challengeLifeChecks(), pendingChecks(), duplicateChecks(), deletionChecks(), accountLifeChecks(),
		closureChecks())
}

const (
	spendFix = "Take the challenge out of the session before anything else is looked at, so that an answer to it counts once, and only where " +
		"it was issued."
	duplicateFix = "Make credential ids unique over all users in the database, and refuse a registration whose id is there."
)

// replayRow is a row about an answer that was given before.
func replayRow(id, title string, basis []string, sends string, faults []string, perform func(context.Context, *Rig) Finding) *Check {
	return &Check{
		ID: id, Title: title, Ceremony: Lifecycle, Level: Must, Severity: Critical, Basis: basis, Sends: sends, Expects: "a refusal",
		Fix: spendFix, Faults: faults, Perform: perform,
	}
}

func replayChecks() []*Check {
	login := []string{"WebAuthn L3 §7.2 step 11, §13.4.3"}
	registration := []string{"WebAuthn L3 §7.1 step 8, §13.4.3"}
	again := replayRow("reg-replay", "The same registration twice", append(slices.Clone(registration), "WebAuthn L3 §7.1 step 26"),
		"a registration that was accepted, once more", []string{"registration-replayable"}, registrationReplay)
	again.Level, again.Severity, again.Needs = Should, Medium, []Ability{CanList}
	again.Expects = "a refusal, or a yes that changes nothing"
	return []*Check{
		replayRow("auth-replay", "The same login twice, in one session", login,
			"an assertion that signed its user in, again: with the cookies it was sent with, after somebody else has signed in there, and after signing out",
			[]string{"challenge-reusable", "challenge-stateless", "challenge-if-any"}, loginReplay),
		replayRow("auth-replay-new-session", "The same login again, in a new session", login,
			"an assertion that signed its user in, from a new browser that asked for no options",
			[]string{"challenge-stateless", "challenge-if-any"}, loginReplayElsewhere),
		replayRow("auth-replay-with-live-challenge", "An old login, while a new challenge is pending", login,
			"an assertion that signed its user in, in a session with a new challenge; also with that challenge beside the client data",
			[]string{"challenge-from-body", "challenge-stateless", "challenge-unchecked", "challenge-length-only", "challenge-constant"}, loginReplayBeside),
		replayRow("reg-challenge-reuse", "A second passkey for one challenge", append(slices.Clone(registration), "CVE-2022-42731"),
			"a new passkey, made for the challenge of a registration that was accepted; also with the cookies that one was sent with",
			[]string{"challenge-reusable", "challenge-stateless", "challenge-if-any", "registration-replayable"}, challengeReuse),
		again,
	}
}

// resend sends a response again and judges that it must not sign its user in.
func (r *Rig) resend(ctx context.Context, u *User, name string, s *rp.Session, response json.RawMessage) Finding {
	return r.sent(ctx, u, Act{Name: name, Operation: r.loginOperation(), Session: s, NoOptions: true, Answer: send(response)})
}

// sent acts out a login that must not sign its user in, and of which the adapter may be incapable.
func (r *Rig) sent(ctx context.Context, u *User, act Act) Finding {
	t := r.Act(ctx, u, act)
	if f, over := t.unusable(); over {
		return f.withoutOptions(t)
	}
	f := t.never(u)
	if f.kind == kindDeviates {
		return deviates("%s, and %s is signed in", t.Answer, t.Who)
	}
	return f
}

// login is a login that worked.
type login struct {
	response json.RawMessage
	session  *rp.Session
	before   *rp.Session // as the session was before the response was sent
}

// used makes a login that works.
func (r *Rig) used(ctx context.Context, u *User) (login, error) {
	l := login{session: r.NewSession()}
	t := r.act(ctx, u, Act{Operation: r.loginOperation(), Session: l.session, Answer: func(ctx context.Context, c rp.Ceremony) (json.RawMessage, error) {
		l.before = r.party.Fork(l.session)
		return r.sign(ctx, u.Passkey(), c.Options)
	}})
	l.response = t.Response
	if t.Answer != Accepted {
		return l, fmt.Errorf("control: a legal login did not work: %s", t.Result.Reason)
	}
	return l, nil
}

func loginReplay(ctx context.Context, r *Rig) Finding {
	u, other, err := r.twoUsers(ctx)
	if err != nil {
		return untold("%v", err)
	}
	var findings []named
	l, err := r.used(ctx, u)
	s, response := l.session, l.response
	defer r.cfg.Driver.Release(s)
	if err != nil {
		return untold("%v", err)
	}
	const earlier = "with the cookies from before"
	if who, known, _ := r.Whoami(ctx, l.before); known && who == "" {
		findings = append(findings, named{earlier, r.resend(ctx, u, earlier, l.before, response)})
	}
	// Who is signed in afterwards tells the second use from the first only if it was somebody else meanwhile.
	const over = "after somebody else's login"
	if t := r.act(ctx, other, Act{Operation: r.loginOperation(), Session: s, See: allowing(other.Passkey())}); t.Answer == Accepted && t.WhoKnown && t.Who == other.Identity {
		findings = append(findings, named{over, r.resend(ctx, u, over, s, response)})
	}
	const out = "after signing out"
	if r.Offers(scenarios.OpLogout) {
		result := r.Do(ctx, scenarios.OpLogout, s, rp.Input{User: u.User, SignedIn: true})
		who, known, _ := r.Whoami(ctx, s)
		if result.Outcome == rp.OutcomeAccepted && known && who == "" {
			findings = append(findings, named{out, r.resend(ctx, u, out, s, response)})
		}
	}
	if len(findings) == 0 {
		return unable("the second use cannot be told from the first: nobody else can sign in in that session, and the adapter offers no logout; add it")
	}
	return sum(findings)
}

func loginReplayElsewhere(ctx context.Context, r *Rig) Finding {
	u, err := r.Prove(ctx, r.loginOperation())
	if err != nil {
		return untold("%v", err)
	}
	l, err := r.used(ctx, u)
	r.cfg.Driver.Release(l.session)
	if err != nil {
		return untold("%v", err)
	}
	fresh := r.NewSession()
	defer r.cfg.Driver.Release(fresh)
	return r.resend(ctx, u, "new session", fresh, l.response)
}

func loginReplayBeside(ctx context.Context, r *Rig) Finding {
	u, err := r.Prove(ctx, r.loginOperation())
	if err != nil {
		return untold("%v", err)
	}
	l, err := r.used(ctx, u)
	r.cfg.Driver.Release(l.session)
	if err != nil {
		return untold("%v", err)
	}
	pending := Act{Name: "new challenge", Operation: r.loginOperation(), Answer: send(l.response)}
	copied := Act{Name: "new challenge beside the client data", Operation: r.loginOperation()}
	var live string
	copied.Answer = func(_ context.Context, c rp.Ceremony) (json.RawMessage, error) {
		var options, members map[string]any
		if err := json.Unmarshal(c.Options, &options); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(l.response, &members); err != nil {
			return nil, err
		}
		live, _ = options["challenge"].(string)
		members["challenge"] = live
		return json.Marshal(members)
	}
	copied.Rewrite = func(role rp.Role, body any) any {
		if role != rp.RoleCredential {
			return body
		}
		switch body := body.(type) {
		case map[string]any:
			body["challenge"], body["expectedChallenge"] = live, live
		case map[string]string:
			body["challenge"], body["expectedChallenge"] = live, live
		}
		return body
	}
	return sum([]named{{pending.Name, r.sent(ctx, u, pending)}, {copied.Name, r.sent(ctx, u, copied)}})
}

// severalKeys proves the registration of a user who can have several passkeys.
func (r *Rig) severalKeys(ctx context.Context) (*User, Finding, bool) {
	u, err := r.Prove(ctx, opRegister)
	switch {
	case err != nil:
		return nil, untold("%v", err), false
	case r.oneKey:
		return nil, unable("users can have but one passkey here, so that another is refused whatever it is"), false
	}
	return u, Finding{}, true
}

// registered is a registration that worked.
func (r *Rig) registered(ctx context.Context, u *User) (*Trial, error) {
	t := r.act(ctx, u, Act{Session: u.Session})
	if t.Answer != Accepted {
		return t, fmt.Errorf("control: a legal registration did not work: %s", t.Result.Reason)
	}
	return t, nil
}

func challengeReuse(ctx context.Context, r *Rig) Finding {
	u, f, ok := r.severalKeys(ctx)
	if !ok {
		return f
	}
	s, err := r.signedInAs(ctx, u) // a session in which nothing else is pending
	if err != nil {
		return untold("%v", err)
	}
	defer r.cfg.Driver.Release(s)
	var before *rp.Session // as the session was before the first passkey was sent
	first := r.act(ctx, u.in(s), Act{Session: s, See: func(map[string]any) { before = r.party.Fork(s) }})
	if first.Answer != Accepted {
		return untold("control: a legal registration did not work: %s", first.Result.Reason)
	}
	var findings []named
	for _, variant := range []struct {
		name    string
		session *rp.Session
	}{{"used challenge", s}, {"used challenge, with the cookies from before", before}} {
		findings = append(findings, named{variant.name, r.registersWith(ctx, u.in(variant.session), variant.name, first.Result.Options)})
	}
	return sum(findings)
}

// registersWith has a new passkey answer options from elsewhere, without asking for any, which must be refused.
func (r *Rig) registersWith(ctx context.Context, u *User, name string, options json.RawMessage) Finding {
	device, err := r.device(r.purpose(), nil)
	if err != nil {
		return untold("%v", err)
	}
	made, response, err := r.make(ctx, device, options)
	if err != nil {
		return untold("%v", err)
	}
	t := r.Act(ctx, u, Act{Name: name, NoOptions: true, Answer: send(response)})
	t.Passkey = made
	if f, over := t.unusable(); over {
		return f.withoutOptions(t)
	}
	return r.registrationRefused(ctx, u, t)
}

func registrationReplay(ctx context.Context, r *Rig) Finding {
	u, f, ok := r.severalKeys(ctx)
	if !ok {
		return f
	}
	first, err := r.registered(ctx, u)
	if err != nil {
		return untold("%v", err)
	}
	before, known := r.row(ctx, u, first.Passkey)
	t := r.Act(ctx, u, Act{Name: "again", Session: u.Session, NoOptions: true, Answer: send(first.Response)})
	if f, over := t.unusable(); over {
		return f.withoutOptions(t)
	}
	return r.changedNothing(ctx, u, t, first.Passkey, before, known)
}

// row is what the list says of a passkey, as text to compare: each of its entries.
func (r *Rig) row(ctx context.Context, u *User, k *Passkey) (string, bool) {
	if !r.Offers(scenarios.OpList) {
		return "", false
	}
	result := r.Do(ctx, scenarios.OpList, u.Session, rp.Input{User: u.User, SignedIn: true})
	var rows []any
	for _, e := range result.Entries {
		if canonicalID(e.Credential) == k.IDText() {
			rows = append(rows, e.Raw)
		}
	}
	text, err := json.Marshal(rows)
	return string(text), err == nil && result.Outcome == rp.OutcomeAccepted
}

// changedNothing judges a registration of something that is there already: it may be refused, or a yes without effect.
func (r *Rig) changedNothing(ctx context.Context, u *User, t *Trial, k *Passkey, before string, known bool) Finding {
	after, still := r.row(ctx, u, k)
	switch {
	case t.Answer == Crashed:
		return crashes(t.Result.Reason)
	case !known || !still:
		return unable("%s; what it changed cannot be told: the adapter offers no list that answered; add it", t.Answer)
	case before != after:
		return deviates("%s, and the list shows another passkey than before", t.Answer)
	case t.Answer == Accepted:
		return conforms("accepted, and nothing has changed")
	}
	return conforms("%s: %s", t.Answer, t.Result.Reason)
}
