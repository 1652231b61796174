package checks

import (
	"context"
	"fmt"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/scenarios"
)

// closureChecks are about accounts that were deleted or locked. What is closed is an account of their own.
func closureChecks() []*Check {
	return []*Check{
		{
			ID: "life-user-deleted", Title: "A login after the account was deleted", Ceremony: Lifecycle, Level: Must, Severity: Critical,
			Basis:   []string{"WebAuthn L3 §4 credential record, §7.2 step 6", "CVE-2021-32726"},
			Sends:   "logins with the passkey of a deleted account, before and after somebody else has taken its name",
			Expects: "refusals",
			Fix:     "Delete an account's passkeys with it, and never use a username, or what is derived from it, as the key they are stored under.",
			Faults:  []string{"deleted-account-inherited", "unknown-credential-taken"},
			Consent: Destructive, Needs: []Ability{CanWhoami, CanDeleteUser}, Perform: afterDeletion,
		},
		{
			ID: "life-user-disabled", Title: "A login to a locked account", Ceremony: Lifecycle, Level: Must, Severity: High,
			Gates: []Gate{gate("can-lock", "yes")}, Basis: []string{"CVE-2025-10908", "CWE-863"},
			Sends: "logins with a passkey of an account that is locked", Expects: "refusals",
			Fix:    "Ask whether the account may sign in after the passkey was verified, in the same place for every way of signing in.",
			Faults: []string{"locked-account-open"}, Consent: Destructive, Needs: []Ability{CanWhoami, CanLock}, Perform: afterLock,
		},
	}
}

// closed is a new user's account, which worked until an operation closed it.
func (r *Rig) closed(ctx context.Context, operation string) (*User, error) {
	u, err := r.NewUser(ctx)
	if err != nil {
		return nil, err
	}
	if result := r.Do(ctx, operation, u.Session, rp.Input{User: u.User, SignedIn: true}); result.Outcome != rp.OutcomeAccepted {
		return nil, fmt.Errorf("control: %s did not work: %s", operation, result.Reason)
	}
	return u, nil
}

func afterLock(ctx context.Context, r *Rig) Finding {
	u, err := r.closed(ctx, scenarios.OpLockAccount)
	if err != nil {
		return untold("%v", err)
	}
	return r.shutOut(ctx, u, u.Passkey(), "a locked account's passkey")
}

func afterDeletion(ctx context.Context, r *Rig) Finding {
	u, err := r.closed(ctx, scenarios.OpDeleteAccount)
	if err != nil {
		return untold("%v", err)
	}
	findings := []named{{"no such account", r.shutOut(ctx, u, u.Passkey(), "a deleted account's passkey")}}
	heir := &User{User: u.User, Identity: u.Identity, Session: r.NewSession(), proven: make(map[string]bool)}
	taken, err := r.settle(ctx, heir)
	switch {
	case err != nil:
		return untold("%v", err)
	case taken:
		findings = append(findings, named{"name taken again", r.shutOut(ctx, heir, u.Passkey(), "the passkey of the account that had the name before")})
	}
	return sum(findings)
}

// settle has somebody take a name that was another's, with a passkey of their own that signs them in. taken is false
// if the relying party does not hand out the name again, which is its choice.
func (r *Rig) settle(ctx context.Context, u *User) (taken bool, err error) {
	if r.Offers(scenarios.OpSignup) && !r.withSignup() {
		result := r.Do(ctx, scenarios.OpSignup, u.Session, rp.Input{User: u.User})
		if taken, err = decided(answerOf(result), result); !taken {
			return false, err
		}
	}
	made := r.act(ctx, u, Act{Name: "name taken again", Session: u.Session})
	if taken, err = decided(made.Answer, made.Result); !taken {
		return false, err
	}
	u.Passkeys = []*Passkey{made.Passkey}
	login := r.act(ctx, u, Act{Name: "control: the new account", Operation: r.loginOperation()})
	if login.Answer != Accepted || login.WhoKnown && login.Who != u.Identity {
		return false, fmt.Errorf("control: the account that took the name does not sign in: %s", login.Result.Reason)
	}
	return true, nil
}

// decided tells a yes from a no. What is neither is an error.
func decided(a Answer, result *rp.Result) (yes bool, err error) {
	if a != Accepted && a != Rejected && a != Soft {
		return false, fmt.Errorf("control: %s under the name of a deleted account was neither taken nor refused: %s", result.Operation, result.Reason)
	}
	return a == Accepted, nil
}
