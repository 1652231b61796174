package checks

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/passrig/passrig/internal/rp"
)

// timingSamples is how often the time of an answer is taken for each kind of user name.
const timingSamples = 12

// enumerationChecks are about what request options tell of somebody else: WebAuthn L3 §14.6.2, §13.4.7. They look at
// logins only: a sign-up may have to say that a name is taken.
func enumerationChecks() []*Check {
	fix := "Answer a name without passkeys like one with: made-up credential ids that stay the same for the name, and the same status."
	return []*Check{
		{
			ID: "opt-enum-response", Title: "User names that do not exist look like those that do", Level: Should, Severity: Medium, Where: API,
			Needs: []Ability{CanLogin}, Basis: []string{"WebAuthn L3 §14.6.2", "CVE-2024-39912"},
			Sends:   "requests for options for a user with a passkey, and for a name that nobody has",
			Expects: "the same status, members, kinds of entries and cookies", Fix: fix,
			Faults: []string{"unknown-user-refused", "unknown-user-empty"},
			Perform: func(ctx context.Context, r *Rig) Finding {
				nobody, err := r.visitor()
				if err != nil {
					return untold("%v", err)
				}
				return r.indistinguishable(ctx, nobody, "a name that nobody has")
			},
		},
		{
			ID: "opt-enum-no-passkey", Title: "Users without a passkey look like those with", Level: Should, Severity: Low, Where: API,
			Needs: []Ability{CanLogin}, Basis: []string{"WebAuthn L3 §13.4.7"},
			Sends:   "requests for options for a user with a passkey, and for one without",
			Expects: "the same status, members, kinds of entries and cookies", Fix: fix,
			Faults:  []string{"no-passkey-told"},
			Perform: enumerateWithoutPasskey,
		},
		{
			ID: "opt-enum-decoy-quality", Title: "Made-up passkeys that look real", Level: Info, Severity: Low, Where: API,
			Needs: []Ability{CanLogin}, Basis: []string{"WebAuthn L3 §14.6.2"},
			Sends:   "requests for options for two names that nobody has, one of them twice",
			Expects: "the same ids for the same name, others for the other, of 16 bytes or more",
			Fix:     "Derive made-up ids from the name with a secret key.", Perform: decoyQuality,
		},
		{
			ID: "opt-enum-timing", Title: "The time it takes to answer", Level: Info, Severity: Low, Where: API,
			Needs: []Ability{CanLogin}, Basis: []string{"WebAuthn L3 §14.6.2"},
			Sends:   fmt.Sprintf("%d requests for options for a user with a passkey, and as many for a name that nobody has, in turns", timingSamples),
			Expects: "no difference that can be told from chance",
			Fix:     "Do the same work for both kinds of names, made-up ids included.", Perform: enumerationTiming,
		},
	}
}

// appearance is what can be told about an answer without knowing whom it is for.
type appearance struct {
	Status  int      `json:"status"`
	Shape   string   `json:"shape"`
	Cookies []string `json:"cookies"`
}

func (a appearance) differs(b appearance) string {
	switch {
	case a.Status != b.Status:
		return fmt.Sprintf("status %d instead of %d", b.Status, a.Status)
	case a.Shape != b.Shape:
		return fmt.Sprintf("an answer of another shape: %s instead of %s", b.Shape, a.Shape)
	case !slices.Equal(a.Cookies, b.Cookies):
		return fmt.Sprintf("cookies %v instead of %v", b.Cookies, a.Cookies)
	}
	return ""
}

func appearanceOf(result *rp.Result) appearance {
	a := appearance{Status: result.Status, Shape: shape(result.Body)}
	for _, c := range cookiesOf(result) {
		a.Cookies = append(a.Cookies, c.Name)
	}
	slices.Sort(a.Cookies)
	a.Cookies = slices.Compact(a.Cookies)
	return a
}

// shape is a JSON value without what differs from user to user: of texts and numbers the kind, of a list whether it is
// empty and what its first entry is like, of a descriptor not its transports.
func shape(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return "text"
	case bool:
		return "bool"
	case []any:
		if len(v) == 0 {
			return "[]"
		}
		return "[" + shape(v[0]) + "]"
	case map[string]any:
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if name != "transports" {
				parts = append(parts, name+":"+shape(v[name]))
			}
		}
		return "{" + strings.Join(parts, ",") + "}"
	}
	return "number"
}

// loginOptions asks for the options of a login in a fresh session, whatever the answer.
func (r *Rig) loginOptions(ctx context.Context, u *User) *rp.Result {
	session := r.NewSession()
	defer r.cfg.Driver.Release(session)
	_, result, err := r.Options(ctx, opLogin, session, u)
	_ = err // the result says it
	return result
}

// indistinguishable compares what a login of somebody else is answered with what the user's is.
func (r *Rig) indistinguishable(ctx context.Context, somebody *User, who string) Finding {
	u, err := r.User(ctx)
	if err != nil {
		return untold("%v", err)
	}
	known, unknown := r.loginOptions(ctx, u), r.loginOptions(ctx, somebody)
	switch {
	case limited(known) || limited(unknown):
		return untold("the relying party limits the rate of requests")
	case len(known.Options) == 0:
		return untold("a user with a passkey gets no options: %s", known.Reason)
	case !asksFor(known, u.User):
		return inapplicable(anonymous)
	case unknown.Status == 0:
		return untold("%s", unknown.Reason)
	}
	right, other := appearanceOf(known), appearanceOf(unknown)
	r.See(map[string]appearance{"a user with a passkey": right, who: other})
	if difference := right.differs(other); difference != "" {
		return deviates("%s gets %s", who, difference)
	}
	return conforms("%s looks like a user with a passkey", who)
}

func enumerateWithoutPasskey(ctx context.Context, r *Rig) Finding {
	if op := r.party.Adapter().Operations["signup"]; !r.Offers("signup") || op.With == opRegister {
		return inapplicable("an account is made along with its first passkey")
	}
	somebody, err := r.newcomer(ctx)
	if err != nil {
		return untold("%v", err)
	}
	return r.indistinguishable(ctx, somebody, "a user without a passkey")
}

func decoyQuality(ctx context.Context, r *Rig) Finding {
	lists := make([][]string, 0, 3)
	one, err := r.visitor()
	if err != nil {
		return untold("%v", err)
	}
	two, err := r.visitor()
	if err != nil {
		return untold("%v", err)
	}
	short := false
	for _, u := range []*User{one, one, two} {
		options, err := optionsOf(r.loginOptions(ctx, u))
		if err != nil {
			return inapplicable("a name that nobody has gets no options")
		}
		ids := slices.Sorted(maps.Keys(descriptorIDs(options, "allowCredentials")))
		if len(ids) == 0 {
			return inapplicable("a name that nobody has gets no made-up passkeys")
		}
		for _, id := range ids {
			short = short || len(id) < minDecoy
		}
		lists = append(lists, ids)
	}
	r.See(lists)
	switch {
	case !slices.Equal(lists[0], lists[1]):
		return deviates("the made-up ids of one name change from request to request, which those of a user do not")
	case slices.Equal(lists[0], lists[2]):
		return deviates("two names have the same made-up ids")
	case short:
		return deviates("made-up ids are shorter than 16 bytes")
	}
	return conforms("made-up ids stay with their name and differ from name to name")
}

// minDecoy is 16 bytes in base64url.
const minDecoy = 22

// enumerationTiming compares the times of answers by how often one is greater than the other (Cliff's delta): 0 says
// nothing, 1 or -1 tells the names apart every time.
func enumerationTiming(ctx context.Context, r *Rig) Finding {
	u, err := r.User(ctx)
	if err != nil {
		return untold("%v", err)
	}
	nobody, err := r.visitor()
	if err != nil {
		return untold("%v", err)
	}
	var known, unknown []float64
	for range timingSamples {
		for _, sample := range []struct {
			user *User
			into *[]float64
		}{{u, &known}, {nobody, &unknown}} {
			result := r.loginOptions(ctx, sample.user)
			if limited(result) || len(result.Exchanges) == 0 {
				return untold("%s", result.Reason)
			}
			*sample.into = append(*sample.into, result.Exchanges[len(result.Exchanges)-1].Timing.TotalMS)
		}
	}
	greater, less := 0, 0
	for _, a := range known {
		for _, b := range unknown {
			switch {
			case a > b:
				greater++
			case a < b:
				less++
			}
		}
	}
	delta := float64(greater-less) / float64(len(known)*len(unknown))
	slices.Sort(known)
	slices.Sort(unknown)
	a, b := known[len(known)/2], unknown[len(unknown)/2]
	r.See(map[string]any{"known, median ms": a, "unknown, median ms": b, "effect": json.Number(fmt.Sprintf("%.2f", delta))})
	const large = 0.7
	return either(math.Abs(delta) > large, "medians %.2f ms and %.2f ms, effect %.2f of 1", a, b, delta)
}
