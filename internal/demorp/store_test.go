package demorp

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"
	"github.com/google/go-cmp/cmp"
)

func openSQLite(t *testing.T, path string) *SQLiteStore {
	t.Helper()
	store, err := OpenSQLite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

func TestStores(t *testing.T) {
	for name, open := range map[string]func(*testing.T) Store{
		"memory": func(*testing.T) Store { return NewMemoryStore() },
		"sqlite": func(t *testing.T) Store {
			t.Helper()
			return openSQLite(t, filepath.Join(t.TempDir(), "a store?#%.db"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Run("users", func(t *testing.T) { testStoreUsers(t, open(t)) })
			t.Run("passkeys", func(t *testing.T) { testStorePasskeys(t, open(t)) })
			t.Run("deleted users", func(t *testing.T) { testStoreDeletedUsers(t, open(t)) })
			t.Run("updates", func(t *testing.T) { testStoreUpdates(t, open(t)) })
		})
	}
}

var storeTime = time.Date(2026, 11, 22, 10, 0, 0, 5e6, time.UTC)

func storeUser(name string) User {
	return User{ID: []byte("id of " + name), Name: name, DisplayName: "The " + name, OpenEnrollment: true, CreatedAt: storeTime}
}

func storePasskey(owner User, id string) Passkey {
	return Passkey{
		ID: "passkey " + id, UserID: owner.ID, CredentialID: []byte(id), PublicKey: []byte("key"), Name: "Key", Algorithm: -7,
		Transports: []string{"internal"}, AAGUID: make([]byte, 16), Attestation: "none", SignCount: 1<<32 - 1,
		UserVerified: true, BackupEligible: true, BackedUp: true, CloneWarning: true, CreatedAt: storeTime, LastUsedAt: storeTime,
	}
}

func testStoreUsers(t *testing.T, store Store) {
	t.Helper()
	ctx := t.Context()
	alice := storeUser("Alice")
	if err := store.CreateUser(ctx, alice); err != nil {
		t.Fatal(err)
	}
	again := storeUser("aLICE")
	if err := store.CreateUser(ctx, again); !errors.Is(err, ErrUsernameTaken) {
		t.Errorf("second alice: %v", err)
	}
	byName, err := store.UserByName(ctx, "ALICE")
	if err != nil {
		t.Fatal(err)
	}
	byID, err := store.User(ctx, alice.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]User{alice, alice}, []User{byName, byID}); diff != "" {
		t.Error(diff)
	}
	if _, err := store.User(ctx, []byte("nobody")); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown id: %v", err)
	}
	if _, err := store.UserByName(ctx, "nobody"); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown name: %v", err)
	}
	if err := store.CreateUser(ctx, storeUser("bob")); err != nil {
		t.Fatal(err)
	}
	rename := func(to string) func(*User) { return func(u *User) { u.Name, u.DisplayName = to, "Now "+to } }
	for _, name := range []string{"alicia", "ALICIA"} { // the second is no conflict with oneself
		alice.Name, alice.DisplayName = name, "Now "+name
		got, err := store.UpdateUser(ctx, alice.ID, rename(name))
		if diff := cmp.Diff(alice, got); err != nil || diff != "" {
			t.Errorf("renamed to %q: %v\n%s", name, err, diff)
		}
	}
	if _, err := store.UpdateUser(ctx, alice.ID, rename("BOB")); !errors.Is(err, ErrUsernameTaken) {
		t.Errorf("renamed to another user's name: %v", err)
	}
	if _, err := store.UpdateUser(ctx, []byte("nobody"), rename("carol")); !errors.Is(err, ErrNotFound) {
		t.Errorf("renamed nobody: %v", err)
	}
	if got, err := store.UserByName(ctx, "alicia"); err != nil || !cmp.Equal(got, alice) {
		t.Errorf("by the new name: %v, %v", got, err)
	}
	if _, err := store.UserByName(ctx, "alice"); !errors.Is(err, ErrNotFound) {
		t.Errorf("by the old name: %v", err)
	}
	first, err := store.DecoyKey(ctx, []byte("first"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := store.DecoyKey(ctx, []byte("second"))
	if err != nil || !bytes.Equal(first, second) || string(first) != "first" {
		t.Errorf("decoy key %q, then %q, %v", first, second, err)
	}
}

func testStoreDeletedUsers(t *testing.T, store Store) {
	t.Helper()
	ctx := t.Context()
	alice, bob := storeUser("Alice"), storeUser("bob")
	gone, kept := storePasskey(alice, "gone"), storePasskey(bob, "kept")
	if err := errors.Join(
		store.CreateUser(ctx, alice), store.CreateUser(ctx, bob), store.AddPasskey(ctx, gone), store.AddPasskey(ctx, kept),
	); err != nil {
		t.Fatal(err)
	}
	if err := store.DeleteUser(ctx, alice.ID); err != nil {
		t.Fatal(err)
	}
	if err := store.DeleteUser(ctx, alice.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
	if _, err := store.User(ctx, alice.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("deleted user: %v", err)
	}
	if _, err := store.Passkey(ctx, gone.CredentialID); !errors.Is(err, ErrNotFound) {
		t.Errorf("deleted user's passkey: %v", err)
	}
	heir := storeUser("alice")
	gone.UserID = heir.ID
	if err := errors.Join(store.CreateUser(ctx, heir), store.AddPasskey(ctx, gone)); err != nil {
		t.Errorf("the name and the credential id again: %v", err)
	}
	got, err := store.Passkeys(ctx, bob.ID)
	if diff := cmp.Diff([]Passkey{kept}, got); err != nil || diff != "" {
		t.Errorf("bob's passkeys: %v\n%s", err, diff)
	}
	locked, err := store.UpdateUser(ctx, bob.ID, func(u *User) { u.Locked = true })
	if err != nil || !locked.Locked {
		t.Errorf("locked: %+v, %v", locked, err)
	}
	if got, err := store.User(ctx, bob.ID); err != nil || !got.Locked {
		t.Errorf("bob: %+v, %v", got, err)
	}
}

func testStorePasskeys(t *testing.T, store Store) {
	t.Helper()
	ctx := t.Context()
	alice, bob := storeUser("alice"), storeUser("bob")
	used, unused := storePasskey(alice, "used"), storePasskey(alice, "unused")
	unused.LastUsedAt, unused.Transports = time.Time{}, nil
	for _, user := range []User{alice, bob} {
		if err := store.CreateUser(ctx, user); err != nil {
			t.Fatal(err)
		}
	}
	for _, passkey := range []Passkey{used, unused} {
		if err := store.AddPasskey(ctx, passkey); err != nil {
			t.Fatal(err)
		}
	}
	stolen := storePasskey(bob, "used")
	stolen.ID = "another"
	if err := store.AddPasskey(ctx, stolen); !errors.Is(err, ErrCredentialTaken) {
		t.Errorf("same credential id again: %v", err)
	}
	got, err := store.Passkeys(ctx, alice.ID)
	if diff := cmp.Diff([]Passkey{used, unused}, got); err != nil || diff != "" {
		t.Errorf("alice's passkeys: %v\n%s", err, diff)
	}
	if got, err := store.Passkeys(ctx, bob.ID); err != nil || len(got) != 0 {
		t.Errorf("bob's passkeys: %v, %v", got, err)
	}
	one, err := store.Passkey(ctx, used.CredentialID)
	if diff := cmp.Diff(used, one); err != nil || diff != "" {
		t.Errorf("passkey: %v\n%s", err, diff)
	}
	if err := store.DeletePasskey(ctx, used.CredentialID); err != nil {
		t.Fatal(err)
	}
	if err := store.DeletePasskey(ctx, used.CredentialID); !errors.Is(err, ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
	if _, err := store.Passkey(ctx, used.CredentialID); !errors.Is(err, ErrNotFound) {
		t.Errorf("deleted passkey: %v", err)
	}
	if got, err := store.Passkeys(ctx, alice.ID); err != nil || len(got) != 1 {
		t.Errorf("left after deleting: %v, %v", got, err)
	}
}

func testStoreUpdates(t *testing.T, store Store) {
	t.Helper()
	ctx := t.Context()
	alice := storeUser("alice")
	passkey := storePasskey(alice, "one")
	passkey.SignCount = 0
	if err := errors.Join(store.CreateUser(ctx, alice), store.AddPasskey(ctx, passkey)); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if _, err := store.UpdatePasskey(ctx, passkey.CredentialID, func(p *Passkey) { p.SignCount++ }); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	want := passkey
	want.SignCount, want.Name, want.LastUsedAt = 20, "Renamed", storeTime.Add(time.Hour)
	want.UserVerified, want.BackedUp, want.CloneWarning = false, false, false
	got, err := store.UpdatePasskey(ctx, passkey.CredentialID, func(p *Passkey) {
		p.Name, p.LastUsedAt, p.UserVerified, p.BackedUp, p.CloneWarning = want.Name, want.LastUsedAt, false, false, false
	})
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("updated: %v\n%s", err, diff)
	}
	stored, err := store.Passkey(ctx, passkey.CredentialID)
	if diff := cmp.Diff(want, stored); err != nil || diff != "" {
		t.Errorf("stored: %v\n%s", err, diff)
	}
	if _, err := store.UpdatePasskey(ctx, []byte("none"), func(*Passkey) { t.Error("called for nothing") }); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown passkey: %v", err)
	}
}

func TestSQLiteSurvivesARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rp.db")
	w := newWallet(virtualwebauthn.AuthenticatorOptions{BackupEligible: true, BackupState: true})
	w.credential.Counter = 1
	run := func(visit func(*site, *visitor)) {
		store, err := OpenSQLite(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		s := newSite(t, func(c *Config) { c.Store = store })
		visit(s, s.visitor(t))
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var decoy []descriptor
	run(func(_ *site, v *visitor) {
		v.signup("alice")
		v.register(w)
		w.credential.Counter = 2
		v.login(w, "alice")
		decoy = v.request("nobody").AllowCredentials
	})
	run(func(s *site, v *visitor) {
		if diff := cmp.Diff(decoy, v.request("nobody").AllowCredentials); diff != "" {
			t.Error("decoys changed:\n" + diff)
		}
		stored, err := s.store.Passkey(t.Context(), w.credential.ID)
		if err != nil {
			t.Fatal(err)
		}
		if !stored.BackupEligible || !stored.BackedUp || !stored.UserVerified || stored.SignCount != 2 {
			t.Errorf("after a restart: %+v", stored)
		}
		v.do("POST", "/api/login/result", credentialBody(w.get(t, v.request("alice"))), 401, nil)
		w.credential.Counter = 3
		v.login(w, "alice")
	})
}

func TestSQLiteTakesAnOlderVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rp.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		schema, `PRAGMA user_version = 1`,
		`INSERT INTO users (id, name, name_key, display_name, open_enrollment, created_at) VALUES (x'01', 'Alice', 'alice', 'A', 0, 0)`,
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time it is the newest
		store, err := OpenSQLite(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := store.UserByName(t.Context(), "alice")
		if diff := cmp.Diff(User{ID: []byte{1}, Name: "Alice", DisplayName: "A"}, got); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSQLiteRefusesAnotherVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rp.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(context.Background(), `PRAGMA user_version = 99`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenSQLite(t.Context(), path); err == nil || !strings.Contains(err.Error(), "version 99") {
		t.Errorf("opening a future file: %v", err)
	}
}
