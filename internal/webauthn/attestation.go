package webauthn

import (
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// AttestationObject is the attestation object of WebAuthn L3 §6.5.4.
type AttestationObject struct {
	Format    string // such as "none", "packed"
	Statement []byte // attStmt as CBOR: a map, or an array for the compound format
	AuthData  []byte // authenticator data bytes, see [ParseAuthenticatorData]
}

// EmptyStatement is the attestation statement of the none format: an empty CBOR map.
func EmptyStatement() []byte {
	return []byte{0xa0}
}

type attestationWire struct {
	Format    string          `cbor:"fmt"`
	Statement cbor.RawMessage `cbor:"attStmt"`
	AuthData  []byte          `cbor:"authData"`
}

// Marshal returns the CTAP2 canonical form, whose key order is fmt, attStmt, authData. The
// statement is inserted as it is.
func (o *AttestationObject) Marshal() ([]byte, error) {
	data, err := EncodeCBOR(attestationWire{Format: o.Format, Statement: o.Statement, AuthData: o.AuthData})
	if err != nil {
		return nil, fmt.Errorf("attestation object: %w", err)
	}
	return data, nil
}

// ParseAttestationObject reads an attestation object. The statement and the authenticator data
// are kept as bytes; bytes after the object are an error. Unknown members are ignored.
func ParseAttestationObject(data []byte) (*AttestationObject, error) {
	var members map[string]cbor.RawMessage
	if err := DecodeCBOR(data, &members); err != nil {
		return nil, fmt.Errorf("attestation object: %w", err)
	}
	o := &AttestationObject{Statement: members["attStmt"]}
	if members == nil {
		return nil, errors.New("attestation object: want a cbor map")
	}
	for _, name := range []string{"fmt", "attStmt", "authData"} {
		if members[name] == nil {
			return nil, fmt.Errorf("attestation object: no %s", name)
		}
	}
	if kind := members["fmt"][0] >> 5; kind != cborText {
		return nil, errors.New("attestation object: fmt: want a text string")
	}
	if err := DecodeCBOR(members["fmt"], &o.Format); err != nil {
		return nil, fmt.Errorf("attestation object: fmt: %w", err)
	}
	if kind := o.Statement[0] >> 5; kind != cborMap && kind != cborArray {
		return nil, errors.New("attestation object: attStmt: want a map or an array")
	}
	if kind := members["authData"][0] >> 5; kind != cborBytes {
		return nil, errors.New("attestation object: authData: want a byte string")
	}
	if err := DecodeCBOR(members["authData"], &o.AuthData); err != nil {
		return nil, fmt.Errorf("attestation object: authData: %w", err)
	}
	return o, nil
}

// CBOR major types.
const (
	cborBytes = 2
	cborText  = 3
	cborArray = 4
	cborMap   = 5
)
