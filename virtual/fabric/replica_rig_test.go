package fabric_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/fabric"
	"github.com/passrig/passrig/virtual/providers"
)

const (
	rpID = "example.org"
	pin  = "482915"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// rig is one account with its devices and a clock in hand.
type rig struct {
	t        testing.TB
	now      time.Time
	provider *providers.Provider
	journal  *fabric.MemoryJournal
	ledger   *fabric.MemoryLedger
	cloud    *fabric.Cloud
	network  *fabric.Network
}

// device is a software device with its replica.
type device struct {
	*fabric.Replica
	name   string
	rig    *rig
	soft   *virtual.SoftwareDevice
	mu     sync.Mutex // guards events while they come
	events []fabric.Event
}

// shadowing is a provider that hides what is replaced and what relying parties do not know.
func shadowing(changes ...func(*providers.Provider)) *providers.Provider {
	p := &providers.Provider{
		Name: "test",
		Unlock: providers.Unlock{
			Method: providers.UnlockProviderPIN, Attempts: 10, OnExhausted: providers.ExhaustedLock, ResetsOnSuccess: true,
			Reset: providers.ResetRegisteredDevice, PIN: providers.PINRules{MinLength: 6, MaxLength: 6, Digits: true},
		},
		Sync: &providers.Sync{
			Merge: providers.MergeServerWins, Replace: providers.ReplaceShadow, Delete: providers.DeleteAtOnce, DeleteChain: true,
			Tombstones: providers.TombstonesWin, SyncOff: providers.SyncOffWipes,
		},
		Signals: providers.Signals{
			Unknown: providers.SignalHide, AllAccepted: providers.SignalHide, Details: providers.SignalUnlessEdited,
		},
	}
	for _, change := range changes {
		change(p)
	}
	return p
}

func newRig(tb testing.TB, network fabric.NetworkConfig, changes ...func(*providers.Provider)) *rig {
	tb.Helper()
	r := &rig{t: tb, now: noon, provider: shadowing(changes...), journal: fabric.NewMemoryJournal(), ledger: fabric.NewMemoryLedger()}
	network.Clock = r.clock
	r.network = fabric.NewNetwork(network)
	r.cloud = r.open(r.ledger)
	return r
}

func (r *rig) clock() time.Time { return r.now }

func (r *rig) open(ledger *fabric.MemoryLedger) *fabric.Cloud {
	r.t.Helper()
	cloud, err := fabric.Open(fabric.CloudConfig{
		Provider: r.provider, Clock: r.clock, Journal: r.journal, Ledger: ledger, KDF: fabric.KDF{Time: 1, MemoryKiB: 8, Threads: 1},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return cloud
}

func (r *rig) account() *fabric.Account { return r.cloud.Account("alice") }

// device returns a new device whose clock is wrong by skew.
func (r *rig) device(name string, skew time.Duration, changes ...func(*fabric.ReplicaConfig)) *device {
	r.t.Helper()
	clock := func() time.Time { return r.now.Add(skew) }
	soft, err := virtual.NewSoftwareDevice(virtual.Config{
		Algorithms: []string{"ES256"}, BackupEligible: true, BackedUp: true, Clock: clock,
		Extensions: []string{virtual.ExtensionPRF, virtual.ExtensionLargeBlob},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	d := &device{name: name, rig: r, soft: soft}
	cfg := fabric.ReplicaConfig{
		Device: name, Account: r.account(), Provider: r.provider, Network: r.network, Keychain: fabric.SoftwareKeychain(soft),
		Clock: clock, Heard: d.heard,
	}
	for _, change := range changes {
		change(&cfg)
	}
	if d.Replica, err = fabric.NewReplica(cfg); err != nil {
		r.t.Fatal(err)
	}
	return d
}

func (d *device) heard(e fabric.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.events = append(d.events, e)
}

// pair returns a laptop that founded the vault and a phone that unlocked it.
func (r *rig) pair() (laptop, phone *device) {
	r.t.Helper()
	laptop, phone = r.device("laptop", 0), r.device("phone", 0)
	r.must(laptop.Found(r.t.Context(), pin))
	r.must(phone.Unlock(r.t.Context(), pin))
	laptop.events, phone.events = nil, nil
	return laptop, phone
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// wait lets time go by and everybody do what is due.
func (r *rig) wait(d time.Duration, devices ...*device) {
	r.t.Helper()
	r.now = r.now.Add(d)
	for _, device := range devices {
		_, err := device.Advance(r.t.Context())
		r.must(err)
	}
}

// save makes a passkey for a user and scans; it returns its id.
func (d *device) save(user string) []byte {
	d.rig.t.Helper()
	id := d.create(user)
	_, err := d.Scan(d.rig.t.Context())
	d.rig.must(err)
	return id
}

func (d *device) create(user string) []byte {
	d.rig.t.Helper()
	options, err := json.Marshal(map[string]any{
		"rp": map[string]any{"id": rpID, "name": "Example"}, "challenge": "AAAAAAAAAAAAAAAAAAAAAA",
		"user":             map[string]any{"id": handle(user), "name": user, "displayName": strings.ToUpper(user)},
		"pubKeyCredParams": []any{map[string]any{"type": "public-key", "alg": -7}},
	})
	d.rig.must(err)
	registration, err := d.soft.Create(d.rig.t.Context(), virtual.CreateRequest{Origin: "https://" + rpID, Options: options})
	d.rig.must(err)
	return registration.CredentialID
}

// handle is a user's handle as base64url.
func handle(user string) string {
	return fmt.Sprintf("%s%s", user, strings.Repeat("A", (4-len(user)%4)%4))
}

// offered is what the device signs in with when nothing is asked for; nil for nothing.
func (d *device) offered(user string) []byte {
	d.rig.t.Helper()
	var id []byte
	for _, c := range d.soft.Credentials() {
		if c.Discoverable && c.UserName == user {
			id = c.ID
		}
	}
	return id
}

func (d *device) has(id []byte) bool {
	_, err := d.soft.ExportCredential(id)
	return err == nil
}

func (d *device) view(id []byte) fabric.View {
	d.rig.t.Helper()
	for _, v := range d.Records() {
		if string(v.CredentialID) == string(id) {
			return v
		}
	}
	d.rig.t.Fatalf("%s knows no record of %x", d.name, id)
	return fabric.View{}
}

// kinds lists what happened to the device, and forgets it.
func (d *device) kinds() string {
	kinds := make([]string, len(d.events))
	for i, e := range d.events {
		kinds[i] = string(e.Kind)
	}
	d.events = nil
	return strings.Join(kinds, " ")
}

func (d *device) expect(want string) {
	d.rig.t.Helper()
	if got := d.kinds(); got != want {
		d.rig.t.Errorf("%s: events %q, want %q", d.name, got, want)
	}
}

func (d *device) event(kind fabric.EventKind) fabric.Event {
	d.rig.t.Helper()
	i := slices.IndexFunc(d.events, func(e fabric.Event) bool { return e.Kind == kind })
	if i < 0 {
		d.rig.t.Fatalf("%s: no event %q in %v", d.name, kind, d.kinds())
	}
	return d.events[i]
}

func wantError(t *testing.T, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("error %v, want %v", err, target)
	}
}
