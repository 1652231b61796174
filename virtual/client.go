package virtual

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"

	"github.com/passrig/passrig/internal/webauthn"
)

// Values of the requirement enumerations (WebAuthn L3 §5.4.6, §5.8.6).
const (
	required    = "required"
	preferred   = "preferred"
	discouraged = "discouraged"
)

// ceremony is what the two ceremonies have in common on the client side.
type ceremony struct {
	clientDataJSON []byte
	clientDataHash [32]byte
	rpID           string
}

// begin does the steps that do not depend on the authenticator: the origin, the RP ID and the
// client data (WebAuthn L3 §5.8.1). An empty rpID stands for the host of the origin. Of req only who
// calls is read.
func begin(kind, rpID string, challenge webauthn.Base64URL, req GetRequest) (*ceremony, error) {
	host, err := callerHost(req.Origin)
	if err != nil {
		return nil, err
	}
	if rpID == "" {
		rpID = host
	}
	if err := CheckRPID(rpID, req.Origin, req.RelatedOrigins); err != nil {
		return nil, err
	}
	cross := req.crossOrigin()
	data := &webauthn.ClientData{Type: kind, Challenge: challenge.String(), Origin: req.Origin, CrossOrigin: cross}
	if cross {
		data.TopOrigin = req.TopOrigin
	}
	encoded := data.Marshal()
	return &ceremony{clientDataJSON: encoded, clientDataHash: sha256.Sum256(encoded), rpID: rpID}, nil
}

func (r GetRequest) crossOrigin() bool {
	return r.TopOrigin != "" && (r.CrossOrigin || r.TopOrigin != r.Origin)
}

func checkMediation(mediation string) error {
	switch mediation {
	case "", MediationConditional, MediationOptional, MediationRequired, MediationSilent:
		return nil
	}
	return refuse(TypeError, "mediation %q is none of conditional, optional, required, silent", mediation)
}

// Create performs navigator.credentials.create() (WebAuthn L3 §5.1.3). Every error is an [*Error].
func (d *SoftwareDevice) Create(ctx context.Context, req CreateRequest) (*Registration, error) {
	r, err := d.create(ctx, req)
	if err != nil {
		return nil, asError(err)
	}
	return r, nil
}

func (d *SoftwareDevice) create(ctx context.Context, req CreateRequest) (*Registration, error) {
	if err := aborted(ctx); err != nil {
		return nil, err
	}
	opts, err := webauthn.ParseCreationOptions(req.Options)
	if err != nil {
		return nil, refuse(TypeError, "%w", err)
	}
	if err := checkMediation(req.Mediation); err != nil {
		return nil, err
	}
	caller := GetRequest{Origin: req.Origin, TopOrigin: req.TopOrigin, CrossOrigin: req.CrossOrigin, RelatedOrigins: req.RelatedOrigins}
	conditional := req.Mediation == MediationConditional
	if conditional && caller.crossOrigin() {
		return nil, refuse(NotAllowedError, "a conditional create needs a page that is same-origin with its ancestors")
	}
	if n := len(opts.User.ID); n < 1 || n > 64 {
		return nil, refuse(TypeError, "options: user: id of %d bytes, want 1 to 64", n)
	}
	c, err := begin(webauthn.TypeCreate, opts.RP.ID, opts.Challenge, caller)
	if err != nil {
		return nil, err
	}
	order, err := d.makeRequest(opts, c, conditional)
	if err != nil {
		return nil, err
	}
	if d.holdsOneOf(opts.ExcludeCredentials, c.rpID) {
		return nil, refuse(InvalidStateError, "a credential of excludeCredentials is on this device")
	}
	m, err := d.makeCredential(ctx, order)
	if err != nil {
		return nil, err
	}
	results, err := m.outputs.clientJSON()
	if err != nil {
		return nil, err
	}
	object, err := m.object.Marshal()
	if err != nil {
		return nil, err
	}
	return &Registration{
		CredentialID:           m.credential.ID,
		ClientDataJSON:         c.clientDataJSON,
		AttestationObject:      object,
		AuthenticatorData:      m.object.AuthData,
		PublicKey:              m.publicKey,
		Algorithm:              m.credential.Algorithm,
		Transports:             m.credential.Transports,
		Attachment:             d.cfg.Attachment,
		ClientExtensionResults: results,
	}, nil
}

// makeRequest turns the RP's options into an order to the authenticator, or refuses what this
// authenticator cannot do.
func (d *SoftwareDevice) makeRequest(opts *webauthn.CreationOptions, c *ceremony, conditional bool) (*makeRequest, error) {
	alg, err := d.chooseAlgorithm(opts.PubKeyCredParams)
	if err != nil {
		return nil, err
	}
	inputs, err := d.cfg.extensionInputs(opts.Extensions)
	if err != nil {
		return nil, err
	}
	if err := inputs.checkCreate(); err != nil {
		return nil, err
	}
	selection := opts.AuthenticatorSelection
	if selection == nil {
		selection = &webauthn.AuthenticatorSelection{}
	}
	// An attachment of neither name is as good as none: enumerations are open.
	if a := selection.AuthenticatorAttachment; a != d.cfg.Attachment && (a == attachmentPlatform || a == attachmentCrossPlatform) {
		return nil, refuse(NotAllowedError, "the RP wants a %q authenticator, this one is %q", a, d.cfg.Attachment)
	}
	discoverable, err := d.discoverable(selection)
	if err != nil {
		return nil, err
	}
	if b := inputs.largeBlob; b != nil && b.Support == required && !discoverable {
		return nil, refuse(NotAllowedError, "largeBlob support is required, and only discoverable credentials have it")
	}
	if d.cfg.UserVerification == VerificationNever && selection.UserVerification == required {
		return nil, refuse(ConstraintError, "user verification is required, and this authenticator cannot do it")
	}
	absent := conditional && d.cfg.UserPresence == PresenceUnlessConditional
	return &makeRequest{
		rpID:           c.rpID,
		user:           opts.User,
		clientDataHash: c.clientDataHash,
		algorithm:      alg,
		discoverable:   discoverable,
		present:        d.cfg.UserPresence != PresenceNever && !absent,
		verified:       d.verifies(selection.UserVerification) && (!absent || selection.UserVerification == required),
		attestation:    d.conveyed(opts.Attestation),
		extensions:     inputs,
	}, nil
}

// chooseAlgorithm takes the first of the RP's algorithms that the authenticator supports; without
// any the RP gets ES256 or RS256 (WebAuthn L3 §5.1.3).
func (d *SoftwareDevice) chooseAlgorithm(params []webauthn.CredentialParameter) (webauthn.Algorithm, error) {
	if len(params) == 0 {
		params = []webauthn.CredentialParameter{
			{Type: webauthn.PublicKeyType, Algorithm: webauthn.ES256},
			{Type: webauthn.PublicKeyType, Algorithm: webauthn.RS256},
		}
	}
	for _, p := range params {
		if p.Type == webauthn.PublicKeyType && slices.Contains(d.cfg.algorithms, p.Algorithm) {
			return p.Algorithm, nil
		}
	}
	return 0, refuse(NotSupportedError, "no algorithm in common: the relying party offers %s, and this authenticator has %s", named(offered(params)), named(d.cfg.algorithms))
}

// offered are the algorithms of pubKeyCredParams.
func offered(params []webauthn.CredentialParameter) []webauthn.Algorithm {
	list := make([]webauthn.Algorithm, 0, len(params))
	for _, p := range params {
		if p.Type == webauthn.PublicKeyType {
			list = append(list, p.Algorithm)
		}
	}
	return list
}

// named lists algorithms by name: "ES256, EdDSA".
func named(algorithms []webauthn.Algorithm) string {
	if len(algorithms) == 0 {
		return "none"
	}
	names := make([]string, len(algorithms))
	for i, a := range algorithms {
		names[i] = a.String()
	}
	return strings.Join(names, ", ")
}

// discoverable decides whether a new credential is to be discoverable. An unknown residentKey
// counts as absent, which leaves it to the older requireResidentKey.
func (d *SoftwareDevice) discoverable(selection *webauthn.AuthenticatorSelection) (bool, error) {
	wish := selection.ResidentKey
	if wish != required && wish != preferred && wish != discouraged {
		wish = discouraged
		if selection.RequireResidentKey {
			wish = required
		}
	}
	switch d.cfg.ResidentKeys {
	case ResidentKeysAlways:
		return true, nil
	case ResidentKeysWhenAsked:
		return wish != discouraged, nil
	case ResidentKeysNever:
	}
	if wish == required {
		return false, refuse(ConstraintError, "a discoverable credential is required, and this authenticator cannot keep one")
	}
	return false, nil
}

// verifies decides on user verification; everything but "required" and "discouraged" counts as
// "preferred".
func (d *SoftwareDevice) verifies(wish string) bool {
	switch d.cfg.UserVerification {
	case VerificationAlways:
		return true
	case VerificationWhenAsked:
		return wish != discouraged
	case VerificationNever, VerificationMissing:
	}
	return false
}

// conveyed is the attestation that reaches the RP. When it asked for none, the client replaces
// everything but self attestation of an authenticator that does not name its model.
func (d *SoftwareDevice) conveyed(preference string) Attestation {
	switch preference {
	case "direct", "indirect", "enterprise":
		return d.cfg.Attestation
	}
	if d.cfg.UnrequestedAttestation || d.cfg.Attestation == AttestationPackedSelf && d.cfg.aaguid.IsZero() {
		return d.cfg.Attestation
	}
	return AttestationNone
}

func (d *SoftwareDevice) holdsOneOf(list []webauthn.CredentialDescriptor, rpID string) bool {
	list = publicKeysOnly(list)
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.ContainsFunc(d.credentials, func(c *credential) bool {
		return c.RPID == rpID && listed(list, c.ID)
	})
}

// publicKeysOnly drops descriptors of unknown types, which clients ignore.
func publicKeysOnly(list []webauthn.CredentialDescriptor) []webauthn.CredentialDescriptor {
	var known []webauthn.CredentialDescriptor
	for _, entry := range list {
		if entry.Type == webauthn.PublicKeyType {
			known = append(known, entry)
		}
	}
	return known
}

// Get performs navigator.credentials.get() (WebAuthn L3 §5.1.4). Every error is an [*Error].
func (d *SoftwareDevice) Get(ctx context.Context, req GetRequest) (*Assertion, error) {
	a, err := d.get(ctx, req)
	if err != nil {
		return nil, asError(err)
	}
	return a, nil
}

func (d *SoftwareDevice) get(ctx context.Context, req GetRequest) (*Assertion, error) {
	if err := aborted(ctx); err != nil {
		return nil, err
	}
	opts, err := webauthn.ParseRequestOptions(req.Options)
	if err != nil {
		return nil, refuse(TypeError, "%w", err)
	}
	if err := checkMediation(req.Mediation); err != nil {
		return nil, err
	}
	c, err := begin(webauthn.TypeGet, opts.RPID, opts.Challenge, req)
	if err != nil {
		return nil, err
	}
	inputs, err := d.cfg.extensionInputs(opts.Extensions)
	if err != nil {
		return nil, err
	}
	allow := publicKeysOnly(opts.AllowCredentials)
	if err := inputs.checkGet(allow); err != nil {
		return nil, err
	}
	if len(allow) == 0 && len(opts.AllowCredentials) > 0 {
		return nil, refuse(NotAllowedError, "allowCredentials has no entry of type %q", webauthn.PublicKeyType)
	}
	if d.cfg.UserVerification == VerificationNever && opts.UserVerification == required {
		return nil, refuse(NotAllowedError, "user verification is required, and this authenticator cannot do it")
	}
	a, err := d.getAssertion(&assertRequest{
		rpID:             c.rpID,
		clientDataHash:   c.clientDataHash,
		allow:            allow,
		discoverableOnly: req.Mediation == MediationConditional,
		present:          d.cfg.UserPresence != PresenceNever,
		verified:         d.verifies(opts.UserVerification),
		extensions:       inputs,
		pick:             req.CredentialID,
		user:             req.UserHandle,
	})
	if errors.Is(err, errNoCredential) {
		return nil, refuse(NotAllowedError, "%w", err)
	}
	if err != nil {
		return nil, err
	}
	return d.finish(c, a)
}

func (d *SoftwareDevice) finish(c *ceremony, a *assertion) (*Assertion, error) {
	results, err := a.outputs.clientJSON()
	if err != nil {
		return nil, err
	}
	response := &Assertion{
		CredentialID:           a.credential.ID,
		ClientDataJSON:         c.clientDataJSON,
		AuthenticatorData:      a.authData,
		Signature:              a.signature,
		Attachment:             d.cfg.Attachment,
		ClientExtensionResults: results,
	}
	// Authenticators do not keep the user handle of server-side credentials.
	if a.credential.Discoverable {
		response.UserHandle = a.credential.UserHandle
	}
	return response, nil
}

// asError gives a failure of the authenticator itself a name too.
func asError(err error) error {
	if named, ok := errors.AsType[*Error](err); ok {
		return named
	}
	return refuse(UnknownError, "%w", err)
}
