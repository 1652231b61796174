package fleet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/providers"
)

type object = map[string]any

// manners are ways of authenticators; those with attestation make one when asked.
func manners() map[string]virtual.Config {
	all := map[string]virtual.Config{
		"when asked": {UserVerification: virtual.VerificationWhenAsked, ResidentKeys: virtual.ResidentKeysWhenAsked, BackupEligible: true},
		"incapable":  {UserVerification: virtual.VerificationNever, ResidentKeys: virtual.ResidentKeysNever, Attachment: "cross-platform"},
		"absent":     {UserPresence: virtual.PresenceNever, AAGUID: "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4"},
		"self":       {Attestation: virtual.AttestationPackedSelf, AAGUID: "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4"},
		"bare self":  {Attestation: virtual.AttestationPackedSelf},
		"counting":   {Counter: virtual.Counter{Policy: virtual.CounterPerCredential, Start: 7, Step: 3}, CredentialIDLength: 100},
	}
	catalogue, err := providers.Builtin()
	if err != nil {
		panic(err)
	}
	for _, p := range catalogue.All() {
		all[p.ID()] = p.Config
	}
	return all
}

// requestJSON is what the RP sends for o.
func (o *Options) requestJSON(id []byte) []byte {
	return mustJSON(object{
		"challenge": string(o.Challenge), "rpId": string(o.RPID), "userVerification": string(o.UserVerification),
		"allowCredentials": []object{{"type": "public-key", "id": webauthn.Base64URL(id)}},
	})
}

func (o *CreationOptions) creationJSON(user []byte) []byte {
	params := []object{}
	for _, alg := range o.Algorithms {
		params = append(params, object{"type": "public-key", "alg": alg})
	}
	return mustJSON(object{
		"rp": object{"id": string(o.RPID), "name": "Example"}, "challenge": string(o.Challenge), "pubKeyCredParams": params,
		"user":        object{"id": webauthn.Base64URL(user), "name": "alice", "displayName": "Alice"},
		"attestation": string(o.Attestation),
		"authenticatorSelection": object{
			"userVerification": string(o.UserVerification), "residentKey": string(o.ResidentKey),
			"requireResidentKey": o.RequireResidentKey, "authenticatorAttachment": string(o.Attachment),
		},
	})
}

func mustJSON(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

func drawOptions(t *rapid.T) *Options {
	top := rapid.SampledFrom([]string{"", "", testOrigin, "https://top.example", `https://"quoted\`}).Draw(t, "top origin")
	return &Options{
		Challenge:        []byte(rapid.StringMatching(`([A-Za-z0-9_-]{4}){0,12}([A-Za-z0-9_-]{2,3})`).Draw(t, "challenge")),
		RPID:             []byte(testRPID),
		UserVerification: []byte(rapid.SampledFrom([]string{"required", "preferred", "discouraged", "", "odd"}).Draw(t, "uv")),
		TopOrigin:        top,
		CrossOrigin:      rapid.Bool().Draw(t, "cross"),
	}
}

// What the fleet makes by hand is what a device makes, byte for byte, and refusals are the same; but for ECDSA
// signatures, which differ each time.
func TestSameAsDevice(t *testing.T) {
	for name, cfg := range manners() {
		t.Run(name, func(t *testing.T) {
			algorithms := every
			if name != "synced-generic" && name != "counting" {
				algorithms = every[:2] // RSA keys take their time, and other manners add nothing to them
			}
			f := newFleet(t, Config{Seed: 9, Count: 2000, Device: cfg, Algorithms: algorithms})
			next := int64(0)
			rapid.Check(t, func(t *rapid.T) {
				u := &User{}
				f.User(next%f.Count(), u)
				next++
				if err := f.Forget(u.Index); err != nil {
					t.Fatal(err)
				}
				if u.Algorithm != webauthn.RS256 {
					sameRegistration(t, f, u)
				}
				if err := f.Enroll(u.Index, handle(u.Index), rapid.Bool().Draw(t, "discoverable")); err != nil {
					t.Fatal(err)
				}
				for range 3 {
					sameAssertion(t, f, u)
				}
			})
		})
	}
}

func sameRegistration(t *rapid.T, f *Fleet, u *User) {
	offered := rapid.SampledFrom([][]webauthn.Algorithm{nil, {webauthn.ES256}, {webauthn.RS256, webauthn.EdDSA, webauthn.ES256}})
	o := &CreationOptions{
		Options:            *drawOptions(t),
		Algorithms:         offered.Draw(t, "algorithms"),
		Attestation:        []byte(rapid.SampledFrom([]string{"none", "direct", "indirect", "enterprise", "", "odd"}).Draw(t, "attestation")),
		ResidentKey:        []byte(rapid.SampledFrom([]string{"required", "preferred", "discouraged", "", "odd"}).Draw(t, "resident")),
		RequireResidentKey: rapid.Bool().Draw(t, "require resident"),
		Attachment:         []byte(rapid.SampledFrom([]string{"", "", "platform", "cross-platform", "odd"}).Draw(t, "attachment")),
	}
	device, err := f.Device(u.Index, testRPID)
	if err != nil {
		t.Fatal(err)
	}
	want, wantErr := device.Create(t.Context(), virtual.CreateRequest{
		Origin: testOrigin, TopOrigin: o.TopOrigin, CrossOrigin: o.CrossOrigin, Options: o.creationJSON(handle(u.Index)),
	})
	var got Registration
	err = f.Register(&got, u, testOrigin, o)
	if errors.Is(err, ErrNeedsDevice) {
		object, err := webauthn.ParseAttestationObject(want.AttestationObject)
		if err != nil || object.Format == "none" {
			t.Fatalf("the device made a registration without attestation, error %v", err)
		}
		if !bytes.Equal(want.CredentialID, u.CredentialID.Bytes) || !bytes.Equal(want.PublicKey, publicKeyOf(t, f, u)) {
			t.Fatal("the device made another passkey")
		}
		return
	}
	if !sameRefusal(t, wantErr, err) {
		return
	}
	if diff := cmp.Diff(map[string][]byte{
		"clientDataJSON": want.ClientDataJSON, "attestationObject": want.AttestationObject,
		"authenticatorData": want.AuthenticatorData, "publicKey": want.PublicKey, "id": want.CredentialID,
	}, map[string][]byte{
		"clientDataJSON": decoded(t, got.ClientDataJSON), "attestationObject": decoded(t, got.AttestationObject),
		"authenticatorData": decoded(t, got.AuthenticatorData), "publicKey": decoded(t, got.PublicKey), "id": decoded(t, u.CredentialID),
	}); diff != "" {
		t.Fatalf("%s (-device +fleet):\n%s", u.Algorithm, diff)
	}
	if is := device.Credentials()[0].Discoverable; is != got.Discoverable {
		t.Fatalf("discoverable %v, want %v", got.Discoverable, is)
	}
}

func publicKeyOf(t *rapid.T, f *Fleet, u *User) []byte {
	_, spki, err := f.appendPublicKey(nil, nil, u)
	if err != nil {
		t.Fatal(err)
	}
	return spki
}

func sameAssertion(t *rapid.T, f *Fleet, u *User) {
	o := drawOptions(t)
	var before record
	if err := f.state.use(u.Index, &before, nil); err != nil {
		t.Fatal(err)
	}
	device, err := f.Device(u.Index, testRPID)
	if err != nil {
		t.Fatal(err)
	}
	// The device took a count. Give it back, so that both send the same one.
	if err := f.state.change(u.Index, func(r *record) { *r = before }); err != nil {
		t.Fatal(err)
	}
	want, wantErr := device.Get(t.Context(), virtual.GetRequest{
		Origin: testOrigin, TopOrigin: o.TopOrigin, CrossOrigin: o.CrossOrigin, Options: o.requestJSON(u.CredentialID.Bytes),
	})
	var got Assertion
	if !sameRefusal(t, wantErr, f.Assert(&got, u, testOrigin, o)) {
		return
	}
	wantParts := map[string][]byte{
		"clientDataJSON": want.ClientDataJSON, "authenticatorData": want.AuthenticatorData, "userHandle": want.UserHandle,
	}
	gotParts := map[string][]byte{
		"clientDataJSON": decoded(t, got.ClientDataJSON), "authenticatorData": decoded(t, got.AuthenticatorData), "userHandle": decoded(t, got.UserHandle),
	}
	if u.Algorithm != webauthn.ES256 { // deterministic
		wantParts["signature"], gotParts["signature"] = want.Signature, decoded(t, got.Signature)
	}
	for _, part := range []map[string][]byte{wantParts, gotParts} {
		if len(part["userHandle"]) == 0 {
			delete(part, "userHandle")
		}
	}
	if diff := cmp.Diff(wantParts, gotParts); diff != "" {
		t.Fatalf("%s (-device +fleet):\n%s", u.Algorithm, diff)
	}
	if count := device.Credentials()[0].SignCount; count != got.SignCount {
		t.Fatalf("count %d, want %d", got.SignCount, count)
	}
}

// sameRefusal compares refusals by name; it is true when there is none.
func sameRefusal(t *rapid.T, want, got error) bool {
	if want == nil && got == nil {
		return true
	}
	var name [2]virtual.ErrorName
	for i, err := range []error{want, got} {
		if refusal, ok := errors.AsType[*virtual.Error](err); ok {
			name[i] = refusal.Name
		}
	}
	if name[0] != name[1] || name[0] == "" {
		t.Fatalf("got error %v, the device said %v", got, want)
	}
	return false
}

// decoded is the part's text, decoded.
func decoded(t *rapid.T, p Part) []byte {
	data, err := webauthn.DecodeBase64URL(string(p.Text))
	if err != nil || !bytes.Equal(data, p.Bytes) {
		t.Fatalf("the text %q is not that of %x: %v", p.Text, p.Bytes, err)
	}
	return data
}

func TestBadChallenge(t *testing.T) {
	f := newFleet(t, Config{})
	u := enroll(t, f, 1)
	for _, challenge := range []string{"AAAA=", "AA+A", "AA/A", "A", "AAAAA", "A\nAA", "é"} {
		o := options()
		o.Challenge = []byte(challenge)
		_, browser := webauthn.DecodeBase64URL(challenge)
		var refusal *virtual.Error
		if err := f.Assert(&Assertion{}, u, testOrigin, o); !errors.As(err, &refusal) || refusal.Name != virtual.TypeError || browser == nil {
			t.Errorf("%q: got %v, a browser %v", challenge, err, browser)
		}
	}
	o := options()
	o.RPID = nil
	if err := f.Assert(&Assertion{}, u, testOrigin, o); err == nil {
		t.Error("no rp id: accepted")
	}
}

func TestNotEnrolledIsRefused(t *testing.T) {
	f := newFleet(t, Config{})
	u := &User{}
	f.User(5, u)
	var refusal *virtual.Error
	if err := f.Assert(&Assertion{}, u, testOrigin, options()); !errors.As(err, &refusal) || refusal.Name != virtual.NotAllowedError {
		t.Errorf("got %v", err)
	}
	if _, err := f.Passkey(5); err == nil {
		t.Error("a user without a passkey has one to export")
	}
}

// Counters only go up, whoever uses them.
func TestCounter(t *testing.T) {
	for _, policy := range []virtual.CounterPolicy{virtual.CounterPerCredential, virtual.CounterGlobal} {
		t.Run(string(policy), func(t *testing.T) {
			f := newFleet(t, Config{Device: virtual.Config{Counter: virtual.Counter{Policy: policy, Start: 10}}})
			u := enroll(t, f, 3)
			var counts []uint32
			for i := range 4 {
				var a Assertion
				if i == 2 {
					counts = append(counts, deviceCount(t, f, u))
				} else if err := f.Assert(&a, u, testOrigin, options()); err != nil {
					t.Fatal(err)
				} else {
					counts = append(counts, a.SignCount)
				}
			}
			if diff := cmp.Diff([]uint32{11, 12, 13, 14}, counts); diff != "" {
				t.Error(diff)
			}
		})
	}
	f := newFleet(t, Config{Device: virtual.Config{Counter: virtual.Counter{Policy: virtual.CounterGlobal, Start: 1<<32 - 2, Step: 5}}})
	u := enroll(t, f, 0)
	for range 2 {
		var a Assertion
		if err := f.Assert(&a, u, testOrigin, options()); err != nil || a.SignCount != 1<<32-1 {
			t.Errorf("count %d, error %v: a counter stops at its end", a.SignCount, err)
		}
	}
}

func deviceCount(t *testing.T, f *Fleet, u *User) uint32 {
	t.Helper()
	device, err := f.Device(u.Index, testRPID)
	if err != nil {
		t.Fatal(err)
	}
	a, err := device.Get(t.Context(), virtual.GetRequest{Origin: testOrigin, Options: options().requestJSON(u.CredentialID.Bytes)})
	if err != nil {
		t.Fatal(err)
	}
	data, err := webauthn.ParseAuthenticatorData(a.AuthenticatorData)
	if err != nil {
		t.Fatal(err)
	}
	return data.SignCount
}

func TestDeviceOfRSAUserCannotRegister(t *testing.T) {
	f := newFleet(t, Config{Algorithms: []Weighted{{"RS256", 1}}})
	_, err := f.Device(0, testRPID)
	var hinted interface{ Hint() string }
	if !errors.As(err, &hinted) || hinted.Hint() == "" {
		t.Errorf("got %v", err)
	}
	enroll(t, f, 0)
	if _, err := f.Device(0, testRPID); err != nil {
		t.Error(err)
	}
}

func ExampleFleet_Assert() {
	f, err := New(Config{Seed: 1, Count: 1_000_000, Origin: "https://example.org", RPID: "example.org"})
	if err != nil {
		fmt.Println(err)
		return
	}
	var (
		user     User
		response Assertion
	)
	f.User(123_456, &user)
	err = errors.Join(
		f.Enroll(user.Index, []byte("handle"), true),
		f.Assert(&response, &user, "https://example.org", &Options{Challenge: []byte("AAAA"), RPID: []byte("example.org")}),
		f.Close(),
	)
	fmt.Println(string(response.ClientDataJSON.Bytes), err)
	// Output: {"type":"webauthn.get","challenge":"AAAA","origin":"https://example.org","crossOrigin":false} <nil>
}
