package cdp

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
)

// chromeCredential is Chrome's WebAuthn.Credential. Byte fields are base64 on the wire. Optional
// members are pointers: false and 0 mean something.
type chromeCredential struct {
	CredentialID         []byte `json:"credentialId"`
	IsResidentCredential bool   `json:"isResidentCredential"`
	RPID                 string `json:"rpId,omitempty"`
	PrivateKey           []byte `json:"privateKey"` // PKCS #8
	UserHandle           []byte `json:"userHandle,omitempty"`
	SignCount            int64  `json:"signCount"` // -1 is for credentials that do not count
	LargeBlob            []byte `json:"largeBlob,omitempty"`
	BackupEligibility    *bool  `json:"backupEligibility,omitempty"`
	BackupState          *bool  `json:"backupState,omitempty"`
	UserName             string `json:"userName,omitempty"`
	UserDisplayName      string `json:"userDisplayName,omitempty"`
}

// held is a credential of the device, whether it is in Chrome at the moment or not.
type held struct {
	chromeCredential
	authenticator int // index in the device's list
	algorithm     webauthn.Algorithm
	created       time.Time
}

// keyAlgorithm reads the COSE algorithm off a private key; 0 is one that Go cannot read, such as ML-DSA.
func keyAlgorithm(pkcs8 []byte) webauthn.Algorithm {
	key, err := x509.ParsePKCS8PrivateKey(pkcs8)
	if err != nil {
		return 0
	}
	switch k := key.(type) {
	case *ecdsa.PrivateKey:
		if k.Curve == elliptic.P256() {
			return webauthn.ES256
		}
	case ed25519.PrivateKey:
		return webauthn.EdDSA
	case *rsa.PrivateKey:
		return webauthn.RS256
	}
	return 0
}

func (h *held) stored(a Authenticator) virtual.StoredCredential {
	transports := []string{a.Transport}
	switch a.Transport { // as getTransports() has them
	case "cable", "hybrid":
		transports = []string{"ble", "hybrid"}
	case "smart-card":
		transports = []string{"nfc", "smart-card"}
	}
	return virtual.StoredCredential{
		Credential: virtual.Credential{
			ID: bytes.Clone(h.CredentialID), RPID: h.RPID, UserHandle: bytes.Clone(h.UserHandle),
			UserName: h.UserName, UserDisplayName: h.UserDisplayName,
			Algorithm: int(h.algorithm), SignCount: uint32(max(0, min(h.SignCount, math.MaxUint32))),
			Discoverable: h.IsResidentCredential, BackupEligible: isTrue(h.BackupEligibility), BackedUp: isTrue(h.BackupState),
			AAGUID: a.aaguid(), Transports: transports, Created: h.created,
		},
		PrivateKey: bytes.Clone(h.PrivateKey),
		LargeBlob:  bytes.Clone(h.LargeBlob),
	}
}

// fromStored makes Chrome's form of a credential, or says why Chrome cannot hold it.
func fromStored(s virtual.StoredCredential) (*held, error) {
	alg := keyAlgorithm(s.PrivateKey)
	if alg == 0 || int(alg) != s.Algorithm {
		return nil, fmt.Errorf("algorithm %d is not one that Chrome's virtual authenticator has (ES256, EdDSA, RS256); a software device takes it", s.Algorithm)
	}
	if len(s.ID) == 0 || s.RPID == "" {
		return nil, errors.New("it has no id or no rp id")
	}
	eligible, backedUp := s.BackupEligible, s.BackedUp
	return &held{
		chromeCredential: chromeCredential{
			CredentialID: bytes.Clone(s.ID), IsResidentCredential: s.Discoverable, RPID: s.RPID,
			PrivateKey: bytes.Clone(s.PrivateKey), UserHandle: bytes.Clone(s.UserHandle), SignCount: int64(s.SignCount),
			LargeBlob: bytes.Clone(s.LargeBlob), BackupEligibility: &eligible, BackupState: &backedUp,
			UserName: s.UserName, UserDisplayName: s.UserDisplayName,
		},
		algorithm: alg, created: s.Created,
	}, nil
}

func isTrue(b *bool) bool { return b != nil && *b }
