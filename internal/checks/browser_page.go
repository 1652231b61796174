package checks

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual"
)

// pageChecks are about what a page asks of its client, and of what the relying party had sent it.
func pageChecks() []*Check {
	return []*Check{
		{
			ID: "brw-options-tampered", Title: "Options on their way through the page", Ceremony: Options, Level: Should, Severity: Medium, Where: Browser,
			Basis: []string{"WebAuthn L3 §5.1.3, §5.1.4", "keycloakify#1050"},
			Sends: "nothing of its own: the RP ID, user verification, resident key, attestation and algorithms that the page hands to " +
				"navigator.credentials are compared with those in the answer that brought it the same challenge",
			Expects: "what the relying party sent, unchanged",
			Fix:     "Hand the options on as they come, by parseCreationOptionsFromJSON and parseRequestOptionsFromJSON, and change them on the server.",
			Faults:  []string{"page-selection-dropped", "page-verification-weakened"}, Perform: handedOn,
		},
		{
			ID: "brw-capability-check", Title: "A page that asks before it offers autofill", Ceremony: Options, Level: Info, Severity: Note, Where: Browser,
			Basis: []string{"WebAuthn L3 §5.1.3, §5.1.4, §5.1.7"}, Sends: "a visit to the start page and to the page for signing in",
			Expects: "a call of isConditionalMediationAvailable or getClientCapabilities before one with mediation conditional",
			Fix:     "Ask PublicKeyCredential.isConditionalMediationAvailable first: clients that lack it show a prompt that nobody asked for.",
			Perform: asksFirst,
		},
		{
			ID: "brw-autofill-token", Title: "A field that passkeys can be picked in", Ceremony: Options, Level: Info, Severity: Note, Where: Browser,
			Basis: []string{"WebAuthn L3 §5.1.4"}, Sends: "a visit to the start page and to the page for signing in",
			Expects: "a field with webauthn in its autocomplete, where there is a request with mediation conditional",
			Fix:     `Give the username field autocomplete="username webauthn": without such a field browsers have nowhere to offer passkeys.`,
			Perform: hasField,
		},
	}
}

// carried is something in the options that has to reach the client as it was sent.
type carried struct {
	path     []string
	fallback any // what options mean that leave it out
}

// unchanged are the members that are compared.
func (r *Rig) unchanged() []carried {
	host := hostOf(r.Origin())
	return []carried{
		{[]string{"rp", "id"}, host},
		{[]string{"rpId"}, host},
		{[]string{"userVerification"}, "preferred"},
		{[]string{"authenticatorSelection", "userVerification"}, "preferred"},
		{[]string{"authenticatorSelection", "residentKey"}, nil},
		{[]string{"attestation"}, "none"},
		{[]string{"pubKeyCredParams"}, nil},
	}
}

// of is the member's value, or nil. Parameters are reduced to their algorithms.
func (m carried) of(options map[string]any) any {
	var v any = options
	for _, name := range m.path {
		holder, _ := v.(map[string]any)
		v = holder[name]
	}
	list, ok := v.([]any)
	if !ok {
		return v
	}
	algorithms := make([]any, len(list))
	for i, p := range list {
		parameter, _ := p.(map[string]any)
		algorithms[i] = parameter["alg"]
	}
	return algorithms
}

// passage is what became of one member.
type passage struct {
	Member string `json:"member"`
	Sent   any    `json:"sent"`
	Handed any    `json:"handed"`
}

// handedOn performs a registration and a login on the page, and compares what it got with what it asked for.
func handedOn(ctx context.Context, r *Rig) Finding {
	var findings []named
	passages := make(map[string][]passage)
	for _, operation := range []string{opRegister, r.loginOperation()} {
		if !r.byPage(operation) {
			continue
		}
		u, err := r.Prove(ctx, operation)
		if err == nil && operation == opRegister {
			u, err = r.registrant(ctx, u)
		}
		if err != nil {
			return untold("%v", err)
		}
		t := r.act(ctx, u, Act{Name: operation, Operation: operation, Listen: true})
		handed, err := optionsOf(t.Result)
		if err != nil {
			return untold("%v", err)
		}
		passages[operation] = r.passed(t.Result.Answers, handed)
		findings = append(findings, named{operation, arrived(passages[operation])})
	}
	if len(findings) == 0 {
		return unable("the adapter does no ceremony on a page; add page to its operations")
	}
	r.See(passages)
	return sum(findings)
}

// passed are the members that one of the answers had beside the challenge, with what the page made of them. What is
// not in an answer the page puts together itself, and nothing can be said about it.
func (r *Rig) passed(answers []rp.PageAnswer, handed map[string]any) []passage {
	text, _ := handed["challenge"].(string)
	challenge, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(challenge) == 0 {
		return nil
	}
	var most []passage
	for _, a := range answers {
		for _, sent := range holders(readJSON(a.Body), challenge) {
			var these []passage
			for _, m := range r.unchanged() {
				was, is := m.of(sent), m.of(handed)
				if was == nil {
					continue
				}
				if is == nil {
					is = m.fallback
				}
				these = append(these, passage{strings.Join(m.path, "."), was, is})
			}
			if len(these) > len(most) {
				most = these
			}
		}
	}
	return most
}

func readJSON(body []byte) any {
	var v any
	_ = json.Unmarshal(body, &v) // what is no JSON holds no options
	return v
}

// holders are the objects in a value that have the challenge as a member, however it is written.
func holders(v any, challenge []byte) []map[string]any {
	var found []map[string]any
	switch v := v.(type) {
	case string:
		if strings.HasPrefix(strings.TrimSpace(v), "{") { // options as a text of JSON
			return holders(readJSON([]byte(v)), challenge)
		}
	case []any:
		for _, element := range v {
			found = append(found, holders(element, challenge)...)
		}
	case map[string]any:
		for _, value := range v {
			if text, ok := value.(string); ok && stands(text, challenge) {
				found = append(found, v)
			}
			found = append(found, holders(value, challenge)...)
		}
	}
	return found
}

// stands reports whether a text stands for bytes: in base64 of either alphabet, in hex, or as it is.
func stands(text string, raw []byte) bool {
	return canonicalID(text) == idText(raw) || strings.EqualFold(text, hex.EncodeToString(raw)) || bytes.Equal([]byte(text), raw)
}

func arrived(passages []passage) Finding {
	if len(passages) == 0 {
		return unable("no answer that the page's scripts got holds options with the challenge that was handed to the client")
	}
	var changed, names []string
	for _, p := range passages {
		names = append(names, p.Member)
		if !reflect.DeepEqual(p.Sent, p.Handed) {
			changed = append(changed, fmt.Sprintf("%s: the relying party sent %v, and the page asked for %v", p.Member, p.Sent, orNone(p.Handed)))
		}
	}
	if len(changed) > 0 {
		return deviates("%s", strings.Join(changed, "; "))
	}
	return conforms("unchanged: %s", strings.Join(names, ", "))
}

func orNone(v any) any {
	if v == nil {
		return "none"
	}
	return v
}

// pager is a driver whose sessions have pages.
type pager interface {
	// Page does page steps in a session. What they save is in the result.
	Page(ctx context.Context, s *rp.Session, steps []scenarios.PageStep, env scenarios.Env) *rp.Result
}

// glance is what was seen of a page that a visitor opened.
type glance struct {
	page       string
	ceremonies []rp.PageCeremony // with mediation conditional
	field      bool              // one takes passkeys by autofill
}

// settled is a script that gives a page a second to begin what it begins by itself, and says whether there is a field
// for passkeys.
const settled = `await new Promise((done) => setTimeout(done, 1000));
const all = (root) => [...root.querySelectorAll("*")].flatMap((e) => (e.shadowRoot ? [e, ...all(e.shadowRoot)] : [e]));
return all(document).some((e) => (e.getAttribute("autocomplete") ?? "").toLowerCase().split(/\s+/).includes("webauthn"));`

// glances opens the start page and those that the login begins on, as somebody does who does nothing there.
func (r *Rig) glances(ctx context.Context) ([]glance, error) {
	driver, ok := r.cfg.Driver.(pager)
	if !ok {
		return nil, errors.New("the driver has no pages")
	}
	begins := []scenarios.Text{scenarios.NewText("/")}
	if page := r.party.Adapter().Operations[r.loginOperation()].Page; page != nil {
		for i := range page.Steps {
			if to := page.Steps[i].Goto; !to.IsZero() && to.Raw() != "/" {
				begins = append(begins, to)
			}
		}
	}
	var seen []glance
	for _, begin := range begins {
		l, err := r.glance(ctx, driver, begin)
		if err != nil {
			return nil, err
		}
		seen = append(seen, l)
	}
	return seen, nil
}

func (r *Rig) glance(ctx context.Context, driver pager, begin scenarios.Text) (glance, error) {
	if err := r.pace(ctx); err != nil {
		return glance{}, err
	}
	visitor, err := r.visitor()
	if err != nil {
		return glance{}, err
	}
	defer r.cfg.Driver.Release(visitor.Session)
	env, err := r.party.Env(r.loginOperation(), visitor.Session, rp.Input{User: visitor.User})
	if err != nil {
		return glance{}, err
	}
	result := driver.Page(ctx, visitor.Session, []scenarios.PageStep{
		{Goto: begin}, {Evaluate: &scenarios.PageEvaluate{Script: scenarios.NewText(settled), Save: "field"}},
	}, env)
	if result.Fault != nil {
		return glance{}, result.Fault
	}
	l := glance{page: begin.Raw()}
	l.field, _ = result.Saved["field"].(bool)
	l.ceremonies = slices.DeleteFunc(result.Ceremonies, func(c rp.PageCeremony) bool {
		return c.Kind != rp.KindGet || c.Mediation != virtual.MediationConditional
	})
	return l, nil
}

// offering performs a check on the pages that offer passkeys by autofill.
func (r *Rig) offering(ctx context.Context, judge func(glance) Finding) Finding {
	seen, err := r.glances(ctx)
	if err != nil {
		return untold("%v", err)
	}
	var findings []named
	var pages []string
	for _, l := range seen {
		pages = append(pages, l.page)
		if len(l.ceremonies) > 0 {
			findings = append(findings, named{l.page, judge(l)})
		}
	}
	if len(findings) == 0 {
		return inapplicable("no request with mediation conditional on %s", strings.Join(pages, " and "))
	}
	return sum(findings)
}

func asksFirst(ctx context.Context, r *Rig) Finding {
	return r.offering(ctx, func(l glance) Finding {
		for i := range l.ceremonies {
			if len(l.ceremonies[i].Questions) == 0 {
				return deviates("%s asks nothing before it requests a credential with mediation conditional", l.page)
			}
		}
		return conforms("%s asks first: %s", l.page, strings.Join(l.ceremonies[0].Questions, ", "))
	})
}

func hasField(ctx context.Context, r *Rig) Finding {
	return r.offering(ctx, func(l glance) Finding {
		if !l.field {
			return deviates("%s requests a credential with mediation conditional, and has no field with autocomplete webauthn", l.page)
		}
		return conforms("%s has a field with autocomplete webauthn", l.page)
	})
}
