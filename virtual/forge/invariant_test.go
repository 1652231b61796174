package forge_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/forge"
)

// each calls check with every change that applies.
func each(t *testing.T, r *rig, check func(t *testing.T, kind forge.Kind, value any, ceremony string, forged []byte)) {
	t.Helper()
	for _, kind := range forge.Kinds() {
		for _, value := range samples(kind) {
			for _, ceremony := range kind.Ceremonies {
				if forged, err := r.forge(ceremony, change(kind.Name, value)); err == nil {
					t.Run(strings.Join([]string{ceremony, kind.Name, string(marshal(t, value))}, " "), func(t *testing.T) {
						check(t, kind, value, ceremony, forged)
					})
				}
			}
		}
	}
}

// TestOnlyThePart says which members a change of a part may touch: itself, and what follows from it.
func TestOnlyThePart(t *testing.T) {
	r := newRig(t, config("ES256", virtual.AttestationPackedSelf))
	legal := map[string]map[string]string{
		forge.Create: flatten(t, marshal(t, r.registration)),
		forge.Get:    flatten(t, marshal(t, r.assertion)),
	}
	signed := []string{"response.signature", "response.attestationObject.attStmt"}
	data := []string{"response.authenticatorData", "response.attestationObject.authData", "response.publicKey", "response.publicKeyAlgorithm"}
	may := map[forge.Part][]string{
		forge.PartClientData:  append(signed, "response.clientDataJSON"),
		forge.PartAuthData:    slices.Concat(signed, data),
		forge.PartKey:         slices.Concat(signed, data),
		forge.PartAttestation: {"response.attestationObject"},
		forge.PartSignature:   {"response.signature", "response.userHandle"},
		forge.PartEnvelope:    {""},
	}
	also := map[string][]string{
		"credential-id":   {"id", "rawId"},
		"attestation-u2f": {"response.authenticatorData.aaguid"},
	}
	each(t, r, func(t *testing.T, kind forge.Kind, _ any, ceremony string, forged []byte) {
		t.Helper()
		got := flatten(t, forged)
		paths := maps.Clone(got)
		maps.Copy(paths, legal[ceremony])
		for path := range paths {
			text, there := got[path]
			before, was := legal[ceremony][path]
			if there == was && text == before {
				continue
			}
			if !slices.ContainsFunc(slices.Concat(may[kind.Part], also[kind.Name]), func(prefix string) bool { return strings.HasPrefix(path, prefix) }) {
				t.Errorf("changed %s from %q to %q", path, before, text)
			}
		}
	})
}

// TestSignedAgain verifies what is signed, wherever the change is not about the signature.
func TestSignedAgain(t *testing.T) {
	t.Parallel()
	for name, algorithm := range map[string]string{"es256": "ES256", "eddsa": "EdDSA", "rs256": "RS256"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, config(algorithm, virtual.AttestationPackedSelf))
			own, err := webauthn.ParseCOSEKey(attested(t, r.registration.AuthenticatorData).PublicKey)
			must(t, err)
			right := map[string]bool{"signature-high-s": true, "signature-short": true, "user-handle": true, "signature-algorithm " + algorithm: true}
			each(t, r, func(t *testing.T, kind forge.Kind, value any, ceremony string, forged []byte) {
				t.Helper()
				if ceremony == forge.Create {
					if kind.Part != forge.PartAttestation && kind.Part != forge.PartEnvelope {
						verifySelf(t, forged)
					}
					return
				}
				parsed, err := webauthn.ParseAuthenticationResponse(forged)
				if kind.Part == forge.PartEnvelope {
					return
				}
				must(t, err)
				hash := sha256.Sum256(parsed.Response.ClientDataJSON)
				message := slices.Concat(parsed.Response.AuthenticatorData, hash[:])
				err = own.Verify(message, parsed.Response.Signature)
				word, _ := value.(string)
				if want := kind.Part != forge.PartSignature || right[kind.Name] || right[kind.Name+" "+word]; (err == nil) != want {
					t.Errorf("the signature verifies: %v, want %t", err, want)
				}
			})
		})
	}
}

// verifySelf checks packed self attestation, and the convenience copies along with it.
func verifySelf(t *testing.T, forged []byte) {
	t.Helper()
	parsed, err := webauthn.ParseRegistrationResponse(forged)
	must(t, err)
	object, err := webauthn.ParseAttestationObject(parsed.Response.AttestationObject)
	must(t, err)
	if !bytes.Equal(object.AuthData, parsed.Response.AuthenticatorData) {
		t.Error("the copy of authenticator data is another one")
	}
	data, err := webauthn.ParseAuthenticatorData(object.AuthData)
	if err != nil {
		return // whether there is a key is a matter of taste
	}
	if data.Attested == nil {
		if parsed.Response.PublicKey != nil {
			t.Error("there is a copy of a public key that is not there")
		}
		return
	}
	key, err := webauthn.ParseCOSEKey(data.Attested.PublicKey)
	if err != nil {
		if parsed.Response.PublicKey != nil {
			t.Errorf("there is a copy of a public key that is none: %v", err)
		}
		return
	}
	spki, err := x509.MarshalPKIXPublicKey(key.Public)
	must(t, err)
	if !bytes.Equal(spki, parsed.Response.PublicKey) || key.Algorithm != parsed.Response.PublicKeyAlgorithm {
		t.Error("the copy of the public key is another one")
	}
	var members struct {
		Signature []byte `cbor:"sig"`
	}
	must(t, webauthn.DecodeCBOR(object.Statement, &members))
	hash := sha256.Sum256(parsed.Response.ClientDataJSON)
	message := slices.Concat(object.AuthData, hash[:])
	if rsaTooWeak(key) {
		verifyWeak(t, key, message, members.Signature)
	} else if err := key.Verify(message, members.Signature); err != nil {
		t.Error(err)
	}
}

func attested(t *testing.T, data []byte) *webauthn.AttestedCredentialData {
	t.Helper()
	parsed, err := webauthn.ParseAuthenticatorData(data)
	must(t, err)
	return parsed.Attested
}
