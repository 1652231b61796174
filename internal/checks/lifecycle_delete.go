package checks

import (
	"context"
	"errors"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual"
)

// deletionChecks are about what is left of a deleted passkey.
func deletionChecks() []*Check {
	needs := []Ability{CanDelete, CanList}
	record := []string{"WebAuthn L3 §4 credential record"}
	fix := "Delete the credential record, and have every query of logins and options leave deleted ones out."
	return []*Check{
		{
			ID: "life-delete-then-login", Title: "A login with a deleted passkey", Ceremony: Lifecycle, Level: Must, Severity: Critical, Basis: record,
			Sends: "logins with a passkey that its user has deleted", Expects: "a refusal", Fix: fix, Needs: append([]Ability{CanWhoami}, needs...),
			Faults: []string{"deleted-passkey-usable", "unknown-credential-taken"},
			Perform: deleted(func(ctx context.Context, r *Rig, u *User, k *Passkey) Finding {
				return r.shutOut(ctx, u, k, "the deleted passkey")
			}),
		},
		{
			ID: "life-delete-not-excluded", Title: "A deleted passkey in later options", Ceremony: Lifecycle, Level: Should, Severity: Low,
			Basis: []string{"WebAuthn L3 §5.4, §5.5"}, Sends: "requests for options after a passkey was deleted", Expects: "its id is in none of their lists",
			Fix: fix, Needs: needs, Faults: []string{"deleted-passkey-listed"}, Perform: deleted(stillListed),
		},
		{
			ID: "life-delete-reregister", Title: "A passkey again, after one was deleted", Ceremony: Lifecycle, Level: ShouldAccept, Severity: Medium,
			Basis: []string{"WebAuthn L3 §5.4"}, Sends: "a legal registration with the authenticator that holds the deleted passkey", Expects: "acceptance",
			Fix: fix, Needs: needs, Faults: []string{"deleted-passkey-listed"}, Perform: deleted(reregisters),
		},
		{
			ID: "life-delete-idor", Title: "Another user's passkey renamed and deleted", Ceremony: Lifecycle, Level: Must, Severity: High,
			Basis: []string{"GHSA-4vcf-q4xf-f48m", "OWASP API1:2023"}, Sends: "one user's requests to rename and delete another user's passkey", Expects: "refusals without effect",
			Fix: "Look the passkey up among those of the signed-in user.", Needs: needs, Faults: []string{"passkey-owner-unchecked"}, Perform: foreignDelete,
		},
		{
			ID: "life-delete-last", Title: "The only passkey deleted", Ceremony: Lifecycle, Level: Info, Severity: Note,
			Basis: []string{"WebAuthn L3 §6.1.3"}, Sends: "the deletion of a user's only passkey", Expects: "either", Needs: needs,
			Fix: "Warn users who have no other way to sign in, before they delete their last passkey.",
			Perform: func(ctx context.Context, r *Rig) Finding {
				u, err := r.NewUser(ctx)
				if err != nil {
					return untold("%v", err)
				}
				result, err := r.remove(ctx, u, u, u.Passkey())
				if err != nil {
					return untold("%v", err)
				}
				_, left, _ := r.entry(ctx, u, u.Passkey().IDText())
				return either(!left, "%s: %s", result.Outcome, result.Reason)
			},
		},
	}
}

// remove has somebody delete a passkey of its owner.
func (r *Rig) remove(ctx context.Context, by, owner *User, k *Passkey) (*rp.Result, error) {
	in, err := r.naming(ctx, owner, k)
	if err != nil {
		return nil, err
	}
	in.User = by.User
	return r.Do(ctx, scenarios.OpDelete, by.Session, in), nil
}

// naming is the input of an operation on a listed passkey.
func (r *Rig) naming(ctx context.Context, owner *User, k *Passkey) (rp.Input, error) {
	entry, found, result := r.entry(ctx, owner, k.IDText())
	if !found {
		reason := ""
		if result != nil {
			reason = result.Reason
		}
		return rp.Input{}, &notListedError{reason}
	}
	return rp.Input{SignedIn: true, Entry: &entry, Passkey: rp.Passkey{ID: k.IDText(), Name: entry.Name}}, nil
}

// notListedError says that a passkey cannot be named.
type notListedError struct{ reason string }

func (e *notListedError) Error() string {
	return "control: the list does not show the user's passkey: " + e.reason
}

// deleted performs a check on a passkey that worked and is then deleted by its user, whose session goes on.
func deleted(then func(context.Context, *Rig, *User, *Passkey) Finding) func(context.Context, *Rig) Finding {
	return func(ctx context.Context, r *Rig) Finding {
		u, k, err := r.passkeyOf(ctx, nil)
		if err != nil {
			return notMade(err)
		}
		defer u.spoil()
		result, err := r.remove(ctx, u, u, k)
		if err != nil {
			return untold("%v", err)
		}
		if _, still, _ := r.entry(ctx, u, k.IDText()); result.Outcome != rp.OutcomeAccepted || still {
			if r.oneKey || len(u.Passkeys) == 1 && u.Passkey() == k {
				return unable("the relying party does not let go of a user's only passkey: %s", result.Reason)
			}
			return untold("control: a user's own passkey was not deleted: %s", result.Reason)
		}
		return then(ctx, r, u, k)
	}
}

func stillListed(ctx context.Context, r *Rig, u *User, k *Passkey) Finding {
	s := r.NewSession()
	defer r.cfg.Driver.Release(s)
	told := false
	for _, ask := range []struct {
		operation, member string
		session           *rp.Session
	}{{opRegister, "excludeCredentials", u.Session}, {r.loginOperation(), "allowCredentials", s}} {
		options, _, err := r.Options(ctx, ask.operation, ask.session, u)
		if err != nil {
			continue
		}
		told = true
		if descriptorIDs(options, ask.member)[k.IDText()] {
			return deviates("%s still names it", ask.member)
		}
	}
	if !told {
		return untold("there were no options to look into")
	}
	return conforms("no list names it")
}

func reregisters(ctx context.Context, r *Rig, u *User, k *Passkey) Finding {
	t := r.Act(ctx, u, Act{Name: "again", Session: u.Session, Device: k.Device})
	if t.Answer == Refused && isInvalidState(t.Result.ClientErr) {
		return deviates("the options exclude the authenticator for the sake of the passkey that it no longer counts")
	}
	if f, over := t.unusable(); over {
		return f
	}
	return r.registrationTaken(ctx, u, t)
}

// isInvalidState reports whether an authenticator refused because the options exclude it.
func isInvalidState(err error) bool {
	refusal, ok := errors.AsType[*virtual.Error](err)
	return ok && refusal.Name == virtual.InvalidStateError
}

func foreignDelete(ctx context.Context, r *Rig) Finding {
	victim, k, err := r.passkeyOf(ctx, nil)
	if err != nil {
		return notMade(err)
	}
	attacker, err := r.Other(ctx)
	if err != nil {
		return untold("%v", err)
	}
	in, err := r.naming(ctx, victim, k)
	if err != nil {
		return untold("%v", err)
	}
	in.User = attacker.User
	var findings []named
	for _, operation := range []string{scenarios.OpRename, scenarios.OpDelete} {
		if !r.Offers(operation) {
			continue
		}
		if operation == scenarios.OpRename {
			in.Name = "renamed by " + attacker.Username
		}
		result := r.Do(ctx, operation, attacker.Session, in)
		now, found, list := r.entry(ctx, victim, k.IDText())
		f := conforms("%s: %s", result.Outcome, result.Reason)
		switch {
		case list == nil || list.Outcome != rp.OutcomeAccepted:
			f = untold("the victim's list did not answer")
		case !found:
			f = deviates("%s, and the victim's passkey is gone", result.Outcome)
		case now.Name != in.Entry.Name:
			f = deviates("%s, and the victim's passkey is now called %q", result.Outcome, now.Name)
		case answerOf(result) == Crashed:
			f = crashes(result.Reason)
		}
		findings = append(findings, named{operation, f})
	}
	return sum(findings)
}
