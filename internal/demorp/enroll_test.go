package demorp

import (
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"testing"
	"time"
)

func enrolled(n int) iter.Seq2[Enrolled, error] {
	return func(yield func(Enrolled, error) bool) {
		for i := range n {
			e := Enrolled{
				Username: fmt.Sprint("load-", i), DisplayName: "Load", Handle: fmt.Appendf(nil, "handle %d", i),
				CredentialID: fmt.Appendf(nil, "credential %d", i), PublicKey: []byte{0xa0}, Algorithm: -7, BackupEligible: true, BackedUp: true,
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

func TestEnroll(t *testing.T) {
	t.Parallel()
	ctx, now := t.Context(), time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	sqlite, err := OpenSQLite(ctx, filepath.Join(t.TempDir(), "passkeys.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sqlite.Close() })
	for name, store := range map[string]Store{"memory": NewMemoryStore(), "sqlite": sqlite} {
		for _, count := range []int{3, 5} { // the second time, some are there
			if n, err := Enroll(ctx, store, enrolled(count), now); err != nil || n != int64(count) {
				t.Fatalf("%s: %d, %v", name, n, err)
			}
		}
		user, err := store.UserByName(ctx, "load-4")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		passkeys, err := store.Passkeys(ctx, user.ID)
		if err != nil || len(passkeys) != 1 {
			t.Fatalf("%s: %d passkeys, %v", name, len(passkeys), err)
		}
		if p := passkeys[0]; string(p.CredentialID) != "credential 4" || len(p.AAGUID) != 16 || !p.BackedUp || !p.UserVerified || p.ID == "" {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

// TestEnrollGoesOn enrolls a user of whom an interrupted start has left no passkey.
func TestEnrollGoesOn(t *testing.T) {
	t.Parallel()
	ctx, store, now := t.Context(), NewMemoryStore(), time.Now()
	if err := store.CreateUser(ctx, User{ID: []byte("handle 1"), Name: "load-1"}); err != nil {
		t.Fatal(err)
	}
	if n, err := Enroll(ctx, store, enrolled(3), now); n != 3 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	if passkeys, err := store.Passkeys(ctx, []byte("handle 1")); err != nil || len(passkeys) != 1 {
		t.Errorf("%d passkeys, %v", len(passkeys), err)
	}
}

func TestEnrollStops(t *testing.T) {
	t.Parallel()
	ctx, store, now := t.Context(), NewMemoryStore(), time.Now()
	if err := store.CreateUser(ctx, User{ID: []byte("somebody else"), Name: "LOAD-2"}); err != nil {
		t.Fatal(err)
	}
	if n, err := Enroll(ctx, store, enrolled(5), now); n != 2 || !errors.Is(err, ErrUsernameTaken) {
		t.Errorf("a name that is taken: %d, %v", n, err)
	}
	unreadable := errors.New("line 3: not JSON")
	failing := func(yield func(Enrolled, error) bool) { yield(Enrolled{}, unreadable) }
	if n, err := Enroll(ctx, store, failing, now); n != 0 || !errors.Is(err, unreadable) {
		t.Errorf("users that cannot be read: %d, %v", n, err)
	}
}
