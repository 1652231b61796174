package webauthn

import (
	"encoding/binary"
	"fmt"
	"math"
)

// minAuthData is the length of authenticator data without its optional parts.
const minAuthData = 32 + 1 + 4

// MaxCredentialID is the longest credential ID an RP has to accept, in bytes (WebAuthn L3 §7.1 step 25).
const MaxCredentialID = 1023

// AuthenticatorData is the authenticator data structure of WebAuthn L3 §6.1.
type AuthenticatorData struct {
	RPIDHash   [32]byte // SHA-256 of the RP ID
	Flags      Flags
	SignCount  uint32
	Attested   *AttestedCredentialData // nil unless FlagAT
	Extensions []byte                  // CBOR map as received; empty unless FlagED
}

// AttestedCredentialData is the part of a registration's authenticator data that names the
// credential (WebAuthn L3 §6.5.1).
type AttestedCredentialData struct {
	AAGUID       AAGUID
	CredentialID []byte
	PublicKey    []byte // COSE_Key as received
}

// Marshal lays the structure out as bytes. The flags are written as they are, so that a message
// whose flags and parts disagree can be made; [ParseAuthenticatorData] accepts only agreeing ones.
func (a *AuthenticatorData) Marshal() ([]byte, error) {
	out := make([]byte, 0, minAuthData+256)
	out = append(out, a.RPIDHash[:]...)
	out = append(out, byte(a.Flags))
	out = binary.BigEndian.AppendUint32(out, a.SignCount)
	if a.Attested != nil {
		n := len(a.Attested.CredentialID)
		if n > math.MaxUint16 {
			return nil, fmt.Errorf("authenticator data: credential id of %d bytes does not fit a 16-bit length", n)
		}
		out = append(out, a.Attested.AAGUID[:]...)
		out = binary.BigEndian.AppendUint16(out, uint16(n))
		out = append(out, a.Attested.CredentialID...)
		out = append(out, a.Attested.PublicKey...)
	}
	return append(out, a.Extensions...), nil
}

// ParseAuthenticatorData reads authenticator data strictly: every part the flags announce must be
// there, and no byte may be left over. The COSE key is split off but not parsed, see [ParseCOSEKey].
func ParseAuthenticatorData(data []byte) (*AuthenticatorData, error) {
	if len(data) < minAuthData {
		return nil, fmt.Errorf("authenticator data: %d bytes, want at least %d", len(data), minAuthData)
	}
	a := &AuthenticatorData{Flags: Flags(data[32]), SignCount: binary.BigEndian.Uint32(data[33:37])}
	copy(a.RPIDHash[:], data)
	rest := data[minAuthData:]
	if a.Flags.Has(FlagAT) {
		attested, tail, err := parseAttested(rest)
		if err != nil {
			return nil, fmt.Errorf("authenticator data: attested credential data: %w", err)
		}
		a.Attested, rest = attested, tail
	}
	if a.Flags.Has(FlagED) {
		extensions, tail, err := firstMap(rest)
		if err != nil {
			return nil, fmt.Errorf("authenticator data: extensions: %w", err)
		}
		a.Extensions, rest = extensions, tail
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("authenticator data: %d bytes left over after the parts that flags %v announce", len(rest), a.Flags)
	}
	return a, nil
}

func parseAttested(data []byte) (attested *AttestedCredentialData, rest []byte, err error) {
	const head = 16 + 2
	if len(data) < head {
		return nil, nil, fmt.Errorf("%d bytes, want at least %d", len(data), head)
	}
	attested = &AttestedCredentialData{}
	copy(attested.AAGUID[:], data)
	n := int(binary.BigEndian.Uint16(data[16:]))
	data = data[head:]
	if len(data) < n {
		return nil, nil, fmt.Errorf("credential id of %d bytes in %d bytes", n, len(data))
	}
	attested.CredentialID = append([]byte{}, data[:n]...)
	attested.PublicKey, rest, err = firstMap(data[n:])
	if err != nil {
		return nil, nil, fmt.Errorf("public key: %w", err)
	}
	return attested, rest, nil
}
