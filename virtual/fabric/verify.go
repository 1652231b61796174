package fabric

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"
)

// LedgerError says where and how an audit log is damaged.
type LedgerError struct {
	Line    int    // from 1; one past the last when something is missing there
	Damage  Damage // what kind it is
	Problem string // one sentence part
	Advice  string // what may have happened, and what to do
}

// Damage is a kind of damage of an audit log.
type Damage string

// Kinds of damage.
const (
	DamageChanged   Damage = "changed"   // a line is not as it was written
	DamageCut       Damage = "cut"       // lines are missing before this one
	DamageReordered Damage = "reordered" // lines are in another order
	DamageDoubled   Damage = "doubled"   // a line is there again
	DamageTruncated Damage = "truncated" // the end is missing
	DamageRewritten Damage = "rewritten" // the chain is whole, but it is another one
	DamageCounter   Damage = "counter"   // the chain is whole, but a counter of failures is not what the tries come to
)

// Error implements error.
func (e *LedgerError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Problem) }

// Hint is what may have happened, and what to do.
func (e *LedgerError) Hint() string { return e.Advice }

// LedgerSummary is what a whole audit log comes to.
type LedgerSummary struct {
	Entries     int
	Head        LedgerHead
	First, Last time.Time      // of entries; zero of an empty log
	Actions     map[Action]int // how many of each
	Accounts    map[string]int // entries of each
}

// ledgerVerifier goes through an audit log line by line.
type ledgerVerifier struct {
	summary  LedgerSummary
	failures map[string]int // by account
	lines    int
}

// maxLedgerLine is the longest line of an audit log that is read, in bytes.
const maxLedgerLine = 64 << 10

// VerifyLedger reads an audit log and checks that it is whole: every line as it was written, in order, none missing
// before the end. That the end is not missing, and that it is not another log altogether, takes a head that somebody
// remembers: with want, the log has to contain it; it may go on. The error is a [*LedgerError], or of r.
func VerifyLedger(r io.Reader, want *LedgerHead) (LedgerSummary, error) {
	lines := bufio.NewReaderSize(r, maxLedgerLine)
	v := &ledgerVerifier{}
	for {
		line, err := lines.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF) && len(line) == 0:
			return v.summary, v.end(want)
		case errors.Is(err, io.EOF):
			return v.summary, &LedgerError{
				Line: v.lines + 1, Damage: DamageTruncated, Problem: "the log ends in the middle of a line",
				Advice: "after a crash while it was written, opening the fabric's state removes the piece; else the end was cut off",
			}
		case errors.Is(err, bufio.ErrBufferFull):
			return v.summary, &LedgerError{
				Line: v.lines + 1, Damage: DamageChanged, Problem: fmt.Sprintf("a line of more than %d bytes", maxLedgerLine),
				Advice: "no entry is that long: is this an audit log?",
			}
		case err != nil:
			return v.summary, fmt.Errorf("read audit log: %w", err)
		}
		e, err := v.line(line[:len(line)-1])
		if damage, ok := errors.AsType[*LedgerError](err); ok && damage.Damage == DamageCut {
			v.findMissing(lines, damage)
		}
		if err != nil {
			return v.summary, err
		}
		if want != nil && e.Seq == want.Seq && e.Hash != want.Hash {
			return v.summary, v.rewritten(want)
		}
	}
}

// line checks the next line. The error is a *LedgerError.
func (v *ledgerVerifier) line(line []byte) (LedgerEntry, error) {
	v.lines++
	e, err := parseLedgerEntry(line)
	at := v.summary.Head
	damage := &LedgerError{Line: v.lines}
	switch {
	case err != nil:
		damage.Damage = DamageChanged
		damage.Problem = fmt.Sprintf("entry %d is not as it was written: %s", at.Seq+1, err)
		damage.Advice = "the line was changed after it was written; entries before it are good"
	case e.Seq > at.Seq+1:
		damage.Damage = DamageCut
		damage.Problem = fmt.Sprintf("entry %d follows entry %d", e.Seq, at.Seq)
		damage.Advice = "what is between them was taken out"
	case e.Seq <= at.Seq:
		damage.Damage = DamageDoubled
		damage.Problem = fmt.Sprintf("entry %d again after entry %d", e.Seq, at.Seq)
		damage.Advice = "a line was put in a second time, or an older log was joined to this one"
	case e.Prev != at.prev():
		damage.Damage = DamageRewritten
		damage.Problem = fmt.Sprintf("entry %d does not go on from the entry before it", e.Seq)
		damage.Advice = "one of the two was written anew after the other"
	case !v.counts(&e):
		damage.Damage = DamageCounter
		damage.Problem = fmt.Sprintf("entry %d (%s) of account %q counts %d failures after %d", e.Seq, e.Action, e.Account, e.Failures, v.failures[e.Account])
		damage.Advice = "the log was not written by this program, or was forged as a whole"
	default:
		v.take(&e)
		return e, nil
	}
	return e, damage
}

// counts reports whether an entry's counter goes on as its action says.
func (v *ledgerVerifier) counts(e *LedgerEntry) bool {
	before := v.failures[e.Account]
	switch e.Action {
	case UnlockTried:
		return e.Failures == before+1
	case Unlocked:
		return before > 0 && (e.Failures == 0 || e.Failures == before-1)
	case PINSet, PINReset, Wiped:
		return e.Failures == 0
	case Refused, Locked, Destroyed, ResetRefused, DeviceEnrolled, DeviceRevoked:
		return e.Failures == before
	}
	return false
}

func (v *ledgerVerifier) take(e *LedgerEntry) {
	s := &v.summary
	if s.Entries == 0 {
		s.First = e.Time
		s.Actions, s.Accounts = map[Action]int{}, map[string]int{}
		v.failures = map[string]int{}
	}
	s.Entries++
	s.Head, s.Last = e.head(), e.Time
	s.Actions[e.Action]++
	s.Accounts[e.Account]++
	v.failures[e.Account] = e.Failures
}

// findMissing looks whether the entry that is missing comes later.
func (v *ledgerVerifier) findMissing(lines *bufio.Reader, damage *LedgerError) {
	missing := v.summary.Head.Seq + 1
	for {
		line, err := lines.ReadSlice('\n')
		e, bad := parseLedgerEntry(bytes.TrimSuffix(line, []byte("\n")))
		if bad == nil && e.Seq == missing {
			damage.Damage = DamageReordered
			damage.Advice = fmt.Sprintf("entry %d comes later: lines have changed places", missing)
			return
		}
		if err != nil {
			return
		}
	}
}

// end checks a log that is whole against the head that somebody remembers.
func (v *ledgerVerifier) end(want *LedgerHead) error {
	if want == nil || want.Seq <= v.summary.Head.Seq {
		return nil
	}
	return &LedgerError{
		Line: v.lines + 1, Damage: DamageTruncated,
		Problem: fmt.Sprintf("the log ends with entry %d, but entry %d has been seen", v.summary.Head.Seq, want.Seq),
		Advice:  "its end was cut off, or an old copy was put in its place",
	}
}

func (v *ledgerVerifier) rewritten(want *LedgerHead) error {
	return &LedgerError{
		Line: v.lines, Damage: DamageRewritten,
		Problem: fmt.Sprintf("entry %d is another one than was seen: its hash is not %s", want.Seq, want.Hash),
		Advice:  "the log was written anew, or it is another log",
	}
}
