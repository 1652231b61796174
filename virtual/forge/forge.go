package forge

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
)

// The ceremonies, as [Kind] and [Change.Validate] name them.
const (
	Create = "create" // registration
	Get    = "get"    // authentication
)

// ErrUnknown is wrapped by errors about a change that is not in the table.
var ErrUnknown = errors.New("no such change")

// ErrNotApplicable is wrapped by errors about a change that this credential or origin has no room
// for, such as another form of an ECDSA signature that is RSA's.
var ErrNotApplicable = errors.New("the change does not apply")

// Change is one named change of a response.
type Change struct {
	// Name is the [Kind.Name].
	Name string
	// Value is what the kind takes: plain YAML, JSON or Go values. Bytes are []byte or unpadded
	// base64url text; a word of [Kind.Words] goes before any other reading of a text.
	Value any
}

// Signer signs with the private key of a credential. A [virtual.SoftwareDevice] is one.
type Signer interface {
	Sign(credentialID, message []byte) ([]byte, error)
}

var _ Signer = (*virtual.SoftwareDevice)(nil)

// exporter is a Signer that also gives its keys away, which a few changes need.
type exporter interface {
	ExportCredential(id []byte) (virtual.StoredCredential, error)
}

// Registration returns the changed registration as RegistrationResponseJSON (WebAuthn L3 §5.1), or
// as near to it as the changes leave it. The legal one stays as it is. Changes are made part by
// part from the inside out ([Parts]), within a part in the order given.
func Registration(legal *virtual.Registration, s Signer, changes ...Change) (json.RawMessage, error) {
	r, err := forgeRegistration(legal, s, changes)
	if err != nil {
		return nil, fmt.Errorf("forge registration: %w", err)
	}
	return r.marshal()
}

// Assertion returns the changed assertion as AuthenticationResponseJSON (WebAuthn L3 §5.1), or as
// near to it as the changes leave it; otherwise like [Registration].
func Assertion(legal *virtual.Assertion, s Signer, changes ...Change) (json.RawMessage, error) {
	r, err := forgeAssertion(legal, s, changes)
	if err != nil {
		return nil, fmt.Errorf("forge assertion: %w", err)
	}
	return r.marshal()
}

// Accepted returns a credential as an RP that took the changed registration knows it: with the
// credential ID and the private key that the changes put there. A device can import it and sign
// in. stored is the credential of the legal registration. Without a usable private key for what
// was registered, such as for a point off the curve, the error says so.
func Accepted(legal *virtual.Registration, stored virtual.StoredCredential, changes ...Change) (virtual.StoredCredential, error) {
	holder := keyHolder{stored}
	r, err := forgeRegistration(legal, holder, changes)
	if err != nil {
		return virtual.StoredCredential{}, fmt.Errorf("accepted credential: %w", err)
	}
	if a := r.auth.Attested; a != nil {
		stored.ID = bytes.Clone(a.CredentialID)
		stored.AAGUID = a.AAGUID.String()
	}
	if r.key == nil {
		return stored, nil
	}
	if stored.PrivateKey, err = r.key.pkcs8(); err != nil {
		return virtual.StoredCredential{}, fmt.Errorf("accepted credential: %w", err)
	}
	stored.Algorithm = int(r.key.algorithm)
	return stored, nil
}

// keyHolder is a Signer for one exported credential.
type keyHolder struct {
	stored virtual.StoredCredential
}

// Sign implements [Signer].
func (h keyHolder) Sign(_, message []byte) ([]byte, error) {
	key, err := parseKey(h.stored)
	if err != nil {
		return nil, err
	}
	return key.sign(message)
}

// ExportCredential implements exporter.
func (h keyHolder) ExportCredential([]byte) (virtual.StoredCredential, error) {
	return h.stored, nil
}

// response is a response taken apart. Changes work on its parts; build puts them together.
type response struct {
	ceremony string
	signer   Signer
	id       []byte // of the credential on the device
	seed     []byte // everything made up is derived from it
	claimed  int64  // the algorithm of the credential's key; registrations only

	clientData []byte
	auth       authData
	key        *keyPair // in place of the credential's, perhaps one that cannot sign; nil for that one

	attest  attester // makes the attestation statement; registrations only
	rewrite []func(*object) error

	sign func() ([]byte, error) // makes the signature; assertions only

	envelope map[string]any // the response as JSON
}

func forgeRegistration(legal *virtual.Registration, s Signer, changes []Change) (*response, error) {
	object, err := webauthn.ParseAttestationObject(legal.AttestationObject)
	if err != nil {
		return nil, err
	}
	r, err := takeApart(Create, s, legal, legal.CredentialID, legal.ClientDataJSON, object.AuthData)
	if err != nil {
		return nil, err
	}
	if r.auth.Attested == nil {
		return nil, errors.New("no attested credential data")
	}
	r.claimed = int64(legal.Algorithm)
	r.attest = r.conveyed(object)
	return r, r.change(changes)
}

func forgeAssertion(legal *virtual.Assertion, s Signer, changes []Change) (*response, error) {
	r, err := takeApart(Get, s, legal, legal.CredentialID, legal.ClientDataJSON, legal.AuthenticatorData)
	if err != nil {
		return nil, err
	}
	clientData, auth := legal.ClientDataJSON, legal.AuthenticatorData
	r.sign = func() ([]byte, error) {
		if bytes.Equal(clientData, r.clientData) && bytes.Equal(auth, r.auth.bytes()) {
			return legal.Signature, nil
		}
		return r.signWithCredential(r.signedMessage())
	}
	return r, r.change(changes)
}

// takeApart reads the parts that both ceremonies have. legal is the response as JSON.
func takeApart(ceremony string, s Signer, legal json.Marshaler, id, clientData, auth []byte) (*response, error) {
	parsed, err := webauthn.ParseAuthenticatorData(auth)
	if err != nil {
		return nil, err
	}
	data, err := legal.MarshalJSON()
	if err != nil {
		return nil, err
	}
	seed := sha256.Sum256(slices.Concat([]byte(ceremony), id, clientData))
	r := &response{
		ceremony:   ceremony,
		signer:     s,
		id:         id,
		seed:       seed[:],
		clientData: clientData,
		auth:       authData{AuthenticatorData: *parsed},
	}
	if err := json.Unmarshal(data, &r.envelope); err != nil {
		return nil, err
	}
	return r, nil
}

// change makes the changes and puts the response together.
func (r *response) change(changes []Change) error {
	kinds := make([]*Kind, len(changes))
	values := make([]value, len(changes))
	for i, c := range changes {
		var err error
		if kinds[i], values[i], err = c.resolve(r.ceremony); err != nil {
			return err
		}
	}
	for _, part := range Parts() {
		if part == PartEnvelope { // works on the finished response
			if err := r.build(); err != nil {
				return err
			}
		}
		for i, kind := range kinds {
			if kind.Part != part {
				continue
			}
			if err := kind.apply(r, values[i]); err != nil {
				return fmt.Errorf("change %q: %w", kind.Name, err)
			}
		}
	}
	return nil
}

// build puts the parts together into the envelope.
func (r *response) build() error {
	inner := r.inner()
	inner["clientDataJSON"] = encode(r.clientData)
	if r.ceremony == Get {
		signature, err := r.sign()
		if err != nil {
			return err
		}
		inner["authenticatorData"], inner["signature"] = encode(r.auth.bytes()), encode(signature)
		return nil
	}
	object, err := r.attestationObject()
	if err != nil {
		return err
	}
	inner["attestationObject"] = encode(object)
	if a := r.auth.Attested; a != nil {
		r.envelope["id"], r.envelope["rawId"] = encode(a.CredentialID), encode(a.CredentialID)
	}
	r.copies(r.auth.bytes(), r.auth.publicKey())
	return nil
}

// copies writes the convenience copies of a registration. What cannot be read from a public key,
// a client would leave out (WebAuthn L3 §5.2.1.1).
func (r *response) copies(auth, public []byte) {
	inner := r.inner()
	inner["authenticatorData"] = encode(auth)
	delete(inner, "publicKey")
	delete(inner, "publicKeyAlgorithm")
	if algorithm, ok := coseAlgorithm(public); ok {
		inner["publicKeyAlgorithm"] = algorithm
	}
	if spki := subjectPublicKeyInfo(public); spki != nil {
		inner["publicKey"] = encode(spki)
	}
}

// inner is the response member of the envelope.
func (r *response) inner() map[string]any {
	inner, ok := r.envelope["response"].(map[string]any)
	if !ok {
		inner = map[string]any{}
		r.envelope["response"] = inner
	}
	return inner
}

func (r *response) marshal() (json.RawMessage, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(r.envelope); err != nil {
		return nil, fmt.Errorf("forge response: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// signedMessage is what an assertion and most attestations sign (WebAuthn L3 §6.3.3, §8.2).
func (r *response) signedMessage() []byte {
	return slices.Concat(r.auth.bytes(), r.clientDataHash())
}

func (r *response) clientDataHash() []byte {
	sum := sha256.Sum256(r.clientData)
	return sum[:]
}

// signWithCredential signs with the key the response claims: the credential's own, unless a
// change has put another one in its place that can sign.
func (r *response) signWithCredential(message []byte) ([]byte, error) {
	if r.key != nil && r.key.signs() {
		return r.key.sign(message)
	}
	return r.signer.Sign(r.id, message)
}

// export returns the credential's own private key.
func (r *response) export() (*keyPair, error) {
	keeper, ok := r.signer.(exporter)
	if !ok {
		return nil, errors.New("this change needs the credential's private key, which the signer does not give")
	}
	stored, err := keeper.ExportCredential(r.id)
	if err != nil {
		return nil, err
	}
	return parseKey(stored)
}

// random returns an endless stream of bytes that depends on the legal response and the label.
func (r *response) random(label string) io.Reader {
	return newStream(r.seed, label)
}

// bytes returns n made-up bytes.
func (r *response) bytes(label string, n int) []byte {
	b := make([]byte, n)
	_, _ = r.random(label).Read(b) // never fails
	return b
}

// stream is SHA-256 in counter mode.
type stream struct {
	seed    []byte
	counter uint64
	left    []byte
}

func newStream(seed []byte, label string) *stream {
	sum := sha256.Sum256(slices.Concat(seed, []byte(label)))
	return &stream{seed: sum[:]}
}

// Read implements [io.Reader]; it fills p and never fails.
func (s *stream) Read(p []byte) (int, error) {
	for n := 0; n < len(p); {
		if len(s.left) == 0 {
			sum := sha256.Sum256(binary.BigEndian.AppendUint64(bytes.Clone(s.seed), s.counter))
			s.left = sum[:]
			s.counter++
		}
		copied := copy(p[n:], s.left)
		s.left, n = s.left[copied:], n+copied
	}
	return len(p), nil
}

func encode(b []byte) string {
	return webauthn.Base64URL(b).String()
}
