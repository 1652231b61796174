package cdp

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/passrig/passrig/virtual"
)

// The list of related origins is read alike on both roads (WebAuthn L3 §5.11).
func TestRelatedOrigins(t *testing.T) {
	filler := `"https://a.test", "https://b.test", "https://c.test", "https://d.test"`
	type document struct {
		status     int
		kind, body string
		fits       bool
		message    string // in the error of road (b)
	}
	documents := map[string]document{
		"listed":      {200, "application/json", `{"origins": ["https://other.test"]}`, true, ""},
		"with more":   {200, "application/json; charset=utf-8", `{"origins": ["nonsense", "https://other.test/path"], "x": 1}`, true, ""},
		"fifth label": {200, "application/json", `{"origins": [` + filler + `, "https://other.test"]}`, true, ""},
		"sixth label": {200, "application/json", `{"origins": [` + filler + `, "https://e.test", "https://other.test"]}`, false, "do not have"},
		"not listed":  {200, "application/json", `{"origins": ["https://www.other.test", "https://other.test:8443"]}`, false, "do not have"},
		"not JSON":    {200, "application/json", `origins`, false, "not a list"},
		"no list":     {200, "application/json", `{"origin": []}`, false, "it has no origins"},
		"wrong types": {200, "application/json", `{"origins": [1]}`, false, "not a list"},
		"wrong kind":  {200, "text/plain", `{"origins": ["https://other.test"]}`, false, `content type "text/plain"`},
		"missing":     {404, "application/json", `{"origins": ["https://other.test"]}`, false, "status 404"},
		"too long":    {200, "application/json", `{"origins": ["https://other.test"]}` + strings.Repeat(" ", 300<<10), false, "longer than"},
	}
	var current document
	var cookies string
	tlsSite(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/.well-known/webauthn" && r.Host == "example.test" {
			cookies += r.Header.Get("Cookie")
			w.Header().Set("Content-Type", current.kind)
			w.WriteHeader(current.status)
			_, _ = w.Write([]byte(current.body))
			return
		}
		w.Header().Set("Set-Cookie", "a=b")
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Security-Policy", "connect-src 'none'")
		_, _ = w.Write([]byte("<!doctype html>" + r.Host))
	}))
	for name, cfg := range roads(t) {
		t.Run(name, func(t *testing.T) {
			d := newDevice(t, chrome(t), cfg)
			p := d.Page()
			must(t, p.Goto(t.Context(), "https://example.test/"))
			must(t, p.Goto(t.Context(), "https://other.test/"))
			for what, doc := range documents {
				current = doc
				made := evaluate[outcome](t, p, createScript("example.test", "alice", ""))
				if (made.ID != "") != doc.fits || !doc.fits && made.Error != "SecurityError" {
					t.Errorf("%s: %+v, want it to fit: %v", what, made, doc.fits)
				}
				if name == "software" && !strings.Contains(made.Message, doc.message) {
					t.Errorf("%s: message %q, want %q", what, made.Message, doc.message)
				}
				signaled := evaluate[string](t, p, `PublicKeyCredential.signalUnknownCredential({rpId: "example.test", credentialId: "AA"})`+outcomeOf)
				if (signaled == "ok") != doc.fits {
					t.Errorf("%s: signal %s", what, signaled)
				}
			}
			current = documents["listed"]
			if got := evaluate[string](t, p, getWith(`mediation: "conditional",`, `rpId: "example.test"`)); got != "ok" {
				t.Errorf("conditional get: %s", got)
			}
			if cookies != "" {
				t.Errorf("cookies were sent: %s", cookies)
			}
		})
	}
}

// Without the relying party's page, too, related origins count.
func TestSplitRelated(t *testing.T) {
	tlsSite(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"origins": ["https://other.test"]}`))
	}))
	for name, cfg := range roads(t) {
		t.Run(name, func(t *testing.T) {
			d := newDevice(t, chrome(t), cfg)
			for origin, want := range map[string]bool{"https://other.test": true, "https://unlisted.test": false} {
				_, err := d.Create(t.Context(), virtual.CreateRequest{Origin: origin, Options: json.RawMessage(`{"rp": {"id": "example.test", "name": "x"},
					"user": {"id": "YWxpY2U", "name": "alice", "displayName": "Alice"}, "challenge": "AAAAAAAAAAAAAAAAAAAAAA",
					"pubKeyCredParams": [{"type": "public-key", "alg": -7}], "authenticatorSelection": {"residentKey": "required"}}`)})
				if (err == nil) != want {
					t.Errorf("%s: %v", origin, err)
				}
			}
		})
	}
}
