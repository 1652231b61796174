package fabric

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Member is a device that is let into the vault.
type Member struct {
	Device    string         `json:"device"`
	PublicKey []byte         `json:"publicKey"` // X25519, 32 bytes
	Secrets   map[int][]byte `json:"secrets"`   // by epoch, sealed to PublicKey; with the current one
}

// MemberState says whether a device may read and write records.
type MemberState string

// States of a member.
const (
	MemberEnrolled  MemberState = "enrolled"
	MemberRevoked   MemberState = "revoked"
	MemberSignedOut MemberState = "signed-out"
)

// MemberView is what everybody may know of a member.
type MemberView struct {
	Device    string
	PublicKey []byte
	State     MemberState
	Since     time.Time // when it came into this state, by the cloud's clock
}

// member is what the journal keeps of a device under keyMember. It is replaced, never changed.
type member struct {
	Member

	State MemberState `json:"state"`
	Since time.Time   `json:"since"`
}

// JoinRequest is a device's wish to be let in by one that is.
type JoinRequest struct {
	Device    string    `json:"device"`
	PublicKey []byte    `json:"publicKey"`
	Asked     time.Time `json:"asked"`
}

// newMember checks m and returns it as an enrolled one of an epoch.
func (a *Account) newMember(m Member, epoch int) (*member, error) {
	if m.Device == "" {
		return nil, errors.New("a device without a name")
	}
	if len(m.PublicKey) != secretSize {
		return nil, fmt.Errorf("public key of %d bytes, want %d", len(m.PublicKey), secretSize)
	}
	if m.Secrets[epoch] == nil {
		return nil, fmt.Errorf("no secret of epoch %d: %w", epoch, ErrEpoch)
	}
	m.Secrets = maps.Clone(m.Secrets)
	return &member{Member: m, State: MemberEnrolled, Since: a.cloud.cfg.Clock()}, nil
}

// member returns what is known of a device, nil when nothing is.
func (a *Account) member(device string) *member {
	for _, m := range a.members {
		if m.Device == device {
			return m
		}
	}
	return nil
}

// enrolled returns a device that may read and write, or why it may not.
func (a *Account) enrolled(device string) (*member, error) {
	m := a.member(device)
	switch {
	case m == nil || m.State == MemberSignedOut:
		return nil, ErrNotEnrolled
	case m.State == MemberRevoked:
		return nil, ErrRevoked
	}
	return m, nil
}

// setMember puts a member in its place.
func (s *state) setMember(m *member) {
	i, found := slices.BinarySearchFunc(s.members, m.Device, func(m *member, name string) int { return cmp.Compare(m.Device, name) })
	if found {
		s.members[i] = m
		return
	}
	s.members = slices.Insert(s.members, i, m)
}

// Members lists all devices that are or were enrolled, by name.
func (a *Account) Members() []MemberView {
	a.mu.Lock()
	defer a.mu.Unlock()
	views := make([]MemberView, len(a.members))
	for i, m := range a.members {
		views[i] = MemberView{Device: m.Device, PublicKey: m.PublicKey, State: m.State, Since: m.Since}
	}
	return views
}

// Secrets returns the vault secrets sealed to a device's key, by epoch.
func (a *Account) Secrets(device string) (map[int][]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	m, err := a.enrolled(device)
	if err != nil {
		return nil, fmt.Errorf("secrets for %q: %w", device, err)
	}
	return maps.Clone(m.Secrets), nil
}

// Enroll lets in the device that a ticket was given to by [Account.Try]. m.Secrets needs the secret of the current epoch:
// if that is another one by now, the error wraps [ErrEpoch], and the ticket stays good.
func (a *Account) Enroll(m Member, ticket Ticket) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	err := a.cloud.running()
	if err == nil && (m.Device == "" || a.tickets[ticket] != m.Device) {
		err = ErrTicket
	}
	if err == nil {
		err = a.join(m)
	}
	if err != nil {
		return fmt.Errorf("enroll %q: %w", m.Device, err)
	}
	delete(a.tickets, ticket)
	return nil
}

// join makes a device a member. The log comes first: nobody is in who is not in the log.
func (a *Account) join(m Member) error {
	if !a.vault.Founded {
		return ErrNotFounded
	}
	joined, err := a.newMember(m, a.vault.Epoch)
	if err != nil {
		return err
	}
	if err := a.note(a.mark(m.Device, DeviceEnrolled, a.tries.failures)); err != nil {
		return err
	}
	changes := []Entry{a.entry(keyMember+m.Device, joined)}
	asked := a.request(m.Device)
	if asked >= 0 {
		changes = append(changes, a.entry(keyRequest+m.Device, nil))
	}
	if err := a.cloud.keep(changes...); err != nil {
		return err
	}
	a.setMember(joined)
	if asked >= 0 {
		a.requests = slices.Delete(a.requests, asked, asked+1)
	}
	return nil
}

// request returns the index of a device's request, -1 without one.
func (a *Account) request(device string) int {
	return slices.IndexFunc(a.requests, func(r JoinRequest) bool { return r.Device == device })
}

// Request asks the enrolled devices to let one in. A new request of a device takes the place of its last one.
func (a *Account) Request(device string, publicKey []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := JoinRequest{Device: device, PublicKey: publicKey, Asked: a.cloud.cfg.Clock()}
	err := a.cloud.running()
	switch {
	case err != nil:
	case !a.vault.Founded:
		err = ErrNotFounded
	case device == "" || len(publicKey) != secretSize:
		err = fmt.Errorf("a request needs a name and a public key of %d bytes", secretSize)
	default:
		err = a.cloud.keep(a.entry(keyRequest+device, r))
	}
	if err != nil {
		return fmt.Errorf("ask for %q: %w", device, err)
	}
	a.setRequest(r)
	return nil
}

func (a *Account) setRequest(r JoinRequest) {
	if i := a.request(r.Device); i >= 0 {
		a.requests = slices.Delete(a.requests, i, i+1)
	}
	a.requests = append(a.requests, r)
}

// Requests lists the devices that ask to be let in, in the order in which they asked.
func (a *Account) Requests() []JoinRequest {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.requests)
}

// Approve lets in a device that has asked, with secrets that the approver sealed to its key. The error wraps
// [ErrNoRequest] when it has not asked with this key, [ErrEpoch] when the epoch is another one by now.
func (a *Account) Approve(approver string, m Member) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	err := a.cloud.running()
	if err == nil {
		_, err = a.enrolled(approver)
	}
	if err == nil {
		if i := a.request(m.Device); i < 0 || !bytes.Equal(a.requests[i].PublicKey, m.PublicKey) {
			err = ErrNoRequest
		}
	}
	if err == nil {
		err = a.join(m)
	}
	if err != nil {
		return fmt.Errorf("approve %q on %q: %w", m.Device, approver, err)
	}
	return nil
}

// Revoke shuts a device out until it unlocks the vault again, or is approved. The cloud forgets the secrets that it has for
// it; what the device has is its own, so the epoch should be rotated next.
func (a *Account) Revoke(by, device string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	err := a.cloud.running()
	if err == nil {
		_, err = a.enrolled(by)
	}
	if err == nil {
		err = a.leave(device, MemberRevoked)
	}
	if err != nil {
		return fmt.Errorf("revoke %q on %q: %w", device, by, err)
	}
	return nil
}

// SignOut takes a device out that leaves by itself.
func (a *Account) SignOut(device string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	err := a.cloud.running()
	if err == nil {
		err = a.leave(device, MemberSignedOut)
	}
	if err != nil {
		return fmt.Errorf("sign out %q: %w", device, err)
	}
	return nil
}

// leave takes an enrolled device out. A revocation goes into the log first: it holds even if an old state comes back.
func (a *Account) leave(device string, as MemberState) error {
	m, err := a.enrolled(device)
	if err != nil {
		return err
	}
	if as == MemberRevoked {
		if err := a.note(a.mark(device, DeviceRevoked, a.tries.failures)); err != nil {
			return err
		}
	}
	gone := a.without(m, as)
	if err := a.cloud.keep(a.entry(keyMember+device, gone)); err != nil {
		return err
	}
	a.setMember(gone)
	for ticket, holder := range a.tickets {
		if holder == device {
			delete(a.tickets, ticket)
		}
	}
	return nil
}

// without is a member that is no longer one.
func (a *Account) without(m *member, as MemberState) *member {
	return &member{
		Member: Member{Device: m.Device, PublicKey: m.PublicKey}, State: as, Since: a.cloud.cfg.Clock(),
	}
}

// Rotate begins a new epoch, the one after the current, with its secret sealed to each enrolled device and, if there is a
// recovery, to its public key. The error wraps [ErrEpoch] when another device was faster, [ErrMembers] when sealed is
// not for exactly the devices that are enrolled.
func (a *Account) Rotate(device string, epoch int, sealed map[string][]byte, recovery []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.rotate(device, epoch, sealed, recovery); err != nil {
		return fmt.Errorf("rotate to epoch %d on %q: %w", epoch, device, err)
	}
	return nil
}

func (a *Account) rotate(device string, epoch int, sealed map[string][]byte, recovery []byte) error {
	if err := a.cloud.running(); err != nil {
		return err
	}
	if _, err := a.enrolled(device); err != nil {
		return err
	}
	if !a.vault.Founded {
		return ErrNotFounded
	}
	if epoch != a.vault.Epoch+1 {
		return ErrEpoch
	}
	next := a.vault
	next.Epoch = epoch
	if r := a.recovery(); r != nil {
		if len(recovery) == 0 {
			return errors.New("no secret for the recovery")
		}
		with := *r
		with.Secrets = maps.Clone(r.Secrets)
		with.Secrets[epoch] = recovery
		next.Recoveries = []Recovery{with}
	}
	var members []*member
	changes := []Entry{a.entry(keyVault, next)}
	for _, m := range a.members {
		if m.State != MemberEnrolled {
			continue
		}
		if len(sealed[m.Device]) == 0 {
			return fmt.Errorf("no secret for %q: %w", m.Device, ErrMembers)
		}
		with := *m
		with.Secrets = maps.Clone(m.Secrets)
		with.Secrets[epoch] = sealed[m.Device]
		members = append(members, &with)
		changes = append(changes, a.entry(keyMember+m.Device, &with))
	}
	if len(members) != len(sealed) {
		return ErrMembers
	}
	if err := a.cloud.keep(changes...); err != nil {
		return err
	}
	a.vault = next
	for _, m := range members {
		a.setMember(m)
	}
	return nil
}
