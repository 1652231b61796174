package forge_test

import (
	"strings"
	"testing"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/forge"
)

// TestValues gives values other than words and looks for them in the response.
func TestValues(t *testing.T) {
	r := newRig(t, config("ES256", virtual.AttestationNone))
	const (
		object = "response.attestationObject"
		data   = object + ".authData"
	)
	digits := strings.Repeat("ab", 32)
	hash := webauthn.Base64URL(strings.Repeat("\xab", 32))
	for _, test := range []struct {
		ceremony   string
		change     forge.Change
		path, want string // want "" is absent
	}{
		{forge.Get, change("clientdata-raw", "e30"), "response.clientDataJSON", `"{}"`},
		{forge.Get, change("clientdata-raw", []byte("{}")), "response.clientDataJSON", `"{}"`},
		{forge.Get, change("clientdata-remove", []string{"type", "challenge", "origin", "crossOrigin"}), "response.clientDataJSON", `"{}"`},
		{forge.Get, change("clientdata-remove", []string{"type", "challenge", "origin"}), "response.clientDataJSON", `"{\"crossOrigin\":false}"`},
		{forge.Get, change("authdata-flags", 0xff), "response.authenticatorData", `"v6vDdDKViwYzYNOtZGHJxHNa5_jt1GWSpeDwFFKy5LX_AAAAAA"`},
		{forge.Get, change("authdata-flags", map[string]any{"uv": false, "rfu1": true}), "response.authenticatorData.flags", "0x03 UP RFU1"},
		{forge.Get, change("authdata-rp-id-hash", hash), "response.authenticatorData.rpIdHash", digits},
		{forge.Get, change("authdata-rp-id-hash", []byte(hash)), "response.authenticatorData.rpIdHash", digits},
		{forge.Get, change("authdata-sign-count", 1<<32-1), "response.authenticatorData.signCount", "4294967295"},
		{forge.Get, change("authdata-extensions", []byte{0xa0}), "response.authenticatorData.extensions", "a0"},
		{forge.Get, change("authdata-truncate", -100), "response.authenticatorData", `""`},
		{forge.Get, change("authdata-raw", ""), "response.authenticatorData", `""`},
		{forge.Get, change("signature-bytes", "AAAA"), "response.signature", `"AAAA"`},
		{forge.Get, change("user-handle", []byte("bob")), "response.userHandle", `"Ym9i"`},
		{forge.Get, change("user-handle", ""), "response.userHandle", `""`},
		{forge.Get, change("user-handle", 5), "response.userHandle", `5`},
		{forge.Get, change("envelope-set", map[string]any{"response.signature": nil}), "response.signature", "null"},
		{forge.Get, change("envelope-id", map[string]any{"x": 1}), "rawId.x", "1"},
		{forge.Get, change("envelope-remove", "response.signature"), "response.signature", ""},
		{forge.Get, change("envelope-oversize", 3), "x-oversize", `"AAA"`},
		{forge.Get, change("envelope-type", "foo"), "type", `"foo"`},
		{forge.Create, change("credential-id", "AAEC"), data + ".credentialId", "3 000102"},
		{forge.Create, change("credential-id", []byte{0xff}), "rawId", `"_w"`},
		{forge.Create, change("aaguid", "00010203-0405-0607-0809-0a0b0c0d0e0f"), data + ".aaguid", "00010203-0405-0607-0809-0a0b0c0d0e0f"},
		{forge.Create, change("key-raw", []byte{0xa0}), data + ".key", "a0"},
		{forge.Create, change("key-set", map[string]any{"1": nil, "-1": nil, "-2": nil, "-3": nil, "5": map[string]any{"bytes": "AQ"}}), data + ".key", "a20326054101"},
		{forge.Create, change("attestation-object-raw", []byte{0xa0}), object, `"oA"`},
		{forge.Create, change("attestation-object-set", map[string]any{"attStmt": map[string]any{"x": []any{1, map[string]any{"bytes": "AQ"}, map[string]any{"y": 1.5}}}}), object + ".attStmt", "map[x:[1 1 bytes 4bf5122f map[y:1.5]]]"},
		{forge.Create, change("attestation-object-set", map[string]any{"authData": map[string]any{"bytes": "AQ"}}), data, "01"},
		{forge.Create, change("attestation-object-set", map[string]any{"extra": true}), object + ".fmt", "none"},
		{forge.Create, change("attestation-object-raw", "empty"), object, `""`},
	} {
		forged, err := r.forge(test.ceremony, test.change)
		if err != nil {
			t.Errorf("%v: %v", test.change, err)
			continue
		}
		if got := flatten(t, forged)[test.path]; got != test.want {
			t.Errorf("%v: %s is %q, want %q", test.change, test.path, got, test.want)
		}
	}
}

// TestOrigins derives origins from others than the usual one.
func TestOrigins(t *testing.T) {
	for _, test := range []struct{ origin, word, want string }{
		{"http://localhost:8080", "suffix", "http://evillocalhost:8080"},
		{"http://localhost:8080", "user-info", "http://localhost:8080@evil.example"},
		{"http://localhost:8443", "port", "http://localhost:9443"},
		{"http://localhost:8080", "subdomain", "http://sub.localhost:8080"},
		{"http://localhost:8080", "upper-case", "http://LOCALHOST:8080"},
		{"http://localhost", "default-port", "http://localhost:80"},
		{"http://localhost:8080", "default-port", ""},
		{"http://localhost:8080", "http", ""},
		{"http://localhost:8080", "parent", ""},
		{"http://localhost:8080", "regex-dot", ""},
	} {
		device, err := virtual.NewSoftwareDevice(config("ES256", virtual.AttestationNone))
		must(t, err)
		legal, err := device.Create(t.Context(), virtual.CreateRequest{Origin: test.origin, Options: []byte(`{
			"rp": {"id": "localhost", "name": "Example"}, "user": {"id": "YWxpY2U", "name": "alice", "displayName": "Alice"},
			"challenge": "AAECAwQFBgcICQoLDA0ODw", "pubKeyCredParams": [{"type": "public-key", "alg": -7}]}`)})
		must(t, err)
		forged, err := forge.Registration(legal, device, change("clientdata-origin", test.word))
		got := ""
		if err == nil {
			parsed, err := webauthn.ParseRegistrationResponse(forged)
			must(t, err)
			client, err := webauthn.ParseClientData(parsed.Response.ClientDataJSON)
			must(t, err)
			got = client.Origin
		}
		if got != test.want {
			t.Errorf("%s %s: got %q (%v), want %q", test.origin, test.word, got, err, test.want)
		}
	}
}

// TestNothingLeft makes changes that an earlier one leaves no room for.
func TestNothingLeft(t *testing.T) {
	r := newRig(t, config("ES256", virtual.AttestationNone))
	for _, test := range []struct {
		first, second forge.Change
		want          string
	}{
		{change("clientdata-raw", "array"), change("clientdata-extra", nil), "no JSON object"},
		{change("clientdata-raw", "garbage"), change("clientdata-reorder", "whitespace"), "client data"},
		{change("clientdata-challenge", nil), change("clientdata-challenge", "flip"), "no challenge to start from"},
		{change("clientdata-challenge", ""), change("clientdata-challenge", "flip"), "the challenge is empty"},
		{change("authdata-attested", "absent"), change("key-raw", "oA"), "no attested credential data left"},
		{change("authdata-attested", "absent"), change("key-missing-alg", nil), "no attested credential data left"},
		{change("authdata-attested", "absent"), change("key-off-curve", nil), "no attested credential data left"},
		{change("authdata-attested", "absent"), change("aaguid", "zero"), "no attested credential data left"},
		{change("authdata-attested", "absent"), change("credential-id", 16), "no attested credential data left"},
		{change("authdata-attested", "absent"), change("attestation-u2f", nil), "no attested credential data left"},
		{change("authdata-attested", "absent"), change("attestation-apple", nil), "cose key"},
		{change("authdata-attested", "absent"), change("envelope-copies", "other-key"), "no public key left"},
		{change("key-raw", "AA"), change("key-missing-alg", nil), "cose key"},
	} {
		if _, err := forge.Registration(r.registration, r.device, test.first, test.second); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v, %v: got error %v, want %q", test.first, test.second, err, test.want)
		}
	}
}
