package webauthn

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type vectorFile struct {
	RPID    string   `json:"rpId"`
	Origin  string   `json:"origin"`
	Vectors []vector `json:"vectors"`
}

// vector is one registration and authentication pair of WebAuthn L3 §16.
type vector struct {
	Section        string `json:"section"`
	Name           string `json:"name"`
	Algorithm      string `json:"algorithm"`
	Registration   struct{ Challenge, CredentialID, Format, ClientDataJSON, AttestationObject hexBytes }
	Authentication struct{ Challenge, ClientDataJSON, AuthenticatorData, Signature hexBytes }
}

// hexBytes keeps JSON text; bytes decodes it.
type hexBytes string

func (h hexBytes) bytes(tb testing.TB) []byte {
	tb.Helper()
	b, err := hex.DecodeString(string(h))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func loadVectors(tb testing.TB) vectorFile {
	tb.Helper()
	data, err := os.ReadFile("testdata/l3-vectors.json")
	if err != nil {
		tb.Fatal(err)
	}
	var file vectorFile
	if err := json.Unmarshal(data, &file); err != nil {
		tb.Fatal(err)
	}
	return file
}

func TestSpecificationVectors(t *testing.T) {
	file := loadVectors(t)
	if len(file.Vectors) != 15 {
		t.Fatalf("%d vectors, want 15", len(file.Vectors))
	}
	for _, v := range file.Vectors {
		t.Run(v.Section+" "+v.Name, func(t *testing.T) {
			reg, auth := v.Registration, v.Authentication
			checkClientData(t, file, reg.ClientDataJSON.bytes(t), TypeCreate, reg.Challenge.bytes(t), v.Name)
			checkClientData(t, file, auth.ClientDataJSON.bytes(t), TypeGet, auth.Challenge.bytes(t), v.Name)
			key := checkRegistration(t, file, v)
			if key == nil { // an algorithm we do not support
				checkAuthData(t, file, auth.AuthenticatorData.bytes(t))
				return
			}
			if key.Algorithm.String() != v.Algorithm {
				t.Errorf("key is for %s, want %s", key.Algorithm, v.Algorithm)
			}
			authData := auth.AuthenticatorData.bytes(t)
			checkAuthData(t, file, authData)
			hash := sha256.Sum256(auth.ClientDataJSON.bytes(t))
			message := append(bytes.Clone(authData), hash[:]...)
			signature := auth.Signature.bytes(t)
			if err := key.Verify(message, signature); err != nil {
				t.Errorf("assertion: %v", err)
			}
			message[0] ^= 1
			if err := key.Verify(message, signature); !errors.Is(err, ErrBadSignature) {
				t.Errorf("assertion over a changed message: got %v, want %v", err, ErrBadSignature)
			}
		})
	}
}

func checkClientData(t *testing.T, file vectorFile, data []byte, wantType string, challenge []byte, name string) {
	t.Helper()
	c, err := ParseClientData(data)
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.ChallengeBytes()
	if err != nil || !bytes.Equal(got, challenge) {
		t.Errorf("challenge %x (%v), want %x", got, err, challenge)
	}
	wantCross, wantTop := false, ""
	switch name {
	case "none-es256-cross-origin":
		wantCross = true
	case "none-es256-top-origin":
		wantCross, wantTop = true, "https://example.com"
	}
	if c.Type != wantType || c.Origin != file.Origin || c.CrossOrigin != wantCross || c.TopOrigin != wantTop {
		t.Errorf("client data is %+v", c)
	}
	if diff := cmp.Diff(string(data), string(c.Marshal())); diff != "" {
		t.Errorf("re-encoded client data differs (-want +got):\n%s", diff)
	}
}

func checkAuthData(t *testing.T, file vectorFile, data []byte) *AuthenticatorData {
	t.Helper()
	a, err := ParseAuthenticatorData(data)
	if err != nil {
		t.Fatal(err)
	}
	if a.RPIDHash != sha256.Sum256([]byte(file.RPID)) {
		t.Errorf("rp id hash is %x", a.RPIDHash)
	}
	again, err := a.Marshal()
	if err != nil || !bytes.Equal(again, data) {
		t.Errorf("re-encoded authenticator data is %x (%v), want %x", again, err, data)
	}
	return a
}

func checkRegistration(t *testing.T, file vectorFile, v vector) *COSEKey {
	t.Helper()
	data := v.Registration.AttestationObject.bytes(t)
	o, err := ParseAttestationObject(data)
	if err != nil {
		t.Fatal(err)
	}
	if o.Format != string(v.Registration.Format) {
		t.Errorf("format %q, want %q", o.Format, v.Registration.Format)
	}
	again, err := o.Marshal()
	if err != nil || !bytes.Equal(again, data) {
		t.Errorf("re-encoded attestation object is %x (%v), want %x", again, err, data)
	}
	if !CanonicalCBOR(data) {
		t.Error("attestation object is not taken for canonical")
	}
	a := checkAuthData(t, file, o.AuthData)
	if !bytes.Equal(a.Attested.CredentialID, v.Registration.CredentialID.bytes(t)) {
		t.Errorf("credential id is %x", a.Attested.CredentialID)
	}
	if view := DescribeAttestation(data); view["error"] != nil || view["fmt"] != o.Format {
		t.Errorf("described as %v", view)
	}
	key, err := ParseCOSEKey(a.Attested.PublicKey)
	if v.Name == "packed-ed448" {
		if !errors.Is(err, ErrUnsupportedAlgorithm) || message(err) != "cose key: algorithm -53: unsupported algorithm" {
			t.Errorf("Ed448 key: %v", err)
		}
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(key.Extra) > 0 {
		t.Errorf("key has extra members %v", key.Extra)
	}
	encoded, err := EncodeCOSEKey(key.Algorithm, key.Public)
	if err != nil || !bytes.Equal(encoded, a.Attested.PublicKey) {
		t.Errorf("re-encoded key is %x (%v), want %x", encoded, err, a.Attested.PublicKey)
	}
	if v.Name == "packed-self-es256" {
		checkSelfAttestation(t, o, key, v.Registration.ClientDataJSON.bytes(t))
	}
	return key
}

func checkSelfAttestation(t *testing.T, o *AttestationObject, key *COSEKey, clientData []byte) {
	t.Helper()
	var statement struct {
		Alg int64  `cbor:"alg"`
		Sig []byte `cbor:"sig"`
	}
	if err := DecodeCBOR(o.Statement, &statement); err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256(clientData)
	if err := Verify(Algorithm(statement.Alg), key.Public, append(bytes.Clone(o.AuthData), hash[:]...), statement.Sig); err != nil {
		t.Errorf("self attestation: %v", err)
	}
}
