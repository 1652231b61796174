package journey_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/passrig/passrig/internal/engine"
	"github.com/passrig/passrig/internal/load/fleet"
	"github.com/passrig/passrig/internal/load/ledger"
	"github.com/passrig/passrig/internal/load/wire"
	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/report"
)

// lapseAdapter leaves out requests that an operation before has sent.
const lapseAdapter = `passrig-adapter: 1
name: lapse
operations:
  register:
    steps:
      - {path: /creation, options: body}
      - {path: /made, credential: {}, when: user.username endsWith "-0"}
  login:
    steps:
      - {path: /request, options: body, when: not signedIn, save: {token: {json: body.token, secret: true}}}
      - {path: /used, credential: {}}
  whoami:
    steps:
      - {path: /me, when: signedIn}
    result: {user: body.name}
  logout:
    steps:
      - {method: POST, path: /bye, accept: "status == 200 && body.ok == true", poll: {for: 100ms, every: 5ms}}
`

const (
	sidOf   = "sid-0123456789"
	tokenOf = "token-of-the-session"
)

func lapseAnswers() map[string]string {
	return map[string]string{
		"GET /creation": "\n" + `{"challenge":"AAAA","rp":{"name":"x"},"user":{"id":"aGFuZGxl","name":"a","displayName":"A"},"pubKeyCredParams":[{"type":"public-key","alg":-8}]}`,
		"POST /made":    "\n{}",
		"GET /request":  "Set-Cookie: sid=" + sidOf + "\n\n" + `{"challenge":"AAAA","rpId":"localhost","token":"` + tokenOf + `"}`,
		"POST /used":    "\n{}",
		"GET /me":       "\n" + `{"name":"someone"}`,
		"POST /bye":     "\n" + `{"ok":true}`,
	}
}

// stage plays the adapter's operations.
type stage struct {
	theater *theater
	rig     *rig
	target  *engine.Target
}

func newStage(t *testing.T, answers map[string]string, steps string) *stage {
	t.Helper()
	th := newTheater(t, answers)
	target, program, err := compile(t, "lapse.yaml", th.origin, "  journeys:\n    one:\n      steps:\n"+steps)
	if err != nil {
		t.Fatal(err)
	}
	client, err := wire.NewFast(wire.Config{Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	r := &rig{program: program, users: newFleet(t, &cast{algorithm: "EdDSA"}), clock: wall{time.Now()}}
	if err := r.users.Enroll(5, []byte("handle"), true); err != nil {
		t.Fatal(err)
	}
	r.player = program.NewPlayer(0, client, r.users, r.clock)
	t.Cleanup(r.player.Close)
	return &stage{th, r, target}
}

// Who is not asked is nobody, whatever was answered before.
func TestWhoamiThatAsksNothing(t *testing.T) {
	t.Parallel()
	const nobody = "        - whoami: {user: alice}\n          expect: {user: nobody}\n"
	s := newStage(t, lapseAnswers(), nobody+"        - login: {user: alice, on: laptop}\n        - whoami: {user: alice}\n        - logout: {user: alice}\n"+nobody)
	for range 2 {
		s.rig.play(t, 0, 5, "whoami accepted", "login accepted", "whoami accepted", "logout accepted", "whoami accepted")
	}
	if seen := s.theater.take(); len(seen) != 8 {
		t.Errorf("%d requests: %q", len(seen), seen)
	}
}

// The challenge of an operation before is not signed again.
func TestCredentialWithoutOptions(t *testing.T) {
	t.Parallel()
	s := newStage(t, lapseAnswers(), "        - login: {user: alice, on: laptop}\n        - login: {user: alice, on: laptop, keep-session: true}\n")
	_, samples := s.rig.player.Play(t.Context(), 0, 5, 0)
	if len(samples) != 2 || samples[0].Class != ledger.Accepted || samples[1].Class != ledger.Adapter || !strings.Contains(samples[1].Example, "before it asked for options") {
		t.Errorf("%+v", samples)
	}
	if seen := s.theater.take(); len(seen) != 2 {
		t.Errorf("%d requests: %q", len(seen), seen)
	}
}

// Nobody is enrolled with what was made for another.
func TestRegistrationWithoutCredential(t *testing.T) {
	t.Parallel()
	s := newStage(t, lapseAnswers(), "        - register: {user: alice, on: laptop}\n")
	for user := range int64(3) {
		s.rig.play(t, 0, user, "register accepted")
	}
	if got := s.rig.users.Enrolled(); got != 2 { // the one before the play, and user 0
		t.Errorf("%d enrolled", got)
	}
}

// A refusal that echoes secrets does not bring them into a report, also where the sentence is cut.
func TestExamplesTellNoSecrets(t *testing.T) {
	t.Parallel()
	var user fleet.User
	newFleet(t, &cast{algorithm: "EdDSA"}).User(5, &user)
	password := string(user.Password)
	for _, cookie := range []string{"", "Set-Cookie: sid=; Max-Age=0\n"} {
		for padding := 0; padding < 160; padding += 10 {
			answers := lapseAnswers()
			answers["POST /used"] = fmt.Sprintf("Status: 403\n%s\n%s sid=%s token=%s password=%s", cookie, strings.Repeat("x", padding), sidOf, tokenOf, password)
			s := newStage(t, answers, "        - login: {user: alice, on: laptop}\n")
			_, samples := s.rig.player.Play(t.Context(), 0, 5, 0)
			run := &report.Run{Steps: []report.Step{{Message: samples[0].Example}}}
			s.target.Redact(run)
			text := run.Steps[0].Message
			if !strings.Contains(text, "403") {
				t.Fatalf("example %q", text)
			}
			for _, secret := range []string{sidOf, tokenOf, password} {
				if strings.Contains(text, secret[:6]) {
					t.Fatalf("%d: example %q shows a part of %q", padding, text, secret)
				}
			}
		}
	}
}

// A poll goes on for as long as that of a single run.
func TestPollsOfSingleRuns(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer string
		goesOn bool
	}{
		"no":                        {"Status: 404\n\n{}", true},
		"a page, judged by status":  {"Status: 301\nContent-Type: text/html\n\n<html>", true},
		"an error":                  {"Status: 500\n\n{}", true},
		"a page, that is looked at": {"Content-Type: text/html\n\n<html>", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answers := lapseAnswers()
			answers["POST /bye"] = test.answer
			s := newStage(t, answers, "        - logout: {user: alice}\n")
			s.target.Party.Do(t.Context(), "logout", s.target.Party.NewSession(), rp.Input{})
			if n := len(s.theater.take()); n > 1 != test.goesOn {
				t.Errorf("a single run asks %d times", n)
			}
			s.rig.player.Play(t.Context(), 0, 5, 0)
			if n := len(s.theater.take()); n > 1 != test.goesOn {
				t.Errorf("a load asks %d times", n)
			}
		})
	}
}

// The RP ID of options that only a full device knows counts, also if it is not the origin's host.
func TestUnusualOptionsOfAParentDomain(t *testing.T) {
	t.Parallel()
	for _, members := range []string{`"extensions":{"prf":{"eval":{"first":"AAAA"}}}`, `"allowCredentials":null,"hints":["client-device"]`, `"hints":null`, `"extensions":{"appid":"https://example.test"}`} {
		answers := lapseAnswers()
		answers["GET /request"] = "\n" + `{` + members + `,"challenge":"AAAA","rpId":"example.test","token":"t"}`
		answers["GET /creation"] = strings.NewReplacer(`{"challenge"`, `{"extensions":{"minPinLength":true},"challenge"`, `{"name":"x"}`, `{"name":"x","id":"example.test"}`).Replace(answers["GET /creation"])
		th := newTheater(t, answers)
		users := newFleet(t, &cast{algorithm: "EdDSA"})
		origin := `https://login.example.test", base-url: "` + th.origin
		it, sample := playOne(t, users, origin, "lapse.yaml", "        - register: {user: alice, on: laptop}\n        - login: {user: alice, on: laptop}\n")
		if it.Failed || sample.Class != ledger.Accepted || users.Enrolled() != 1 {
			t.Errorf("%s: %+v, %d enrolled", members, sample, users.Enrolled())
		}
	}
}

// A user's connections end with the iteration, so that another user may have them when they are bounded.
func TestConnectionsEndWithTheUser(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"ok":true}`)) }))
	t.Cleanup(server.Close)
	_, program, err := compile(t, "lapse.yaml", strings.Replace(server.URL, "127.0.0.1", "localhost", 1), "  timeout: 500ms\n  journeys:\n    one:\n      steps:\n        - logout: {user: alice}\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, construct := range []func(wire.Config) (wire.Client, error){wire.NewFast, wire.NewGeneral} {
		client, err := construct(wire.Config{Mode: report.ConnectionsPerUser, MaxConns: 1, Clock: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(client.Close)
		users := newFleet(t, &cast{algorithm: "EdDSA"})
		for worker := range 3 {
			player := program.NewPlayer(worker, client, users, wall{time.Now()})
			t.Cleanup(player.Close)
			if it, samples := player.Play(t.Context(), 0, int64(worker), 0); it.Failed {
				t.Errorf("player %d: %+v", worker, samples)
			}
		}
		if dialed := client.Stats().Dialed; dialed != 3 {
			t.Errorf("%d connections", dialed)
		}
	}
}
