package demorp

import (
	"bytes"
	"container/list"
	"net/http"
	"sync"
	"time"
)

const (
	sessionCookie = "passrig_session"
	sessionShards = 32
	// maxPending bounds the unanswered challenges of one session: a few tabs and an autofill request.
	maxPending = 8
)

// session is one visitor's state. A session is anonymous until its visitor signs in; signing in makes a new one with
// a new token, so user and passkey never change.
type session struct {
	token     string
	userID    []byte // nil while anonymous
	passkeyID string // what signed the user in; "" after a sign-up

	// expires and place belong to the shard that holds the session.
	expires time.Time
	place   *list.Element

	mu      sync.Mutex
	pending []*ceremony // oldest first
}

func (s *session) anonymous() bool { return s.userID == nil }

// sessions holds every live session in memory. Expired ones leave whenever a new one arrives, so nothing has to run
// in the background.
type sessions struct {
	clock        func() time.Time
	anonymousTTL time.Duration
	signedInTTL  time.Duration
	maxShard     int // sessions of a shard; the oldest make room
	shards       [sessionShards]sessionShard
}

// sessionShard keeps each kind of session in order of expiry, which is cheap because each kind has one lifetime.
type sessionShard struct {
	mu        sync.Mutex
	byToken   map[string]*session
	anonymous list.List
	signedIn  list.List
}

func newSessions(clock func() time.Time, anonymousTTL, signedInTTL time.Duration, atMost int) *sessions {
	all := &sessions{clock: clock, anonymousTTL: anonymousTTL, signedInTTL: signedInTTL, maxShard: max(atMost/sessionShards, 1)}
	for i := range all.shards {
		all.shards[i].byToken = make(map[string]*session)
	}
	return all
}

func (all *sessions) shard(token string) *sessionShard { return &all.shards[token[0]%sessionShards] }

// add stores a new session under its token.
func (all *sessions) add(s *session) {
	now := all.clock()
	shard := all.shard(s.token)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	shard.expire(now)
	if len(shard.byToken) >= all.maxShard {
		shard.evictOldest()
	}
	shard.byToken[s.token] = s
	if s.anonymous() {
		s.expires = now.Add(all.anonymousTTL)
		s.place = shard.anonymous.PushBack(s)
	} else {
		s.expires = now.Add(all.signedInTTL)
		s.place = shard.signedIn.PushBack(s)
	}
}

// find returns the live session with a token, or nil.
func (all *sessions) find(token string) *session {
	if token == "" {
		return nil
	}
	now := all.clock()
	shard := all.shard(token)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	s := shard.byToken[token]
	if s == nil || !now.Before(s.expires) {
		return nil
	}
	return s
}

// keep extends an anonymous session, so that it outlives the challenge it is about to be given.
func (all *sessions) keep(s *session) {
	if !s.anonymous() {
		return
	}
	shard := all.shard(s.token)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	if shard.byToken[s.token] == s {
		s.expires = all.clock().Add(all.anonymousTTL)
		shard.anonymous.MoveToBack(s.place)
	}
}

// remove ends a session.
func (all *sessions) remove(s *session) {
	shard := all.shard(s.token)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	shard.drop(s)
}

// removeAll ends all sessions of a user.
func (all *sessions) removeAll(userID []byte) {
	for i := range all.shards {
		shard := &all.shards[i]
		shard.mu.Lock()
		for e := shard.signedIn.Front(); e != nil; {
			s, _ := e.Value.(*session)
			e = e.Next()
			if bytes.Equal(s.userID, userID) {
				shard.drop(s)
			}
		}
		shard.mu.Unlock()
	}
}

func (shard *sessionShard) expire(now time.Time) {
	for _, kind := range []*list.List{&shard.anonymous, &shard.signedIn} {
		for front := kind.Front(); front != nil; front = kind.Front() {
			s, _ := front.Value.(*session)
			if now.Before(s.expires) {
				break
			}
			shard.drop(s)
		}
	}
}

// evictOldest makes room at the cost of the kind that there is more of: visitors who only come and go must not sign
// anybody out, and those who signed in long ago must not end the ceremonies under way.
func (shard *sessionShard) evictOldest() {
	kind := &shard.anonymous
	if shard.signedIn.Len() > kind.Len() {
		kind = &shard.signedIn
	}
	s, _ := kind.Front().Value.(*session)
	shard.drop(s)
}

func (shard *sessionShard) drop(s *session) {
	if shard.byToken[s.token] != s {
		return
	}
	delete(shard.byToken, s.token)
	if s.anonymous() {
		shard.anonymous.Remove(s.place)
	} else {
		shard.signedIn.Remove(s.place)
	}
}

// session returns the visitor's session, or nil.
func (s *Server) session(r *http.Request) *session {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return nil
	}
	return s.sessions.find(cookie.Value)
}

// ceremonySession returns the session a challenge is to be bound to, starting an anonymous one for a new visitor.
func (s *Server) ceremonySession(w http.ResponseWriter, r *http.Request) (*session, error) {
	if current := s.session(r); current != nil {
		s.sessions.keep(current)
		return current, nil
	}
	return s.startSession(w, r, nil, "")
}

// signIn replaces the visitor's session, if any, with a new one for the user. The token changes so that a token known
// before the sign-in is worth nothing after it.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request, userID []byte, passkeyID string) error {
	old := s.session(r)
	if old != nil && !s.faults.has("challenge-reusable") {
		s.sessions.remove(old)
	}
	started, err := s.startSession(w, r, userID, passkeyID)
	if err == nil && old != nil {
		s.carryOver(w, r, old, started)
	}
	return err
}

func (s *Server) startSession(w http.ResponseWriter, r *http.Request, userID []byte, passkeyID string) (*session, error) {
	token, err := s.randomToken(tokenSize)
	if err != nil {
		return nil, err
	}
	started := &session{token: token, userID: userID, passkeyID: passkeyID}
	s.sessions.add(started)
	s.setSessionCookie(w, r, token, 0)
	return started, nil
}

// setSessionCookie sends the session cookie. It lasts until the browser closes unless maxAge, in seconds, is set; a
// negative maxAge deletes it. In frames of other sites the cookie goes along only when it is made for that, and then it
// is one of its own for every site around the frame.
func (s *Server) setSessionCookie(w http.ResponseWriter, r *http.Request, token string, maxAge int) {
	embedded := len(s.cfg.Embedders) > 0 && r.TLS != nil // browsers take such a cookie over TLS only
	sameSite := http.SameSiteLaxMode
	if embedded {
		sameSite = http.SameSiteNoneMode
	}
	exposed := s.faults.has("cookie-exposed")
	if exposed {
		sameSite = 0 // not said
	}
	//nolint:gosec // Secure follows the connection: the demo also runs on http://localhost
	http.SetCookie(w, &http.Cookie{
		Name:        sessionCookie,
		Value:       token,
		Path:        "/",
		MaxAge:      maxAge,
		Secure:      r.TLS != nil,
		HttpOnly:    !exposed,
		SameSite:    sameSite,
		Partitioned: embedded,
	})
}
