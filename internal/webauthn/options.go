package webauthn

import "encoding/json"

// CreationOptions is PublicKeyCredentialCreationOptionsJSON of WebAuthn L3 §5.1.8. Enumerations
// are open: every one is the string that was sent. Unknown members are ignored.
type CreationOptions struct {
	RP                     RPEntity                   `json:"rp"`
	User                   UserEntity                 `json:"user"`
	Challenge              Base64URL                  `json:"challenge"`
	PubKeyCredParams       []CredentialParameter      `json:"pubKeyCredParams"`
	Timeout                int64                      `json:"timeout,omitempty"` // milliseconds; 0 is absent
	ExcludeCredentials     []CredentialDescriptor     `json:"excludeCredentials,omitempty"`
	AuthenticatorSelection *AuthenticatorSelection    `json:"authenticatorSelection,omitempty"`
	Hints                  []string                   `json:"hints,omitempty"`
	Attestation            string                     `json:"attestation,omitempty"`
	AttestationFormats     []string                   `json:"attestationFormats,omitempty"`
	Extensions             map[string]json.RawMessage `json:"extensions,omitempty"`
}

// RPEntity names the relying party; an empty ID stands for the host of the caller's origin.
type RPEntity struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name"`
}

// UserEntity names the user account a credential is made for; ID is the user handle, 1 to 64
// bytes (WebAuthn L3 §5.4.3).
type UserEntity struct {
	ID          Base64URL `json:"id"`
	Name        string    `json:"name"`
	DisplayName string    `json:"displayName"`
}

// CredentialParameter is one acceptable credential type and algorithm.
type CredentialParameter struct {
	Type      string    `json:"type"`
	Algorithm Algorithm `json:"alg"`
}

// CredentialDescriptor names a credential in an allow or exclude list.
type CredentialDescriptor struct {
	Type       string    `json:"type"`
	ID         Base64URL `json:"id"`
	Transports []string  `json:"transports,omitempty"`
}

// AuthenticatorSelection is what the RP asks of the authenticator (WebAuthn L3 §5.4.4).
type AuthenticatorSelection struct {
	AuthenticatorAttachment string `json:"authenticatorAttachment,omitempty"`
	ResidentKey             string `json:"residentKey,omitempty"`
	RequireResidentKey      bool   `json:"requireResidentKey,omitempty"`
	UserVerification        string `json:"userVerification,omitempty"`
}

// RequestOptions is PublicKeyCredentialRequestOptionsJSON of WebAuthn L3 §5.1.9.
type RequestOptions struct {
	Challenge        Base64URL                  `json:"challenge"`
	Timeout          int64                      `json:"timeout,omitempty"` // milliseconds; 0 is absent
	RPID             string                     `json:"rpId,omitempty"`
	AllowCredentials []CredentialDescriptor     `json:"allowCredentials,omitempty"`
	UserVerification string                     `json:"userVerification,omitempty"`
	Hints            []string                   `json:"hints,omitempty"`
	Extensions       map[string]json.RawMessage `json:"extensions,omitempty"`
}

// ParseCreationOptions reads flat creation options, without a "publicKey" wrapper. The members
// the IDL requires must be there; an error names the member: "options: user: id: …".
func ParseCreationOptions(data []byte) (*CreationOptions, error) {
	o := newObject("options", data)
	o.require("challenge", "rp", "user", "pubKeyCredParams")
	opts := &CreationOptions{
		Challenge:          o.binary("challenge"),
		PubKeyCredParams:   []CredentialParameter{}, // required, so an empty list is written as one
		Timeout:            o.integer("timeout"),
		ExcludeCredentials: descriptors(o.objects("excludeCredentials")),
		Hints:              o.texts("hints"),
		Attestation:        o.text("attestation"),
		AttestationFormats: o.texts("attestationFormats"),
		Extensions:         o.raws("extensions"),
	}
	if rp := o.object("rp"); rp != nil {
		rp.require("name")
		opts.RP = RPEntity{ID: rp.text("id"), Name: rp.text("name")}
	}
	if user := o.object("user"); user != nil {
		user.require("id", "name", "displayName")
		opts.User = UserEntity{ID: user.binary("id"), Name: user.text("name"), DisplayName: user.text("displayName")}
	}
	for _, p := range o.objects("pubKeyCredParams") {
		p.require("type", "alg")
		opts.PubKeyCredParams = append(opts.PubKeyCredParams,
			CredentialParameter{Type: p.text("type"), Algorithm: Algorithm(p.integer("alg"))})
	}
	if s := o.object("authenticatorSelection"); s != nil {
		opts.AuthenticatorSelection = &AuthenticatorSelection{
			AuthenticatorAttachment: s.text("authenticatorAttachment"),
			ResidentKey:             s.text("residentKey"),
			RequireResidentKey:      s.boolean("requireResidentKey"),
			UserVerification:        s.text("userVerification"),
		}
	}
	if err := o.err(); err != nil {
		return nil, err
	}
	return opts, nil
}

// ParseRequestOptions reads flat request options, without a "publicKey" wrapper.
func ParseRequestOptions(data []byte) (*RequestOptions, error) {
	o := newObject("options", data)
	o.require("challenge")
	opts := &RequestOptions{
		Challenge:        o.binary("challenge"),
		Timeout:          o.integer("timeout"),
		RPID:             o.text("rpId"),
		AllowCredentials: descriptors(o.objects("allowCredentials")),
		UserVerification: o.text("userVerification"),
		Hints:            o.texts("hints"),
		Extensions:       o.raws("extensions"),
	}
	if err := o.err(); err != nil {
		return nil, err
	}
	return opts, nil
}

func descriptors(items []*object) []CredentialDescriptor {
	var list []CredentialDescriptor
	for _, d := range items {
		d.require("type", "id")
		list = append(list, CredentialDescriptor{Type: d.text("type"), ID: d.binary("id"), Transports: d.texts("transports")})
	}
	return list
}
