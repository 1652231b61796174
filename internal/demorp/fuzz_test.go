package demorp

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/descope/virtualwebauthn"
	"github.com/go-webauthn/webauthn/protocol"
)

// FuzzBodies sends anything to every endpoint of a signed-in session with pending challenges. Nothing may be the
// server's fault.
func FuzzBodies(f *testing.F) {
	paths := []string{
		"/api/signup", "/api/register/options", "/api/register/result", "/api/login/options", "/api/login/result",
		"/fido/attestation/options", "/fido/attestation/result", "/fido/assertion/options", "/fido/assertion/result",
	}
	server, err := New(Config{Origins: []string{testOrigin}})
	if err != nil {
		f.Fatal(err)
	}
	signup := httptest.NewRequest(http.MethodPost, "/api/signup", strings.NewReader(`{"username":"fuzz"}`))
	signup.Header.Set("Content-Type", "application/json")
	signedUp := httptest.NewRecorder()
	server.Handler().ServeHTTP(signedUp, signup)
	cookie, _, _ := strings.Cut(signedUp.Header().Get("Set-Cookie"), ";")

	w := newWallet(virtualwebauthn.AuthenticatorOptions{})
	attested := virtualwebauthn.CreateAttestationResponse(w.rp, w.authenticator, w.credential, virtualwebauthn.AttestationOptions{Challenge: []byte("c")})
	asserted := virtualwebauthn.CreateAssertionResponse(w.rp, w.authenticator, w.credential, virtualwebauthn.AssertionOptions{Challenge: []byte("c")})
	for i := range paths {
		for _, seed := range []string{
			``, `null`, `[]`, `{}`, `{"username":null}`, `{"credential":null}`, `{"credential":{"id":1}}`,
			attested, asserted, `{"credential":` + attested + `}`, `{"credential":` + asserted + `}`,
		} {
			f.Add(i, seed)
		}
	}
	f.Fuzz(func(t *testing.T, which int, body string) {
		request := httptest.NewRequest(http.MethodPost, paths[uint(which)%uint(len(paths))], strings.NewReader(body))
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Cookie", cookie)
		recorder := httptest.NewRecorder()
		server.Handler().ServeHTTP(recorder, request)
		if recorder.Code >= http.StatusInternalServerError || !json.Valid(recorder.Body.Bytes()) {
			t.Errorf("status %d: %s", recorder.Code, recorder.Body)
		}
	})
}

// FuzzRegistration judges arbitrary client data, attestation objects and ids under a live challenge.
func FuzzRegistration(f *testing.F) {
	server, err := New(Config{Origins: []string{testOrigin}})
	if err != nil {
		f.Fatal(err)
	}
	w := newWallet(virtualwebauthn.AuthenticatorOptions{})
	var seed struct {
		Response struct{ ClientDataJSON, AttestationObject string }
	}
	if err := json.Unmarshal([]byte(virtualwebauthn.CreateAttestationResponse(w.rp, w.authenticator, w.credential,
		virtualwebauthn.AttestationOptions{Challenge: []byte("c")})), &seed); err != nil {
		f.Fatal(err)
	}
	object, err := base64.RawURLEncoding.DecodeString(seed.Response.AttestationObject)
	if err != nil {
		f.Fatal(err)
	}
	client, err := base64.RawURLEncoding.DecodeString(seed.Response.ClientDataJSON)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(w.credential.ID, client, object)
	f.Fuzz(func(t *testing.T, id, client, object []byte) {
		visitor := &session{userID: []byte("user")}
		visitor.issue(&ceremony{
			kind: "webauthn.create", challenge: encode([]byte("c")), expires: server.now().Add(defaultChallengeTTL), offered: offeredAlgorithms(),
		}, server.now())
		body, err := json.Marshal(map[string]any{
			"id": encode(id), "rawId": encode(id), "type": "public-key",
			"response": map[string]string{"clientDataJSON": encode(client), "attestationObject": encode(object)},
		})
		if err != nil {
			t.Fatal(err)
		}
		var response protocol.CredentialCreationResponse
		if err := json.Unmarshal(body, &response); err != nil {
			t.Fatal(err)
		}
		_, err = server.finishRegistration(t.Context(), visitor, nil, &response, nil, "name")
		if _, refused := errors.AsType[*apiError](err); err != nil && !refused {
			t.Errorf("not the client's fault: %v", err)
		}
	})
}
