package rp_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
)

// party makes a relying party of a handler and an adapter's text.
func party(t *testing.T, adapter string, handler http.HandlerFunc) *rp.Party {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return partyAt(t, adapter, server.URL)
}

func partyAt(t *testing.T, adapter, origin string) *rp.Party {
	t.Helper()
	a, err := scenarios.LoadAdapter("test.yaml", scenarios.Options{ReadFile: func(string) ([]byte, error) { return []byte(adapter), nil }})
	if err != nil {
		t.Fatal(err)
	}
	transport, err := rp.NewTransport(rp.TransportConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(transport.CloseIdleConnections)
	p, err := rp.New(rp.Target{Adapter: a, Origin: origin, HTTP: transport, Clock: time.Now, RunID: "abcd", Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const head = "passrig-adapter: 1\nname: test\noperations:\n"

func b64url(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func TestOptionsInEveryDress(t *testing.T) {
	t.Parallel()
	// Bytes whose base64 and base64url differ, and that need padding.
	challenge, handle := "\xfb\xff\xfe?", "user\xff"
	std := base64.StdEncoding.EncodeToString
	want := map[string]any{
		"challenge": b64url(challenge), "rp": map[string]any{"name": "x"},
		"user": map[string]any{"id": b64url(handle), "name": "alice"},
		"excludeCredentials": []any{
			map[string]any{"id": b64url("cred?>"), "type": "public-key"},
		},
	}
	tests := map[string]struct {
		options string // the adapter's options member
		answer  string
	}{
		"wrapped":  {"{}", `{"publicKey":{"challenge":"` + b64url(challenge) + `","rp":{"name":"x"},"user":{"id":"` + b64url(handle) + `","name":"alice"},"excludeCredentials":[{"id":"` + b64url("cred?>") + `","type":"public-key"}]}}`},
		"bare":     {"body", `{"challenge":"` + b64url(challenge) + `","rp":{"name":"x"},"user":{"id":"` + b64url(handle) + `","name":"alice"},"excludeCredentials":[{"id":"` + b64url("cred?>") + `","type":"public-key"}]}`},
		"a string": {"body.data.options", `{"data":{"options":"{\"challenge\":\"` + b64url(challenge) + `\",\"rp\":{\"name\":\"x\"},\"user\":{\"id\":\"` + b64url(handle) + `\",\"name\":\"alice\"},\"excludeCredentials\":[{\"id\":\"` + b64url("cred?>") + `\",\"type\":\"public-key\"}]}"}}`},
		"base64, a handle in hex, other names": {
			`{at: body, encoding: {"*": base64, user.id: hex}, rename: {nonce: challenge, known: excludeCredentials}}`,
			`{"nonce":"` + std([]byte(challenge)) + `","rp":{"name":"x"},"user":{"id":"75736572ff","name":"alice"},"known":[{"id":"` + std([]byte("cred?>")) + `","type":"public-key"}]}`,
		},
		"composed": {
			`{compose: {challenge: "${{ body.c }}", rp: {name: x}, user: {id: "${{ body.u }}", name: alice}, excludeCredentials: [{id: "${{ body.x }}", type: public-key}]}}`,
			`{"c":"` + b64url(challenge) + `","u":"` + b64url(handle) + `==","x":"` + b64url("cred?>") + `"}`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := party(t, head+"  register:\n    steps:\n      - {path: /o, options: "+test.options+"}\n      - {path: /r, credential: {}}\n",
				func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(test.answer)) })
			var got any
			r := p.Do(t.Context(), "register", p.NewSession(), rp.Input{
				Authenticate: func(_ context.Context, c rp.Ceremony) (json.RawMessage, error) {
					return json.RawMessage(`{}`), json.Unmarshal(c.Options, &got)
				},
			})
			if r.Outcome != rp.OutcomeAccepted {
				t.Fatalf("outcome %s: %s", r.Outcome, r.Reason)
			}
			if diff := cmp.Diff(any(want), got); diff != "" {
				t.Errorf("options (-want +got):\n%s", diff)
			}
		})
	}
}

const standard = `{"id":"-_8","rawId":"-_8","type":"public-key","clientExtensionResults":{},"response":{"clientDataJSON":"-_8","signature":"-_8","userHandle":null}}`

func TestCredentialOnTheWire(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		step        string // of the credential, in flow style
		contentType string
		want        string
	}{
		"as it is":     {`credential: {}`, "application/json", `{"clientExtensionResults":{},"id":"-_8","rawId":"-_8","response":{"clientDataJSON":"-_8","signature":"-_8","userHandle":null},"type":"public-key"}`},
		"base64":       {`credential: base64`, "application/json", `{"clientExtensionResults":{},"id":"+/8=","rawId":"+/8=","response":{"clientDataJSON":"+/8=","signature":"+/8=","userHandle":null},"type":"public-key"}`},
		"padded":       {`credential: base64url-padded`, "application/json", `{"clientExtensionResults":{},"id":"-_8=","rawId":"-_8=","response":{"clientDataJSON":"-_8=","signature":"-_8=","userHandle":null},"type":"public-key"}`},
		"hex":          {`credential: hex`, "application/json", `{"clientExtensionResults":{},"id":"fbff","rawId":"fbff","response":{"clientDataJSON":"fbff","signature":"fbff","userHandle":null},"type":"public-key"}`},
		"renamed":      {`credential: {rename: {clientExtensionResults: extensions, response.clientDataJSON: response.clientDataJson, response.signature: sig}, omit: [rawId, response.userHandle]}`, "application/json", `{"extensions":{},"id":"-_8","response":{"clientDataJson":"-_8"},"sig":"-_8","type":"public-key"}`},
		"in a form":    {`credential: {omit: [response, clientExtensionResults, rawId]}, form: {data: "${{ json(credential) }}", csrf: a b}`, "application/x-www-form-urlencoded", `csrf=a+b&data=%7B%22id%22%3A%22-_8%22%2C%22type%22%3A%22public-key%22%7D`},
		"a member":     {`credential: {}, json: {cred: "${{ credential.response.signature }}", n: 1}`, "application/json", `{"cred":"-_8","n":1}`},
		"in multipart": {`credential: {}, multipart: {sig: "${{ credential.response.signature }}"}`, "multipart/form-data", "--passrig-9f2c51d07be84c6aa1\r\nContent-Disposition: form-data; name=\"sig\"\r\n\r\n-_8\r\n--passrig-9f2c51d07be84c6aa1--\r\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var body, contentType string
			p := party(t, head+"  login:\n    steps:\n      - {path: /o, options: body}\n      - {path: /r, "+test.step+"}\n",
				func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/o" {
						_, _ = w.Write([]byte(`{"challenge":"AAAA"}`))
						return
					}
					raw := new(strings.Builder)
					_, _ = copyBody(raw, r)
					body, contentType = raw.String(), r.Header.Get("Content-Type")
				})
			r := p.Do(t.Context(), "login", p.NewSession(), rp.Input{
				Authenticate: func(context.Context, rp.Ceremony) (json.RawMessage, error) { return json.RawMessage(standard), nil },
			})
			if r.Outcome != rp.OutcomeAccepted {
				t.Fatalf("outcome %s: %s", r.Outcome, r.Reason)
			}
			if !strings.HasPrefix(contentType, test.contentType) {
				t.Errorf("content type %q, want %q", contentType, test.contentType)
			}
			if diff := cmp.Diff(test.want, body); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSavedValues(t *testing.T) {
	t.Parallel()
	const page = `<html><head><meta name="csrf" content="m3ta"></head><body><input type="hidden" name="_csrf" value="h1dden"><p id="p"> text </p> token: abc123;</body></html>`
	p := party(t, head+`  login:
    steps:
      - path: /page
        save:
          meta: {css: "meta[name=csrf]"}
          hidden: {css: "input[name=_csrf]"}
          attr: {css: input, attr: type}
          text: {css: "#p"}
          re: {regex: "token: (\\w+)"}
          whole: {regex: "tok\\w+"}
          head: {header: X-Flow}
          jar: {cookie: sid}
          none: {css: ".nowhere", optional: true}
      - path: /o
        headers: {Authorization: "Bearer ${{ saved.re }}", X-None: "${{ saved.none ?? '' }}"}
        query: {a: "${{ saved.meta }}", b: "${{ saved.hidden }}", c: "${{ saved.attr }}", d: "${{ saved.text }}", e: "${{ saved.whole }}", f: "${{ saved.head }}", g: "${{ saved.jar }}"}
        options: body
      - {path: /r, credential: {}}
`, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/page":
			w.Header().Set("X-Flow", "fl0w")
			http.SetCookie(w, &http.Cookie{Name: "sid", Value: "s3ss", Secure: true, HttpOnly: true, Path: "/"})
			_, _ = w.Write([]byte(page))
		case "/o":
			if got, want := r.URL.RawQuery, "a=m3ta&b=h1dden&c=hidden&d=text&e=token&f=fl0w&g=s3ss"; got != want {
				t.Errorf("query %q, want %q", got, want)
			}
			if got := r.Header.Get("Authorization"); got != "Bearer abc123" {
				t.Errorf("authorization %q", got)
			}
			if _, sent := r.Header["X-None"]; sent {
				t.Error("an empty header was sent")
			}
			if c, err := r.Cookie("sid"); err != nil || c.Value != "s3ss" {
				t.Errorf("a Secure cookie must work on loopback: %v", err)
			}
			_, _ = w.Write([]byte(`{"challenge":"AAAA"}`))
		}
	})
	s := p.NewSession()
	r := p.Do(t.Context(), "login", s, rp.Input{
		Authenticate: func(context.Context, rp.Ceremony) (json.RawMessage, error) { return json.RawMessage(standard), nil },
	})
	if r.Outcome != rp.OutcomeAccepted {
		t.Fatalf("outcome %s: %s", r.Outcome, r.Reason)
	}
	var names []string
	for _, phase := range r.Phases {
		names = append(names, phase.Name)
	}
	if diff := cmp.Diff([]string{report.PhaseOptions, report.PhaseClient, report.PhaseResult, report.PhaseTotal}, names); diff != "" {
		t.Errorf("phases (-want +got):\n%s", diff)
	}
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	refused := errors.New("no")
	tests := map[string]struct {
		status int
		body   string
		client error
		want   rp.Outcome
		reason string
	}{
		"yes":     {200, `{"verified":true}`, nil, rp.OutcomeAccepted, "/r answered 200 OK"},
		"no":      {200, `{"verified":false}`, nil, rp.OutcomeRejected, `{"verified":false}`},
		"neither": {500, `{"oops":1}`, nil, rp.OutcomeError, "neither a yes nor a no"},
		"html":    {200, `<html>log in</html>`, nil, rp.OutcomeError, "where JSON was expected"},
		"client":  {200, `{"verified":true}`, refused, rp.OutcomeRefused, "no"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := party(t, head+"  login:\n    steps:\n      - {path: /o, options: body}\n      - {path: /r, credential: {}, accept: body.verified == true, reject: status == 200}\n",
				func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/o" {
						_, _ = w.Write([]byte(`{"challenge":"AAAA"}`))
						return
					}
					w.WriteHeader(test.status)
					_, _ = w.Write([]byte(test.body))
				})
			r := p.Do(t.Context(), "login", p.NewSession(), rp.Input{
				Authenticate: func(context.Context, rp.Ceremony) (json.RawMessage, error) {
					return json.RawMessage(standard), test.client
				},
			})
			if r.Outcome != test.want || !strings.Contains(r.Reason, test.reason) {
				t.Errorf("outcome %s, reason %q; want %s, %q", r.Outcome, r.Reason, test.want, test.reason)
			}
			if (r.Fault != nil) != (test.want == rp.OutcomeError) {
				t.Errorf("fault %v", r.Fault)
			}
		})
	}
}

// Who only looks at options gets the answer that has them, and causes no request behind it.
func TestOptionsOnly(t *testing.T) {
	t.Parallel()
	var asked []string
	p := party(t, head+"  login:\n    steps:\n      - {path: /o, options: body}\n      - {path: /token}\n      - {path: /r, credential: {}}\n",
		func(w http.ResponseWriter, r *http.Request) {
			asked = append(asked, r.URL.Path)
			_, _ = w.Write([]byte(`{"challenge":"AAAA","from":"` + r.URL.Path + `"}`))
		})
	r := p.Do(t.Context(), "login", p.NewSession(), rp.Input{OptionsOnly: true})
	if r.Outcome != rp.OutcomeRefused || !strings.Contains(string(r.Options), `"AAAA"`) {
		t.Errorf("outcome %s, options %s", r.Outcome, r.Options)
	}
	if diff := cmp.Diff([]string{"/o"}, asked); diff != "" || len(r.Exchanges) != 1 {
		t.Errorf("%d exchanges (-want +asked):\n%s", len(r.Exchanges), diff)
	}
	if body, _ := r.Body.(map[string]any); body["from"] != "/o" {
		t.Errorf("body %v", r.Body)
	}
}

// An RP ID that the target names fills what the options leave open, and overrides nothing.
func TestRPIDOfTheTarget(t *testing.T) {
	t.Parallel()
	const register = head + "  register:\n    steps:\n      - {path: /o, options: body}\n      - {path: /r, credential: {}}\n"
	for answer, want := range map[string]string{
		`{"challenge":"AAAA"}`:                                     `{"challenge":"AAAA","rpId":"example.test"}`,
		`{"challenge":"AAAA","rpId":"stated.test"}`:                `{"challenge":"AAAA","rpId":"stated.test"}`,
		`{"challenge":"AAAA","rp":{"name":"x"},"user":{}}`:         `{"challenge":"AAAA","rp":{"id":"example.test","name":"x"},"user":{}}`,
		`{"challenge":"AAAA","rp":{"id":"stated.test"},"user":{}}`: `{"challenge":"AAAA","rp":{"id":"stated.test"},"user":{}}`,
	} {
		a, err := scenarios.LoadAdapter("test.yaml", scenarios.Options{ReadFile: func(string) ([]byte, error) { return []byte(register), nil }})
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(answer)) }))
		t.Cleanup(server.Close)
		p, err := rp.New(rp.Target{Adapter: a, Origin: "https://login.example.test", BaseURL: server.URL, RPID: "example.test", HTTP: http.DefaultTransport, Clock: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		var got string
		p.Do(t.Context(), "register", p.NewSession(), rp.Input{Authenticate: func(_ context.Context, c rp.Ceremony) (json.RawMessage, error) {
			got = string(c.Options)
			if c.Origin != "https://login.example.test" {
				t.Errorf("origin %q", c.Origin)
			}
			return json.RawMessage(standard), nil
		}})
		if got != want {
			t.Errorf("%s became %s, want %s", answer, got, want)
		}
	}
}
