package fabric

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/passrig/passrig/virtual/providers"
)

// stage is what a call changes, until it is durable.
type stage struct {
	changed []*Record // in order of version; the last of a SyncID counts
	last    int64     // the largest version given; 0: none
}

// find returns a record as it is after what is staged, nil when there is none.
func (a *Account) find(s *stage, id SyncID) *Record {
	for _, r := range slices.Backward(s.changed) {
		if r.SyncID == id {
			return r
		}
	}
	return a.records[id]
}

// stage gives a record the next version, and stages it. It becomes the account's.
func (a *Account) stage(s *stage, r *Record) {
	s.last = max(s.last, a.last) + 1
	r.Version = s.last
	s.changed = append(s.changed, r)
}

// written returns the journal's entries for what is staged.
func (a *Account) written(s *stage) []Entry {
	if a.cloud.cfg.Journal == nil {
		return nil
	}
	entries := make([]Entry, len(s.changed))
	for i, r := range s.changed {
		entries[i] = a.entry(keyRecord+r.SyncID.String(), r)
	}
	return entries
}

// commit makes what is staged the account's state.
func (a *Account) commit(s *stage) {
	for _, r := range s.changed {
		a.set(r)
	}
	a.last = max(a.last, s.last)
}

// set puts a record in its place. Its version is larger than any other.
func (a *Account) set(r *Record) {
	if a.records == nil {
		a.records = map[SyncID]*Record{}
	}
	if old := a.records[r.SyncID]; old != nil {
		i := a.after(old.Version - 1)
		a.order = slices.Delete(a.order, i, i+1)
	}
	a.records[r.SyncID] = r
	a.order = append(a.order, r)
	a.last = max(a.last, r.Version)
	if r.State == Trashed {
		if at := a.expiry(r); a.expires.IsZero() || at.Before(a.expires) {
			a.expires = at
		}
	}
}

// after returns the index of the first record with a version above since.
func (a *Account) after(since int64) int {
	i, _ := slices.BinarySearchFunc(a.order, since+1, func(r *Record, version int64) int { return cmp.Compare(r.Version, version) })
	return i
}

// expiry is when a trashed record is thrown away.
func (a *Account) expiry(r *Record) time.Time {
	return r.Trashed.Add(a.cloud.cfg.Provider.Sync.TrashFor)
}

// tidy throws away what has been in the trash for its time. A provider without a time keeps it.
func (a *Account) tidy() error {
	if a.expires.IsZero() || a.cloud.cfg.Provider.Sync.TrashFor <= 0 {
		return nil
	}
	now := a.cloud.cfg.Clock()
	if now.Before(a.expires) {
		return nil
	}
	var s stage
	var next time.Time
	for _, r := range a.order {
		if r.State != Trashed {
			continue
		}
		if at := a.expiry(r); now.Before(at) {
			if next.IsZero() || at.Before(next) {
				next = at
			}
			continue
		}
		dead := r.tombstone(now)
		a.stage(&s, &dead)
	}
	if err := a.cloud.keep(a.written(&s)...); err != nil {
		return err
	}
	a.expires = next
	a.commit(&s)
	return nil
}

// begin is what every access to records starts with.
func (a *Account) begin(device string) error {
	if err := a.cloud.running(); err != nil {
		return err
	}
	if _, err := a.enrolled(device); err != nil {
		return err
	}
	return a.tidy()
}

// Push makes changes, all of them or, with an error, none; each sees those before it. One that lost against a change
// that the device did not know is no error: it is not accepted, as the provider's rules for merging say. What is
// pushed a second time, because its acknowledgment was lost, is accepted again and changes nothing. The error wraps
// [ErrNotEnrolled], [ErrRevoked], [ErrNotFounded], [ErrImmutable] or [ErrEpoch].
func (a *Account) Push(device string, changes []Change) ([]Pushed, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	pushed, err := a.push(device, changes)
	if err != nil {
		return nil, fmt.Errorf("push from %q: %w", device, err)
	}
	return pushed, nil
}

func (a *Account) push(device string, changes []Change) ([]Pushed, error) {
	if err := a.begin(device); err != nil {
		return nil, err
	}
	if !a.vault.Founded {
		return nil, ErrNotFounded
	}
	var s stage
	pushed := make([]Pushed, len(changes))
	for i := range changes {
		change := &changes[i]
		current := a.find(&s, change.Record.SyncID)
		next, err := a.merge(current, change)
		if err != nil {
			return nil, err
		}
		result := Pushed{SyncID: change.Record.SyncID, Accepted: next != nil || current == nil}
		switch next {
		case nil: // lost, or there is nothing to change
		case current:
			result.Version = current.Version
		default:
			if change.Base > max(a.last, s.last) {
				s.last = change.Base // the device has seen more than this state, which is an older copy
			}
			a.stage(&s, next)
			result.Version = next.Version
		}
		if !result.Accepted {
			copied := *current
			result.Version, result.Current = current.Version, &copied
		}
		pushed[i] = result
	}
	if err := a.cloud.keep(a.written(&s)...); err != nil {
		return nil, err
	}
	a.commit(&s)
	return pushed, nil
}

// merge returns what a change makes of a record: another one, the same when it is in force already, nil when the change
// loses. current is nil when there is no such record.
func (a *Account) merge(current *Record, c *Change) (*Record, error) {
	switch c.Kind {
	case Put:
		return a.put(current, c)
	case Trash, Delete:
		return a.remove(current, c)
	case Restore:
		if current == nil || current.State == Dead {
			return nil, nil //nolint:nilnil // nothing comes back
		}
		if current.State == Live {
			return current, nil
		}
		next := *current
		next.State, next.Trashed, next.Meta.Changed = Live, time.Time{}, c.Record.Meta.Changed
		return &next, nil
	}
	return nil, fmt.Errorf("record %s: unknown kind of change %d", c.Record.SyncID, c.Kind)
}

func (a *Account) put(current *Record, c *Change) (*Record, error) {
	r := c.Record
	switch {
	case r.RPID == "" || len(r.CredentialID) == 0 || len(r.Sealed) == 0:
		return nil, fmt.Errorf("put record %s: no rp id, no credential id or nothing sealed", r.SyncID)
	case r.Epoch < 1 || r.Epoch > a.vault.Epoch:
		return nil, fmt.Errorf("put record %s of epoch %d, now is %d: %w", r.SyncID, r.Epoch, a.vault.Epoch, ErrEpoch)
	}
	r.State, r.Trashed = Live, time.Time{}
	if current == nil {
		return &r, nil
	}
	if err := current.sameIdentity(&r); err != nil {
		return nil, err
	}
	rules := a.cloud.cfg.Provider.Sync
	if current.State == Dead {
		if rules.Tombstones != providers.TombstonesWin {
			return &r, nil
		}
		return nil, nil //nolint:nilnil // the tombstone wins
	}
	if current.sameContent(&r) {
		return current, nil
	}
	late := c.Base < current.Version
	if late && (rules.Merge != providers.MergeLastWriter || !r.Meta.Changed.After(current.Meta.Changed)) {
		return nil, nil //nolint:nilnil // the other change wins
	}
	r.State, r.Trashed = current.State, current.Trashed
	return &r, nil
}

// remove trashes or deletes. It wins over a change that the device did not know, unless deleted passkeys come back:
// then the later of the two does.
func (a *Account) remove(current *Record, c *Change) (*Record, error) {
	rules := a.cloud.cfg.Provider.Sync
	if c.Kind == Trash && rules.Delete != providers.DeleteTrash {
		return nil, errors.New("trash: the provider deletes at once")
	}
	switch {
	case current == nil:
		return nil, nil //nolint:nilnil // nothing to delete
	case current.State == Dead, current.State == Trashed && c.Kind == Trash:
		return current, nil
	}
	changed := c.Record.Meta.Changed
	late := c.Base < current.Version
	if late && rules.Tombstones != providers.TombstonesWin && current.Meta.Changed.After(changed) {
		return nil, nil //nolint:nilnil // the later change wins
	}
	if c.Kind == Delete {
		dead := current.tombstone(changed)
		return &dead, nil
	}
	next := *current
	next.State, next.Trashed, next.Meta.Changed = Trashed, a.cloud.cfg.Clock(), changed
	return &next, nil
}

// Pull returns what changed after a version, tombstones too, in order of version, and the largest version there was.
// When that is smaller than since, the cloud's state is an older copy, and everything in it is returned.
func (a *Account) Pull(device string, since int64) (records []Record, head int64, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.begin(device); err != nil {
		return nil, 0, fmt.Errorf("pull to %q: %w", device, err)
	}
	if since > a.last {
		since = 0
	}
	news := a.order[a.after(since):]
	records = make([]Record, len(news))
	for i, r := range news {
		records[i] = *r
	}
	return records, a.last, nil
}

// Fetch returns some records, tombstones too, in the order of ids. IDs that the cloud does not know are left out.
func (a *Account) Fetch(device string, ids []SyncID) ([]Record, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.begin(device); err != nil {
		return nil, fmt.Errorf("fetch to %q: %w", device, err)
	}
	records := make([]Record, 0, len(ids))
	for _, id := range ids {
		if r := a.records[id]; r != nil {
			records = append(records, *r)
		}
	}
	return records, nil
}
