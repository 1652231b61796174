package checks

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/virtual"
)

func credentialListChecks() []*Check {
	return append(knownListChecks(), []*Check{
		{
			ID: "opt-exclude-leak", Title: "Creation options of an account, without signing in", Level: Should, Severity: High, Where: API,
			Gates:   []Gate{unless("preset", "fido")},
			Basis:   []string{"WebAuthn L3 §14.6.3"},
			Sends:   "a request for creation options that names a user with passkeys, in a session in which nobody is signed in",
			Expects: "a refusal, or options without that user's credential ids",
			Fix:     "Take the account of creation options from the session, and give none to somebody who is not signed in to it.",
			Faults:  []string{"enrollment-open"}, Perform: excludeLeak,
		},
		{
			ID: "opt-allow-empty-discoverable", Title: "Request options without a user name name nobody's passkeys", Level: Must, Severity: High,
			Gates: []Gate{gate("discoverable", "yes")}, Needs: []Ability{CanDiscoverable},
			Basis: []string{"WebAuthn L3 §5.5, §14.6.3"}, Sends: "a request for options for a login without a user name",
			Expects: "no allowCredentials, or an empty list",
			Fix:     "Leave allowCredentials out when nobody said who wants to sign in.",
			Faults:  []string{"allow-everybody"},
			Perform: inRequest(func(_ *Rig, v *view) (any, string) {
				if v.operation != string(CanDiscoverable) {
					return nil, ""
				}
				n := len(descriptorIDs(v.options, "allowCredentials"))
				if n > 0 {
					return n, fmt.Sprintf("allowCredentials names %d passkeys", n)
				}
				return n, ""
			}),
		},
	}...)
}

func knownListChecks() []*Check {
	return []*Check{
		{
			ID: "opt-exclude-known", Title: "Passkeys that the account has are excluded", Level: Should, Severity: Medium,
			Basis:   []string{"WebAuthn L3 §5.4", "FIDO MC-Resp-1 P-1 (1.9.2)"},
			Sends:   "a request for creation options, for a user with a passkey",
			Expects: "its id in excludeCredentials, with type public-key",
			Fix:     "List all passkeys of the account in excludeCredentials, so that a device does not get a second one.",
			Faults:  []string{"exclude-empty"}, Perform: excludeKnown,
		},
		{
			ID: "opt-allow-known", Title: "Passkeys of the user are allowed", Level: Should, Severity: Medium, Where: API, Needs: []Ability{CanLogin},
			Basis:   []string{"WebAuthn L3 §5.5", "FIDO GA-Req-1 P-1 (1.9.2)"},
			Sends:   "a request for options that names a user with a passkey",
			Expects: "its id in allowCredentials",
			Fix:     "List the user's passkeys in allowCredentials: passkeys that are not discoverable cannot be used otherwise.",
			Faults:  []string{"allow-empty"}, Perform: allowKnown,
		},
		{
			ID: "opt-transports-echo", Title: "Transports as they were reported", Level: Should, Severity: Low, Where: API,
			Basis:   []string{"WebAuthn L3 §4 credential record, §5.8.3"},
			Sends:   "a registration with the transports hybrid, internal and one that nobody knows, then requests for options",
			Expects: "the same transports with the passkey, in either list",
			Fix:     "Store the transports that a registration reports, known or not, and send them in descriptors: clients choose by them how to ask.",
			Faults:  []string{"transports-dropped", "transports-known-only", "transports-closed"}, Perform: transportsEcho,
		},
	}
}

func excludeKnown(ctx context.Context, r *Rig) Finding {
	u, err := r.User(ctx)
	if err != nil {
		return untold("%v", err)
	}
	v, err := r.lookAt(ctx, opRegister, u)
	if err != nil {
		return inapplicable("a user with a passkey gets no creation options: %v", err)
	}
	d := descriptorOf(v.options, "excludeCredentials", u.Passkey().IDText())
	r.See(map[string]any{"passkey": u.Passkey().IDText(), "excludeCredentials": v.options["excludeCredentials"]})
	switch {
	case d == nil:
		return deviates("the user's passkey is not among the %d of excludeCredentials", len(descriptorIDs(v.options, "excludeCredentials")))
	case d["type"] != "public-key":
		return deviates("excludeCredentials has the passkey with the type %v", d["type"])
	}
	return conforms("excludeCredentials has the user's passkey")
}

// descriptorOf is a list's descriptor of a credential, nil if it has none.
func descriptorOf(options map[string]any, list, id string) map[string]any {
	entries, _ := options[list].([]any)
	for _, entry := range entries {
		d, _ := entry.(map[string]any)
		if text, ok := d["id"].(string); ok && canonicalID(text) == id {
			return d
		}
	}
	return nil
}

// excludeLeak asks as a visitor, once as the page does and once with the user's name put into the request.
func excludeLeak(ctx context.Context, r *Rig) Finding {
	u, err := r.User(ctx)
	if err != nil {
		return untold("%v", err)
	}
	naming := func(_ rp.Role, body any) any {
		if members, ok := body.(map[string]any); ok {
			for name, value := range map[string]string{"username": u.Username, "email": u.Email} {
				if _, there := members[name]; !there {
					members[name] = value
				}
			}
		}
		return body
	}
	var answers []string
	for _, rewrite := range []func(rp.Role, any) any{nil, naming} {
		session := r.NewSession()
		options, result, err := r.OptionsWith(ctx, opRegister, session, rp.Input{User: u.User, Rewrite: rewrite})
		r.cfg.Driver.Release(session)
		if limited(result) {
			return untold("the relying party limits the rate of requests: %s", result.Reason)
		}
		if err != nil {
			answers = append(answers, fmt.Sprintf("no options (%s)", result.Reason))
			continue
		}
		excluded := descriptorIDs(options, "excludeCredentials")
		answers = append(answers, fmt.Sprintf("options that exclude %d passkeys", len(excluded)))
		for _, k := range u.Passkeys {
			if excluded[k.IDText()] {
				r.See(answers)
				return deviates("somebody who is not signed in gets the credential ids of %s", u.Name)
			}
		}
	}
	r.See(answers)
	return conforms("%s", strings.Join(answers, "; "))
}

// asksFor reports whether an operation told the relying party who the user is. A login that is the same without a user
// name does not.
func asksFor(result *rp.Result, u rp.User) bool {
	for _, x := range result.Exchanges {
		sent := strings.ToLower(x.Request.URL + " " + x.Request.Body)
		for _, name := range []string{u.Username, u.Email} {
			escaped := strings.ReplaceAll(strings.ToLower(name), "@", "%40")
			if name != "" && (strings.Contains(sent, strings.ToLower(name)) || strings.Contains(sent, escaped)) {
				return true
			}
		}
	}
	return false
}

const anonymous = "the adapter's login does not say who wants to sign in"

func allowKnown(ctx context.Context, r *Rig) Finding {
	u, err := r.User(ctx)
	if err != nil {
		return untold("%v", err)
	}
	v, err := r.lookAt(ctx, opLogin, u)
	if err != nil {
		return untold("%v", err)
	}
	if !asksFor(v.result, u.User) {
		return inapplicable(anonymous)
	}
	r.See(map[string]any{"passkey": u.Passkey().IDText(), "allowCredentials": v.options["allowCredentials"]})
	if descriptorOf(v.options, "allowCredentials", u.Passkey().IDText()) == nil {
		return deviates("the user's passkey is not among the %d of allowCredentials", len(descriptorIDs(v.options, "allowCredentials")))
	}
	return conforms("allowCredentials has the user's passkey")
}

func transportsEcho(ctx context.Context, r *Rig) Finding {
	u, err := r.Prove(ctx, opRegister)
	if err != nil {
		return untold("%v", err)
	}
	if r.oneKey {
		if u, err = r.newcomer(ctx); err != nil {
			return untold("%v", err)
		}
	}
	reported := []string{"hybrid", "internal", "x-new"}
	t := r.Act(ctx, u, Act{Name: "registration", Authenticator: func(c *virtual.Config) { c.Transports = reported }})
	if f, over := t.unusable(); over {
		return f
	}
	if t.Answer != Accepted {
		return deviates("the registration was refused: %s", t.Result.Reason)
	}
	seen := make(map[string]any)
	for list, operation := range map[string]string{"excludeCredentials": opRegister, "allowCredentials": r.loginOperation()} {
		v, err := r.lookAt(ctx, operation, u)
		if err != nil {
			continue
		}
		if d := descriptorOf(v.options, list, t.Passkey.IDText()); d != nil {
			seen[list] = memberOrAbsent(d, "transports")
		}
	}
	r.See(seen)
	if len(seen) == 0 {
		return inapplicable("neither list of the options has the passkey")
	}
	for _, list := range slices.Sorted(maps.Keys(seen)) {
		shown, _ := seen[list].([]any)
		for _, transport := range reported {
			if !slices.Contains(shown, any(transport)) {
				return deviates("%s has the passkey without the transport %q", list, transport)
			}
		}
	}
	return conforms("the transports come back: %s", summary(seen))
}
