package fleet

import (
	"bytes"
	"fmt"
	"io"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
)

// Device returns a whole device of a user, for one ceremony with the relying party of that ID: a tampered or otherwise
// unusual one. An enrolled user's has the passkey on it, and its next counter is taken, so that later assertions count
// from there. Another user's is empty, and its first Create makes the passkey that [Fleet.Register] would make.
func (f *Fleet) Device(user int64, rpID string) (*virtual.SoftwareDevice, error) {
	var u User
	f.User(user, &u)
	var r record
	if err := f.state.use(user, &r, nil); err != nil {
		return nil, err
	}
	cfg := f.cfg.Device
	cfg.Algorithms = []string{u.Algorithm.String()}
	if r.enrolled() && f.counts() {
		cfg.Counter.Start = f.nextCount(r.count()) // of CounterGlobal
	}
	if !r.enrolled() {
		secrets, err := f.secrets(&u)
		if err != nil {
			return nil, err
		}
		cfg.Random, cfg.CredentialIDLength = secrets, len(u.CredentialID.Bytes)
	}
	device, err := virtual.NewSoftwareDevice(cfg)
	if err != nil || !r.enrolled() {
		return device, err
	}
	// The credential has the last count, and the device sends the next one, which is taken here.
	stored, err := f.stored(&u, &r, rpID)
	if err != nil {
		return nil, err
	}
	if err := device.ImportCredential(stored); err != nil {
		return nil, fmt.Errorf("device of user %d: %w", user, err)
	}
	return device, f.state.use(user, &r, f.counter)
}

// secrets is the random source that makes a device draw the user's passkey: credential ID, then key.
func (f *Fleet) secrets(u *User) (io.Reader, error) {
	if u.Algorithm == webauthn.RS256 {
		return nil, &hintedError{
			fmt.Errorf("user %d: no device can be given an RSA key to register", u.Index),
			"leave RS256 out of the algorithms, or take a provider without attestation and register as is",
		}
	}
	key := f.keys.raw(u)
	return io.MultiReader(bytes.NewReader(u.CredentialID.Bytes), bytes.NewReader(key[:]),
		&stream{root: f.root, purpose: forDevice, user: u.Index}), nil
}

// stored is the user's passkey as devices exchange it.
func (f *Fleet) stored(u *User, r *record, rpID string) (virtual.StoredCredential, error) {
	pkcs8, err := f.keys.pkcs8(u)
	if err != nil {
		return virtual.StoredCredential{}, err
	}
	return virtual.StoredCredential{
		Credential: virtual.Credential{
			ID:              u.CredentialID.Bytes,
			RPID:            rpID,
			UserHandle:      bytes.Clone(r.handle()),
			UserName:        string(u.Username),
			UserDisplayName: string(u.DisplayName),
			Algorithm:       int(u.Algorithm),
			SignCount:       r.count(),
			Discoverable:    r.discoverable(),
			BackupEligible:  f.cfg.Device.BackupEligible,
			BackedUp:        f.cfg.Device.BackedUp,
			AAGUID:          f.manner.aaguid.String(),
			Transports:      f.cfg.Device.Transports,
		},
		PrivateKey: pkcs8,
	}, nil
}

// Passkey is an enrolled user's line for a file of users, with the private key.
func (f *Fleet) Passkey(user int64) (*Passkey, error) {
	var u User
	f.User(user, &u)
	var r record
	if err := f.state.use(user, &r, nil); err != nil {
		return nil, err
	}
	if !r.enrolled() {
		return nil, fmt.Errorf("user %d is not enrolled and has no passkey", user)
	}
	pkcs8, err := f.keys.pkcs8(&u)
	if err != nil {
		return nil, err
	}
	return &Passkey{
		Username: string(u.Username), Email: string(u.Email), DisplayName: string(u.DisplayName), Password: string(u.Password),
		CredentialID: u.CredentialID.Bytes, UserHandle: bytes.Clone(r.returnedHandle()),
		PrivateKey: pkcs8, Algorithm: u.Algorithm.String(), SignCount: r.count(),
	}, nil
}
