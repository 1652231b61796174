package forge_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/forge"
)

// normal brings the members of a JSON document into one order.
func normal(t *testing.T, document []byte) []byte {
	t.Helper()
	var tree any
	must(t, json.Unmarshal(document, &tree))
	return marshal(t, tree)
}

func TestTable(t *testing.T) {
	names := map[string]bool{}
	place := 0
	for _, k := range forge.Kinds() {
		at := slices.Index(forge.Parts(), k.Part)
		switch {
		case names[k.Name]:
			t.Errorf("%s is there twice", k.Name)
		case at < place:
			t.Errorf("%s is out of order", k.Name)
		case k.Doc == "" || strings.HasSuffix(k.Doc, "."):
			t.Errorf("%s: doc %q", k.Name, k.Doc)
		case len(k.Ceremonies) == 0 || len(k.Takes) == 0 && len(k.Words) == 0:
			t.Errorf("%s can never be made", k.Name)
		}
		names[k.Name], place = true, at
		for _, ceremony := range k.Ceremonies {
			for _, value := range samples(k) {
				if err := change(k.Name, value).Validate(ceremony); err != nil {
					t.Error(err)
				}
			}
		}
		if found, ok := forge.Lookup(k.Name); !ok || found.Doc != k.Doc {
			t.Errorf("Lookup(%q) finds another one", k.Name)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, test := range []struct {
		change   forge.Change
		ceremony string
		want     string
	}{
		{change("clientdata-orign", nil), forge.Get, `change "clientdata-orign": no such change`},
		{change("signature-flip", nil), forge.Create, `change "signature-flip": only for get, not for "create"`},
		{change("clientdata-bom", 1), forge.Get, `change "clientdata-bom": 1 does not fit, want nothing`},
		{change("authdata-sign-count", "7"), forge.Get, `change "authdata-sign-count": "7" does not fit, want number`},
		{change("authdata-sign-count", 1.5), forge.Get, `change "authdata-sign-count": 1.5 does not fit, want number`},
		{change("authdata-raw", "not base64url!"), forge.Get, `change "authdata-raw": "not base64url!" does not fit, want bytes`},
		{change("authdata-rp-id-hash", "%"), forge.Get, `change "authdata-rp-id-hash": "%" does not fit, want bytes or "random" or "zero"`},
		{change("signature-over", nil), forge.Get, `change "signature-over": no value does not fit, want "authdata" or "clientdata" or "clientdata-hash" or "other-clientdata" or "nothing"`},
		{change("envelope-remove", []any{"id", 1}), forge.Get, `change "envelope-remove": ["id",1] does not fit, want text or list`},
		{change("clientdata-set", func() {}), forge.Get, `change "clientdata-set": a func() is not a value`},
		{change("clientdata-set", strings.Repeat("x", 100)), forge.Get, `change "clientdata-set": "` + strings.Repeat("x", 59) + `… does not fit, want object`},
		{change("authdata-flags", map[string]bool{"up": false}), forge.Get, ""},
		{change("envelope-remove", []string{"id"}), forge.Get, ""},
		{change("authdata-sign-count", uint32(7)), forge.Get, ""},
		{change("authdata-sign-count", 7.0), forge.Get, ""},
		{change("authdata-raw", []byte{0xff}), forge.Get, ""},
		{change("clientdata-challenge", nil), forge.Get, ""},
	} {
		got := ""
		if err := test.change.Validate(test.ceremony); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%v: got %q, want %q", test.change, got, test.want)
		}
	}
	if err := change("nothing", nil).Validate(forge.Get); !errors.Is(err, forge.ErrUnknown) {
		t.Errorf("got %v, want ErrUnknown", err)
	}
}

func TestRefusedValues(t *testing.T) {
	r := newRig(t, config("EdDSA", virtual.AttestationNone))
	for _, test := range []struct {
		ceremony string
		change   forge.Change
		want     string
	}{
		{forge.Get, change("authdata-sign-count", -1), "-1 is out of range, want 0 to 4294967295"},
		{forge.Get, change("authdata-flags", 256), "256 is out of range, want 0 to 255"},
		{forge.Get, change("authdata-flags", map[string]any{"ip": true}), `no flag "ip", want one of ["at" "be" "bs" "ed" "rfu1" "rfu2" "up" "uv"]`},
		{forge.Get, change("authdata-flags", map[string]any{"up": 1}), `flag "up": want true or false`},
		{forge.Get, change("authdata-rp-id-hash", "AAAA"), "3 bytes, want 32"},
		{forge.Get, change("signature-flip", 512), "512 is out of range, want 0 to 511"},
		{forge.Get, change("signature-raw", nil), "the signature is not ECDSA"},
		{forge.Get, change("signature-algorithm", "RS1"), "a key for EdDSA cannot sign with RS1"},
		{forge.Get, change("envelope-set", map[string]any{"type.x": 1}), `path "type.x": "type" is not an object`},
		{forge.Get, change("envelope-oversize", map[string]any{"id": "x"}), `path "id": "x" is out of range`},
		{forge.Create, change("credential-id", 65536), "65536 is out of range, want 0 to 65535"},
		{forge.Create, change("aaguid", "x"), `aaguid "x"`},
		{forge.Create, change("key-weak-rsa", 3), "3 is out of range, want 512 to 2048"},
		{forge.Create, change("key-set", map[string]any{"alg": 1}), `label "alg": want a number`},
		{forge.Create, change("key-set", map[string]any{"3": map[string]any{"bytes": "!"}}), `label "3": illegal base64url at byte 0`},
		{forge.Create, change("attestation-u2f", nil), "fido-u2f of a EdDSA key"},
		{forge.Create, change("attestation-tpm", nil), "tpm attestation of a EdDSA key"},
	} {
		if _, err := r.forge(test.ceremony, test.change); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: got error %v, want %q", test.change, err, test.want)
		}
	}
}

// TestRepeatable makes the same forgery twice, and leaves the legal response as it was.
func TestRepeatable(t *testing.T) {
	r := newRig(t, config("ES256", virtual.AttestationPackedSelf))
	registration, assertion := marshal(t, r.registration), marshal(t, r.assertion)
	for _, k := range forge.Kinds() {
		for _, value := range samples(k) {
			for _, ceremony := range k.Ceremonies {
				first, err := r.forge(ceremony, change(k.Name, value))
				again, errAgain := r.forge(ceremony, change(k.Name, value))
				if !bytes.Equal(first, again) || (err == nil) != (errAgain == nil) {
					t.Errorf("%s %s %v gives different bytes", ceremony, k.Name, value)
				}
			}
		}
	}
	if !bytes.Equal(registration, marshal(t, r.registration)) || !bytes.Equal(assertion, marshal(t, r.assertion)) {
		t.Error("the legal response has changed")
	}
}

// TestSeveral makes changes of several parts, given in another order than they are made in.
func TestSeveral(t *testing.T) {
	r := newRig(t, config("ES256", virtual.AttestationNone))
	forged, err := forge.Assertion(r.assertion, r.device,
		change("envelope-attachment", "foo"), change("authdata-sign-count", 5), change("clientdata-extra", nil), change("authdata-extensions", nil))
	must(t, err)
	if err := r.finishLogin(forged); err != nil {
		t.Error(err)
	}
	got := flatten(t, forged)
	want := map[string]string{
		"authenticatorAttachment":              `"foo"`,
		"response.authenticatorData.signCount": "5",
	}
	for path, text := range want {
		if got[path] != text {
			t.Errorf("%s is %q, want %q", path, got[path], text)
		}
	}
}

// TestSchemes checks signatures of an RSA key with other algorithms against the library's own
// verification: only the right one passes.
func TestSchemes(t *testing.T) {
	r := newRig(t, config("RS256", virtual.AttestationNone))
	for _, name := range []string{"RS1", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"} {
		forged, err := forge.Assertion(r.assertion, r.device, change("signature-algorithm", name))
		must(t, err)
		if err := r.finishLogin(forged); (err == nil) != (name == "RS256") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := forge.Assertion(r.assertion, signer{r.device}, change("signature-algorithm", "RS1")); err == nil || !strings.Contains(err.Error(), "does not give") {
		t.Errorf("got error %v, want one about the private key", err)
	}
	if _, err := forge.Assertion(r.assertion, r.device, change("signature-raw", nil)); !errors.Is(err, forge.ErrNotApplicable) {
		t.Errorf("got error %v, want ErrNotApplicable", err)
	}
}

// signer keeps its keys to itself.
type signer struct{ device *virtual.SoftwareDevice }

func (s signer) Sign(id, message []byte) ([]byte, error) { return s.device.Sign(id, message) }

type brokenSigner struct{}

func (brokenSigner) Sign(_, _ []byte) ([]byte, error) { return nil, errors.New("no hands") }

func TestSignerFails(t *testing.T) {
	r := newRig(t, config("ES256", virtual.AttestationPackedSelf))
	_, err := forge.Registration(r.registration, brokenSigner{}, change("clientdata-bom", nil))
	if diff := cmp.Diff("forge registration: attestation statement: no hands", err.Error()); diff != "" {
		t.Error(diff)
	}
	if _, err := forge.Assertion(r.assertion, brokenSigner{}, change("clientdata-bom", nil)); err == nil {
		t.Error("no error")
	}
	// What needs no signature needs no signer.
	if _, err := forge.Assertion(r.assertion, nil, change("signature-flip", nil)); err != nil {
		t.Error(err)
	}
}

// TestAccepted signs in with what a forged registration has left at an RP.
func TestAccepted(t *testing.T) {
	for _, c := range []forge.Change{
		change("credential-id", 1023), change("key-algorithm", "ES512"), change("key-algorithm", "RS256"), change("key-algorithm", "EdDSA"),
		change("aaguid", "random"), change("clientdata-extra", nil),
	} {
		r := newRig(t, config("ES256", virtual.AttestationPackedSelf))
		stored, err := r.device.ExportCredential(r.registration.CredentialID)
		must(t, err)
		forged, err := forge.Registration(r.registration, r.device, c)
		must(t, err)
		credential, err := r.finishRegistration(forged)
		must(t, err)
		accepted, err := forge.Accepted(r.registration, stored, c)
		must(t, err)
		must(t, r.device.ImportCredential(accepted))
		r.user.credentials = append(r.user.credentials[:0], *credential)
		r.request.AllowedCredentialIDs = [][]byte{credential.ID}
		asking := bytes.ReplaceAll(r.asking, []byte(protocol.URLEncodedBase64(r.registration.CredentialID).String()), []byte(protocol.URLEncodedBase64(credential.ID).String()))
		assertion, err := r.device.Get(t.Context(), virtual.GetRequest{Origin: testOrigin, Options: asking})
		must(t, err)
		if err := r.finishLogin(marshal(t, assertion)); err != nil {
			t.Errorf("%v: %v", c, err)
		}
	}
	r := newRig(t, config("ES256", virtual.AttestationNone))
	stored, err := r.device.ExportCredential(r.registration.CredentialID)
	must(t, err)
	if _, err := forge.Accepted(r.registration, stored, change("key-off-curve", nil)); !errors.Is(err, forge.ErrNotApplicable) {
		t.Errorf("got error %v, want ErrNotApplicable", err)
	}
}

func FuzzChange(f *testing.F) {
	r := newRig(f, config("ES256", virtual.AttestationPackedSelf))
	kinds := forge.Kinds()
	for i, k := range kinds {
		for _, value := range samples(k) {
			f.Add(uint(i), []byte(marshal(f, value)))
		}
	}
	f.Add(uint(0), []byte(`"AAAA"`))
	f.Fuzz(func(t *testing.T, index uint, text []byte) {
		var value any
		if json.Unmarshal(text, &value) != nil {
			return
		}
		kind := kinds[index%uint(len(kinds))]
		if kind.Name == "envelope-oversize" && len(text) > 30 {
			return // a gigabyte is asked for quickly
		}
		for _, ceremony := range []string{forge.Create, forge.Get} {
			c := change(kind.Name, value)
			forged, err := r.forge(ceremony, c)
			if invalid := c.Validate(ceremony); invalid != nil && err == nil {
				t.Errorf("made, though %v", invalid)
			}
			if err == nil && !json.Valid(forged) {
				t.Errorf("not JSON: %.100s", forged)
			}
		}
	})
}
