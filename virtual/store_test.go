package virtual_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
)

func TestExcludeCredentials(t *testing.T) {
	device := newDevice(t, virtual.Config{})
	id := create(t, device, nil).CredentialID
	try := func(origin string, changes options) error {
		_, err := device.Create(t.Context(), virtual.CreateRequest{Origin: origin, Options: creationOptions(changes)})
		return err
	}
	wantError(t, try(testOrigin, options{"excludeCredentials": []options{descriptor([]byte("x")), descriptor(id)}}), virtual.InvalidStateError)
	wantError(t, try(testOrigin, options{"excludeCredentials": []options{{"type": "x-new", "id": webauthn.Base64URL(id).String()}}}), "")
	// The same ID of another RP is another credential.
	other := options{"rp": options{"id": "example.com", "name": ""}, "excludeCredentials": []options{descriptor(id)}}
	wantError(t, try("https://example.com", other), "")
}

func TestNewPasskeyReplacesOld(t *testing.T) {
	device := newDevice(t, virtual.Config{ResidentKeyLimit: 2})
	first := create(t, device, nil)
	second := create(t, device, nil)
	bob := create(t, device, options{"user": userNamed("bob")})
	var ids [][]byte
	for _, c := range device.Credentials() {
		ids = append(ids, c.ID)
	}
	if diff := cmp.Diff([][]byte{second.CredentialID, bob.CredentialID}, ids); diff != "" {
		t.Errorf("stored credentials (-want +got), the first was %x:\n%s", first.CredentialID, diff)
	}
	_, err := device.Create(t.Context(), virtual.CreateRequest{Origin: testOrigin, Options: creationOptions(options{"user": userNamed("carol")})})
	wantError(t, err, virtual.NotAllowedError)
	create(t, device, options{"user": userNamed("bob")}) // replacing needs no place
}

func TestServerSideCredentials(t *testing.T) {
	device := newDevice(t, virtual.Config{ResidentKeys: virtual.ResidentKeysNever})
	first, second := create(t, device, nil), create(t, device, nil)
	if n := len(device.Credentials()); n != 2 {
		t.Fatalf("%d credentials, want 2: server-side ones do not replace each other", n)
	}
	_, err := device.Get(t.Context(), virtual.GetRequest{Origin: testOrigin, Options: requestOptions(nil)})
	wantError(t, err, virtual.NotAllowedError)
	a := get(t, device, options{"allowCredentials": []options{descriptor(second.CredentialID), descriptor(first.CredentialID)}})
	if !bytes.Equal(a.CredentialID, second.CredentialID) || a.UserHandle != nil {
		t.Errorf("got credential %x with user handle %q", a.CredentialID, a.UserHandle)
	}
}

func TestResidentKeyWishes(t *testing.T) {
	for _, tt := range []struct {
		policy    virtual.ResidentKeys
		selection options
		want      bool
	}{
		{virtual.ResidentKeysAlways, options{"residentKey": "discouraged"}, true},
		{virtual.ResidentKeysWhenAsked, options{}, false},
		{virtual.ResidentKeysWhenAsked, options{"residentKey": "discouraged", "requireResidentKey": true}, false},
		{virtual.ResidentKeysWhenAsked, options{"residentKey": "preferred"}, true},
		{virtual.ResidentKeysWhenAsked, options{"residentKey": "required"}, true},
		{virtual.ResidentKeysWhenAsked, options{"requireResidentKey": true}, true},
		{virtual.ResidentKeysWhenAsked, options{"residentKey": "x-new", "requireResidentKey": true}, true},
		{virtual.ResidentKeysNever, options{"residentKey": "preferred"}, false},
	} {
		device := newDevice(t, virtual.Config{ResidentKeys: tt.policy})
		create(t, device, options{"authenticatorSelection": tt.selection})
		if got := device.Credentials()[0].Discoverable; got != tt.want {
			t.Errorf("%s with %v: discoverable %v, want %v", tt.policy, tt.selection, got, tt.want)
		}
	}
}

func TestPasskeyLeavesServerSideCredentialAlone(t *testing.T) {
	device := newDevice(t, virtual.Config{ResidentKeys: virtual.ResidentKeysWhenAsked})
	create(t, device, nil)
	create(t, device, options{"authenticatorSelection": options{"residentKey": "required"}})
	if n := len(device.Credentials()); n != 2 {
		t.Errorf("%d credentials, want 2", n)
	}
}

func TestWhoIsPicked(t *testing.T) {
	device := newDevice(t, virtual.Config{})
	alice := create(t, device, nil)
	bob := create(t, device, options{"user": userNamed("bob")})
	for _, tt := range []struct {
		name string
		req  virtual.GetRequest
		want *virtual.Registration
		user string
	}{
		{"the most recent", virtual.GetRequest{}, bob, "bob"},
		{"by id", virtual.GetRequest{CredentialID: alice.CredentialID}, alice, "alice"},
		{"by user", virtual.GetRequest{UserHandle: []byte("alice")}, alice, "alice"},
		{"by user, of nobody", virtual.GetRequest{UserHandle: []byte("carol")}, nil, ""},
		{"by both, of nobody", virtual.GetRequest{UserHandle: []byte("bob"), CredentialID: alice.CredentialID}, nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.req.Origin, tt.req.Options = testOrigin, requestOptions(nil)
			a, err := device.Get(t.Context(), tt.req)
			if tt.want == nil {
				wantError(t, err, virtual.NotAllowedError)
				return
			}
			if err != nil || !bytes.Equal(a.CredentialID, tt.want.CredentialID) || string(a.UserHandle) != tt.user {
				t.Errorf("got %+v, error %v", a, err)
			}
		})
	}
}

func TestCredentialsView(t *testing.T) {
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	device := newDevice(t, virtual.Config{
		BackupEligible: true, BackedUp: true, AAGUID: "EA9B8D66-4D01-1D21-3CE4-B6B48CB575D4",
		Transports: []string{"internal", "hybrid", "internal"}, Clock: func() time.Time { return now },
	})
	r := create(t, device, nil)
	want := []virtual.Credential{{
		ID: r.CredentialID, RPID: testRPID, UserHandle: []byte("alice"), UserName: "alice", UserDisplayName: "alice",
		Algorithm: -7, Discoverable: true, BackupEligible: true, BackedUp: true,
		AAGUID: "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4", Transports: []string{"hybrid", "internal"}, Created: now,
	}}
	got := device.Credentials()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	got[0].ID[0] ^= 1
	if diff := cmp.Diff(want, device.Credentials()); diff != "" {
		t.Errorf("the list shares memory with the device:\n%s", diff)
	}
}

func TestCredentialTravels(t *testing.T) {
	t.Parallel()
	for _, alg := range webauthn.Algorithms() {
		t.Run(alg.String(), func(t *testing.T) {
			t.Parallel()
			rp := newRP(t)
			cfg := virtual.Config{Algorithms: []string{alg.String()}, Extensions: []string{"prf", "largeBlob"}, BackupEligible: true}
			laptop, phone := newDevice(t, cfg), newDevice(t, cfg)
			credential := rp.register(t, laptop, onlyAlgorithm(alg))
			evaluate := options{"extensions": options{"prf": options{"eval": options{"first": "AA"}}}}
			before := get(t, laptop, evaluate)

			stored, err := laptop.ExportCredential(credential.ID)
			if err != nil {
				t.Fatal(err)
			}
			var moved virtual.StoredCredential
			if err := json.Unmarshal(marshal(t, stored), &moved); err != nil {
				t.Fatal(err)
			}
			moved.BackedUp = true
			if err := phone.ImportCredential(moved); err != nil {
				t.Fatal(err)
			}
			rp.loginDiscoverable(t, phone)
			after := get(t, phone, evaluate)
			if !authData(t, after.AuthenticatorData).Flags.Has(webauthn.FlagBS) {
				t.Error("not backed up after the import")
			}
			if diff := cmp.Diff(string(before.ClientExtensionResults), string(after.ClientExtensionResults)); diff != "" {
				t.Errorf("prf results differ:\n%s", diff)
			}
			if !laptop.RemoveCredential(credential.ID) || laptop.RemoveCredential(credential.ID) || len(laptop.Credentials()) != 0 {
				t.Error("removing does not work once and only once")
			}
		})
	}
}

func TestImportRefusals(t *testing.T) {
	source := newDevice(t, virtual.Config{})
	id := create(t, source, nil).CredentialID
	good, err := source.ExportCredential(id)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*virtual.StoredCredential){
		"no id":           func(s *virtual.StoredCredential) { s.ID = nil },
		"long id":         func(s *virtual.StoredCredential) { s.ID = make([]byte, 1024) },
		"no rp id":        func(s *virtual.StoredCredential) { s.RPID = "" },
		"wrong algorithm": func(s *virtual.StoredCredential) { s.Algorithm = -35 },
		"no algorithm":    func(s *virtual.StoredCredential) { s.Algorithm = 0 },
		"no key":          func(s *virtual.StoredCredential) { s.PrivateKey = nil },
		"flags":           func(s *virtual.StoredCredential) { s.BackedUp = true },
	} {
		bad := good
		change(&bad)
		target := newDevice(t, virtual.Config{})
		if err := target.ImportCredential(bad); err == nil || len(target.Credentials()) != 0 {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := source.ImportCredential(good); err != nil || len(source.Credentials()) != 1 {
		t.Errorf("importing it twice: %v, %d credentials", err, len(source.Credentials()))
	}
	if _, err := source.ExportCredential([]byte("x")); !errors.Is(err, virtual.ErrUnknownCredential) {
		t.Errorf("got %v", err)
	}
	if _, err := source.Sign([]byte("x"), nil); !errors.Is(err, virtual.ErrUnknownCredential) {
		t.Errorf("got %v", err)
	}
}

func TestSignLetsAResponseBeChanged(t *testing.T) {
	rp := newRP(t)
	device := newDevice(t, virtual.Config{})
	rp.register(t, device)
	opts, session := rp.beginLogin(t)
	a, err := device.Get(t.Context(), virtual.GetRequest{Origin: testOrigin, Options: opts})
	if err != nil {
		t.Fatal(err)
	}
	data := authData(t, a.AuthenticatorData)
	data.SignCount = 77
	if a.AuthenticatorData, err = data.Marshal(); err != nil {
		t.Fatal(err)
	}
	message := append(bytes.Clone(a.AuthenticatorData), webauthn.ES256.Digest(a.ClientDataJSON)...)
	if a.Signature, err = device.Sign(a.CredentialID, message); err != nil {
		t.Fatal(err)
	}
	if got := rp.finishLogin(t, session, marshal(t, a)).Authenticator.SignCount; got != 77 {
		t.Errorf("counter %d", got)
	}
}

func TestResponsesRoundTrip(t *testing.T) {
	device := newDevice(t, virtual.Config{})
	r := create(t, device, nil)
	var r2 virtual.Registration
	if err := json.Unmarshal(marshal(t, r), &r2); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(*r, r2); diff != "" {
		t.Error(diff)
	}
	a := get(t, device, nil)
	var a2 virtual.Assertion
	if err := json.Unmarshal(marshal(t, a), &a2); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(*a, a2); diff != "" {
		t.Error(diff)
	}
	if json.Unmarshal([]byte(`{}`), &r2) == nil || json.Unmarshal([]byte(`{}`), &a2) == nil {
		t.Error("an empty response is accepted")
	}
}

func TestConcurrentUse(t *testing.T) {
	device := newDevice(t, virtual.Config{Counter: virtual.Counter{Policy: virtual.CounterGlobal}, Random: seeded(1)})
	ids := make(chan []byte, 16)
	counts := sync.Map{}
	var wg sync.WaitGroup
	for i := range cap(ids) {
		wg.Go(func() {
			r := create(t, device, options{"user": userNamed(string(rune('a' + i)))})
			counts.Store(authData(t, r.AuthenticatorData).SignCount, true)
			a := get(t, device, options{"allowCredentials": []options{descriptor(r.CredentialID)}})
			if _, twice := counts.LoadOrStore(authData(t, a.AuthenticatorData).SignCount, true); twice {
				t.Error("a count was given twice")
			}
			ids <- r.CredentialID
			device.Credentials()
		})
	}
	wg.Wait()
	if len(device.Credentials()) != len(ids) {
		t.Errorf("%d credentials after %d creates", len(device.Credentials()), len(ids))
	}
}
