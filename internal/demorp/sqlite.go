package demorp

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	_ "modernc.org/sqlite" // the database/sql driver
)

// migrations lead from one version of the schema to the next. The version, kept in the file's user_version, is how many
// of them a file has been through.
func migrations() []string {
	return []string{schema, `ALTER TABLE users ADD COLUMN locked INTEGER NOT NULL DEFAULT 0`}
}

// schema is the first version.
const schema = `
CREATE TABLE users (
	id              BLOB PRIMARY KEY,
	name            TEXT NOT NULL,
	name_key        TEXT NOT NULL UNIQUE,
	display_name    TEXT NOT NULL,
	open_enrollment INTEGER NOT NULL,
	created_at      INTEGER NOT NULL
) STRICT;
CREATE TABLE passkeys (
	sequence        INTEGER PRIMARY KEY,
	id              TEXT NOT NULL UNIQUE,
	user_id         BLOB NOT NULL REFERENCES users (id),
	credential_id   BLOB NOT NULL UNIQUE,
	public_key      BLOB NOT NULL,
	name            TEXT NOT NULL,
	algorithm       INTEGER NOT NULL,
	transports      TEXT NOT NULL,
	aaguid          BLOB NOT NULL,
	attestation     TEXT NOT NULL,
	sign_count      INTEGER NOT NULL,
	user_verified   INTEGER NOT NULL,
	backup_eligible INTEGER NOT NULL,
	backed_up       INTEGER NOT NULL,
	clone_warning   INTEGER NOT NULL,
	created_at      INTEGER NOT NULL,
	last_used_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX passkeys_by_user ON passkeys (user_id, sequence);
CREATE TABLE secrets (
	name  TEXT PRIMARY KEY,
	value BLOB NOT NULL
) STRICT;`

//nolint:gosec // column names, not credentials
const (
	userColumns    = `id, name, display_name, open_enrollment, locked, created_at`
	passkeyColumns = `id, user_id, credential_id, public_key, name, algorithm, transports, aaguid, attestation,
		sign_count, user_verified, backup_eligible, backed_up, clone_warning, created_at, last_used_at`
)

// SQLiteStore is a [Store] in one SQLite file.
type SQLiteStore struct{ db *sql.DB }

var _ Store = (*SQLiteStore)(nil)

// OpenSQLite opens the store in a file, creating it when it does not exist.
func OpenSQLite(ctx context.Context, path string) (*SQLiteStore, error) {
	query := url.Values{
		"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(NORMAL)", "foreign_keys(1)"},
		"_txlock": {"immediate"},
	}
	source := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: query.Encode()}
	db, err := sql.Open("sqlite", source.String())
	if err != nil {
		return nil, fmt.Errorf("open store %q: %w", path, err)
	}
	store := &SQLiteStore{db}
	if err := store.migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %q: %w", path, err), db.Close())
	}
	return store, nil
}

// Close closes the file. The store is of no use afterwards.
func (s *SQLiteStore) Close() error { return s.db.Close() }

func (s *SQLiteStore) migrate(ctx context.Context) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		var version int
		if err := tx.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version); err != nil {
			return err
		}
		all := migrations()
		if version > len(all) {
			return fmt.Errorf("schema version %d, this program knows version %d", version, len(all))
		}
		for _, migration := range all[version:] {
			if _, err := tx.ExecContext(ctx, migration); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, fmt.Sprintf(`PRAGMA user_version = %d`, len(all)))
		return err
	})
}

// CreateUser implements [Store].
func (s *SQLiteStore) CreateUser(ctx context.Context, user User) error {
	result, err := s.db.ExecContext(ctx,
		`INSERT INTO users (`+userColumns+`, name_key) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		user.ID, user.Name, user.DisplayName, user.OpenEnrollment, user.Locked, user.CreatedAt.UnixMilli(), nameKey(user.Name))
	return oneRow(result, err, ErrUsernameTaken)
}

// User implements [Store].
func (s *SQLiteStore) User(ctx context.Context, id []byte) (User, error) {
	return scanUser(s.db.QueryRowContext(ctx, selectUser, id))
}

const selectUser = `SELECT ` + userColumns + ` FROM users WHERE id = ?`

// UserByName implements [Store].
func (s *SQLiteStore) UserByName(ctx context.Context, name string) (User, error) {
	return scanUser(s.db.QueryRowContext(ctx, `SELECT `+userColumns+` FROM users WHERE name_key = ?`, nameKey(name)))
}

// UpdateUser implements [Store].
func (s *SQLiteStore) UpdateUser(ctx context.Context, id []byte, change func(*User)) (User, error) {
	var u User
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		var err error
		if u, err = scanUser(tx.QueryRowContext(ctx, selectUser, id)); err != nil {
			return err
		}
		change(&u)
		result, err := tx.ExecContext(ctx, `UPDATE OR IGNORE users SET name = ?, name_key = ?, display_name = ?, locked = ? WHERE id = ?`,
			u.Name, nameKey(u.Name), u.DisplayName, u.Locked, id)
		return oneRow(result, err, ErrUsernameTaken)
	})
	return u, err
}

// DeleteUser implements [Store].
func (s *SQLiteStore) DeleteUser(ctx context.Context, id []byte) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM passkeys WHERE user_id = ?`, id); err != nil {
			return err
		}
		result, err := tx.ExecContext(ctx, `DELETE FROM users WHERE id = ?`, id)
		return oneRow(result, err, ErrNotFound)
	})
}

// AddPasskey implements [Store].
func (s *SQLiteStore) AddPasskey(ctx context.Context, p Passkey) error {
	transports, err := json.Marshal(p.Transports)
	if err != nil {
		return err
	}
	result, err := s.db.ExecContext(ctx, `INSERT INTO passkeys (`+passkeyColumns+`)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (credential_id) DO NOTHING`,
		p.ID, p.UserID, p.CredentialID, p.PublicKey, p.Name, p.Algorithm, string(transports), p.AAGUID, p.Attestation,
		p.SignCount, p.UserVerified, p.BackupEligible, p.BackedUp, p.CloneWarning, p.CreatedAt.UnixMilli(), millis(p.LastUsedAt))
	return oneRow(result, err, ErrCredentialTaken)
}

// Passkey implements [Store].
func (s *SQLiteStore) Passkey(ctx context.Context, credentialID []byte) (Passkey, error) {
	return scanPasskey(s.db.QueryRowContext(ctx, selectPasskey, credentialID))
}

const selectPasskey = `SELECT ` + passkeyColumns + ` FROM passkeys WHERE credential_id = ?`

// Passkeys implements [Store].
func (s *SQLiteStore) Passkeys(ctx context.Context, userID []byte) ([]Passkey, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT `+passkeyColumns+` FROM passkeys WHERE user_id = ? ORDER BY sequence`, userID)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // what matters is in rows.Err
	all := []Passkey{}
	for rows.Next() {
		passkey, err := scanPasskey(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, passkey)
	}
	return all, rows.Err()
}

// UpdatePasskey implements [Store].
func (s *SQLiteStore) UpdatePasskey(ctx context.Context, credentialID []byte, change func(*Passkey)) (Passkey, error) {
	var p Passkey
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		var err error
		if p, err = scanPasskey(tx.QueryRowContext(ctx, selectPasskey, credentialID)); err != nil {
			return err
		}
		change(&p)
		_, err = tx.ExecContext(ctx, `UPDATE passkeys SET name = ?, sign_count = ?, user_verified = ?,
			backed_up = ?, clone_warning = ?, last_used_at = ? WHERE credential_id = ?`,
			p.Name, p.SignCount, p.UserVerified, p.BackedUp, p.CloneWarning, millis(p.LastUsedAt), credentialID)
		return err
	})
	return p, err
}

// DeletePasskey implements [Store].
func (s *SQLiteStore) DeletePasskey(ctx context.Context, credentialID []byte) error {
	result, err := s.db.ExecContext(ctx, `DELETE FROM passkeys WHERE credential_id = ?`, credentialID)
	return oneRow(result, err, ErrNotFound)
}

// DecoyKey implements [Store].
func (s *SQLiteStore) DecoyKey(ctx context.Context, proposed []byte) ([]byte, error) {
	var key []byte
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx,
			`INSERT INTO secrets (name, value) VALUES ('decoy key', ?) ON CONFLICT (name) DO NOTHING`, proposed); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, `SELECT value FROM secrets WHERE name = 'decoy key'`).Scan(&key)
	})
	return key, err
}

func (s *SQLiteStore) inTx(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		_ = tx.Rollback() // the first error is the one to report
		return err
	}
	return tx.Commit()
}

// row is what *sql.Row and *sql.Rows have in common.
type row interface{ Scan(dest ...any) error }

func scanUser(r row) (User, error) {
	var u User
	var created int64
	if err := r.Scan(&u.ID, &u.Name, &u.DisplayName, &u.OpenEnrollment, &u.Locked, &created); err != nil {
		return User{}, notFound(err)
	}
	u.CreatedAt = fromMillis(created)
	return u, nil
}

func scanPasskey(r row) (Passkey, error) {
	var p Passkey
	var transports string
	var created, lastUsed int64
	if err := r.Scan(&p.ID, &p.UserID, &p.CredentialID, &p.PublicKey, &p.Name, &p.Algorithm, &transports, &p.AAGUID,
		&p.Attestation, &p.SignCount, &p.UserVerified, &p.BackupEligible, &p.BackedUp, &p.CloneWarning, &created, &lastUsed); err != nil {
		return Passkey{}, notFound(err)
	}
	if err := json.Unmarshal([]byte(transports), &p.Transports); err != nil {
		return Passkey{}, fmt.Errorf("transports of passkey %q: %w", p.ID, err)
	}
	p.CreatedAt, p.LastUsedAt = fromMillis(created), fromMillis(lastUsed)
	return p, nil
}

func notFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}

// oneRow reports none when a statement that succeeded changed nothing.
func oneRow(result sql.Result, err, none error) error {
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n > 0 {
		return err
	}
	return none
}

// millis keeps the zero time as 0.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
