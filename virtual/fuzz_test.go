package virtual_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
)

// fuzzDevice behaves the same every time, so that a finding can be repeated.
func fuzzDevice(t *testing.T) *virtual.SoftwareDevice {
	t.Helper()
	return newDevice(t, virtual.Config{
		Algorithms: []string{"ES256", "EdDSA"},
		Extensions: []string{"credProps", "prf", "largeBlob", "credBlob", "minPinLength"},
		Random:     seeded(1),
	})
}

func FuzzCreate(f *testing.F) {
	f.Add(testOrigin, "", []byte(creationOptions(nil)))
	f.Add("http://localhost:1", "https://top.example", []byte(creationOptions(options{
		"rp": options{"name": ""}, "attestation": "direct", "pubKeyCredParams": []any{},
		"authenticatorSelection": options{"residentKey": "required", "userVerification": "required"},
		"extensions":             options{"credProps": true, "prf": options{"eval": options{"first": "AA", "second": ""}}, "largeBlob": options{"support": "required"}, "credBlob": "AA", "minPinLength": true},
	})))
	f.Fuzz(func(t *testing.T, origin, topOrigin string, opts []byte) {
		device := fuzzDevice(t)
		r, err := device.Create(t.Context(), virtual.CreateRequest{Origin: origin, TopOrigin: topOrigin, Options: opts})
		if err != nil {
			checkFuzzError(t, err, r == nil)
			return
		}
		object, err := webauthn.ParseAttestationObject(r.AttestationObject)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := webauthn.ParseCOSEKey(authData(t, object.AuthData).Attested.PublicKey); err != nil {
			t.Fatal(err)
		}
		checkFuzzResponse(t, r, r.ClientDataJSON, origin)
	})
}

func FuzzGet(f *testing.F) {
	f.Add(testOrigin, "", []byte(requestOptions(nil)))
	f.Add("https://a.example.org", "https://top.example", []byte(requestOptions(options{
		"userVerification": "required", "allowCredentials": []options{descriptor([]byte("x"))},
		"extensions": options{"prf": options{"eval": options{"first": "AA"}}, "largeBlob": options{"read": true}, "getCredBlob": true},
	})))
	f.Fuzz(func(t *testing.T, origin, topOrigin string, opts []byte) {
		device := fuzzDevice(t)
		r := create(t, device, nil)
		a, err := device.Get(t.Context(), virtual.GetRequest{Origin: origin, TopOrigin: topOrigin, Options: opts})
		if err != nil {
			checkFuzzError(t, err, a == nil)
			return
		}
		key, err := webauthn.ParseCOSEKey(authData(t, r.AuthenticatorData).Attested.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		authData(t, a.AuthenticatorData)
		if err := key.Verify(slices.Concat(a.AuthenticatorData, webauthn.ES256.Digest(a.ClientDataJSON)), a.Signature); err != nil {
			t.Fatal(err)
		}
		checkFuzzResponse(t, a, a.ClientDataJSON, origin)
	})
}

func checkFuzzError(t *testing.T, err error, resultIsNil bool) {
	t.Helper()
	named, ok := errors.AsType[*virtual.Error](err)
	if !ok || named.Name == "" || named.Name == virtual.UnknownError || !resultIsNil {
		t.Fatalf("error %v, result nil: %v", err, resultIsNil)
	}
}

func checkFuzzResponse(t *testing.T, response any, clientData []byte, origin string) {
	t.Helper()
	if !json.Valid(marshal(t, response)) {
		t.Fatal("response is not JSON")
	}
	c, err := webauthn.ParseClientData(clientData)
	if err != nil {
		t.Fatal(err)
	}
	if c.Origin != origin || c.CrossOrigin != (c.TopOrigin != "") {
		t.Fatalf("client data %s for origin %q", clientData, origin)
	}
}
