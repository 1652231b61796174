package forge_test

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/forge"
)

func rsaTooWeak(key *webauthn.COSEKey) bool {
	public, ok := key.Public.(*rsa.PublicKey)
	return ok && (public.N.BitLen() < 1024 || public.E == 1)
}

// verifyWeak verifies PKCS #1 v1.5 with a key that the standard library refuses.
func verifyWeak(t *testing.T, key *webauthn.COSEKey, message, signature []byte) {
	t.Helper()
	public, _ := key.Public.(*rsa.PublicKey)
	opened := new(big.Int).Exp(new(big.Int).SetBytes(signature), big.NewInt(int64(public.E)), public.N)
	digest := sha256.Sum256(message)
	if got := opened.FillBytes(make([]byte, public.Size())); !bytes.HasPrefix(got, []byte{0, 1, 0xff}) || !bytes.HasSuffix(got, digest[:]) {
		t.Errorf("the weak signature opens to %x", got)
	}
}

// TestPlatformAttestation looks at the formats whose roots are fixed in the library.
func TestPlatformAttestation(t *testing.T) {
	r := newRig(t, config("ES256", virtual.AttestationNone))
	hash := sha256.Sum256(r.registration.ClientDataJSON)
	nonce := sha256.Sum256(slices.Concat(r.registration.AuthenticatorData, hash[:]))
	for _, test := range []struct {
		kind, wrong string
		extension   string
		holds       []byte
	}{
		{"attestation-apple", "wrong-nonce", "1.2.840.113635.100.8.2", nonce[:]},
		{"attestation-android-key", "wrong-challenge", "1.3.6.1.4.1.11129.2.1.17", hash[:]},
	} {
		for _, word := range []string{"valid", test.wrong} {
			forged, err := forge.Registration(r.registration, r.device, change(test.kind, word))
			must(t, err)
			parsed, err := webauthn.ParseRegistrationResponse(forged)
			must(t, err)
			object, err := webauthn.ParseAttestationObject(parsed.Response.AttestationObject)
			must(t, err)
			var members struct {
				Chain     [][]byte `cbor:"x5c"`
				Signature []byte   `cbor:"sig"`
			}
			must(t, webauthn.DecodeCBOR(object.Statement, &members))
			leaf, err := x509.ParseCertificate(members.Chain[0])
			must(t, err)
			key, err := webauthn.ParseCOSEKey(attested(t, object.AuthData).PublicKey)
			must(t, err)
			spki, err := x509.MarshalPKIXPublicKey(key.Public)
			must(t, err)
			if "attestation-"+object.Format != test.kind || !bytes.Equal(spki, leaf.RawSubjectPublicKeyInfo) {
				t.Errorf("%s: format %q, or the certificate is for another key", test.kind, object.Format)
			}
			i := slices.IndexFunc(leaf.Extensions, func(e pkix.Extension) bool { return e.Id.String() == test.extension })
			if i < 0 || bytes.Contains(leaf.Extensions[i].Value, test.holds) != (word == "valid") {
				t.Errorf("%s %s: the extension holds the wrong value", test.kind, word)
			}
			if test.kind == "attestation-android-key" {
				must(t, key.Verify(slices.Concat(object.AuthData, hash[:]), members.Signature))
			}
		}
	}
}

// TestRoot checks that the root is the same everywhere and issued the certificates.
func TestRoot(t *testing.T) {
	der, err := forge.RootDER()
	must(t, err)
	const fingerprint = "ed6887a6a354fad91c2aec8658b2738f0b7261e4459a2bb32c693b7f1a667eab"
	if got := sha256.Sum256(der); hex.EncodeToString(got[:]) != fingerprint {
		t.Errorf("the root has changed: RPs that were told about it would not know it any more; its fingerprint is %x", got)
	}
	root, err := x509.ParseCertificate(der)
	must(t, err)
	r := newRig(t, config("ES256", virtual.AttestationNone))
	for _, name := range []string{"packed", "u2f", "tpm", "android-key", "apple"} {
		forged, err := forge.Registration(r.registration, r.device, change("attestation-"+name, nil))
		must(t, err)
		parsed, err := webauthn.ParseRegistrationResponse(forged)
		must(t, err)
		object, err := webauthn.ParseAttestationObject(parsed.Response.AttestationObject)
		must(t, err)
		var members struct {
			Chain [][]byte `cbor:"x5c"`
		}
		must(t, webauthn.DecodeCBOR(object.Statement, &members))
		leaf, err := x509.ParseCertificate(members.Chain[0])
		must(t, err)
		if err := leaf.CheckSignatureFrom(root); err != nil || len(members.Chain) != 1 {
			t.Errorf("%s: %d certificates: %v", name, len(members.Chain), err)
		}
	}
}

// TestLegalFormatKept changes the client data of a registration with each format and expects
// valid attestation of the same format.
func TestLegalFormatKept(t *testing.T) {
	for _, attestation := range []virtual.Attestation{
		virtual.AttestationNone, virtual.AttestationPackedSelf, virtual.AttestationPacked, virtual.AttestationFIDOU2F,
	} {
		r := newRig(t, config("ES256", attestation))
		forged, err := forge.Registration(r.registration, r.device, change("clientdata-extra", nil))
		must(t, err)
		credential, err := r.finishRegistration(forged)
		must(t, err)
		if credential.AttestationFormat != r.registered.AttestationFormat || !strings.HasPrefix(string(attestation), credential.AttestationFormat) {
			t.Errorf("%s: format %q, want %q", attestation, credential.AttestationFormat, r.registered.AttestationFormat)
		}
		same, err := forge.Registration(r.registration, r.device)
		must(t, err)
		if !bytes.Equal(normal(t, same), normal(t, marshal(t, r.registration))) {
			t.Errorf("%s: without a change something changed", attestation)
		}
	}
}
