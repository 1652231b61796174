package fabric

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/passrig/passrig/virtual/providers"
)

func unlockError(tb fataler, err error) *UnlockError {
	tb.Helper()
	refused, ok := errors.AsType[*UnlockError](err)
	if !ok {
		tb.Fatalf("error %v, want an UnlockError", err)
	}
	return refused
}

func try(a *Account, pin string) error {
	_, err := a.Try("phone", []byte(pin))
	return err
}

func TestNineWrongTries(t *testing.T) {
	for _, resets := range []bool{true, false} {
		t.Run(fmt.Sprintf("resets %v", resets), func(t *testing.T) {
			b := newBench(t, func(p *providers.Provider) { p.Unlock.ResetsOnSuccess = resets })
			a := b.founded(t)
			for i := 1; i <= 9; i++ {
				want := UnlockError{Kind: "incorrect", Remaining: 10 - i, Counted: true}
				if got := *unlockError(t, try(a, "wrong")); got != want {
					t.Fatalf("try %d: %+v, want %+v", i, got, want)
				}
			}
			wantErr(t, try(a, "right"), nil)
			want := UnlockState{State: UnlockOpen, Failures: 9, Attempts: 10, Tries: 10}
			if resets {
				want.Failures = 0
			}
			b.restart(t, nil)
			if got := a.UnlockState(); got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
			enroll(t, a, "phone", "right")
			left := 10 - want.Failures
			for range left {
				_ = unlockError(t, try(a, "wrong"))
			}
			if got := unlockError(t, try(a, "right")); got.Counted || got.Kind != "locked" {
				t.Errorf("after %d more wrong tries: %+v, want locked", left, got)
			}
		})
	}
}

// TestExhausted goes to the last try and beyond, for what providers do then.
func TestExhausted(t *testing.T) {
	for _, c := range []struct {
		onExhausted string
		state       LockState
		action      Action
	}{
		{providers.ExhaustedLock, UnlockLocked, Locked},
		{providers.ExhaustedDestroy, UnlockDestroyed, Destroyed},
	} {
		t.Run(c.onExhausted, func(t *testing.T) {
			b := newBench(t, func(p *providers.Provider) { p.Unlock.OnExhausted, p.Unlock.Attempts = c.onExhausted, 2 })
			a := b.founded(t)
			enroll(t, a, "tablet", "right")
			before, err := b.Snapshot()
			wantErr(t, err, nil)
			_ = unlockError(t, try(a, "wrong"))
			if got := *unlockError(t, try(a, "wrong")); got != (UnlockError{Kind: string(c.state), Counted: true}) {
				t.Errorf("the last try: %+v", got)
			}
			for _, older := range []*MemoryJournal{nil, nil, before} {
				if got := *unlockError(t, try(a, "right")); got != (UnlockError{Kind: string(c.state)}) {
					t.Errorf("the right PIN comes to %+v", got)
				}
				if _, err := a.Recovery(); unlockError(t, err).Kind != string(c.state) {
					t.Errorf("recovery: %v", err)
				}
				if got := a.UnlockState(); got.State != c.state || got.Failures != 2 {
					t.Errorf("state %+v", got)
				}
				if _, _, err := a.Pull("tablet", 0); err != nil {
					t.Errorf("a device that is enrolled: %v", err)
				}
				b.restart(t, older)
			}
			secrets := map[string][]byte{"laptop": []byte("secret"), "tablet": []byte("secret")}
			wantErr(t, a.Rotate("tablet", a.Epoch()+1, secrets, []byte("secret")), nil) // writes the vault anew
			kept := 0
			_ = b.journal.Each(func(e Entry) error {
				if e.Key == keyVault && bytes.Contains(e.Value, []byte("sealedKey")) {
					kept++
				}
				return nil
			})
			if want := map[LockState]int{UnlockLocked: 1, UnlockDestroyed: 0}[c.state]; kept != want {
				t.Errorf("%d recoveries are kept, want %d", kept, want)
			}
			got := actions(t, a)
			want := []Action{UnlockTried, Refused, UnlockTried, Refused, c.action, Refused, Refused, Refused}
			if !slices.Equal(got[len(got)-len(want):], want) {
				t.Errorf("log %v, want it to end with %v", got, want)
			}

			wantErr(t, a.ResetUnlock("phone", simpleRecovery("new", 2)), ErrNotEnrolled)
			if got := actions(t, a); got[len(got)-1] != ResetRefused {
				t.Errorf("the log ends with %v", got)
			}
			wantErr(t, a.ResetUnlock("tablet", simpleRecovery("new", 9)), ErrEpoch)
			wantErr(t, a.ResetUnlock("tablet", Recovery{}), ErrNoRecovery)
			wantErr(t, a.ResetUnlock("tablet", simpleRecovery("new", 2)), nil)
			b.restart(t, nil)
			if got := *unlockError(t, try(a, "right")); got != (UnlockError{Kind: "incorrect", Remaining: 1, Counted: true}) {
				t.Errorf("the old PIN: %+v", got)
			}
			wantErr(t, try(a, "new"), nil)
		})
	}
}

func TestResetRules(t *testing.T) {
	b := newBench(t, func(p *providers.Provider) { p.Unlock.Reset = providers.ResetNever })
	never := b.founded(t)
	wantErr(t, never.ResetUnlock("laptop", simpleRecovery("new", 1)), ErrNoReset)
	if got := actions(t, never); got[len(got)-1] != ResetRefused {
		t.Errorf("the log ends with %v", got)
	}

	b = newBench(t, func(p *providers.Provider) { p.Unlock.Reset = providers.ResetWipe })
	a := b.founded(t)
	_, err := a.Push("laptop", []Change{{Record: simpleRecord(1)}})
	wantErr(t, err, nil)
	wantErr(t, a.ResetUnlock("phone", Recovery{}), nil)
	if records, _, _ := a.Pull("laptop", 0); a.Founded() || len(records) != 1 || records[0].State != Dead {
		t.Errorf("founded %v, records %v: want all wiped", a.Founded(), records)
	}
	if got := actions(t, a); got[len(got)-1] != Wiped {
		t.Errorf("log %v", got)
	}
}

// TestOldStateKeepsCounter is a fabric that is put back to an old copy of its state again and again, to get more tries than there
// are.
func TestOldStateKeepsCounter(t *testing.T) {
	b := newBench(t)
	a := b.founded(t)
	old, err := b.Snapshot()
	wantErr(t, err, nil)
	looked := 0
	for i := range 30 {
		b.restart(t, old)
		if got := a.UnlockState().Failures; got != min(i, 10) {
			t.Fatalf("%d failures after %d tries and a restore", got, i)
		}
		if unlockError(t, try(a, "wrong")).Counted {
			looked++
		}
	}
	if looked != 10 {
		t.Errorf("%d tries were looked at, want 10", looked)
	}
}

// TestOldStateKeepsPIN puts the state back to before a PIN was reset: the old PIN does not come back with it.
func TestOldStateKeepsPIN(t *testing.T) {
	b := newBench(t)
	a := b.founded(t)
	old, err := b.Snapshot()
	wantErr(t, err, nil)
	wantErr(t, a.ResetUnlock("laptop", simpleRecovery("new", 1)), nil)
	b.restart(t, old)
	for _, pin := range []string{"right", "new"} {
		wantErr(t, try(a, pin), ErrNoRecovery)
	}
	if a.RecoveryKey() != nil {
		t.Error("the old recovery is in force")
	}
	wantErr(t, a.ResetUnlock("laptop", simpleRecovery("newer", 1)), nil) // a device that is enrolled can go on
	enroll(t, a, "phone", "newer")
	wantErr(t, a.Revoke("laptop", "phone"), nil)
	b.restart(t, old)
	if _, _, err := a.Pull("phone", 0); !errors.Is(err, ErrNotEnrolled) { // it is not in the old copy
		t.Errorf("pull: %v", err)
	}
}

func TestOldStateKeepsRevocation(t *testing.T) {
	b := newBench(t)
	a := b.founded(t)
	enroll(t, a, "phone", "right")
	old, err := b.Snapshot()
	wantErr(t, err, nil)
	wantErr(t, a.Revoke("laptop", "phone"), nil)
	b.restart(t, old)
	_, err = a.Secrets("phone")
	wantErr(t, err, ErrRevoked)
}

// TestParallelTries has 64 devices race for the last tries, some with the right PIN.
func TestParallelTries(t *testing.T) {
	for _, resets := range []bool{false, true} {
		b := newBench(t, func(p *providers.Provider) { p.Unlock.ResetsOnSuccess = resets })
		a := b.founded(t)
		const devices = 64
		var group sync.WaitGroup
		results := make([]error, devices)
		tickets := make([]Ticket, devices)
		for i := range devices {
			pin := "wrong"
			if i%16 == 15 && resets {
				pin = "right"
			}
			group.Go(func() {
				r, err := a.Try(fmt.Sprintf("device-%d", i), []byte(pin))
				results[i], tickets[i] = err, r.Ticket
			})
		}
		group.Wait()
		looked, right := 0, 0
		seen := map[Ticket]bool{}
		remaining := map[int]int{}
		for i, err := range results {
			switch {
			case err == nil:
				right++
				if seen[tickets[i]] {
					t.Error("two devices have the same ticket")
				}
				seen[tickets[i]] = true
			case unlockError(t, err).Counted:
				looked++
				remaining[unlockError(t, err).Remaining]++
			}
		}
		state := a.UnlockState()
		if state.State != UnlockLocked || state.Failures != 10 || state.Tries != int64(looked+right) {
			t.Errorf("%+v after %d wrong and %d right tries", state, looked, right)
		}
		if !resets {
			if looked != 10 {
				t.Errorf("%d tries were looked at, want exactly 10", looked)
			}
			for left := range 10 { // no split view: each count was shown once
				if remaining[left] != 1 {
					t.Errorf("%d devices were told that %d tries are left", remaining[left], left)
				}
			}
		}
		summary := verify(t, b.ledger, b.Head())
		if n := summary.Actions[UnlockTried] + summary.Actions[Refused] + summary.Actions[Unlocked] - looked - right; n != devices {
			t.Errorf("%d tries in the log, want %d", n, devices)
		}
	}
}

// brittleLedger fails at one of its writes, before or after the lines are kept.
type brittleLedger struct {
	*MemoryLedger
	left  int // writes until it fails; negative: never
	after bool
}

var errBroken = errors.New("broken")

func (l *brittleLedger) Append(lines ...[]byte) error {
	l.left--
	if l.left != 0 {
		return l.MemoryLedger.Append(lines...)
	}
	if l.after {
		_ = l.MemoryLedger.Append(lines...)
	}
	return errBroken
}

// TestTryIsDurableFirst interrupts a try at each of its writes: if the proof was looked at, the try is counted.
func TestTryIsDurableFirst(t *testing.T) {
	for write := 1; write <= 2; write++ {
		for _, after := range []bool{false, true} {
			for _, pin := range []string{"right", "wrong"} {
				b := newBench(t)
				ledger := &brittleLedger{MemoryLedger: b.ledger, after: after}
				b.cfg.Ledger = ledger
				a := b.founded(t)
				ledger.left = write
				wantErr(t, try(a, pin), ErrStopped)
				wantErr(t, try(a, pin), ErrStopped)
				wantErr(t, try(a, pin), errBroken)
				b.restart(t, nil)
				want := 1
				if write == 1 && !after || write == 2 && after && pin == "right" {
					want = 0 // nothing was looked at; or it is known to be right
				}
				if got := a.UnlockState().Failures; got != want {
					t.Errorf("write %d, kept %v, %s PIN: %d failures, want %d", write, after, pin, got, want)
				}
			}
		}
	}
}

// TestCrashAtLastTry loses the answer to the last try: there is none left, and the log gets to know.
func TestCrashAtLastTry(t *testing.T) {
	for onExhausted, want := range map[string]LockState{
		providers.ExhaustedLock: UnlockLocked, providers.ExhaustedDestroy: UnlockDestroyed,
	} {
		b := newBench(t, func(p *providers.Provider) { p.Unlock.Attempts, p.Unlock.OnExhausted = 1, onExhausted })
		ledger := &brittleLedger{MemoryLedger: b.ledger}
		b.cfg.Ledger = ledger
		a := b.founded(t)
		ledger.left = 2
		wantErr(t, try(a, "right"), ErrStopped)
		for range 2 {
			b.restart(t, nil)
			if got := a.UnlockState().State; got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
		if list := actions(t, a); list[len(list)-1] == list[len(list)-2] {
			t.Errorf("log %v: it ends twice", list)
		}
	}
}

// TestTries is a property: in any interleaving of tries, crashes, old states, resets and enrolled devices, no more than
// the maximum of wrong tries is looked at without a right one or a reset between them, and no counter goes back.
func TestTries(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		attempts := rapid.IntRange(1, 5).Draw(t, "attempts")
		resets := rapid.Bool().Draw(t, "resets on success")
		destroys := rapid.Bool().Draw(t, "destroys")
		b := newBench(t, func(p *providers.Provider) {
			p.Unlock.Attempts, p.Unlock.ResetsOnSuccess = attempts, resets
			if destroys {
				p.Unlock.OnExhausted = providers.ExhaustedDestroy
			}
		})
		ledger := &brittleLedger{MemoryLedger: b.ledger}
		b.cfg.Ledger = ledger
		a := b.founded(t)
		copies := []*MemoryJournal{b.journal.Clone()}
		pin, inARow, total := "right", 0, int64(0)
		usable := true // the journal has the recovery that is in force
		head := b.Head()
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch rapid.IntRange(0, 6).Draw(t, "step") {
			case 0, 1, 2: // a wrong try
				if usable && unlockError(t, try(a, "wrong")).Counted {
					inARow++
					total++
				}
			case 3: // a right one
				if err := try(a, pin); err == nil {
					if !usable || inARow >= attempts {
						t.Fatalf("let in after %d wrong tries", inARow)
					}
					total++
					if resets {
						inARow = 0
					}
				}
			case 4: // a crash, or an old state
				i := rapid.IntRange(0, len(copies)).Draw(t, "copy")
				if i == len(copies) {
					b.restart(t, nil)
					break
				}
				b.restart(t, copies[i])
				usable = i == len(copies)-1
			case 5: // a crash in a try
				if !usable || inARow >= attempts {
					break
				}
				ledger.left, ledger.after = rapid.IntRange(1, 2).Draw(t, "write"), rapid.Bool().Draw(t, "kept")
				wantErr(t, try(a, "wrong"), ErrStopped)
				if ledger.left == 0 && ledger.after || a.tries.failures > inARow {
					inARow++
					total++
				}
				b.restart(t, nil)
			case 6: // a new PIN
				pin = fmt.Sprintf("pin %d", len(copies))
				wantErr(t, a.ResetUnlock("laptop", simpleRecovery(pin, 1)), nil)
				inARow, usable = 0, true
				copies = append(copies, b.journal.Clone())
			}
			state := a.UnlockState()
			if inARow > attempts {
				t.Fatalf("%d wrong tries were looked at, of %d", inARow, attempts)
			}
			if state.Failures != inARow || state.Tries != total {
				t.Fatalf("%+v, want %d failures and %d tries", state, inARow, total)
			}
			if (state.State != UnlockOpen) != (inARow >= attempts) {
				t.Fatalf("%s after %d of %d", state.State, inARow, attempts)
			}
			verify(t, b.ledger, head) // it goes on from what it was
			head = b.Head()
			verify(t, b.ledger, head)
		}
	})
}

func TestUnlockErrorText(t *testing.T) {
	for want, err := range map[string]UnlockError{
		"incorrect PIN":                                {Kind: "incorrect", Remaining: -1},
		"incorrect PIN: 1 try is left":                 {Kind: "incorrect", Remaining: 1},
		"incorrect PIN: 5 tries are left":              {Kind: "incorrect", Remaining: 5},
		"unlocking is locked: there are no tries left": {Kind: "locked"},
		"unlocking is over: there are no tries left, and what the PIN opened is destroyed": {Kind: "destroyed"},
	} {
		if got := err.Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	b := newBench(t, func(p *providers.Provider) { p.Unlock.Attempts = 0 })
	a := b.founded(t)
	for range 50 {
		if got := unlockError(t, try(a, "wrong")); got.Kind != "incorrect" || got.Remaining != -1 {
			t.Fatalf("%+v, want any number of tries", got)
		}
	}
}
