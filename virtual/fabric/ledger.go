package fabric

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Action is what a [LedgerEntry] tells of.
type Action string

// Actions in the audit log.
const (
	PINSet         Action = "pin-set"      // the vault was founded with a PIN
	UnlockTried    Action = "unlock-tried" // a try begins: counted as a failure until it is known to be none
	Unlocked       Action = "unlocked"     // it was right
	Refused        Action = "refused"      // it was wrong; or there was no try left and it was not looked at
	Locked         Action = "locked"       // there are no tries left
	Destroyed      Action = "destroyed"    // there are no tries left, and the recovery is deleted
	PINReset       Action = "pin-reset"
	ResetRefused   Action = "reset-refused" // the provider has no such reset, or the device may not ask for one
	Wiped          Action = "wiped"         // all passkeys of the account are deleted
	DeviceEnrolled Action = "device-enrolled"
	DeviceRevoked  Action = "device-revoked"
)

// LedgerEntry is a line of the audit log. As JSON without white space, its members in this order, it is one line.
type LedgerEntry struct {
	Seq      int64     `json:"seq"`  // 1, 2, 3, … over all accounts
	Time     time.Time `json:"time"` // UTC, by the cloud's clock
	Account  string    `json:"account"`
	Device   string    `json:"device"`
	Action   Action    `json:"action"`
	Failures int       `json:"failures"` // of the account in a row, after this
	// Recovery is of PINSet and PINReset: SHA-256 over the recovery that is in force from here, in hexadecimal.
	Recovery string `json:"recovery,omitempty"`
	Prev     string `json:"prev"` // Hash of the entry before; of the first 64 zeros
	// Hash is SHA-256 of the line without this member, in hexadecimal.
	Hash string `json:"hash,omitempty"`
}

const noHash = "0000000000000000000000000000000000000000000000000000000000000000"

// seal sets Hash and returns the line, without its end.
func (e *LedgerEntry) seal() ([]byte, error) {
	e.Hash = ""
	line, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("audit log entry %d: %w", e.Seq, err)
	}
	sum := sha256.Sum256(line)
	e.Hash = hex.EncodeToString(sum[:])
	line = append(line[:len(line)-1], `,"hash":"`...)
	return append(append(line, e.Hash...), `"}`...), nil
}

// parseLedgerEntry reads a line as seal wrote it; any other way to write the same is an error.
func parseLedgerEntry(line []byte) (LedgerEntry, error) {
	var e LedgerEntry
	if err := json.Unmarshal(line, &e); err != nil {
		return LedgerEntry{}, err
	}
	hash := e.Hash
	again, err := e.seal()
	if err != nil {
		return LedgerEntry{}, err
	}
	if e.Hash != hash || !bytes.Equal(again, line) {
		return LedgerEntry{}, errors.New("the hash is of another text")
	}
	return e, nil
}

// LedgerHead names the last entry of an audit log, and with it all before it. The zero value is the head of an empty one.
type LedgerHead struct {
	Seq  int64  `json:"seq"`
	Hash string `json:"hash"` // hexadecimal; empty when Seq is 0
}

// String returns SEQ:HASH.
func (h LedgerHead) String() string { return strconv.FormatInt(h.Seq, 10) + ":" + h.Hash }

// ParseLedgerHead reads what String returns.
func ParseLedgerHead(text string) (LedgerHead, error) {
	number, hash, _ := strings.Cut(text, ":")
	seq, err := strconv.ParseInt(number, 10, 64)
	if err != nil || seq < 0 {
		return LedgerHead{}, fmt.Errorf("head %q: want SEQ:HASH, as in a report", text)
	}
	raw, err := hex.DecodeString(hash)
	if err != nil || len(raw) != sha256.Size && (seq > 0 || hash != "") {
		return LedgerHead{}, fmt.Errorf("head %q: want %d hexadecimal digits after the colon", text, 2*sha256.Size)
	}
	return LedgerHead{Seq: seq, Hash: strings.ToLower(hash)}, nil
}

// prev is what the next entry has to say of the one before.
func (h LedgerHead) prev() string {
	if h.Seq == 0 {
		return noHash
	}
	return h.Hash
}

// head is the head of a log that ends with e.
func (e *LedgerEntry) head() LedgerHead { return LedgerHead{Seq: e.Seq, Hash: e.Hash} }

// CheckExtension returns nil when a log with the head now goes on from the head seen by exactly these entries, as
// [Account.EntriesSince] returns them. Else the error wraps [ErrSplitView].
func CheckExtension(seen LedgerHead, entries []LedgerEntry, now LedgerHead) error {
	at := seen
	for _, e := range entries {
		hash := e.Hash
		if _, err := e.seal(); err != nil {
			return err
		}
		if e.Seq != at.Seq+1 || e.Prev != at.prev() || e.Hash != hash {
			return fmt.Errorf("entry %d after entry %d: %w", e.Seq, at.Seq, ErrSplitView)
		}
		at = e.head()
	}
	if at != now {
		return fmt.Errorf("entry %d: %w", at.Seq, ErrSplitView)
	}
	return nil
}

// LedgerStore keeps the lines of an audit log. Lines have no end of line in them. It is safe for concurrent use.
type LedgerStore interface {
	// Append makes the lines durable in this order. After an error the cloud does not know which are, and stops.
	Append(lines ...[]byte) error
	// Each calls do with every line from the first, and ends with its first error.
	Each(do func(line []byte) error) error
	Close() error
}

// MemoryLedger is a [LedgerStore] that lasts as long as the program.
type MemoryLedger struct {
	mu    sync.Mutex
	lines [][]byte
}

var _ LedgerStore = (*MemoryLedger)(nil)

// NewMemoryLedger returns an empty audit log.
func NewMemoryLedger() *MemoryLedger { return &MemoryLedger{} }

// Append implements [LedgerStore]. It never fails.
func (l *MemoryLedger) Append(lines ...[]byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, lines...)
	return nil
}

// Each implements [LedgerStore].
func (l *MemoryLedger) Each(do func(line []byte) error) error {
	l.mu.Lock()
	lines := slices.Clip(l.lines)
	l.mu.Unlock()
	for _, line := range lines {
		if err := do(line); err != nil {
			return err
		}
	}
	return nil
}

// Close implements [LedgerStore]. The log stays as it is, for the next cloud.
func (l *MemoryLedger) Close() error { return nil }

// Clone returns a copy: what somebody would have who wants to show an old log.
func (l *MemoryLedger) Clone() *MemoryLedger {
	l.mu.Lock()
	defer l.mu.Unlock()
	return &MemoryLedger{lines: slices.Clone(l.lines)}
}
