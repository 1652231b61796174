package demorp

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/descope/virtualwebauthn"
)

// BenchmarkLogin measures what one username-first sign-in costs the relying party: both handlers, without the client's
// signing and without a network.
func BenchmarkLogin(b *testing.B) {
	server, err := New(Config{Origins: []string{testOrigin}})
	if err != nil {
		b.Fatal(err)
	}
	handler := server.Handler()
	cookie := ""
	post := func(path, body string) []byte {
		request := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Cookie", cookie)
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, request)
		if recorder.Code >= http.StatusBadRequest {
			b.Fatalf("%s: status %d: %s", path, recorder.Code, recorder.Body)
		}
		if set := recorder.Header().Get("Set-Cookie"); set != "" {
			cookie, _, _ = strings.Cut(set, ";")
		}
		return recorder.Body.Bytes()
	}
	w := newWallet(virtualwebauthn.AuthenticatorOptions{})
	post("/api/signup", `{"username":"alice"}`)
	creation, err := virtualwebauthn.ParseAttestationOptions(string(post("/api/register/options", `{}`)))
	if err != nil {
		b.Fatal(err)
	}
	post("/api/register/result", `{"credential":`+virtualwebauthn.CreateAttestationResponse(w.rp, w.authenticator, w.credential, *creation)+`}`)

	b.ReportAllocs()
	for b.Loop() {
		var options requestAnswer
		if err := json.Unmarshal(post("/api/login/options", `{"username":"alice"}`), &options); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		body := `{"credential":` + w.get(b, options.PublicKey) + `}`
		b.StartTimer()
		post("/api/login/result", body)
	}
}
