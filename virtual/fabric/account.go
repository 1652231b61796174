package fabric

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Account is one account at the provider. All methods are safe for concurrent use. Every change is durable when its
// method returns without an error; after an error that wraps [ErrStopped] it may or may not be.
type Account struct {
	cloud *Cloud
	name  string

	mu sync.Mutex
	state
}

// state is what an account has in memory: all of it comes back from the journal and the audit log, but for tickets.
type state struct {
	vault    vault
	tries    tries
	members  []*member // in order of their names
	requests []JoinRequest
	tickets  map[Ticket]string // the device that each is for

	records map[SyncID]*Record
	order   []*Record // by version
	last    int64     // the largest version there was
	expires time.Time // when the next trashed record is thrown away; zero: none
}

// vault is what the journal keeps of an account under keyVault.
type vault struct {
	Founded bool `json:"founded"`
	Epoch   int  `json:"epoch"` // the current one; it goes on over foundings
	Wipes   int  `json:"wipes,omitempty"`
	// Recoveries has the one in force and, while a PIN is being set, the one to come: the audit log says which is which.
	Recoveries []Recovery `json:"recoveries,omitempty"`
}

// Keys of an account's entries in the journal.
const (
	keyVault   = "vault"
	keyMember  = "member/"
	keyRequest = "request/"
	keyRecord  = "record/"
)

// Errors of accounts.
var (
	ErrFounded     = errors.New("there is a vault already")
	ErrNotFounded  = errors.New("there is no vault yet")
	ErrNotEnrolled = errors.New("the device is not enrolled")
	ErrRevoked     = errors.New("the device is revoked")
	ErrEpoch       = errors.New("the vault is at another epoch")
	ErrNoRecovery  = errors.New("there is nothing to unlock the vault with")
	ErrTicket      = errors.New("the device has not unlocked the vault, or has used that up")
	ErrNoRequest   = errors.New("the device has not asked, or with another key")
	ErrMembers     = errors.New("other devices are enrolled")
	ErrNoReset     = errors.New("the provider does not reset PINs")
)

// Founded reports whether there is a vault: somebody has saved a passkey.
func (a *Account) Founded() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.vault.Founded
}

// Epoch is the current epoch: 0 before the first founding. A vault founded now has the next one.
func (a *Account) Epoch() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.vault.Epoch
}

// Found makes the vault with its first device. m.Secrets and, unless it is none, recovery.Secrets have the secret of
// the epoch after [Account.Epoch]. The error wraps [ErrFounded] when another device was faster, [ErrEpoch] when the
// epoch is another one by now.
func (a *Account) Found(m Member, recovery Recovery) error {
	if err := a.found(m, recovery); err != nil {
		return fmt.Errorf("found vault on %q: %w", m.Device, err)
	}
	return nil
}

func (a *Account) found(m Member, recovery Recovery) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.cloud.running(); err != nil {
		return err
	}
	if a.vault.Founded {
		return ErrFounded
	}
	next := a.vault
	next.Founded, next.Epoch, next.Recoveries = true, next.Epoch+1, nil
	founder, err := a.newMember(m, next.Epoch)
	if err != nil {
		return err
	}
	if !recovery.none() {
		if recovery.Secrets[next.Epoch] == nil {
			return fmt.Errorf("recovery without the secret of epoch %d: %w", next.Epoch, ErrEpoch)
		}
		next.Recoveries = []Recovery{recovery}
	}
	changes := []Entry{a.entry(keyVault, next), a.entry(keyMember+founder.Device, founder)}
	for _, old := range a.members {
		if old.Device != founder.Device {
			changes = append(changes, a.entry(keyMember+old.Device, nil))
		}
	}
	var notes []LedgerEntry
	if !recovery.none() {
		set := a.mark(founder.Device, PINSet, 0)
		set.Recovery = recovery.digest()
		notes = append(notes, set)
	}
	notes = append(notes, a.mark(founder.Device, DeviceEnrolled, 0))
	if err := a.note(notes...); err != nil {
		return err
	}
	if err := a.cloud.keep(changes...); err != nil {
		return err
	}
	a.vault, a.members, a.tickets = next, []*member{founder}, nil
	return nil
}

// Wipe deletes all passkeys of the account, its PIN and its vault. Devices that were enrolled may still pull, to learn
// of it, until the next one founds a vault. A device that is not enrolled may do it too: it is the last resort of who
// has forgotten the PIN. The error wraps [ErrRevoked] for a revoked one.
func (a *Account) Wipe(device string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.wipe(device); err != nil {
		return fmt.Errorf("wipe on %q: %w", device, err)
	}
	return nil
}

// wipe is Wipe for who holds mu.
func (a *Account) wipe(device string) error {
	if err := a.cloud.running(); err != nil {
		return err
	}
	if m := a.member(device); m != nil && m.State == MemberRevoked {
		return ErrRevoked
	}
	if err := a.note(a.mark(device, Wiped, 0)); err != nil {
		return err
	}
	return a.finishWipe()
}

// finishWipe does what the audit log says was done.
func (a *Account) finishWipe() error {
	next := a.vault
	next.Founded, next.Wipes, next.Recoveries = false, a.tries.wipes, nil
	changes := []Entry{a.entry(keyVault, next)}
	now := a.cloud.cfg.Clock()
	var staged stage
	for _, r := range a.order {
		if r.State != Dead {
			dead := r.tombstone(now)
			a.stage(&staged, &dead)
		}
	}
	members := make([]*member, len(a.members))
	for i, m := range a.members {
		bare := *m
		bare.Secrets = nil
		members[i] = &bare
		changes = append(changes, a.entry(keyMember+m.Device, &bare))
	}
	if err := a.cloud.keep(append(changes, a.written(&staged)...)...); err != nil {
		return err
	}
	a.vault, a.members, a.tickets = next, members, nil
	a.commit(&staged)
	return nil
}

// wipes is how often the account was wiped, as the audit log has it.
func (a *Account) wipes() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.tries.wipes
}

// Audit returns the account's part of the audit log.
func (a *Account) Audit() ([]LedgerEntry, error) {
	return a.cloud.entries(0, func(e *LedgerEntry) bool { return e.Account == a.name })
}

// EntriesSince returns what came into the audit log, for any account, after a head that a device remembers: see
// [CheckExtension].
func (a *Account) EntriesSince(seen LedgerHead) ([]LedgerEntry, error) {
	return a.cloud.entries(seen.Seq, func(*LedgerEntry) bool { return true })
}

// Head is the head of the cloud's audit log.
func (a *Account) Head() LedgerHead { return a.cloud.Head() }

// entry returns a journal entry of the account. A nil value takes the key away.
func (a *Account) entry(key string, value any) Entry {
	e := Entry{Account: a.name, Key: key}
	if value != nil && a.cloud.cfg.Journal != nil {
		data, err := json.Marshal(value)
		if err != nil {
			panic(fmt.Sprintf("fabric: %s of %q: %v", key, a.name, err)) // of our own types, all of which marshal
		}
		e.Value = data
	}
	return e
}

// mark returns an entry for the audit log.
func (a *Account) mark(device string, action Action, failures int) LedgerEntry {
	return LedgerEntry{Account: a.name, Device: device, Action: action, Failures: failures}
}

// note makes entries durable in the audit log, and takes in what they mean.
func (a *Account) note(entries ...LedgerEntry) error {
	if err := a.cloud.note(entries...); err != nil {
		return err
	}
	for i := range entries {
		a.tries.take(&entries[i])
	}
	return nil
}
