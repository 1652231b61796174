package fleet

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/passrig/passrig/internal/webauthn"
)

// Passkey is one user of a file of users: who they are at the relying party, and their passkey. The file has one JSON
// object on each line, in UTF-8; byte strings are unpadded base64url. [ExportLine] writes it, [Config.Import] reads it.
type Passkey struct {
	Username    string `json:"username"`
	Email       string `json:"email,omitempty"`       // absent: the username, with @example.test unless it is an address
	DisplayName string `json:"displayName,omitempty"` // absent: the username
	Password    string `json:"password,omitempty"`

	CredentialID webauthn.Base64URL `json:"credentialId"`         // 1 to 1023 bytes
	UserHandle   webauthn.Base64URL `json:"userHandle,omitempty"` // up to 64 bytes; absent: the credential is not discoverable
	PrivateKey   webauthn.Base64URL `json:"privateKey"`           // PKCS #8, DER
	Algorithm    string             `json:"algorithm"`            // ES256, EdDSA, RS256
	SignCount    uint32             `json:"signCount"`            // as last sent
}

// ExportLine appends a passkey as one line of a file of users, with its line break. It refuses what an import would. A
// private key is written as it is: such a file is as secret as the passkeys in it.
func ExportLine(dst []byte, p *Passkey) ([]byte, error) {
	if _, err := p.check(); err != nil {
		return dst, fmt.Errorf("user %q: %w", p.Username, err)
	}
	line, err := json.Marshal(p) //nolint:gosec // G117: the secrets are the purpose of the file
	if err != nil {
		return dst, fmt.Errorf("user %q: %w", p.Username, err)
	}
	return append(append(dst, line...), '\n'), nil
}

// parsePasskey reads one line.
func parsePasskey(line []byte) (*Passkey, privateKey, error) {
	if !utf8.Valid(line) {
		return nil, privateKey{}, errors.New("not UTF-8")
	}
	p := &Passkey{}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(p); err != nil {
		return nil, privateKey{}, plainJSON(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, privateKey{}, errors.New("more than one JSON object")
	}
	key, err := p.check()
	return p, key, err
}

// plainJSON says what is wrong without the words of package json.
func plainJSON(err error) error {
	mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err)
	if ok && mismatch.Field != "" {
		return fmt.Errorf("%s: a %s does not fit", mismatch.Field, mismatch.Value)
	}
	if ok || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return errors.New("not a whole JSON object")
	}
	return errors.New(strings.TrimPrefix(err.Error(), "json: "))
}

// privateKey is a key as it is kept: 32 bytes, or one of package rsa.
type privateKey struct {
	algorithm webauthn.Algorithm
	raw       [32]byte // as [keyring.raw]
	rsa       *rsa.PrivateKey
}

// check says what is wrong with a passkey.
func (p *Passkey) check() (privateKey, error) {
	if p.Username == "" {
		return privateKey{}, errors.New("no username")
	}
	for _, m := range []struct{ name, value string }{
		{"username", p.Username}, {"email", p.Email}, {"displayName", p.DisplayName}, {"password", p.Password},
	} {
		if len(m.value) > maxText {
			return privateKey{}, fmt.Errorf("%s of %d bytes, want up to %d", m.name, len(m.value), maxText)
		}
		if strings.ContainsFunc(m.value, unicode.IsControl) {
			return privateKey{}, fmt.Errorf("%s %q has a control character", m.name, m.value)
		}
	}
	if n := len(p.CredentialID); n == 0 || n > webauthn.MaxCredentialID {
		return privateKey{}, fmt.Errorf("credentialId of %d bytes, want 1 to %d", n, webauthn.MaxCredentialID)
	}
	if n := len(p.UserHandle); n > maxHandle {
		return privateKey{}, fmt.Errorf("userHandle of %d bytes, want up to %d", n, maxHandle)
	}
	return parsePrivateKey(p.Algorithm, p.PrivateKey)
}

// maxText is the longest text of a user, in bytes.
const maxText = 1024

// parsePrivateKey reads a PKCS #8 key of an algorithm.
func parsePrivateKey(name string, der []byte) (privateKey, error) {
	alg, err := algorithm(name)
	if err != nil {
		return privateKey{}, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return privateKey{}, errors.New("privateKey: not a PKCS #8 private key")
	}
	key := privateKey{algorithm: alg}
	switch k := parsed.(type) {
	case *ecdsa.PrivateKey:
		if alg == webauthn.ES256 && k.Curve == elliptic.P256() {
			raw, err := k.Bytes()
			copy(key.raw[:], raw)
			return key, err
		}
	case ed25519.PrivateKey:
		if alg == webauthn.EdDSA {
			copy(key.raw[:], k.Seed())
			return key, nil
		}
	case *rsa.PrivateKey:
		if alg == webauthn.RS256 {
			key.rsa = k
			return key, nil
		}
	}
	return privateKey{}, fmt.Errorf("privateKey: a %T is not for %s", parsed, name)
}
