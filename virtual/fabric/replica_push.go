package fabric

import (
	"context"
	"errors"
)

// enqueue puts an entry among those that the cloud does not know as they are.
func (r *Replica) enqueue(e *entry) {
	if e.dirty {
		return
	}
	e.dirty = true
	r.queue = append(r.queue, e)
}

// change returns what makes the cloud's record that of the device.
func (e *entry) change() (Change, bool) {
	c := Change{Kind: Put, Record: e.Record, Base: e.base}
	switch {
	case e.State == Dead && e.base == 0, e.State == Dead && e.acked == Dead:
		return c, false // the cloud has never heard of it, or knows
	case e.State == Dead:
		c.Kind = Delete
	case e.base == 0 || e.acked == e.State: // what was never pushed has to be, before it is trashed
	case e.State == Trashed:
		c.Kind = Trash
	case e.acked == Trashed:
		c.Kind = Restore
	}
	return c, true
}

// push sends what waits, if the cloud is within reach. What it refuses is replaced by what it has.
func (r *Replica) push(ctx context.Context) error {
	for len(r.queue) > 0 && r.enrolled() && r.reachable() {
		if err := r.checkLog(); err != nil {
			return err
		}
		if err := r.compareKeys(ctx); err != nil {
			return err
		}
		batch := r.queue
		changes := make([]Change, 0, len(batch))
		sent := make([]*entry, 0, len(batch))
		for _, e := range batch {
			if c, needed := e.change(); needed {
				changes, sent = append(changes, c), append(sent, e)
			} else {
				e.dirty = false
			}
		}
		results, err := r.account.Push(r.cfg.Device, changes)
		if err != nil {
			r.queue = sent
			if errors.Is(err, ErrNotFounded) { // somebody has wiped the account
				return r.pull(ctx, r.now())
			}
			return r.turnedAway(err)
		}
		r.queue = nil
		if err := r.pushed(ctx, sent, changes, results); err != nil {
			return err
		}
	}
	return nil
}

// pushed takes in what the cloud made of changes, and announces what is in force.
func (r *Replica) pushed(ctx context.Context, sent []*entry, changes []Change, results []Pushed) error {
	ids := make([]SyncID, 0, len(sent))
	var touched users
	for i, e := range sent {
		e.dirty = false
		result := &results[i]
		switch {
		case result.Current != nil:
			r.note(EventConflict, e.CredentialID, "the cloud has a change that this device did not know, and keeps it")
			r.yield(e, result.Current)
			touched.add(e.user())
		case result.Version == 0: // deleted, and never heard of
			e.base, e.acked = 0, Dead
		default:
			ids = append(ids, e.SyncID)
			e.base = result.Version
			now := r.now()
			r.tell(Event{At: now, Kind: EventPushed, CredentialID: e.CredentialID, Sent: now, Text: changes[i].Kind.String()})
		}
	}
	if len(ids) > 0 {
		if err := r.confirm(ids, &touched); err != nil {
			return err
		}
	}
	return r.settleAll(ctx, touched)
}

// confirm takes in records as the cloud has them after a push, and announces them.
func (r *Replica) confirm(ids []SyncID, touched *users) error {
	records, err := r.account.Fetch(r.cfg.Device, ids)
	if err != nil {
		return r.turnedAway(err)
	}
	for i := range records {
		e := r.entries[records[i].SyncID]
		touched.add(e.user())
		if records[i].Version > e.base { // another device was there in between
			r.yield(e, &records[i])
			continue
		}
		want := e.Record
		e.Record, e.acked = records[i], records[i].State
		r.insist(e, &want)
	}
	r.cfg.Network.Announce(r.cfg.Device, records)
	return nil
}

// insist queues what one change could not bring to the cloud: a passkey is put before it is trashed, and names change
// after it is restored.
func (r *Replica) insist(e *entry, want *Record) {
	if e.State == Dead {
		return
	}
	want.Meta.Changed = e.Meta.Changed
	if want.State == Trashed && e.State == Live {
		e.State = Trashed
		r.enqueue(e)
	}
	if !want.Meta.equal(&e.Meta) {
		e.Meta = want.Meta
		r.enqueue(e)
	}
}

// yield gives up what this device has for what the cloud has.
func (r *Replica) yield(e *entry, current *Record) {
	e.base = unmatched
	known := r.cfg.Network.acknowledged(e.SyncID, current.Version)
	r.apply(current, arrival{at: r.now(), sent: known.at, from: known.from})
}
