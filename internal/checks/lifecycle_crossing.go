package checks

import (
	"context"
	"encoding/json"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/scenarios"
)

// forRegistration names the case of a login for a registration's challenge.
const forRegistration = "challenge of a registration"

func registrationForLogin(ctx context.Context, r *Rig) Finding {
	u, f, ok := r.severalKeys(ctx)
	if !ok {
		return f
	}
	_, creation, err := r.Options(ctx, opRegister, u.Session, u)
	if err != nil {
		return untold("%v", err)
	}
	_, request, err := r.Options(ctx, r.loginOperation(), u.Session, u)
	if err != nil {
		return unable("a signed-in user gets no options for a login: %v", err)
	}
	options, err := seen(creation.Options, takes(request.Options))
	if err != nil {
		return untold("%v", err)
	}
	return r.registersWith(ctx, u, "challenge of a login", options)
}

func loginForRegistration(ctx context.Context, r *Rig) Finding {
	u, other, err := r.twoUsers(ctx)
	if err != nil {
		return untold("%v", err)
	}
	s, err := r.signedInAs(ctx, other)
	if err != nil {
		return untold("%v", err)
	}
	defer r.cfg.Driver.Release(s)
	// Only if a legal login changes who is signed in can a hostile one be seen to.
	control := r.act(ctx, u, Act{Operation: r.loginOperation(), Session: s, See: allowing(u.Passkey())})
	if control.Answer != Accepted || !control.WhoKnown || control.Who != u.Identity {
		return r.loginForEnrollment(ctx, u)
	}
	if control = r.act(ctx, other, Act{Operation: r.loginOperation(), Session: s, See: allowing(other.Passkey())}); control.Answer != Accepted {
		return untold("control: a legal login did not work: %s", control.Result.Reason)
	}
	_, creation, err := r.OptionsWith(ctx, opRegister, s, rp.Input{User: other.User, SignedIn: true})
	if err != nil {
		return untold("%v", err)
	}
	return r.logsInWith(ctx, u, s, forRegistration, creation.Options)
}

// loginForEnrollment is loginForRegistration where nobody can sign in over somebody else: in a session that nobody is
// signed in to.
func (r *Rig) loginForEnrollment(ctx context.Context, u *User) Finding {
	someone, err := r.newcomer(ctx)
	if err != nil {
		return untold("%v", err)
	}
	defer r.cfg.Driver.Release(someone.Session)
	if r.withSignup() {
		_, creation, err := r.Options(ctx, opRegister, someone.Session, someone)
		if err != nil {
			return untold("%v", err)
		}
		return r.logsInWith(ctx, u, someone.Session, forRegistration, creation.Options)
	}
	// A refusal after signing out tells something only if a challenge survives that.
	_, request, err := r.OptionsWith(ctx, r.loginOperation(), someone.Session, rp.Input{User: u.User, SignedIn: true})
	if err != nil {
		return unable("a signed-in user gets no options for a login: %v", err)
	}
	if f, out := r.signsOut(ctx, someone); !out {
		return f
	}
	if f := r.logsInWith(ctx, u, someone.Session, "", request.Options); f.kind != kindDeviates {
		return unable("a signed-in user cannot sign in as somebody else, and challenges do not survive signing out, so that neither session tells anything")
	}
	if someone, err = r.newcomer(ctx); err != nil {
		return untold("%v", err)
	}
	defer r.cfg.Driver.Release(someone.Session)
	_, creation, err := r.Options(ctx, opRegister, someone.Session, someone)
	if err != nil {
		return untold("%v", err)
	}
	if f, out := r.signsOut(ctx, someone); !out {
		return f
	}
	return r.logsInWith(ctx, u, someone.Session, forRegistration, creation.Options)
}

// signsOut ends a user's session, and says what is in the way otherwise.
func (r *Rig) signsOut(ctx context.Context, u *User) (Finding, bool) {
	if !r.Offers(scenarios.OpLogout) {
		return unable("a signed-in user cannot sign in as somebody else; add the operation logout, so that nobody is signed in"), false
	}
	result := r.Do(ctx, scenarios.OpLogout, u.Session, rp.Input{User: u.User, SignedIn: true})
	if who, known, _ := r.Whoami(ctx, u.Session); result.Outcome != rp.OutcomeAccepted || !known || who != "" {
		return unable("a signed-in user cannot sign in as somebody else, and signing out does not work: %s", result.Reason), false
	}
	return Finding{}, true
}

// logsInWith signs the challenge of other options and judges that it must not sign the user in.
func (r *Rig) logsInWith(ctx context.Context, u *User, s *rp.Session, name string, other json.RawMessage) Finding {
	options, err := seen(json.RawMessage(`{"rpId":""}`), func(options map[string]any) {
		options["rpId"] = u.Passkey().rpID()
		takes(other)(options)
	})
	if err != nil {
		return untold("%v", err)
	}
	response, err := r.sign(ctx, u.Passkey(), options)
	if err != nil {
		return untold("%v", err)
	}
	return r.resend(ctx, u, name, s, response)
}
