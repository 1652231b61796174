package forge_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	gowebauthn "github.com/go-webauthn/webauthn/webauthn"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/forge"
)

const (
	testOrigin = "https://login.example.org"
	testRPID   = "example.org"
)

// rig is one user with one credential at a relying party made of an independent library, with
// everything repeatable. The library keeps no state, so that one ceremony can be finished often.
type rig struct {
	rp     *gowebauthn.WebAuthn
	user   *testUser
	device *virtual.SoftwareDevice

	creation, request       *gowebauthn.SessionData
	registration            *virtual.Registration
	assertion               *virtual.Assertion
	registered              gowebauthn.Credential
	creationOptions, asking json.RawMessage
}

type testUser struct {
	id          []byte
	credentials []gowebauthn.Credential
}

func (u *testUser) WebAuthnID() []byte                           { return u.id }
func (u *testUser) WebAuthnName() string                         { return "alice" }
func (u *testUser) WebAuthnDisplayName() string                  { return "Alice" }
func (u *testUser) WebAuthnCredentials() []gowebauthn.Credential { return u.credentials }

// config is a device for tests.
func config(algorithm string, attestation virtual.Attestation) virtual.Config {
	return virtual.Config{
		Algorithms:  []string{algorithm},
		Attestation: attestation,
		Random:      rand.NewChaCha8([32]byte{7}),
	}
}

func newRig(tb testing.TB, cfg virtual.Config) *rig {
	tb.Helper()
	rp, err := gowebauthn.New(&gowebauthn.Config{RPID: testRPID, RPDisplayName: "Example", RPOrigins: []string{testOrigin}})
	must(tb, err)
	device, err := virtual.NewSoftwareDevice(cfg)
	must(tb, err)
	r := &rig{rp: rp, device: device, user: &testUser{id: []byte("user-alice-handle")}}

	offered := []protocol.CredentialParameter{}
	for _, alg := range webauthn.Algorithms() {
		if alg != webauthn.ES384 { // so that one can be used that is not offered
			offered = append(offered, protocol.CredentialParameter{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.COSEAlgorithmIdentifier(alg)})
		}
	}
	creation, session, err := rp.BeginRegistration(r.user,
		gowebauthn.WithCredentialParameters(offered), gowebauthn.WithConveyancePreference(protocol.PreferDirectAttestation))
	must(tb, err)
	creation.Response.Challenge, session.Challenge = challenge(1)
	r.creation, r.creationOptions = session, marshal(tb, creation.Response)
	r.registration, err = device.Create(tb.Context(), virtual.CreateRequest{Origin: testOrigin, Options: r.creationOptions})
	must(tb, err)
	registered, err := r.finishRegistration(marshal(tb, r.registration))
	must(tb, err)
	r.registered = *registered
	r.user.credentials = []gowebauthn.Credential{*registered}

	request, session, err := rp.BeginLogin(r.user)
	must(tb, err)
	request.Response.Challenge, session.Challenge = challenge(2)
	r.request, r.asking = session, marshal(tb, request.Response)
	r.assertion, err = device.Get(tb.Context(), virtual.GetRequest{Origin: testOrigin, Options: r.asking})
	must(tb, err)
	must(tb, r.finishLogin(marshal(tb, r.assertion)))
	return r
}

// challenge takes the place of a random one.
func challenge(seed byte) (protocol.URLEncodedBase64, string) {
	b := make([]byte, 32)
	for i := range b {
		b[i] = seed + byte(i)
	}
	return b, webauthn.Base64URL(b).String()
}

func (r *rig) finishRegistration(response []byte) (*gowebauthn.Credential, error) {
	parsed, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return nil, described(err)
	}
	credential, err := r.rp.CreateCredential(r.user, *r.creation, parsed)
	return credential, described(err)
}

func (r *rig) finishLogin(response []byte) error {
	parsed, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return described(err)
	}
	_, err = r.rp.ValidateLogin(r.user, *r.request, parsed)
	return described(err)
}

// forge makes a change in a ceremony.
func (r *rig) forge(ceremony string, changes ...forge.Change) (json.RawMessage, error) {
	if ceremony == forge.Create {
		return forge.Registration(r.registration, r.device, changes...)
	}
	return forge.Assertion(r.assertion, r.device, changes...)
}

func (r *rig) finish(ceremony string, response []byte) error {
	if ceremony == forge.Create {
		_, err := r.finishRegistration(response)
		return err
	}
	return r.finishLogin(response)
}

// described adds what the library hides from its error texts.
func described(err error) error {
	if detailed, ok := errors.AsType[*protocol.Error](err); ok {
		return fmt.Errorf("%s: %s", detailed.Details, detailed.DevInfo)
	}
	return err
}

func marshal(tb testing.TB, v any) json.RawMessage {
	tb.Helper()
	data, err := json.Marshal(v)
	must(tb, err)
	return data
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// change is a forge.Change, shorter.
func change(name string, value any) forge.Change {
	return forge.Change{Name: name, Value: value}
}

// samples are values for a kind: every word, its example, and none where it takes none.
func samples(k forge.Kind) []any {
	var values []any
	for _, word := range k.Words {
		values = append(values, word)
	}
	if _, isWord := k.Example.(string); !isWord || len(k.Words) == 0 {
		values = append(values, k.Example)
	}
	for _, shape := range k.Takes {
		if k.Example != nil && (shape == forge.Nothing || shape == forge.JSON) {
			values = append(values, nil)
		}
	}
	return values
}
