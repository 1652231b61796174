package rp_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/scenarios"
)

// An assertion and a registration as clients write them.
const (
	assertionResponse    = `{"id":"AQID","rawId":"AQID","response":{"clientDataJSON":"AA","authenticatorData":"AA","signature":"AA","userHandle":"AA"},"authenticatorAttachment":"platform","clientExtensionResults":{},"type":"public-key"}`
	registrationResponse = `{"id":"AQID","rawId":"AQID","response":{"clientDataJSON":"AA","authenticatorData":"AA","transports":["internal"],"publicKey":"AA","publicKeyAlgorithm":-7,"attestationObject":"AA"},"authenticatorAttachment":"platform","clientExtensionResults":{"credProps":{"rk":true}},"type":"public-key"}`
)

func builtinParty(t *testing.T, name string, transport http.RoundTripper) *rp.Party {
	t.Helper()
	a, err := scenarios.LoadAdapter(name, scenarios.Options{})
	if err != nil {
		t.Fatal(err)
	}
	params := make(map[string]any)
	for param, p := range a.Params {
		if p.Default != nil {
			if params[param], err = p.Default.Eval(nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	p, err := rp.New(rp.Target{Adapter: a, Origin: "http://localhost:8080", Params: params, HTTP: transport, Clock: time.Now, RunID: "abcd"})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// An adapter may name the headers that say where a message ends; net/http sends its own, and so does a load.
func TestHeadersOfTheTransferAreLeftOut(t *testing.T) {
	t.Parallel()
	p := partyAt(t, head+`  signup:
    steps:
      - {path: /s, json: {}, headers: {content-length: "3", Transfer-Encoding: chunked, Trailer: X, X-Kept: "${{ user.username }}"}}
`, "http://localhost:1")
	planner := p.NewPlanner()
	plan, err := planner.Plan("signup", rp.PlanInput{})
	if err != nil {
		t.Fatal(err)
	}
	if reason := plan.Steps[0].Prepare(nil); reason != "" {
		t.Errorf("no template: %s", reason)
	}
	m := &rp.Message{}
	if err := plan.Steps[0].Request(t.Context(), values(planner), m); err != nil {
		t.Fatal(err)
	}
	text := written(m)
	if !strings.Contains(text, "X-Kept: alice\n") {
		t.Errorf("message %q", text)
	}
	for _, name := range []string{"Content-Length", "Transfer-Encoding", "Trailer"} {
		if strings.Contains(text, name) {
			t.Errorf("message %q has %s", text, name)
		}
	}
}

func TestIsLoopback(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"localhost": true, "LOCALHOST": true, "localhost.": true, "app.localhost": true, "127.0.0.1": true, "127.9.9.9": true, "::1": true, "::ffff:127.0.0.1": true,
		"127.evil.example": false, "127.0.0.1.evil.example": false, "notlocalhost": false, "localhost.example": false, "10.0.0.1": false, "::2": false, "0.0.0.0": false, "": false,
	} {
		if got := rp.IsLoopback(host); got != want {
			t.Errorf("%q is loopback: %t", host, got)
		}
	}
}

// Every request of every adapter that a load may send is made from a template.
func TestAdaptersAreTemplates(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"passrig-demo", "simplewebauthn", "better-auth", "authjs", "passport", "fido"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := builtinParty(t, name, nil)
			planner := p.NewPlanner()
			for _, op := range []string{"signup", "register", "login", "login-discoverable", "whoami", "logout"} {
				if !p.Offers(op) {
					continue
				}
				plan, err := planner.Plan(op, rp.PlanInput{User: "alice", Label: "laptop"})
				if err != nil {
					t.Fatal(err)
				}
				response := assertionResponse
				if op == scenarios.OpRegister {
					response = registrationResponse
				}
				shape, err := planner.Shape(json.RawMessage(response))
				if err != nil {
					t.Fatal(err)
				}
				for _, s := range plan.Steps {
					if reason := s.Prepare(shape); reason != "" {
						t.Errorf("%s: %s is interpreted: %s", op, s.What(), reason)
					}
				}
			}
		})
	}
}

// What cannot be a template says why, and what can be is one whatever is done to the values.
func TestWhatIsATemplate(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		step   string
		reason string // a part of it; empty: a template
	}{
		"plain JSON":            {`json: {a: "${{ user.username }}"}`, ""},
		"in a text":             {`json: {a: "x-${{ user.username }}-y"}`, ""},
		"put together":          {`json: {a: "${{ 'x' + user.email }}"}`, ""},
		"of the session":        {`json: {a: "${{ signedIn ? '' : user.email }}"}`, ""},
		"the whole user":        {`json: {a: "${{ user }}"}`, ""},
		"JSON in JSON":          {`json: {a: "${{ json(credential) }}"}`, ""},
		"JSON in a form":        {`form: {a: "${{ json(credential) }}"}`, ""},
		"escaped in the path":   {`method: POST, headers: {X: "${{ urlEncode(user.email) }}"}`, ""},
		"a header":              {`headers: {Authorization: "Bearer ${{ saved.token }}"}`, ""},
		"multipart":             {`multipart: {a: "${{ saved.token }}", b: "${{ user.email }}"}`, ""},
		"a text":                {`text: "user=${{ user.email }}"`, ""},
		"cut":                   {`json: {a: "${{ user.username[0:3] }}"}`, "decides by"},
		"a choice":              {`json: {a: "${{ user.username == 'x' ? 1 : 2 }}"}`, "decides by"},
		"a default":             {`json: {a: "${{ saved.token ?? 'none' }}"}`, "decides by"},
		"hashed":                {`json: {a: "${{ hex(sha256(user.username)) }}"}`, "another request"},
		"base64 of a text":      {`json: {a: "${{ base64url(user.username) }}"}`, "another request"},
		"in another encoding":   {`credential: hex`, ""},
		"in base64 in a form":   {`credential: base64, form: {a: "${{ credential.response.signature }}"}`, ""},
		"renamed":               {`credential: {rename: {response.signature: sig}}`, ""},
		"of what was not saved": {`json: {a: "${{ saved.token }}", b: "${{ saved.other }}"}`, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			last := "- {path: /l, credential: {}}"
			if strings.Contains(test.step, "credential:") {
				last = ""
			} else if strings.Contains(test.step, "credential") {
				test.step, last = "credential: {}, "+test.step, ""
			}
			adapter := head + "  login:\n    steps:\n      - {path: /o, options: body, save: {token: body.token, other: {header: X-Other}}}\n      - {path: /r, " + test.step + "}\n      " + last + "\n"
			p := partyAt(t, adapter, "http://localhost:1")
			planner := p.NewPlanner()
			plan, err := planner.Plan("login", rp.PlanInput{User: "alice"})
			if err != nil {
				t.Fatal(err)
			}
			shape, err := planner.Shape(json.RawMessage(assertionResponse))
			if err != nil {
				t.Fatal(err)
			}
			got := plan.Steps[1].Prepare(shape)
			if (got == "") != (test.reason == "") || !strings.Contains(got, test.reason) {
				t.Errorf("reason %q, want %q", got, test.reason)
			}
		})
	}
}
