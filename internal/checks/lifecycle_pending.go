package checks

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/virtual/forge"
)

const (
	// racers is how many logins are sent at once, and rounds how often.
	racers = 8
	rounds = 3
)

// pendingChecks are about several answers to one challenge, and several challenges for one answer.
func pendingChecks() []*Check {
	basis := []string{"WebAuthn L3 §13.4.3"}
	superseded := forBoth(Check{
		ID: "challenge-superseded", Title: "An answer to the older of two challenges", Level: Info, Severity: Note, Basis: basis,
		Sends: "options twice in one session, and an answer to the first", Expects: "acceptance or a clean refusal", Fix: "Nothing has to be done.",
	}, registersFor(0, eitherWay), logsInFor(0, eitherWay))
	latest := forBoth(Check{
		ID: "challenge-latest-works", Title: "An answer to the newer of two challenges", Level: ShouldAccept, Severity: Medium, Basis: basis,
		Sends:   "options twice in one session, as two tabs or autofill and a button ask for them, and an answer to the second",
		Expects: "acceptance", Fix: "Keep several pending challenges for a session, or let the newest take the place of the others.",
		Faults: []string{"challenge-first-wins"},
	}, registersFor(1, toBeTaken), logsInFor(1, toBeTaken))
	again := forBoth(Check{
		ID: "challenge-after-failure", Title: "A good answer after a bad one", Level: Info, Severity: Note, Basis: basis,
		Sends: "a wrong answer to a challenge, and then the right one", Expects: "either: whether a failure spends the challenge is the relying party's choice",
		Fix: "Nothing has to be done. Spending it is the narrower choice.",
	}, registersAfterFailure, logsInAfterFailure)
	return slices.Concat(superseded, latest, again, []*Check{{
		ID: "auth-race-double-submit", Title: "One login, sent several times at once", Ceremony: Lifecycle, Level: Should, Severity: High, Where: API,
		Basis: []string{"WebAuthn L3 §7.2 step 11, §13.4.3", "CWE-367"}, Needs: []Ability{CanWhoami},
		Sends: "one assertion, eight times at the same moment in the same session", Expects: "one success at most",
		Fix:    "Take the challenge and delete it in one step that only one request can do, such as DELETE … RETURNING.",
		Faults: []string{"challenge-check-then-spend", "challenge-reusable", "challenge-stateless", "challenge-if-any"}, Perform: doubleSubmit,
	}})
}

// registersFor asks for options twice and answers one of them.
func registersFor(which int, want wants) func(context.Context, *Rig) Finding {
	return func(ctx context.Context, r *Rig) Finding {
		u, err := r.Prove(ctx, opRegister)
		if err == nil && r.oneKey {
			u, err = r.newcomer(ctx)
		}
		if err != nil {
			return untold("%v", err)
		}
		if which == 1 {
			if _, _, err := r.Options(ctx, opRegister, u.Session, u); err != nil {
				return untold("%v", err)
			}
			return r.judge(ctx, u, Act{Name: "second", Session: u.Session}, want)
		}
		return r.judge(ctx, u, Act{Name: "first", Session: u.Session, Answer: r.overtaken(opRegister, u, u.Session, func(ctx context.Context, c rp.Ceremony) (json.RawMessage, error) {
			device, err := r.device(r.purpose(), nil)
			if err != nil {
				return nil, err
			}
			_, response, err := r.make(ctx, device, c.Options)
			return response, err
		})}, want)
	}
}

// overtaken answers a challenge after another one was asked for in its session.
func (r *Rig) overtaken(operation string, u *User, s *rp.Session, answer func(context.Context, rp.Ceremony) (json.RawMessage, error)) func(context.Context, rp.Ceremony) (json.RawMessage, error) {
	return func(ctx context.Context, c rp.Ceremony) (json.RawMessage, error) {
		if _, _, err := r.Options(ctx, operation, s, u); err != nil {
			return nil, err
		}
		return answer(ctx, c)
	}
}

func logsInFor(which int, want wants) func(context.Context, *Rig) Finding {
	return func(ctx context.Context, r *Rig) Finding {
		u, err := r.Prove(ctx, r.loginOperation())
		if err != nil {
			return untold("%v", err)
		}
		s := r.NewSession()
		defer r.cfg.Driver.Release(s)
		if which == 1 {
			if _, _, err := r.Options(ctx, r.loginOperation(), s, u); err != nil {
				return untold("%v", err)
			}
			return r.judge(ctx, u, Act{Name: "second", Operation: r.loginOperation(), Session: s}, want)
		}
		answer := r.overtaken(r.loginOperation(), u, s, func(ctx context.Context, c rp.Ceremony) (json.RawMessage, error) {
			return r.sign(ctx, u.Passkey(), c.Options)
		})
		return r.judge(ctx, u, Act{Name: "first", Operation: r.loginOperation(), Session: s, Answer: answer}, want)
	}
}

func registersAfterFailure(ctx context.Context, r *Rig) Finding {
	u, f, ok := r.severalKeys(ctx)
	if !ok {
		return f
	}
	bad := r.Act(ctx, u, Act{Name: "wrong origin", Session: u.Session, Changes: change("clientdata-origin", "foreign")})
	if bad.Answer != Rejected && bad.Answer != Soft {
		return inapplicable("the wrong answer was not refused: %s", bad.Answer)
	}
	return r.registersWith(ctx, u, "right answer", bad.Result.Options)
}

func logsInAfterFailure(ctx context.Context, r *Rig) Finding {
	u, err := r.Prove(ctx, r.loginOperation())
	if err != nil {
		return untold("%v", err)
	}
	s := r.NewSession()
	defer r.cfg.Driver.Release(s)
	bad := r.Act(ctx, u, Act{Name: "wrong signature", Operation: r.loginOperation(), Session: s, Changes: change("signature-flip", nil)})
	if bad.Answer != Rejected && bad.Answer != Soft {
		return inapplicable("the wrong answer was not refused: %s", bad.Answer)
	}
	response, err := r.sign(ctx, u.Passkey(), bad.Result.Options)
	if err != nil {
		return untold("%v", err)
	}
	return r.resend(ctx, u, "right answer", s, response)
}

func doubleSubmit(ctx context.Context, r *Rig) Finding {
	for range rounds {
		u, err := r.Prove(ctx, r.loginOperation())
		if err != nil {
			return untold("%v", err)
		}
		f := r.submitsTogether(ctx, u)
		if f.kind != kindConforms {
			return f
		}
	}
	return conforms("of %d at once one was accepted at most, in %d rounds", racers, rounds)
}

// submitsTogether sends one login several times at once.
func (r *Rig) submitsTogether(ctx context.Context, u *User) Finding {
	defer u.spoil()
	s := r.NewSession()
	_, result, err := r.Options(ctx, r.loginOperation(), s, u)
	if err != nil {
		return untold("%v", err)
	}
	response, err := r.sign(ctx, u.Passkey(), result.Options)
	if err != nil {
		return untold("%v", err)
	}
	line := make([]racer, racers)
	for i := range line {
		line[i] = racer{r.loginOperation(), r.party.Fork(s), rp.Input{
			User: u.User, NoOptions: true,
			Authenticate: func(context.Context, rp.Ceremony) (json.RawMessage, error) { return response, nil },
		}}
	}
	accepted, limits := 0, false
	for i, result := range r.race(ctx, line) {
		t := &Trial{Name: "at once", Result: result, Answer: answerOf(result), Response: response}
		limits = limits || t.Answer == Limited
		if t.Answer == Unclear {
			return untold("%s", result.Reason).withoutOptions(t)
		}
		if t.Answer == Accepted {
			r.look(ctx, line[i].session, t)
			if t.WhoKnown && t.Who == u.Identity {
				accepted++
			}
		}
		r.record(t)
	}
	switch {
	case accepted > 1:
		return deviates("%d of %d logins with one assertion, sent at once, were accepted and signed %s in", accepted, racers, u.Identity)
	case accepted == 0 && limits:
		return untold("the relying party limits the rate of requests")
	case accepted == 0:
		return untold("none of %d logins with one legal assertion was accepted", racers)
	}
	return conforms("one of %d was accepted", racers)
}

// credentialID has a registration carry a credential id, and a public key if there is one.
func credentialID(id, publicKey []byte) func(Scene) []forge.Change {
	changes := []forge.Change{{Name: "credential-id", Value: id}}
	if publicKey != nil {
		changes = append(changes, forge.Change{Name: "key-raw", Value: publicKey})
	}
	return func(Scene) []forge.Change { return changes }
}
