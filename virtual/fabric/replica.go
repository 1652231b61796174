package fabric

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/passrig/passrig/virtual/providers"
)

// Errors of devices that cannot do what is asked of them; see also [ErrNotEnrolled] and [ErrRevoked].
var (
	// ErrOffline is wrapped by errors about what needs the cloud, which the device does not reach.
	ErrOffline = errors.New("the device does not reach the provider's cloud")
	// ErrSplitView is wrapped by errors about an audit log that does not go on from what was seen of it: somebody is
	// shown another one.
	ErrSplitView = errors.New("the audit log is another one than this device has seen")
	// ErrNotInTrash is wrapped by errors about restoring what was not thrown away.
	ErrNotInTrash = errors.New("the passkey is not in the trash")
)

// ReplicaConfig says whose device it is. Everything but Random, Heard and CacheAge has to be there.
type ReplicaConfig struct {
	Device   string // its name, one of a kind in the account
	Account  *Account
	Provider *providers.Provider // one that has Sync
	Network  *Network            // of the account
	Keychain Keychain
	// Clock is the device's own, and may be wrong. It dates what the device changes; when things happen is told by
	// the network's clock.
	Clock  func() time.Time
	Random io.Reader // nil: crypto/rand
	// CacheAge makes the device's copy look older than it is, up to its second pull: see [Replica.Before].
	CacheAge time.Duration
	// Heard is told every event, also those that a method returns, after the method has done its work.
	Heard func(Event)
}

// Replica is one device's part of the sync fabric: it keeps a keychain and the account's records in step. It does
// nothing by itself: what is due is done by the next call. It is safe for concurrent use.
type Replica struct {
	cfg     ReplicaConfig
	box     *inbox
	counted Counted // the keychain, if it is one

	mu      sync.Mutex
	account *Account
	online  bool
	asked   bool // for approval by another device
	leaving bool // the cloud does not know yet that the device has left
	ended   ending
	private []byte         // of the device's key pair; nil before it is needed
	public  []byte         //
	secrets map[int][]byte // by epoch; nil: not enrolled
	former  map[int][]byte // what they were, on a device that is no longer enrolled
	epoch   int            // the newest of them
	head    LedgerHead     // the audit log as this device knows it

	entries  map[SyncID]*entry
	byID     map[string][]*entry // by credential id
	users    map[user][]*entry
	queue    []*entry // what the cloud does not know yet, in order of time
	indexing []*entry // just made, not offered yet
	placed   int      // how many are in the keychain
	scans    int

	cursor     int64 // the account's version that was pulled last
	missed     bool  // something that only a pull tells
	suspicious bool  // the cloud may have lost what it acknowledged
	otherKeys  bool  // and may have other keys
	wipes      int   // how often the account had been wiped at the last pull
	pulls      int
	lastPull   time.Time
	generation uint64 // of a Counted keychain, when it was looked at last
	looked     bool

	events []Event // of the method at work
}

// ending says why a device that was enrolled is no longer.
type ending int

const (
	endingNone ending = iota
	endingRevoked
	endingSignedOut
	endingSyncOff
)

// user is whom passkeys are for: at most one of them is offered, unless the provider keeps both.
type user struct{ rpID, handle string }

// NewReplica returns the part of a device that is online and not enrolled.
func NewReplica(cfg ReplicaConfig) (*Replica, error) {
	var missing error
	switch {
	case cfg.Device == "":
		missing = errors.New("no device name")
	case cfg.Account == nil || cfg.Network == nil || cfg.Keychain == nil || cfg.Clock == nil:
		missing = errors.New("account, network, keychain and clock have to be there")
	case cfg.Provider == nil || cfg.Provider.Sync == nil:
		missing = errors.New("a provider that does not sync")
	}
	if missing != nil {
		return nil, fmt.Errorf("replica of device %q: %w", cfg.Device, missing)
	}
	if cfg.Random == nil {
		cfg.Random = rand.Reader
	}
	counted, _ := cfg.Keychain.(Counted)
	return &Replica{
		cfg: cfg, counted: counted, box: cfg.Network.inbox(cfg.Device), account: cfg.Account, online: true,
		entries: map[SyncID]*entry{}, byID: map[string][]*entry{}, users: map[user][]*entry{},
	}, nil
}

// Status is how a device stands with the cloud.
type Status struct {
	Enrolled  bool
	Online    bool // as far as the device knows: a partition does not show
	Revoked   bool
	SignedOut bool
	Epoch     int       // of the newest keys that the device has; 0: none
	Queued    int       // changes that the cloud has not acknowledged
	LastPull  time.Time // zero: never
}

// Status returns how the device stands now.
func (r *Replica) Status() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Status{
		Enrolled: r.enrolled(), Online: r.online, Revoked: r.ended == endingRevoked, SignedOut: r.ended == endingSignedOut,
		Epoch: r.epoch, Queued: len(r.queue), LastPull: r.lastPull,
	}
}

// Due returns when something next happens on this device by itself, and how much is under way: deliveries, and passkeys
// that are not offered yet.
func (r *Replica) Due() (next time.Time, n int) {
	next, n = r.cfg.Network.due(r.box)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.indexing {
		if n == 0 || e.ready.Before(next) {
			next = e.ready
		}
		n++
	}
	return next, n
}

// View is what a device knows of one record.
type View struct {
	SyncID                    SyncID
	CredentialID              []byte
	RPID                      string
	UserHandle                []byte
	UserName, UserDisplayName string
	Hidden, Shadowed          bool
	Queued                    bool // the cloud does not know yet what is different here
	State                     State
	Epoch                     int
	Version                   int64 // as the cloud counts; 0: the cloud does not have it
	Created                   time.Time
	Usable                    bool   // it is in the keychain
	Why                       string // it is not usable, or not offered; may be empty
}

// Records lists what the device knows, the oldest first, with the deleted ones.
func (r *Replica) Records() []View {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]View, 0, len(r.entries))
	for _, e := range r.sorted(func(*entry) bool { return true }) {
		list = append(list, View{
			SyncID: e.SyncID, CredentialID: bytes.Clone(e.CredentialID), RPID: e.RPID, UserHandle: bytes.Clone(e.UserHandle),
			UserName: e.Meta.UserName, UserDisplayName: e.Meta.UserDisplayName, Hidden: e.Meta.Hidden, Shadowed: r.shadowed(e), Queued: e.dirty,
			State: e.State, Epoch: e.Epoch, Version: e.base, Created: e.Created, Usable: e.placed, Why: r.why(e),
		})
	}
	return list
}

// why says in words what keeps a record from being used or offered.
func (r *Replica) why(e *entry) string {
	switch {
	case e.State == Trashed:
		return "in the trash"
	case e.State == Dead:
		return "deleted"
	case e.Meta.Hidden:
		return "hidden by a signal of the relying party"
	case !e.opened:
		return fmt.Sprintf("sealed with keys of epoch %d, which this device does not have", e.Epoch)
	case r.shadowed(e):
		return "a newer passkey of the same user took its place"
	case e.placed && e.discoverable && !e.offered:
		return "not offered: another passkey of the same user is, or it was made a moment ago"
	}
	return ""
}

// sorted lists the entries that fit, by age.
func (r *Replica) sorted(fits func(*entry) bool) []*entry {
	var list []*entry
	for _, e := range r.entries {
		if fits(e) {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, (*entry).compare)
	return list
}

// compare orders by creation, as the makers' clocks had it.
func (e *entry) compare(other *entry) int {
	return cmp.Or(e.Created.Compare(other.Created), bytes.Compare(e.SyncID[:], other.SyncID[:]))
}

func (r *Replica) enrolled() bool { return r.secrets != nil }

// reachable reports whether the device gets through to the cloud.
func (r *Replica) reachable() bool { return r.online && !r.box.cut.Load() }

// standing returns an error unless the device is enrolled, and why it is not.
func (r *Replica) standing() error {
	switch {
	case r.enrolled():
		return nil
	case r.ended == endingRevoked:
		return ErrRevoked
	}
	return ErrNotEnrolled
}

// connected returns an error unless the device is enrolled and reaches the cloud.
func (r *Replica) connected() error {
	if err := r.standing(); err != nil {
		return err
	}
	if !r.reachable() {
		return ErrOffline
	}
	return nil
}

// do runs what a method does, under the lock, and tells its events afterwards. The error names method and device.
func (r *Replica) do(ctx context.Context, what string, method func() error) ([]Event, error) {
	r.mu.Lock()
	err := context.Cause(ctx)
	if err == nil {
		err = method()
	}
	events := r.events
	r.events = nil
	r.mu.Unlock()
	if r.cfg.Heard != nil {
		for _, event := range events {
			r.cfg.Heard(event)
		}
	}
	if err != nil {
		return events, fmt.Errorf("device %q: %s: %w", r.cfg.Device, what, err)
	}
	return events, nil
}

// note adds an event of this device that takes place now.
func (r *Replica) note(kind EventKind, id []byte, text string) {
	r.tell(Event{At: r.now(), Kind: kind, CredentialID: id, Text: text})
}

func (r *Replica) tell(event Event) {
	event.Device = r.cfg.Device
	r.events = append(r.events, event)
}

// now is the true time.
func (r *Replica) now() time.Time { return r.cfg.Network.cfg.Clock() }

// Reconnect gives the device another cloud, one that was restarted or has come back from an older copy of its state.
// What the cloud has lost of what this device knows, the device pushes again with its next [Replica.Pull].
func (r *Replica) Reconnect(account *Account) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.account, r.cursor, r.suspicious, r.otherKeys = account, 0, true, true
}
