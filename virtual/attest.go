package virtual

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"io"
	"math/big"
	"slices"
	"sync"
	"time"

	"github.com/passrig/passrig/internal/webauthn"
)

// AttestationCA is a root certificate that vouches for authenticator models. It is safe for
// concurrent use.
type AttestationCA struct {
	key  privateKey
	cert *x509.Certificate

	mu     sync.Mutex // guards random and models
	random io.Reader
	models map[attestedModel]*attestationKey
}

// attestedModel is what an attestation certificate is issued for.
type attestedModel struct {
	aaguid webauthn.AAGUID
	kind   Attestation
}

// attestationKey is the certified key that all authenticators of a model share.
type attestationKey struct {
	key  privateKey
	cert []byte // DER
}

// NewAttestationCA makes a root whose keys and serial numbers come from random; nil means
// crypto/rand.
func NewAttestationCA(random io.Reader) (*AttestationCA, error) {
	if random == nil {
		random = rand.Reader
	}
	key, err := newPrivateKey(webauthn.ES256, random)
	if err != nil {
		return nil, fmt.Errorf("attestation root: %w", err)
	}
	serial, err := newSerial(random)
	if err != nil {
		return nil, fmt.Errorf("attestation root: %w", err)
	}
	template := certificateTemplate(serial, "Passrig Attestation Root")
	template.IsCA = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	der, err := x509.CreateCertificate(nil, template, template, key.signer.Public(), key.signer)
	if err != nil {
		return nil, fmt.Errorf("attestation root: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("attestation root: %w", err)
	}
	return &AttestationCA{key: key, cert: cert, random: random, models: map[attestedModel]*attestationKey{}}, nil
}

// RootDER returns the root certificate, DER encoded: the trust anchor to give to an RP.
func (ca *AttestationCA) RootDER() []byte {
	return bytes.Clone(ca.cert.Raw)
}

// certificateTemplate has fixed dates, so that it does not matter which clock an RP believes in.
func certificateTemplate(serial *big.Int, commonName string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: serial,
		Subject: pkix.Name{
			Country:            []string{"AA"}, // user-assigned code of ISO 3166
			Organization:       []string{"Passrig"},
			OrganizationalUnit: []string{"Authenticator Attestation"}, // literal of WebAuthn L3 §8.2.1
			CommonName:         commonName,
		},
		NotBefore:             time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:              time.Date(2119, 12, 31, 23, 59, 59, 0, time.UTC),
		BasicConstraintsValid: true,
	}
}

func newSerial(random io.Reader) (*big.Int, error) {
	b, err := readRandom(random, 16)
	if err != nil {
		return nil, err
	}
	b[0] = b[0]&0x7f | 0x40 // positive and of full length
	return new(big.Int).SetBytes(b), nil
}

// model returns the certified key of a model, making it at first use.
func (ca *AttestationCA) model(m attestedModel) (*attestationKey, error) {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	if known, ok := ca.models[m]; ok {
		return known, nil
	}
	key, err := newPrivateKey(webauthn.ES256, ca.random)
	if err != nil {
		return nil, err
	}
	serial, err := newSerial(ca.random)
	if err != nil {
		return nil, err
	}
	template := certificateTemplate(serial, "Passrig Authenticator")
	template.KeyUsage = x509.KeyUsageDigitalSignature
	if m.kind == AttestationPacked {
		extension, err := aaguidExtension(m.aaguid)
		if err != nil {
			return nil, err
		}
		template.ExtraExtensions = []pkix.Extension{extension}
	}
	der, err := x509.CreateCertificate(nil, template, ca.cert, key.signer.Public(), ca.key.signer)
	if err != nil {
		return nil, fmt.Errorf("attestation certificate: %w", err)
	}
	made := &attestationKey{key: key, cert: der}
	ca.models[m] = made
	return made, nil
}

// aaguidExtension is id-fido-gen-ce-aaguid of WebAuthn L3 §8.2.1, not critical.
func aaguidExtension(aaguid webauthn.AAGUID) (pkix.Extension, error) {
	value, err := asn1.Marshal(aaguid[:])
	if err != nil {
		return pkix.Extension{}, fmt.Errorf("aaguid extension: %w", err)
	}
	return pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 45724, 1, 1, 4}, Value: value}, nil
}

// attest makes the attestation object of a new credential (WebAuthn L3 §6.5.4, §8).
func (d *SoftwareDevice) attest(kind Attestation, key privateKey, authData *webauthn.AuthenticatorData, clientDataHash [32]byte) (*webauthn.AttestationObject, error) {
	data, err := authData.Marshal()
	if err != nil {
		return nil, err
	}
	object := &webauthn.AttestationObject{Format: "none", Statement: webauthn.EmptyStatement(), AuthData: data}
	if kind == AttestationNone {
		return object, nil
	}
	var statement map[string]any
	switch kind {
	case AttestationPackedSelf, AttestationPacked:
		object.Format = "packed"
		statement, err = d.packedStatement(kind, key, slices.Concat(data, clientDataHash[:]))
	case AttestationFIDOU2F:
		object.Format = "fido-u2f"
		statement, err = d.u2fStatement(key, authData, clientDataHash)
	case AttestationNone:
	}
	if err != nil {
		return nil, err
	}
	object.Statement, err = webauthn.EncodeCBOR(statement)
	return object, err
}

// packedStatement follows WebAuthn L3 §8.2.
func (d *SoftwareDevice) packedStatement(kind Attestation, key privateKey, message []byte) (map[string]any, error) {
	statement := map[string]any{}
	if kind == AttestationPacked {
		key = d.attestation.key
		statement["x5c"] = [][]byte{d.attestation.cert}
	}
	signature, err := key.sign(message)
	statement["alg"], statement["sig"] = int64(key.algorithm), signature
	return statement, err
}

// u2fStatement follows WebAuthn L3 §8.6.
func (d *SoftwareDevice) u2fStatement(key privateKey, authData *webauthn.AuthenticatorData, clientDataHash [32]byte) (map[string]any, error) {
	public, ok := key.signer.Public().(*ecdsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("fido-u2f attestation of a %s key", key.algorithm)
	}
	point, err := public.Bytes()
	if err != nil {
		return nil, fmt.Errorf("fido-u2f attestation: %w", err)
	}
	message := slices.Concat([]byte{0}, authData.RPIDHash[:], clientDataHash[:], authData.Attested.CredentialID, point)
	signature, err := d.attestation.key.sign(message)
	return map[string]any{"x5c": [][]byte{d.attestation.cert}, "sig": signature}, err
}
