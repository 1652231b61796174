package demorp

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/descope/virtualwebauthn"
	"github.com/google/go-cmp/cmp"
)

// beginWith asks for registration options with a wish.
func (v *visitor) beginWith(wish map[string]any) creationOptions {
	v.t.Helper()
	var got creationAnswer
	v.do("POST", "/api/register/options", wish, http.StatusOK, &got)
	return got.PublicKey
}

func TestConditionalCreationWaivesPresenceOnly(t *testing.T) {
	for _, test := range []struct {
		name   string
		wish   map[string]any
		flags  byte
		status int
	}{
		{"conditional, nobody there", map[string]any{"mediation": "conditional"}, 0, http.StatusCreated},
		{"conditional, somebody there", map[string]any{"mediation": "conditional"}, flagUP | flagUV, http.StatusCreated},
		{"asked for, nobody there", nil, 0, http.StatusBadRequest},
		{"conditional, verification required", map[string]any{"mediation": "conditional", "userVerification": "required"}, 0, http.StatusBadRequest},
		{"conditional, backed up without being eligible", map[string]any{"mediation": "conditional"}, flagBS, http.StatusBadRequest},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := newSite(t, nil).visitor(t)
			v.signup("alice")
			f := newForger(t, -7)
			f.flags = test.flags
			v.do("POST", "/api/register/result", f.create(t, v.beginWith(test.wish)), test.status, nil)
		})
	}
}

// What was promised for one challenge does not help the answer to another.
func TestConditionalCreationIsBoundToItsChallenge(t *testing.T) {
	v := newSite(t, nil).visitor(t)
	v.signup("alice")
	v.beginWith(map[string]any{"mediation": "conditional"})
	f := newForger(t, -7)
	f.flags = 0
	v.do("POST", "/api/register/result", f.create(t, v.creation()), http.StatusBadRequest, nil)
}

func TestEmbedding(t *testing.T) {
	const shop = "https://shop.example"
	for _, test := range []struct {
		name       string
		embedders  []string
		clientData map[string]any
		refused    string
	}{
		{"framed by nobody's leave", nil, map[string]any{"crossOrigin": true}, "cross-origin: "},
		{"framed by an embedder", []string{shop}, map[string]any{"crossOrigin": true, "topOrigin": shop}, ""},
		{"framed, by an older client", []string{shop}, map[string]any{"crossOrigin": true}, ""},
		{"framed by another site", []string{shop}, map[string]any{"crossOrigin": true, "topOrigin": "https://evil.example"}, "top-origin: "},
		{"framed by another port", []string{shop}, map[string]any{"crossOrigin": true, "topOrigin": shop + ":8443"}, "top-origin: "},
		{"top origin without a frame", []string{shop}, map[string]any{"topOrigin": shop}, "top-origin: "},
		{"not framed", []string{shop}, map[string]any{}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t, func(c *Config) { c.Embedders = test.embedders })
			v := s.visitor(t)
			v.signup("alice")
			f := newForger(t, -7)
			honest := f.clientData
			framed := map[string]any{"origin": testOrigin}
			maps.Copy(framed, test.clientData)
			want := map[bool][2]int{true: {http.StatusCreated, http.StatusOK}, false: {http.StatusBadRequest, http.StatusUnauthorized}}[test.refused == ""]

			f.clientData = framed
			v.do("POST", "/api/register/result", f.create(t, v.creation()), want[0], nil)
			if test.refused != "" {
				if got := s.lastRefusal(); !strings.Contains(got, test.refused) {
					t.Errorf("registration refused with %s", got)
				}
				f.clientData = honest
				v.do("POST", "/api/register/result", f.create(t, v.creation()), http.StatusCreated, nil)
			}
			f.clientData = framed
			v.do("POST", "/api/login/result", f.get(t, v.request("alice")), want[1], nil)
			if got := s.lastRefusal(); test.refused != "" && !strings.Contains(got, "sign-in refused") {
				t.Errorf("sign-in refused with %s", got)
			}
		})
	}
}

func TestPagesOfEmbedders(t *testing.T) {
	const shop = "https://shop.example"
	plain := newSite(t, nil).visitor(t)
	for _, path := range []string{"/embed-me", "/host"} {
		if got := plain.send("GET", path, nil); got.status != http.StatusNotFound {
			t.Errorf("without embedders, %s: status %d", path, got.status)
		}
	}
	v := newSite(t, func(c *Config) { c.Embedders = []string{shop, "https://other.example"} }).visitor(t)
	if got := v.send("GET", "/", nil).header; got.Get("X-Frame-Options") != "DENY" || !strings.HasSuffix(got.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
		t.Errorf("the page itself can be framed: %v", got)
	}
	framed := v.send("GET", "/embed-me", nil).header
	if got := framed.Get("Content-Security-Policy"); framed.Get("X-Frame-Options") != "" || !strings.HasSuffix(got, "frame-ancestors "+shop+" https://other.example") {
		t.Errorf("policy %q, frame options %q", got, framed.Get("X-Frame-Options"))
	}
	frame := `src="` + testOrigin + `/embed-me?`
	for path, allowed := range map[string]bool{"/host": true, "/host?allow=none": false} {
		got := v.send("GET", path, nil)
		if !strings.Contains(string(got.body), frame) || !strings.Contains(got.header.Get("Content-Security-Policy"), "frame-src "+testOrigin) {
			t.Errorf("%s has no frame: %s", path, got.body)
		}
		if strings.Contains(string(got.body), `allow="publickey-credentials-`) != allowed {
			t.Errorf("%s: %s", path, got.body)
		}
	}
	if got := string(v.send("GET", `/host?"><script>`, nil).body); strings.Contains(got, "<script>") {
		t.Errorf("the query is not escaped: %s", got)
	}
}

func TestCookieForFramesOfOtherSites(t *testing.T) {
	s := newSite(t, func(c *Config) { c.Embedders = []string{"https://shop.example"} })
	if cookie := s.visitor(t).send("POST", "/api/login/options", nil).header.Get("Set-Cookie"); !strings.Contains(cookie, "SameSite=Lax") {
		t.Errorf("without TLS, cookie %q", cookie)
	}
	listener := httptest.NewTLSServer(s.Handler())
	defer listener.Close()
	v := &visitor{t, listener.URL, listener.Client()}
	cookie := v.send("POST", "/api/login/options", nil).header.Get("Set-Cookie")
	for _, attribute := range []string{"SameSite=None", "Partitioned", "Secure"} {
		if !strings.Contains(cookie, attribute) {
			t.Errorf("cookie %q lacks %s", cookie, attribute)
		}
	}
}

// Only who named nobody learns that a credential is unknown; the others would tell decoys from passkeys by it.
func TestUnknownCredentials(t *testing.T) {
	v := newSite(t, nil).visitor(t)
	v.signup("alice")
	w := newWallet(virtualwebauthn.AuthenticatorOptions{})
	passkey := v.register(w)
	v.do("DELETE", "/api/passkeys/"+passkey.ID, nil, http.StatusNoContent, nil)
	for username, code := range map[string]string{"": "unknown_credential", "alice": "login_refused", "nobody": "login_refused"} {
		got := v.send("POST", "/api/login/result", credentialBody(w.get(t, v.request(username))))
		var failure errorAnswer
		if err := json.Unmarshal(got.body, &failure); err != nil {
			t.Fatal(err)
		}
		if got.status != http.StatusUnauthorized || failure.Error.Code != code {
			t.Errorf("username %q: status %d, code %q", username, got.status, failure.Error.Code)
		}
	}
}

func TestHintsImplyTheAttachment(t *testing.T) {
	v := newSite(t, nil).visitor(t)
	v.signup("alice")
	for _, test := range []struct {
		hints      []string
		attachment string
		want       string
	}{
		{nil, "", ""},
		{[]string{"security-key"}, "", "cross-platform"},
		{[]string{"hybrid"}, "", "cross-platform"},
		{[]string{"client-device"}, "", "platform"},
		{[]string{"hybrid", "security-key"}, "", "cross-platform"},
		{[]string{"client-device", "security-key"}, "", ""},
		{[]string{"client-device"}, "cross-platform", "cross-platform"}, // said is said
	} {
		got := v.beginWith(map[string]any{"hints": test.hints, "authenticatorAttachment": test.attachment})
		if got.AuthenticatorSelection.AuthenticatorAttachment != test.want || !cmp.Equal(got.Hints, test.hints) {
			t.Errorf("hints %v, attachment %q: got %+v, hints %v", test.hints, test.attachment, got.AuthenticatorSelection, got.Hints)
		}
	}
	v.do("POST", "/api/register/options", map[string]any{"hints": []string{"pocket"}}, http.StatusBadRequest, nil)
}

func TestTimeouts(t *testing.T) {
	v := newSite(t, nil).visitor(t)
	v.signup("alice")
	var request requestAnswer
	v.do("POST", "/api/login/options", map[string]any{"timeout": 2000}, http.StatusOK, &request)
	if creation := v.beginWith(map[string]any{"timeout": 1500}); creation.Timeout != 1500 || request.PublicKey.Timeout != 2000 {
		t.Errorf("timeouts %d and %d", creation.Timeout, request.PublicKey.Timeout)
	}
	for _, path := range []string{"/api/register/options", "/api/login/options"} {
		for _, bad := range []any{-1, 300_001, "soon"} {
			v.do("POST", path, map[string]any{"timeout": bad}, http.StatusBadRequest, nil)
		}
	}
}

func TestRenamingTheUser(t *testing.T) {
	s := newSite(t, nil)
	s.visitor(t).signup("bob")
	v := s.visitor(t)
	user := v.signup("alice")
	var got userAnswer
	v.do("PATCH", "/api/user", map[string]string{"displayName": "Alice"}, http.StatusOK, &got)
	if want := (userJSON{user.ID, "alice", "Alice"}); got.User != want {
		t.Errorf("got %+v, want %+v", got.User, want)
	}
	v.do("PATCH", "/api/user", map[string]string{"username": "alicia"}, http.StatusOK, nil)
	if v.whoami() != "alicia" {
		t.Errorf("now called %q", v.whoami())
	}
	v.do("PATCH", "/api/user", map[string]string{"username": "Bob"}, http.StatusConflict, nil)
	v.do("PATCH", "/api/user", map[string]string{"displayName": " "}, http.StatusBadRequest, nil)
	s.visitor(t).do("PATCH", "/api/user", map[string]string{"username": "x"}, http.StatusUnauthorized, nil)
}

func TestAccountsEnd(t *testing.T) {
	for path, method := range map[string]string{"/api/user": "DELETE", "/api/user/lock": "POST"} {
		t.Run(method+" "+path, func(t *testing.T) {
			s := newSite(t, nil)
			here, there := s.visitor(t), s.visitor(t)
			w := newWallet(virtualwebauthn.AuthenticatorOptions{})
			here.signup("alice")
			here.register(w)
			there.login(w, "alice")
			here.do(method, path, nil, http.StatusNoContent, nil)
			for _, v := range []*visitor{here, there} { // no session goes on
				v.do("GET", "/api/whoami", nil, http.StatusUnauthorized, nil)
			}
			here.do(method, path, nil, http.StatusUnauthorized, nil)
			for _, name := range []string{"alice", ""} {
				there.do("POST", "/api/login/result", credentialBody(w.get(t, there.request(name))), http.StatusUnauthorized, nil)
			}
			status := http.StatusConflict
			if method == "DELETE" {
				status = http.StatusCreated // the name is free
			}
			there.do("POST", "/api/signup", map[string]string{"username": "Alice"}, status, nil)
			if status == http.StatusCreated {
				here.do("POST", "/api/login/result", credentialBody(w.get(t, here.request(""))), http.StatusUnauthorized, nil)
			}
		})
	}
}
