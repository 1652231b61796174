package demorp

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
)

// lifecycleFaults are mistakes in what becomes of challenges, passkeys and sessions.
func lifecycleFaults() []Fault {
	return slices.Concat(challengeLifeFaults(), []Fault{
		{Name: "credential-overwritten", Doc: "a registration takes the place of whatever passkey has its credential id"},
		{Name: "credential-key-replaced", Doc: "a registration with a known credential id puts its key into the passkey that is there"},
		{Name: "credential-check-then-add", Doc: "whether a credential id is new is looked up first and not when the passkey is stored"},
		{Name: "registration-replayable", Doc: "a registration's challenge stays, and who owns a passkey can register it again"},
		{Name: "refused-registration-usable", Doc: "a passkey is stored before it is verified, and signs in although no list shows it"},
		{Name: "deleted-passkey-usable", Doc: "a deleted passkey is only hidden, and still signs in"},
		{
			Name: "deleted-passkey-listed", Doc: "options go on listing deleted passkeys",
			creation: func(s *Server, o *creationOptions, c *ceremony) {
				o.ExcludeCredentials = append(o.ExcludeCredentials, descriptorsOf(s.lapses.passkeysOf(c.user.ID))...)
			},
			request: func(s *Server, o *requestOptions, c *ceremony) {
				if c.userID != nil {
					o.AllowCredentials = append(o.AllowCredentials, descriptorsOf(s.lapses.passkeysOf(c.userID))...)
				}
			},
		},
		{Name: "passkey-owner-unchecked", Doc: "who knows a passkey's id can rename and delete it"},
		{Name: "one-passkey-only", Doc: "a user can have one passkey"},
		{Name: "session-not-rotated", Doc: "a session keeps its token when its visitor signs in"},
		{Name: "deleted-account-inherited", Doc: "a deleted account's passkeys stay, and open the account of whoever takes its name"},
		{Name: "locked-account-open", Doc: "locked accounts can sign in"},
		{Name: "default-endpoints-live", Doc: "the conformance interface is also served at its standard paths"},
	})
}

func challengeLifeFaults() []Fault {
	return []Fault{
		{Name: "challenge-reusable", Doc: "a session's challenges can be answered again and again"},
		{Name: "challenge-anywhere", Doc: "a challenge can be answered from any session"},
		{Name: "challenge-stateless", Doc: "a challenge can be answered from anywhere, again and again, until it expires"},
		{Name: "challenge-any-kind", Doc: "a challenge can be answered in the other ceremony"},
		{Name: "challenge-if-any", Doc: "a challenge is compared only if one is pending"},
		{Name: "challenge-from-body", Doc: "the challenge that is compared is one beside the client data", misread: func(r *received) {
			if claimed, ok := r.credential["challenge"].(string); ok {
				r.readAs("challenge", claimed)
			}
		}},
		{
			Name: "challenge-forever", Doc: "challenges do not expire before their session",
			creation: func(s *Server, _ *creationOptions, c *ceremony) { c.expires = s.now().Add(s.cfg.SessionTTL) },
			request:  func(s *Server, _ *requestOptions, c *ceremony) { c.expires = s.now().Add(s.cfg.SessionTTL) },
		},
		{Name: "challenge-first-wins", Doc: "while a challenge is pending, new ones are sent and forgotten"},
		{Name: "challenge-check-then-spend", Doc: "a challenge is spent some time after it was compared"},
	}
}

// dawdling is the time between a look and a deed of the faults that look first.
const dawdling = 5 * time.Millisecond

// dawdle waits, as a relying party does that asks its database.
func dawdle(ctx context.Context) {
	timer := time.NewTimer(dawdling)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// issue makes a challenge answerable from the session.
func (s *Server) issue(session *session, c *ceremony, now time.Time) {
	if s.faults.has("challenge-first-wins") && slices.ContainsFunc(session.unanswered(), func(p *ceremony) bool { return p.kind == c.kind && !p.expired(now) }) {
		return
	}
	if s.faults.has("challenge-anywhere") || s.faults.has("challenge-stateless") {
		s.lapses.issued(c)
	}
	s.slot(c)
	session.issue(c, now)
}

// spend takes the challenge that an answer carries out of the session. owner is who is signed in.
func (s *Server) spend(ctx context.Context, session *session, kind protocol.CeremonyType, challenge string, owner []byte) (*ceremony, error) {
	if s.faults.has("challenge-anywhere") {
		if c := s.lapses.lookUp(challenge, true); c != nil && c.kind == kind && !c.expired(s.now()) {
			return s.adopted(c, kind, owner), nil
		}
		return nil, errChallengeUnknown
	}
	if c := s.misspent(ctx, session, kind, challenge, owner); c != nil {
		return c, nil
	}
	c, err := session.take(kind, challenge, s.now())
	if err == nil && s.slotTaken(c) {
		return nil, errChallengeUnknown
	}
	return c, err
}

// misspent is the ceremony that a fault has an answer belong to, or nil.
func (s *Server) misspent(ctx context.Context, session *session, kind protocol.CeremonyType, challenge string, owner []byte) *ceremony {
	pending := session.unanswered()
	i := slices.IndexFunc(pending, func(p *ceremony) bool { return p.challenge == challenge && !p.expired(s.now()) })
	switch {
	case s.faults.has("challenge-stateless"):
		if c := s.lapses.lookUp(challenge, false); c != nil && c.kind == kind && !c.expired(s.now()) {
			return s.adopted(c, kind, owner)
		}
	case s.faults.has("challenge-if-any"):
		if !slices.ContainsFunc(pending, func(p *ceremony) bool { return p.kind == kind }) {
			return s.adopted(&ceremony{challenge: challenge, userVerification: s.cfg.UserVerification}, kind, owner)
		}
	case i < 0:
	case s.faults.has("challenge-any-kind") && pending[i].kind != kind:
		if c, err := session.take(pending[i].kind, challenge, s.now()); err == nil {
			return s.adopted(c, kind, owner)
		}
	case pending[i].kind != kind:
	case s.faults.has("challenge-reusable"), s.faults.has("registration-replayable") && kind == protocol.CreateCeremony:
		return pending[i]
	case s.faults.has("challenge-check-then-spend") && kind == protocol.AssertCeremony:
		dawdle(ctx)
		_, _ = session.take(kind, challenge, s.now()) // if another answer has spent it, nobody looks
		return pending[i]
	}
	return nil
}

// adopted is a ceremony as one of a kind, of the user who is signed in.
func (s *Server) adopted(c *ceremony, kind protocol.CeremonyType, owner []byte) *ceremony {
	mine := *c
	mine.kind = kind
	if kind == protocol.CreateCeremony {
		mine.offered = offeredAlgorithms()
		if owner != nil {
			mine.user = User{ID: owner}
		}
	}
	return &mine
}

// visitorTTL is how long the session lasts of somebody who is not signed in: as long as a challenge.
func (f faults) visitorTTL(cfg *Config) time.Duration {
	if f.has("challenge-forever") {
		return cfg.SessionTTL
	}
	return cfg.ChallengeTTL
}

// fidoPrefixes are the paths below which the conformance interface is.
func (f faults) fidoPrefixes() []string {
	if f.has("default-endpoints-live") {
		return []string{"/fido", ""}
	}
	return []string{"/fido"}
}

// carryOver has a new session take over from the old one what it must not.
func (s *Server) carryOver(w http.ResponseWriter, r *http.Request, old, started *session) {
	if s.faults.has("challenge-reusable") {
		started.pending = old.unanswered()
	}
	if s.faults.has("session-not-rotated") {
		s.sessions.remove(started)
		started.token = old.token
		s.sessions.add(started)
		s.setSessionCookie(w, r, old.token, 0)
	}
}

// add stores a new passkey, whose credential id has to be new.
func (s *Server) add(ctx context.Context, passkey Passkey) error {
	s.remember(passkey)
	if s.faults.has("one-passkey-only") {
		if owned, err := s.store.Passkeys(ctx, passkey.UserID); err != nil || len(owned) > 0 {
			return errors.Join(err, ErrCredentialTaken)
		}
	}
	if s.faults.has("credential-check-then-add") {
		if _, err := s.store.Passkey(ctx, passkey.CredentialID); err == nil {
			return ErrCredentialTaken
		}
		dawdle(ctx)
		return s.replace(ctx, passkey)
	}
	err := s.store.AddPasskey(ctx, passkey)
	if !errors.Is(err, ErrCredentialTaken) {
		return err
	}
	existing, unknown := s.store.Passkey(ctx, passkey.CredentialID)
	switch {
	case unknown != nil:
	case s.faults.has("credential-key-replaced"):
		existing.PublicKey, existing.Algorithm = passkey.PublicKey, passkey.Algorithm
		return s.replace(ctx, existing)
	case s.faults.has("credential-overwritten"), s.faults.has("registration-replayable") && bytes.Equal(existing.UserID, passkey.UserID):
		return s.replace(ctx, passkey)
	}
	return err
}

// known is the stored passkey with a credential id.
func (s *Server) known(ctx context.Context, credentialID []byte) (Passkey, error) {
	passkey, err := s.store.Passkey(ctx, credentialID)
	if errors.Is(err, ErrNotFound) && !s.faults.has("deleted-passkey-listed") {
		if kept, ok := s.lapses.passkey(credentialID); ok {
			return kept, nil
		}
	}
	return passkey, err
}

// keepRefused keeps the passkey of a refused registration where no list shows it.
func (s *Server) keepRefused(ctx context.Context, user User, parsed *protocol.ParsedCredentialCreationData) {
	if !s.faults.has("refused-registration-usable") {
		return
	}
	if passkey, err := s.newPasskey(ctx, user, parsed, "refused"); err == nil {
		s.lapses.keep(passkey)
	}
}

// keepDeleted keeps a passkey that its user has deleted.
func (s *Server) keepDeleted(passkey Passkey) {
	if s.faults.has("deleted-passkey-usable") || s.faults.has("deleted-passkey-listed") {
		s.lapses.keep(passkey)
	}
}

// remember notes a passkey's own id, by which only its user may call it.
func (s *Server) remember(passkey Passkey) {
	if s.faults.has("passkey-owner-unchecked") {
		s.lapses.name(passkey)
	}
}

// anybodys is the passkey with an id of its own, whoever owns it: none, without the fault.
func (s *Server) anybodys(ctx context.Context, id string) (Passkey, bool) {
	credentialID, ok := s.lapses.credential(id)
	if !ok {
		return Passkey{}, false
	}
	passkey, err := s.store.Passkey(ctx, credentialID)
	return passkey, err == nil
}

// keepAccount keeps what a user is about to delete.
func (s *Server) keepAccount(ctx context.Context, user User) error {
	if !s.faults.has("deleted-account-inherited") {
		return nil
	}
	owned, err := s.store.Passkeys(ctx, user.ID)
	s.lapses.bury(user, owned)
	return err
}

// inherit gives a new account what the deleted one of its name left.
func (s *Server) inherit(ctx context.Context, user User) error {
	var errs []error
	for _, passkey := range s.lapses.estate(user.Name).passkeys {
		passkey.UserID = user.ID
		errs = append(errs, s.store.AddPasskey(ctx, passkey))
	}
	return errors.Join(errs...)
}
