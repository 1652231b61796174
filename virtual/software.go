package virtual

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/passrig/passrig/internal/webauthn"
)

// SoftwareDevice is a client and an authenticator in software. It is safe for concurrent use.
type SoftwareDevice struct {
	cfg *settings

	attestation *attestationKey // nil unless certificates are needed

	mu          sync.Mutex // guards what follows and reads of Random
	credentials []*credential
	globalCount uint32 // the next one to report
}

var _ Device = (*SoftwareDevice)(nil)

// NewSoftwareDevice returns a device without credentials. An error lists every mistake in cfg.
func NewSoftwareDevice(cfg Config) (*SoftwareDevice, error) {
	settled, err := cfg.settle()
	if err != nil {
		return nil, err
	}
	d := &SoftwareDevice{cfg: settled, globalCount: settled.Counter.Start}
	if kind := settled.Attestation; kind == AttestationPacked || kind == AttestationFIDOU2F {
		ca := settled.AttestationCA
		if ca == nil {
			if ca, err = NewAttestationCA(settled.Random); err != nil {
				return nil, err
			}
		}
		if d.attestation, err = ca.model(attestedModel{aaguid: settled.aaguid, kind: kind}); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// Credentials lists the stored credentials in creation order.
func (d *SoftwareDevice) Credentials() []Credential {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := make([]Credential, len(d.credentials))
	for i, c := range d.credentials {
		list[i] = c.visible()
	}
	return list
}

// visible returns a copy that shares no memory with the store.
func (c *credential) visible() Credential {
	v := c.Credential
	v.ID, v.UserHandle, v.Transports = bytes.Clone(v.ID), bytes.Clone(v.UserHandle), slices.Clone(v.Transports)
	return v
}

// ErrUnknownCredential is wrapped by errors about a credential that is not on the device.
var ErrUnknownCredential = errors.New("no such credential on this device")

// StoredCredential is a credential with everything another device needs to use it. It holds
// secrets: the private key, the PRF secret and what an RP stored along with it.
type StoredCredential struct {
	Credential

	PrivateKey []byte `json:"privateKey"`          // PKCS #8
	PRFSecret  []byte `json:"prfSecret,omitempty"` // 32 bytes; nil without the prf extension
	CredBlob   []byte `json:"credBlob,omitempty"`
	LargeBlob  []byte `json:"largeBlob,omitempty"`
}

// ExportCredential returns a copy of a credential with its secrets.
func (d *SoftwareDevice) ExportCredential(id []byte) (StoredCredential, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := d.index(id)
	if i < 0 {
		return StoredCredential{}, fmt.Errorf("export credential %s: %w", webauthn.Base64URL(id), ErrUnknownCredential)
	}
	c := d.credentials[i]
	pkcs8, err := c.key.pkcs8()
	if err != nil {
		return StoredCredential{}, fmt.Errorf("export credential %s: %w", webauthn.Base64URL(id), err)
	}
	return StoredCredential{
		Credential: c.visible(),
		PrivateKey: pkcs8,
		PRFSecret:  bytes.Clone(c.prfSecret),
		CredBlob:   bytes.Clone(c.credBlob),
		LargeBlob:  bytes.Clone(c.largeBlob),
	}, nil
}

// ImportCredential stores a credential as the most recent one, in place of one with the same ID.
// What the credential says of itself (backup flags, AAGUID, transports) stays as it is.
func (d *SoftwareDevice) ImportCredential(stored StoredCredential) error {
	fail := func(err error) error {
		return fmt.Errorf("import credential %s: %w", webauthn.Base64URL(stored.ID), err)
	}
	if len(stored.ID) == 0 || len(stored.ID) > webauthn.MaxCredentialID {
		return fail(fmt.Errorf("id of %d bytes, want 1 to %d", len(stored.ID), webauthn.MaxCredentialID))
	}
	if stored.RPID == "" {
		return fail(errors.New("no rp id"))
	}
	if stored.BackedUp && !stored.BackupEligible {
		return fail(errors.New("backed up without being backup eligible"))
	}
	key, err := parsePrivateKey(webauthn.Algorithm(stored.Algorithm), stored.PrivateKey)
	if err != nil {
		return fail(err)
	}
	c := &credential{
		Credential: stored.Credential,
		key:        key,
		prfSecret:  bytes.Clone(stored.PRFSecret),
		credBlob:   bytes.Clone(stored.CredBlob),
		largeBlob:  bytes.Clone(stored.LargeBlob),
	}
	c.Credential = c.visible()
	d.mu.Lock()
	defer d.mu.Unlock()
	if i := d.index(stored.ID); i >= 0 {
		d.credentials = slices.Delete(d.credentials, i, i+1)
	}
	d.credentials = append(d.credentials, c)
	return nil
}

// RemoveCredential deletes a credential and reports whether it was there.
func (d *SoftwareDevice) RemoveCredential(id []byte) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := d.index(id)
	if i < 0 {
		return false
	}
	d.credentials = slices.Delete(d.credentials, i, i+1)
	return true
}

// Sign signs any message with a credential's private key, in the signature format of its
// algorithm. No real authenticator does this; it is for tests that change a response and need
// its signature to be right again.
func (d *SoftwareDevice) Sign(id, message []byte) ([]byte, error) {
	d.mu.Lock()
	i := d.index(id)
	if i < 0 {
		d.mu.Unlock()
		return nil, fmt.Errorf("sign with credential %s: %w", webauthn.Base64URL(id), ErrUnknownCredential)
	}
	key := d.credentials[i].key
	d.mu.Unlock()
	return d.cfg.sign(key, message)
}

func (d *SoftwareDevice) index(id []byte) int {
	return slices.IndexFunc(d.credentials, func(c *credential) bool { return bytes.Equal(c.ID, id) })
}
