package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/passrig/passrig/internal/demorp/demorptest"
	"github.com/passrig/passrig/internal/engine"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
)

const life = `passrig: 1
accounts:
  alice:
    devices: {laptop: {}, phone: {}}
steps:
  - id: first
    register: {user: alice, on: laptop}
  - login: {user: alice, on: laptop}
  - rename: {user: alice, credential: first, to: Renamed}
  - id: second
    register: {user: alice, on: phone, session: laptop}
  - delete: {user: alice, credential: first, on: laptop}
  - login: {user: alice, on: laptop, ignore-allow-list: true}
    expect: {outcome: rejected}
  - login: {user: alice, on: phone}
  - logout: {user: alice, on: phone}
`

// lieAboutLogin lets the real demo RP handle a login and changes what it answers.
func lieAboutLogin(change func(w http.ResponseWriter, real *httptest.ResponseRecorder)) func(http.Handler) http.Handler {
	return func(inner http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/api/login/result" {
				inner.ServeHTTP(w, r)
				return
			}
			rec := httptest.NewRecorder()
			inner.ServeHTTP(rec, r)
			change(w, rec)
		})
	}
}

func relay(w http.ResponseWriter, rec *httptest.ResponseRecorder, status int) {
	maps.Copy(w.Header(), rec.Header())
	w.WriteHeader(status)
	_, _ = w.Write(rec.Body.Bytes())
}

// A relying party that says one thing and does another is found out by what can be seen afterwards.
func TestAnswersAreNotBelieved(t *testing.T) {
	t.Parallel()
	// pretend answers without letting the real RP do anything.
	pretend := func(path, method string, status int, body string) func(http.Handler) http.Handler {
		return func(inner http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(r.URL.Path, path) && r.Method == method {
					w.Header().Set("Content-Type", "application/json")
					w.WriteHeader(status)
					_, _ = io.WriteString(w, body)
					return
				}
				inner.ServeHTTP(w, r)
			})
		}
	}
	tests := map[string]struct {
		around  func(http.Handler) http.Handler
		step    string // the one that must not pass
		verdict report.Verdict
		message string
	}{
		"says no, opens a session": {
			lieAboutLogin(func(w http.ResponseWriter, real *httptest.ResponseRecorder) {
				relay(w, real, http.StatusUnauthorized)
			}), "/2", report.VerdictFail, "the relying party said no",
		},
		"says yes, opens no session": {
			lieAboutLogin(func(w http.ResponseWriter, real *httptest.ResponseRecorder) {
				real.Header().Del("Set-Cookie")
				relay(w, real, http.StatusOK)
			}), "/2", report.VerdictFail, "not for this user",
		},
		"says yes to anything": {
			lieAboutLogin(func(w http.ResponseWriter, real *httptest.ResponseRecorder) { relay(w, real, http.StatusOK) }),
			"/6", report.VerdictFail, "where a no was expected",
		},
		"renames nothing":        {pretend("/api/passkeys/", http.MethodPatch, 200, `{}`), "/3", report.VerdictFail, "does not show it"},
		"deletes nothing":        {pretend("/api/passkeys/", http.MethodDelete, 204, ``), "/5", report.VerdictFail, "accepted the deletion, but its list does not show it"},
		"stores nothing":         {pretend("/api/register/result", http.MethodPost, 201, `{}`), "/1", report.VerdictFail, "does not show the passkey"},
		"stays signed in":        {pretend("/api/logout", http.MethodPost, 204, ``), "/8", report.VerdictFail, "still signed in"},
		"breaks when asked who":  {pretend("/api/whoami", http.MethodGet, 500, `{}`), "/1.signup", report.VerdictError, "could not be told"},
		"breaks on registration": {pretend("/api/register/result", http.MethodPost, 500, `{}`), "/1", report.VerdictError, "neither a yes nor a no"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result := run(t, 1, load(t, life, demorptest.Start(t, test.around)))
			for _, s := range result.Steps {
				if s.Verdict == report.VerdictPass {
					continue
				}
				if s.ID != "test"+test.step || s.Verdict != test.verdict || !strings.Contains(s.Message, test.message) {
					t.Errorf("first step that did not pass: %s %s %q\nwant %s %s %q%s", s.ID, s.Verdict, s.Message, "test"+test.step, test.verdict, test.message, explain(result))
				}
				return
			}
			t.Errorf("every step passed%s", explain(result))
		})
	}
}

func TestRejectedLoginThatOpensASessionFails(t *testing.T) {
	t.Parallel()
	// The real RP accepts, the answer says no, and the scenario expects a no.
	around := lieAboutLogin(func(w http.ResponseWriter, real *httptest.ResponseRecorder) {
		relay(w, real, http.StatusUnauthorized)
	})
	result := run(t, 1, load(t, `passrig: 1
accounts: {alice: {devices: {laptop: {}}}}
steps:
  - register: {user: alice, on: laptop}
  - login: {user: alice, on: laptop}
    expect: {outcome: rejected}
`, demorptest.Start(t, around)))
	last := result.Steps[len(result.Steps)-1]
	if last.Verdict != report.VerdictFail || !strings.Contains(last.Message, "yet the session is signed in") {
		t.Errorf("%s %q", last.Verdict, last.Message)
	}
}

func TestExpectations(t *testing.T) {
	t.Parallel()
	const setUp = `passrig: 1
accounts: {alice: {devices: {laptop: {}, phone: {}}}, bob: {devices: {tablet: {}}}}
steps:
  - id: first
    register: {user: alice, on: laptop}
`
	tests := map[string]struct {
		steps   string
		verdict report.Verdict
		message string
	}{
		"count":            {"  - list: {user: alice}\n    expect: {count: 2}", report.VerdictFail, "another number of passkeys"},
		"names":            {"  - list: {user: alice}\n    expect: {names: [phone]}", report.VerdictFail, "other names"},
		"status":           {"  - list: {user: alice}\n    expect: {status: 201}", report.VerdictFail, "another HTTP status"},
		"user":             {"  - whoami: {user: alice}\n    expect: {user: bob}", report.VerdictFail, "somebody else"},
		"nobody":           {"  - whoami: {user: alice, on: phone}", report.VerdictFail, "nobody is signed in"},
		"within":           {"  - login: {user: alice, on: laptop}\n    expect: {within: 1ns}", report.VerdictFail, "took longer"},
		"that":             {"  - login: {user: alice, on: laptop}\n    expect: {that: ['result.status == 500']}", report.VerdictFail, "not true"},
		"another error":    {"  - register: {user: alice, on: laptop}\n    expect: {error: NotSupportedError}", report.VerdictFail, "another error"},
		"accepted instead": {"  - login: {user: alice, on: laptop}\n    expect: {error: NotAllowedError}", report.VerdictFail, "said yes"},
		"a second one": {
			"  - delete: {user: alice, credential: first, at: provider, on: laptop}\n  - register: {user: alice, on: laptop}\n    expect: {error: InvalidStateError}",
			report.VerdictFail, "a second passkey was made where one is already: the options' excludeCredentials do not name it",
		},
		"refused instead":  {"  - register: {user: alice, on: laptop}", report.VerdictFail, "the client refused: InvalidStateError"},
		"no passkey there": {"  - login: {user: alice, on: phone}", report.VerdictFail, "NotAllowedError"},
		"no such passkey":  {"  - delete: {user: alice, credential: phone}", report.VerdictError, "no registered passkey"},
		"assert":           {"  - assert: ['1 == 2']", report.VerdictFail, "not true: 1 == 2"},
		"all at once": {
			"  - login: {user: alice, on: laptop}\n    expect: {user: alice, within: 10s, status: 200, that: ['result.outcome == \"accepted\"', '\"UV\" in result.authenticatorData.flags']}",
			report.VerdictPass, "",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result := run(t, 1, load(t, setUp+test.steps+"\n", demorptest.Start(t, nil)))
			last := result.Steps[len(result.Steps)-1]
			if last.Verdict != test.verdict || !strings.Contains(last.Message, test.message) {
				t.Errorf("%s %q, want %s %q", last.Verdict, last.Message, test.verdict, test.message)
			}
		})
	}
}

func TestStepsAfterAFailureAreSkippedUnlessAlways(t *testing.T) {
	t.Parallel()
	result := run(t, 1, load(t, `passrig: 1
accounts: {alice: {devices: {laptop: {}}}}
steps:
  - assert: ["false"]
    on-failure: continue
  - assert: ["false"]
  - set: {x: 1}
  - set: {y: 2}
    always: true
  - repeat: {times: 3, steps: [{set: {z: 1}}]}
`, demorptest.Start(t, nil)))
	var got []report.Verdict
	for _, s := range result.Steps {
		got = append(got, s.Verdict)
	}
	want := []report.Verdict{report.VerdictFail, report.VerdictFail, report.VerdictSkip, report.VerdictPass, report.VerdictSkip}
	if len(got) != len(want) {
		t.Fatalf("verdicts %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("verdicts %v, want %v", got, want)
		}
	}
}

func TestSameSeedSameRequests(t *testing.T) {
	t.Parallel()
	// The RP's challenges differ, so compare what only passrig decides: users and credential ids.
	ids := func(seed uint64) string {
		result := run(t, seed, load(t, life, demorptest.Start(t, nil)))
		var b strings.Builder
		for _, s := range result.Steps {
			if s.Ceremony != nil {
				b.WriteString(s.Ceremony.CredentialID + "\n")
			}
		}
		if result.Verdict() != report.VerdictPass {
			t.Errorf("verdict %s%s", result.Verdict(), explain(result))
		}
		return b.String()
	}
	if a, b := ids(5), ids(5); a != b {
		t.Errorf("one seed, two runs:\n%s\n%s", a, b)
	}
	if a, b := ids(5), ids(6); a == b {
		t.Error("two seeds, one run")
	}
}

func TestInterruptedRunIsPartialAndComplete(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var logins atomic.Int32
	around := func(inner http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/api/login/result" && logins.Add(1) == 1 {
				_, _ = io.Copy(io.Discard, r.Body) // only then does the server notice that the client went away
				cancel()
				<-r.Context().Done()
				return
			}
			inner.ServeHTTP(w, r)
		})
	}
	result, err := engine.Run(ctx, engine.Config{
		Files: []*scenarios.File{load(t, life, demorptest.Start(t, around))}, Seed: 1, Clock: time.Now, LookupEnv: os.LookupEnv, ReadFile: os.ReadFile,
	})
	if err != nil {
		t.Fatal(err)
	}
	if !result.Partial || result.Aborted == "" {
		t.Error("the run is not marked partial")
	}
	if s := result.Summary; s.Passed != 2 || s.Skipped != 7 || s.Failed+s.Errored != 0 {
		t.Errorf("summary %+v%s", s, explain(result))
	}
}

// Nothing that opens a session or account may be in a result, in any encoding.
func TestSecretsStayOut(t *testing.T) {
	t.Parallel()
	var cookies []string
	around := func(inner http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for _, c := range r.Cookies() {
				cookies = append(cookies, c.Value)
			}
			inner.ServeHTTP(w, r)
		})
	}
	const canary = "canary-7Zq/+password"
	result := run(t, 3, load(t, `passrig: 1
accounts: {alice: {devices: {laptop: {}}}}
users: {alice: {password: "`+canary+`"}}
params: {token: {default: canary-bearer-token, secret: true}}
steps:
  - register: {user: alice, on: laptop}
  - login: {user: alice, on: laptop}
  - request:
      user: alice
      path: /api/whoami
      query: {password: "${{ users.alice.password }}"}
      headers: {Authorization: "Bearer ${{ params.token }}", X-Other: "${{ params.token }}"}
  - set: {seen: "${{ users.alice.password }}"}
  - assert: {that: ["false"], message: "it was ${{ base64(users.alice.password) }} and ${{ vars.seen }}"}
`, demorptest.Start(t, around)))
	text, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	if len(cookies) == 0 {
		t.Fatal("no cookie was seen")
	}
	for _, secret := range append(cookies, canary, "Y2FuYXJ5LTdacS8rcGFzc3dvcmQ", "canary-7Zq%2F%2Bpassword", "canary-bearer-token") {
		if bytes.Contains(text, []byte(secret)) {
			t.Errorf("the result holds %q", secret)
		}
	}
}
