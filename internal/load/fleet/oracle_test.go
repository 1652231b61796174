package fleet

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/go-webauthn/webauthn/protocol"
	gowebauthn "github.com/go-webauthn/webauthn/webauthn"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
)

// oracle is a relying party made of an independent library.
type oracle struct{ *gowebauthn.WebAuthn }

type oracleUser struct {
	id          []byte
	credentials []gowebauthn.Credential
}

func (u *oracleUser) WebAuthnID() []byte                           { return u.id }
func (u *oracleUser) WebAuthnName() string                         { return "alice" }
func (u *oracleUser) WebAuthnDisplayName() string                  { return "Alice" }
func (u *oracleUser) WebAuthnCredentials() []gowebauthn.Credential { return u.credentials }

func newOracle(tb testing.TB) oracle {
	tb.Helper()
	w, err := gowebauthn.New(&gowebauthn.Config{RPID: testRPID, RPDisplayName: "Example", RPOrigins: []string{testOrigin}})
	if err != nil {
		tb.Fatal(err)
	}
	return oracle{w}
}

// register enrolls a user of the fleet.
func (o oracle) register(tb testing.TB, f *Fleet, u *User) *oracleUser {
	tb.Helper()
	user := &oracleUser{id: handle(u.Index)}
	creation, session, err := o.BeginRegistration(user)
	if err != nil {
		tb.Fatal(err)
	}
	asked := creationOptions()
	asked.Challenge = []byte(creation.Response.Challenge.String())
	var r Registration
	if err := f.Register(&r, u, testOrigin, asked); err != nil {
		tb.Fatal(err)
	}
	response, err := json.Marshal(virtual.Registration{
		CredentialID: u.CredentialID.Bytes, ClientDataJSON: r.ClientDataJSON.Bytes, AttestationObject: r.AttestationObject.Bytes,
		AuthenticatorData: r.AuthenticatorData.Bytes, PublicKey: r.PublicKey.Bytes, Algorithm: int(u.Algorithm),
	})
	if err != nil {
		tb.Fatal(err)
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		tb.Fatalf("user %d, %s: %s", u.Index, u.Algorithm, explain(err))
	}
	credential, err := o.CreateCredential(user, *session, parsed)
	if err != nil {
		tb.Fatalf("user %d, %s: %s", u.Index, u.Algorithm, explain(err))
	}
	user.credentials = append(user.credentials, *credential)
	if err := f.Enroll(u.Index, user.id, r.Discoverable); err != nil {
		tb.Fatal(err)
	}
	return user
}

func (o oracle) login(tb testing.TB, f *Fleet, u *User, user *oracleUser) {
	tb.Helper()
	assertion, session, err := o.BeginDiscoverableLogin()
	if err != nil {
		tb.Fatal(err)
	}
	asked := options()
	asked.Challenge = []byte(assertion.Response.Challenge.String())
	var a Assertion
	if err := f.Assert(&a, u, testOrigin, asked); err != nil {
		tb.Fatal(err)
	}
	response, err := json.Marshal(virtual.Assertion{
		CredentialID: u.CredentialID.Bytes, ClientDataJSON: a.ClientDataJSON.Bytes, AuthenticatorData: a.AuthenticatorData.Bytes,
		Signature: a.Signature.Bytes, UserHandle: a.UserHandle.Bytes,
	})
	if err != nil {
		tb.Fatal(err)
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		tb.Fatalf("user %d, %s: %s", u.Index, u.Algorithm, explain(err))
	}
	credential, err := o.ValidateDiscoverableLogin(func(_, handle []byte) (gowebauthn.User, error) {
		if string(handle) != string(user.id) {
			return nil, errors.New("unknown user handle")
		}
		return user, nil
	}, *session, parsed)
	if err != nil {
		tb.Fatalf("user %d, %s: %s", u.Index, u.Algorithm, explain(err))
	}
	user.credentials[0] = *credential
	if credential.Authenticator.CloneWarning {
		tb.Errorf("user %d: the counter did not go up", u.Index)
	}
}

// explain adds what the library hides from its error texts.
func explain(err error) string {
	if detailed, ok := errors.AsType[*protocol.Error](err); ok {
		return detailed.Details + ": " + detailed.DevInfo
	}
	return err.Error()
}

func TestRelyingPartyAccepts(t *testing.T) {
	rp := newOracle(t)
	for name, cfg := range map[string]Config{
		"synced":   {Device: synced, Algorithms: every},
		"fresh":    {Device: synced, Algorithms: every[:2], Signing: SigningFresh},
		"counting": {Device: virtual.Config{Counter: virtual.Counter{Policy: virtual.CounterGlobal, Start: 1}}, Algorithms: every[:2]},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFleet(t, cfg)
			if err := f.Fill(t.Context(), batchSize, nil); err != nil {
				t.Fatal(err)
			}
			seen := map[webauthn.Algorithm]int{}
			u := &User{}
			for i := range int64(120) {
				f.User(i, u)
				seen[u.Algorithm]++
				user := rp.register(t, f, u)
				rp.login(t, f, u, user)
				rp.login(t, f, u, user)
			}
			if len(seen) != len(cfg.Algorithms) {
				t.Errorf("algorithms seen: %v", seen)
			}
		})
	}
}

// checkRegistration is true for a registration that a strict relying party takes: coordinates of full length, on the
// curve, everything canonical.
func checkRegistration(f *Fleet, u *User, r *Registration) error {
	if err := f.Register(r, u, testOrigin, creationOptions()); err != nil {
		return err
	}
	object, err := webauthn.ParseAttestationObject(r.AttestationObject.Bytes)
	if err != nil {
		return err
	}
	data, err := webauthn.ParseAuthenticatorData(object.AuthData)
	if err != nil {
		return err
	}
	key, err := webauthn.ParseCOSEKey(data.Attested.PublicKey)
	if err != nil {
		return err
	}
	if key.Algorithm != u.Algorithm || len(key.Extra) > 0 || string(data.Attested.CredentialID) != string(u.CredentialID.Bytes) {
		return errors.New("another key or credential than the user's")
	}
	return nil
}

// One registration in 128 has a coordinate that begins with a zero byte, which encoders like to lose.
func TestManyRegistrationsAreWellFormed(t *testing.T) {
	f := newFleet(t, Config{Seed: 77, Count: 20000, Device: synced, Algorithms: []Weighted{{"ES256", 30}, {"EdDSA", 1}, {"RS256", 1}}})
	u, r := &User{}, &Registration{}
	leadingZeros := 0
	for i := range f.Count() {
		f.User(i, u)
		if err := checkRegistration(f, u, r); err != nil {
			t.Fatalf("user %d, %s: %v", i, u.Algorithm, err)
		}
		if point := r.PublicKey.Bytes; u.Algorithm == webauthn.ES256 && (point[len(point)-64] == 0 || point[len(point)-32] == 0) {
			leadingZeros++
		}
	}
	if leadingZeros < 100 || leadingZeros > 200 {
		t.Errorf("%d keys have a leading zero, want about 146: the test does not test what it should", leadingZeros)
	}
}
