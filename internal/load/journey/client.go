package journey

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/passrig/passrig/internal/load/fleet"
	"github.com/passrig/passrig/internal/load/ledger"
	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/forge"
)

// clientSide is the client's part of a ceremony, and its buffers.
type clientSide struct {
	options      rp.Options
	request      fleet.Options
	creation     fleet.CreationOptions
	assertion    fleet.Assertion
	registration fleet.Registration
	credential   rp.Credential
	text         []byte // what request and creation point into
	handle       []byte // of the user, in a registration
	discoverable bool   // what was made
	made         bool
	rpIDs        map[string]error // whether the origin may use them
	shapes       map[shapeKey]*rp.Shape
}

// shapeKey is what the kind of a credential depends on.
type shapeKey struct {
	registration bool
	algorithm    webauthn.Algorithm // of a registration
	credProps    bool
	discoverable bool
}

// authenticate performs the client's part of the ceremony: quickly where it is an ordinary one, else on a full device.
func (y *Player) authenticate(ctx context.Context) error {
	c := &y.side
	o := &c.options
	c.made = false
	if o.Challenge == "" && o.JSON == nil {
		return errors.New("the adapter sends a credential before it asked for options")
	}
	if err := y.mayUse(o.RPID); err != nil {
		return err
	}
	if !o.Ordinary || len(y.action.tamper) > 0 {
		return y.onDevice(ctx)
	}
	c.text = c.text[:0]
	c.request = fleet.Options{Challenge: c.bytes(o.Challenge), RPID: c.bytes(o.RPID), UserVerification: c.bytes(o.UserVerification)}
	if !y.action.registers() {
		return y.assert(ctx)
	}
	err := y.create(ctx)
	if errors.Is(err, fleet.ErrNeedsDevice) {
		return y.onDevice(ctx)
	}
	return err
}

// bytes is a text as bytes.
func (c *clientSide) bytes(s string) []byte {
	start := len(c.text)
	c.text = append(c.text, s...)
	return c.text[start:len(c.text):len(c.text)]
}

// mayUse says whether the origin may use an RP ID. It is looked at once.
func (y *Player) mayUse(rpID string) error {
	c := &y.side
	err, known := c.rpIDs[rpID]
	if !known {
		err = virtual.CheckRPID(rpID, y.program.party.Origin(), nil)
		if c.rpIDs == nil || len(c.rpIDs) > maxRemembered {
			c.rpIDs = make(map[string]error)
		}
		c.rpIDs[strings.Clone(rpID)] = err
	}
	return err
}

// assert makes the response of a login.
func (y *Player) assert(ctx context.Context) error {
	c := &y.side
	if c.options.Listed && !c.options.Known && !y.action.ignore {
		y.omitted = true
		return &virtual.Error{Name: virtual.NotAllowedError, Message: "allowCredentials leaves the user's passkey out"}
	}
	if err := y.users.Assert(&c.assertion, &y.user, y.program.party.Origin(), &c.request); err != nil {
		return err
	}
	a := &c.assertion
	discoverable := len(a.UserHandle.Text) > 0
	if !c.options.Listed && !discoverable && !y.action.ignore {
		return &virtual.Error{Name: virtual.NotAllowedError, Message: "the options list no credential, and the user's is not discoverable"}
	}
	shape, err := y.shape(ctx, shapeKey{discoverable: discoverable})
	if err != nil {
		return err
	}
	c.credential = rp.Credential{
		ID: y.user.CredentialID.Text, ClientDataJSON: a.ClientDataJSON.Text, AuthenticatorData: a.AuthenticatorData.Text, Signature: a.Signature.Text,
	}
	if discoverable {
		c.credential.UserHandle = a.UserHandle.Text
	}
	y.values.SetCredential(shape, &c.credential)
	return nil
}

// create makes the response of a registration.
func (y *Player) create(ctx context.Context) error {
	c := &y.side
	o := &c.options
	c.creation = fleet.CreationOptions{
		Options: c.request, Algorithms: c.creation.Algorithms[:0], Attestation: c.bytes(o.Attestation), ResidentKey: c.bytes(o.ResidentKey),
		RequireResidentKey: o.RequireResidentKey, Attachment: c.bytes(o.Attachment),
	}
	for _, alg := range o.Algorithms {
		c.creation.Algorithms = append(c.creation.Algorithms, webauthn.Algorithm(alg))
	}
	if err := y.keepHandle(o.UserID); err != nil {
		return err
	}
	r := &c.registration
	if err := y.users.Register(r, &y.user, y.program.party.Origin(), &c.creation); err != nil {
		return err
	}
	if o.Known {
		return &virtual.Error{Name: virtual.InvalidStateError, Message: "a credential of excludeCredentials is on this device"}
	}
	shape, err := y.shape(ctx, shapeKey{registration: true, algorithm: y.user.Algorithm, credProps: o.CredProps, discoverable: r.Discoverable})
	if err != nil {
		return err
	}
	c.made, c.discoverable = true, r.Discoverable
	c.credential = rp.Credential{
		ID: y.user.CredentialID.Text, ClientDataJSON: r.ClientDataJSON.Text, AttestationObject: r.AttestationObject.Text,
		AuthenticatorData: r.AuthenticatorData.Text, PublicKey: r.PublicKey.Text,
	}
	y.values.SetCredential(shape, &c.credential)
	return nil
}

func (y *Player) keepHandle(text string) error {
	c := &y.side
	var err error
	c.handle, err = base64.RawURLEncoding.AppendDecode(c.handle[:0], c.bytes(text))
	return err
}

// enroll remembers a registration that was accepted.
func (y *Player) enroll() error {
	c := &y.side
	if !c.made {
		return nil
	}
	return y.users.Enroll(y.user.Index, c.handle, c.discoverable)
}

// onDevice performs the client's part on a full device, and changes the response if that is wanted.
func (y *Player) onDevice(ctx context.Context) error {
	c := &y.side
	device, err := y.users.Device(y.user.Index, c.options.RPID)
	if err != nil {
		return err
	}
	origin, options := y.program.party.Origin(), c.options.Full()
	var response json.RawMessage
	if y.action.registers() {
		made, err := device.Create(ctx, virtual.CreateRequest{Origin: origin, Options: options})
		if err != nil {
			return err
		}
		if err := y.remember(device, made); err != nil {
			return err
		}
		if response, err = forge.Registration(made, device, y.action.tamper...); err != nil {
			return &tamperError{err}
		}
	} else {
		request := virtual.GetRequest{Origin: origin, Options: options}
		if y.action.ignore {
			if request.Options, err = y.listing(options); err != nil {
				return err
			}
		}
		used, err := device.Get(ctx, request)
		if err != nil {
			y.omitted = c.options.Listed && !c.options.Known
			return err
		}
		if response, err = forge.Assertion(used, device, y.action.tamper...); err != nil {
			return &tamperError{err}
		}
	}
	y.values.SetResponse(response)
	return nil
}

// remember keeps what is enrolled if the registration is accepted: nothing that was tampered with.
func (y *Player) remember(device *virtual.SoftwareDevice, made *virtual.Registration) error {
	credentials := device.Credentials()
	i := slices.IndexFunc(credentials, func(k virtual.Credential) bool { return slices.Equal(k.ID, made.CredentialID) })
	if i < 0 || len(y.action.tamper) > 0 {
		return nil
	}
	c := &y.side
	c.made, c.discoverable = true, credentials[i].Discoverable
	c.handle = append(c.handle[:0], credentials[i].UserHandle...)
	return nil
}

// listing are the options with the user's passkey alone in allowCredentials.
func (y *Player) listing(options json.RawMessage) (json.RawMessage, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(options, &members); err != nil {
		return nil, err
	}
	members["allowCredentials"] = json.RawMessage(`[{"type":"public-key","id":"` + string(y.user.CredentialID.Text) + `"}]`)
	return json.Marshal(members)
}

// tamperError says that a response could not be changed as the step says.
type tamperError struct{ err error }

func (e *tamperError) Error() string { return "the response could not be changed: " + e.err.Error() }

func (e *tamperError) Unwrap() error { return e.err }

// refused is how an operation ended in which the client sent nothing.
func (y *Player) refused(err error) ledger.Class {
	y.failure = err.Error()
	if errors.Is(err, context.Canceled) {
		return ledger.Interrupted
	}
	refusal, ok := errors.AsType[*virtual.Error](err)
	if !ok {
		return ledger.Adapter
	}
	y.refusal = string(refusal.Name)
	return ledger.Refused
}
