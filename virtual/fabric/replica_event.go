package fabric

import "time"

// EventKind says what happened, from the point of view of one device.
type EventKind string

// What happens to passkeys. A delivery that is of use is one EventArrived and, if the passkey changes its state or its
// names by it, the event that says so, both with the same times.
const (
	EventPushed        EventKind = "pushed"        // the cloud has acknowledged a change of this device
	EventQueued        EventKind = "queued"        // a change waits for the cloud to be reachable
	EventArrived       EventKind = "arrived"       // a change of another device is in force here
	EventLost          EventKind = "lost"          // a delivery was lost and is sent again
	EventDuplicated    EventKind = "duplicated"    // a delivery came once more
	EventConflict      EventKind = "conflict"      // two devices changed the same; Text says what came of it
	EventHidden        EventKind = "hidden"        // no longer offered, by a signal
	EventUnhidden      EventKind = "unhidden"      // offered again, by a signal
	EventDeleted       EventKind = "deleted"       // gone
	EventTrashed       EventKind = "trashed"       // out of use, and can be restored
	EventRestored      EventKind = "restored"      // in use again
	EventRenamed       EventKind = "renamed"       // has other names
	EventShadowed      EventKind = "shadowed"      // a newer one took its place; it still signs when it is named
	EventResurrected   EventKind = "resurrected"   // was deleted, and a late change brought it back
	EventUndecryptable EventKind = "undecryptable" // cannot be opened before this device has newer keys
)

// What happens to devices and accounts.
const (
	EventFounded  EventKind = "founded"  // the account has a vault, made on this device
	EventUnlocked EventKind = "unlocked" // the PIN was right
	EventRefused  EventKind = "refused"  // it was wrong
	EventLocked   EventKind = "locked"   // and was the last try
	EventEnrolled EventKind = "enrolled" // the device takes part
	EventRevoked  EventKind = "revoked"  // the device does not take part any more
	EventWiped    EventKind = "wiped"    // sync was turned off, or all passkeys of the account are gone
	EventRotated  EventKind = "rotated"  // the account has new keys, and this device them
	EventOffline  EventKind = "offline"
	EventOnline   EventKind = "online"
)

// Event is something that happened to a device or to a passkey on it.
type Event struct {
	// At is when it took effect, by the network's clock. What arrives does so when it was due, however late it is looked at.
	At   time.Time
	Kind EventKind
	// Device is whose event it is, From the device that caused it when it is another one.
	Device, From string
	CredentialID []byte
	// Sent is when the cloud acknowledged the change that arrives here; zero of what does not arrive, and where it is
	// not known.
	Sent time.Time
	Text string // one sentence without a full stop; may be empty
}
