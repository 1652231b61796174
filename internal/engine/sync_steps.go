package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/fabric"
	"github.com/passrig/passrig/virtual/providers"
)

// The steps that are between a device and its provider. Their outcome is rejected when the provider says no, refused
// when the device does not even ask.

// provided is the outcome of such a step: done says what came of it without an error.
func provided(err error, done string) (*outcome, error) {
	rejected, refusing := byProvider(err), byDevice(err)
	switch {
	case err == nil:
		return said(rp.OutcomeAccepted, done), nil
	case rejected != nil:
		return said(rp.OutcomeRejected, rejected.Error()), nil
	case refusing != nil:
		return refused(refusal{refusing.Error(), hintIn(refusing)}), nil
	default:
		return nil, err
	}
}

func said(what rp.Outcome, reason string) *outcome {
	return &outcome{result: &rp.Result{Outcome: what, Reason: reason}, decider: theProvider, unmeasured: true}
}

// byProvider is the provider's no in an error, byDevice the device's; nil if it is none.
func byProvider(err error) error {
	if unlock, ok := errors.AsType[*fabric.UnlockError](err); ok {
		return unlock
	}
	return oneOf(err, fabric.ErrRevoked, fabric.ErrNoReset, fabric.ErrNoRequest, fabric.ErrNoRecovery, fabric.ErrTicket, fabric.ErrNotInTrash, fabric.ErrMembers)
}

func byDevice(err error) error {
	if format, ok := errors.AsType[*fabric.PINFormatError](err); ok {
		return format
	}
	return oneOf(err, fabric.ErrOffline, fabric.ErrNotEnrolled, fabric.ErrNotFounded, fabric.ErrFounded, fabric.ErrSplitView, virtual.ErrUnknownCredential)
}

// oneOf is the first of the kinds that an error is; nil if it is none of them.
func oneOf(err error, kinds ...error) error {
	for _, kind := range kinds {
		if errors.Is(err, kind) {
			return kind
		}
	}
	return nil
}

// refused is the outcome of a step that a device does not do.
func refused(no refusal) *outcome {
	o := said(rp.OutcomeRefused, no.reason)
	o.result.ClientErr, o.hint = no.err(), no.hint
	return o
}

// theProvider is who says yes or no in these steps.
const theProvider = "the provider"

// actAtProvider performs a step that is between a device and its provider.
func (w *world) actAtProvider(ctx context.Context, s *scenarios.Step) (*outcome, error) {
	if s.Sync != nil {
		return w.sync(ctx, s.Sync)
	}
	w.traveling.mu.Lock()
	defer w.traveling.mu.Unlock()
	switch {
	case s.Unlock != nil:
		return w.unlock(ctx, s.Unlock)
	case s.EnrolDevice != nil:
		return w.enrol(ctx, s.EnrolDevice)
	case s.RevokeDevice != nil:
		return w.revoke(ctx, s.RevokeDevice)
	case s.SignOut != nil:
		return w.signOut(ctx, s.SignOut)
	case s.GoOffline != nil:
		return w.goOnline(ctx, s.GoOffline, false)
	case s.GoOnline != nil:
		return w.goOnline(ctx, s.GoOnline, true)
	case s.Wipe != nil:
		return w.wipe(ctx, s.Wipe)
	case s.Policy != nil:
		return w.changePolicies(s.Policy)
	case s.ResetPIN != nil:
		return w.resetPIN(ctx, s.ResetPIN)
	case s.RotateKeys != nil:
		return w.rotateKeys(ctx, s.RotateKeys)
	case s.Restore != nil:
		return w.restore(ctx, s.Restore)
	case s.Signal != nil:
		return w.signal(ctx, s.Signal)
	case s.Export != nil:
		return w.export(ctx, s.Export)
	case s.Import != nil:
		return w.importPasskeys(ctx, s.Import)
	case s.Fabric != nil:
		return w.fabric(s.Fabric)
	default:
		return nil, fmt.Errorf("step at %s has no action", s.Pos)
	}
}

// synced finds a device whose passkeys travel.
func (w *world) synced(ref, account string) (*device, error) {
	d, err := w.device(ref, account)
	if err != nil {
		return nil, err
	}
	if d.replica == nil {
		return nil, staysPut(d.account.name, d.account.provider)
	}
	return d, nil
}

// goOnline takes a device off the network, or brings it back.
func (w *world) goOnline(ctx context.Context, spec *scenarios.OnDevice, online bool) (*outcome, error) {
	d, err := w.synced(spec.On, "")
	if err != nil {
		return nil, err
	}
	done := d.name + " is offline"
	if online {
		done = d.name + " is online"
	}
	_, err = d.replica.SetOnline(ctx, online)
	return provided(err, done)
}

func (w *world) signOut(ctx context.Context, spec *scenarios.OnDevice) (*outcome, error) {
	d, err := w.synced(spec.On, "")
	if err != nil {
		return nil, err
	}
	return provided(d.replica.SignOut(ctx), d.name+" is signed out")
}

func (w *world) rotateKeys(ctx context.Context, spec *scenarios.OnDevice) (*outcome, error) {
	d, err := w.synced(spec.On, "")
	if err != nil {
		return nil, err
	}
	err = d.replica.Rotate(ctx)
	return provided(err, fmt.Sprintf("the keys of %s's account are of epoch %d now", d.account.name, d.replica.Status().Epoch))
}

// wipe turns sync off on a device, or forgets all passkeys of an account.
func (w *world) wipe(ctx context.Context, spec *scenarios.Wipe) (*outcome, error) {
	if spec.On != "" {
		d, err := w.synced(spec.On, "")
		if err != nil {
			return nil, err
		}
		err = d.replica.Wipe(ctx)
		d.alone = d.alone || err == nil
		return provided(err, "sync is turned off on "+d.name)
	}
	a, err := w.cloudAccount(spec.Account)
	if err != nil {
		return nil, err
	}
	d := a.anyOnline()
	if d == nil {
		return refused(refusal{reason: "no device of " + a.name + " is online"}), nil
	}
	return provided(d.replica.WipeAccount(ctx), "all passkeys of "+a.name+"'s account are gone, its PIN too")
}

// anyOnline is a device that reaches the provider, one that is in the account if there is any; nil if there is none.
func (a *account) anyOnline() *device {
	var found *device
	for _, d := range a.devices {
		switch status := d.replica.Status(); {
		case !status.Online || status.Revoked:
		case status.Enrolled:
			return d
		case found == nil:
			found = d
		}
	}
	return found
}

func (w *world) cloudAccount(name string) (*account, error) {
	a := w.accounts[name]
	if a == nil {
		return nil, fmt.Errorf("no account %q", name)
	}
	if a.cloud == nil {
		return nil, staysPut(name, a.provider)
	}
	return a, nil
}

func (w *world) changePolicies(spec *scenarios.PolicyStep) (*outcome, error) {
	a := w.accounts[spec.Account]
	if a == nil {
		return nil, fmt.Errorf("no account %q", spec.Account)
	}
	var now []string
	for _, name := range slices.Sorted(maps.Keys(spec.Set)) {
		if err := knowsPolicy(w.cfg.Providers, a.provider, name); err != nil {
			return nil, err
		}
		now = append(now, name+" "+spec.Set[name])
	}
	maps.Copy(a.policies, spec.Set)
	return provided(nil, "policies of "+a.name+"'s account: "+strings.Join(now, ", "))
}

// enrol lets a device in by another one that is in.
func (w *world) enrol(ctx context.Context, spec *scenarios.EnrolDevice) (*outcome, error) {
	d, err := w.synced(spec.On, "")
	if err != nil {
		return nil, err
	}
	if no := d.barred(providers.Use); no.reason != "" {
		return refused(no), nil
	}
	if err := d.replica.Ask(ctx); err != nil || spec.ApprovedBy == "" {
		return provided(err, d.name+" has asked to be let in")
	}
	by, err := w.synced(spec.ApprovedBy, d.account.name)
	if err != nil {
		return nil, err
	}
	if err := by.replica.Approve(ctx, d.name); err != nil {
		return provided(err, "")
	}
	_, err = d.replica.Pull(ctx)
	return provided(err, d.name+" was let in by "+by.name)
}

func (w *world) revoke(ctx context.Context, spec *scenarios.RevokeDevice) (*outcome, error) {
	d, err := w.synced(spec.On, "")
	if err != nil {
		return nil, err
	}
	by, err := w.remover(spec.By, d)
	if err != nil {
		return nil, err
	}
	if by == nil {
		return refused(refusal{reason: "no other device is in " + d.account.name + "'s account"}), nil
	}
	return provided(by.replica.Revoke(ctx, d.name), d.name+" was removed from the account on "+by.name)
}

// remover is the device on which another is removed: the one named, else any that is in; nil if there is none.
func (w *world) remover(ref string, d *device) (*device, error) {
	if ref != "" {
		return w.synced(ref, d.account.name)
	}
	for _, other := range d.account.devices {
		if other != d && other.replica.Status().Enrolled {
			return other, nil
		}
	}
	return nil, nil //nolint:nilnil // nobody there is no mistake
}

func (w *world) resetPIN(ctx context.Context, spec *scenarios.ResetPIN) (*outcome, error) {
	d, err := w.synced(spec.On, "")
	if err != nil {
		return nil, err
	}
	pin, err := spec.To.String(w.env)
	if err != nil {
		return nil, err
	}
	w.redactor.Add("new PIN of "+d.account.name, pin)
	o, err := provided(d.replica.ResetPIN(ctx, pin), "the account has another PIN")
	if err == nil && o.result.Outcome == rp.OutcomeAccepted {
		d.account.pin = pin
	}
	return w.unlockState(d.account, o), err
}

// sync brings a device up to date: it is unlocked if it has to be, what is under way is waited for, and what did not
// come is fetched.
func (w *world) sync(ctx context.Context, spec *scenarios.SyncStep) (*outcome, error) {
	d, err := w.synced(spec.To, spec.Account)
	if err != nil {
		return nil, err
	}
	begin := w.cfg.Clock()
	a := d.account
	switch status := d.replica.Status(); {
	case !status.Online:
		return refused(refusal{d.name + " is offline", "go-online: " + d.name}), nil
	case status.Revoked:
		o := said(rp.OutcomeRejected, fabric.ErrRevoked.Error())
		o.hint = "let it in again with unlock or enrol-device"
		return o, nil
	case !a.known() && !status.Enrolled:
		return provided(nil, a.name+"'s account has no passkeys yet: there is nothing to sync")
	case !status.Enrolled:
		w.traveling.mu.Lock()
		o, err := w.open(ctx, d, spec.PIN)
		w.traveling.mu.Unlock()
		if err != nil || o.result.Outcome != rp.OutcomeAccepted {
			return o, err
		}
	}
	var limit time.Duration
	if !spec.Within.IsZero() {
		if limit, err = spec.Within.Value(w.env); err != nil {
			return nil, err
		}
	}
	late, err := w.await(ctx, d, begin, limit)
	if err != nil {
		return nil, err
	}
	if late != "" {
		o := said(rp.OutcomeRejected, late)
		o.late, o.hint = true, "wait longer (within and timeout of the step, --timeout), or expect: {outcome: rejected}"
		return o, nil
	}
	_, err = d.replica.Pull(ctx)
	o, err := provided(err, d.name+" is up to date")
	if o != nil {
		o.duration, o.unmeasured = w.cfg.Clock().Sub(begin), false
	}
	return o, err
}

// await waits for what is under way to a device. late says what did not come in time.
func (w *world) await(ctx context.Context, d *device, begin time.Time, limit time.Duration) (late string, err error) {
	for told := 0; ; {
		if _, err := d.replica.Advance(ctx); err != nil {
			return "", err
		}
		next, n := d.replica.Due()
		if n == 0 {
			return "", nil
		}
		now := w.cfg.Clock()
		end := begin.Add(limit)
		if limit > 0 && !next.Before(end) {
			return fmt.Sprintf("within %s not everything has come to %s: %s on the way, the next is due after %s", limit, d.name, changes(n), rounded(next.Sub(begin))), nil
		}
		if n != told && next.Sub(now) > patience {
			told = n
			w.waiting(fmt.Sprintf("%s: %s on the way, the next is due in %s", d.name, changes(n), rounded(next.Sub(now))))
		}
		err := sleep(ctx, next.Sub(now))
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			return fmt.Sprintf("the step's timeout ended its wait: %s still on the way to %s, the next due in %s", changes(n), d.name, rounded(next.Sub(w.cfg.Clock()))), nil
		case err != nil:
			return "", err
		}
	}
}

// patience is how long a wait may be before it is told.
const patience = time.Second

func changes(n int) string {
	if n == 1 {
		return "1 change is"
	}
	return fmt.Sprintf("%d changes are", n)
}

func rounded(d time.Duration) time.Duration { return d.Round(10 * time.Millisecond) }
