package fabric

import (
	"errors"
	"fmt"
	"strconv"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// power is what journal and audit log run on: it goes off at one of their writes.
type power struct {
	left  int  // writes until then; 0: never
	after bool // the write is kept, but nobody is told
}

// write does a write if there is power.
func (p *power) write(do func()) error {
	p.left--
	if p.left != 0 || p.after {
		do()
	}
	if p.left == 0 {
		return errBroken
	}
	return nil
}

type poweredJournal struct {
	*MemoryJournal
	*power
}

func (j poweredJournal) Append(entries ...Entry) error {
	return j.write(func() { _ = j.MemoryJournal.Append(entries...) })
}

type poweredLedger struct {
	*MemoryLedger
	*power
}

func (l poweredLedger) Append(lines ...[]byte) error {
	return l.write(func() { _ = l.MemoryLedger.Append(lines...) })
}

// unless returns err, or nil when it is one of those that say that it was done already.
func unless(err error, done ...error) error {
	for _, d := range done {
		if errors.Is(err, d) {
			return nil
		}
	}
	return err
}

// life is all that an account goes through. Every step may be done a second time, when it is not known whether it was.
func life(a *Account) []func() error {
	found := func(device, pin string) func() error {
		return func() error {
			epoch := a.Epoch() + 1
			return unless(a.Found(simpleMember(device, epoch), simpleRecovery(pin, epoch)), ErrFounded)
		}
	}
	push := func(kind ChangeKind, n int, name string) func() error {
		return func() error {
			r := simpleRecord(n)
			r.Epoch, r.Meta.UserName = a.Epoch(), name
			var base int64
			if records, _ := a.Fetch("laptop", []SyncID{r.SyncID}); len(records) == 1 {
				base = records[0].Version
			}
			_, err := a.Push("laptop", []Change{{Kind: kind, Record: r, Base: base}})
			return err
		}
	}
	enter := func(device, pin string) func() error {
		return func() error {
			r, err := a.Try(device, []byte(pin))
			if err != nil {
				return err
			}
			return a.Enroll(simpleMember(device, r.Epoch), r.Ticket)
		}
	}
	wrong := func() error {
		_, err := a.Try("thief", []byte("wrong"))
		if refused, ok := errors.AsType[*UnlockError](err); ok && refused.Counted {
			return nil
		}
		return err
	}
	rotate := func() error {
		secrets := map[string][]byte{}
		for _, m := range a.Members() {
			if m.State == MemberEnrolled {
				secrets[m.Device] = []byte("secret")
			}
		}
		return a.Rotate("laptop", a.Epoch()+1, secrets, []byte("secret"))
	}
	return []func() error{
		found("laptop", "one"),
		push(Put, 1, "a"),
		wrong,
		enter("phone", "one"),
		push(Put, 2, "b"),
		wrong,
		rotate,
		push(Put, 1, "c"),
		push(Trash, 2, ""),
		func() error { return unless(a.Revoke("laptop", "phone"), ErrRevoked) },
		func() error { return a.ResetUnlock("laptop", simpleRecovery("two", a.Epoch())) },
		wrong,
		func() error { return a.Request("tablet", simpleMember("tablet").PublicKey) },
		func() error { return unless(a.Approve("laptop", simpleMember("tablet", a.Epoch())), ErrNoRequest) },
		func() error { return unless(a.SignOut("tablet"), ErrNotEnrolled) },
		func() error { return a.Wipe("laptop") },
		found("laptop", "three"),
		push(Put, 3, "d"),
		wrong,
		push(Put, 4, "e"),
		push(Delete, 4, ""),
	}
}

// outcome is what an account has come to, apart from how often steps were done.
type outcome struct {
	Records map[SyncID]string
	Members map[string]MemberState
	Founded bool
	Open    []string // PINs that have not lost their recovery
}

func outcomeOf(a *Account) outcome {
	a.mu.Lock()
	defer a.mu.Unlock()
	o := outcome{Records: map[SyncID]string{}, Members: map[string]MemberState{}, Founded: a.vault.Founded}
	for id, r := range a.records {
		o.Records[id] = fmt.Sprint(r.State, r.Meta.UserName)
	}
	for _, m := range a.members {
		o.Members[m.Device] = m.State
	}
	for _, pin := range []string{"one", "two", "three"} {
		if r, want := a.recovery(), simpleRecovery(pin); r != nil && string(r.ProofHash) == string(want.ProofHash) {
			o.Open = append(o.Open, pin)
		}
	}
	return o
}

// TestCrashAtEachWrite lets the power go off at each write of an account's life, before and after it is kept: what was
// acknowledged is there again, no counter is smaller, and the life goes on to the same end.
func TestCrashAtEachWrite(t *testing.T) {
	clean := newBench(t)
	account := clean.Account("alice")
	var ends []outcome // after each step
	var failures []int
	for i, step := range life(account) {
		if err := step(); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		ends = append(ends, outcomeOf(account))
		failures = append(failures, account.UnlockState().Failures)
	}
	crashes := 0
	for _, after := range []bool{false, true} {
		for at := 1; ; at++ {
			b := newBench(t)
			supply := &power{left: at, after: after}
			b.cfg.Journal, b.cfg.Ledger = poweredJournal{b.journal, supply}, poweredLedger{b.ledger, supply}
			a := b.Account("alice")
			crashed := false
			for i, step := range life(a) {
				before := outcomeOf(a)
				err := step()
				if errors.Is(err, ErrStopped) {
					crashed = true
					head := b.Head()
					b.restart(t, nil)
					if n := len(a.vault.Recoveries); n > 1 {
						t.Fatalf("write %d, step %d: %d recoveries are kept", at, i, n)
					}
					verify(t, b.ledger, head)
					if got := outcomeOf(a); !gocmp.Equal(got, before) && !gocmp.Equal(got, ends[i]) {
						t.Fatalf("write %d, step %d: neither as before nor as after it: %s", at, i, gocmp.Diff(before, got))
					}
					if got := a.UnlockState().Failures; i > 0 && got < min(failures[i-1], failures[i]) {
						t.Fatalf("write %d, step %d: %d failures, there were %d", at, i, got, failures[i-1])
					}
					err = step()
				}
				if err != nil {
					t.Fatalf("write %d, step %d: %v", at, i, err)
				}
				if diff := gocmp.Diff(ends[i], outcomeOf(a)); diff != "" {
					t.Fatalf("write %d, after step %d: %s", at, i, diff)
				}
			}
			b.restart(t, nil)
			if diff := gocmp.Diff(ends[len(ends)-1], outcomeOf(a)); diff != "" {
				t.Fatalf("write %d, at the end: %s", at, diff)
			}
			if !crashed {
				break
			}
			crashes++
		}
	}
	if crashes < 60 {
		t.Errorf("only %d crashes", crashes)
	}
}

// TestStoppedCloud has an error of the journal stop everything that would have to be kept, until the restart.
func TestStoppedCloud(t *testing.T) {
	b := newBench(t)
	a := b.founded(t)
	supply := &power{left: 1}
	b.cfg.Journal = poweredJournal{b.journal, supply}
	if _, err := a.Push("laptop", []Change{{Record: simpleRecord(1)}}); !errors.Is(err, errBroken) {
		t.Fatalf("error %v, want the journal's", err)
	}
	steps := append(life(a), func() error { _, _, err := a.Pull("laptop", 0); return err })
	for i, step := range steps {
		if err := step(); !errors.Is(err, ErrStopped) {
			t.Errorf("step %d: error %v, want that the cloud has stopped", i, err)
		}
	}
	b.restart(t, nil)
	if records, head, err := a.Pull("laptop", 0); err != nil || len(records) != 0 || head != 0 {
		t.Errorf("after the restart: %v up to %d, %v", records, head, err)
	}
}

// TestJournalKeepsLastValues writes and takes away keys until the journal has to make room.
func TestJournalKeepsLastValues(t *testing.T) {
	j := NewMemoryJournal()
	want := map[string]string{}
	for i := range 1000 {
		key := strconv.Itoa(i % 90)
		e := Entry{Account: "a", Key: key, Value: fmt.Append(nil, i)}
		want[key] = strconv.Itoa(i)
		if i%90 > 10 && i%7 == 0 {
			e.Value = nil
			delete(want, key)
		}
		if err := j.Append(e, Entry{Account: "b", Key: "none"}); err != nil {
			t.Fatal(err)
		}
	}
	for _, journal := range []*MemoryJournal{j, j.Clone()} {
		got := map[string]string{}
		_ = journal.Each(func(e Entry) error { got[e.Key] = string(e.Value); return nil })
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	wantErr(t, j.Each(func(Entry) error { return errBroken }), errBroken)
	clone := j.Clone()
	_ = clone.Append(Entry{Account: "a", Key: "new", Value: []byte("x")})
	_ = j.Each(func(e Entry) error {
		if e.Key == "new" {
			t.Error("what is written to a copy is in the journal")
		}
		return nil
	})
}

// TestUnknownEntry opens a state that another version of the program has written.
func TestUnknownEntry(t *testing.T) {
	for _, e := range []Entry{
		{Account: "a", Key: "more", Value: []byte("{}")},
		{Account: "a", Key: keyVault, Value: []byte("{")},
		{Account: "a", Key: "member/x", Value: []byte("[]")},
		{Account: "a", Key: "record/x", Value: []byte(`{"syncId":"1"}`)},
		{Account: "a", Key: "request/x", Value: []byte("1")},
	} {
		b := newBench(t)
		_ = b.journal.Append(e)
		if err := b.Restart(nil); err == nil {
			t.Errorf("%s: opened", e.Key)
		}
	}
}
