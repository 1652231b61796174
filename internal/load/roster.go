package load

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"iter"

	"github.com/passrig/passrig/internal/engine"
	"github.com/passrig/passrig/internal/load/fleet"
	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
)

// Roster is users who are at a relying party without having registered there. A load without prepare, of the same seed
// and provider, takes its users to be these.
type Roster struct {
	fleet *fleet.Fleet
	seed  uint64
}

// Member is what a relying party knows of a user and their passkey.
type Member struct {
	Username, DisplayName string
	Handle                []byte // the user handle, 32 bytes
	CredentialID          []byte
	PublicKey             []byte // COSE_Key
	Algorithm             int64  // COSE algorithm identifier
	AAGUID                []byte // 16 bytes
	SignCount             uint32
	BackupEligible        bool
	BackedUp              bool
}

// handleOf is the user handle of a user who is taken to be at the relying party.
func handleOf(seed uint64, user int64) [sha256.Size]byte {
	text := binary.BigEndian.AppendUint64([]byte("passrig user handle"), seed)
	return sha256.Sum256(binary.BigEndian.AppendUint64(text, uint64(user))) //nolint:gosec // an index is never negative
}

// NewRoster makes the users 0 to count-1 of a seed, with passkeys as a provider has them; an empty name is the default
// one. Close it.
func NewRoster(seed uint64, count int64, provider string) (*Roster, error) {
	device, err := engine.DeviceConfig(nil, provider, nil)
	if err != nil {
		return nil, err
	}
	users, err := fleet.New(fleet.Config{Seed: seed, Count: count, Device: device, Signing: fleet.SigningFresh})
	if err != nil {
		return nil, err
	}
	return &Roster{users, seed}, nil
}

// Close gives up what the roster holds.
func (r *Roster) Close() error { return r.fleet.Close() }

// Members yields what the relying party is to know of each user: what it would have learned from their registration.
// It ends after an error.
func (r *Roster) Members() iter.Seq2[Member, error] {
	return func(yield func(Member, error) bool) {
		var u fleet.User
		var registered fleet.Registration
		for i := range r.fleet.Count() {
			m, err := r.member(i, &u, &registered)
			if !yield(m, err) || err != nil {
				return
			}
		}
	}
}

func (r *Roster) member(i int64, u *fleet.User, registered *fleet.Registration) (Member, error) {
	r.fleet.User(i, u)
	const nowhere = "localhost" // a public key is the same at every relying party
	err := r.fleet.Register(registered, u, "https://"+nowhere, &fleet.CreationOptions{
		Options: fleet.Options{Challenge: []byte("AAAAAAAAAAAAAAAAAAAAAA"), RPID: []byte(nowhere)}, Algorithms: []webauthn.Algorithm{u.Algorithm},
	})
	if err != nil {
		return Member{}, fmt.Errorf("user %d: %w", i, err)
	}
	data, err := webauthn.ParseAuthenticatorData(registered.AuthenticatorData.Bytes)
	if err != nil {
		return Member{}, fmt.Errorf("user %d: %w", i, err)
	}
	handle := handleOf(r.seed, i)
	return Member{
		Username: string(u.Username), DisplayName: string(u.DisplayName), Handle: handle[:],
		CredentialID: bytes.Clone(data.Attested.CredentialID), PublicKey: bytes.Clone(data.Attested.PublicKey), Algorithm: int64(u.Algorithm),
		AAGUID:    bytes.Clone(data.Attested.AAGUID[:]),
		SignCount: data.SignCount, BackupEligible: data.Flags.Has(webauthn.FlagBE), BackedUp: data.Flags.Has(webauthn.FlagBS),
	}, nil
}

// Export writes the users with their private keys, as a load imports them: one JSON object on each line.
func (r *Roster) Export(w io.Writer) error {
	var line []byte
	for i := range r.fleet.Count() {
		if err := assume(r.fleet, r.seed, i); err != nil {
			return err
		}
		passkey, err := r.fleet.Passkey(i)
		if err != nil {
			return err
		}
		if line, err = fleet.ExportLine(line[:0], passkey); err != nil {
			return err
		}
		if _, err := w.Write(line); err != nil {
			return err
		}
	}
	return nil
}

// assume takes a user to be at the relying party already.
func assume(users *fleet.Fleet, seed uint64, user int64) error {
	handle := handleOf(seed, user)
	return users.Enroll(user, handle[:], users.Behavior().ResidentKeys != virtual.ResidentKeysNever)
}

// assume takes the users to be at the relying party already, where nothing enrolls them.
func (l *Load) assume(ctx context.Context) bool {
	if l.Plan.Prepare != nil || l.fleet.Imported() {
		return true
	}
	events := &l.cfg.Events
	events.started(Phase{Name: "users", Total: l.fleet.Count()})
	defer events.done()
	for i := range l.fleet.Count() {
		if err := assume(l.fleet, l.Seed, i); err != nil {
			l.stop.ask(err.Error())
		}
		if i%1024 == 0 || i == l.fleet.Count()-1 {
			events.progress(Progress{Done: i + 1})
			if l.stop.asked(ctx) {
				return false
			}
		}
	}
	return true
}
