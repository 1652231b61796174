package webauthn

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBase64URL(t *testing.T) {
	for _, tt := range []struct{ text, want, wantErr string }{
		{text: "", want: ""},
		{text: "AAE", want: "0001"},
		{text: "AAF", want: "0001"}, // unused bits are ignored, as browsers do
		{text: "_-8", want: "ffef"},
		{text: "AA==", wantErr: "illegal base64url at byte 2"},
		{text: "AAA+", wantErr: "illegal base64url at byte 3"},
		{text: "AA\nAA", wantErr: "illegal base64url at byte 2"},
		{text: "AAAAA", wantErr: "illegal base64url at byte 4"},
	} {
		got, err := DecodeBase64URL(tt.text)
		if message(err) != tt.wantErr || hex.EncodeToString(got) != tt.want {
			t.Errorf("%q: got %x, error %q; want %s, %q", tt.text, got, message(err), tt.want, tt.wantErr)
		}
	}
}

func TestAAGUID(t *testing.T) {
	const text = "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4"
	a, err := ParseAAGUID(strings.ToUpper(text))
	if err != nil || a.String() != text || a.IsZero() {
		t.Errorf("got %v (%v)", a, err)
	}
	for _, bad := range []string{"", text[1:], strings.ReplaceAll(text, "-", ""), "ga9b8d66-4d01-1d21-3ce4-b6b48cb575d4", "ea9b8d66-4d01-1d21-3ce4-b6b4-cb575d4"} {
		if got, err := ParseAAGUID(bad); err == nil || !got.IsZero() {
			t.Errorf("%q: got %v, want an error", bad, got)
		}
	}
}

func TestFlags(t *testing.T) {
	f := FlagUP.With(FlagUV|FlagAT, true).With(FlagUP, false)
	if f.String() != "0x44 UV AT" || !f.Has(FlagUV|FlagAT) || f.Has(FlagUP) {
		t.Errorf("flags are %v", f)
	}
	if got := Flags(0xff).Names(); len(got) != 8 || Flags(0).String() != "0x00" {
		t.Errorf("all flags are %v, none %v", got, Flags(0))
	}
}

func TestClientDataEscaping(t *testing.T) {
	c := &ClientData{Type: TypeGet, Challenge: "AA", Origin: "https://a&b<>\u2028\"\\\x1f\x7f\u00e9"}
	want := "{\"type\":\"webauthn.get\",\"challenge\":\"AA\",\"origin\":\"https://a&b<>\u2028\\\"\\\\\\u001f\x7f\u00e9\",\"crossOrigin\":false}"
	if diff := cmp.Diff(want, string(c.Marshal())); diff != "" {
		t.Error(diff)
	}
	c = &ClientData{Type: TypeCreate, TopOrigin: "https://top.example"}
	if strings.Contains(string(c.Marshal()), "topOrigin") {
		t.Error("topOrigin is written although crossOrigin is false")
	}
	c.CrossOrigin = true
	if !strings.HasSuffix(string(c.Marshal()), `"crossOrigin":true,"topOrigin":"https://top.example"}`) {
		t.Errorf("got %s", c.Marshal())
	}
}

func TestParseClientData(t *testing.T) {
	for _, tt := range []struct {
		name, in, wantErr string
		want              *ClientData
	}{
		{name: "byte order mark", in: "\xef\xbb\xbf" + `{"type":"x"}`, want: &ClientData{Type: "x"}},
		{name: "any order, spaces, missing members", in: ` { "origin" : "o" , "type":"t" } `, want: &ClientData{Type: "t", Origin: "o"}},
		{
			name: "extra members", in: `{"b":{"x":[1]},"type":"t","a":null}`,
			want: &ClientData{Type: "t", Extra: []Member{{"b", json.RawMessage(`{"x":[1]}`)}, {"a", json.RawMessage("null")}}},
		},
		{name: "last of two counts", in: `{"type":"a","type":"b"}`, want: &ClientData{Type: "b"}},
		{name: "ill-formed UTF-8", in: "{\"type\":\"\xff\"}", want: &ClientData{Type: "\uFFFD"}},
		{name: "array", in: `[]`, wantErr: "client data: want a JSON object"},
		{name: "null", in: `null`, wantErr: "client data: want a JSON object"},
		{name: "garbage", in: `{"type"`, wantErr: "client data: not valid JSON"},
		{name: "trailing", in: `{} {}`, wantErr: "client data: not valid JSON"},
		{name: "number for a string", in: `{"origin":1}`, wantErr: "client data: origin: want a string"},
		{name: "string for a boolean", in: `{"crossOrigin":"true"}`, wantErr: "client data: crossOrigin: want a boolean"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseClientData([]byte(tt.in))
			if message(err) != tt.wantErr {
				t.Fatalf("error %q, want %q", message(err), tt.wantErr)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseAuthenticatorDataErrors(t *testing.T) {
	head := func(flags Flags) []byte {
		b := make([]byte, minAuthData)
		b[32] = byte(flags)
		return b
	}
	attested := func(idLen byte, rest ...byte) []byte { return append(append(make([]byte, 16), 0, idLen), rest...) }
	for _, tt := range []struct {
		name, wantErr string
		in            []byte
	}{
		{"empty", "authenticator data: 0 bytes, want at least 37", nil},
		{"short", "authenticator data: 36 bytes, want at least 37", make([]byte, 36)},
		{"left over", "authenticator data: 1 bytes left over after the parts that flags 0x01 UP announce", append(head(FlagUP), 0)},
		{"AT without data", "authenticator data: attested credential data: 0 bytes, want at least 18", head(FlagAT)},
		{"credential id overrun", "authenticator data: attested credential data: credential id of 9 bytes in 1 bytes", append(head(FlagAT), attested(9, 1)...)},
		{"no key", "authenticator data: attested credential data: public key: want a cbor map in 0 bytes", append(head(FlagAT), attested(1, 1)...)},
		{"ED without data", "authenticator data: extensions: want a cbor map in 0 bytes", head(FlagED)},
		{"extensions not a map", "authenticator data: extensions: want a cbor map in 1 bytes", append(head(FlagED), 0x80)},
		{"data without AT", "authenticator data: 19 bytes left over after the parts that flags 0x00 announce", append(head(0), attested(0, 0xa0)...)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseAuthenticatorData(tt.in)
			if message(err) != tt.wantErr || got != nil {
				t.Errorf("got %v, error %q, want %q", got, message(err), tt.wantErr)
			}
			if view := DescribeAuthenticatorData(tt.in); view["error"] != tt.wantErr {
				t.Errorf("described as %v", view)
			}
		})
	}
}

func TestCOSEKeyRefusals(t *testing.T) {
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := p256.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	x, y := point[1:33], point[33:]
	off := bytes.Clone(y)
	off[31] ^= 1
	type m = map[int]any
	for _, tt := range []struct {
		name, wantErr string
		key           any
	}{
		{"compressed", "cose key: y: the point is compressed", m{1: 2, 3: -7, -1: 1, -2: x, -3: true}},
		{"off the curve", "cose key: the point is not on P-256", m{1: 2, 3: -7, -1: 1, -2: x, -3: off}},
		{"infinity", "cose key: the point is not on P-256", m{1: 2, 3: -7, -1: 1, -2: make([]byte, 32), -3: make([]byte, 32)}},
		{"unpadded", "cose key: coordinates of 31 and 32 bytes, want 32", m{1: 2, 3: -7, -1: 1, -2: x[1:], -3: y}},
		{"short y", "cose key: coordinates of 32 and 31 bytes, want 32", m{1: 2, 3: -7, -1: 1, -2: x, -3: y[1:]}},
		{"wrong curve", "cose key: curve 1 does not go with ES384, want 2", m{1: 2, 3: -35, -1: 1, -2: x, -3: y}},
		{"wrong key type", "cose key: key type 2 does not go with EdDSA, want 1", m{1: 2, 3: -8, -1: 1, -2: x, -3: y}},
		{"RSA algorithm on EC2", "cose key: key type 2 does not go with RS256, want 3", m{1: 2, 3: -257, -1: 1, -2: x, -3: y}},
		{"no algorithm", "cose key: no algorithm", m{1: 2, -1: 1, -2: x, -3: y}},
		{"no key type", "cose key: no key type", m{3: -7}},
		{"X25519 with EdDSA", "cose key: curve 4 does not go with EdDSA, want 6", m{1: 1, 3: -8, -1: 4, -2: x}},
		{"Ed448 with EdDSA", "cose key: curve 7 does not go with EdDSA, want 6", m{1: 1, 3: -8, -1: 7, -2: make([]byte, 57)}},
		{"Ed448", "cose key: algorithm -53: unsupported algorithm", m{1: 1, 3: -53, -1: 7, -2: make([]byte, 57)}},
		{"ES256K", "cose key: algorithm -47: unsupported algorithm", m{1: 2, 3: -47, -1: 8, -2: x, -3: y}},
		{"short Ed25519", "cose key: x of 31 bytes, want 32", m{1: 1, 3: -8, -1: 6, -2: x[1:]}},
		{"x is text", "cose key: x: want a byte string", m{1: 1, 3: -8, -1: 6, -2: "x"}},
		{"algorithm is text", "cose key: algorithm: want an integer", m{1: 2, 3: "ES256"}},
		{"long exponent", "cose key: exponent: want the shortest form of a positive 31-bit number", m{1: 3, 3: -257, -1: x, -2: make([]byte, 9)}},
		{"padded modulus", "cose key: modulus: want the shortest form of a positive number", m{1: 3, 3: -257, -1: []byte{0, 1}, -2: []byte{3}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data, err := EncodeCBOR(tt.key)
			if err != nil {
				t.Fatal(err)
			}
			got, err := ParseCOSEKey(data)
			if message(err) != tt.wantErr || got != nil {
				t.Errorf("got %v, error %q, want %q", got, message(err), tt.wantErr)
			}
			if strings.Contains(tt.wantErr, "unsupported") != errors.Is(err, ErrUnsupportedAlgorithm) {
				t.Errorf("errors.Is(%v, ErrUnsupportedAlgorithm) is wrong", err)
			}
		})
	}
	data, err := EncodeCBOR(m{1: 2, 2: []byte("kid"), 3: -7, -1: 1, -2: x, -3: y, -4: x})
	if err != nil {
		t.Fatal(err)
	}
	key, err := ParseCOSEKey(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"-4", "2"}, key.Extra); diff != "" {
		t.Error(diff)
	}
}

func TestVerifyEveryAlgorithm(t *testing.T) {
	msg := []byte("message")
	for _, alg := range Algorithms() {
		t.Run(alg.String(), func(t *testing.T) {
			public, signature := signWithNewKey(t, alg, msg)
			data, err := EncodeCOSEKey(alg, public)
			if err != nil {
				t.Fatal(err)
			}
			key, err := ParseCOSEKey(data)
			if err != nil {
				t.Fatal(err)
			}
			if err := key.Verify(msg, signature); err != nil {
				t.Error(err)
			}
			if err := key.Verify([]byte("massage"), signature); !errors.Is(err, ErrBadSignature) {
				t.Errorf("another message: %v", err)
			}
			if err := key.Verify(msg, nil); !errors.Is(err, ErrBadSignature) {
				t.Errorf("no signature: %v", err)
			}
			if parsed, err := ParseAlgorithm(alg.String()); err != nil || parsed != alg {
				t.Errorf("name does not lead back: %v, %v", parsed, err)
			}
			for _, other := range Algorithms() {
				if err := Verify(other, public, msg, signature); (err == nil) != (other == alg) {
					t.Errorf("verified as %s: %v", other, err)
				}
			}
		})
	}
	if err := Verify(-53, nil, msg, nil); !errors.Is(err, ErrUnsupportedAlgorithm) {
		t.Errorf("Ed448: %v", err)
	}
}

func signWithNewKey(t *testing.T, alg Algorithm, msg []byte) (crypto.PublicKey, []byte) {
	t.Helper()
	var signer crypto.Signer
	var err error
	var opts crypto.SignerOpts = alg.Hash()
	switch alg {
	case ES256, ES384, ES512:
		signer, err = ecdsa.GenerateKey(alg.Curve(), rand.Reader)
	case EdDSA:
		_, signer, err = ed25519.GenerateKey(rand.Reader)
	case RS256, PS256:
		signer, err = rsa.GenerateKey(rand.Reader, 2048)
		if alg == PS256 {
			opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	signature, err := signer.Sign(rand.Reader, alg.Digest(msg), opts)
	if err != nil {
		t.Fatal(err)
	}
	return signer.Public(), signature
}

func TestParseAttestationObjectErrors(t *testing.T) {
	good := map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": []byte{1}}
	with := func(name string, v any) map[string]any {
		m := map[string]any{}
		maps.Copy(m, good)
		if m[name] = v; v == nil {
			delete(m, name)
		}
		return m
	}
	for _, tt := range []struct {
		name, wantErr string
		object        any
	}{
		{"good", "", good},
		{"unknown member", "", with("epAtt", true)},
		{"compound", "", with("attStmt", []any{})},
		{"no fmt", "attestation object: no fmt", with("fmt", nil)},
		{"no attStmt", "attestation object: no attStmt", with("attStmt", nil)},
		{"no authData", "attestation object: no authData", with("authData", nil)},
		{"fmt is bytes", "attestation object: fmt: want a text string", with("fmt", []byte("none"))},
		{"attStmt is text", "attestation object: attStmt: want a map or an array", with("attStmt", "")},
		{"authData is text", "attestation object: authData: want a byte string", with("authData", "x")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data, err := EncodeCBOR(tt.object)
			if err != nil {
				t.Fatal(err)
			}
			got, err := ParseAttestationObject(data)
			if message(err) != tt.wantErr || (got == nil) != (err != nil) {
				t.Errorf("got %v, error %q, want %q", got, message(err), tt.wantErr)
			}
			if got, err := ParseAttestationObject(append(data, 0)); err == nil || got != nil {
				t.Error("a byte after the object is accepted")
			}
		})
	}
	for _, bad := range []string{"", "f6", "80", "bf6366", "a2" + "63666d74646e6f6e65" + "63666d74646e6f6e65"} {
		data, err := hex.DecodeString(bad)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ParseAttestationObject(data); err == nil || got != nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}

func TestCanonicalCBOR(t *testing.T) {
	for in, want := range map[string]bool{"a0": true, "a201000200": true, "a202000100": false, "1801": false, "1818": true, "9f01ff": false, "": false} {
		data, err := hex.DecodeString(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := CanonicalCBOR(data); got != want {
			t.Errorf("%s: %v, want %v", in, got, want)
		}
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// The end of a text is what decoding and encoding it makes of it.
func TestBase64URLEnd(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "A", "AA", "AB", "_w", "_-", "AAA", "AAB", "AAAA", "AAA_", "AAAAB", "AAAA-_", "A=", "A+==", "A/AA", "AA\n", "é", "AA A"} {
		last, bad := Base64URLEnd(text)
		decoded, err := DecodeBase64URL(text)
		if (err == nil) != (bad < 0) {
			t.Errorf("%q: bad at %d, want %v", text, bad, err)
			continue
		}
		if err != nil || text == "" {
			continue
		}
		if again := Base64URL(decoded).String(); again[:len(again)-1]+string(last) != again || again[:len(again)-1] != text[:len(text)-1] {
			t.Errorf("%q ends with %q, want %q", text, last, again)
		}
		if same, _ := Base64URLEnd([]byte(text)); same != last {
			t.Errorf("as bytes, %q ends with %q", text, same)
		}
	}
}
