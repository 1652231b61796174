package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/fabric"
	"github.com/passrig/passrig/virtual/providers"
)

// Device holds a person's passkeys. It performs ceremonies itself, and is a [Client] then, or leaves
// them to the pages of its [Visit]s.
type Device interface {
	// Credentials lists what it holds, in creation order.
	Credentials() []virtual.Credential
}

// Client is a device that performs ceremonies itself, for any page that asks, as soon as its person has
// consented. It is safe for concurrent use.
type Client interface {
	Device
	// Answer performs a ceremony, [rp.KindCreate] or [rp.KindGet], and returns the credential in the JSON
	// form of WebAuthn L3 §5.1.
	Answer(ctx context.Context, kind string, req virtual.GetRequest) (json.RawMessage, error)
	// Heed does what a relying party signals about its credentials, and returns the ids of those concerned.
	Heed(s virtual.Signal) [][]byte
}

// device is a device of the scenario.
type device struct {
	key  string // "account/device"
	name string
	Device
	behavior Behavior

	account  *account
	spec     scenarios.Device
	clock    func() time.Time // its own, which may be off
	config   virtual.Config   // how its provider's passkeys are made there
	replica  *fabric.Replica  // its copy of what the account's cloud has; nil: its passkeys do not travel
	alone    bool             // sync was turned off on it: its passkeys are its own
	cacheAge time.Duration    // of its copy, when the scenario begins
	refusal  refusal          // why it did not do what it was last asked for
}

// holds says whether a passkey is on the device.
func (d *device) holds(id []byte) bool {
	return slices.ContainsFunc(d.Credentials(), func(c virtual.Credential) bool { return bytes.Equal(c.ID, id) })
}

// newDevice makes a declared device.
func (w *world) newDevice(d *device) error {
	skew, err := d.spec.ClockSkew.Value(w.env)
	if err != nil {
		return err
	}
	if d.cacheAge, err = d.spec.CacheAge.Value(w.env); err != nil {
		return err
	}
	d.clock = func() time.Time { return w.cfg.Clock().Add(skew) }
	d.config = deviceConfig(d.account.provider, d.spec.Authenticator)
	permit := func(ctx context.Context, kind string, req virtual.GetRequest) error {
		return w.permit(ctx, d, kind, req)
	}
	var heed func(virtual.Signal) [][]byte
	if w.travels(d.account) {
		heed = func(s virtual.Signal) [][]byte { return w.heed(d, s) }
	}
	if chrome := w.chromeFor(d); chrome != nil {
		if w.pages == nil {
			return errNeedsPages
		}
		chrome.Permit, chrome.Heed = permit, heed
		d.Device, err = w.pages.NewDevice(*chrome)
		return err
	}
	cfg := d.config
	cfg.FullSignatures = true // what comes by chance once in 128 logins is asked for by tamper: signature-short
	cfg.Random, cfg.Clock = random(w.cfg.Seed, "device "+w.id+"/"+d.key), d.clock
	made, err := virtual.NewSoftwareDevice(cfg)
	d.Device = &software{made, permit, heed}
	return err
}

// software is a device with passrig's own authenticator.
type software struct {
	*virtual.SoftwareDevice
	permit func(ctx context.Context, kind string, req virtual.GetRequest) error
	heed   func(virtual.Signal) [][]byte // nil: the authenticator itself does
}

var _ Client = (*software)(nil)

// Answer implements [Client].
func (d *software) Answer(ctx context.Context, kind string, req virtual.GetRequest) (json.RawMessage, error) {
	if err := d.permit(ctx, kind, req); err != nil {
		return nil, err
	}
	var made any
	var err error
	if kind == rp.KindCreate {
		made, err = d.Create(ctx, creation(req))
	} else {
		made, err = d.Get(ctx, req)
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(made)
}

// Heed implements [Client].
func (d *software) Heed(s virtual.Signal) [][]byte {
	if d.heed != nil {
		return d.heed(s)
	}
	return d.SoftwareDevice.Heed(s)
}

// creation is the request of a registration.
func creation(req virtual.GetRequest) virtual.CreateRequest {
	return virtual.CreateRequest{
		Origin: req.Origin, TopOrigin: req.TopOrigin, RelatedOrigins: req.RelatedOrigins, Options: req.Options, Mediation: req.Mediation,
	}
}

// authenticate is the device's part in an operation, for [rp.Input]; nil when the page does that itself.
// ask makes the request of the ceremony. t changes the answer, unless it is nil.
func (w *world) authenticate(d *device, kind string, ask func(rp.Ceremony) (virtual.GetRequest, error), t *tampering) func(context.Context, rp.Ceremony) (json.RawMessage, error) {
	client, ok := d.Device.(Client)
	if !ok {
		return nil
	}
	return func(ctx context.Context, c rp.Ceremony) (json.RawMessage, error) {
		if w.pages == nil { // a page has asked the person already
			if err := d.behavior.consent(ctx); err != nil {
				return nil, err
			}
		}
		req, err := ask(c)
		if err != nil {
			return nil, err
		}
		if t == nil {
			return client.Answer(ctx, kind, req)
		}
		if err := w.permit(ctx, d, kind, req); err != nil {
			return nil, err
		}
		return t.answer(ctx, kind, req)
	}
}

// request is a ceremony as a client is asked for it.
func request(c rp.Ceremony) (virtual.GetRequest, error) {
	return virtual.GetRequest{Origin: c.Origin, TopOrigin: c.TopOrigin, RelatedOrigins: c.Related, Options: c.Options, Mediation: c.Mediation}, nil
}

// DeviceConfig is how a device behaves: the provider's way, by its name in a catalogue, nil being the built-in one, with
// what the scenario says differently, if it does. An empty name is the default provider.
func DeviceConfig(catalogue *providers.Catalogue, provider string, a *scenarios.Authenticator) (virtual.Config, error) {
	if catalogue == nil {
		var err error
		if catalogue, err = providers.Builtin(); err != nil {
			return virtual.Config{}, err
		}
	}
	p, err := catalogue.Find(provider)
	if err != nil {
		return virtual.Config{}, err
	}
	return deviceConfig(p, a), nil
}

func deviceConfig(p *providers.Provider, a *scenarios.Authenticator) virtual.Config {
	cfg := p.Config
	if a == nil {
		return cfg
	}
	override(&cfg.Algorithms, a.Algorithms, len(a.Algorithms) > 0)
	override(&cfg.Attestation, virtual.Attestation(a.Attestation), a.Attestation != "")
	override(&cfg.Attachment, a.Attachment, a.Attachment != "")
	override(&cfg.Transports, a.Transports, len(a.Transports) > 0)
	override(&cfg.AAGUID, a.AAGUID, a.AAGUID != "")
	override(&cfg.ResidentKeys, virtual.ResidentKeys(a.ResidentKey), a.ResidentKey != "")
	override(&cfg.Counter.Policy, virtual.CounterPolicy(a.Counter), a.Counter != "")
	override(&cfg.Extensions, a.Extensions, a.Extensions != nil)
	override(&cfg.UserPresence, virtual.UserPresence(a.UserPresence), a.UserPresence != "")
	override(&cfg.UserVerification, virtual.UserVerification(a.UserVerification), a.UserVerification != "")
	if a.BackupEligible != nil {
		cfg.BackupEligible = *a.BackupEligible
		cfg.BackedUp = cfg.BackedUp && cfg.BackupEligible
	}
	if a.BackedUp != nil {
		cfg.BackedUp = *a.BackedUp
	}
	return cfg
}

func override[T any](into *T, value T, given bool) {
	if given {
		*into = value
	}
}
