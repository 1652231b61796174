package demorp

import (
	"errors"
	"slices"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
)

// ceremony is one issued challenge together with everything the relying party promised or expects with it.
type ceremony struct {
	kind             protocol.CeremonyType
	challenge        string // unpadded base64url, as clientDataJSON carries it
	expires          time.Time
	userVerification string

	// Registration: whose passkey this will be.
	user        User
	newUser     bool // the user is created with the first passkey
	conditional bool // the options were for a creation without a prompt (mediation "conditional")
	offered     []int64

	// Authentication: whether a username was given, whose passkeys that offered (nil behind decoys) and which.
	identified bool
	userID     []byte
	allowed    [][]byte
}

// Reasons why an answer's challenge is worthless.
var (
	errChallengeUnknown = errors.New("challenge was not issued to this session, or is already used")
	errChallengeExpired = errors.New("challenge has expired")
	errChallengeKind    = errors.New("challenge belongs to the other ceremony")
)

// issue makes a ceremony answerable from this session only.
func (s *session) issue(c *ceremony, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending = slices.DeleteFunc(s.pending, func(p *ceremony) bool { return p.expired(now) })
	if len(s.pending) == maxPending {
		s.pending = slices.Delete(s.pending, 0, 1)
	}
	s.pending = append(s.pending, c)
}

// take spends the challenge an answer carries (WebAuthn L3 §7.1 step 8, §7.2 step 11). It is gone from then on,
// whatever becomes of the answer, so of two answers to one challenge at most one is looked at.
func (s *session) take(kind protocol.CeremonyType, challenge string, now time.Time) (*ceremony, error) {
	if s == nil {
		return nil, errChallengeUnknown
	}
	s.mu.Lock()
	i := slices.IndexFunc(s.pending, func(p *ceremony) bool { return p.challenge == challenge })
	if i < 0 {
		s.mu.Unlock()
		return nil, errChallengeUnknown
	}
	c := s.pending[i]
	s.pending = slices.Delete(s.pending, i, i+1)
	s.mu.Unlock()

	switch {
	case c.expired(now):
		return nil, errChallengeExpired
	case c.kind != kind:
		return nil, errChallengeKind
	}
	return c, nil
}

func (c *ceremony) expired(now time.Time) bool { return !now.Before(c.expires) }
