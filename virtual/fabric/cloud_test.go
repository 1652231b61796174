package fabric

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/virtual/providers"
)

// cheap is a key derivation that costs nothing.
func cheap() KDF { return KDF{Time: 1, MemoryKiB: 8, Threads: 1} }

// testProvider returns a provider with a PIN of ten tries that lock.
func testProvider(change ...func(*providers.Provider)) *providers.Provider {
	p := &providers.Provider{
		Name: "test",
		Unlock: providers.Unlock{
			Method: providers.UnlockProviderPIN, Attempts: 10, OnExhausted: providers.ExhaustedLock,
			ResetsOnSuccess: true, Reset: providers.ResetRegisteredDevice,
		},
		Sync: &providers.Sync{
			Merge: providers.MergeServerWins, Delete: providers.DeleteTrash, TrashFor: 24 * time.Hour,
			Tombstones: providers.TombstonesWin,
		},
	}
	for _, c := range change {
		c(p)
	}
	return p
}

// bench is a cloud whose clock, journal and audit log a test has in hand.
type bench struct {
	*Cloud
	now     time.Time
	journal *MemoryJournal
	ledger  *MemoryLedger
}

type fataler interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func newBench(tb fataler, change ...func(*providers.Provider)) *bench {
	tb.Helper()
	b := &bench{
		now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), journal: NewMemoryJournal(), ledger: NewMemoryLedger(),
	}
	b.Cloud = b.open(tb, testProvider(change...))
	return b
}

func (b *bench) open(tb fataler, p *providers.Provider) *Cloud {
	tb.Helper()
	c, err := Open(CloudConfig{
		Provider: p, Clock: func() time.Time { return b.now }, Journal: b.journal, Ledger: b.ledger, KDF: cheap(),
	})
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// simpleMember is a device whose secrets are told apart, but open nothing.
func simpleMember(device string, epochs ...int) Member {
	key := sha256.Sum256([]byte(device))
	return Member{Device: device, PublicKey: key[:], Secrets: simpleSecrets(epochs)}
}

func simpleSecrets(epochs []int) map[int][]byte {
	secrets := map[int][]byte{}
	for _, epoch := range epochs {
		secrets[epoch] = fmt.Appendf(nil, "secret %d", epoch)
	}
	return secrets
}

// simpleRecovery takes the PIN itself as its proof.
func simpleRecovery(pin string, epochs ...int) Recovery {
	hash, key := sha256.Sum256([]byte(pin)), sha256.Sum256([]byte("key of "+pin))
	return Recovery{
		RecoveryParams: RecoveryParams{Salt: []byte("salt"), KDF: cheap(), PublicKey: key[:]},
		ProofHash:      hash[:], SealedKey: []byte("sealed"), Secrets: simpleSecrets(epochs),
	}
}

// simpleRecord is a record of the first epoch that opens to nothing.
func simpleRecord(n int) Record {
	return Record{
		SyncID: SyncID{0: byte(n), 15: 1}, RPID: "example.com", CredentialID: []byte{byte(n), 2, 3}, UserHandle: []byte("user"),
		Created: time.Date(2026, 1, 1, 0, 0, n, 0, time.UTC), Epoch: 1, Sealed: []byte{9, byte(n)}, Maker: "laptop",
		Meta: Meta{UserName: "alice"},
	}
}

// founded returns an account whose vault "laptop" has founded with the PIN "right".
func (b *bench) founded(tb fataler) *Account {
	tb.Helper()
	a := b.Account("alice")
	if err := a.Found(simpleMember("laptop", 1), simpleRecovery("right", 1)); err != nil {
		tb.Fatal(err)
	}
	return a
}

// enroll lets a device in with the PIN.
func enroll(tb fataler, a *Account, device, pin string) {
	tb.Helper()
	r, err := a.Try(device, []byte(pin))
	if err != nil {
		tb.Fatal(err)
	}
	if err := a.Enroll(simpleMember(device, r.Epoch), r.Ticket); err != nil {
		tb.Fatal(err)
	}
}

func (b *bench) restart(tb fataler, older *MemoryJournal) {
	tb.Helper()
	if err := b.Restart(older); err != nil {
		tb.Fatal(err)
	}
	verify(tb, b.ledger, b.Head())
}

// verify checks that an audit log is whole up to a head.
func verify(tb fataler, ledger *MemoryLedger, want LedgerHead) LedgerSummary {
	tb.Helper()
	summary, err := VerifyLedger(bytes.NewReader(text(ledger)), &want)
	if err != nil {
		tb.Fatalf("audit log: %v", err)
	}
	return summary
}

func text(ledger *MemoryLedger) []byte {
	var all []byte
	_ = ledger.Each(func(line []byte) error {
		all = append(append(all, line...), '\n')
		return nil
	})
	return all
}

func actions(tb fataler, a *Account) []Action {
	tb.Helper()
	entries, err := a.Audit()
	if err != nil {
		tb.Fatal(err)
	}
	list := make([]Action, len(entries))
	for i, e := range entries {
		list[i] = e.Action
	}
	return list
}

func wantErr(tb fataler, got, want error) {
	tb.Helper()
	if !errors.Is(got, want) {
		tb.Fatalf("error %v, want %v", got, want)
	}
}

func TestOpenRefuses(t *testing.T) {
	clock := time.Now
	for name, cfg := range map[string]CloudConfig{
		"no provider":    {Clock: clock},
		"no clock":       {Provider: testProvider()},
		"are not synced": {Clock: clock, Provider: testProvider(func(p *providers.Provider) { p.Sync = nil })},
	} {
		if _, err := Open(cfg); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v, want one about %q", err, name)
		}
	}
}

func TestFounding(t *testing.T) {
	b := newBench(t)
	a := b.Account("alice")
	if a.Founded() || a.Epoch() != 0 {
		t.Fatal("a new account has a vault")
	}
	_, err := a.Recovery()
	wantErr(t, err, ErrNotFounded)
	_, err = a.Try("phone", []byte("right"))
	wantErr(t, err, ErrNotFounded)
	wantErr(t, a.Found(simpleMember("laptop", 2), simpleRecovery("right", 1)), ErrEpoch)
	wantErr(t, a.Found(simpleMember("laptop", 1), simpleRecovery("right", 2)), ErrEpoch)
	a = b.founded(t)
	wantErr(t, a.Found(simpleMember("phone", 2), simpleRecovery("other", 2)), ErrFounded)
	if !a.Founded() || a.Epoch() != 1 {
		t.Errorf("founded %v, epoch %d", a.Founded(), a.Epoch())
	}
	if got, want := actions(t, a), []Action{PINSet, DeviceEnrolled}; !slices.Equal(got, want) {
		t.Errorf("log %v, want %v", got, want)
	}
	if a != b.Account("alice") || a == b.Account("bob") {
		t.Error("accounts are not told apart by their names")
	}
}

// TestMembership goes through a device's ways in and out, and through what it may do at each point; each point is looked at before
// and after a restart.
func TestMembership(t *testing.T) {
	b := newBench(t)
	a := b.founded(t)
	access := func(device string, want error) {
		t.Helper()
		for range 2 {
			_, pushErr := a.Push(device, []Change{{Kind: Put, Record: simpleRecord(1)}})
			_, _, pullErr := a.Pull(device, 0)
			_, fetchErr := a.Fetch(device, nil)
			_, secretsErr := a.Secrets(device)
			for _, err := range []error{pushErr, pullErr, fetchErr, secretsErr} {
				wantErr(t, err, want)
			}
			b.restart(t, nil)
		}
	}
	access("laptop", nil)
	access("phone", ErrNotEnrolled)
	wantErr(t, a.Revoke("phone", "laptop"), ErrNotEnrolled)
	wantErr(t, a.Revoke("laptop", "phone"), ErrNotEnrolled)
	wantErr(t, a.Rotate("phone", 2, nil, nil), ErrNotEnrolled)

	r, err := a.Try("phone", []byte("right"))
	wantErr(t, err, nil)
	access("phone", ErrNotEnrolled) // has unlocked, but is not in; and the restart takes the ticket
	wantErr(t, a.Enroll(simpleMember("phone", 1), r.Ticket), ErrTicket)
	wantErr(t, a.Enroll(simpleMember("phone", 1), Ticket{}), ErrTicket)
	wantErr(t, a.Enroll(Member{}, Ticket{}), ErrTicket)
	r, err = a.Try("phone", []byte("right"))
	wantErr(t, err, nil)
	wantErr(t, a.Enroll(simpleMember("tablet", 1), r.Ticket), ErrTicket)
	wantErr(t, a.Enroll(simpleMember("phone", 7), r.Ticket), ErrEpoch)
	wantErr(t, a.Enroll(simpleMember("phone", 1), r.Ticket), nil)
	wantErr(t, a.Enroll(simpleMember("phone", 1), r.Ticket), ErrTicket)
	access("phone", nil)

	wantErr(t, a.Revoke("laptop", "phone"), nil)
	access("phone", ErrRevoked)
	access("laptop", nil)
	wantErr(t, a.Wipe("phone"), ErrRevoked)
	if m := a.member("phone"); len(m.Secrets) != 0 {
		t.Errorf("the cloud keeps %d secrets for a device that is revoked", len(m.Secrets))
	}
	wantErr(t, a.Revoke("laptop", "phone"), ErrRevoked)
	enroll(t, a, "phone", "right")
	access("phone", nil)
	wantErr(t, a.SignOut("phone"), nil)
	access("phone", ErrNotEnrolled)
	wantErr(t, a.SignOut("phone"), ErrNotEnrolled)

	want := []MemberView{
		{Device: "laptop", PublicKey: simpleMember("laptop").PublicKey, State: MemberEnrolled, Since: b.now},
		{Device: "phone", PublicKey: simpleMember("phone").PublicKey, State: MemberSignedOut, Since: b.now},
	}
	if diff := cmp.Diff(want, a.Members()); diff != "" {
		t.Error(diff)
	}
}

func TestApproval(t *testing.T) {
	b := newBench(t)
	a := b.Account("alice")
	key := simpleMember("phone").PublicKey
	wantErr(t, a.Request("phone", key), ErrNotFounded)
	if err := a.Found(simpleMember("laptop", 1), Recovery{}); err != nil { // a vault without a PIN
		t.Fatal(err)
	}
	_, err := a.Try("phone", nil)
	wantErr(t, err, ErrNoRecovery)
	wantErr(t, a.Approve("laptop", simpleMember("phone", 1)), ErrNoRequest)
	if a.Request("phone", key[:5]) == nil || a.Request("", key) == nil {
		t.Error("a request without a name or key was taken")
	}
	wantErr(t, a.Request("tablet", key), nil)
	wantErr(t, a.Request("phone", bytes.Repeat([]byte{7}, 32)), nil)
	b.now = b.now.Add(time.Minute)
	wantErr(t, a.Approve("laptop", simpleMember("phone", 1)), ErrNoRequest) // another key
	wantErr(t, a.Request("phone", key), nil)
	b.restart(t, nil)
	requests := a.Requests()
	if len(requests) != 2 || requests[1].Device != "phone" || !bytes.Equal(requests[1].PublicKey, key) {
		t.Fatalf("requests %v", requests)
	}
	wantErr(t, a.Approve("phone", simpleMember("phone", 1)), ErrNotEnrolled)
	wantErr(t, a.Approve("laptop", simpleMember("phone")), ErrEpoch)
	wantErr(t, a.Approve("laptop", simpleMember("phone", 1)), nil)
	wantErr(t, a.Approve("laptop", simpleMember("phone", 1)), ErrNoRequest)
	b.restart(t, nil)
	_, _, err = a.Pull("phone", 0)
	wantErr(t, err, nil)
	if n := len(a.Requests()); n != 1 {
		t.Errorf("%d requests are left, want 1", n)
	}
	if got, want := actions(t, a), []Action{DeviceEnrolled, DeviceEnrolled}; !slices.Equal(got, want) {
		t.Errorf("log %v, want %v", got, want)
	}
}

func TestRotation(t *testing.T) {
	b := newBench(t)
	a := b.founded(t)
	enroll(t, a, "phone", "right")
	sealed := func(devices ...string) map[string][]byte {
		m := map[string][]byte{}
		for _, d := range devices {
			m[d] = []byte("secret 2")
		}
		return m
	}
	secret := []byte("secret 2")
	wantErr(t, a.Rotate("laptop", 3, sealed("laptop", "phone"), secret), ErrEpoch)
	wantErr(t, a.Rotate("laptop", 1, sealed("laptop", "phone"), secret), ErrEpoch)
	wantErr(t, a.Rotate("laptop", 2, sealed("laptop"), secret), ErrMembers)
	wantErr(t, a.Rotate("laptop", 2, sealed("laptop", "phone", "tablet"), secret), ErrMembers)
	if a.Rotate("laptop", 2, sealed("laptop", "phone"), nil) == nil {
		t.Error("a rotation that the PIN does not come along with was taken")
	}
	record := simpleRecord(1)
	record.Epoch = 2
	_, err := a.Push("laptop", []Change{{Kind: Put, Record: record}})
	wantErr(t, err, ErrEpoch)
	wantErr(t, a.Rotate("laptop", 2, sealed("laptop", "phone"), secret), nil)
	wantErr(t, a.Rotate("phone", 2, sealed("laptop", "phone"), secret), ErrEpoch) // was slower
	b.restart(t, nil)
	if a.Epoch() != 2 {
		t.Errorf("epoch %d, want 2", a.Epoch())
	}
	for _, device := range []string{"laptop", "phone"} {
		secrets, err := a.Secrets(device)
		wantErr(t, err, nil)
		if diff := cmp.Diff(simpleSecrets([]int{1, 2}), secrets); diff != "" {
			t.Errorf("%s: %s", device, diff)
		}
	}
	r, err := a.Try("tablet", []byte("right"))
	wantErr(t, err, nil)
	if diff := cmp.Diff(simpleSecrets([]int{1, 2}), r.Secrets); diff != "" || r.Epoch != 2 {
		t.Errorf("epoch %d: %s", r.Epoch, diff)
	}
	wantErr(t, a.Enroll(simpleMember("tablet", 1), r.Ticket), ErrEpoch)
	wantErr(t, a.Enroll(simpleMember("tablet", 1, 2), r.Ticket), nil)
	_, err = a.Push("laptop", []Change{{Kind: Put, Record: record}, {Kind: Put, Record: simpleRecord(2)}})
	wantErr(t, err, nil) // one of an earlier epoch too: its device was offline
}

func TestWipe(t *testing.T) {
	b := newBench(t)
	a := b.founded(t)
	enroll(t, a, "phone", "right")
	_, err := a.Push("laptop", []Change{{Record: simpleRecord(1)}, {Record: simpleRecord(2)}})
	wantErr(t, err, nil)
	old, err := b.Snapshot()
	wantErr(t, err, nil)
	wantErr(t, a.Wipe("stranger"), nil)
	for _, older := range []*MemoryJournal{nil, old} { // also an old copy of the state brings nothing back
		b.restart(t, older)
		if a.Founded() {
			t.Fatal("there is a vault after the wipe")
		}
		records, head, err := a.Pull("phone", 2)
		wantErr(t, err, nil)
		if len(records) != 2 || records[0].State != Dead || records[1].State != Dead || records[0].Sealed != nil || head != 4 {
			t.Fatalf("pulled %v up to %d, want two tombstones up to 4", records, head)
		}
		_, err = a.Push("phone", nil)
		wantErr(t, err, ErrNotFounded)
		_, err = a.Recovery()
		wantErr(t, err, ErrNotFounded)
		if secrets, _ := a.Secrets("laptop"); len(secrets) != 0 {
			t.Error("secrets are left")
		}
	}
	wantErr(t, a.Found(simpleMember("phone", 2), simpleRecovery("new", 2)), nil)
	_, _, err = a.Pull("laptop", 0)
	wantErr(t, err, ErrNotEnrolled)
	enroll(t, a, "laptop", "new")
	b.restart(t, old)
	if a.Founded() {
		t.Error("the old vault is back")
	}
}

// TestDerivingIsBounded has more devices turn PINs into keys at the same time than there is memory for.
func TestDerivingIsBounded(t *testing.T) {
	c := newBench(t).Cloud
	release := make(chan struct{})
	var group sync.WaitGroup
	for range derivingAtOnce {
		began := make(chan struct{})
		group.Go(func() {
			_ = c.derive(t.Context(), func() error {
				close(began)
				<-release
				return nil
			})
		})
		<-began
	}
	hurried, cancel := context.WithCancel(t.Context())
	cancel()
	err := c.derive(hurried, func() error {
		t.Error("there was room for one more")
		return nil
	})
	wantErr(t, err, context.Canceled)
	close(release)
	group.Wait()
	broken := errors.New("broken")
	wantErr(t, c.derive(t.Context(), func() error { return broken }), broken)
}

func TestConfigsAreKept(t *testing.T) {
	c, err := Open(CloudConfig{Provider: testProvider(), Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if c.cfg.KDF != DefaultKDF() {
		t.Errorf("KDF %v", c.cfg.KDF)
	}
	if a := c.Account("a\xffb"); a.name != "a\uFFFDb" {
		t.Errorf("name %q", a.name)
	}
	if _, err := c.Snapshot(); err == nil {
		t.Error("a snapshot without a journal")
	}
	if c.Restart(nil) == nil {
		t.Error("a restart without a journal")
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
