package fabric

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/providers"
)

// Scan looks at the keychain, after ceremonies, and makes records of what is new or different there: passkeys made,
// renamed, used (by their counters) or gone. They are pushed at once or, while the cloud is out of reach, wait for the next
// call that reaches it. What a new passkey replaced is shadowed, deleted or kept, as the provider does. New passkeys on a device
// that was never enrolled, or no longer is because it was revoked, are an error that wraps [ErrNotEnrolled] or [ErrRevoked]; a vault is founded before.
func (r *Replica) Scan(ctx context.Context) ([]Event, error) {
	r.mu.Lock()
	quiet := r.quiet()
	r.mu.Unlock()
	if quiet {
		return nil, nil
	}
	return r.do(ctx, "scan", func() error { return r.scan(ctx) })
}

// quiet reports whether a scan would find nothing to do.
func (r *Replica) quiet() bool {
	if r.counted == nil || !r.looked || len(r.queue) > 0 && r.reachable() {
		return false
	}
	return r.counted.Generation() == r.generation
}

func (r *Replica) scan(ctx context.Context) error {
	var generation uint64
	if r.counted != nil {
		generation = r.counted.Generation() // before looking, so that nothing in between goes unseen
	}
	credentials := r.cfg.Keychain.Credentials()
	if !r.enrolled() {
		if r.ended == endingSignedOut || r.ended == endingSyncOff {
			return nil // what is made there stays there
		}
		return r.strangers(credentials)
	}
	var touched users
	made, present := r.compare(credentials, &touched)
	for _, c := range made {
		if err := r.learn(ctx, c, &touched); err != nil {
			return err
		}
	}
	if present+len(made) < r.placed {
		r.missing(&touched)
	}
	r.generation, r.looked = generation, true
	if err := r.settleAll(ctx, touched); err != nil {
		return err
	}
	return r.push(ctx)
}

// strangers returns an error if a device that does not take part has passkeys that no record knows.
func (r *Replica) strangers(credentials []virtual.Credential) error {
	for i := range credentials {
		if len(r.byID[string(credentials[i].ID)]) == 0 {
			return r.standing()
		}
	}
	return nil
}

// compare finds what the keychain has that is new, notes what is different, and counts what was expected there.
func (r *Replica) compare(credentials []virtual.Credential, touched *users) (made []*virtual.Credential, present int) {
	r.scans++
	for i := range credentials {
		c := &credentials[i]
		e := r.placedEntry(c.ID)
		if e == nil {
			made = append(made, c)
			continue
		}
		e.scanned = r.scans
		present++
		now := look{c.UserName, c.UserDisplayName, c.SignCount}
		if now == e.seen {
			continue
		}
		if now.name != e.seen.name || now.displayName != e.seen.displayName {
			e.Meta.UserName, e.Meta.UserDisplayName = now.name, now.displayName
			r.note(EventRenamed, e.CredentialID, "")
		}
		if now.signCount > e.seen.signCount {
			e.Meta.SignCount, e.Meta.LastUsed = max(e.Meta.SignCount, now.signCount), r.clock()
		}
		e.seen = now
		r.touch(e)
		touched.add(e.user())
	}
	return made, present
}

func (r *Replica) placedEntry(id []byte) *entry {
	for _, e := range r.byID[string(id)] {
		if e.placed {
			return e
		}
	}
	return nil
}

// learn makes a record of a passkey that is new in the keychain.
func (r *Replica) learn(ctx context.Context, c *virtual.Credential, touched *users) error {
	stored, err := r.cfg.Keychain.Export(ctx, c.ID)
	if err != nil {
		return err
	}
	now := look{c.UserName, c.UserDisplayName, c.SignCount}
	if e := r.again(c.ID); e != nil {
		e.placed, e.offered, e.seen, e.scanned = true, c.Discoverable, now, r.scans
		r.placed++
		e.State, e.Meta.Hidden = Live, false
		r.note(EventRestored, e.CredentialID, "it was put into the keychain again")
		r.touch(e)
		touched.add(e.user())
		return nil
	}
	e := &entry{opened: true, discoverable: c.Discoverable, placed: true, offered: c.Discoverable, seen: now, scanned: r.scans}
	e.Record = Record{
		RPID: c.RPID, CredentialID: c.ID, UserHandle: c.UserHandle, Created: c.Created.Round(0).UTC(),
		Epoch: r.epoch, Maker: r.cfg.Device,
		Meta: Meta{UserName: c.UserName, UserDisplayName: c.UserDisplayName, SignCount: c.SignCount},
	}
	if c.Created.IsZero() {
		e.Created = r.clock()
	}
	if _, err := io.ReadFull(r.cfg.Random, e.SyncID[:]); err != nil {
		return fmt.Errorf("draw sync id: %w", err)
	}
	if c.Discoverable {
		r.replace(e)
	}
	if e.Sealed, err = sealRecord(r.secrets[e.Epoch], &e.Record, &stored, r.cfg.Random); err != nil {
		return err
	}
	if delay := r.cfg.Provider.Sync.IndexDelay; delay > 0 && c.Discoverable {
		e.ready = r.now().Add(delay)
		r.indexing = append(r.indexing, e)
	}
	r.placed++
	r.adopt(e)
	r.touch(e)
	touched.add(e.user())
	return nil
}

// again returns the record of a passkey that is back although it was out of use; nil if there is none or only a
// tombstone.
func (r *Replica) again(id []byte) *entry {
	for _, e := range r.byID[string(id)] {
		if e.State != Dead && !e.placed && e.opened {
			return e
		}
	}
	return nil
}

// replace does to the other passkeys of its user what the provider does when a new one is made.
func (r *Replica) replace(e *entry) {
	sync := r.cfg.Provider.Sync
	if sync.Replace == providers.ReplaceKeepBoth {
		return
	}
	for _, old := range r.candidates(e.user()) {
		for _, id := range append([][]byte{old.CredentialID}, old.Shadows...) {
			if !contains(e.Shadows, id) {
				e.Shadows = append(e.Shadows, id)
			}
		}
		if sync.Replace == providers.ReplaceShadow {
			r.note(EventShadowed, old.CredentialID, "")
			continue
		}
		old.State = Dead
		r.note(EventDeleted, old.CredentialID, "overwritten by a new passkey of the same user")
		r.touch(old)
	}
}

// missing deals with what a scan has not found: what the authenticator dropped for a newer one of the same user goes
// back when the provider keeps it, and everything else was deleted on this device.
func (r *Replica) missing(touched *users) {
	for _, e := range r.sorted(func(e *entry) bool { return e.placed && e.scanned != r.scans }) {
		e.placed, e.offered = false, false
		r.placed--
		if !r.replaced(e) {
			r.discard(e, "deleted on this device")
		}
		touched.add(e.user())
	}
}

// replaced reports whether a passkey of the same user was found new by this scan.
func (r *Replica) replaced(e *entry) bool {
	for _, other := range r.users[e.user()] {
		if other.base == 0 && other.scanned == r.scans && other.discoverable && other.State == Live {
			return true
		}
	}
	return false
}

// users is a small set of users, in order.
type users []user

func (u *users) add(one user) {
	if !slices.Contains(*u, one) {
		*u = append(*u, one)
	}
}

func (r *Replica) settleAll(ctx context.Context, touched users) error {
	for _, u := range touched {
		if err := r.settle(ctx, u); err != nil {
			return err
		}
	}
	return nil
}

// index offers what was made long enough ago.
func (r *Replica) index(ctx context.Context, now time.Time) error {
	left := r.indexing[:0]
	var touched users
	for _, e := range r.indexing {
		if e.ready.After(now) {
			left = append(left, e)
			continue
		}
		e.ready = time.Time{}
		touched.add(e.user())
	}
	r.indexing = left
	return r.settleAll(ctx, touched)
}
