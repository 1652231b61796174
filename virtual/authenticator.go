package virtual

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"math"
	"slices"

	"github.com/passrig/passrig/internal/webauthn"
)

// credential is a stored credential with its secrets.
type credential struct {
	Credential

	key       privateKey
	prfSecret []byte // nil without the prf extension
	credBlob  []byte
	largeBlob []byte
}

// makeRequest is what the client asks of the authenticator for create(), as in
// authenticatorMakeCredential (WebAuthn L3 §6.3.2).
type makeRequest struct {
	rpID           string
	user           webauthn.UserEntity
	clientDataHash [32]byte
	algorithm      webauthn.Algorithm
	discoverable   bool
	present        bool
	verified       bool
	attestation    Attestation
	extensions     *extensionInputs
}

// made is the authenticator's answer to a makeRequest.
type made struct {
	credential Credential
	object     *webauthn.AttestationObject
	publicKey  []byte // DER SubjectPublicKeyInfo
	outputs    *extensionOutputs
}

// makeCredential makes and stores a credential. On a device that keeps discoverable credentials a
// new one for the same RP ID and user handle takes the place of the old one (CTAP 2.1 §6.1.2).
func (d *SoftwareDevice) makeCredential(ctx context.Context, req *makeRequest) (*made, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	replaced := -1
	if req.discoverable {
		replaced = slices.IndexFunc(d.credentials, func(c *credential) bool {
			return c.Discoverable && c.RPID == req.rpID && bytes.Equal(c.UserHandle, req.user.ID)
		})
		if replaced < 0 && d.cfg.ResidentKeyLimit > 0 && d.discoverableCount() >= d.cfg.ResidentKeyLimit {
			return nil, refuse(NotAllowedError, "all %d places for discoverable credentials are taken", d.cfg.ResidentKeyLimit)
		}
	}
	c, err := d.newCredential(req)
	if err != nil {
		return nil, err
	}
	if err := aborted(ctx); err != nil { // making a key may have taken its time
		return nil, err
	}
	outputs := d.cfg.created(req.extensions, c)
	authData, err := d.authenticatorData(c, req.present, req.verified, outputs)
	if err != nil {
		return nil, err
	}
	object, err := d.attest(req.attestation, c.key, authData, req.clientDataHash)
	if err != nil {
		return nil, err
	}
	spki, err := x509.MarshalPKIXPublicKey(c.key.signer.Public())
	if err != nil {
		return nil, err
	}
	if replaced >= 0 {
		d.credentials = slices.Delete(d.credentials, replaced, replaced+1)
	}
	d.credentials = append(d.credentials, c)
	return &made{credential: c.visible(), object: object, publicKey: spki, outputs: outputs}, nil
}

// newCredential draws a key and the other secrets, always in the same order.
func (d *SoftwareDevice) newCredential(req *makeRequest) (*credential, error) {
	id, err := readRandom(d.cfg.Random, d.cfg.CredentialIDLength)
	if err != nil {
		return nil, err
	}
	key, err := newPrivateKey(req.algorithm, d.cfg.Random)
	if err != nil {
		return nil, err
	}
	c := &credential{
		key: key,
		Credential: Credential{
			ID:              id,
			RPID:            req.rpID,
			UserHandle:      req.user.ID,
			UserName:        req.user.Name,
			UserDisplayName: req.user.DisplayName,
			Algorithm:       int(req.algorithm),
			Discoverable:    req.discoverable,
			BackupEligible:  d.cfg.BackupEligible,
			BackedUp:        d.cfg.BackedUp,
			AAGUID:          d.cfg.aaguid.String(),
			Transports:      d.cfg.Transports,
			Created:         d.cfg.Clock(),
		},
	}
	if d.cfg.supportsExtension(ExtensionPRF) {
		if c.prfSecret, err = readRandom(d.cfg.Random, sha256.Size); err != nil {
			return nil, err
		}
	}
	c.SignCount = d.firstCount()
	return c, nil
}

// authenticatorData builds the authenticator data of a registration (WebAuthn L3 §6.1).
func (d *SoftwareDevice) authenticatorData(c *credential, present, verified bool, outputs *extensionOutputs) (*webauthn.AuthenticatorData, error) {
	public, err := c.key.cose()
	if err != nil {
		return nil, err
	}
	data, err := c.assertionData(present, verified, outputs)
	if err != nil {
		return nil, err
	}
	data.Flags |= webauthn.FlagAT
	if d.cfg.EmptyExtensionMap && data.Extensions == nil {
		data.Flags |= webauthn.FlagED
		if data.Extensions, err = webauthn.EncodeCBOR(map[string]any{}); err != nil {
			return nil, err
		}
	}
	data.Attested = &webauthn.AttestedCredentialData{AAGUID: d.cfg.aaguid, CredentialID: c.ID, PublicKey: public}
	return data, nil
}

// assertionData builds the authenticator data of an assertion.
func (c *credential) assertionData(present, verified bool, outputs *extensionOutputs) (*webauthn.AuthenticatorData, error) {
	extensions, err := outputs.cbor()
	if err != nil {
		return nil, err
	}
	var flags webauthn.Flags
	return &webauthn.AuthenticatorData{
		RPIDHash: sha256.Sum256([]byte(c.RPID)),
		Flags: flags.With(webauthn.FlagUP, present).
			With(webauthn.FlagUV, verified).
			With(webauthn.FlagBE, c.BackupEligible).
			With(webauthn.FlagBS, c.BackedUp).
			With(webauthn.FlagED, extensions != nil),
		SignCount:  c.SignCount,
		Extensions: extensions,
	}, nil
}

// assertRequest is what the client asks of the authenticator for get(), as in
// authenticatorGetAssertion (WebAuthn L3 §6.3.3).
type assertRequest struct {
	rpID             string
	clientDataHash   [32]byte
	allow            []webauthn.CredentialDescriptor // empty: any discoverable credential
	discoverableOnly bool
	present          bool
	verified         bool
	extensions       *extensionInputs
	pick, user       []byte // as in GetRequest
}

// assertion is the authenticator's answer to an assertRequest.
type assertion struct {
	credential Credential
	authData   []byte
	signature  []byte
	outputs    *extensionOutputs
}

// errNoCredential says that no stored credential fits a request.
var errNoCredential = errors.New("no credential on this device fits the request")

// getAssertion picks a credential, counts and signs.
func (d *SoftwareDevice) getAssertion(req *assertRequest) (*assertion, error) {
	answer, key, err := d.prepareAssertion(req)
	if err != nil {
		return nil, err
	}
	// Signing takes most of the time and needs no lock: keys never change.
	answer.signature, err = d.cfg.sign(key, slices.Concat(answer.authData, req.clientDataHash[:]))
	if err != nil {
		return nil, err
	}
	return answer, nil
}

func (d *SoftwareDevice) prepareAssertion(req *assertRequest) (*assertion, privateKey, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var chosen *credential
	for _, c := range slices.Backward(d.credentials) { // the most recent one first
		if req.fits(c) {
			chosen = c
			break
		}
	}
	if chosen == nil {
		return nil, privateKey{}, errNoCredential
	}
	chosen.SignCount = d.nextCount(chosen.SignCount)
	outputs := asserted(req.extensions, chosen)
	authData, err := chosen.assertionData(req.present, req.verified, outputs)
	if err != nil {
		return nil, privateKey{}, err
	}
	data, err := authData.Marshal()
	if err != nil {
		return nil, privateKey{}, err
	}
	return &assertion{credential: chosen.visible(), authData: data, outputs: outputs}, chosen.key, nil
}

func (r *assertRequest) fits(c *credential) bool {
	switch {
	case c.RPID != r.rpID,
		r.pick != nil && !bytes.Equal(c.ID, r.pick),
		r.user != nil && !bytes.Equal(c.UserHandle, r.user),
		(len(r.allow) == 0 || r.discoverableOnly) && !c.Discoverable:
		return false
	}
	return len(r.allow) == 0 || listed(r.allow, c.ID)
}

func listed(list []webauthn.CredentialDescriptor, id []byte) bool {
	return slices.ContainsFunc(list, func(entry webauthn.CredentialDescriptor) bool { return bytes.Equal(entry.ID, id) })
}

// firstCount is the counter a registration reports.
func (d *SoftwareDevice) firstCount() uint32 {
	switch d.cfg.Counter.Policy {
	case CounterPerCredential:
		return d.cfg.Counter.Start
	case CounterGlobal:
		return d.nextCount(0)
	case CounterZero, CounterWhenCounting:
	}
	return 0
}

// nextCount is the counter an assertion reports, given the credential's last one.
func (d *SoftwareDevice) nextCount(last uint32) uint32 {
	switch d.cfg.Counter.Policy {
	case CounterPerCredential:
		return d.advance(last)
	case CounterGlobal:
		count := d.globalCount
		d.globalCount = d.advance(count)
		return count
	case CounterWhenCounting:
		if last > 0 {
			return d.advance(last)
		}
	case CounterZero:
	}
	return 0
}

// advance stops at the largest count: a counter never goes back.
func (d *SoftwareDevice) advance(count uint32) uint32 {
	if step := d.cfg.Counter.Step; count <= math.MaxUint32-step {
		return count + step
	}
	return math.MaxUint32
}

func (d *SoftwareDevice) discoverableCount() int {
	n := 0
	for _, c := range d.credentials {
		if c.Discoverable {
			n++
		}
	}
	return n
}
