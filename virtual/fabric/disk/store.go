// Package disk keeps the state of a fabric's cloud in a SQLite file, and its audit log in a file beside it.
package disk

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"

	_ "modernc.org/sqlite" // the database/sql driver

	"github.com/passrig/passrig/virtual/fabric"
)

// schema is the first version. ledger_head has one row: what the audit log has to contain.
const schema = `
CREATE TABLE entries (
	sequence INTEGER PRIMARY KEY,
	account  TEXT NOT NULL,
	key      TEXT NOT NULL,
	value    BLOB NOT NULL,
	UNIQUE (account, key)
) STRICT;
CREATE TABLE ledger_head (
	id     INTEGER PRIMARY KEY CHECK (id = 1),
	length INTEGER NOT NULL,
	hash   BLOB NOT NULL
) STRICT;`

const (
	putEntry = `INSERT INTO entries (account, key, value) VALUES (?, ?, ?)
		ON CONFLICT (account, key) DO UPDATE SET value = excluded.value`
	removeEntry = `DELETE FROM entries WHERE account = ? AND key = ?`
	eachEntry   = `SELECT account, key, value FROM entries ORDER BY sequence`
	putHead     = `INSERT INTO ledger_head (id, length, hash) VALUES (1, ?, ?)
		ON CONFLICT (id) DO UPDATE SET length = excluded.length, hash = excluded.hash`
	readHead = `SELECT length, hash FROM ledger_head`
)

// private is the mode of new files: PINs can be guessed from what is in them. SQLite gives its own files beside the
// state's the same.
const private = 0o600

// Store is a [fabric.Journal] in a SQLite file, together with the [Ledger] beside it. One program at a time uses it.
type Store struct {
	db     *sql.DB
	ledger *Ledger

	mu                  sync.Mutex // one writer: SQLite has no more
	put, remove, toHead *sql.Stmt
	closed              bool
}

var _ fabric.Journal = (*Store)(nil)

// LedgerPath is where the audit log of a state file is.
func LedgerPath(path string) string { return path + ".ledger" }

// Open opens the state in a file, and the audit log in [LedgerPath], creating them when they do not exist. A piece of a
// line at the end of the log, left by a crash while it was written, is removed. The error wraps [*fabric.LedgerError]
// when the log does not have all that was in it when it was last written.
func Open(path string) (*Store, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, private) //nolint:gosec // the file that the user names
	if err == nil {
		err = file.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("open fabric state %q: %w", path, err)
	}
	query := url.Values{
		"_pragma": {
			"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)",
			"secure_delete(1)", // what is deleted, such as the recovery of a PIN, leaves nothing in free pages
		},
		"_txlock": {"immediate"},
	}
	source := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: query.Encode()}
	db, err := sql.Open("sqlite", source.String())
	if err != nil {
		return nil, fmt.Errorf("open fabric state %q: %w", path, err)
	}
	db.SetMaxOpenConns(1)
	s := &Store{db: db}
	if err := s.open(path); err != nil {
		return nil, errors.Join(fmt.Errorf("open fabric state %q: %w", path, err), db.Close())
	}
	return s, nil
}

func (s *Store) open(path string) error {
	ctx := context.Background()
	if err := s.migrate(ctx); err != nil {
		return err
	}
	for text, statement := range map[string]**sql.Stmt{putEntry: &s.put, removeEntry: &s.remove, putHead: &s.toHead} {
		var err error
		if *statement, err = s.db.PrepareContext(ctx, text); err != nil {
			return err
		}
	}
	var seen mark
	err := s.db.QueryRowContext(ctx, readHead).Scan(&seen.length, &seen.hash)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	s.ledger, err = openLedger(LedgerPath(path), seen, s.remember)
	return err
}

func (s *Store) migrate(ctx context.Context) error {
	var version int
	if err := s.db.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version); err != nil {
		return err
	}
	switch version {
	case 1:
		return nil
	case 0:
		return s.inTx(ctx, func(tx *sql.Tx) error {
			if _, err := tx.ExecContext(ctx, schema); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, `PRAGMA user_version = 1`)
			return err
		})
	}
	return fmt.Errorf("schema version %d, this program knows version 1", version)
}

func (s *Store) inTx(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// Append implements [fabric.Journal]. All entries are one transaction, on the disk when Append returns.
func (s *Store) Append(entries ...fabric.Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx := context.Background()
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		put, remove := tx.StmtContext(ctx, s.put), tx.StmtContext(ctx, s.remove)
		for _, e := range entries {
			var err error
			if e.Value == nil {
				_, err = remove.ExecContext(ctx, e.Account, e.Key)
			} else {
				_, err = put.ExecContext(ctx, e.Account, e.Key, e.Value)
			}
			if err != nil {
				return fmt.Errorf("entry %q of account %q: %w", e.Key, e.Account, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write fabric state: %w", err)
	}
	return nil
}

// remember keeps how long the audit log is, so that one that is shorter later, or another, is recognized.
func (s *Store) remember(seen mark) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.toHead.ExecContext(context.Background(), seen.length, seen.hash)
	return err
}

// Each implements [fabric.Journal].
func (s *Store) Each(do func(fabric.Entry) error) error {
	entries, err := s.all(context.Background())
	if err != nil {
		return fmt.Errorf("read fabric state: %w", err)
	}
	for _, e := range entries {
		if err := do(e); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) all(ctx context.Context) ([]fabric.Entry, error) {
	rows, err := s.db.QueryContext(ctx, eachEntry)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // what matters is in rows.Err
	var entries []fabric.Entry
	for rows.Next() {
		var e fabric.Entry
		if err := rows.Scan(&e.Account, &e.Key, &e.Value); err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, rows.Err()
}

// Ledger is the audit log beside the state.
func (s *Store) Ledger() *Ledger { return s.ledger }

// Close closes the state and the audit log. A second call does nothing.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	if err := errors.Join(s.put.Close(), s.remove.Close(), s.toHead.Close(), s.db.Close(), s.ledger.Close()); err != nil {
		return fmt.Errorf("close fabric state: %w", err)
	}
	return nil
}
