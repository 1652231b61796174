package fabric

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"
)

// SyncID names a record in the cloud: 16 random bytes that say nothing about the credential.
type SyncID [16]byte

// String returns 32 hexadecimal digits.
func (id SyncID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText implements [encoding.TextMarshaler].
func (id SyncID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (id *SyncID) UnmarshalText(text []byte) error {
	if hex.DecodedLen(len(text)) != len(id) {
		return fmt.Errorf("sync id %q: want %d hexadecimal digits", text, hex.EncodedLen(len(id)))
	}
	if _, err := hex.Decode(id[:], text); err != nil {
		return fmt.Errorf("sync id %q: %w", text, err)
	}
	return nil
}

// State says whether a record is in use.
type State uint8

// States of a record.
const (
	Live    State = iota
	Trashed       // out of use, may be restored until the provider throws it away
	Dead          // a tombstone: what was sealed is gone
)

// String returns "live", "trashed" or "dead".
func (s State) String() string {
	switch s {
	case Live:
		return "live"
	case Trashed:
		return "trashed"
	default:
		return "dead"
	}
}

// Record is a passkey as the cloud keeps it. A Put may change Epoch, Sealed and Meta; SyncID, RPID, CredentialID,
// UserHandle, Created, Shadows and Maker are as they were when the record was made. State, Trashed and Version are the
// cloud's. The memory behind slices is shared between cloud and devices, and nobody writes to it.
type Record struct {
	SyncID       SyncID    `json:"syncId"`
	RPID         string    `json:"rpId"`
	CredentialID []byte    `json:"credentialId"`
	UserHandle   []byte    `json:"userHandle"`
	Created      time.Time `json:"created"` // by the clock of the device that made it
	// Shadows are the IDs of the credentials that this one takes the place of, whatever the provider does with those, and of
	// those that they took the place of.
	Shadows [][]byte `json:"shadows,omitempty"`
	Epoch   int      `json:"epoch"`            // of the vault secret that Sealed is sealed under
	Sealed  []byte   `json:"sealed,omitempty"` // see sealRecord; nil of a tombstone
	Meta    Meta     `json:"meta"`
	State   State    `json:"state,omitempty"`
	// Trashed is when the record came into its state Trashed, by the cloud's clock.
	Trashed time.Time `json:"trashed,omitzero"`
	// Version is the account's count of changes with the last change of this record: larger is later.
	Version int64  `json:"version"`
	Maker   string `json:"maker"` // the device it was made on
}

// Meta is what may change about a passkey while its key stays, and what the cloud can read.
type Meta struct {
	UserName        string    `json:"userName,omitempty"`
	UserDisplayName string    `json:"userDisplayName,omitempty"`
	Edited          bool      `json:"edited,omitempty"` // the person chose the names
	Hidden          bool      `json:"hidden,omitempty"` // kept, but not offered
	LastUsed        time.Time `json:"lastUsed,omitzero"`
	Changed         time.Time `json:"changed,omitzero"` // by the clock of the device that changed it
	SignCount       uint32    `json:"signCount,omitempty"`
}

// ChangeKind is what a [Change] does.
type ChangeKind uint8

// Kinds of changes.
const (
	Put     ChangeKind = iota // makes the record, or gives it another Meta or Sealed
	Trash                     // puts it where it can be restored from
	Restore                   // takes it out of there
	Delete                    // leaves a tombstone
)

// String returns "put", "trash", "restore" or "delete".
func (k ChangeKind) String() string {
	return [...]string{"put", "trash", "restore", "delete"}[min(k, Delete)]
}

// Change is what a device asks for one record. Of a Trash, Restore or Delete only SyncID and Meta.Changed of the record
// matter.
type Change struct {
	Kind   ChangeKind
	Record Record
	Base   int64 // the version it was made on; 0: the record is new
}

// Pushed is what became of a [Change].
type Pushed struct {
	SyncID   SyncID
	Version  int64   // of the record now; 0: the cloud does not know it
	Accepted bool    // the change is in force, and durable
	Current  *Record // when not accepted: what is in force instead
}

// ErrImmutable is wrapped by errors about a Put that changes what stays as long as the record.
var ErrImmutable = errors.New("a record's identity never changes")

// sameIdentity returns an error that names the first immutable member in which next differs from r.
func (r *Record) sameIdentity(next *Record) error {
	var member string
	switch {
	case r.RPID != next.RPID:
		member = "rp id"
	case !bytes.Equal(r.CredentialID, next.CredentialID):
		member = "credential id"
	case !bytes.Equal(r.UserHandle, next.UserHandle):
		member = "user handle"
	case !r.Created.Equal(next.Created):
		member = "creation time"
	case !slices.EqualFunc(r.Shadows, next.Shadows, bytes.Equal):
		member = "shadows"
	case r.Maker != next.Maker:
		member = "maker"
	default:
		return nil
	}
	return fmt.Errorf("put record %s: other %s: %w", r.SyncID, member, ErrImmutable)
}

// sameContent reports whether a Put of next would leave r as it is.
func (r *Record) sameContent(next *Record) bool {
	return r.Epoch == next.Epoch && bytes.Equal(r.Sealed, next.Sealed) && r.Meta.equal(&next.Meta)
}

func (m *Meta) equal(other *Meta) bool {
	return m.UserName == other.UserName && m.UserDisplayName == other.UserDisplayName &&
		m.Edited == other.Edited && m.Hidden == other.Hidden && m.SignCount == other.SignCount &&
		m.LastUsed.Equal(other.LastUsed) && m.Changed.Equal(other.Changed)
}

// tombstone returns what stays of a record when it is deleted at a time.
func (r Record) tombstone(changed time.Time) Record {
	r.Sealed, r.State, r.Trashed = nil, Dead, time.Time{}
	r.Meta = Meta{Changed: changed}
	return r
}
