package study

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/fabric"
	"github.com/passrig/passrig/virtual/providers"
)

// act plays one event. ok says whether it came to what the person wanted; the error is one that nobody could expect.
func (a *account) act(ctx context.Context, kind Kind) (ok bool, err error) {
	switch kind {
	case Create:
		return a.create(ctx)
	case Login:
		return a.login(ctx)
	case Replace:
		return a.replace(ctx)
	case Rename:
		return a.rename(ctx)
	case Delete:
		return a.deleteSilently()
	case DeleteSignaled:
		return a.deleteWithSignal(ctx)
	case DeleteAtProvider:
		return a.deleteAtProvider(ctx)
	case Unlock:
		return a.newDevice(ctx)
	case SyncOff:
		return a.syncOff(ctx)
	case Rotate:
		return a.rotate(ctx)
	default:
		return false, fmt.Errorf("no event is of kind %d", kind)
	}
}

// anyDevice draws one of the devices that are fit, nil if none is.
func (a *account) anyDevice(fit func(*device) bool) *device {
	return draw(a, a.devices, fit)
}

// anySite draws one of the relying parties where the person can sign in. There is one whenever something happens there.
func (a *account) anySite() *site {
	return draw(a, a.accepted(), func(*site) bool { return true })
}

// saver draws the device at which the person makes a passkey; nil if passkeys cannot be saved there.
func (a *account) saver() *device {
	d := a.anyDevice(func(d *device) bool { return !d.offline })
	if d == nil || d.replica == nil || !d.machine.Save.Allowed {
		return nil
	}
	return d
}

// draw draws one of those that are fit; the zero value if none is.
func draw[T any](a *account, from []T, fit func(T) bool) (drawn T) {
	n := 0
	for _, candidate := range from {
		if !fit(candidate) {
			continue
		}
		n++
		if a.random.IntN(n) == 0 { // each is as likely as the others in the end
			drawn = candidate
		}
	}
	return drawn
}

// create makes a passkey at a relying party where the person has none.
func (a *account) create(ctx context.Context) (bool, error) {
	d := a.saver()
	if d == nil {
		return false, nil
	}
	s := &site{rpID: "rp-" + strconv.Itoa(len(a.sites)+1) + ".example", user: []byte("user-" + strconv.Itoa(len(a.sites)+1))}
	a.sites = append(a.sites, s)
	return a.save(ctx, d, s)
}

// replace makes a new passkey where the person has one; the relying party forgets that.
func (a *account) replace(ctx context.Context) (bool, error) {
	s, d := a.anySite(), a.saver()
	if d == nil {
		return false, nil
	}
	return a.save(ctx, d, s)
}

// save makes a passkey on a device, of which the relying party gets to know.
func (a *account) save(ctx context.Context, d *device, s *site) (bool, error) {
	if _, err := d.replica.Before(ctx, fabric.CeremonyCreate, s.rpID, nil); err != nil {
		return false, err
	}
	if old := s.accepted; old != nil {
		if !old.gone && old.seen&d.bit() == 0 { // the new one cannot say that it takes the place of the old one
			a.tally.counts[conflicts].n++
		}
		old.gone = old.gone || a.owner.Provider.Sync.Replace == providers.ReplaceOverwrite
	}
	stored := a.mint(d, s)
	p := &passkey{id: stored.ID, site: s, maker: d.slot, seen: d.bit()}
	a.known[string(p.id)] = p
	d.keys.make(stored)
	if _, err := d.replica.Scan(ctx); err != nil {
		return false, err
	}
	s.accepted = p
	return true, nil
}

// login signs in, on another device than the one that made the passkey if there is another. Without a network it does
// not come to that.
func (a *account) login(ctx context.Context) (ok bool, err error) {
	s := a.anySite()
	p := s.accepted
	d := a.anyDevice(func(d *device) bool { return !d.offline && (d.slot != p.maker || len(a.devices) == 1) })
	if d == nil {
		return false, nil
	}
	defer func() { a.tally.count(failedLogins, !ok) }()
	if d.replica == nil || !d.machine.Use.Allowed {
		return false, nil
	}
	early := p.seen&d.bit() == 0
	if _, err := d.replica.Before(ctx, fabric.CeremonyGet, s.rpID, nil); err != nil {
		return false, err
	}
	ok = d.offers(s) == p
	if early && (ok || !p.gone) {
		a.tally.count(earlyLogins, !ok)
	}
	return ok, nil
}

// rename gives a passkey another name at the provider, on any device that has it, even without a network.
func (a *account) rename(ctx context.Context) (bool, error) {
	s := a.anySite()
	d := a.anyDevice(func(d *device) bool { return d.holds(s.accepted) })
	if d == nil {
		return false, nil
	}
	name := "someone " + strconv.Itoa(a.done)
	err := d.replica.Rename(ctx, s.accepted.id, name, name)
	return err == nil, err
}

// deleteSilently deletes a passkey at the relying party, of which no provider hears.
func (a *account) deleteSilently() (bool, error) {
	a.bury(a.anySite(), false)
	return true, nil
}

// deleteWithSignal deletes a passkey at the relying party, whose page says so to the device that it is on.
func (a *account) deleteWithSignal(ctx context.Context) (bool, error) {
	d := a.anyDevice((*device).works)
	if d == nil {
		return false, nil
	}
	p := a.bury(a.anySite(), true)
	p.gone = true
	_, err := d.replica.Heed(ctx, virtual.Signal{Type: virtual.SignalUnknownCredential, RPID: p.site.rpID, CredentialID: p.id})
	return err == nil, err
}

// deleteAtProvider deletes a passkey on a device that has it, even without a network. The relying party goes on knowing it.
func (a *account) deleteAtProvider(ctx context.Context) (bool, error) {
	s := a.anySite()
	d := a.anyDevice(func(d *device) bool { return d.holds(s.accepted) })
	if d == nil {
		return false, nil
	}
	for _, p := range a.known {
		if p == s.accepted || p.site == s && a.owner.Provider.Sync.DeleteChain {
			p.gone = true
		}
	}
	err := d.replica.Delete(ctx, s.accepted.id)
	return err == nil, err
}

// newDevice puts a new device in the place of another, or of one that takes no part, and unlocks it.
func (a *account) newDevice(ctx context.Context) (bool, error) {
	d := a.anyDevice(func(d *device) bool { return d.machine.eligible() && d.replica == nil && !d.offline })
	if d == nil {
		d = a.anyDevice((*device).works)
	}
	if d == nil || !a.vault.Founded() {
		return false, nil
	}
	if d.replica != nil {
		if err := d.replica.SignOut(ctx); err != nil {
			return false, err
		}
		d.leave()
	}
	return a.unlock(ctx, d)
}

// unlock has a new device take part, if the person gets it unlocked. ok says whether it does.
func (a *account) unlock(ctx context.Context, d *device) (ok bool, err error) {
	err = d.join(func(r *fabric.Replica) error {
		if a.owner.Provider.Unlock.Method == providers.UnlockDeviceApproval {
			return a.approve(ctx, d, r)
		}
		return a.typePIN(ctx, r)
	})
	return d.replica != nil, err
}

// approve has another device let a new one in. Without one at hand it stays outside.
func (a *account) approve(ctx context.Context, d *device, r *fabric.Replica) error {
	other := a.anyDevice((*device).works)
	if other == nil {
		return nil
	}
	if err := r.Ask(ctx); err != nil {
		return err
	}
	if err := other.replica.Approve(ctx, d.name); err != nil {
		return err
	}
	_, err := r.Advance(ctx)
	return err
}

// patience is how often people try where the provider lets them go on.
const patience = 100

// typePIN types PINs on a device until one is right, or there are no tries left. An account that was locked before counts
// for nothing.
func (a *account) typePIN(ctx context.Context, r *fabric.Replica) error {
	for range patience {
		pin := a.pin
		if a.owner.Provider.Unlock.Method != providers.UnlockNone && a.random.Float64() < a.plan.PINErrors {
			pin = a.mistyped()
		}
		err := r.Unlock(ctx, pin)
		refused, isRefusal := errors.AsType[*fabric.UnlockError](err)
		switch {
		case err == nil:
			a.wrong = 0
			a.tally.count(lockouts, false)
			return nil
		case !isRefusal:
			return err
		case !refused.Counted:
			return nil
		}
		a.wrong++
		a.mostWrong = max(a.mostWrong, a.wrong)
		if refused.Remaining == 0 {
			a.tally.count(lockouts, true)
			return nil
		}
	}
	a.tally.count(lockouts, false) // the person gives up
	return nil
}

// syncOff turns sync off on a device.
func (a *account) syncOff(ctx context.Context) (bool, error) {
	d := a.anyDevice((*device).works)
	if d == nil {
		return false, nil
	}
	err := d.replica.Wipe(ctx)
	d.leave()
	return err == nil, err
}

// rotate gives the vault new keys.
func (a *account) rotate(ctx context.Context) (bool, error) {
	d := a.anyDevice((*device).works)
	if d == nil {
		return false, nil
	}
	err := d.replica.Rotate(ctx)
	return err == nil, err
}
