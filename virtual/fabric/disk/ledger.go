package disk

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/passrig/passrig/virtual/fabric"
)

// mark names the beginning of an audit log, up to some end.
type mark struct {
	length int64  // in bytes
	hash   []byte // SHA-256 of the last line up to there, with its end
}

// Ledger is a [fabric.LedgerStore] in a file, which [fabric.VerifyLedger] reads. It is only ever added to.
type Ledger struct {
	path     string
	remember func(mark) error

	mu     sync.Mutex
	file   *os.File
	length int64
	closed bool
}

var _ fabric.LedgerStore = (*Ledger)(nil)

// openLedger opens a log that has to begin with what was seen of it.
func openLedger(path string, seen mark, remember func(mark) error) (*Ledger, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, private) //nolint:gosec // the file that the user names
	if err != nil {
		return nil, err
	}
	l := &Ledger{path: path, remember: remember, file: file}
	if err := errors.Join(l.recover(seen), syncFolder(path)); err != nil {
		return nil, errors.Join(fmt.Errorf("audit log %q: %w", path, err), file.Close())
	}
	return l, nil
}

// syncFolder makes the name of a new file durable.
func syncFolder(path string) error {
	folder, err := os.Open(filepath.Dir(path)) //nolint:gosec // the file that the user names
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// recover removes a piece of a line at the end, which a crash left, and checks what was seen.
func (l *Ledger) recover(seen mark) error {
	lines := bufio.NewReader(l.file)
	number, met := 1, seen.length == 0
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		l.length += int64(len(line))
		number++
		if l.length == seen.length {
			sum := sha256.Sum256(line)
			met = bytes.Equal(sum[:], seen.hash)
		}
	}
	if !met {
		return &fabric.LedgerError{
			Line: number, Damage: fabric.DamageTruncated,
			Problem: "the log is not the one that the state was written with, or lacks its end",
			Advice:  "both files belong together; put the newest copy of the log back",
		}
	}
	return l.file.Truncate(l.length)
}

// Append implements [fabric.LedgerStore]. The lines are on the disk when it returns. Of lines that could not be written
// nothing stays.
func (l *Ledger) Append(lines ...[]byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(lines) == 0 {
		return nil
	}
	text := append(bytes.Join(lines, []byte("\n")), '\n')
	_, err := l.file.WriteAt(text, l.length)
	if err == nil {
		err = l.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("write audit log: %w", errors.Join(err, l.file.Truncate(l.length)))
	}
	l.length += int64(len(text))
	sum := sha256.Sum256(append(bytes.Clone(lines[len(lines)-1]), '\n'))
	if err := l.remember(mark{length: l.length, hash: sum[:]}); err != nil {
		return fmt.Errorf("remember the end of the audit log: %w", err)
	}
	return nil
}

// Each implements [fabric.LedgerStore].
func (l *Ledger) Each(do func(line []byte) error) error {
	l.mu.Lock()
	length := l.length
	l.mu.Unlock()
	file, err := os.Open(l.path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // only read
	lines := bufio.NewReader(io.LimitReader(file, length))
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := do(bytes.TrimSuffix(line, []byte("\n"))); err != nil {
			return err
		}
	}
}

// Path is the log's file.
func (l *Ledger) Path() string { return l.path }

// Close closes the file. A second call does nothing.
func (l *Ledger) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	return l.file.Close()
}
