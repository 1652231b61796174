package fleet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/passrig/passrig/internal/filelock"
)

// stateFormat is the first member of a state file.
const stateFormat = "passrig/users/1"

// headerSize is the length of a state file before its first record: one line of JSON, filled up with spaces.
const headerSize = 4096

// header is the first line of a state file: whose users these are, and where they are enrolled.
type header struct {
	Format     string     `json:"format"`
	Seed       uint64     `json:"seed"`
	Origin     string     `json:"origin"`
	RPID       string     `json:"rpId"`
	Adapter    string     `json:"adapter"`
	Count      int64      `json:"count"`
	Prefix     string     `json:"prefix"`
	Algorithms []Weighted `json:"algorithms"`
	Import     string     `json:"import,omitempty"` // SHA-256 of the imported users, in hexadecimal digits
	Eligible   bool       `json:"backupEligible"`   // a relying party may refuse a passkey whose BE flag has changed
}

// state is the state file: after the header one record for each user, which are read and written in place. Nothing of
// it is in memory.
type state struct {
	file      *os.File
	path      string // for messages
	temporary bool
	count     int64 // users of this run; the file may have more
	enrolled  atomic.Int64
	locks     [256]sync.Mutex // of records, by index modulo their number
}

// hintedError is an error with something to do about it.
type hintedError struct {
	error
	hint string
}

// Hint says what to do.
func (e *hintedError) Hint() string { return e.hint }

// Unwrap returns the error without the hint.
func (e *hintedError) Unwrap() error { return e.error }

const startOver = "delete the file to start over; the relying party may still know its users, so take another --seed with it"

// openState opens the state file, or makes it; path "" makes a temporary one without a name.
func openState(path string, h *header) (*state, error) {
	h.Format = stateFormat
	s := &state{path: path, count: h.Count}
	var err error
	if path == "" {
		s.temporary = true
		if s.file, err = os.CreateTemp("", "passrig-users-*"); err != nil {
			return nil, fmt.Errorf("users: temporary file: %w", err)
		}
		s.path = s.file.Name()
		_ = os.Remove(s.path) // what cannot be removed while it is open is removed when it is closed
	} else if s.file, err = os.OpenFile(filepath.Clean(path), os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, fmt.Errorf("state file: %w", err)
	}
	if err := s.prepare(h); err != nil {
		return nil, errors.Join(s.explain(err), s.file.Close())
	}
	return s, nil
}

// prepare locks the file, and makes it or compares it.
func (s *state) prepare(h *header) error {
	if err := filelock.Lock(s.file); err != nil {
		if errors.Is(err, filelock.ErrInUse) {
			return &hintedError{err, "wait for the other run, or take another state file and another --seed"}
		}
		return fmt.Errorf("lock: %w", err)
	}
	info, err := s.file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("not a regular file")
	}
	if info.Size() == 0 {
		if err := s.write(h); err != nil {
			return errors.Join(err, s.file.Truncate(0)) // half a file would be accepted by no later run
		}
		return nil
	}
	return s.resume(h, info.Size())
}

// write writes the header and makes room for all records.
func (s *state) write(h *header) error {
	line, err := json.Marshal(h)
	if err != nil {
		return err
	}
	if len(line) > headerSize-1 {
		return fmt.Errorf("a header of %d bytes, which is too long", len(line))
	}
	line = append(line, bytes.Repeat([]byte{' '}, headerSize-1-len(line))...)
	// The room first: a header whose records are not there would be a damaged file.
	if err := s.file.Truncate(offset(h.Count)); err != nil {
		return err
	}
	_, err = s.file.WriteAt(append(line, '\n'), 0)
	return err
}

// resume checks that the file is of these users, and whole.
func (s *state) resume(h *header, size int64) error {
	line := make([]byte, headerSize)
	n, err := s.file.ReadAt(line, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	var old header
	if json.Unmarshal(line[:n], &old) != nil || old.Format == "" {
		return &hintedError{errors.New("not a state file of passrig"), "take another path; a file that is not there is made"}
	}
	if old.Format != stateFormat {
		return &hintedError{fmt.Errorf("format %q, want %q", old.Format, stateFormat), "another version of passrig wrote it; " + startOver}
	}
	if err := old.compare(h); err != nil {
		return err
	}
	if old.Count < 1 || old.Count > maxCount {
		return &hintedError{fmt.Errorf("damaged: of %d users", old.Count), startOver}
	}
	if want := offset(old.Count); size < want {
		return &hintedError{fmt.Errorf("damaged: %d bytes long, want %d for %d users", size, want, old.Count), startOver}
	}
	if old.Count < h.Count {
		if err := s.write(h); err != nil {
			return err
		}
	}
	return s.scan(0, s.count, func(_ int64, r *record) bool {
		if r.enrolled() {
			s.enrolled.Add(1)
		}
		return true
	})
}

// compare says in what the users of the file are others. More or fewer users are no other ones.
func (h *header) compare(want *header) error {
	const hint = "run with what the file was made with, or take another file"
	for _, m := range []struct {
		name      string
		got, want any
	}{
		{"seed", h.Seed, want.Seed},
		{"origin", h.Origin, want.Origin},
		{"rp id", h.RPID, want.RPID},
		{"adapter", h.Adapter, want.Adapter},
		{"prefix", h.Prefix, want.Prefix},
		{"import", h.Import, want.Import},
		{"backup eligibility", h.Eligible, want.Eligible},
	} {
		if m.got != m.want {
			return &hintedError{fmt.Errorf("of other users: its %s is %#v, this run's is %#v", m.name, m.got, m.want), hint}
		}
	}
	if !slices.Equal(h.Algorithms, want.Algorithms) {
		err := fmt.Errorf("of other users: its algorithms are %v, this run's are %v", h.Algorithms, want.Algorithms)
		return &hintedError{err, hint}
	}
	return nil
}

// explain says which file an error is about, and what to do where that is clear.
func (s *state) explain(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, errDamagedRecord) {
		err = &hintedError{err, startOver}
	}
	if errors.Is(err, syscall.ENOSPC) {
		err = &hintedError{err, fmt.Sprintf("a user takes %d bytes", recordSize)}
	}
	if s.temporary {
		return fmt.Errorf("temporary state file %s: %w", s.path, err)
	}
	return fmt.Errorf("state file %s: %w", s.path, err)
}

// close gives the file back.
func (s *state) close() error {
	err := s.file.Close()
	if s.temporary {
		if gone := os.Remove(s.path); gone != nil && !errors.Is(gone, os.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}
	return s.explain(err)
}

// offset is where a user's record is in the file.
func offset(user int64) int64 { return headerSize + user*recordSize }

// load reads a record. Its lock is held.
func (s *state) load(user int64, r *record) error {
	if _, err := s.file.ReadAt(r[:], offset(user)); err != nil {
		return s.explain(fmt.Errorf("read user %d: %w", user, err))
	}
	if err := r.verify(user); err != nil {
		return s.explain(fmt.Errorf("user %d: %w", user, err))
	}
	return nil
}

// store writes a record. Its lock is held.
func (s *state) store(user int64, r *record) error {
	r.seal(user)
	if _, err := s.file.WriteAt(r[:], offset(user)); err != nil {
		return s.explain(fmt.Errorf("write user %d: %w", user, err))
	}
	return nil
}

func (s *state) lock(user int64) *sync.Mutex { return &s.locks[user%int64(len(s.locks))] }

// use reads a user's record. Where next is not nil, an enrolled user's counter goes on by it, for good.
func (s *state) use(user int64, r *record, next func(last uint32) uint32) error {
	mu := s.lock(user)
	mu.Lock()
	defer mu.Unlock()
	if err := s.load(user, r); err != nil {
		return err
	}
	if next == nil || !r.enrolled() {
		return nil
	}
	r.setCount(next(r.count()))
	return s.store(user, r)
}

// change reads, changes and writes a user's record.
func (s *state) change(user int64, by func(*record)) error {
	mu := s.lock(user)
	mu.Lock()
	defer mu.Unlock()
	var r record
	if err := s.load(user, &r); err != nil {
		return err
	}
	before := r.enrolled()
	by(&r)
	if err := s.store(user, &r); err != nil {
		return err
	}
	if after := r.enrolled(); after != before {
		s.enrolled.Add(map[bool]int64{true: 1, false: -1}[after])
	}
	return nil
}

// scan shows the records of users from to below until visit says stop.
func (s *state) scan(from, below int64, visit func(user int64, r *record) bool) error {
	const most = 4096
	buffer := make([]byte, most*recordSize)
	for from < below {
		n := min(most, below-from)
		chunk := buffer[:n*recordSize]
		if _, err := s.file.ReadAt(chunk, offset(from)); err != nil {
			return fmt.Errorf("read users from %d: %w", from, err)
		}
		for i := range n {
			r := (*record)(chunk[i*recordSize:])
			if err := r.verify(from + i); err != nil {
				return fmt.Errorf("user %d: %w", from+i, err)
			}
			if !visit(from+i, r) {
				return nil
			}
		}
		from += n
	}
	return nil
}
