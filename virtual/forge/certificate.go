package forge

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"time"

	"github.com/passrig/passrig/internal/webauthn"
)

// RootDER returns the root certificate of all forged attestation, DER encoded. It is the same
// everywhere, so that an RP under test can be told beforehand to trust it; so is its private key,
// which is why no other RP may.
func RootDER() ([]byte, error) {
	root, err := newRoot()
	if err != nil {
		return nil, err
	}
	return root.der, nil
}

// certified is a key with its certificate.
type certified struct {
	key *keyPair
	der []byte
}

func newRoot() (*certified, error) {
	template := template("Passrig Forge Root", big.NewInt(1))
	template.IsCA = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	key, err := newKeyPair(webauthn.ES256, newStream([]byte("passrig forge"), "root"))
	if err != nil {
		return nil, fmt.Errorf("forge root: %w", err)
	}
	der, err := x509.CreateCertificate(nil, template, template, key.signer.Public(), key.signer)
	if err != nil {
		return nil, fmt.Errorf("forge root: %w", err)
	}
	return &certified{key, der}, nil
}

// template has fixed dates, so that it does not matter which clock an RP believes in.
func template(commonName string, serial *big.Int) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: serial,
		Subject: pkix.Name{
			Country:            []string{"AA"}, // user-assigned code of ISO 3166
			Organization:       []string{"Passrig"},
			OrganizationalUnit: []string{"Authenticator Attestation"}, // literal of WebAuthn L3 §8.2.1
			CommonName:         commonName,
		},
		NotBefore:             date(2020),
		NotAfter:              date(2119),
		BasicConstraintsValid: true,
	}
}

func date(year int) time.Time {
	return time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
}

// certificate is what is to be in an attestation certificate.
type certificate struct {
	public crypto.PublicKey                         // nil for that of a made-up attestation key
	aaguid bool                                     // it names the AAGUID
	change func(*response, *x509.Certificate) error // nil for a right one
}

// issue makes an attestation certificate under the forge's root, with its key if it is made up.
func (r *response) issue(c certificate) (*certified, error) {
	root, err := newRoot()
	if err != nil {
		return nil, err
	}
	issuer, err := x509.ParseCertificate(root.der)
	if err != nil {
		return nil, err
	}
	leaf := &certified{}
	if c.public == nil {
		if leaf.key, err = newKeyPair(webauthn.ES256, r.random("attestation-key")); err != nil {
			return nil, err
		}
		c.public = leaf.key.signer.Public()
	}
	template := template("Passrig Forged Authenticator", new(big.Int).SetBytes(r.bytes("serial", 15)))
	template.KeyUsage = x509.KeyUsageDigitalSignature
	if c.aaguid && r.auth.Attested != nil {
		extension, err := aaguidExtension(r.auth.Attested.AAGUID)
		if err != nil {
			return nil, err
		}
		template.ExtraExtensions = append(template.ExtraExtensions, extension)
	}
	if c.change != nil {
		if err := c.change(r, template); err != nil {
			return nil, err
		}
	}
	leaf.der, err = x509.CreateCertificate(nil, template, issuer, c.public, root.key.signer)
	return leaf, err
}

// aaguidExtension is id-fido-gen-ce-aaguid of WebAuthn L3 §8.2.1.
func aaguidExtension(aaguid webauthn.AAGUID) (pkix.Extension, error) {
	value, err := asn1.Marshal(aaguid[:])
	return pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 45724, 1, 1, 4}, Value: value}, err
}

// packed makes the statement of WebAuthn L3 §8.2 with a certified attestation key.
func (r *response) packed(c certificate) (statement, error) {
	leaf, err := r.issue(c)
	if err != nil {
		return nil, err
	}
	signature, err := leaf.key.sign(r.signedMessage())
	return statement{"alg": int64(leaf.key.algorithm), "sig": signature, "x5c": [][]byte{leaf.der}}, err
}

func attestPacked(r *response) (string, []byte, error) {
	s, err := r.packed(certificate{aaguid: true})
	return s.of("packed", err)
}

func packedVariants() []variant {
	with := func(change func(*response, *x509.Certificate) error) attester {
		return func(r *response) (string, []byte, error) {
			s, err := r.packed(certificate{aaguid: true, change: change})
			return s.of("packed", err)
		}
	}
	return []variant{
		{word: "valid", attest: attestPacked},
		{word: "bad-signature", attest: func(r *response) (string, []byte, error) {
			s, err := r.packed(certificate{aaguid: true})
			return s.broken().of("packed", err)
		}},
		{word: "credential-key", attest: signedByCredential},
		{word: "root-in-chain", attest: func(r *response) (string, []byte, error) {
			s, err := r.packed(certificate{aaguid: true})
			if err != nil {
				return "", nil, err
			}
			root, err := RootDER()
			if chain, ok := s["x5c"].([][]byte); ok {
				s["x5c"] = append(chain, root)
			}
			return s.of("packed", err)
		}},
		{word: "wrong-unit", attest: with(func(_ *response, c *x509.Certificate) error {
			c.Subject.OrganizationalUnit = []string{"Some Other Unit"}
			return nil
		})},
		{word: "ca", attest: with(func(_ *response, c *x509.Certificate) error {
			c.IsCA = true
			c.KeyUsage |= x509.KeyUsageCertSign
			return nil
		})},
		{word: "aaguid-mismatch", attest: with(func(r *response, c *x509.Certificate) error {
			other := webauthn.AAGUID(r.bytes("other-aaguid", 16))
			extension, err := aaguidExtension(other)
			c.ExtraExtensions = []pkix.Extension{extension}
			return err
		})},
		{word: "expired", attest: with(func(_ *response, c *x509.Certificate) error {
			c.NotAfter = date(2021)
			return nil
		})},
	}
}

// signedByCredential has a certificate, but not its key: the credential's key signs.
func signedByCredential(r *response) (string, []byte, error) {
	s, err := r.packed(certificate{aaguid: true})
	if err != nil {
		return "", nil, err
	}
	s["sig"], err = r.signWithCredential(r.signedMessage())
	return s.of("packed", err)
}
