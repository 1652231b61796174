package fabric

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
)

// Entry is one thing that the cloud keeps: the value of a key of an account. A nil Value takes the key away.
type Entry struct {
	Account, Key string
	Value        []byte // JSON
}

// Journal keeps a cloud's state. It is safe for concurrent use.
type Journal interface {
	// Append makes all entries durable, or none. After an error the cloud does not know which, and stops.
	Append(entries ...Entry) error
	// Each calls do with the last entry of every key, in the order in which keys were first written, and ends with its
	// first error.
	Each(do func(Entry) error) error
	Close() error
}

// MemoryJournal is a [Journal] that lasts as long as the program.
type MemoryJournal struct {
	mu     sync.Mutex
	places map[[2]string]int // account and key to index
	kept   []Entry           // a taken away one has a nil Value
	gone   int               // how many of kept are taken away
}

var _ Journal = (*MemoryJournal)(nil)

// NewMemoryJournal returns an empty journal.
func NewMemoryJournal() *MemoryJournal { return &MemoryJournal{places: map[[2]string]int{}} }

// Append implements [Journal]. It never fails.
func (j *MemoryJournal) Append(entries ...Entry) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, e := range entries {
		j.put(e)
	}
	if j.gone > 32 && j.gone > len(j.kept)/2 {
		j.squeeze()
	}
	return nil
}

func (j *MemoryJournal) put(e Entry) {
	key := [2]string{e.Account, e.Key}
	i, known := j.places[key]
	switch {
	case known && e.Value == nil:
		j.kept[i].Value = nil
		j.gone++
		delete(j.places, key)
	case known:
		j.kept[i].Value = e.Value
	case e.Value != nil:
		j.places[key] = len(j.kept)
		j.kept = append(j.kept, e)
	}
}

func (j *MemoryJournal) squeeze() {
	j.kept = slices.DeleteFunc(j.kept, func(e Entry) bool { return e.Value == nil })
	j.gone = 0
	for i, e := range j.kept {
		j.places[[2]string{e.Account, e.Key}] = i
	}
}

// Each implements [Journal].
func (j *MemoryJournal) Each(do func(Entry) error) error {
	j.mu.Lock()
	kept := slices.Clone(j.kept)
	j.mu.Unlock()
	for _, e := range kept {
		if e.Value == nil {
			continue
		}
		if err := do(e); err != nil {
			return err
		}
	}
	return nil
}

// Close implements [Journal]. The journal stays as it is, for the next cloud.
func (j *MemoryJournal) Close() error { return nil }

// Clone returns a copy: what a backup of the state would be.
func (j *MemoryJournal) Clone() *MemoryJournal {
	clone := NewMemoryJournal()
	_ = j.Each(func(e Entry) error { clone.put(e); return nil }) // put has no error
	return clone
}

// copyJournal returns what is in a journal.
func copyJournal(from Journal) (*MemoryJournal, error) {
	into := NewMemoryJournal()
	err := from.Each(func(e Entry) error {
		e.Value = bytes.Clone(e.Value)
		into.put(e)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("copy journal: %w", err)
	}
	return into, nil
}

// overwriteJournal brings a journal to what an older copy of it holds.
func overwriteJournal(journal Journal, older *MemoryJournal) error {
	var changes []Entry
	err := journal.Each(func(e Entry) error {
		changes = append(changes, Entry{Account: e.Account, Key: e.Key})
		return nil
	})
	if err == nil {
		err = older.Each(func(e Entry) error { changes = append(changes, e); return nil })
	}
	if err == nil {
		err = journal.Append(changes...)
	}
	if err != nil {
		return fmt.Errorf("restore journal: %w", err)
	}
	return nil
}
