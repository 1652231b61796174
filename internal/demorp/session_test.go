package demorp

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"
)

func TestSessionsExpire(t *testing.T) {
	s := newSite(t, nil)
	v := s.visitor(t)
	v.signup("alice")
	s.advance(defaultSessionTTL - time.Second)
	if got := v.whoami(); got != "alice" {
		t.Errorf("before its end, the session is %q's", got)
	}
	s.advance(time.Second)
	v.do("GET", "/api/whoami", nil, http.StatusUnauthorized, nil)
}

func TestExpiredSessionsLeaveMemory(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	all := newSessions(func() time.Time { return now }, time.Minute, time.Hour, defaultMaxSessions)
	kept := &session{token: "a kept one"}
	all.add(kept)
	for i := range 100 {
		all.add(&session{token: fmt.Sprint("anonymous ", i)}) // one shard: the first byte decides
		all.add(&session{token: fmt.Sprint("a user ", i), userID: []byte("user")})
	}
	shard := all.shard("a")
	now = now.Add(30 * time.Second)
	all.keep(kept)
	now = now.Add(31 * time.Second)
	all.add(&session{token: "another"})
	if got := len(shard.byToken); got != 102 || all.find(kept.token) == nil {
		t.Errorf("%d sessions after the anonymous ones expired, want 100 signed in and 2", got)
	}
	now = now.Add(time.Hour)
	all.add(&session{token: "a last"})
	if got := len(shard.byToken); got != 1 || shard.anonymous.Len()+shard.signedIn.Len() != 1 {
		t.Errorf("%d sessions after all expired, want 1", got)
	}
}

func TestSessionsAreBounded(t *testing.T) {
	const most = 20 // of a shard
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		few, many []byte // users; nil is anonymous
	}{
		"visitors that never sign in push out no user":         {[]byte("user"), nil},
		"users of long ago do not push out a ceremony's start": {nil, []byte("user")},
	} {
		t.Run(name, func(t *testing.T) {
			all := newSessions(func() time.Time { return now }, time.Minute, time.Hour, most*sessionShards)
			first := &session{token: "a first", userID: test.few}
			all.add(first)
			for i := range 3 * most {
				all.add(&session{token: fmt.Sprint("a", i), userID: test.many})
			}
			if got := len(all.shard("a").byToken); got != most {
				t.Errorf("%d sessions, want %d", got, most)
			}
			if all.find(first.token) == nil {
				t.Error("the one of the other kind is gone")
			}
			if all.find("a0") != nil || all.find(fmt.Sprint("a", 3*most-1)) == nil {
				t.Error("it was not the oldest that made room")
			}
		})
	}
}

func TestPendingChallengesAreBounded(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	s := &session{}
	for i := range 3 * maxPending {
		s.issue(&ceremony{kind: "webauthn.get", challenge: strconv.Itoa(i), expires: now.Add(time.Minute)}, now)
	}
	if len(s.pending) != maxPending {
		t.Errorf("%d pending challenges, want %d", len(s.pending), maxPending)
	}
	if _, err := s.take("webauthn.get", strconv.Itoa(3*maxPending-1), now); err != nil {
		t.Errorf("the latest challenge: %v", err)
	}
	s.issue(&ceremony{kind: "webauthn.get", challenge: "late", expires: now.Add(time.Hour)}, now.Add(time.Minute))
	if len(s.pending) != 1 {
		t.Errorf("%d pending challenges after the others expired, want 1", len(s.pending))
	}
}
