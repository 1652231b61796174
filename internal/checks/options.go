package checks

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/scenarios"
)

// optionsChecks are about what a relying party asks of clients: WebAuthn L3 §5.4, §5.5, §13.4 and §14.6.
func optionsChecks() []*Check {
	all := slices.Concat(
		optionShapeChecks(), challengeOptionChecks(), userOptionChecks(), rpIDChecks(), algorithmChecks(), policyChecks(),
		credentialListChecks(), enumerationChecks(), optionTransportChecks(), relatedOriginChecks(),
	)
	for _, c := range all {
		c.Ceremony = Options
	}
	return all
}

// view is the options of one operation, as a client got them.
type view struct {
	operation string
	options   map[string]any
	result    *rp.Result
}

func (v *view) creation() bool { return v.operation == opRegister }

// onlooker is whose options are looked at: the user that checks share or, where no legal ceremony works, somebody
// who has only signed up.
func (r *Rig) onlooker(ctx context.Context) (*User, error) {
	if r.troubled() == nil {
		return r.User(ctx)
	}
	if r.guest == nil {
		u, err := r.newcomer(ctx)
		if err != nil {
			return nil, err
		}
		r.guest = u
	}
	return r.guest, nil
}

// lookAround asks for the options of every ceremony that the adapter has. The error says which were not to be had.
func (r *Rig) lookAround(ctx context.Context) ([]*view, error) {
	if r.views != nil {
		return r.views, nil
	}
	u, err := r.onlooker(ctx)
	if err != nil {
		return nil, err
	}
	var views []*view
	var missing error
	for _, operation := range []string{opRegister, opLogin, scenarios.OpLoginDiscoverable} {
		if !r.Offers(operation) {
			continue
		}
		v, err := r.lookAt(ctx, operation, u)
		if err != nil {
			missing = errors.Join(missing, err)
			continue
		}
		views = append(views, v)
	}
	if missing == nil {
		r.views = views
	}
	return views, missing
}

// lookAt asks for the options of one operation: in the user's session for a registration, else in a fresh one.
func (r *Rig) lookAt(ctx context.Context, operation string, u *User) (*view, error) {
	session := u.Session
	if operation != opRegister {
		session = r.NewSession()
		defer r.cfg.Driver.Release(session)
	}
	options, result, err := r.Options(ctx, operation, session, u)
	if err != nil {
		return nil, err
	}
	return &view{operation, options, result}, nil
}

// look is what a check makes of options: what it looked at, nil for nothing, and what is wrong with it, if anything.
type look func(r *Rig, v *view) (seen any, wrong string)

// inOptions looks at the options of both ceremonies, inCreation and inRequest at those of one.
func inOptions(l look) func(context.Context, *Rig) Finding {
	return observe(l, func(*view) bool { return true })
}

func inCreation(l look) func(context.Context, *Rig) Finding { return observe(l, (*view).creation) }

func inRequest(l look) func(context.Context, *Rig) Finding {
	return observe(l, func(v *view) bool { return !v.creation() })
}

func observe(l look, among func(*view) bool) func(context.Context, *Rig) Finding {
	return func(ctx context.Context, r *Rig) Finding {
		views, missing := r.lookAround(ctx)
		seen := make(map[string]any)
		var wrongs []string
		found := false
		for _, v := range views {
			if !among(v) {
				continue
			}
			found = true
			what, wrong := l(r, v)
			if what != nil {
				seen[v.operation] = what
			}
			if wrong != "" {
				wrongs = append(wrongs, v.operation+": "+wrong)
			}
		}
		r.See(seen)
		switch {
		case len(wrongs) > 0:
			return deviates("%s", strings.Join(wrongs, "; "))
		case !found && missing != nil:
			return untold("%v", missing)
		case len(seen) == 0:
			return inapplicable("the options have nothing of the kind")
		}
		return conforms("%s", summary(seen))
	}
}

// summary is what was seen, on one short line.
func summary(seen map[string]any) string {
	const limit = 160
	parts := make([]string, 0, len(seen))
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		text, err := json.Marshal(seen[name])
		if err != nil {
			text = fmt.Append(nil, seen[name])
		}
		parts = append(parts, name+": "+string(text))
	}
	line := strings.Join(parts, "; ")
	if len(line) > limit {
		line = strings.ToValidUTF8(line[:limit], "") + "…"
	}
	return line
}

// member is a member of the options by its path, nil if it is not there.
func member(options map[string]any, path ...string) any {
	var v any = options
	for _, name := range path {
		inner, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = inner[name]
	}
	return v
}

// memberOrAbsent is a member, or a word that says that it is not there.
func memberOrAbsent(options map[string]any, path ...string) any {
	if v := member(options, path...); v != nil {
		return v
	}
	return "absent"
}

// bytesAt is a binary member, decoded; nil if it is none.
func bytesAt(options map[string]any, path ...string) []byte {
	text, _ := member(options, path...).(string)
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil
	}
	return raw
}

func optionShapeChecks() []*Check {
	return []*Check{
		{
			ID: "opt-reg-shape", Title: "Creation options that clients can read", Level: Must, Severity: High,
			Basis:   []string{"WebAuthn L3 §5.4, §5.1.8", "FIDO MC-Req-1 P-1 (1.9.2)"},
			Sends:   "a request for creation options",
			Expects: "rp.name, user.id, user.name, user.displayName, challenge and pubKeyCredParams, and every member of its type",
			Fix:     "Send every required member of PublicKeyCredentialCreationOptionsJSON, with the type it has there.",
			Faults:  []string{"algorithms-missing"},
			Perform: inCreation(func(_ *Rig, v *view) (any, string) {
				_, err := webauthn.ParseCreationOptions(v.result.Options)
				return slices.Sorted(maps.Keys(v.options)), textOf(err)
			}),
		},
		{
			ID: "opt-auth-shape", Title: "Request options that clients can read", Level: Must, Severity: High,
			Basis:   []string{"WebAuthn L3 §5.5, §5.1.9", "FIDO GA-Req-1 P-1 (1.9.2)"},
			Sends:   "a request for request options",
			Expects: "a challenge, and every member of its type; allowCredentials with type and id in every entry",
			Fix:     "Send PublicKeyCredentialRequestOptionsJSON as the standard has it; every descriptor needs type and id.",
			Faults:  []string{"descriptor-untyped"},
			Perform: inRequest(func(_ *Rig, v *view) (any, string) {
				_, err := webauthn.ParseRequestOptions(v.result.Options)
				return slices.Sorted(maps.Keys(v.options)), textOf(err)
			}),
		},
		{
			ID: "opt-b64url-unpadded", Title: "Binary members in base64url without padding", Level: Should, Severity: Low, Where: API,
			Basis:   []string{"WebAuthn L3 §5.1.8, §5.1.9"},
			Sends:   "requests for options",
			Expects: "challenge, user.id and credential ids as parseCreationOptionsFromJSON and parseRequestOptionsFromJSON take them",
			Fix:     "Encode binary members as base64url without padding, or describe your encoding in the adapter if your own page decodes it.",
			Faults:  []string{"challenge-padded"},
			Perform: inOptions(func(r *Rig, v *view) (any, string) {
				if r.encodes(v.operation) {
					return "the adapter describes an encoding that the page decodes", ""
				}
				return unpadded(v)
			}),
		},
	}
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// encodes reports whether the adapter describes how the operation's options differ from the standard's form.
func (r *Rig) encodes(operation string) bool {
	return slices.ContainsFunc(r.party.Adapter().Operations[operation].Steps, func(s scenarios.HTTPStep) bool {
		return s.Options != nil && (len(s.Options.Encoding) > 0 || s.Options.Compose != nil)
	})
}

// composes reports whether the adapter puts options together that the relying party only sends parts of.
func (r *Rig) composes() bool {
	for _, operation := range r.party.Adapter().Operations {
		if slices.ContainsFunc(operation.Steps, func(s scenarios.HTTPStep) bool { return s.Options != nil && s.Options.Compose != nil }) {
			return true
		}
	}
	return false
}

// unpadded looks for the binary members, as the standard writes them, in the answer as it came.
func unpadded(v *view) (seen any, wrong string) {
	binaries := map[string]string{}
	for _, path := range [][]string{{"challenge"}, {"user", "id"}} {
		if text, ok := member(v.options, path...).(string); ok {
			binaries[strings.Join(path, ".")] = text
		}
	}
	for _, list := range []string{"excludeCredentials", "allowCredentials"} {
		for id := range descriptorIDs(v.options, list) {
			binaries[list+".id"] = id
		}
	}
	texts := textsOf(v.result.Body)
	var odd []string
	for _, name := range slices.Sorted(maps.Keys(binaries)) {
		if !slices.ContainsFunc(texts, func(text string) bool { return spells(text, binaries[name]) }) {
			odd = append(odd, name)
		}
	}
	if len(odd) > 0 {
		return odd, strings.Join(odd, ", ") + " in another encoding"
	}
	return slices.Sorted(maps.Keys(binaries)), ""
}

// spells reports whether a text is, or has in it, a binary member just as it is written.
func spells(text, written string) bool {
	_, rest, found := strings.Cut(text, written)
	return found && !strings.HasPrefix(rest, "=")
}

// textsOf are all texts of an answer's body.
func textsOf(body any) []string {
	switch v := body.(type) {
	case string:
		return []string{v}
	case []any:
		var all []string
		for _, e := range v {
			all = append(all, textsOf(e)...)
		}
		return all
	case map[string]any:
		var all []string
		for _, e := range v {
			all = append(all, textsOf(e)...)
		}
		return all
	}
	return nil
}
