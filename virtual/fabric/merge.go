package fabric

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/providers"
)

// entry is a device's copy of a record.
type entry struct {
	Record // with what was changed here

	base  int64 // the version that the cloud had when Record was last the same as there; 0: the cloud does not have it
	acked State // its state in that version
	dirty bool  // Record is not the same; the entry is in the queue

	buried bool // a tombstone that is in no index

	opened       bool                      // the device has the keys for it
	discoverable bool                      // as it was made
	fresh        *virtual.StoredCredential // what opening it gave, until it is settled
	stale        bool                      // the keychain has what was sealed before
	ready        time.Time                 // when it is offered on the device that made it; zero: now

	placed, offered bool // in the keychain, and as a discoverable one
	seen            look // what was seen in the keychain or put there last
	scanned         int  // the last scan that found it
}

// unmatched is the base of an entry that is not new and of which every version of the cloud is newer.
const unmatched = -1

// look is what can change in a keychain without a replica.
type look struct {
	name, displayName string
	signCount         uint32
}

// arrival says how a record comes to a device.
type arrival struct {
	at, sent time.Time
	from     string
	wiped    bool // the account was: no provider's passkeys come back from that
}

// usable reports whether the passkey should be in the keychain.
func (e *entry) usable() bool { return e.State == Live && !e.Meta.Hidden && e.opened }

func (e *entry) user() user { return user{rpID: e.RPID, handle: string(e.UserHandle)} }

func (e *entry) event(kind EventKind, how arrival, text string) Event {
	return Event{At: how.at, Kind: kind, From: how.from, CredentialID: e.CredentialID, Sent: how.sent, Text: text}
}

// adopt takes in an entry that is new, or was buried.
func (r *Replica) adopt(e *entry) {
	r.entries[e.SyncID] = e
	e.buried = false
	id := string(e.CredentialID)
	r.byID[id] = append(r.byID[id], e)
	group := r.users[e.user()]
	at, _ := slices.BinarySearchFunc(group, e, (*entry).compare)
	r.users[e.user()] = slices.Insert(group, at, e)
}

// bury takes tombstones that the cloud has out of everybody's way: only their versions are still of use.
func (r *Replica) bury(u user) {
	isDone := func(e *entry) bool { return e.State == Dead && !e.dirty && !e.placed }
	group := r.users[u]
	for _, e := range group {
		if !isDone(e) {
			continue
		}
		e.buried = true
		id := string(e.CredentialID)
		if left := slices.DeleteFunc(r.byID[id], func(other *entry) bool { return other == e }); len(left) > 0 {
			r.byID[id] = left
		} else {
			delete(r.byID, id)
		}
	}
	if left := slices.DeleteFunc(group, isDone); len(left) > 0 {
		r.users[u] = left
	} else {
		delete(r.users, u)
	}
}

// apply makes a version from the cloud the device's own and returns the entry it changed; nil if it is not newer. The
// caller settles the entry's user. What this device has changed meanwhile stays until the cloud has decided about it.
func (r *Replica) apply(rec *Record, how arrival) *entry {
	e := r.entries[rec.SyncID]
	if e != nil && (e.dirty || e.base >= rec.Version) {
		return nil
	}
	if e != nil && e.State == Live && rec.State == Dead && !how.wiped && r.cfg.Provider.Sync.Tombstones == providers.TombstonesIgnored {
		e.base, e.acked = rec.Version, Dead
		r.touch(e) // the device still has it, and so it comes back
		return e
	}
	var before entry
	if e == nil {
		e = &entry{Record: *rec}
		r.adopt(e)
		before.State = Dead
	} else {
		before = *e
		e.Record = *rec
		if e.buried {
			r.adopt(e)
		}
	}
	isNew := before.base == 0
	e.base, e.acked = rec.Version, rec.State
	r.open(e, !bytes.Equal(before.Sealed, rec.Sealed))
	switch {
	case isNew && e.State == Dead:
		return e // what is gone without ever having been here
	case e.State != Dead && !e.opened:
		r.tell(e.event(EventUndecryptable, how, fmt.Sprintf("it is sealed with keys of epoch %d", e.Epoch)))
	default:
		r.tell(e.event(EventArrived, how, ""))
	}
	if kind, text := transition(&before, e, isNew); kind != "" {
		r.tell(e.event(kind, how, text))
	}
	if isNew {
		r.tellRace(e, how)
	}
	if count := before.seen.signCount; e.placed && e.State == Live && count > e.Meta.SignCount {
		e.Meta.SignCount = count // a counter never goes back
		r.touch(e)
	}
	return e
}

// transition names what a new version changes about a passkey, "" for nothing worth an event of its own.
func transition(before, after *entry, isNew bool) (EventKind, string) {
	switch {
	case isNew && after.State == Live:
		return "", ""
	case before.State == Dead && after.State != Dead && !isNew:
		return EventResurrected, "a change that was made without knowing of the deletion brought it back"
	case before.State != after.State && after.State == Dead:
		return EventDeleted, ""
	case before.State != after.State && after.State == Trashed:
		return EventTrashed, ""
	case before.State != after.State:
		return EventRestored, ""
	case !before.Meta.Hidden && after.Meta.Hidden:
		return EventHidden, ""
	case before.Meta.Hidden && !after.Meta.Hidden:
		return EventUnhidden, ""
	case before.Meta.UserName != after.Meta.UserName || before.Meta.UserDisplayName != after.Meta.UserDisplayName:
		return EventRenamed, fmt.Sprintf("%q is now called %q", before.Meta.UserName, after.Meta.UserName)
	}
	return "", ""
}

// tellRace tells what a new record does to the others of its user: the ones it shadows, and the ones that know nothing of
// each other because two devices made them at the same time.
func (r *Replica) tellRace(e *entry, how arrival) {
	if !e.usable() {
		return
	}
	for _, other := range r.users[e.user()] {
		if other != e && other.usable() && e.shadows(other) && r.cfg.Provider.Sync.Replace == providers.ReplaceShadow {
			r.tell(other.event(EventShadowed, how, ""))
		}
	}
	if r.cfg.Provider.Sync.Replace == providers.ReplaceKeepBoth {
		return
	}
	offered := r.candidates(e.user())
	if !slices.Contains(offered, e) {
		return
	}
	winner := offered[len(offered)-1]
	if rivals := slices.DeleteFunc(offered, e.related); len(rivals) > 0 {
		r.tell(winner.event(EventConflict, how, fmt.Sprintf("%d passkeys of one user, made without knowing of each other: the newest is offered, by its maker's clock that of %s", len(rivals)+1, winner.Maker)))
	}
}

// related reports whether one of two passkeys of a user was made with the other known, the deletion of which may still be
// under way.
func (e *entry) related(other *entry) bool {
	return e.Maker == other.Maker || e.shadows(other) || other.shadows(e)
}

// shadows reports whether e took the place of the other when it was made.
func (e *entry) shadows(other *entry) bool { return contains(e.Shadows, other.CredentialID) }

// candidates lists the passkeys of a user that could be offered, the newest last.
func (r *Replica) candidates(u user) []*entry {
	var list []*entry
	for _, e := range r.users[u] {
		if e.usable() && e.discoverable && !r.shadowed(e) {
			list = append(list, e)
		}
	}
	return list
}

// shadowed reports whether a usable passkey of the same user has taken the place of this one. A hidden one gives the
// place back: what its relying party never stored, or has forgotten, does not lock anybody out.
func (r *Replica) shadowed(e *entry) bool {
	if r.cfg.Provider.Sync.Replace != providers.ReplaceShadow {
		return false
	}
	for _, other := range r.users[e.user()] {
		if other != e && other.usable() && other.shadows(e) {
			return true
		}
	}
	return false
}

func contains(list [][]byte, id []byte) bool {
	for _, entry := range list {
		if bytes.Equal(entry, id) {
			return true
		}
	}
	return false
}

// open finds out whether the device has the keys for an entry.
func (r *Replica) open(e *entry, again bool) {
	if e.State == Dead || e.opened && !again {
		return
	}
	e.opened, e.fresh = false, nil
	secret := r.secrets[e.Epoch]
	if secret == nil {
		return
	}
	if stored, err := openRecord(secret, &e.Record); err == nil {
		e.opened, e.discoverable, e.fresh, e.stale = true, stored.Discoverable, &stored, e.placed
	}
}

// reopen tries again what could not be opened, with the keys that have come.
func (r *Replica) reopen(ctx context.Context, how arrival) error {
	for _, e := range r.sorted(func(e *entry) bool { return e.State != Dead && !e.opened }) {
		if r.open(e, true); !e.opened {
			continue
		}
		from := how
		if e.Maker != r.cfg.Device {
			from.from = e.Maker
		}
		from.sent = r.cfg.Network.acknowledged(e.SyncID, e.base).at
		r.tell(e.event(EventArrived, from, "the keys for it have come"))
		r.tellRace(e, from)
		if err := r.settle(ctx, e.user()); err != nil {
			return err
		}
	}
	return nil
}

// settle brings what the keychain has of a user's passkeys in line with the records: usable ones are there, the oldest
// first, and the newest that is not shadowed is discoverable.
func (r *Replica) settle(ctx context.Context, u user) error {
	group := r.users[u]
	for _, e := range group {
		if e.placed && !e.usable() {
			if err := r.remove(ctx, e); err != nil {
				return err
			}
		}
	}
	var winner *entry
	if list := r.candidates(u); len(list) > 0 {
		winner = list[len(list)-1]
	}
	keepBoth := r.cfg.Provider.Sync.Replace == providers.ReplaceKeepBoth
	moved := false
	for i, e := range group {
		if !e.usable() || slices.ContainsFunc(group[i+1:], e.twin) {
			e.fresh = nil
			continue
		}
		offered := e.discoverable && e.ready.IsZero() && (e == winner || keepBoth && !r.shadowed(e))
		want := look{e.Meta.UserName, e.Meta.UserDisplayName, e.Meta.SignCount}
		if moved || !e.placed || e.stale || e.offered != offered || e.seen != want {
			if err := r.place(ctx, e, offered); err != nil {
				return err
			}
			moved = true // the younger ones come after it, so that they stay the most recent
		}
		e.fresh = nil
	}
	r.bury(u)
	return nil
}

// twin reports whether two usable records hold the same credential, as after an import on two devices.
func (e *entry) twin(other *entry) bool {
	return other.usable() && bytes.Equal(e.CredentialID, other.CredentialID)
}

// place puts a passkey into the keychain.
func (r *Replica) place(ctx context.Context, e *entry, offered bool) error {
	stored, err := r.stored(ctx, e, r.secrets)
	if err != nil {
		return err
	}
	stored.UserName, stored.UserDisplayName = e.Meta.UserName, e.Meta.UserDisplayName
	stored.SignCount, stored.Discoverable = max(stored.SignCount, e.Meta.SignCount), offered
	if err := r.write(func() error { return r.cfg.Keychain.Import(ctx, stored) }); err != nil {
		return err
	}
	if !e.placed {
		e.placed = true
		r.placed++
	}
	e.offered, e.stale, e.seen = offered, false, look{stored.UserName, stored.UserDisplayName, stored.SignCount}
	return nil
}

// stored returns a passkey with its secrets: from the keychain, where blobs may be newer, unless those of the record are. keys
// are vault secrets by epoch.
func (r *Replica) stored(ctx context.Context, e *entry, keys map[int][]byte) (virtual.StoredCredential, error) {
	if e.placed && !e.stale {
		if stored, err := r.cfg.Keychain.Export(ctx, e.CredentialID); err == nil {
			return stored, nil
		}
	}
	if e.fresh != nil {
		return *e.fresh, nil
	}
	return openRecord(keys[e.Epoch], &e.Record)
}

// remove takes a passkey out of the keychain, unless another record holds the same one.
func (r *Replica) remove(ctx context.Context, e *entry) error {
	e.placed, e.offered = false, false
	r.placed--
	for _, other := range r.byID[string(e.CredentialID)] {
		if other.placed {
			return nil
		}
	}
	return r.write(func() error { return r.cfg.Keychain.Remove(ctx, e.CredentialID) })
}

// write changes the keychain. A scan need not look because of that.
func (r *Replica) write(change func() error) error {
	if r.counted == nil {
		return change()
	}
	before := r.counted.Generation()
	err := change()
	if before == r.generation && r.counted.Generation() == before+1 {
		r.generation++
	}
	return err
}

// touch notes that the device has changed a record.
func (r *Replica) touch(e *entry) {
	e.Meta.Changed = r.clock()
	if e.dirty {
		return
	}
	r.enqueue(e)
	if !r.reachable() {
		r.note(EventQueued, e.CredentialID, "")
	}
}

// clock is the device's time of day, as it is kept in records.
func (r *Replica) clock() time.Time { return r.cfg.Clock().Round(0).UTC() }
