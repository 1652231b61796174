package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
)

// manner is how the provider's authenticator answers to options: for each value of a member of the options what it
// does, or why it refuses. All of it is asked of a [virtual.SoftwareDevice], so that nothing is decided twice.
type manner struct {
	create, get [3]verified        // by requirement of user verification
	resident    [4][2]discoverable // by residentKey and requireResidentKey
	attachment  [3]error           // by attachment
	attests     [4]bool            // by attestation conveyance
	aaguid      webauthn.AAGUID
}

// verified is what userVerification leads to.
type verified struct {
	flags   webauthn.Flags // without AT
	refusal error
}

// discoverable is what the wishes for a discoverable credential lead to.
type discoverable struct {
	is      bool
	refusal error
}

// The values that members of the options have; their places are the indexes in [manner]. One that is not listed
// counts as the last.
var (
	requirements = [...]string{"required", "discouraged", "preferred"}
	residents    = [...]string{"required", "discouraged", "preferred", ""} // another one counts as absent
	attachments  = [...]string{"platform", "cross-platform", ""}
	conveyances  = [...]string{"direct", "indirect", "enterprise", "none"}
)

// place finds a value; the last one stands for all that are not there.
func place(values []string, value []byte) int {
	for i, v := range values {
		if v == string(value) {
			return i
		}
	}
	return len(values) - 1
}

// probe asks a device of the provider.
type probe struct {
	device virtual.Config
}

const (
	probeRPID   = "localhost"
	probeOrigin = "http://localhost"
)

// learn asks a device how it behaves. The error is about the configuration.
func learn(device virtual.Config) (*manner, error) {
	device.Algorithms = []string{webauthn.ES256.String()}
	device.Random = nil
	device.ResidentKeyLimit = 0
	p := &probe{device}
	if _, err := virtual.NewSoftwareDevice(device); err != nil {
		return nil, fmt.Errorf("users: %w", err)
	}
	m := &manner{}
	if device.AAGUID != "" {
		m.aaguid, _ = webauthn.ParseAAGUID(device.AAGUID) // the device has accepted it
	}
	var errs []error
	keep := func(refusal *error, err error) {
		if _, refused := errors.AsType[*virtual.Error](err); refused {
			*refusal = err
		} else {
			errs = append(errs, err)
		}
	}
	for i, v := range requirements {
		flags, _, err := p.create(map[string]any{"userVerification": v}, "none")
		m.create[i].flags = flags
		keep(&m.create[i].refusal, err)
		m.get[i].flags, err = p.get(v)
		keep(&m.get[i].refusal, err)
	}
	for i, v := range residents {
		for j, require := range []bool{false, true} {
			to := &m.resident[i][j]
			var err error
			to.is, err = p.discoverable(v, require)
			keep(&to.refusal, err)
		}
	}
	for i, v := range attachments {
		_, _, err := p.create(map[string]any{"authenticatorAttachment": v}, "none")
		keep(&m.attachment[i], err)
	}
	for i, v := range conveyances {
		_, format, err := p.create(map[string]any{}, v)
		m.attests[i] = format != "none"
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("users: ask a device how it behaves: %w", err)
	}
	return m, nil
}

// create registers on a new device.
func (p *probe) create(selection map[string]any, attestation string) (flags webauthn.Flags, format string, err error) {
	device, err := virtual.NewSoftwareDevice(p.device)
	if err != nil {
		return 0, "", err
	}
	return p.createOn(device, selection, attestation)
}

func (p *probe) createOn(device *virtual.SoftwareDevice, selection map[string]any, attestation string) (flags webauthn.Flags, format string, err error) {
	options, err := json.Marshal(map[string]any{
		"rp":                     map[string]any{"id": probeRPID, "name": probeRPID},
		"user":                   map[string]any{"id": webauthn.Base64URL{0}, "name": "a", "displayName": "a"},
		"challenge":              webauthn.Base64URL{0},
		"pubKeyCredParams":       []map[string]any{{"type": webauthn.PublicKeyType, "alg": webauthn.ES256}},
		"authenticatorSelection": selection,
		"attestation":            attestation,
	})
	if err != nil {
		return 0, "", err
	}
	r, err := device.Create(context.Background(), virtual.CreateRequest{Origin: probeOrigin, Options: options})
	if err != nil {
		return 0, "", err
	}
	object, err := webauthn.ParseAttestationObject(r.AttestationObject)
	if err != nil {
		return 0, "", err
	}
	data, err := webauthn.ParseAuthenticatorData(object.AuthData)
	if err != nil {
		return 0, "", err
	}
	return data.Flags.With(webauthn.FlagAT, false), object.Format, nil
}

// discoverable says what a new credential is.
func (p *probe) discoverable(residentKey string, require bool) (bool, error) {
	device, err := virtual.NewSoftwareDevice(p.device)
	if err != nil {
		return false, err
	}
	if _, _, err := p.createOn(device, map[string]any{"residentKey": residentKey, "requireResidentKey": require}, "none"); err != nil {
		return false, err
	}
	return device.Credentials()[0].Discoverable, nil
}

// get signs in with a new credential.
func (p *probe) get(verification string) (webauthn.Flags, error) {
	device, err := virtual.NewSoftwareDevice(p.device)
	if err != nil {
		return 0, err
	}
	if _, _, err := p.createOn(device, map[string]any{}, "none"); err != nil {
		return 0, err
	}
	options, err := json.Marshal(map[string]any{
		"challenge": webauthn.Base64URL{0}, "rpId": probeRPID, "userVerification": verification,
		"allowCredentials": []map[string]any{{"type": webauthn.PublicKeyType, "id": webauthn.Base64URL(device.Credentials()[0].ID)}},
	})
	if err != nil {
		return 0, err
	}
	a, err := device.Get(context.Background(), virtual.GetRequest{Origin: probeOrigin, Options: options})
	if err != nil {
		return 0, err
	}
	data, err := webauthn.ParseAuthenticatorData(a.AuthenticatorData)
	if err != nil {
		return 0, err
	}
	return data.Flags, nil
}

// firstCount is the counter of a registration, and nextCount of the assertion after one with last. Each user has an
// authenticator to themselves, so that one counter for the whole device is no different from one for each credential.
func (f *Fleet) firstCount() uint32 {
	if !f.counts() {
		return 0
	}
	return f.cfg.Device.Counter.Start
}

func (f *Fleet) nextCount(last uint32) uint32 {
	if step := f.cfg.Device.Counter.Step; last <= math.MaxUint32-step {
		return last + step
	}
	return math.MaxUint32
}

// counts says whether the provider's authenticators count signatures.
func (f *Fleet) counts() bool {
	policy := f.cfg.Device.Counter.Policy
	return policy == virtual.CounterPerCredential || policy == virtual.CounterGlobal
}
