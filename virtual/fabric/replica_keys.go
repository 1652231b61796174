package fabric

import (
	"bytes"
	"context"
)

// fetchKeys asks for the vault secrets that the device does not have yet, and opens what waits for them.
func (r *Replica) fetchKeys(ctx context.Context, how arrival) error {
	sealed, err := r.account.Secrets(r.cfg.Device)
	if err != nil {
		return r.turnedAway(err)
	}
	found, err := r.openKeys(sealed, r.secrets)
	r.epoch = newest(r.secrets)
	if err != nil || !found {
		return err
	}
	r.tell(Event{At: how.at, Kind: EventRotated, From: how.from, Sent: how.sent})
	return r.reopen(ctx, how)
}

// compareKeys finds out, once the cloud may be an older copy, which keys it still has.
func (r *Replica) compareKeys(ctx context.Context) error {
	if !r.otherKeys {
		return nil
	}
	sealed, err := r.account.Secrets(r.cfg.Device)
	if err != nil {
		return r.turnedAway(err)
	}
	if len(sealed) == 0 {
		return nil // the vault is gone
	}
	secrets := map[int][]byte{}
	if _, err := r.openKeys(sealed, secrets); err != nil {
		return err
	}
	return r.exchangeKeys(ctx, secrets)
}

// exchangeKeys takes in all keys of the vault in place of those that the device has. What is sealed with others is sealed
// again and waits for the cloud: the vault was founded anew, or is an older copy.
func (r *Replica) exchangeKeys(ctx context.Context, secrets map[int][]byte) error {
	epoch := newest(secrets)
	keys := r.former
	if r.enrolled() {
		keys = r.secrets
	}
	lost := func(e *entry) bool {
		now, had := secrets[e.Epoch], keys[e.Epoch]
		return e.State != Dead && e.opened && (now == nil || had != nil && !bytes.Equal(now, had))
	}
	for _, e := range r.sorted(lost) {
		stored, err := r.stored(ctx, e, keys)
		if err != nil {
			continue // neither in the keychain nor with keys for it: this device cannot help
		}
		stored.Discoverable = e.discoverable // as it was made, not as it is offered now
		again := e.Record
		again.Epoch = epoch
		if again.Sealed, err = sealRecord(secrets[epoch], &again, &stored, r.cfg.Random); err != nil {
			return err
		}
		e.Record = again
		r.enqueue(e)
	}
	r.secrets, r.former, r.epoch, r.otherKeys = secrets, nil, epoch, false
	return nil
}

// openKeys adds vault secrets that are sealed to this device to those known and reports whether any was new.
func (r *Replica) openKeys(sealed, known map[int][]byte) (found bool, err error) {
	for epoch, box := range sealed {
		if known[epoch] != nil {
			continue
		}
		if known[epoch], err = openSecret(r.private, r.cfg.Device, epoch, box); err != nil {
			delete(known, epoch)
			return found, err
		}
		found = true
	}
	return found, nil
}

// newest is the newest epoch of some secrets, 0 of none.
func newest(secrets map[int][]byte) (epoch int) {
	for e := range secrets {
		epoch = max(epoch, e)
	}
	return epoch
}
