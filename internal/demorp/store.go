package demorp

import (
	"context"
	"errors"
	"strings"
	"time"
)

// What a [Store] reports when the data, not the storage, is at fault.
var (
	ErrNotFound        = errors.New("not found")
	ErrUsernameTaken   = errors.New("username is taken")
	ErrCredentialTaken = errors.New("credential id is already registered")
)

// User is one account at the relying party.
type User struct {
	ID          []byte // the user handle (WebAuthn L3 §5.4.3): 32 opaque bytes
	Name        string // unique without regard to case
	DisplayName string
	// OpenEnrollment marks an account made through the FIDO conformance shape, where anybody may add a passkey to any
	// such username. Accounts made by signing up are never open.
	OpenEnrollment bool
	// Locked keeps the user from signing in. Nothing here unlocks an account.
	Locked    bool
	CreatedAt time.Time
}

// Passkey is a credential record (WebAuthn L3 §4) and what the relying party keeps with it.
type Passkey struct {
	ID             string // the relying party's own id, base64url
	UserID         []byte
	CredentialID   []byte // unique over all users
	PublicKey      []byte // COSE_Key in CTAP2 canonical CBOR
	Name           string
	Algorithm      int64 // COSE algorithm identifier
	Transports     []string
	AAGUID         []byte // 16 bytes
	Attestation    string // attestation statement format: "none", "packed", …
	SignCount      uint32
	UserVerified   bool // whether the latest ceremony verified the user
	BackupEligible bool
	BackedUp       bool
	CloneWarning   bool // the counter once failed to grow
	CreatedAt      time.Time
	LastUsedAt     time.Time // zero until the first sign-in
}

// Store keeps users, passkeys and the decoy key. Implementations are safe for concurrent use and keep times in UTC to
// the millisecond.
type Store interface {
	// CreateUser adds a user, or reports [ErrUsernameTaken].
	CreateUser(ctx context.Context, user User) error
	// User returns the user with an id, or [ErrNotFound].
	User(ctx context.Context, id []byte) (User, error)
	// UserByName returns the user with a name in any case, or [ErrNotFound].
	UserByName(ctx context.Context, name string) (User, error)

	// UpdateUser lets change edit the stored user while nobody else can, and returns the result. Only the names and
	// Locked may change. It reports [ErrNotFound], or [ErrUsernameTaken] when the new name is somebody else's in any case.
	UpdateUser(ctx context.Context, id []byte, change func(*User)) (User, error)
	// DeleteUser removes a user with all their passkeys, or reports [ErrNotFound].
	DeleteUser(ctx context.Context, id []byte) error

	// AddPasskey adds a passkey, or reports [ErrCredentialTaken] when any user already has its credential id.
	AddPasskey(ctx context.Context, passkey Passkey) error
	// Passkey returns the passkey with a credential id, or [ErrNotFound].
	Passkey(ctx context.Context, credentialID []byte) (Passkey, error)
	// Passkeys returns a user's passkeys, oldest first.
	Passkeys(ctx context.Context, userID []byte) ([]Passkey, error)
	// UpdatePasskey lets change edit the stored passkey while nobody else can, and returns the result, or
	// [ErrNotFound]. Name, counter, flags and time of last use may change; the rest is fixed at registration.
	UpdatePasskey(ctx context.Context, credentialID []byte, change func(*Passkey)) (Passkey, error)
	// DeletePasskey removes a passkey, or reports [ErrNotFound].
	DeletePasskey(ctx context.Context, credentialID []byte) error

	// DecoyKey returns the store's key for decoy credentials, adopting proposed when there is none yet, so that
	// decoys stay the same across restarts.
	DecoyKey(ctx context.Context, proposed []byte) ([]byte, error)
}

// nameKey is the form in which usernames are compared.
func nameKey(name string) string { return strings.ToLower(name) }
