package checks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passrig/passrig/internal/demorp"
	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
)

// These relying parties make it hard to tell anything. Whatever they do, nothing may pass that was not seen, nothing
// may fail that is right, and it has to end.

// around performs the smoke tier on a correct demo relying party with something around it.
func around(t *testing.T, adapter string, wrap func(http.Handler) http.Handler) []report.Check {
	t.Helper()
	server, err := demorp.New(demorp.Config{Origins: []string{testOrigin}, RPID: testRPID})
	if err != nil {
		t.Fatal(err)
	}
	name, options := "passrig-demo", scenarios.Options{}
	if adapter != "" {
		name, options.ReadFile = "./hostile.yaml", func(string) ([]byte, error) { return []byte(adapter), nil }
	}
	a, err := scenarios.LoadAdapter(name, options)
	if err != nil {
		t.Fatal(err)
	}
	party, err := rp.New(rp.Target{
		Adapter: a, Origin: testOrigin, RPID: testRPID, HTTP: inProcess{wrap(server.Handler())}, Clock: time.Now, RunID: "hostile", Seed: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	smoke := slices.DeleteFunc(Catalogue(), func(c *Check) bool { return !c.In(TierSmoke) || c.Consent != "" || c.Where == Browser })
	results, _ := Run(t.Context(), Config{
		Party: party, Checks: smoke, Seed: 1, Clock: time.Now, Profile: Profile{"origins": {testOrigin}, "embedding": {"none"}},
	})
	return results
}

// noneJudged fails for every verdict that claims to know something; but for options, if they were there to be seen.
func noneJudged(t *testing.T, results []report.Check, options bool) {
	t.Helper()
	for _, r := range results {
		if options && r.Ceremony == string(Options) && r.Verdict == report.VerdictPass {
			continue
		}
		if r.Verdict != report.VerdictError && r.Verdict != report.VerdictSkip {
			t.Errorf("%s: %s: %s", r.ID, r.Verdict, r.Actual)
		}
		if r.Message == "" && r.Actual == "" {
			t.Errorf("%s: %s without a reason", r.ID, r.Verdict)
		}
	}
}

// noneWrong fails for every verdict that a correct relying party does not deserve.
func noneWrong(t *testing.T, results []report.Check) {
	t.Helper()
	passed := 0
	for _, r := range results {
		switch r.Verdict {
		case report.VerdictPass:
			passed++
		case report.VerdictFail, report.VerdictWarn, report.VerdictError:
			t.Errorf("%s: %s: %s", r.ID, r.Verdict, r.Actual)
		case report.VerdictInfo, report.VerdictSkip:
		}
	}
	if passed < 20 {
		t.Errorf("only %d checks passed", passed)
	}
}

func answering(status int, body string) func(http.Handler) http.Handler {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		})
	}
}

func TestAnswersThatSayNothing(t *testing.T) {
	for name, c := range map[string]struct {
		wrap    func(http.Handler) http.Handler
		options bool
	}{
		"500 to everything":         {answering(http.StatusInternalServerError, `{"error":"oops"}`), false},
		"200 to everything":         {answering(http.StatusOK, `{}`), false},
		"201 to everything":         {answering(http.StatusCreated, `{"ok":true}`), false},
		"a result is always a yes":  {yesToResults, true},
		"whoami is always somebody": {alwaysSignedIn, true},
	} {
		t.Run(name, func(t *testing.T) { noneJudged(t, around(t, "", c.wrap), c.options) })
	}
}

// yesToResults does not even look at credentials, nor does it sign anybody in.
func yesToResults(inner http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/login/result" {
			answering(http.StatusOK, `{"user":{}}`)(inner).ServeHTTP(w, r)
			return
		}
		inner.ServeHTTP(w, r)
	})
}

func alwaysSignedIn(inner http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/whoami" {
			answering(http.StatusOK, `{"user":{"username":"root"}}`)(inner).ServeHTTP(w, r)
			return
		}
		inner.ServeHTTP(w, r)
	})
}

func TestRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var mu sync.Mutex
		requests := 0
		results := around(t, "", func(inner http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				requests++
				over := requests > 40
				mu.Unlock()
				if over {
					w.Header().Set("Retry-After", "2")
					w.WriteHeader(http.StatusTooManyRequests)
					return
				}
				inner.ServeHTTP(w, r)
			})
		})
		judged := 0
		for _, r := range results {
			switch r.Verdict {
			case report.VerdictPass, report.VerdictInfo:
				judged++
			case report.VerdictFail, report.VerdictWarn:
				t.Errorf("%s: %s: %s", r.ID, r.Verdict, r.Actual)
			case report.VerdictSkip, report.VerdictError:
			}
		}
		if judged > 12 {
			t.Errorf("%d checks judged within 40 requests", judged)
		}
		if took := time.Since(begin); took > time.Minute {
			t.Errorf("it took %s to give up", took)
		}
		if requests > 500 {
			t.Errorf("%d requests were sent at a relying party that limits them", requests)
		}
	})
}

// TestRateLimitThatEnds waits as long as it is told, and then goes on.
func TestRateLimitThatEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		requests, until := 0, time.Time{}
		noneWrong(t, around(t, "", func(inner http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				requests++
				if requests%400 == 0 {
					until = time.Now().Add(time.Second)
				}
				over := time.Now().Before(until)
				mu.Unlock()
				if over {
					w.Header().Set("Retry-After", "1")
					w.WriteHeader(http.StatusTooManyRequests)
					return
				}
				inner.ServeHTTP(w, r)
			})
		}))
	})
}

// TestLockOut locks every account after three failed logins in a row.
func TestLockOut(t *testing.T) {
	var mu sync.Mutex
	failures := map[string]int{} // by the credential that was shown
	noneWrong(t, around(t, "", func(inner http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/api/login/result" {
				inner.ServeHTTP(w, r)
				return
			}
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(body))
			var sent struct{ Credential struct{ RawID string } }
			_ = json.Unmarshal(body, &sent)
			id := sent.Credential.RawID
			mu.Lock()
			locked := failures[id] >= 3
			mu.Unlock()
			if locked {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			seen := httptest.NewRecorder()
			inner.ServeHTTP(seen, r)
			mu.Lock()
			if seen.Code == http.StatusOK {
				delete(failures, id)
			} else {
				failures[id]++
			}
			mu.Unlock()
			replay(w, seen)
		})
	}))
}

func replay(w http.ResponseWriter, seen *httptest.ResponseRecorder) {
	maps.Copy(w.Header(), seen.Header())
	w.WriteHeader(seen.Code)
	_, _ = w.Write(seen.Body.Bytes())
}

// TestSessionEndsWithAFailure signs everybody out whose registration is refused.
func TestSessionEndsWithAFailure(t *testing.T) {
	noneWrong(t, around(t, "", func(inner http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/api/register/result" {
				inner.ServeHTTP(w, r)
				return
			}
			seen := httptest.NewRecorder()
			inner.ServeHTTP(seen, r)
			if seen.Code >= 400 {
				out := r.Clone(r.Context())
				out.Method, out.URL.Path, out.Body = http.MethodPost, "/api/logout", http.NoBody
				inner.ServeHTTP(httptest.NewRecorder(), out)
				seen.Header().Add("Set-Cookie", "passrig_session=; Path=/; Max-Age=-1")
			}
			replay(w, seen)
		})
	}))
}

// csrfAdapter is the demo's adapter with a token that has to be fetched before every request that changes something.
const csrfAdapter = `
passrig-adapter: 1
name: guarded
headers: {X-CSRF: "${{ saved.csrf ?? '' }}"}
fragments:
  token:
    - path: /csrf
      save: {csrf: body.token}
operations:
  signup:
    steps:
      - use: token
      - {path: /api/signup, json: {username: "${{ user.username }}", displayName: "${{ user.displayName }}"}, accept: status == 201}
  register:
    steps:
      - use: token
      - {path: /api/register/options, json: {}, options: body.publicKey}
      - use: token
      - {path: /api/register/result, credential: {}, json: {name: "${{ label }}", credential: "${{ credential }}"}, accept: status == 201}
  login:
    steps:
      - use: token
      - {path: /api/login/options, json: {username: "${{ user.username }}"}, options: body.publicKey}
      - use: token
      - {path: /api/login/result, credential: {}, json: {credential: "${{ credential }}"}}
  whoami:
    steps: [{path: /api/whoami, reject: status == 401}]
    result: {user: body.user.username}
  list:
    steps: [{path: /api/passkeys}]
    result: {entries: body.passkeys, id: entry.id, credential: entry.credentialId, name: entry.name}
`

// TestTokenForEveryRequest wants a fresh token with every request that changes something.
func TestTokenForEveryRequest(t *testing.T) {
	var mu sync.Mutex
	issued := 0
	valid := map[string]bool{}
	noneWrong(t, around(t, strings.TrimSpace(csrfAdapter), func(inner http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			if r.URL.Path == "/csrf" {
				issued++
				token := fmt.Sprintf("token-%d", issued)
				valid[token] = true
				mu.Unlock()
				answering(http.StatusOK, `{"token":"`+token+`"}`)(inner).ServeHTTP(w, r)
				return
			}
			fine := r.Method == http.MethodGet || valid[r.Header.Get("X-Csrf")]
			delete(valid, r.Header.Get("X-Csrf"))
			mu.Unlock()
			if !fine {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			inner.ServeHTTP(w, r)
		})
	}))
}
