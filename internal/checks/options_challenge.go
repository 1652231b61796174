package checks

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/passrig/passrig/internal/rp"
)

const (
	minChallenge = 16 // bytes (WebAuthn L3 §13.4.3)
	drawCount    = 64 // challenges that are drawn to judge them by
)

func challengeOptionChecks() []*Check {
	return slices.Concat(challengeQualityChecks(), challengeOriginChecks())
}

func challengeQualityChecks() []*Check {
	basis := []string{"WebAuthn L3 §13.4.3"}
	return []*Check{
		{
			ID: "opt-challenge-length", Title: "Challenges of 16 bytes or more", Level: Should, Severity: High, Basis: basis,
			Sends: "requests for options", Expects: "a challenge of 16 bytes or more",
			Fix:    "Make challenges of 16 random bytes at least; 32 cost nothing.",
			Faults: []string{"challenge-short"},
			Perform: inOptions(func(_ *Rig, v *view) (any, string) {
				n := len(bytesAt(v.options, "challenge"))
				if n < minChallenge {
					return n, fmt.Sprintf("the challenge has %d bytes", n)
				}
				return n, ""
			}),
		},
		{
			ID: "opt-challenge-unique", Title: "No challenge twice", Level: Must, Severity: Critical, Where: API,
			Basis:   append(slices.Clone(basis), "FIDO MC-Req-1 P-3, GA-Req-1 P-2 (1.9.2)"),
			Sends:   fmt.Sprintf("%d requests for options, for several users, all in sessions of their own", drawCount),
			Expects: "no challenge that was there before",
			Fix:     "Draw every challenge anew from a cryptographic random source, on the server.",
			Faults:  []string{"challenge-constant"},
			Perform: uniqueChallenges,
		},
		{
			ID: "opt-challenge-same-session", Title: "A new challenge for every request", Level: Should, Severity: Medium, Where: API,
			Basis: append(slices.Clone(basis), "FIDO MC-Req-1 P-3 (1.9.2)"),
			Sends: "two requests for options in one session", Expects: "two challenges",
			Fix:     "Issue a new challenge with every request, even while an older one waits for its answer.",
			Faults:  []string{"challenge-kept", "challenge-constant"},
			Perform: challengesOfOneSession,
		},
		{
			ID: "opt-challenge-entropy", Title: "Challenges that nobody can guess", Level: Should, Severity: High, Where: API, Basis: basis,
			Sends:   fmt.Sprintf("%d requests for options", drawCount),
			Expects: "16 bytes or more that vary from one challenge to the next",
			Fix:     "Take challenges from a cryptographic random source, not from a clock or a counter.",
			Faults:  []string{"challenge-counter", "challenge-constant", "challenge-short"},
			Perform: challengeEntropy,
		},
	}
}

// draw is one challenge, with whose it was.
type draw struct {
	operation string
	user      string
	challenge []byte
}

// drawChallenges asks for many challenges, each in a session of its own.
func (r *Rig) drawChallenges(ctx context.Context) ([]draw, error) {
	if r.draws != nil {
		return r.draws, nil
	}
	users := make([]*User, 0, 3)
	for _, who := range []func(context.Context) (*User, error){r.onlooker, r.Other} {
		if u, err := who(ctx); err == nil {
			users = append(users, u)
		} else if len(users) == 0 {
			return nil, err
		}
	}
	var draws []draw
	var last error
	keep := func(operation string, u *User) bool {
		v, err := r.lookAt(ctx, operation, u)
		if err != nil {
			last = err
			return false
		}
		draws = append(draws, draw{operation, u.Name, bytesAt(v.options, "challenge")})
		return true
	}
	for _, u := range users {
		keep(opRegister, u)
	}
	for i := 0; len(draws) < drawCount; i++ {
		if !keep(r.loginOperation(), users[i%len(users)]) {
			break // more of the same would not help
		}
	}
	if len(draws) < drawCount/2 {
		return nil, fmt.Errorf("only %d challenges could be drawn: %w", len(draws), last)
	}
	r.draws = draws
	return draws, nil
}

func uniqueChallenges(ctx context.Context, r *Rig) Finding {
	draws, err := r.drawChallenges(ctx)
	if err != nil {
		return untold("%v", err)
	}
	before := make(map[string]draw, len(draws))
	var repeated []string
	for _, d := range draws {
		if first, ok := before[string(d.challenge)]; ok {
			repeated = append(repeated, fmt.Sprintf("%s for %s repeats %s for %s", d.operation, d.user, first.operation, first.user))
		}
		before[string(d.challenge)] = d
	}
	r.See(map[string]any{"challenges": len(draws), "different": len(before)})
	if len(repeated) > 0 {
		return deviates("%d of %d challenges were there before: %s", len(repeated), len(draws), repeated[0])
	}
	return conforms("%d challenges, all different", len(draws))
}

func challengesOfOneSession(ctx context.Context, r *Rig) Finding {
	u, err := r.onlooker(ctx)
	if err != nil {
		return untold("%v", err)
	}
	seen := make(map[string]any)
	var same []string
	var last error
	for _, operation := range []string{opRegister, r.loginOperation()} {
		session := u.Session
		if operation != opRegister {
			session = r.NewSession()
		}
		var challenges []string
		for range 2 {
			options, _, err := r.Options(ctx, operation, session, u)
			if err != nil {
				last = err
				break
			}
			text, _ := options["challenge"].(string)
			challenges = append(challenges, text)
		}
		if session != u.Session {
			r.cfg.Driver.Release(session)
		}
		if len(challenges) == 2 {
			seen[operation] = challenges
			if challenges[0] == challenges[1] {
				same = append(same, operation)
			}
		}
	}
	r.See(seen)
	switch {
	case len(same) > 0:
		return deviates("the second request gets the first one's challenge again: %s", strings.Join(same, ", "))
	case len(seen) == 0:
		return untold("%v", last)
	}
	return conforms("the challenges differ")
}

// challengeEntropy estimates how much the drawn challenges vary, byte by byte. What is constant or counts up has few
// values; random bytes have almost as many as there are challenges.
func challengeEntropy(ctx context.Context, r *Rig) Finding {
	draws, err := r.drawChallenges(ctx)
	if err != nil {
		return untold("%v", err)
	}
	length := math.MaxInt
	for _, d := range draws {
		length = min(length, len(d.challenge))
	}
	varying, bits := 0, 0.0
	for at := range length {
		values := make(map[byte]bool)
		for _, d := range draws {
			values[d.challenge[at]] = true
		}
		if len(values) > 1 {
			varying++
		}
		bits += math.Log2(float64(len(values)))
	}
	// Sixteen random bytes, seen so many times, come to this much, less what chance takes away.
	enough := 0.8 * minChallenge * math.Log2(float64(len(draws)))
	r.See(map[string]any{
		"challenges": len(draws), "bytes": length, "varying bytes": varying, "bits seen": math.Round(bits), "bits wanted": math.Round(enough),
	})
	if bits < enough {
		return deviates("of %d bytes %d vary over %d challenges, and those have few values", length, varying, len(draws))
	}
	if structured(draws[0].challenge) {
		return conforms("the challenges vary enough, and have a structure: that they can be used but once is what counts")
	}
	return conforms("%d of %d bytes vary", varying, length)
}

// structured reports whether a challenge is a text with parts, such as a signed token.
func structured(challenge []byte) bool {
	for _, b := range challenge {
		if b < ' ' || b > '~' {
			return false
		}
	}
	return bytes.Count(challenge, []byte(".")) >= 1 || bytes.HasPrefix(challenge, []byte("{"))
}

func challengeOriginChecks() []*Check {
	return []*Check{
		{
			ID: "opt-challenge-client-chosen", Title: "A challenge that the client proposes", Level: Must, Severity: High, Where: API,
			Basis:   []string{"WebAuthn L3 §13.4.3"},
			Sends:   "requests for options with a member challenge",
			Expects: "a challenge of the server's own",
			Fix:     "Make challenges on the server, and take none from a request.",
			Faults:  []string{"challenge-adopted"},
			Perform: proposedChallenge,
		},
		{
			ID: "opt-challenge-in-cookie", Title: "A challenge that is kept in a cookie", Level: Info, Severity: Note, Where: API,
			Basis: []string{"WebAuthn L3 §13.4.3"},
			Sends: "requests for options", Expects: "either: kept at the client it must still be of use only once",
			Fix:     "Nothing has to be done as long as replayed answers are refused. Keeping challenges on the server makes that easy.",
			Perform: inOptions(challengeInCookie),
		},
		{
			ID: "opt-timeout", Title: "The time people have", Level: Info, Severity: Note, Basis: []string{"WebAuthn L3 §15.1"},
			Sends: "requests for options", Expects: "a number of milliseconds, 300000 to 600000",
			Fix: "Nothing has to be done. Less than five minutes is hard on people who need longer.",
			Perform: inOptions(func(_ *Rig, v *view) (any, string) {
				timeout := memberOrAbsent(v.options, "timeout")
				if ms, ok := timeout.(float64); ok && (ms < 300_000 || ms > 600_000) {
					return timeout, fmt.Sprintf("%v ms", ms)
				}
				return timeout, ""
			}),
		},
	}
}

func proposedChallenge(ctx context.Context, r *Rig) Finding {
	u, err := r.onlooker(ctx)
	if err != nil {
		return untold("%v", err)
	}
	raw := make([]byte, 32)
	_, _ = r.random("proposed challenge").Read(raw) // cannot fail
	proposed := base64.RawURLEncoding.EncodeToString(raw)
	seen := make(map[string]any)
	var adopted []string
	for _, operation := range []string{opRegister, r.loginOperation()} {
		sent := false
		result := r.tamper(ctx, operation, u, func(body any) any {
			switch members := body.(type) {
			case map[string]any:
				members["challenge"], sent = proposed, true
			case map[string]string:
				members["challenge"], sent = proposed, true
			}
			return body
		})
		if !sent {
			continue
		}
		seen[operation] = "a challenge of its own"
		switch {
		case len(result.Options) == 0 && result.Outcome != rp.OutcomeRejected:
			return untold("%s", result.Reason)
		case len(result.Options) == 0:
			seen[operation] = "no options: " + result.Reason
		case strings.Contains(string(result.Options), proposed):
			seen[operation] = "the proposed challenge"
			adopted = append(adopted, operation)
		}
	}
	r.See(seen)
	switch {
	case len(adopted) > 0:
		return deviates("the proposed challenge comes back as the challenge: %s", strings.Join(adopted, ", "))
	case len(seen) == 0:
		return inapplicable("the requests for options have no body in which a challenge could be proposed")
	}
	return conforms("%s", summary(seen))
}

// tamper asks for options with the body of that request changed.
func (r *Rig) tamper(ctx context.Context, operation string, u *User, change func(body any) any) *rp.Result {
	session := u.Session
	if operation != opRegister {
		session = r.NewSession()
		defer r.cfg.Driver.Release(session)
	}
	_, result, err := r.OptionsWith(ctx, operation, session, rp.Input{
		User: u.User, SignedIn: session == u.Session,
		Rewrite: func(role rp.Role, body any) any {
			if role != rp.RoleOptions {
				return body
			}
			return change(body)
		},
	})
	_ = err // the result says it
	return result
}

// challengeInCookie looks for the challenge in the cookies that came with it.
func challengeInCookie(_ *Rig, v *view) (seen any, wrong string) {
	text, _ := v.options["challenge"].(string)
	raw := string(bytesAt(v.options, "challenge"))
	names := []string{}
	for _, c := range cookiesOf(v.result) {
		names = append(names, c.Name)
		for _, value := range readings(c.Value) {
			if strings.Contains(value, text) || strings.Contains(value, raw) {
				wrong = fmt.Sprintf("the cookie %s holds the challenge", c.Name)
			}
		}
	}
	return names, wrong
}

// readings are what a cookie's value may mean: as it is, unescaped, and the decoded parts of a token.
func readings(value string) []string {
	all := []string{value}
	if plain, err := url.QueryUnescape(value); err == nil {
		all = append(all, plain)
		value = plain
	}
	for _, part := range strings.FieldsFunc(value, func(c rune) bool { return c == '.' || c == ':' || c == '|' }) {
		if raw, err := base64.RawURLEncoding.DecodeString(canonicalID(part)); err == nil {
			all = append(all, string(raw))
		}
	}
	return all
}

// cookiesOf are the cookies that an operation's answers set.
func cookiesOf(result *rp.Result) []*http.Cookie {
	var all []*http.Cookie
	for _, x := range result.Exchanges {
		if x.Response == nil {
			continue
		}
		for _, h := range x.Response.Headers {
			if !strings.EqualFold(h.Name, "Set-Cookie") {
				continue
			}
			if c, err := http.ParseSetCookie(h.Value); err == nil {
				all = append(all, c)
			}
		}
	}
	return all
}
