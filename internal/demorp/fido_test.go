package demorp

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/descope/virtualwebauthn"
	"github.com/google/go-cmp/cmp"
)

// fidoCreation and fidoRequest are flat, unlike the API's own options.
type (
	fidoCreation struct {
		fidoStatus
		creationOptions
	}
	fidoRequest struct {
		fidoStatus
		requestOptions
	}
)

// conformanceBody rewrites a credential the way the conformance tools send it: without rawId, and with the client
// extension results under the name of the method.
func conformanceBody(t *testing.T, credential string) any {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal([]byte(credential), &members); err != nil {
		t.Fatal(err)
	}
	members["getClientExtensionResults"] = members["clientExtensionResults"]
	delete(members, "clientExtensionResults")
	delete(members, "rawId")
	return members
}

func TestFIDOShape(t *testing.T) {
	s := newSite(t, nil)
	v := s.visitor(t)
	w := newWallet(virtualwebauthn.AuthenticatorOptions{})
	extensions := map[string]string{"example.extension": "echo me"}

	var creation fidoCreation
	ask := map[string]any{
		"username": "Johan Doe", "displayName": "Johan", "attestation": "direct", "extensions": extensions,
		"authenticatorSelection": map[string]any{"requireResidentKey": false, "authenticatorAttachment": "cross-platform", "userVerification": "required"},
	}
	v.do("POST", "/fido/attestation/options", ask, http.StatusOK, &creation)
	if creation.Status != "ok" || creation.ErrorMessage != "" || creation.Attestation != "direct" || creation.User.DisplayName != "Johan" ||
		creation.AuthenticatorSelection.UserVerification != "required" || creation.AuthenticatorSelection.AuthenticatorAttachment != "cross-platform" {
		t.Errorf("options %+v", creation)
	}
	var echoed map[string]string
	if err := json.Unmarshal(creation.Extensions, &echoed); err != nil || cmp.Diff(extensions, echoed) != "" {
		t.Errorf("extensions %s", creation.Extensions)
	}
	if got := v.whoami(); got != "" {
		t.Errorf("asking for options signed in %q", got)
	}
	var elsewhere fidoCreation
	s.visitor(t).do("POST", "/fido/attestation/options", ask, http.StatusOK, &elsewhere)
	if elsewhere.User.ID != creation.User.ID {
		t.Error("user id differs between sessions")
	}

	var status fidoStatus
	v.do("POST", "/fido/attestation/result", conformanceBody(t, w.create(t, creation.creationOptions)), http.StatusOK, &status)
	if want := (fidoStatus{Status: "ok"}); status != want {
		t.Errorf("registration %+v", status)
	}
	if got := v.whoami(); got != "Johan Doe" {
		t.Errorf("after the registration, signed in as %q", got)
	}
	v.do("POST", "/fido/attestation/options", ask, http.StatusOK, &creation)
	if len(creation.ExcludeCredentials) != 1 {
		t.Errorf("excludeCredentials %v", creation.ExcludeCredentials)
	}

	fresh := s.visitor(t)
	var request fidoRequest
	fresh.do("POST", "/fido/assertion/options", map[string]any{"username": "Johan Doe", "userVerification": "discouraged", "extensions": extensions}, http.StatusOK, &request)
	if request.Status != "ok" || request.UserVerification != "discouraged" || request.RPID != testRPID || len(request.AllowCredentials) != 1 || request.Extensions == nil {
		t.Errorf("options %+v", request)
	}
	body := conformanceBody(t, w.get(t, request.requestOptions))
	fresh.do("POST", "/fido/assertion/result", body, http.StatusOK, &status)
	if got := fresh.whoami(); got != "Johan Doe" {
		t.Errorf("after the sign-in, signed in as %q", got)
	}
	fresh.do("POST", "/fido/assertion/result", body, http.StatusUnauthorized, &status)
	if status.Status != "failed" || status.ErrorMessage == "" {
		t.Errorf("replay %+v", status)
	}
}

func TestFIDORefusals(t *testing.T) {
	s := newSite(t, nil)
	s.visitor(t).signup("alice")
	v := s.visitor(t)
	for _, test := range []struct {
		path, body string
		status     int
	}{
		{"/fido/attestation/options", `{"username":"alice"}`, http.StatusConflict},
		{"/fido/attestation/options", `{}`, http.StatusBadRequest},
		{"/fido/attestation/options", `{"username":"bob","attestation":"maybe"}`, http.StatusBadRequest},
		{"/fido/attestation/options", `{"username":"bob","extensions":[]}`, http.StatusBadRequest},
		{"/fido/assertion/options", `{}`, http.StatusBadRequest},
		{"/fido/assertion/options", `{"username":"bob","userVerification":"maybe"}`, http.StatusBadRequest},
		{"/fido/attestation/result", `{"id":"","type":"public-key"}`, http.StatusBadRequest},
		{"/fido/assertion/result", `{"id":"*","type":"public-key"}`, http.StatusBadRequest},
		{"/fido/nothing", `{}`, http.StatusNotFound},
	} {
		var got fidoStatus
		v.do("POST", test.path, test.body, test.status, &got)
		if got.Status != "failed" || got.ErrorMessage == "" {
			t.Errorf("%s %s: %+v", test.path, test.body, got)
		}
	}
}

// TestFIDOChallengesStayThere covers a signed-in visitor who answers another account's challenge at the API.
func TestFIDOChallengesStayThere(t *testing.T) {
	v := newSite(t, nil).visitor(t)
	v.signup("alice")
	w := newWallet(virtualwebauthn.AuthenticatorOptions{})
	var creation fidoCreation
	v.do("POST", "/fido/attestation/options", `{"username":"bob"}`, http.StatusOK, &creation)
	v.do("POST", "/api/register/result", credentialBody(w.create(t, creation.creationOptions)), http.StatusBadRequest, nil)
	v.register(w)
}

// TestFIDOCannotTakeAName covers a name that somebody signs up with while a conformance registration is under way.
func TestFIDOCannotTakeAName(t *testing.T) {
	s := newSite(t, nil)
	v := s.visitor(t)
	w := newWallet(virtualwebauthn.AuthenticatorOptions{})
	var creation fidoCreation
	v.do("POST", "/fido/attestation/options", `{"username":"alice"}`, http.StatusOK, &creation)
	s.visitor(t).signup("alice")
	v.do("POST", "/fido/attestation/result", w.create(t, creation.creationOptions), http.StatusBadRequest, nil)
	if got := v.whoami(); got != "" {
		t.Errorf("signed in as %q", got)
	}
}
