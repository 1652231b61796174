package checks

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual"
)

// perform performs the check's cases, each right after a legal ceremony of the same kind.
func (c *Check) perform(ctx context.Context, r *Rig) Finding {
	if c.Perform != nil {
		return c.Perform(ctx, r)
	}
	operation := c.operation(r)
	findings := make([]named, 0, len(c.Cases))
	var reason Finding // why a case does not apply
	for i := range c.Cases {
		variant := &c.Cases[i]
		u, err := r.Prove(ctx, operation)
		if err != nil {
			return untold("%v", err)
		}
		act := Act{Name: variant.Name, Operation: operation, Changes: variant.Changes, Authenticator: variant.Authenticator}
		f := r.judge(ctx, u, act, c.wants())
		if f.kind == kindInapplicable {
			reason = f
			continue
		}
		findings = append(findings, named{variant.Name, f})
		if ctx.Err() != nil {
			return untold("interrupted after %d of %d cases", i, len(c.Cases))
		}
	}
	if len(findings) == 0 {
		return reason
	}
	return sum(findings)
}

// judge acts out one variant of a registration or login on a user and says whether what has to happen did.
func (r *Rig) judge(ctx context.Context, u *User, act Act, want wants) Finding {
	if act.Operation == opRegister || act.Operation == "" {
		return r.judgeRegistration(ctx, u, act, want)
	}
	return r.judgeLogin(ctx, u, act, want)
}

// judgeLogin judges by who is signed in afterwards. A variant with an authenticator of its own has a passkey
// registered first, with the same authenticator.
func (r *Rig) judgeLogin(ctx context.Context, u *User, act Act, want wants) Finding {
	if act.Authenticator != nil && act.Passkey == nil {
		made := r.act(ctx, u, Act{Session: u.Session, Authenticator: act.Authenticator})
		if made.Answer != Accepted {
			return inapplicable("the relying party did not take a passkey of that kind: %s", made.Result.Reason)
		}
		act.Passkey, act.Authenticator = made.Passkey, nil
	}
	t := r.Act(ctx, u, act)
	if f, over := t.unusable(); over {
		return f
	}
	if want == toBeTaken {
		return t.taken(u)
	}
	f := t.refused()
	if want == eitherWay {
		f.escalated = false
	}
	return f
}

// taken judges a login that had to work.
func (t *Trial) taken(u *User) Finding {
	switch {
	case t.Answer != Accepted:
		return deviates("%s: %s", t.Answer, t.Result.Reason)
	case !t.WhoKnown:
		return unable("the relying party said yes; who is signed in cannot be told: the adapter offers no whoami that answered")
	case t.Who != u.Identity:
		return deviates("the relying party said yes, but %s is signed in", orNobody(t.Who))
	}
	return conforms("accepted, and %s is signed in", t.Who)
}

// refused judges a login that had to be refused.
func (t *Trial) refused() Finding {
	switch {
	case !t.WhoKnown:
		return unable("%s; who is signed in cannot be told: the adapter offers no whoami that answered", t.Answer)
	case t.Who != "" && t.Answer == Accepted:
		return deviates("accepted, and %s is signed in", t.Who)
	case t.Who != "":
		return deviates("%s, and yet %s is signed in", t.Answer, t.Who)
	case t.Answer == Accepted:
		return weak("the relying party said yes, but nobody is signed in")
	case t.Answer == Crashed:
		return crashes(t.Result.Reason)
	}
	return conforms("%s: %s", t.Answer, t.Result.Reason)
}

// unusable is the finding for a ceremony that never got to the relying party's decision.
func (t *Trial) unusable() (Finding, bool) {
	switch t.Answer {
	case Inapt:
		return inapplicable("the case does not apply here"), true
	case Limited:
		return untold("the relying party limits the rate of requests: %s", t.Result.Reason), true
	case Refused:
		if e, ok := errors.AsType[*virtual.Error](t.Result.ClientErr); ok && e.Name == virtual.NotSupportedError {
			return inapplicable("the options are not for this kind of authenticator: %s", e.Message), true
		}
		return untold("the client could not make a response: %s", t.Result.Reason), true
	case Unclear:
		if f := t.Result.Fault; f != nil && f.Kind == rp.FaultPage && t.Response == nil { // right before, it did in the right session
			return unable("the page offers no such ceremony in this session; the api driver may tell: %s", t.Result.Reason), true
		}
		return untold("%s", t.Result.Reason), true
	case Accepted, Rejected, Soft, Crashed:
		if t.Response == nil {
			return untold("%s before the response was sent: %s", t.Answer, t.Result.Reason), true
		}
	}
	return Finding{}, false
}

// judgeRegistration judges by whether the passkey is then stored, and for what has to be taken by whether it
// signs its user in.
func (r *Rig) judgeRegistration(ctx context.Context, u *User, act Act, want wants) Finding {
	if act.Session == nil {
		var err error
		if u, err = r.registrant(ctx, u); err != nil {
			return untold("%v", err)
		}
	}
	t := r.Act(ctx, u, act)
	if f, over := t.unusable(); over {
		return f
	}
	if want == toBeTaken {
		return r.registrationTaken(ctx, u, t)
	}
	return r.registrationRefused(ctx, u, t)
}

// registrant is who a registration is tried with: the user, or somebody new where users have but one passkey.
func (r *Rig) registrant(ctx context.Context, u *User) (*User, error) {
	if !r.oneKey {
		return u, nil
	}
	return r.newcomer(ctx)
}

func (r *Rig) registrationTaken(ctx context.Context, u *User, t *Trial) Finding {
	if t.Answer != Accepted {
		return deviates("%s: %s", t.Answer, t.Result.Reason)
	}
	login := r.act(ctx, u, Act{Name: t.Name + ", then login", Operation: r.loginOperation(), Passkey: t.Passkey})
	if login.Answer == Refused {
		return deviates("the registration was accepted, but the options of a login do not fit the passkey: %s", login.Result.Reason)
	}
	if f, over := login.unusable(); over {
		return f
	}
	f := login.taken(u)
	if f.kind == kindConforms {
		return conforms("accepted, and the passkey signs in")
	}
	f.Actual = "the registration was accepted, but logging in with the passkey was not what it should be: " + f.Actual
	return f
}

func (r *Rig) registrationRefused(ctx context.Context, u *User, t *Trial) Finding {
	stored, known, how := r.Stored(ctx, u, t)
	switch {
	case known && stored && t.Answer == Accepted:
		return deviates("accepted, and the passkey is stored (%s)", how)
	case known && stored:
		return deviates("%s, and yet the passkey is stored (%s)", t.Answer, how)
	case !known:
		return unable("%s; what the relying party stored cannot be told: %s", t.Answer, how)
	case t.Answer == Accepted:
		return weak("the relying party said yes, but stored no passkey")
	case t.Answer == Crashed:
		return crashes(t.Result.Reason)
	}
	return conforms("%s: %s", t.Answer, t.Result.Reason)
}

// Stored looks whether the relying party stored what a registration carried: by its list, else by the credentials that
// its options exclude, as long as they show the user's legal passkey. A refusal may have ended the session, so that the
// user is signed in again to look. known is false if nothing can tell; how says by what it was told, or what is missing.
func (r *Rig) Stored(ctx context.Context, u *User, t *Trial) (stored, known bool, how string) {
	if stored, known, how = r.lookFor(ctx, u, t); known {
		return stored, known, how
	}
	who, told, _ := r.Whoami(ctx, u.Session)
	switch {
	case !told || who != "":
		return false, false, how
	case len(u.Passkeys) == 0:
		return false, true, "nobody is signed in"
	}
	fresh := r.NewSession()
	if login := r.act(ctx, u, Act{Operation: r.loginOperation(), Session: fresh}); login.Answer != Accepted {
		return false, false, "the session has ended, and signing in again did not work: " + login.Result.Reason
	}
	u.Session = fresh
	return r.lookFor(ctx, u, t)
}

func (r *Rig) lookFor(ctx context.Context, u *User, t *Trial) (stored, known bool, how string) {
	if r.Offers(scenarios.OpList) {
		result := r.Do(ctx, scenarios.OpList, u.Session, rp.Input{User: u.User, SignedIn: true})
		t.sees(scenarios.OpList, result)
		if result.Outcome == rp.OutcomeAccepted && (len(u.Passkeys) == 0 || shows(result.Entries, u.Passkey().IDText())) {
			listed := func(id string) bool { return shows(result.Entries, id) }
			return slices.ContainsFunc(sentIDs(t), listed), true, "by the list"
		}
	}
	options, _, err := r.Options(ctx, opRegister, u.Session, u)
	if err != nil {
		return false, false, fmt.Sprintf("the session cannot be looked into any more: %v", err)
	}
	excluded := descriptorIDs(options, "excludeCredentials")
	if len(u.Passkeys) == 0 || !excluded[u.Passkey().IDText()] {
		return false, false, "the adapter offers no list that shows the user's passkeys, and excludeCredentials leaves them out; add the operation list"
	}
	return slices.ContainsFunc(sentIDs(t), func(id string) bool { return excluded[id] }), true, "by excludeCredentials"
}

// sentIDs are the credential ids that a registration carried, in whatever place.
func sentIDs(t *Trial) []string {
	var ids []string
	if t.Passkey != nil {
		ids = append(ids, t.Passkey.IDText())
	}
	_, authData := decoded(t.Response)
	if view, ok := authData.(map[string]any); ok {
		if id, ok := view["credentialId"].(string); ok {
			ids = append(ids, id)
		}
	}
	return append(ids, envelopeIDs(t.Response)...)
}

func shows(entries []rp.Entry, id string) bool {
	for i := range entries {
		if canonicalID(entries[i].Credential) == id {
			return true
		}
	}
	return false
}

// descriptorIDs are the ids of a list of credential descriptors in the options.
func descriptorIDs(options map[string]any, member string) map[string]bool {
	ids := make(map[string]bool)
	list, _ := options[member].([]any)
	for _, entry := range list {
		if d, ok := entry.(map[string]any); ok {
			if id, ok := d["id"].(string); ok {
				ids[canonicalID(id)] = true
			}
		}
	}
	return ids
}

// canonicalID is a credential id in base64url without padding, from whatever alphabet it is written in.
func canonicalID(id string) string {
	return strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(id)
}

func idText(id []byte) string { return base64.RawURLEncoding.EncodeToString(id) }

func hostOf(origin string) string {
	u, err := url.Parse(origin)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// envelopeIDs are the credential ids around a response, as far as they are texts.
func envelopeIDs(response json.RawMessage) []string {
	var members map[string]any
	if json.Unmarshal(response, &members) != nil {
		return nil // malformed on purpose
	}
	var ids []string
	for _, name := range []string{"id", "rawId"} {
		if id, ok := members[name].(string); ok && id != "" {
			ids = append(ids, canonicalID(id))
		}
	}
	return ids
}
