package virtual

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/passrig/passrig/internal/webauthn"
)

// SignalType says which method of the Signal API was called (WebAuthn L3 §5.1.10).
type SignalType string

// The signals.
const (
	SignalUnknownCredential      SignalType = "unknown-credential"
	SignalAllAcceptedCredentials SignalType = "all-accepted-credentials"
	SignalCurrentUserDetails     SignalType = "current-user-details"
)

// Signal is what a relying party tells the authenticators about their credentials. Byte fields hold raw
// bytes, not text.
type Signal struct {
	Type SignalType
	RPID string
	// CredentialID is of [SignalUnknownCredential].
	CredentialID []byte
	// UserHandle is of the other two.
	UserHandle []byte
	// Accepted is of [SignalAllAcceptedCredentials]: the credential ids that the user still has.
	Accepted [][]byte
	// Name and DisplayName are of [SignalCurrentUserDetails].
	Name, DisplayName string
}

// ParseSignal reads a call of the Signal API: the name of the method ("signalUnknownCredential", …)
// and its options as JSON. What the method would refuse is an [*Error].
func ParseSignal(method string, options json.RawMessage) (Signal, error) {
	var o struct {
		RPID         *string               `json:"rpId"`
		CredentialID *webauthn.Base64URL   `json:"credentialId"`
		UserID       *webauthn.Base64URL   `json:"userId"`
		Accepted     *[]webauthn.Base64URL `json:"allAcceptedCredentialIds"`
		Name         *string               `json:"name"`
		DisplayName  *string               `json:"displayName"`
	}
	if err := json.Unmarshal(options, &o); err != nil {
		return Signal{}, refuse(TypeError, "%s: %w", method, err)
	}
	s := Signal{RPID: deref(o.RPID), CredentialID: deref(o.CredentialID), UserHandle: deref(o.UserID), Name: deref(o.Name), DisplayName: deref(o.DisplayName)}
	for _, id := range deref(o.Accepted) {
		s.Accepted = append(s.Accepted, id)
	}
	complete := o.RPID != nil
	switch method {
	case "signalUnknownCredential":
		s.Type, complete = SignalUnknownCredential, complete && o.CredentialID != nil
	case "signalAllAcceptedCredentials":
		s.Type, complete = SignalAllAcceptedCredentials, complete && o.UserID != nil && o.Accepted != nil
	case "signalCurrentUserDetails":
		s.Type, complete = SignalCurrentUserDetails, complete && o.UserID != nil && o.Name != nil && o.DisplayName != nil
	default:
		return Signal{}, refuse(TypeError, "no signal is called %q", method)
	}
	if !complete {
		return Signal{}, refuse(TypeError, "%s: a required member is missing", method)
	}
	return s, nil
}

func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// Heed does what a signal asks (WebAuthn L3 §5.1.10) and returns the ids of the credentials that were
// removed or renamed. Whether the page may speak for the RP ID is the client's to check, see [CheckRPID].
func (d *SoftwareDevice) Heed(s Signal) [][]byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	var touched [][]byte
	d.credentials = slices.DeleteFunc(d.credentials, func(c *credential) bool {
		if c.RPID != s.RPID || !c.renamed(s) && !c.unwanted(s) {
			return false
		}
		touched = append(touched, bytes.Clone(c.ID))
		return c.unwanted(s)
	})
	return touched
}

// unwanted reports whether a signal about the credential's RP ID means its end.
func (c *credential) unwanted(s Signal) bool {
	switch s.Type {
	case SignalUnknownCredential:
		return bytes.Equal(c.ID, s.CredentialID)
	case SignalAllAcceptedCredentials:
		return bytes.Equal(c.UserHandle, s.UserHandle) &&
			!slices.ContainsFunc(s.Accepted, func(id []byte) bool { return bytes.Equal(id, c.ID) })
	case SignalCurrentUserDetails:
	}
	return false
}

// renamed takes over the names of a signal and reports whether they are others.
func (c *credential) renamed(s Signal) bool {
	if s.Type != SignalCurrentUserDetails || !bytes.Equal(c.UserHandle, s.UserHandle) || c.UserName == s.Name && c.UserDisplayName == s.DisplayName {
		return false
	}
	c.UserName, c.UserDisplayName = s.Name, s.DisplayName
	return true
}
