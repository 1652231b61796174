package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/fabric"
	"github.com/passrig/passrig/virtual/providers"
)

// unlock opens the account's passkeys on a device, or makes several tries at the same time.
func (w *world) unlock(ctx context.Context, spec *scenarios.UnlockStep) (*outcome, error) {
	d, err := w.synced(spec.On, "")
	if err != nil {
		return nil, err
	}
	tries, err := spec.Tries.Value(w.env)
	if err != nil {
		return nil, err
	}
	if tries > 1 {
		return w.race(ctx, d, spec.PIN, tries)
	}
	if no := cannotUnlock(d); no.reason != "" {
		return refused(no), nil
	}
	begin := w.cfg.Clock()
	o, err := w.open(ctx, d, spec.PIN)
	if o != nil {
		o.duration, o.unmeasured = w.cfg.Clock().Sub(begin), false
	}
	return o, err
}

// cannotUnlock says why a device cannot even try.
func cannotUnlock(d *device) refusal {
	no := d.barred(providers.Use)
	switch {
	case no.reason != "":
		return no
	case !d.replica.Status().Online:
		return refusal{d.name + " is offline", "go-online: " + d.name}
	case !d.account.known():
		return refusal{d.account.name + "'s account has no passkeys yet: there is nothing to unlock", "register on one of its devices before"}
	}
	return refusal{}
}

// open unlocks a device with what the step says that the person types, else with the account's PIN.
func (w *world) open(ctx context.Context, d *device, typed scenarios.Text) (*outcome, error) {
	if no := d.barred(providers.Use); no.reason != "" {
		return refused(no), nil
	}
	pin, err := w.typed(d, typed)
	if err != nil {
		return nil, err
	}
	before := d.account.tries()
	o, err := provided(d.replica.Unlock(ctx, pin), d.name+" is unlocked")
	if err != nil {
		return nil, err
	}
	if o.result.Outcome == rp.OutcomeAccepted {
		d.alone = false
		w.redactor.Add("PIN of "+d.account.name, pin)
	}
	o.seen = map[string]any{"tries": 1, "accepted": d.account.tries() - before}
	return w.unlockState(d.account, o), nil
}

// typed is what the person types.
func (w *world) typed(d *device, text scenarios.Text) (string, error) {
	pin, err := text.String(w.env)
	if err != nil || pin != "" {
		return pin, err
	}
	return d.account.pin, nil
}

// unlockState tells how the account's unlocking stands.
func (w *world) unlockState(a *account, o *outcome) *outcome {
	if o == nil {
		return nil
	}
	if o.seen == nil {
		o.seen = make(map[string]any)
	}
	state := a.cloud.account(a.key).UnlockState()
	o.seen["locked"] = state.State != fabric.UnlockOpen
	o.seen["remaining"] = unlimited
	if state.Attempts > 0 {
		o.seen["remaining"] = max(0, state.Attempts-state.Failures)
	}
	return o
}

// unlimited is how many tries remain where they are not counted.
const unlimited = -1

// tries is how many tries the provider has looked at so far.
func (a *account) tries() int { return int(a.cloud.account(a.key).UnlockState().Tries) }

// race makes tries at the same time, as of so many devices. What the outcome counts is the provider's log.
func (w *world) race(ctx context.Context, d *device, typed scenarios.Text, tries int) (*outcome, error) {
	if no := cannotUnlock(d); no.reason != "" {
		return refused(no), nil
	}
	pin, err := w.typed(d, typed)
	if err != nil {
		return nil, err
	}
	before := d.account.tries()
	right, wrong := w.rivals(ctx, d, pin, tries)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	accepted := d.account.tries() - before
	if right > 0 {
		wrong = nil
	}
	o, err := provided(wrong, fmt.Sprintf("%d of %d tries were right", right, tries))
	if err != nil {
		return nil, err
	}
	if o.result.Outcome == rp.OutcomeRejected {
		o.result.Reason = fmt.Sprintf("none of %d tries was right; the provider looked at %d of them", tries, accepted)
	}
	o.seen = map[string]any{"tries": tries, "accepted": accepted}
	return w.unlockState(d.account, o), nil
}

// rivals has as many devices try. It returns how many were let in, and why one of the others was not: an error that
// is no answer of the provider's, if there is one.
func (w *world) rivals(ctx context.Context, d *device, pin string, tries int) (right int, wrong error) {
	var (
		mu       sync.Mutex
		wait     sync.WaitGroup
		answered *fabric.UnlockError
	)
	for i := range tries {
		wait.Go(func() {
			err := w.rival(ctx, d, i, pin)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				right++
			case wrong == nil || errors.As(wrong, &answered):
				wrong = err
			}
		})
	}
	wait.Wait()
	return right, wrong
}

// rival is one try of a device that is there for it only; the first is the device itself.
func (w *world) rival(ctx context.Context, d *device, i int, pin string) error {
	if i == 0 {
		return d.replica.Unlock(ctx, pin)
	}
	a := d.account
	name := fmt.Sprintf("%s#%d", d.name, i+1)
	device, err := virtual.NewSoftwareDevice(virtual.Config{})
	if err != nil {
		return err
	}
	rival, err := fabric.NewReplica(fabric.ReplicaConfig{
		Device: name, Account: a.cloud.account(a.key), Provider: a.provider, Network: a.network, Keychain: fabric.SoftwareKeychain(device),
		Clock: w.cfg.Clock, Random: w.secretSource("rival " + w.id + "/" + a.name + "/" + name),
	})
	if err != nil {
		return err
	}
	if err := rival.Unlock(ctx, pin); err != nil {
		return err
	}
	return rival.SignOut(ctx)
}
