package engine

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/fabric"
	"github.com/passrig/passrig/virtual/providers"
)

// account is a person's account at their provider, with its devices.
type account struct {
	name     string
	key      string // in the cloud: "scenario/name"
	provider *providers.Provider
	kind     string // "personal" or "work"; empty is personal
	policies map[string]string
	pin      string
	devices  []*device // by name

	cloud   *cloud // nil: its passkeys stay where they are made
	network *fabric.Network
	seen    int64 // the audit log's entries before the scenario
}

// traveling is what a scenario keeps of passkeys that travel.
type traveling struct {
	plan     *scenarios.SyncPlan
	delay    fabric.Distribution // nil: nothing arrives by itself
	clouds   map[string]*cloud   // by provider
	zombies  []*zombie
	marks    []mark
	exported map[string]exported

	mu      sync.Mutex    // for who is asked and told by pages too: devices, accounts, and what is below
	spent   time.Duration // what the fabric itself took in the step
	trouble []error       // what went wrong with it

	heardMu sync.Mutex // for what replicas tell while they are at work
	step    string     // id of the step under way
	began   time.Time  // and when it did
	heard   []heard
	races   map[string]bool // by account and the passkey that won: devices have told of it
}

// heard is what a replica told.
type heard struct {
	fabric.Event
	account *account
	step    string
}

// newAccount makes a declared account.
func (w *world) newAccount(name string) (*account, error) {
	spec := w.file.Accounts[name]
	provider, err := w.cfg.Providers.Find(spec.Provider)
	if err != nil {
		return nil, err
	}
	a := &account{name: name, key: w.id + "/" + name, provider: provider, kind: spec.Type, policies: maps.Clone(spec.Policies)}
	if a.policies == nil {
		a.policies = make(map[string]string)
	}
	if a.pin, err = spec.PIN.String(w.env); err != nil {
		return nil, fmt.Errorf("pin: %w", err)
	}
	if a.pin == "" {
		a.pin = derivedPIN(w.pinSeed(), a.key, provider.Unlock.PIN)
	}
	w.redactor.Add("PIN of "+name, a.pin)
	return a, nil
}

// pinSeed is what PINs that nobody chose are made from: the run's seed, but none where the accounts outlive the run and
// the next run has to know their PINs.
func (w *world) pinSeed() uint64 {
	if w.traveling.plan.State != "" {
		return 0
	}
	return w.cfg.Seed
}

// derivedPIN is a PIN that nobody chose, as the provider's rules want it.
func derivedPIN(seed uint64, account string, rules providers.PINRules) string {
	const usual = 6
	length := max(usual, rules.MinLength)
	if rules.MaxLength > 0 {
		length = min(length, rules.MaxLength)
	}
	secret := derive(seed, "PIN of "+account)
	r := random(seed, "PIN of "+account)
	digits := fmt.Appendf(nil, "%06d", binary.BigEndian.Uint32(secret[:])%1_000_000)
	for len(digits) < length {
		digits = append(digits, '0'+byte(r.Uint64()%10))
	}
	return string(digits[:length])
}

// travels says whether an account's passkeys go through its provider's cloud in this scenario: where they travel, and
// where the provider's ways show on a single device.
func (w *world) travels(a *account) bool {
	rules := a.provider.Sync
	return rules != nil && (w.file.Syncs() || rules.IndexDelay > 0 || rules.Replace == providers.ReplaceShadow)
}

// connect opens the providers' clouds, if the scenario has any. When that does not work, it is recorded, and no step runs.
func (w *world) connect(ctx context.Context) {
	w.traveling.clouds, w.traveling.exported, w.traveling.races = make(map[string]*cloud), make(map[string]exported), make(map[string]bool)
	if ctx.Err() != nil {
		return // no step runs
	}
	if err := w.openClouds(ctx); err != nil {
		var at scenarios.Pos
		if w.file.Sync != nil {
			at = w.file.Sync.Pos
		}
		w.stepStarted("open the providers' clouds")
		w.record(report.Step{
			ID: w.id + "/0", Scenario: w.id, Action: "sync", Title: "open the providers' clouds", File: at.File, Line: at.Line,
			StartMS: w.since(w.cfg.Clock()), Verdict: report.VerdictError, Message: err.Error(), Hint: hintIn(err),
		})
		w.stopped = "the providers' clouds could not be opened"
	}
}

func (w *world) openClouds(ctx context.Context) error {
	for _, name := range slices.Sorted(maps.Keys(w.accounts)) {
		a := w.accounts[name]
		if !w.travels(a) {
			continue
		}
		if err := w.openAccount(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

// openAccount connects an account and its devices to its provider's cloud.
func (w *world) openAccount(ctx context.Context, a *account) error {
	var err error
	if a.cloud, err = w.openCloud(a.provider); err != nil {
		return err
	}
	a.seen = a.cloud.fabric.Head().Seq
	a.network = w.newNetwork(a)
	for _, d := range a.devices {
		if err := w.openDevice(ctx, d); err != nil {
			return fmt.Errorf("device %q: %w", d.name, err)
		}
	}
	return nil
}

// newNetwork is how changes come to the account's devices.
func (w *world) newNetwork(a *account) *fabric.Network {
	seed, plan := derive(w.cfg.Seed, "network of "+a.key), w.traveling.plan
	return fabric.NewNetwork(fabric.NetworkConfig{
		Delay: w.traveling.delay, Loss: plan.Loss, Duplicates: plan.Duplicates, Retry: plan.Retry, Manual: w.traveling.delay == nil,
		Seed: binary.BigEndian.Uint64(seed[:]), Clock: w.cfg.Clock,
	})
}

// prepareSync evaluates how passkeys travel.
func (w *world) prepareSync() error {
	plan, err := w.file.SyncPlan(w.env)
	if err != nil {
		return err
	}
	if w.traveling.plan = plan; plan.Delay == nil {
		return nil
	}
	if w.traveling.delay, err = fabric.Delay(*plan.Delay).Distribution(w.cfg.ReadFile); err != nil {
		return fmt.Errorf("%s: sync.delay: %w", w.file.Sync.Delay.Pos, err)
	}
	return nil
}

// openDevice gives a device its copy of what the account's cloud has.
func (w *world) openDevice(ctx context.Context, d *device) error {
	a := d.account
	var err error
	d.replica, err = fabric.NewReplica(fabric.ReplicaConfig{
		Device: d.name, Account: a.cloud.account(a.key), Provider: a.provider, Network: a.network, Keychain: d.keychain(),
		Clock: d.clock, CacheAge: d.cacheAge, Random: w.secretSource("replica " + w.id + "/" + d.key), Heard: func(e fabric.Event) { w.hear(a, e) },
	})
	if err != nil || !d.spec.Offline {
		return err
	}
	_, err = d.replica.SetOnline(ctx, false)
	return err
}

// keychain is where the device keeps its passkeys.
func (d *device) keychain() fabric.Keychain {
	switch held := d.Device.(type) {
	case *software:
		return fabric.SoftwareKeychain(held.SoftwareDevice)
	case fabric.Keychain:
		return held
	default:
		return nil
	}
}

// comesTo says whether a device has the passkey, or may come to have it.
func (k *passkey) comesTo(d *device) bool {
	return k.device == d || d.replica != nil && k.device.account == d.account || d.holds(k.id)
}

// made takes in a passkey that a device made for a relying party.
func (w *world) made(k *passkey) {
	for _, c := range k.device.Credentials() {
		if bytes.Equal(c.ID, k.id) {
			k.rpID, k.handle = c.RPID, c.UserHandle
		}
	}
	w.keys = append(w.keys, k)
}

// whyMissing says why a device does not hold a passkey.
func (w *world) whyMissing(k *passkey, d *device) string {
	if k.device != d && d.replica != nil {
		return d.name + " does not have this passkey yet, or no more"
	}
	return d.name + " does not hold this passkey any more: a page in its browser signaled so. One that is deleted in another device's session stays"
}

// disconnect ends what the scenario had open at providers.
func (w *world) disconnect() {
	for _, c := range w.traveling.clouds {
		_ = c.fabric.Close() // what was acknowledged is on the disk
	}
}

// heed does what a page signals to the device whose browser it is in. It is called from the browser's goroutines.
func (w *world) heed(d *device, s virtual.Signal) [][]byte {
	w.traveling.mu.Lock()
	defer w.traveling.mu.Unlock()
	touched, _ := w.tell(context.Background(), d, s) // a page never hears what came of it
	return touched
}
