package virtual_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
)

func TestCreateRefusals(t *testing.T) {
	selection := func(name string, value any) options {
		return options{"authenticatorSelection": options{name: value}}
	}
	longID := webauthn.Base64URL(make([]byte, 65)).String()
	for _, tt := range []struct {
		name    string
		cfg     virtual.Config
		changes options
		want    virtual.ErrorName
	}{
		{"good", virtual.Config{}, nil, ""},
		{"empty user id", virtual.Config{}, options{"user": options{"id": "", "name": "", "displayName": ""}}, virtual.TypeError},
		{"long user id", virtual.Config{}, options{"user": options{"id": longID, "name": "", "displayName": ""}}, virtual.TypeError},
		{"no challenge", virtual.Config{}, options{"challenge": nil}, virtual.TypeError},
		{"foreign rp id", virtual.Config{}, options{"rp": options{"id": "evil.example", "name": ""}}, virtual.SecurityError},
		{"no algorithms: ES256", virtual.Config{}, options{"pubKeyCredParams": []any{}}, ""},
		{"no algorithms: not Ed25519", virtual.Config{Algorithms: []string{"EdDSA"}}, options{"pubKeyCredParams": []any{}}, virtual.NotSupportedError},
		{"no common algorithm", virtual.Config{Algorithms: []string{"ES384"}}, nil, virtual.NotSupportedError},
		{"only unknown types", virtual.Config{}, options{"pubKeyCredParams": []options{{"type": "x-new", "alg": -7}}}, virtual.NotSupportedError},
		{"other attachment", virtual.Config{}, selection("authenticatorAttachment", "cross-platform"), virtual.NotAllowedError},
		{"same attachment", virtual.Config{Attachment: "cross-platform"}, selection("authenticatorAttachment", "cross-platform"), ""},
		{"unknown attachment", virtual.Config{}, selection("authenticatorAttachment", "x-new"), ""},
		{"verification impossible", virtual.Config{UserVerification: virtual.VerificationNever}, selection("userVerification", "required"), virtual.ConstraintError},
		{"resident key impossible", virtual.Config{ResidentKeys: virtual.ResidentKeysNever}, selection("residentKey", "required"), virtual.ConstraintError},
		{"resident key impossible, old style", virtual.Config{ResidentKeys: virtual.ResidentKeysNever}, selection("requireResidentKey", true), virtual.ConstraintError},
		{"resident key preferred", virtual.Config{ResidentKeys: virtual.ResidentKeysNever}, selection("residentKey", "preferred"), ""},
		{"prf by credential", virtual.Config{Extensions: []string{"prf"}}, options{"extensions": options{"prf": options{"evalByCredential": options{}}}}, virtual.NotSupportedError},
		{"prf without first", virtual.Config{Extensions: []string{"prf"}}, options{"extensions": options{"prf": options{"eval": options{}}}}, virtual.TypeError},
		{"prf unsupported is ignored", virtual.Config{}, options{"extensions": options{"prf": 1}}, ""},
		{"large blob read", virtual.Config{Extensions: []string{"largeBlob"}}, options{"extensions": options{"largeBlob": options{"read": true}}}, virtual.NotSupportedError},
		{"large blob required", virtual.Config{Extensions: []string{"largeBlob"}, ResidentKeys: virtual.ResidentKeysNever}, options{"extensions": options{"largeBlob": options{"support": "required"}}}, virtual.NotAllowedError},
		{"malformed extension", virtual.Config{}, options{"extensions": options{"credProps": 1}}, virtual.TypeError},
		{"random source runs dry", virtual.Config{Random: strings.NewReader("short")}, nil, virtual.UnknownError},
	} {
		t.Run(tt.name, func(t *testing.T) {
			device := newDevice(t, tt.cfg)
			r, err := device.Create(t.Context(), virtual.CreateRequest{Origin: testOrigin, Options: creationOptions(tt.changes)})
			wantError(t, err, tt.want)
			if (r == nil) != (err != nil) || (len(device.Credentials()) == 0) != (err != nil) {
				t.Errorf("after error %v: response %v, %d credentials", err, r, len(device.Credentials()))
			}
		})
	}
}

// Who reads the refusal sees both lists.
func TestNoAlgorithmInCommon(t *testing.T) {
	for want, changes := range map[string]options{
		"the relying party offers RS256, -7000, and this authenticator has ES256, EdDSA": {
			"pubKeyCredParams": []options{{"type": "public-key", "alg": -257}, {"type": "public-key", "alg": -7000}},
		},
		"the relying party offers none, and this authenticator has ES256, EdDSA": {"pubKeyCredParams": []options{{"type": "x-new", "alg": -7}}},
	} {
		device := newDevice(t, virtual.Config{Algorithms: []string{"ES256", "EdDSA"}})
		_, err := device.Create(t.Context(), virtual.CreateRequest{Origin: testOrigin, Options: creationOptions(changes)})
		if err == nil || !strings.Contains(err.Error(), "no algorithm in common: "+want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestGetRefusals(t *testing.T) {
	all := virtual.Config{Extensions: []string{"prf", "largeBlob"}}
	device := newDevice(t, all)
	id := create(t, device, nil).CredentialID
	key := webauthn.Base64URL(id).String()
	allow := []options{descriptor(id)}
	ext := func(name string, value any, allow any) options {
		return options{"extensions": options{name: value}, "allowCredentials": allow}
	}
	first := options{"first": "AA"}
	for _, tt := range []struct {
		name    string
		changes options
		want    virtual.ErrorName
	}{
		{"good", nil, ""},
		{"allowed", options{"allowCredentials": allow}, ""},
		{"no rp id", options{"rpId": nil}, ""},
		{"not allowed", options{"allowCredentials": []options{descriptor([]byte("other"))}}, virtual.NotAllowedError},
		{"allowed by unknown type", options{"allowCredentials": []options{{"type": "x-new", "id": key}}}, virtual.NotAllowedError},
		{"foreign rp id", options{"rpId": "evil.example"}, virtual.SecurityError},
		{"bad challenge", options{"challenge": "AA=="}, virtual.TypeError},
		{"prf for nobody", ext("prf", options{"evalByCredential": options{key: first}}, nil), virtual.NotSupportedError},
		{"prf for another", ext("prf", options{"evalByCredential": options{"AAAA": first}}, allow), virtual.SyntaxError},
		{"prf for no id", ext("prf", options{"evalByCredential": options{"": first}}, allow), virtual.SyntaxError},
		{"prf for bad id", ext("prf", options{"evalByCredential": options{"!": first}}, allow), virtual.SyntaxError},
		{"prf without first", ext("prf", options{"evalByCredential": options{key: options{}}}, allow), virtual.TypeError},
		{"large blob support", ext("largeBlob", options{"support": "preferred"}, allow), virtual.NotSupportedError},
		{"large blob read and write", ext("largeBlob", options{"read": true, "write": "AA"}, allow), virtual.NotSupportedError},
		{"large blob write to any", ext("largeBlob", options{"write": "AA"}, nil), virtual.NotSupportedError},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, err := device.Get(t.Context(), virtual.GetRequest{Origin: testOrigin, Options: requestOptions(tt.changes)})
			wantError(t, err, tt.want)
			if (a == nil) != (err != nil) {
				t.Errorf("response %v with error %v", a, err)
			}
		})
	}
	unable := newDevice(t, virtual.Config{UserVerification: virtual.VerificationNever})
	create(t, unable, nil)
	_, err := unable.Get(t.Context(), virtual.GetRequest{Origin: testOrigin, Options: requestOptions(options{"userVerification": "required"})})
	wantError(t, err, virtual.NotAllowedError)
}

func TestOriginRules(t *testing.T) {
	for _, tt := range []struct {
		origin, rpID string
		want         virtual.ErrorName
	}{
		{"https://example.org", "", ""},
		{"https://example.org", "example.org", ""},
		{"https://example.org:8443", "example.org", ""},
		{"https://login.example.org", "example.org", ""},
		{"https://a.b.example.co.uk", "example.co.uk", ""},
		{"https://a.b.example.co.uk", "co.uk", virtual.SecurityError},
		{"https://alice.github.io", "github.io", virtual.SecurityError},
		{"https://alice.github.io", "alice.github.io", ""},
		{"https://example.org", "login.example.org", virtual.SecurityError},
		{"https://example.org", "org", virtual.SecurityError},
		{"https://evilexample.org", "example.org", virtual.SecurityError},
		{"https://example.org", "EXAMPLE.org", virtual.SecurityError},
		{"https://example.org", "https://example.org", virtual.SecurityError},
		{"https://a.example.org", ".org", virtual.SecurityError},
		{"http://localhost", "", ""},
		{"http://localhost:8080", "localhost", ""},
		{"https://localhost:8080", "localhost", ""},
		{"http://app.localhost:8080", "", ""},
		{"http://example.org", "", virtual.SecurityError},
		{"http://127.0.0.1:8080", "", virtual.SecurityError},
		{"http://127.1", "", virtual.SecurityError},
		{"https://192.0.2.1", "192.0.2.1", virtual.SecurityError},
		{"https://[::1]", "", virtual.SecurityError},
		{"https://example.org/", "", virtual.SecurityError},
		{"https://example.org:443", "", virtual.SecurityError},
		{"https://Example.org", "", virtual.SecurityError},
		{"https://user@example.org", "", virtual.SecurityError},
		{"https://exämple.org", "", virtual.SecurityError},
		{"https://xn--exmple-cua.org", "", ""},
		{"https://example..org", "", virtual.SecurityError},
		{"android:apk-key-hash:AAAA", "", virtual.SecurityError},
		{"file://", "", virtual.SecurityError},
		{"null", "", virtual.NotAllowedError},
		{"", "", virtual.NotAllowedError},
	} {
		t.Run(tt.origin+" "+tt.rpID, func(t *testing.T) {
			rp := options{"name": "", "id": tt.rpID}
			if tt.rpID == "" {
				delete(rp, "id")
			}
			device := newDevice(t, virtual.Config{})
			r, err := device.Create(t.Context(), virtual.CreateRequest{Origin: tt.origin, Options: creationOptions(options{"rp": rp})})
			wantError(t, err, tt.want)
			request := options{"rpId": tt.rpID}
			if tt.rpID == "" {
				request["rpId"] = nil
			}
			_, err = device.Get(t.Context(), virtual.GetRequest{Origin: tt.origin, Options: requestOptions(request)})
			wantError(t, err, tt.want)
			if r != nil && tt.rpID != "" && device.Credentials()[0].RPID != tt.rpID {
				t.Errorf("credential is for %q", device.Credentials()[0].RPID)
			}
		})
	}
}

func TestMediation(t *testing.T) {
	device := newDevice(t, virtual.Config{ResidentKeys: virtual.ResidentKeysWhenAsked})
	id := create(t, device, nil).CredentialID
	_, err := device.Create(t.Context(), virtual.CreateRequest{Origin: testOrigin, TopOrigin: "https://top.example", Options: creationOptions(nil), Mediation: virtual.MediationConditional})
	wantError(t, err, virtual.NotAllowedError)
	_, err = device.Create(t.Context(), virtual.CreateRequest{Origin: testOrigin, Options: creationOptions(nil), Mediation: "later"})
	wantError(t, err, virtual.TypeError)
	_, err = device.Get(t.Context(), virtual.GetRequest{Origin: testOrigin, Options: requestOptions(nil), Mediation: "later"})
	wantError(t, err, virtual.TypeError)
	// Autofill offers discoverable credentials only.
	allow := requestOptions(options{"allowCredentials": []options{descriptor(id)}})
	_, err = device.Get(t.Context(), virtual.GetRequest{Origin: testOrigin, Options: allow, Mediation: virtual.MediationConditional})
	wantError(t, err, virtual.NotAllowedError)
	_, err = device.Get(t.Context(), virtual.GetRequest{Origin: testOrigin, Options: allow})
	wantError(t, err, "")
}

func TestAborted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	device := newDevice(t, virtual.Config{})
	_, err := device.Create(ctx, virtual.CreateRequest{Origin: testOrigin, Options: creationOptions(nil)})
	wantError(t, err, virtual.AbortError)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v does not wrap the reason", err)
	}
	_, err = device.Get(ctx, virtual.GetRequest{Origin: testOrigin, Options: requestOptions(nil)})
	wantError(t, err, virtual.AbortError)
}

func TestErrorNamesTheMember(t *testing.T) {
	device := newDevice(t, virtual.Config{})
	_, err := device.Create(t.Context(), virtual.CreateRequest{Origin: testOrigin, Options: creationOptions(options{"challenge": "AAA="})})
	if err == nil || err.Error() != "TypeError: options: challenge: illegal base64url at byte 3" {
		t.Errorf("got %v", err)
	}
	_, err = device.Get(t.Context(), virtual.GetRequest{Origin: testOrigin, Options: json.RawMessage(`{}`)})
	if err == nil || err.Error() != "TypeError: options: no challenge" {
		t.Errorf("got %v", err)
	}
}

func TestConfigMistakes(t *testing.T) {
	_, err := virtual.NewSoftwareDevice(virtual.Config{
		Algorithms:         []string{"ES256", "ES999"},
		UserPresence:       "sometimes",
		UserVerification:   "sometimes",
		BackedUp:           true,
		Counter:            virtual.Counter{Policy: "random"},
		ResidentKeys:       "some",
		ResidentKeyLimit:   -1,
		CredentialIDLength: 15,
		AAGUID:             "x",
		Attachment:         "glued",
		Attestation:        "x-new",
		Extensions:         []string{"credProtect"},
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{
		"ES999", "user presence", "user verification", "backed up", "counter policy", "resident keys",
		"resident key limit", "credential id length", "aaguid", "attachment", "attestation", `extension "credProtect"`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error does not mention %q:\n%v", want, err)
		}
	}
	if _, err := virtual.NewSoftwareDevice(virtual.Config{Attestation: virtual.AttestationFIDOU2F, Algorithms: []string{"EdDSA"}}); err == nil {
		t.Error("fido-u2f with EdDSA is accepted")
	}
}
