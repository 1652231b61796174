package virtual_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
)

func TestCreateExtensions(t *testing.T) {
	every := []string{"credProps", "prf", "largeBlob", "credBlob", "minPinLength"}
	for _, tt := range []struct {
		name   string
		cfg    virtual.Config
		in     options
		client string
		signed map[string]any
	}{
		{"nothing asked", virtual.Config{Extensions: every}, nil, `{}`, nil},
		{"nothing supported", virtual.Config{Extensions: []string{}}, options{"credProps": true, "credBlob": "AA", "x-new": 1}, `{}`, nil},
		{"credProps", virtual.Config{}, options{"credProps": true}, `{"credProps":{"rk":true}}`, nil},
		{"credProps of a server-side credential", virtual.Config{ResidentKeys: virtual.ResidentKeysNever}, options{"credProps": true}, `{"credProps":{"rk":false}}`, nil},
		{"minPinLength", virtual.Config{Extensions: every, MinPINLength: 6}, options{"minPinLength": true}, `{}`, map[string]any{"minPinLength": int64(6)}},
		{"credBlob", virtual.Config{Extensions: every}, options{"credBlob": "AAEC"}, `{"credBlob":true}`, map[string]any{"credBlob": true}},
		{"long credBlob", virtual.Config{Extensions: every}, options{"credBlob": webauthn.Base64URL(make([]byte, 33)).String()}, `{"credBlob":false}`, map[string]any{"credBlob": false}},
		{"largeBlob", virtual.Config{Extensions: every}, options{"largeBlob": options{"support": "required"}}, `{"largeBlob":{"supported":true}}`, nil},
		{"prf", virtual.Config{Extensions: every}, options{"prf": options{}}, `{"prf":{"enabled":true}}`, nil},
		{"prf on a security key", virtual.Config{Extensions: every, Attachment: "cross-platform"}, options{"prf": options{}}, `{"prf":{"enabled":true}}`, map[string]any{"hmac-secret": true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := create(t, newDevice(t, tt.cfg), options{"extensions": tt.in})
			if string(r.ClientExtensionResults) != tt.client {
				t.Errorf("client results %s, want %s", r.ClientExtensionResults, tt.client)
			}
			checkSigned(t, r.AuthenticatorData, tt.signed)
		})
	}
}

func checkSigned(t *testing.T, data []byte, want map[string]any) {
	t.Helper()
	a := authData(t, data)
	if a.Flags.Has(webauthn.FlagED) != (want != nil) {
		t.Errorf("flags %v with extensions %v", a.Flags, want)
	}
	if want == nil {
		return
	}
	var got map[string]any
	if err := webauthn.DecodeCBOR(a.Extensions, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestBlobs(t *testing.T) {
	device := newDevice(t, virtual.Config{Extensions: []string{"largeBlob", "credBlob"}})
	id := create(t, device, options{"extensions": options{"credBlob": "AAEC"}}).CredentialID
	allow := []options{descriptor(id)}
	for _, step := range []struct {
		name, client string
		in           options
		signed       map[string]any
	}{
		{"credBlob", `{"getCredBlob":"AAEC"}`, options{"getCredBlob": true}, map[string]any{"credBlob": []byte{0, 1, 2}}},
		{"read before a write", `{"largeBlob":{}}`, options{"largeBlob": options{"read": true}}, nil},
		{"write", `{"largeBlob":{"written":true}}`, options{"largeBlob": options{"write": "_w"}}, nil},
		{"read after the write", `{"largeBlob":{"blob":"_w"}}`, options{"largeBlob": options{"read": true}}, nil},
	} {
		a := get(t, device, options{"allowCredentials": allow, "extensions": step.in})
		if string(a.ClientExtensionResults) != step.client {
			t.Errorf("%s: client results %s, want %s", step.name, a.ClientExtensionResults, step.client)
		}
		checkSigned(t, a.AuthenticatorData, step.signed)
	}
}

type prfOutput struct {
	PRF struct {
		Enabled bool
		Results *struct{ First, Second webauthn.Base64URL }
	}
}

func prfOf(t *testing.T, results json.RawMessage) prfOutput {
	t.Helper()
	var out prfOutput
	if err := json.Unmarshal(results, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestPRFVectors uses the inputs and outputs of WebAuthn L3 §16, "Pseudo-random function extension".
func TestPRFVectors(t *testing.T) {
	const (
		seed       = "WebAuthn PRF test vectors"
		wantFirst  = "3c33e07d202c3b029cc21f1722767021bf27d595933b3d2b6a1b9d5dddc77fae"
		wantSecond = "a62a8773b19cda90d7ed4ef72a80a804320dbd3997e2f663805ad1fd3293d50b"
	)
	device := newDevice(t, virtual.Config{Extensions: []string{"prf"}})
	id := create(t, device, nil).CredentialID
	stored, err := device.ExportCredential(id)
	if err != nil {
		t.Fatal(err)
	}
	secret := sha256.Sum256([]byte(seed + "\x06"))
	stored.PRFSecret = secret[:]
	if err := device.ImportCredential(stored); err != nil {
		t.Fatal(err)
	}
	first, second := webauthn.Base64URL(seed+"\x02").String(), webauthn.Base64URL(seed+"\x03").String()
	key := webauthn.Base64URL(id).String()
	both := options{"first": first, "second": second}
	for name, tt := range map[string]struct {
		in                    options
		wantFirst, wantSecond string
	}{
		"one":           {options{"eval": options{"first": first}}, wantFirst, ""},
		"two":           {options{"eval": both}, wantFirst, wantSecond},
		"by credential": {options{"eval": options{"first": "AA"}, "evalByCredential": options{key: both}}, wantFirst, wantSecond},
	} {
		a := get(t, device, options{"allowCredentials": []options{descriptor(id)}, "extensions": options{"prf": tt.in}})
		out := prfOf(t, a.ClientExtensionResults)
		if hex.EncodeToString(out.PRF.Results.First) != tt.wantFirst || hex.EncodeToString(out.PRF.Results.Second) != tt.wantSecond {
			t.Errorf("%s: got %x", name, out.PRF.Results)
		}
	}
}

func TestPRFAtCreate(t *testing.T) {
	device := newDevice(t, virtual.Config{Extensions: []string{"prf"}})
	in := options{"prf": options{"eval": options{"first": "AA"}}}
	r := create(t, device, options{"extensions": in})
	made := prfOf(t, r.ClientExtensionResults)
	asserted := prfOf(t, get(t, device, options{"extensions": in}).ClientExtensionResults)
	if !made.PRF.Enabled || len(made.PRF.Results.First) != 32 {
		t.Errorf("create gives %+v", made)
	}
	if diff := cmp.Diff(made.PRF.Results, asserted.PRF.Results); diff != "" {
		t.Errorf("get gives another result:\n%s", diff)
	}
	if out := prfOf(t, get(t, device, options{"extensions": options{"prf": options{}}}).ClientExtensionResults); out.PRF.Results != nil {
		t.Errorf("results without an input: %+v", out)
	}
}
