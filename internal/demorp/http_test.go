package demorp

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRequestsThatAreTurnedDown(t *testing.T) {
	s := newSite(t, nil)
	s.visitor(t).signup("taken")
	long := strings.Repeat("é", maxNameLength+1)
	for _, test := range []struct {
		name         string
		method, path string
		body         any
		headers      []string
		status       int
		code         string
	}{
		{"taken in another case", "POST", "/api/signup", `{"username":"TAKEN"}`, nil, http.StatusConflict, "username_taken"},
		{"no username", "POST", "/api/signup", `{}`, nil, http.StatusBadRequest, "bad_username"},
		{"no body", "POST", "/api/signup", nil, nil, http.StatusBadRequest, "bad_username"},
		{"long username", "POST", "/api/signup", `{"username":"` + long + `"}`, nil, http.StatusBadRequest, "bad_username"},
		{"control character", "POST", "/api/signup", `{"username":"a\u0007"}`, nil, http.StatusBadRequest, "bad_username"},
		{"surrounding space", "POST", "/api/signup", `{"username":" a"}`, nil, http.StatusBadRequest, "bad_username"},
		{"long display name", "POST", "/api/signup", `{"username":"a","displayName":"` + long + `"}`, nil, http.StatusBadRequest, "bad_username"},
		{"username is a number", "POST", "/api/signup", `{"username":1}`, nil, http.StatusBadRequest, "bad_request"},
		{"not JSON", "POST", "/api/signup", `username=a`, nil, http.StatusBadRequest, "bad_request"},
		{"trailing data", "POST", "/api/signup", `{"username":"a"}{}`, nil, http.StatusBadRequest, "bad_request"},
		{"a form", "POST", "/api/signup", `{"username":"a"}`, []string{"Content-Type", "text/plain"}, http.StatusUnsupportedMediaType, "not_json"},
		{"too large", "POST", "/api/signup", `"` + strings.Repeat("a", maxBody) + `"`, nil, http.StatusRequestEntityTooLarge, "body_too_large"},
		{"another origin", "POST", "/api/signup", `{"username":"a"}`, []string{"Origin", "https://attacker.example"}, http.StatusForbidden, "wrong_origin"},
		{"no origin at all", "POST", "/api/logout", nil, []string{"Origin", "null"}, http.StatusForbidden, "wrong_origin"},
		{"cross-site fetch", "POST", "/api/logout", nil, []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden, "wrong_origin"},
		{"another origin deletes", "DELETE", "/api/passkeys/x", nil, []string{"Origin", testOrigin + ".evil.example"}, http.StatusForbidden, "wrong_origin"},
		{"wrong method", "GET", "/api/signup", nil, nil, http.StatusMethodNotAllowed, "method_not_allowed"},
		{"wrong method for a passkey", "PUT", "/api/passkeys/x", nil, nil, http.StatusMethodNotAllowed, "method_not_allowed"},
		{"unknown path", "GET", "/api/nothing", nil, nil, http.StatusNotFound, "not_found"},
		{"no related origins", "GET", "/.well-known/webauthn", nil, nil, http.StatusNotFound, "not_found"},
		{"result without options", "POST", "/api/login/result", `{}`, nil, http.StatusBadRequest, "malformed_credential"},
		{"not signed in", "GET", "/api/whoami", nil, nil, http.StatusUnauthorized, "not_signed_in"},
		{"forged session", "GET", "/api/passkeys", nil, []string{"Cookie", sessionCookie + "=guess"}, http.StatusUnauthorized, "not_signed_in"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := s.visitor(t).send(test.method, test.path, test.body, test.headers...)
			var failure errorAnswer
			if err := json.Unmarshal(got.body, &failure); err != nil {
				t.Fatalf("%v: %s", err, got.body)
			}
			if got.status != test.status || failure.Error.Code != test.code || failure.Error.Message == "" {
				t.Errorf("status %d: %s, want %d with code %q", got.status, got.body, test.status, test.code)
			}
			if got.status == http.StatusMethodNotAllowed && got.header.Get("Allow") == "" {
				t.Error("405 without Allow")
			}
		})
	}
}

func TestSameOriginRequestsPass(t *testing.T) {
	s := newSite(t, nil)
	for i, headers := range [][]string{
		{"Origin", testOrigin, "Sec-Fetch-Site", "same-origin"},
		{"Sec-Fetch-Site", "same-origin"},
		{"Content-Type", "application/json; charset=utf-8"},
	} {
		body := map[string]string{"username": strings.Repeat("a", i+1)}
		if got := s.visitor(t).send("POST", "/api/signup", body, headers...); got.status != http.StatusCreated {
			t.Errorf("%v: status %d: %s", headers, got.status, got.body)
		}
	}
}

func TestWellKnownDocuments(t *testing.T) {
	related := []string{"https://example.com", "https://login.example.com", "https://example.org"}
	v := newSite(t, func(c *Config) {
		c.Origins = slices.Concat(related, []string{"android:apk-key-hash:abc"})
	}).visitor(t)
	var origins struct{ Origins []string }
	v.do("GET", "/.well-known/webauthn", nil, http.StatusOK, &origins)
	if diff := cmp.Diff(related, origins.Origins); diff != "" {
		t.Error("related origins (-want +got):\n" + diff)
	}
	var endpoints struct{ Enroll, Manage string }
	v.do("GET", "/.well-known/passkey-endpoints", nil, http.StatusOK, &endpoints)
	if endpoints.Enroll != "https://example.com/" || endpoints.Manage != "https://example.com/" {
		t.Errorf("passkey endpoints %v", endpoints)
	}
	v.do("GET", "/healthz", nil, http.StatusOK, nil)
}

func TestPage(t *testing.T) {
	v := newSite(t, nil).visitor(t)
	page := v.send("GET", "/", nil)
	if page.status != http.StatusOK || !strings.HasPrefix(page.header.Get("Content-Type"), "text/html") {
		t.Fatalf("status %d, type %q", page.status, page.header.Get("Content-Type"))
	}
	if policy := page.header.Get("Content-Security-Policy"); !strings.Contains(policy, "script-src 'self';") || strings.Contains(policy, "unsafe") {
		t.Errorf("content security policy %q", policy)
	}
	for path, contentType := range map[string]string{"/app.js": "text/javascript", "/webauthn.js": "text/javascript", "/style.css": "text/css"} {
		if user := map[string]string{"/webauthn.js": string(v.send("GET", "/app.js", nil).body)}; !strings.Contains(string(page.body)+user[path], `"`+path+`"`) {
			t.Errorf("the page does not use %s", path)
		}
		if got := v.send("GET", path, nil); got.status != http.StatusOK || !strings.HasPrefix(got.header.Get("Content-Type"), contentType) {
			t.Errorf("%s: status %d, type %q", path, got.status, got.header.Get("Content-Type"))
		}
	}
	for _, name := range []string{"Sign up", "Add a passkey", "Sign in", "Sign in with a passkey", "Sign out", "Rename", "Delete", "Cancel", "Save names", "Sign in on this device"} {
		if !strings.Contains(string(page.body), ">"+name+"</button>") {
			t.Errorf("no button named %q", name)
		}
	}
}

func TestCookieIsSecureUnderTLS(t *testing.T) {
	s := newSite(t, nil)
	listener := httptest.NewTLSServer(s.Handler())
	defer listener.Close()
	v := &visitor{t, listener.URL, listener.Client()}
	if cookie := v.send("POST", "/api/login/options", nil).header.Get("Set-Cookie"); !strings.Contains(cookie, "Secure") {
		t.Errorf("cookie %q", cookie)
	}
}

func TestConfig(t *testing.T) {
	for _, test := range []struct {
		name   string
		cfg    Config
		refuse string
	}{
		{"no origins", Config{}, "no origins"},
		{"path in origin", Config{Origins: []string{"https://example.com/"}}, `want "https://example.com"`},
		{"default port", Config{Origins: []string{"https://example.com:443"}}, `want "https://example.com"`},
		{"upper case", Config{Origins: []string{"https://example.com", "https://Example.org"}}, `want "https://example.org"`},
		{"app first", Config{Origins: []string{"android:apk-key-hash:abc"}, RPID: "example.com"}, "http or https"},
		{"IP address", Config{Origins: []string{"http://127.0.0.1:8080"}}, "IP address"},
		{"rp id with scheme", Config{Origins: []string{"https://example.com"}, RPID: "https://example.com"}, "rp id"},
		{"unknown user verification", Config{Origins: []string{"https://example.com"}, UserVerification: "yes"}, "required, preferred, discouraged"},
		{"embedder with a path", Config{Origins: []string{"https://example.com"}, Embedders: []string{"https://shop.example/"}}, "embedder"},
		{"app as embedder", Config{Origins: []string{"https://example.com"}, Embedders: []string{"android:apk-key-hash:abc"}}, "http or https"},
		{"negative lifetime", Config{Origins: []string{"https://example.com"}, SessionTTL: -1}, "positive"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := New(test.cfg); err == nil || !strings.Contains(err.Error(), test.refuse) {
				t.Errorf("New: %v, want an error with %q", err, test.refuse)
			}
		})
	}
	s, err := New(Config{Origins: []string{"https://login.example.com:8443"}, Random: strings.NewReader(strings.Repeat("r", 32))})
	if err != nil {
		t.Fatal(err)
	}
	if s.cfg.RPID != "login.example.com" {
		t.Errorf("default rp id %q", s.cfg.RPID)
	}
}
