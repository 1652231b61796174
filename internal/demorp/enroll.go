package demorp

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"time"
)

// Enrolled is a user who has signed up elsewhere, with one passkey.
type Enrolled struct {
	Username, DisplayName string
	Handle                []byte // the user handle (WebAuthn L3 §5.4.3), 1 to 64 bytes
	CredentialID          []byte
	PublicKey             []byte // COSE_Key in CTAP2 canonical CBOR
	Algorithm             int64  // COSE algorithm identifier
	AAGUID                []byte // 16 bytes; nil: zeros
	Transports            []string
	SignCount             uint32
	BackupEligible        bool
	BackedUp              bool
}

// Enroll puts users into a store as if they had registered at that time, and returns how many are there now. Who is
// there already with the same handle stays as is, so that a database can be enrolled again. It stops at the first
// error, of users or the store.
func Enroll(ctx context.Context, store Store, users iter.Seq2[Enrolled, error], at time.Time) (int64, error) {
	at = at.UTC().Truncate(time.Millisecond)
	var n int64
	for e, err := range users {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = enrollOne(ctx, store, &e, at)
		}
		if err != nil {
			return n, fmt.Errorf("enroll user %d: %w", n, err)
		}
		n++
	}
	return n, nil
}

func enrollOne(ctx context.Context, store Store, e *Enrolled, at time.Time) error {
	err := store.CreateUser(ctx, User{ID: e.Handle, Name: e.Username, DisplayName: e.DisplayName, CreatedAt: at})
	if errors.Is(err, ErrUsernameTaken) {
		if whole, err := sameUser(ctx, store, e); err != nil || whole {
			return err
		}
	} else if err != nil {
		return err
	}
	aaguid := e.AAGUID
	if aaguid == nil {
		aaguid = make([]byte, 16)
	}
	digest := sha256.Sum256(e.CredentialID)
	return store.AddPasskey(ctx, Passkey{
		ID: encode(digest[:passkeyIDSize]), UserID: e.Handle, CredentialID: e.CredentialID, PublicKey: e.PublicKey,
		Name: "Passkey 1", Algorithm: e.Algorithm, Transports: e.Transports, AAGUID: aaguid, Attestation: "none",
		SignCount: e.SignCount, UserVerified: true, BackupEligible: e.BackupEligible, BackedUp: e.BackedUp, CreatedAt: at,
	})
}

// sameUser accepts a name that is taken by the very user, and says whether the passkey is there too.
func sameUser(ctx context.Context, store Store, e *Enrolled) (whole bool, err error) {
	there, err := store.UserByName(ctx, e.Username)
	if err != nil {
		return false, err
	}
	passkey, err := store.Passkey(ctx, e.CredentialID)
	missing := errors.Is(err, ErrNotFound)
	if err != nil && !missing {
		return false, err
	}
	if !bytes.Equal(there.ID, e.Handle) || !missing && !bytes.Equal(passkey.UserID, e.Handle) {
		return false, fmt.Errorf("%w: %q", ErrUsernameTaken, e.Username)
	}
	return !missing, nil
}
