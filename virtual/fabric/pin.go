package fabric

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"maps"

	"github.com/passrig/passrig/virtual/providers"
)

// LockState says whether a PIN can be tried.
type LockState string

// States of an account's unlocking.
const (
	UnlockOpen      LockState = "open"
	UnlockLocked    LockState = "locked"    // no tries left; nothing is lost
	UnlockDestroyed LockState = "destroyed" // no tries left, and what the PIN opened is deleted
)

// UnlockState is how far tries of an account have come: what the audit log says.
type UnlockState struct {
	State    LockState
	Failures int   // in a row; a try that was interrupted is one
	Attempts int   // how many in a row the provider allows; 0: any number
	Tries    int64 // ever
}

// tries is what an account's entries in the audit log come to.
type tries struct {
	state    LockState // empty is UnlockOpen
	failures int
	total    int64
	recovery string // digest of the one in force; empty: none
	wipes    int
}

// take goes on by one entry.
func (t *tries) take(e *LedgerEntry) {
	t.failures = e.Failures
	switch e.Action {
	case UnlockTried:
		t.total++
	case Locked:
		t.state = UnlockLocked
	case Destroyed:
		t.state, t.recovery = UnlockDestroyed, ""
	case PINSet, PINReset:
		t.state, t.recovery = UnlockOpen, e.Recovery
	case Wiped:
		t.state, t.recovery = UnlockOpen, ""
		t.wipes++
	default: // only the counter
	}
}

// UnlockError says why a try did not unlock.
type UnlockError struct {
	Kind      string // "incorrect", "locked" or "destroyed"; of the try that used up the last one, what came of it
	Remaining int    // tries that are left; -1: any number
	Counted   bool   // the proof was looked at; false: there was no try left
}

// Error implements error.
func (e *UnlockError) Error() string {
	switch {
	case e.Kind == kindLocked:
		return "unlocking is locked: there are no tries left"
	case e.Kind == kindDestroyed:
		return "unlocking is over: there are no tries left, and what the PIN opened is destroyed"
	case e.Remaining < 0:
		return "incorrect PIN"
	case e.Remaining == 1:
		return "incorrect PIN: 1 try is left"
	}
	return fmt.Sprintf("incorrect PIN: %d tries are left", e.Remaining)
}

// Kinds of an UnlockError.
const (
	kindIncorrect = "incorrect"
	kindLocked    = string(UnlockLocked)
	kindDestroyed = string(UnlockDestroyed)
)

// Ticket lets the device that unlocked the vault be enrolled, once.
type Ticket [16]byte

// Recovered is what a right proof gives: nothing that opens without the PIN.
type Recovered struct {
	SealedKey []byte         // see openRecovery
	Secrets   map[int][]byte // by epoch, sealed to the recovery's public key
	Epoch     int            // the current one
	Ticket    Ticket
	Head      LedgerHead // of the audit log, with this try in it
}

// recovery returns the recovery that is in force: the one that the audit log names. nil: there is none, or the journal is
// an older copy that does not have it.
func (a *Account) recovery() *Recovery {
	if a.tries.recovery == "" {
		return nil
	}
	for i := range a.vault.Recoveries {
		if r := &a.vault.Recoveries[i]; r.digest() == a.tries.recovery {
			return r
		}
	}
	return nil
}

// UnlockState returns how far tries have come.
func (a *Account) UnlockState() UnlockState {
	a.mu.Lock()
	defer a.mu.Unlock()
	return UnlockState{
		State: a.lockState(), Failures: a.tries.failures, Attempts: a.attempts(), Tries: a.tries.total,
	}
}

func (a *Account) attempts() int { return a.cloud.cfg.Provider.Unlock.Attempts }

func (a *Account) lockState() LockState {
	if a.tries.state == "" {
		return UnlockOpen
	}
	return a.tries.state
}

// Recovery returns what a device needs to make a proof of a PIN. The error wraps [ErrNotFounded], [ErrNoRecovery] or
// [*UnlockError].
func (a *Account) Recovery() (RecoveryParams, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r, err := a.unlockable()
	if err != nil {
		return RecoveryParams{}, fmt.Errorf("recovery of %q: %w", a.name, err)
	}
	return r.RecoveryParams, nil
}

// RecoveryKey returns the public key that a new epoch's secret is sealed to for the recovery, nil when there is none.
func (a *Account) RecoveryKey() []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r := a.recovery(); r != nil {
		return r.PublicKey
	}
	return nil
}

// unlockable returns the recovery that a try is made on.
func (a *Account) unlockable() (*Recovery, error) {
	if state := a.lockState(); state != UnlockOpen {
		return nil, &UnlockError{Kind: string(state)}
	}
	if !a.vault.Founded {
		return nil, ErrNotFounded
	}
	r := a.recovery()
	if r == nil {
		return nil, ErrNoRecovery
	}
	return r, nil
}

// Try is one try to unlock the vault, with the proof that a device made of a PIN. It is counted in the audit log, as a
// failure and durably, before the proof is looked at: who interrupts it has lost it. The error wraps [*UnlockError].
func (a *Account) Try(device string, proof []byte) (Recovered, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	recovered, err := a.try(device, proof)
	if err != nil {
		return Recovered{}, fmt.Errorf("unlock on %q: %w", device, err)
	}
	return recovered, nil
}

func (a *Account) try(device string, proof []byte) (Recovered, error) {
	if err := a.cloud.running(); err != nil {
		return Recovered{}, err
	}
	r, err := a.unlockable()
	if err != nil {
		if _, over := errors.AsType[*UnlockError](err); over {
			err = errors.Join(err, a.note(a.mark(device, Refused, a.tries.failures)))
		}
		return Recovered{}, err
	}
	before := a.tries.failures
	if err := a.note(a.mark(device, UnlockTried, before+1)); err != nil {
		return Recovered{}, err
	}
	hash := sha256.Sum256(proof)
	if subtle.ConstantTimeCompare(hash[:], r.ProofHash) != 1 {
		return Recovered{}, a.refuse(device)
	}
	after := before
	if a.cloud.cfg.Provider.Unlock.ResetsOnSuccess {
		after = 0
	}
	var ticket Ticket
	if _, err := io.ReadFull(a.cloud.cfg.Random, ticket[:]); err != nil {
		return Recovered{}, a.cloud.stop(err)
	}
	if err := a.note(a.mark(device, Unlocked, after)); err != nil {
		return Recovered{}, err
	}
	maps.DeleteFunc(a.tickets, func(_ Ticket, holder string) bool { return holder == device })
	if a.tickets == nil {
		a.tickets = map[Ticket]string{}
	}
	a.tickets[ticket] = device
	return Recovered{
		SealedKey: r.SealedKey, Secrets: maps.Clone(r.Secrets), Epoch: a.vault.Epoch, Ticket: ticket, Head: a.cloud.Head(),
	}, nil
}

// refuse ends a try that was wrong.
func (a *Account) refuse(device string) error {
	failures := a.tries.failures
	allowed := a.attempts()
	notes := []LedgerEntry{a.mark(device, Refused, failures)}
	if allowed == 0 || failures < allowed {
		if err := a.note(notes...); err != nil {
			return err
		}
		remaining := -1
		if allowed > 0 {
			remaining = allowed - failures
		}
		return &UnlockError{Kind: kindIncorrect, Remaining: remaining, Counted: true}
	}
	if err := a.note(append(notes, a.exhausted(device))...); err != nil {
		return err
	}
	err := &UnlockError{Kind: string(a.tries.state), Counted: true}
	return errors.Join(err, a.prune())
}

// exhausted is what follows the last failure.
func (a *Account) exhausted(device string) LedgerEntry {
	action := Locked
	if a.cloud.cfg.Provider.Unlock.OnExhausted == providers.ExhaustedDestroy {
		action = Destroyed
	}
	return a.mark(device, action, a.tries.failures)
}

// prune deletes recoveries that the audit log says are not in force: of a PIN that was destroyed, or of one that a reset,
// perhaps an interrupted one, took the place of.
func (a *Account) prune() error {
	next := a.vault
	next.Recoveries = nil
	if r := a.recovery(); r != nil {
		next.Recoveries = []Recovery{*r}
	}
	if len(next.Recoveries) == len(a.vault.Recoveries) {
		return nil
	}
	if err := a.cloud.keep(a.entry(keyVault, next)); err != nil {
		return err
	}
	a.vault, a.tickets = next, nil
	return nil
}

// ResetUnlock sets a new PIN for one that is forgotten, locked or destroyed, as the provider does it: with
// "registered-device" a device that is enrolled gives a new recovery, with the secrets of all epochs, and the passkeys
// stay; with "wipe" it is [Account.Wipe], and recovery is not looked at: the next [Account.Found] sets the PIN; with "never"
// the error wraps [ErrNoReset].
func (a *Account) ResetUnlock(device string, recovery Recovery) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	var err error
	switch a.cloud.cfg.Provider.Unlock.Reset {
	case providers.ResetRegisteredDevice:
		err = a.reset(device, recovery)
	case providers.ResetWipe:
		err = a.wipe(device)
	default:
		err = ErrNoReset
	}
	if err != nil {
		return fmt.Errorf("reset PIN on %q: %w", device, errors.Join(err, a.logRefusedReset(device, err)))
	}
	return nil
}

// logRefusedReset enters a reset that was turned down in the audit log, as every try to reset is.
func (a *Account) logRefusedReset(device string, why error) error {
	refused := errors.Is(why, ErrNoReset) || errors.Is(why, ErrNotEnrolled) || errors.Is(why, ErrRevoked)
	if !refused || !a.vault.Founded {
		return nil
	}
	return a.note(a.mark(device, ResetRefused, a.tries.failures))
}

// reset gives the account another recovery. The journal has it first, beside the old one, which stays in force until the
// audit log names the new one.
func (a *Account) reset(device string, recovery Recovery) error {
	if err := a.cloud.running(); err != nil {
		return err
	}
	if _, err := a.enrolled(device); err != nil {
		return err
	}
	switch {
	case !a.vault.Founded:
		return ErrNotFounded
	case recovery.none():
		return ErrNoRecovery
	case recovery.Secrets[a.vault.Epoch] == nil:
		return fmt.Errorf("recovery without the secret of epoch %d: %w", a.vault.Epoch, ErrEpoch)
	}
	both := a.vault
	both.Recoveries = []Recovery{recovery}
	if old := a.recovery(); old != nil {
		both.Recoveries = append(both.Recoveries, *old)
	}
	if err := a.cloud.keep(a.entry(keyVault, both)); err != nil {
		return err
	}
	a.vault = both
	entry := a.mark(device, PINReset, 0)
	entry.Recovery = recovery.digest()
	if err := a.note(entry); err != nil {
		return err
	}
	a.tickets = nil
	return a.prune()
}
