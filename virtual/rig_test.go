package virtual_test

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	gowebauthn "github.com/go-webauthn/webauthn/webauthn"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
)

const (
	testOrigin = "https://example.org"
	testRPID   = "example.org"
)

// testRP is a relying party made of an independent library, with one user.
type testRP struct {
	*gowebauthn.WebAuthn
	user *testUser
}

type testUser struct {
	id          []byte
	credentials []gowebauthn.Credential
}

func (u *testUser) WebAuthnID() []byte                           { return u.id }
func (u *testUser) WebAuthnName() string                         { return "alice" }
func (u *testUser) WebAuthnDisplayName() string                  { return "Alice" }
func (u *testUser) WebAuthnCredentials() []gowebauthn.Credential { return u.credentials }

func newRP(t *testing.T) *testRP {
	t.Helper()
	w, err := gowebauthn.New(&gowebauthn.Config{RPID: testRPID, RPDisplayName: "Example", RPOrigins: []string{testOrigin}})
	if err != nil {
		t.Fatal(err)
	}
	return &testRP{WebAuthn: w, user: &testUser{id: []byte("user-alice-handle")}}
}

type registrationOption = gowebauthn.RegistrationOption

func onlyAlgorithm(alg webauthn.Algorithm) registrationOption {
	return gowebauthn.WithCredentialParameters([]protocol.CredentialParameter{
		{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.COSEAlgorithmIdentifier(alg)},
	})
}

func (rp *testRP) beginRegistration(t *testing.T, opts ...registrationOption) (json.RawMessage, *gowebauthn.SessionData) {
	t.Helper()
	creation, session, err := rp.BeginRegistration(rp.user, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return marshal(t, creation.Response), session
}

func (rp *testRP) finishRegistration(t *testing.T, session *gowebauthn.SessionData, response []byte) *gowebauthn.Credential {
	t.Helper()
	parsed, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		t.Fatalf("registration response: %v", describe(err))
	}
	credential, err := rp.CreateCredential(rp.user, *session, parsed)
	if err != nil {
		t.Fatalf("registration refused: %v", describe(err))
	}
	rp.user.credentials = append(rp.user.credentials, *credential)
	return credential
}

func (rp *testRP) register(t *testing.T, device virtual.Device, opts ...registrationOption) *gowebauthn.Credential {
	t.Helper()
	options, session := rp.beginRegistration(t, opts...)
	registration, err := device.Create(t.Context(), virtual.CreateRequest{Origin: testOrigin, Options: options})
	if err != nil {
		t.Fatal(err)
	}
	return rp.finishRegistration(t, session, marshal(t, registration))
}

func (rp *testRP) beginLogin(t *testing.T, opts ...gowebauthn.LoginOption) (json.RawMessage, *gowebauthn.SessionData) {
	t.Helper()
	assertion, session, err := rp.BeginLogin(rp.user, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return marshal(t, assertion.Response), session
}

func (rp *testRP) finishLogin(t *testing.T, session *gowebauthn.SessionData, response []byte) *gowebauthn.Credential {
	t.Helper()
	parsed, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		t.Fatalf("assertion response: %v", describe(err))
	}
	credential, err := rp.ValidateLogin(rp.user, *session, parsed)
	if err != nil {
		t.Fatalf("login refused: %v", describe(err))
	}
	i := slices.IndexFunc(rp.user.credentials, func(c gowebauthn.Credential) bool { return string(c.ID) == string(credential.ID) })
	rp.user.credentials[i] = *credential
	return credential
}

func (rp *testRP) login(t *testing.T, device virtual.Device, opts ...gowebauthn.LoginOption) *gowebauthn.Credential {
	t.Helper()
	options, session := rp.beginLogin(t, opts...)
	assertion, err := device.Get(t.Context(), virtual.GetRequest{Origin: testOrigin, Options: options})
	if err != nil {
		t.Fatal(err)
	}
	return rp.finishLogin(t, session, marshal(t, assertion))
}

func (rp *testRP) loginDiscoverable(t *testing.T, device virtual.Device) {
	t.Helper()
	options, session, err := rp.BeginDiscoverableLogin()
	if err != nil {
		t.Fatal(err)
	}
	assertion, err := device.Get(t.Context(), virtual.GetRequest{Origin: testOrigin, Options: marshal(t, options.Response)})
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(marshal(t, assertion))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rp.ValidateDiscoverableLogin(func(_, handle []byte) (gowebauthn.User, error) {
		if string(handle) != string(rp.user.id) {
			return nil, errors.New("unknown user handle")
		}
		return rp.user, nil
	}, *session, parsed); err != nil {
		t.Fatalf("discoverable login refused: %v", describe(err))
	}
}

// describe adds what the library hides from its error texts.
func describe(err error) string {
	if detailed, ok := errors.AsType[*protocol.Error](err); ok {
		return detailed.Details + ": " + detailed.DevInfo
	}
	return err.Error()
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func newDevice(tb testing.TB, cfg virtual.Config) *virtual.SoftwareDevice {
	tb.Helper()
	device, err := virtual.NewSoftwareDevice(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return device
}

// seeded returns a repeatable random source.
func seeded(seed byte) *rand.ChaCha8 {
	return rand.NewChaCha8([32]byte{seed})
}

// options is a JSON object to build options from.
type options map[string]any

func creationOptions(changes options) json.RawMessage {
	return build(options{
		"rp":               options{"id": testRPID, "name": "Example"},
		"user":             userNamed("alice"),
		"challenge":        "AAECAwQFBgcICQoLDA0ODw",
		"pubKeyCredParams": []options{{"type": "public-key", "alg": -7}, {"type": "public-key", "alg": -8}},
	}, changes)
}

func requestOptions(changes options) json.RawMessage {
	return build(options{"challenge": "AAECAwQFBgcICQoLDA0ODw", "rpId": testRPID}, changes)
}

// build merges changes into base; a nil value deletes.
func build(base, changes options) json.RawMessage {
	for name, value := range changes {
		if base[name] = value; value == nil {
			delete(base, name)
		}
	}
	data, err := json.Marshal(base)
	if err != nil {
		panic(err)
	}
	return data
}

func userNamed(name string) options {
	return options{"id": webauthn.Base64URL(name).String(), "name": name, "displayName": name}
}

func descriptor(id []byte) options {
	return options{"type": "public-key", "id": webauthn.Base64URL(id).String()}
}

func create(tb testing.TB, device virtual.Device, changes options) *virtual.Registration {
	tb.Helper()
	r, err := device.Create(context.Background(), virtual.CreateRequest{Origin: testOrigin, Options: creationOptions(changes)})
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func get(t *testing.T, device virtual.Device, changes options) *virtual.Assertion {
	t.Helper()
	a, err := device.Get(context.Background(), virtual.GetRequest{Origin: testOrigin, Options: requestOptions(changes)})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func authData(t *testing.T, data []byte) *webauthn.AuthenticatorData {
	t.Helper()
	a, err := webauthn.ParseAuthenticatorData(data)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func wantError(t *testing.T, err error, name virtual.ErrorName) {
	t.Helper()
	named, ok := errors.AsType[*virtual.Error](err)
	switch {
	case name == "" && err != nil:
		t.Errorf("unexpected error: %v", err)
	case name != "" && (!ok || named.Name != name):
		t.Errorf("got error %v, want a %s", err, name)
	}
}
