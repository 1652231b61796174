package fleet

import (
	"crypto/sha256"
	"fmt"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
)

// Options is what an assertion needs of the request options (WebAuthn L3 §5.5).
type Options struct {
	Challenge        []byte // unpadded base64url text, as sent
	RPID             []byte // never empty: the origin's host where the options do not say
	UserVerification []byte // "required", "preferred", "discouraged"; anything else counts as preferred
	// TopOrigin is the origin of the top-level page when the calling page is a cross-origin frame in it; empty: it is
	// the top-level page. CrossOrigin is as in [virtual.CreateRequest].
	TopOrigin   string
	CrossOrigin bool
}

// Assertion is the outcome of an authentication ceremony, and the buffers it is made in. The zero value is ready for
// use; a used one is reused without allocating. It is not safe for concurrent use.
type Assertion struct {
	ClientDataJSON    Part
	AuthenticatorData Part
	Signature         Part
	UserHandle        Part // both empty when the credential is not discoverable: the response then has none
	SignCount         uint32

	client  clientData
	auth    authData
	record  record
	message []byte
}

// Assert makes the response of an authentication ceremony with the user's passkey (WebAuthn L3 §5.1.4, §6.3.3).
//
// It refuses, with a [*virtual.Error], as [virtual.SoftwareDevice.Get] does: a user who is not enrolled has no
// passkey. Two things are left to the caller, who can look once for many ceremonies: that the RP ID is one that the
// origin may use ([virtual.CheckRPID]), and that allowCredentials, if not empty, has the passkey in it. Extensions of
// the options are not looked at: where they ask the authenticator for something, take a [Fleet.Device].
func (f *Fleet) Assert(dst *Assertion, u *User, origin string, o *Options) error {
	how := &f.manner.get[place(requirements[:], o.UserVerification)]
	if how.refusal != nil {
		return how.refusal
	}
	if err := dst.client.write(&dst.ClientDataJSON, webauthn.TypeGet, origin, o); err != nil {
		return refused(virtual.TypeError, err)
	}
	if err := f.state.use(u.Index, &dst.record, f.counter); err != nil {
		return err
	}
	if !dst.record.enrolled() {
		return refused(virtual.NotAllowedError, fmt.Errorf("user %d is not enrolled and has no passkey", u.Index))
	}
	dst.SignCount = dst.record.count()
	dst.UserHandle.Bytes = append(dst.UserHandle.Bytes[:0], dst.record.returnedHandle()...)
	dst.UserHandle.encode()

	data, err := dst.auth.append(dst.AuthenticatorData.Bytes[:0], o.RPID, how.flags, dst.SignCount)
	if err != nil {
		return refused(virtual.TypeError, err)
	}
	dst.AuthenticatorData.Bytes = data
	dst.AuthenticatorData.encode()

	hash := sha256.Sum256(dst.ClientDataJSON.Bytes)
	dst.message = append(append(dst.message[:0], data...), hash[:]...)
	if dst.Signature.Bytes, err = f.sign(dst.Signature.Bytes[:0], u, dst.message); err != nil {
		return err
	}
	dst.Signature.encode()
	return nil
}

func refused(name virtual.ErrorName, err error) error {
	return &virtual.Error{Name: name, Message: err.Error()}
}
