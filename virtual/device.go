package virtual

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/passrig/passrig/internal/webauthn"
)

// Device is what a ceremony is performed on: a client with its authenticator.
type Device interface {
	// Create is navigator.credentials.create().
	Create(ctx context.Context, req CreateRequest) (*Registration, error)
	// Get is navigator.credentials.get().
	Get(ctx context.Context, req GetRequest) (*Assertion, error)
	// Credentials lists the stored credentials in creation order.
	Credentials() []Credential
}

// Mediation values of a request; the empty string is the default, "optional".
const (
	MediationConditional = "conditional" // autofill sign-in, or passkey upgrade for create
	MediationOptional    = "optional"
	MediationRequired    = "required"
	MediationSilent      = "silent"
)

// CreateRequest asks for a new credential.
type CreateRequest struct {
	// Origin of the calling page as browsers serialize it: "https://example.org", no slash.
	Origin string
	// TopOrigin is the origin of the top-level page when Origin is a cross-origin iframe in it.
	TopOrigin string
	// CrossOrigin says of a page that is framed by itself, so that TopOrigin is Origin, that a page of another
	// origin is in between.
	CrossOrigin bool
	// RelatedOrigins is the list at https://<rp id>/.well-known/webauthn, which an Origin that is not of the
	// RP ID has to be in (WebAuthn L3 §5.11). The device does not fetch it.
	RelatedOrigins []string
	// Options is PublicKeyCredentialCreationOptionsJSON (WebAuthn L3 §5.1.8), without "publicKey" around it.
	Options json.RawMessage
	// Mediation is one of the Mediation constants.
	Mediation string
}

// GetRequest asks for an assertion.
type GetRequest struct {
	// Origin, TopOrigin, CrossOrigin and RelatedOrigins are as in [CreateRequest].
	Origin, TopOrigin string
	CrossOrigin       bool
	RelatedOrigins    []string
	// Options is PublicKeyCredentialRequestOptionsJSON (WebAuthn L3 §5.1.9), without "publicKey" around it.
	Options json.RawMessage
	// Mediation is one of the Mediation constants.
	Mediation string
	// CredentialID is the credential the person picks; nil picks the most recently made of those that fit.
	CredentialID []byte
	// UserHandle leaves only the credentials of that user; nil leaves all.
	UserHandle []byte
}

// Registration is the outcome of create(). Its JSON form is RegistrationResponseJSON. Byte fields
// hold raw bytes, not text.
type Registration struct {
	CredentialID           []byte
	ClientDataJSON         []byte
	AttestationObject      []byte // CBOR
	AuthenticatorData      []byte // copy of what AttestationObject holds
	PublicKey              []byte // DER SubjectPublicKeyInfo
	Algorithm              int    // COSE identifier
	Transports             []string
	Attachment             string          // "platform" or "cross-platform"
	ClientExtensionResults json.RawMessage // a JSON object
}

// Assertion is the outcome of get(). Its JSON form is AuthenticationResponseJSON. Byte fields hold
// raw bytes, not text.
type Assertion struct {
	CredentialID           []byte
	ClientDataJSON         []byte
	AuthenticatorData      []byte
	Signature              []byte
	UserHandle             []byte // nil when not returned
	Attachment             string
	ClientExtensionResults json.RawMessage // a JSON object
}

// Credential is what can be seen of a stored credential; it holds no secrets.
type Credential struct {
	ID              []byte    `json:"id"`
	RPID            string    `json:"rpId"`
	UserHandle      []byte    `json:"userHandle"`
	UserName        string    `json:"userName"`
	UserDisplayName string    `json:"userDisplayName"`
	Algorithm       int       `json:"algorithm"` // COSE identifier
	SignCount       uint32    `json:"signCount"` // as last sent
	Discoverable    bool      `json:"discoverable"`
	BackupEligible  bool      `json:"backupEligible"`
	BackedUp        bool      `json:"backedUp"`
	AAGUID          string    `json:"aaguid"` // UUID text
	Transports      []string  `json:"transports"`
	Created         time.Time `json:"created"`
}

// MarshalJSON implements [json.Marshaler]: RegistrationResponseJSON of WebAuthn L3 §5.1.
func (r Registration) MarshalJSON() ([]byte, error) {
	id := webauthn.Base64URL(r.CredentialID)
	transports := r.Transports
	if transports == nil {
		transports = []string{} // toJSON() always has the member
	}
	return json.Marshal(&webauthn.RegistrationResponse{
		ID:    id.String(),
		RawID: id,
		Response: webauthn.AttestationResponse{
			ClientDataJSON:     r.ClientDataJSON,
			AuthenticatorData:  r.AuthenticatorData,
			Transports:         transports,
			PublicKey:          r.PublicKey,
			PublicKeyAlgorithm: webauthn.Algorithm(r.Algorithm),
			AttestationObject:  r.AttestationObject,
		},
		AuthenticatorAttachment: r.Attachment,
		ClientExtensionResults:  objectOrEmpty(r.ClientExtensionResults),
		Type:                    webauthn.PublicKeyType,
	})
}

// UnmarshalJSON implements [json.Unmarshaler].
func (r *Registration) UnmarshalJSON(data []byte) error {
	parsed, err := webauthn.ParseRegistrationResponse(data)
	if err != nil {
		return fmt.Errorf("registration: %w", err)
	}
	*r = Registration{
		CredentialID:           parsed.RawID,
		ClientDataJSON:         parsed.Response.ClientDataJSON,
		AttestationObject:      parsed.Response.AttestationObject,
		AuthenticatorData:      parsed.Response.AuthenticatorData,
		PublicKey:              parsed.Response.PublicKey,
		Algorithm:              int(parsed.Response.PublicKeyAlgorithm),
		Transports:             parsed.Response.Transports,
		Attachment:             parsed.AuthenticatorAttachment,
		ClientExtensionResults: parsed.ClientExtensionResults,
	}
	return nil
}

// MarshalJSON implements [json.Marshaler]: AuthenticationResponseJSON of WebAuthn L3 §5.1.
func (a Assertion) MarshalJSON() ([]byte, error) {
	id := webauthn.Base64URL(a.CredentialID)
	return json.Marshal(&webauthn.AuthenticationResponse{
		ID:    id.String(),
		RawID: id,
		Response: webauthn.AssertionResponse{
			ClientDataJSON:    a.ClientDataJSON,
			AuthenticatorData: a.AuthenticatorData,
			Signature:         a.Signature,
			UserHandle:        a.UserHandle,
		},
		AuthenticatorAttachment: a.Attachment,
		ClientExtensionResults:  objectOrEmpty(a.ClientExtensionResults),
		Type:                    webauthn.PublicKeyType,
	})
}

// UnmarshalJSON implements [json.Unmarshaler].
func (a *Assertion) UnmarshalJSON(data []byte) error {
	parsed, err := webauthn.ParseAuthenticationResponse(data)
	if err != nil {
		return fmt.Errorf("assertion: %w", err)
	}
	*a = Assertion{
		CredentialID:           parsed.RawID,
		ClientDataJSON:         parsed.Response.ClientDataJSON,
		AuthenticatorData:      parsed.Response.AuthenticatorData,
		Signature:              parsed.Response.Signature,
		UserHandle:             parsed.Response.UserHandle,
		Attachment:             parsed.AuthenticatorAttachment,
		ClientExtensionResults: parsed.ClientExtensionResults,
	}
	return nil
}

func objectOrEmpty(object json.RawMessage) json.RawMessage {
	if len(object) == 0 {
		return json.RawMessage("{}")
	}
	return object
}
