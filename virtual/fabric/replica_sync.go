package fabric

import (
	"context"
	"errors"
	"slices"
	"time"
)

// Kinds of ceremonies, for [Replica.Before].
const (
	CeremonyCreate = "create"
	CeremonyGet    = "get"
)

// Advance does what is due by now: deliveries are applied, changes that wait are pushed, an approval that was asked for is
// taken. A device that learns here that it was revoked has an event for it, and no error.
func (r *Replica) Advance(ctx context.Context) ([]Event, error) {
	r.mu.Lock()
	idle := !r.pressing()
	r.mu.Unlock()
	if idle {
		return nil, nil
	}
	return r.do(ctx, "advance", func() error { return r.advance(ctx) })
}

// pressing reports whether there is anything to do now.
func (r *Replica) pressing() bool {
	now := r.now()
	for _, e := range r.indexing {
		if !e.ready.After(now) {
			return true
		}
	}
	if !r.online {
		return false
	}
	due := r.enrolled() && r.box.next.Load() <= now.UnixNano() // also in a partition: it came before
	return due || r.reachable() && (r.asked || r.leaving || r.enrolled() && (r.missed || len(r.queue) > 0))
}

func (r *Replica) advance(ctx context.Context) error {
	now := r.now()
	if err := r.index(ctx, now); err != nil || !r.online {
		return err
	}
	if r.reachable() {
		if err := r.contact(ctx); err != nil {
			return knows(err)
		}
	}
	for r.enrolled() {
		d, ok := r.cfg.Network.take(r.box, now)
		if !ok {
			break
		}
		if err := r.deliver(ctx, &d); err != nil {
			return knows(err)
		}
	}
	return knows(r.push(ctx))
}

// knows drops an error that an event has told.
func knows(err error) error {
	if errors.Is(err, ErrRevoked) || errors.Is(err, ErrNotEnrolled) {
		return nil
	}
	return err
}

// contact is what a device does first when it reaches the cloud: what it left undone, and finding out whether it still
// takes part.
func (r *Replica) contact(ctx context.Context) error {
	if r.leaving {
		if err := r.account.SignOut(r.cfg.Device); knows(err) != nil {
			return err
		}
		r.leaving = false
	}
	if r.asked {
		if err := r.join(ctx); err != nil {
			return err
		}
	}
	if !r.enrolled() {
		return nil
	}
	if len(r.queue) > 0 {
		if err := r.push(ctx); err != nil {
			return err
		}
	}
	if r.missed && r.enrolled() {
		return r.pull(ctx, r.now())
	}
	_, err := r.account.Fetch(r.cfg.Device, nil)
	return r.turnedAway(err)
}

// deliver takes a delivery.
func (r *Replica) deliver(ctx context.Context, d *delivery) error {
	how := arrival{at: d.due, sent: d.sent, from: d.from}
	switch {
	case d.lost:
		r.tell(Event{At: d.due, Kind: EventLost, From: d.from, Sent: d.sent, CredentialID: d.credential()})
	case d.what != deliverRecord && !r.reachable():
		r.missed = true
	case d.what == deliverKeys:
		return r.fetchKeys(ctx, how)
	case d.what == deliverPull:
		return r.pull(ctx, d.due)
	default:
		if e := r.apply(d.record, how); e != nil {
			return r.settle(ctx, e.user())
		}
		if d.twice {
			r.tell(Event{At: d.due, Kind: EventDuplicated, From: d.from, Sent: d.sent, CredentialID: d.credential()})
		}
	}
	return nil
}

// Pull pushes what waits and takes everything that the cloud has, now. The error wraps [ErrOffline], [ErrNotEnrolled],
// [ErrRevoked], or [ErrSplitView] when the cloud's audit log does not go on from what this device has seen of it.
func (r *Replica) Pull(ctx context.Context) ([]Event, error) {
	return r.do(ctx, "pull", func() error {
		if !r.reachable() {
			return ErrOffline
		}
		return r.refresh(ctx)
	})
}

// refresh is Pull on a device that reaches the cloud.
func (r *Replica) refresh(ctx context.Context) error {
	pulls := r.pulls
	if err := r.contact(ctx); err != nil {
		return err
	}
	if err := r.standing(); err != nil || r.pulls != pulls {
		return err
	}
	return r.pull(ctx, r.now())
}

// pull takes everything that the cloud has.
func (r *Replica) pull(ctx context.Context, at time.Time) error {
	if err := r.checkLog(); err != nil {
		return err
	}
	if err := r.compareKeys(ctx); err != nil {
		return err
	}
	if r.account.Epoch() != r.epoch {
		if err := r.fetchKeys(ctx, arrival{at: at}); err != nil {
			return err
		}
	}
	wipes, since := r.account.wipes(), r.cursor
	wiped := wipes != r.wipes
	if wiped {
		since = 0
	}
	records, head, err := r.account.Pull(r.cfg.Device, since)
	if err != nil {
		return r.turnedAway(err)
	}
	if wiped {
		r.wipes = wipes
		r.giveUp()
	}
	var touched users
	for i := range records {
		rec := &records[i]
		if known := r.entries[rec.SyncID]; known != nil && known.base >= rec.Version {
			continue
		}
		sent := r.cfg.Network.acknowledged(rec.SyncID, rec.Version)
		if e := r.apply(rec, arrival{at: at, sent: sent.at, from: sent.from, wiped: wiped}); e != nil {
			touched.add(e.user())
		}
	}
	if wiped {
		r.dropLost(at, &touched)
	}
	if r.suspicious || head < r.cursor {
		r.compareAll(records)
	}
	r.cursor, r.missed = head, false
	r.pulls++
	r.lastPull = r.now()
	if r.pulls == 1 {
		r.lastPull = r.lastPull.Add(-r.cfg.CacheAge)
	}
	r.cfg.Network.pulled(r.box, head)
	if err := r.settleAll(ctx, touched); err != nil {
		return err
	}
	if !r.account.Founded() { // somebody has wiped the account
		r.end(endingNone)
		r.note(EventWiped, nil, "all passkeys of the account were deleted")
		return nil
	}
	return r.push(ctx)
}

// giveUp makes what this device has of the cloud's older than anything there, and drops its changes of that, because the
// account was wiped: nothing brings back what it had. What the cloud never had stays, for the next vault.
func (r *Replica) giveUp() {
	for _, e := range r.entries {
		if e.base != 0 && (e.State != Dead || e.dirty) {
			e.base, e.dirty = unmatched, false
		}
	}
	r.queue = slices.DeleteFunc(r.queue, func(e *entry) bool { return !e.dirty })
}

// dropLost deletes what the account had when it was wiped and of which the cloud, an older copy since, does not even have a
// tombstone.
func (r *Replica) dropLost(at time.Time, touched *users) {
	for _, e := range r.sorted(func(e *entry) bool { return e.base == unmatched }) {
		if e.State != Dead {
			r.tell(e.event(EventDeleted, arrival{at: at}, ""))
		}
		e.State, e.acked, e.base = Dead, Dead, 0
		touched.add(e.user())
	}
}

// compareAll queues what a cloud that has come back from an older copy of its state has lost. records are all it has.
func (r *Replica) compareAll(records []Record) {
	r.suspicious = false
	there := make(map[SyncID]*Record, len(records))
	for i := range records {
		there[records[i].SyncID] = &records[i]
	}
	for _, e := range r.sorted(func(e *entry) bool { return !e.dirty }) {
		rec := there[e.SyncID]
		switch {
		case rec == nil && e.State == Dead, rec == nil && len(e.Sealed) == 0:
			continue
		case rec == nil:
			e.acked = e.State // it has to be put before it can be trashed
		case rec.State == e.State && rec.Version == e.base && rec.sameContent(&e.Record):
			continue
		default:
			e.acked = rec.State
		}
		r.enqueue(e)
	}
}

// turnedAway takes in that the cloud does not let the device in any more, and returns the error.
func (r *Replica) turnedAway(err error) error {
	switch {
	case errors.Is(err, ErrRevoked):
		if r.ended != endingRevoked {
			r.end(endingRevoked)
			r.note(EventRevoked, nil, "another device has shut this one out")
		}
	case errors.Is(err, ErrNotEnrolled):
		r.end(endingNone)
	}
	return err
}

// end stops the device's part; its passkeys stay.
func (r *Replica) end(why ending) {
	if r.enrolled() {
		r.former = r.secrets
	}
	r.secrets, r.epoch, r.ended = nil, 0, why
	r.cfg.Network.receive(r.box, false)
}

// Before is called before a ceremony: it does what is due, and what the provider does to have a fresh copy. kind is
// [CeremonyCreate] or [CeremonyGet], allow the credential ids of a request, none for any. A device that cannot reach the
// cloud goes on with what it has.
func (r *Replica) Before(ctx context.Context, kind, rpID string, allow [][]byte) ([]Event, error) {
	return r.do(ctx, "refresh", func() error {
		if r.pressing() {
			if err := r.advance(ctx); err != nil {
				return err
			}
		}
		if !r.enrolled() || !r.reachable() || !r.stale(kind, rpID, allow) {
			return nil
		}
		return knows(r.refresh(ctx))
	})
}

// stale reports whether the provider refreshes its copy before a ceremony.
func (r *Replica) stale(kind, rpID string, allow [][]byte) bool {
	rules := r.cfg.Provider.Sync
	if kind == CeremonyCreate {
		return rules.RefreshBeforeCreate > 0 && r.now().Sub(r.lastPull) > rules.RefreshBeforeCreate
	}
	if !rules.RefreshWhenMissing {
		return false
	}
	for _, e := range r.entries {
		if e.placed && e.RPID == rpID && (len(allow) == 0 && e.offered || contains(allow, e.CredentialID)) {
			return false
		}
	}
	return true
}

// SetOnline says whether the device has a connection. Before it goes, what is due is applied; when it is back, it pushes
// what waits and pulls. A device that learns here that it was revoked has an event for it, and no error.
func (r *Replica) SetOnline(ctx context.Context, online bool) ([]Event, error) {
	return r.do(ctx, "change connection", func() error {
		if r.online == online {
			return nil
		}
		if !online {
			if r.pressing() {
				if err := r.advance(ctx); err != nil {
					return err
				}
			}
			r.online = false
			r.cfg.Network.receive(r.box, false)
			r.note(EventOffline, nil, "")
			return nil
		}
		r.online, r.missed = true, true
		r.note(EventOnline, nil, "")
		if r.enrolled() {
			r.cfg.Network.receive(r.box, true)
		}
		if !r.reachable() {
			return nil
		}
		if !r.enrolled() {
			return knows(r.contact(ctx))
		}
		return knows(r.refresh(ctx))
	})
}
