package forge

import (
	"bytes"
	"errors"
	"fmt"
	"math"

	"github.com/passrig/passrig/internal/webauthn"
)

// credentialKinds are the changes of the attested credential data (WebAuthn L3 §6.5.1), but for the key.
func credentialKinds() []Kind {
	return []Kind{
		{
			Name: "authdata-attested", Ceremonies: registration(), Words: []string{"unflagged", "absent", "missing"}, Example: "missing",
			Doc: "attested credential data is there without the AT flag, or absent and without it, or missing in spite of it", apply: changeAttested,
		},
		{
			Name: "authdata-attested-added", Ceremonies: authentication(), Words: []string{"flagged", "flag-only"}, Example: "flagged",
			Doc: "an assertion has the credential's attested credential data with the AT flag, or only the flag", apply: addAttested,
		},
		{
			Name: "credential-id", Ceremonies: registration(), Takes: []Shape{Bytes, Number}, Words: []string{"empty", "overrun", "overrun-max"}, Example: 1023,
			Doc: "the credential ID is these bytes, or as many made-up ones, everywhere in the response; overrun: it claims to be one byte longer than what is left, overrun-max: 65535 bytes", apply: changeCredentialID,
		},
		{
			Name: "aaguid", Ceremonies: registration(), Takes: []Shape{Text}, Words: []string{"zero", "random"}, Example: "00010203-0405-0607-0809-0a0b0c0d0e0f",
			Doc: "the AAGUID is this one", apply: changeAAGUID,
		},
	}
}

func changeAttested(r *response, v value) error {
	r.auth.Flags = r.auth.Flags.With(webauthn.FlagAT, v.raw == "missing")
	if v.raw != "unflagged" {
		r.auth.Attested = nil
	}
	return nil
}

func addAttested(r *response, v value) error {
	r.auth.Flags |= webauthn.FlagAT
	if v.raw == "flag-only" {
		return nil
	}
	key, err := r.export()
	if err != nil {
		return err
	}
	public, err := key.encoded()
	r.auth.Attested = &webauthn.AttestedCredentialData{CredentialID: r.id, PublicKey: public}
	return err
}

func changeCredentialID(r *response, v value) error {
	attested := r.auth.Attested
	if attested == nil {
		return errors.New("no attested credential data left")
	}
	switch {
	case v.raw == "empty":
		attested.CredentialID = []byte{}
	case v.raw == "overrun":
		left := len(r.auth.bytes()) - idOffset
		r.auth.declared = new(uint16(left + 1)) //nolint:gosec // G115: a legal response is short
	case v.raw == "overrun-max":
		r.auth.declared = new(uint16(math.MaxUint16))
	case v.is(Number):
		n, err := v.number(0, math.MaxUint16)
		attested.CredentialID = r.bytes("credential-id", int(n))
		return err
	default:
		id, _ := v.bytes()
		if len(id) > math.MaxUint16 {
			return fmt.Errorf("%d bytes, want at most %d", len(id), math.MaxUint16)
		}
		attested.CredentialID = bytes.Clone(id)
	}
	return nil
}

func changeAAGUID(r *response, v value) error {
	attested := r.auth.Attested
	if attested == nil {
		return errors.New("no attested credential data left")
	}
	switch v.raw {
	case "zero":
		attested.AAGUID = webauthn.AAGUID{}
	case "random":
		copy(attested.AAGUID[:], r.bytes("aaguid", len(attested.AAGUID)))
	default:
		aaguid, err := webauthn.ParseAAGUID(v.word(""))
		attested.AAGUID = aaguid
		return err
	}
	return nil
}
