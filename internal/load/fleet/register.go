package fleet

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"filippo.io/nistec"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
)

// CreationOptions is what a registration needs of the creation options (WebAuthn L3 §5.4).
type CreationOptions struct {
	Options // UserVerification is that of authenticatorSelection

	Algorithms         []webauthn.Algorithm // of pubKeyCredParams, type public-key; empty means ES256 and RS256
	Attestation        []byte               // "none", "direct", …; anything else counts as none
	ResidentKey        []byte               // of authenticatorSelection
	RequireResidentKey bool                 // of authenticatorSelection
	Attachment         []byte               // authenticatorSelection.authenticatorAttachment
}

// Registration is the outcome of a registration ceremony, and the buffers it is made in. The zero value is ready for
// use; a used one is reused without allocating. It is not safe for concurrent use.
type Registration struct {
	ClientDataJSON    Part
	AttestationObject Part // CBOR
	AuthenticatorData Part // what AttestationObject holds
	PublicKey         Part // DER SubjectPublicKeyInfo
	Discoverable      bool // what credProps.rk says, and [Fleet.Enroll] wants to know

	client clientData
	auth   authData
}

// ErrNeedsDevice says that a registration is for [Fleet.Device].
var ErrNeedsDevice = errors.New("an attestation has to be made by a full device")

// Register makes the response of a registration ceremony with the user's passkey (WebAuthn L3 §5.1.3, §6.3.2). The
// user is not enrolled by it: see [Fleet.Enroll].
//
// It refuses, with a [*virtual.Error], as [virtual.SoftwareDevice.Create] does. Left to the caller are the checks of
// [Fleet.Assert], and whether excludeCredentials has the passkey in it. [ErrNeedsDevice] means that the options ask
// for an attestation, and the provider gives one.
func (f *Fleet) Register(dst *Registration, u *User, origin string, o *CreationOptions) error {
	how := &f.manner.create[place(requirements[:], o.UserVerification)]
	if err := f.refuseCreate(how, u, dst, o); err != nil {
		return err
	}
	if f.manner.attests[place(conveyances[:], o.Attestation)] {
		return ErrNeedsDevice
	}
	if err := dst.client.write(&dst.ClientDataJSON, webauthn.TypeCreate, origin, &o.Options); err != nil {
		return refused(virtual.TypeError, err)
	}
	data, err := dst.auth.append(dst.AuthenticatorData.Bytes[:0], o.RPID, how.flags|webauthn.FlagAT, f.firstCount())
	if err != nil {
		return refused(virtual.TypeError, err)
	}
	data = append(data, f.manner.aaguid[:]...)
	data = binary.BigEndian.AppendUint16(data, uint16(len(u.CredentialID.Bytes))) //nolint:gosec // G115: at most 1023
	data = append(data, u.CredentialID.Bytes...)
	data, dst.PublicKey.Bytes, err = f.appendPublicKey(data, dst.PublicKey.Bytes[:0], u)
	if err != nil {
		return err
	}
	if how.flags&webauthn.FlagED != 0 { // nothing was asked of extensions when the manner was learned: the map is empty
		data = append(data, emptyMap)
	}
	dst.AuthenticatorData.Bytes = data
	dst.AttestationObject.Bytes = appendAttestationObject(dst.AttestationObject.Bytes[:0], data)
	dst.AuthenticatorData.encode()
	dst.AttestationObject.encode()
	dst.PublicKey.encode()
	return nil
}

// refuseCreate gives the reasons of a client and its authenticator to refuse, in the order of a
// [virtual.SoftwareDevice].
func (f *Fleet) refuseCreate(how *verified, u *User, dst *Registration, o *CreationOptions) error {
	offered := o.Algorithms
	if len(offered) > 0 && !slices.Contains(offered, u.Algorithm) || len(offered) == 0 && u.Algorithm == webauthn.EdDSA {
		return refused(virtual.NotSupportedError, fmt.Errorf("user %d has %s, and pubKeyCredParams has %v", u.Index, u.Algorithm, offered))
	}
	if err := f.manner.attachment[place(attachments[:], o.Attachment)]; err != nil {
		return err
	}
	require := 0
	if o.RequireResidentKey {
		require = 1
	}
	resident := &f.manner.resident[place(residents[:], o.ResidentKey)][require]
	dst.Discoverable = resident.is
	if resident.refusal != nil {
		return resident.refusal
	}
	return how.refusal
}

// emptyMap is an empty map in CBOR.
const emptyMap = 0xa0

// What is around the coordinates of public keys: COSE_Key in CTAP2 canonical CBOR (RFC 9053 §7) and
// SubjectPublicKeyInfo (RFC 5480 §2, RFC 8410 §4).
const (
	coseES256X  = "\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20" // {1: 2, 3: -7, -1: 1, -2: x,
	coseES256Y  = "\x22\x58\x20"                             // -3: y}
	coseEd25519 = "\xa4\x01\x01\x03\x27\x20\x06\x21\x58\x20" // {1: 1, 3: -8, -1: 6, -2: x}

	spkiES256 = "\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01" +
		"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00"
	spkiEd25519 = "\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"
)

// appendPublicKey appends the user's public key to both, as COSE_Key and as DER.
func (f *Fleet) appendPublicKey(cose, spki []byte, u *User) (newCose, newSPKI []byte, err error) {
	switch u.Algorithm {
	case webauthn.ES256:
		key := f.keys.raw(u)
		point, err := nistec.NewP256Point().ScalarBaseMult(key[:])
		if err != nil {
			return nil, nil, fmt.Errorf("public key of user %d: %w", u.Index, err)
		}
		encoded := point.Bytes() // 4, x, y; coordinates of full length
		cose = append(append(cose, coseES256X...), encoded[1:33]...)
		cose = append(append(cose, coseES256Y...), encoded[33:]...)
		return cose, append(append(spki, spkiES256...), encoded...), nil
	case webauthn.EdDSA:
		signer, err := f.keys.signer(u)
		if err != nil {
			return nil, nil, err
		}
		public, _ := signer.Public().(ed25519.PublicKey)
		return append(append(cose, coseEd25519...), public...), append(append(spki, spkiEd25519...), public...), nil
	default:
		public := &f.keys.rsa(u).PublicKey
		encoded, err := webauthn.EncodeCOSEKey(u.Algorithm, public)
		if err != nil {
			return nil, nil, fmt.Errorf("public key of user %d: %w", u.Index, err)
		}
		der, err := x509.MarshalPKIXPublicKey(public)
		if err != nil {
			return nil, nil, fmt.Errorf("public key of user %d: %w", u.Index, err)
		}
		return append(cose, encoded...), append(spki, der...), nil
	}
}

// appendAttestationObject appends an attestation object of the format none (WebAuthn L3 §6.5.4, §8.7) in CTAP2 canonical
// CBOR: {"fmt": "none", "attStmt": {}, "authData": data}.
func appendAttestationObject(dst, data []byte) []byte {
	const byteString8, byteString16 = 0x58, 0x59
	dst = append(dst, "\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData"...)
	length := uint16(len(data)) //nolint:gosec // G115: about 1500 at most
	if length < 1<<8 {          // and never below 24, where the head would be shorter
		dst = append(dst, byteString8, byte(length))
	} else {
		dst = binary.BigEndian.AppendUint16(append(dst, byteString16), length)
	}
	return append(dst, data...)
}
