package webauthn

import "encoding/json"

// PublicKeyType is the only credential type there is.
const PublicKeyType = "public-key"

// RegistrationResponse is RegistrationResponseJSON of WebAuthn L3 §5.1: what toJSON() of a
// credential from create() returns.
type RegistrationResponse struct {
	ID                      string              `json:"id"`
	RawID                   Base64URL           `json:"rawId"`
	Response                AttestationResponse `json:"response"`
	AuthenticatorAttachment string              `json:"authenticatorAttachment,omitempty"`
	ClientExtensionResults  json.RawMessage     `json:"clientExtensionResults,omitempty"`
	Type                    string              `json:"type"`
}

// AttestationResponse is AuthenticatorAttestationResponseJSON. AuthenticatorData, PublicKey (DER
// SubjectPublicKeyInfo) and PublicKeyAlgorithm repeat what AttestationObject holds.
type AttestationResponse struct {
	ClientDataJSON     Base64URL `json:"clientDataJSON"`
	AuthenticatorData  Base64URL `json:"authenticatorData,omitzero"`
	Transports         []string  `json:"transports,omitzero"`
	PublicKey          Base64URL `json:"publicKey,omitzero"`
	PublicKeyAlgorithm Algorithm `json:"publicKeyAlgorithm,omitempty"`
	AttestationObject  Base64URL `json:"attestationObject"`
}

// AuthenticationResponse is AuthenticationResponseJSON of WebAuthn L3 §5.1: what toJSON() of a
// credential from get() returns.
type AuthenticationResponse struct {
	ID                      string            `json:"id"`
	RawID                   Base64URL         `json:"rawId"`
	Response                AssertionResponse `json:"response"`
	AuthenticatorAttachment string            `json:"authenticatorAttachment,omitempty"`
	ClientExtensionResults  json.RawMessage   `json:"clientExtensionResults,omitempty"`
	Type                    string            `json:"type"`
}

// AssertionResponse is AuthenticatorAssertionResponseJSON. A nil UserHandle is absent.
type AssertionResponse struct {
	ClientDataJSON    Base64URL `json:"clientDataJSON"`
	AuthenticatorData Base64URL `json:"authenticatorData"`
	Signature         Base64URL `json:"signature"`
	UserHandle        Base64URL `json:"userHandle,omitzero"`
}

// ParseRegistrationResponse reads a registration response. The convenience copies, the
// attachment, the transports and the extension results may be missing, as older clients leave
// them out. An error names the member.
func ParseRegistrationResponse(data []byte) (*RegistrationResponse, error) {
	o := newObject("response", data)
	o.require("id", "rawId", "type", "response")
	r := &RegistrationResponse{
		ID:                      o.text("id"),
		RawID:                   o.binary("rawId"),
		AuthenticatorAttachment: o.text("authenticatorAttachment"),
		ClientExtensionResults:  extensionResults(o),
		Type:                    o.text("type"),
	}
	if sub := o.object("response"); sub != nil {
		sub.require("clientDataJSON", "attestationObject")
		r.Response = AttestationResponse{
			ClientDataJSON:     sub.binary("clientDataJSON"),
			AuthenticatorData:  sub.binary("authenticatorData"),
			Transports:         sub.texts("transports"),
			PublicKey:          sub.binary("publicKey"),
			PublicKeyAlgorithm: Algorithm(sub.integer("publicKeyAlgorithm")),
			AttestationObject:  sub.binary("attestationObject"),
		}
	}
	if err := o.err(); err != nil {
		return nil, err
	}
	return r, nil
}

// ParseAuthenticationResponse reads an authentication response. An error names the member.
func ParseAuthenticationResponse(data []byte) (*AuthenticationResponse, error) {
	o := newObject("response", data)
	o.require("id", "rawId", "type", "response")
	r := &AuthenticationResponse{
		ID:                      o.text("id"),
		RawID:                   o.binary("rawId"),
		AuthenticatorAttachment: o.text("authenticatorAttachment"),
		ClientExtensionResults:  extensionResults(o),
		Type:                    o.text("type"),
	}
	if sub := o.object("response"); sub != nil {
		sub.require("clientDataJSON", "authenticatorData", "signature")
		r.Response = AssertionResponse{
			ClientDataJSON:    sub.binary("clientDataJSON"),
			AuthenticatorData: sub.binary("authenticatorData"),
			Signature:         sub.binary("signature"),
			UserHandle:        sub.binary("userHandle"),
		}
	}
	if err := o.err(); err != nil {
		return nil, err
	}
	return r, nil
}

// extensionResults keeps the extension outputs as they were sent; they must be an object.
func extensionResults(o *object) json.RawMessage {
	if o.raws("clientExtensionResults") == nil {
		return nil
	}
	return o.members["clientExtensionResults"]
}
