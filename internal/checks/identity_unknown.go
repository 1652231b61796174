package checks

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/scenarios"
)

func unknownCredentialChecks() []*Check {
	return []*Check{
		{
			ID: "auth-unknown-credential", Title: "A credential that was never registered", Ceremony: Authentication, Level: Must, Severity: Critical,
			Basis: []string{"WebAuthn L3 §7.2 step 6"}, Sends: "a login answered with a credential that the relying party has never seen, made for the user's handle",
			Expects: "a refusal", Fix: "Refuse a credential id that is not stored, before anything else is looked at.",
			Faults: []string{"unknown-credential-taken"}, Perform: unknownCredential,
		},
		{
			ID: "auth-error-oracle", Title: "Refusals that tell which users and credentials exist", Ceremony: Authentication, Level: Should, Severity: Medium,
			Basis: []string{"WebAuthn L3 §14.6.2"}, Sends: "logins with a username: a known credential with a wrong signature, an unknown credential, and an unknown user's",
			Expects: "the same status and body for all of them", Fix: "Answer every refused login with the same status and body, and write the reason to the log only.",
			Needs: []Ability{CanLogin}, Faults: []string{"login-refusals-telling"}, Perform: errorOracle,
		},
	}
}

func unknownCredential(ctx context.Context, r *Rig) Finding {
	var findings []named
	for _, operation := range []string{opLogin, scenarios.OpLoginDiscoverable} {
		if !r.Offers(operation) {
			continue
		}
		u, err := r.Prove(ctx, operation)
		if err != nil && len(findings) > 0 {
			continue // one kind of login works
		}
		if err != nil {
			return untold("%v", err)
		}
		unknown, err := r.stranger(ctx, u)
		if err != nil {
			return untold("%v", err)
		}
		f := r.judge(ctx, u, Act{Name: operation, Operation: operation, Passkey: unknown, See: allowAll}, toBeRefused)
		findings = append(findings, named{operation, f})
	}
	return sum(findings)
}

// refusal is what can be told apart of a refused login.
type refusal struct {
	status int
	body   []byte
}

// errNotRefused says that there is no refusal to look at.
var errNotRefused = errors.New("it was not refused: other checks report that")

func (r *Rig) refusal(ctx context.Context, u *User, a Act) (refusal, error) {
	t := r.Act(ctx, u, a)
	switch t.Answer {
	case Rejected, Soft, Crashed:
	case Accepted:
		return refusal{}, fmt.Errorf("%s: %w", a.Name, errNotRefused)
	case Limited, Refused, Inapt, Unclear:
		return refusal{}, fmt.Errorf("%s: %s: %s", a.Name, t.Answer, t.Result.Reason)
	}
	body, err := json.Marshal(t.Result.Body)
	return refusal{t.Result.Status, body}, err
}

// notRefused is the finding for a login that has no refusal to compare.
func notRefused(err error) Finding {
	if errors.Is(err, errNotRefused) {
		return inapplicable("%v", err)
	}
	return untold("%v", err)
}

func errorOracle(ctx context.Context, r *Rig) Finding {
	u, f, ok := r.identifiedUser(ctx)
	if !ok {
		return f
	}
	unknown, err := r.stranger(ctx, u)
	if err != nil {
		return untold("%v", err)
	}
	nobody, err := r.visitor()
	if err != nil {
		return untold("%v", err)
	}
	wrong := Act{Name: "wrong signature", Operation: opLogin, Changes: change("signature-flip", nil)}
	first, err := r.refusal(ctx, u, wrong)
	if err != nil {
		return notRefused(err)
	}
	again, err := r.refusal(ctx, u, wrong)
	if err != nil {
		return notRefused(err)
	}
	// Bodies that differ from one time to the next, as by the number of a request, tell nothing.
	comparable := bytes.Equal(first.body, again.body) && first.status == again.status
	for _, probe := range []struct {
		user *User
		act  Act
	}{
		{u, Act{Name: "unknown credential", Operation: opLogin, Passkey: unknown, See: allowAll}},
		{nobody, Act{Name: "unknown user", Operation: opLogin, Answer: func(ctx context.Context, c rp.Ceremony) (json.RawMessage, error) {
			options, err := seen(c.Options, allowAll)
			if err != nil {
				return nil, err
			}
			return r.sign(ctx, unknown, options)
		}}},
	} {
		if probe.user == nobody {
			s := r.NewSession()
			_, _, err := r.Options(ctx, opLogin, s, nobody)
			r.cfg.Driver.Release(s)
			if err != nil {
				continue // it says so before any credential is sent: the checks of the options report that
			}
		}
		got, err := r.refusal(ctx, probe.user, probe.act)
		switch {
		case err != nil:
			return notRefused(err)
		case got.status != first.status:
			return deviates("%s is answered with status %d, a wrong signature with %d", probe.act.Name, got.status, first.status)
		case comparable && !bytes.Equal(got.body, first.body):
			return deviates("%s is answered with %s, a wrong signature with %s", probe.act.Name, got.body, first.body)
		}
	}
	return conforms("every refused login is answered alike: status %d", first.status)
}
