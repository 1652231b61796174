package disk

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/virtual/fabric"
	"github.com/passrig/passrig/virtual/providers"
)

func check(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// provider allows any number of tries, so that a test can count them for long.
func provider(attempts int) *providers.Provider {
	return &providers.Provider{
		Name: "test", Unlock: providers.Unlock{Attempts: attempts, Reset: providers.ResetRegisteredDevice},
		Sync: &providers.Sync{Merge: providers.MergeServerWins, Delete: providers.DeleteAtOnce, Tombstones: providers.TombstonesWin},
	}
}

// openCloud opens the cloud that a file has.
func openCloud(path string, attempts int) (*fabric.Cloud, error) {
	store, err := Open(path)
	if err != nil {
		return nil, err
	}
	return fabric.Open(fabric.CloudConfig{
		Provider: provider(attempts), Clock: time.Now, Journal: store, Ledger: store.Ledger(),
	})
}

// member and recovery are what a laptop would give, as far as the cloud looks at it.
func member() fabric.Member {
	return fabric.Member{Device: "laptop", PublicKey: make([]byte, 32), Secrets: map[int][]byte{1: []byte("sealed")}}
}

func recovery() fabric.Recovery {
	hash := sha256.Sum256([]byte("right"))
	return fabric.Recovery{
		RecoveryParams: fabric.RecoveryParams{PublicKey: make([]byte, 32)},
		ProofHash:      hash[:], SealedKey: []byte("the sealed recovery key"), Secrets: map[int][]byte{1: []byte("sealed")},
	}
}

func record(n int, name string) fabric.Record {
	return fabric.Record{
		SyncID: fabric.SyncID{byte(n), byte(n >> 8)}, RPID: "example.com", CredentialID: fmt.Append(nil, n), Epoch: 1,
		Sealed: []byte(name), Meta: fabric.Meta{UserName: name}, Maker: "laptop",
	}
}

func TestStoreKeepsLastValues(t *testing.T) {
	path := filepath.Join(t.TempDir(), "name with ? and %.db")
	store, err := Open(path)
	check(t, err)
	e := func(account, key, value string) fabric.Entry {
		one := fabric.Entry{Account: account, Key: key}
		if value != "" {
			one.Value = []byte(value)
		}
		return one
	}
	check(t, store.Append(e("a", "1", "x"), e("a", "2", "y"), e("b", "1", "z")))
	check(t, store.Append(e("a", "1", "new"), e("a", "2", ""), e("c", "none", "")))
	check(t, store.Append())
	for range 2 {
		var got []fabric.Entry
		check(t, store.Each(func(e fabric.Entry) error { got = append(got, e); return nil }))
		if diff := cmp.Diff([]fabric.Entry{e("a", "1", "new"), e("b", "1", "z")}, got); diff != "" {
			t.Error(diff)
		}
		check(t, store.Close())
		check(t, store.Close())
		store, err = Open(path)
		check(t, err)
	}
	broken := errors.New("broken")
	if err := store.Each(func(fabric.Entry) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	check(t, store.Close())
	if store.Append(e("a", "1", "x")) == nil || store.Each(func(fabric.Entry) error { return nil }) == nil || store.Ledger().Append([]byte("x")) == nil {
		t.Error("a closed store was written to or read")
	}
}

func TestOpenRefuses(t *testing.T) {
	folder := t.TempDir()
	if _, err := Open(filepath.Join(folder, "no", "such", "folder")); err == nil {
		t.Error("opened in a folder that is not there")
	}
	noise := filepath.Join(folder, "noise")
	check(t, os.WriteFile(noise, bytes.Repeat([]byte("noise"), 1000), 0o600))
	if _, err := Open(noise); err == nil {
		t.Error("opened a file that is no database")
	}
	newer := filepath.Join(folder, "newer")
	store, err := Open(newer)
	check(t, err)
	_, err = store.db.Exec(`PRAGMA user_version = 2`)
	check(t, err)
	check(t, store.Close())
	if _, err := Open(newer); err == nil {
		t.Error("opened a schema of the future")
	}
	check(t, os.Mkdir(LedgerPath(filepath.Join(folder, "third")), 0o700))
	if _, err := Open(filepath.Join(folder, "third")); err == nil {
		t.Error("opened an audit log that is a folder")
	}
}

// TestLedgerEnd cuts the audit log at each byte of its last lines, and puts pieces of lines after it.
func TestLedgerEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fabric.db")
	cloud, err := openCloud(path, 10)
	check(t, err)
	check(t, cloud.Account("alice").Found(member(), recovery()))
	_, err = cloud.Account("alice").Try("phone", []byte("wrong"))
	if err == nil {
		t.Fatal("a wrong PIN was right")
	}
	head := cloud.Head()
	check(t, cloud.Close())
	whole, err := os.ReadFile(LedgerPath(path))
	check(t, err)
	lines := slices.Collect(bytes.Lines(whole))
	for at := len(whole) - len(lines[len(lines)-1]) - 20; at < len(whole); at++ {
		check(t, os.WriteFile(LedgerPath(path), whole[:at], 0o600))
		_, err := openCloud(path, 10)
		if damage, ok := errors.AsType[*fabric.LedgerError](err); !ok || damage.Damage != fabric.DamageTruncated {
			t.Fatalf("%d of %d bytes: %v, want that the end is missing", at, len(whole), err)
		}
	}
	for _, more := range []string{"", "{", `{"seq":`, string(lines[0][:len(lines[0])-1])} {
		check(t, os.WriteFile(LedgerPath(path), append(bytes.Clone(whole), more...), 0o600))
		cloud, err := openCloud(path, 10)
		check(t, err)
		if cloud.Head() != head || cloud.Account("alice").UnlockState().Failures != 1 {
			t.Errorf("with %q after it: head %v, %+v", more, cloud.Head(), cloud.Account("alice").UnlockState())
		}
		check(t, cloud.Close())
		after, err := os.ReadFile(LedgerPath(path))
		check(t, err)
		if !bytes.Equal(after, whole) {
			t.Errorf("the log was not brought back to whole lines after %q", more)
		}
	}
	check(t, os.WriteFile(LedgerPath(path), bytes.Replace(whole, []byte("laptop"), []byte("tablet"), 1), 0o600))
	_, err = openCloud(path, 10)
	if damage, ok := errors.AsType[*fabric.LedgerError](err); !ok || damage.Damage != fabric.DamageChanged || damage.Line != 1 {
		t.Errorf("a changed log: %v", err)
	}
	check(t, os.Remove(LedgerPath(path)))
	if _, err = openCloud(path, 10); err == nil {
		t.Error("opened without its log")
	}
}

// TestOldFile puts an old copy of the state's file back: tries that were made since are still made.
func TestOldFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fabric.db")
	var old []byte
	for round := range 5 {
		cloud, err := openCloud(path, 3)
		check(t, err)
		a := cloud.Account("alice")
		if round == 0 {
			check(t, a.Found(member(), recovery()))
		}
		if got := a.UnlockState().Failures; got != min(round, 3) {
			t.Fatalf("round %d: %d failures", round, got)
		}
		_, err = a.Try("phone", []byte("wrong"))
		if refused, ok := errors.AsType[*fabric.UnlockError](err); !ok || refused.Counted != (round < 3) {
			t.Errorf("round %d: %v", round, err)
		}
		check(t, cloud.Close())
		if round == 0 {
			old, err = os.ReadFile(path)
			check(t, err)
		}
		check(t, os.WriteFile(path, old, 0o600))
	}
}

// TestDestroyedIsGone looks for the recovery in the files after it was destroyed.
func TestDestroyedIsGone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fabric.db")
	store, err := Open(path)
	check(t, err)
	p := provider(1)
	p.Unlock.OnExhausted = providers.ExhaustedDestroy
	cloud, err := fabric.Open(fabric.CloudConfig{Provider: p, Clock: time.Now, Journal: store, Ledger: store.Ledger()})
	check(t, err)
	a := cloud.Account("alice")
	large := recovery() // so that it fills pages, which become free
	large.SealedKey = bytes.Repeat(large.SealedKey, 1000)
	check(t, a.Found(member(), large))
	if _, err := a.Try("phone", []byte("wrong")); err == nil {
		t.Fatal("a wrong PIN was right")
	}
	check(t, cloud.Close())
	files, err := filepath.Glob(path + "*")
	check(t, err)
	for _, file := range files {
		content, err := os.ReadFile(file)
		check(t, err)
		if bytes.Contains(content, []byte(base64.StdEncoding.EncodeToString([]byte("the sealed recovery key"))[:28])) {
			t.Errorf("%s still has it", filepath.Base(file))
		}
	}
	if len(files) != 2 {
		t.Errorf("files %v, want the state and the log", files)
	}
}

func BenchmarkPush(b *testing.B) {
	cloud, err := openCloud(filepath.Join(b.TempDir(), "fabric.db"), 0)
	check(b, err)
	a := cloud.Account("alice")
	check(b, a.Found(member(), recovery()))
	n := 0
	for b.Loop() {
		n++
		_, err := a.Push("laptop", []fabric.Change{{Record: record(n, "a")}})
		check(b, err)
	}
	check(b, cloud.Close())
}

func BenchmarkTry(b *testing.B) {
	cloud, err := openCloud(filepath.Join(b.TempDir(), "fabric.db"), 0)
	check(b, err)
	a := cloud.Account("alice")
	check(b, a.Found(member(), recovery()))
	for b.Loop() {
		_, err := a.Try("phone", []byte("right"))
		check(b, err)
	}
	check(b, cloud.Close())
}

// TestModes: nobody else reads what PINs can be guessed from.
func TestModes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fabric.db")
	store, err := Open(path)
	check(t, err)
	check(t, store.Append(fabric.Entry{Account: "a", Key: "1", Value: []byte("x")}))
	check(t, store.Ledger().Append([]byte("line")))
	for _, name := range []string{path, path + "-wal", path + "-shm", LedgerPath(path)} {
		info, err := os.Stat(name)
		check(t, err)
		if mode := info.Mode(); mode != 0o600 {
			t.Errorf("%s: mode %v", filepath.Base(name), mode)
		}
	}
	check(t, store.Close())
}

// TestFailedAppend fails to write a line of the audit log, of which a piece comes into the file: nothing of it stays in the way.
func TestFailedAppend(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fabric.db")
	store, err := Open(path)
	check(t, err)
	l := store.Ledger()
	check(t, l.Append([]byte("first")))
	_, err = l.file.WriteAt([]byte("a piece of what was too long"), l.length)
	check(t, err)
	whole := l.file
	l.file, err = os.Open(path)
	check(t, err)
	if l.Append([]byte("lost")) == nil {
		t.Error("wrote to a file that is only read")
	}
	check(t, l.file.Close())
	l.file = whole
	check(t, l.Append([]byte("second"), []byte("third")))
	var lines []string
	each := func(line []byte) error { lines = append(lines, string(line)); return nil }
	check(t, l.Each(each))
	check(t, store.Close())
	store, err = Open(path)
	check(t, err)
	check(t, store.Ledger().Each(each))
	if diff := cmp.Diff([]string{"first", "second", "third", "first", "second", "third"}, lines); diff != "" {
		t.Error(diff)
	}
	check(t, store.Close())
}
