package study

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/passrig/passrig/virtual/fabric"
)

// tinyKDF is what a PIN costs in a study: nobody attacks it, and a slow one would be all that a study does.
func tinyKDF() fabric.KDF { return fabric.KDF{Time: 1, MemoryKiB: 8, Threads: 1} }

// account is one simulated account with its devices, and what relying parties know of its person. It is one thread of
// virtual time: nothing in it happens at once.
type account struct {
	plan   *Plan
	owner  *Owner
	tally  *tally
	number int64

	now     time.Time
	random  *rand.Rand    // what happens
	secrets *rand.ChaCha8 // keys and ids
	agenda  []time.Time   // when the events are, in order
	done    int           // of them
	pin     string
	cloud   *fabric.Cloud
	vault   *fabric.Account
	network *fabric.Network
	devices []*device
	sites   []*site
	known   map[string]*passkey // by credential id
	zombies []*zombie

	wrong, mostWrong int // PINs in a row that the cloud has looked at and refused: now, and ever
}

// begin is when every study begins, so that equal ones write equal reports.
func begin() time.Time { return time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC) }

// stream is a repeatable source of randomness of one account, for one purpose.
func stream(seed uint64, number int64, purpose string) *rand.ChaCha8 {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], seed)
	binary.BigEndian.PutUint64(b[8:], uint64(number)) //nolint:gosec // G115: only has to be another for each account
	return rand.NewChaCha8(sha256.Sum256(append(b[:], purpose...)))
}

// newAccount makes the account of a number, with its agenda.
func newAccount(plan *Plan, seed uint64, number int64, t *tally) (*account, error) {
	a := &account{
		plan: plan, owner: &plan.Owners[number%int64(len(plan.Owners))], tally: t, number: number, now: begin(), known: make(map[string]*passkey),
		random: rand.New(stream(seed, number, "events")), secrets: stream(seed, number, "secrets"), //nolint:gosec // G404: a study is to be repeatable
	}
	clock := func() time.Time { return a.now }
	var err error
	a.cloud, err = fabric.Open(fabric.CloudConfig{Provider: a.owner.Provider, Clock: clock, Random: a.secrets, KDF: tinyKDF()})
	if err != nil {
		return nil, err
	}
	a.vault = a.cloud.Account("account")
	a.network = fabric.NewNetwork(fabric.NetworkConfig{
		Delay: plan.Delay, Loss: plan.Loss, Duplicates: plan.Duplicates, Retry: plan.Retry, Seed: a.random.Uint64(), Clock: clock,
	})
	a.pin = a.owner.PIN
	if a.pin == "" {
		a.pin = a.newPIN()
	}
	for range plan.Events {
		a.agenda = append(a.agenda, a.now.Add(time.Duration(a.random.Int64N(int64(plan.For)))))
	}
	slices.SortFunc(a.agenda, time.Time.Compare)
	return a, nil
}

// play plays the account from its first device to the last delivery, and adds what happened to the tally.
func (a *account) play(ctx context.Context) error {
	if err := a.setUp(ctx); err != nil {
		return fmt.Errorf("set up: %w", err)
	}
	for {
		at, next := a.next()
		if next == nil {
			break
		}
		a.now = at
		if err := next(ctx); err != nil {
			return fmt.Errorf("after %s: %w", at.Sub(begin()), err)
		}
		a.watch()
	}
	a.tally.accounts++
	return errors.Join(a.conclude(ctx), a.cloud.Close())
}

// setUp makes the vault on the first device that may save passkeys, and unlocks it on the others.
func (a *account) setUp(ctx context.Context) error {
	founder := -1
	for slot := range a.plan.Devices {
		d := &device{account: a, slot: slot, machine: &a.owner.Devices[slot%len(a.owner.Devices)], toggles: never()}
		a.devices = append(a.devices, d)
		if founder < 0 && d.machine.Save.Allowed {
			founder = slot
		}
	}
	if founder < 0 {
		return nil
	}
	if err := a.devices[founder].join(func(r *fabric.Replica) error { return r.Found(ctx, a.pin) }); err != nil {
		return err
	}
	for _, d := range a.devices {
		if d.slot != founder && d.machine.eligible() {
			if _, err := a.unlock(ctx, d); err != nil {
				return err
			}
		}
	}
	for _, d := range a.devices {
		d.startSpells()
	}
	return nil
}

// next is what happens next in virtual time, and when; nil when nothing does any more. What arrives at the moment of an
// event has arrived before it.
func (a *account) next() (at time.Time, what func(context.Context) error) {
	at = never()
	consider := func(when time.Time, then func(context.Context) error) {
		if when.Before(at) {
			at, what = when, then
		}
	}
	if due, ok := a.network.Next(); ok {
		consider(due, a.deliver)
	}
	for _, d := range a.devices {
		consider(d.toggles, d.toggle)
	}
	if a.done < len(a.agenda) {
		consider(a.agenda[a.done], a.happen)
	}
	if what != nil && at.Before(a.now) {
		at = a.now
	}
	return at, what
}

// never is after everything.
func never() time.Time { return begin().AddDate(1000, 0, 0) }

// deliver gives every device what is due.
func (a *account) deliver(ctx context.Context) error {
	for _, d := range a.devices {
		if d.replica == nil {
			continue
		}
		if _, err := d.replica.Advance(ctx); err != nil {
			return err
		}
	}
	return nil
}

// happen plays the next event of the agenda.
func (a *account) happen(ctx context.Context) error {
	a.done++
	kind := a.plan.Mix.pick(a.random)
	if kind != Unlock && len(a.accepted()) == 0 { // there is nothing to do yet, or any more, but to make a passkey
		kind = Create
	}
	ok, err := a.act(ctx, kind)
	a.tally.event(kind, ok)
	if err != nil {
		return fmt.Errorf("%s: %w", kind, err)
	}
	return nil
}

const digits = "0123456789"

// newPIN draws a PIN that follows the provider's rules: six digits, if they permit.
func (a *account) newPIN() string {
	rules := a.owner.Provider.Unlock.PIN
	length := max(6, rules.MinLength)
	if rules.MaxLength > 0 {
		length = min(length, rules.MaxLength)
	}
	pin := make([]byte, length)
	for i := range pin {
		pin[i] = digits[a.random.IntN(len(digits))]
	}
	return string(pin)
}

// mistyped is the PIN with a wrong last character.
func (a *account) mistyped() string {
	pin := []byte(a.pin)
	last := &pin[len(pin)-1]
	for was := *last; *last == was; {
		*last = digits[a.random.IntN(len(digits))]
	}
	return string(pin)
}
