package fabric

import (
	"context"

	"github.com/passrig/passrig/virtual/providers"
)

// Rotate gives the account a new epoch of keys. What is sealed with older ones stays as it is. Other devices get the new
// secret with a delivery of its own, or with their next pull.
func (r *Replica) Rotate(ctx context.Context) error {
	return r.govern(ctx, "rotate keys", func() error {
		epoch := r.account.Epoch() + 1
		secret, err := newSecret(r.cfg.Random)
		if err != nil {
			return err
		}
		sealed := map[string][]byte{}
		for _, m := range r.account.Members() {
			if m.State != MemberEnrolled {
				continue
			}
			if sealed[m.Device], err = sealSecret(m.PublicKey, m.Device, epoch, secret); err != nil {
				return err
			}
		}
		var recovery []byte
		if key := r.account.RecoveryKey(); key != nil {
			if recovery, err = sealSecret(key, "", epoch, secret); err != nil {
				return err
			}
		}
		if err := r.account.Rotate(r.cfg.Device, epoch, sealed, recovery); err != nil {
			return err
		}
		r.secrets[epoch], r.epoch = secret, epoch
		r.note(EventRotated, nil, "")
		r.cfg.Network.announce(r.cfg.Device, deliverKeys)
		return nil
	})
}

// Revoke shuts a device out of the account. It notices with its next contact; the passkeys that it has stay there.
func (r *Replica) Revoke(ctx context.Context, device string) error {
	return r.govern(ctx, "revoke", func() error { return r.account.Revoke(r.cfg.Device, device) })
}

// ResetPIN sets a new PIN, as the provider does that. Where it deletes all passkeys of the account, it is
// [Replica.WipeAccount], and the next [Replica.Found] sets the PIN. The error wraps [ErrNoReset], [*PINFormatError].
func (r *Replica) ResetPIN(ctx context.Context, pin string) error {
	unlock := r.cfg.Provider.Unlock
	if unlock.Reset == providers.ResetWipe {
		return r.wipeAccount(ctx, "reset PIN", pin)
	}
	_, err := r.do(ctx, "reset PIN", func() error {
		if r.standing() == nil || !r.reachable() {
			return nil
		}
		return r.account.ResetUnlock(r.cfg.Device, Recovery{}) // the provider's to turn down, and to enter in its log
	})
	if err != nil {
		return err
	}
	return r.govern(ctx, "reset PIN", func() error {
		if err := CheckPIN(pin, unlock.PIN); err != nil {
			return err
		}
		recovery, err := r.newRecovery(ctx, pin, r.secrets)
		if err != nil {
			return err
		}
		if err := r.account.ResetUnlock(r.cfg.Device, recovery); err != nil {
			return err
		}
		return r.checkLog()
	})
}

// WipeAccount deletes all passkeys of the account, its vault and its PIN. A device that is not enrolled may do it: it is the
// last resort of who has forgotten the PIN. The error wraps [ErrOffline], or [ErrRevoked] on a device that is revoked.
func (r *Replica) WipeAccount(ctx context.Context) error {
	return r.wipeAccount(ctx, "wipe account", "")
}

// wipeAccount is WipeAccount and, with a PIN to come, a reset of the PIN.
func (r *Replica) wipeAccount(ctx context.Context, what, pin string) error {
	_, err := r.do(ctx, what, func() error {
		if !r.reachable() {
			return ErrOffline
		}
		wipe := r.account.Wipe
		if pin != "" {
			if err := CheckPIN(pin, r.cfg.Provider.Unlock.PIN); err != nil {
				return err
			}
			wipe = func(device string) error { return r.account.ResetUnlock(device, Recovery{}) }
		}
		if err := r.checkLog(); err != nil {
			return err
		}
		if err := wipe(r.cfg.Device); err != nil {
			return r.turnedAway(err)
		}
		r.cfg.Network.announce(r.cfg.Device, deliverPull)
		if !r.enrolled() {
			if err := r.checkLog(); err != nil {
				return err
			}
			r.note(EventWiped, nil, "all passkeys of the account were deleted")
			return nil
		}
		return r.pull(ctx, r.now())
	})
	return err
}

// Wipe turns sync off on this device: its passkeys go, or stay as ones that are not backed up (BS=0), as the provider
// does it. The other devices keep theirs. The device takes part again after [Replica.Unlock].
func (r *Replica) Wipe(ctx context.Context) error {
	return r.depart(ctx, "turn sync off", endingSyncOff)
}

// SignOut signs the device out of its account. Its passkeys go or stay as with [Replica.Wipe].
func (r *Replica) SignOut(ctx context.Context) error {
	return r.depart(ctx, "sign out", endingSignedOut)
}

func (r *Replica) depart(ctx context.Context, what string, why ending) error {
	_, err := r.do(ctx, what, func() error {
		if err := r.standing(); err != nil && r.ended != endingRevoked {
			return err
		}
		if r.reachable() {
			if err := knows(r.push(ctx)); err != nil {
				return err
			}
		}
		if err := r.clear(ctx); err != nil {
			return err
		}
		r.leaving = r.enrolled()
		r.end(why)
		r.former = nil
		if why == endingSyncOff {
			r.note(EventWiped, nil, "sync was turned off")
		}
		if r.reachable() && r.leaving {
			return knows(r.contact(ctx))
		}
		return nil
	})
	return err
}

// clear forgets all records, and what the keychain has of them unless the provider leaves it there.
func (r *Replica) clear(ctx context.Context) error {
	keeps := r.cfg.Provider.Sync.SyncOff == providers.SyncOffKeeps
	for _, e := range r.sorted(func(e *entry) bool { return e.placed }) {
		if !keeps {
			if err := r.remove(ctx, e); err != nil {
				return err
			}
			continue
		}
		stored, err := r.stored(ctx, e, r.secrets)
		if err != nil {
			return err
		}
		stored.BackedUp = false
		if err := r.cfg.Keychain.Import(ctx, stored); err != nil {
			return err
		}
	}
	r.entries, r.byID, r.users = map[SyncID]*entry{}, map[string][]*entry{}, map[user][]*entry{}
	r.queue, r.indexing, r.placed, r.cursor = nil, nil, 0, 0
	return nil
}
