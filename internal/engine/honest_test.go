package engine_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/passrig/passrig/internal/demorp/demorptest"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
)

// loadWith reads a scenario for an adapter of the test's own.
func loadWith(t *testing.T, adapter, scenario, origin string) *scenarios.File {
	t.Helper()
	file, err := scenarios.Load("test.yaml", scenarios.Options{
		Adapter: "test.adapter.yaml", Origin: origin, Providers: providers(),
		ReadFile: func(name string) ([]byte, error) {
			if strings.HasSuffix(name, ".adapter.yaml") {
				return []byte("passrig-adapter: 1\nname: test\noperations:\n" + adapter), nil
			}
			return []byte("passrig: 1\naccounts: {alice: {devices: {laptop: {}, phone: {}}}, bob: {devices: {tablet: {}}}}\nsteps:\n" + scenario), nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
}

func expectLast(t *testing.T, run *report.Run, verdict report.Verdict, message string) {
	t.Helper()
	last := run.Steps[len(run.Steps)-1]
	if last.Verdict != verdict || !strings.Contains(last.Message, message) {
		t.Errorf("%s %q, want %s %q%s", last.Verdict, last.Message, verdict, message, explain(run))
	}
}

const whoamiOnly = "  whoami: {steps: [{path: /who}], result: {user: body.user}}\n"

func TestWaitingIsBoundedAndTellsFailureFromSilence(t *testing.T) {
	t.Parallel()
	const scenario = "  - wait: {for: 300ms, every: 20ms, request: {path: /x}}\n"
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	begin := time.Now()
	expectLast(t, run(t, 1, loadWith(t, whoamiOnly, scenario, serve(t, hang))), report.VerdictError, "nothing could be told within 300ms")
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("a wait of 300ms took %s", took)
	}
	no := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }
	expectLast(t, run(t, 1, loadWith(t, whoamiOnly, scenario, serve(t, no))), report.VerdictFail, "not as wanted within 300ms")
}

func TestBlocksKeepTheirPromises(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ steps, want string }{
		"always on a repeat":      {"  - assert: ['false']\n  - repeat: {times: 2, steps: [{set: {x: 1}}]}\n    always: true\n  - set: {y: 1}\n", "fail pass pass skip"},
		"always inside a repeat":  {"  - assert: ['false']\n  - repeat: {times: 2, steps: [{set: {x: 1}, always: true}, {set: {z: 1}}]}\n", "fail pass skip"},
		"continue on a repeat":    {"  - repeat: {times: 2, steps: [{assert: ['false']}]}\n    on-failure: continue\n  - set: {y: 1}\n", "fail pass"},
		"a failure that warns":    {"  - assert: ['false']\n    on-failure: warn\n  - set: {y: 1}\n", "warn pass"},
		"what cannot be told":     {"  - request: {path: /x}\n    on-failure: warn\n  - set: {y: 1}\n", "error pass"},
		"failure in a repeat":     {"  - repeat: {times: 3, steps: [{assert: ['false']}]}\n  - set: {y: 1}\n", "fail skip"},
		"a count that is no such": {"  - set: {n: x}\n  - repeat: {times: '${{ vars.n }}', steps: [{set: {x: 1}}]}\n  - set: {y: 1}\n", "pass error skip"},
		"a condition":             {"  - repeat: {times: 3, steps: [{set: {x: 1}}]}\n    when: 1 == 2\n  - set: {y: 1}\n", "skip pass"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result := run(t, 1, loadWith(t, whoamiOnly, test.steps, "http://localhost:1"))
			var got []string
			for _, s := range result.Steps {
				got = append(got, string(s.Verdict))
			}
			if strings.Join(got, " ") != test.want {
				t.Errorf("verdicts %q, want %q%s", got, test.want, explain(result))
			}
		})
	}
}

// A relying party that forgets allowCredentials lets a client offer whatever passkey it has.
func TestADeviceAnswersForItself(t *testing.T) {
	t.Parallel()
	around := func(inner http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/api/login/options" {
				r.Body = io.NopCloser(strings.NewReader("{}"))
				r.ContentLength = 2
			}
			inner.ServeHTTP(w, r)
		})
	}
	result := run(t, 1, load(t, `passrig: 1
accounts: {alice: {devices: {laptop: {}}}, bob: {devices: {tablet: {}}}}
steps:
  - register: {user: alice, on: laptop}
  - register: {user: bob, on: tablet}
  - login: {user: alice, on: tablet}
    expect: {error: NotAllowedError}
`, demorptest.Start(t, around)))
	expectLast(t, result, report.VerdictFail, "where a no was expected")
}

func TestNumbersKeepEveryDigit(t *testing.T) {
	t.Parallel()
	var deleted string
	origin := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodDelete:
			deleted = r.URL.Path
		case r.URL.Path == "/who":
			_, _ = io.WriteString(w, `{"user":90071992547409931,"odd":{"a":1}}`)
		}
	})
	const steps = "  - whoami: {user: alice}\n    expect: {that: ['result.user == \"90071992547409931\"']}\n"
	expectLast(t, run(t, 1, loadWith(t, whoamiOnly, steps, origin)), report.VerdictPass, "")
	expectLast(t, run(t, 1, loadWith(t, strings.Replace(whoamiOnly, "body.user", "body.odd", 1), steps, origin)), report.VerdictError, "not a text")
	const request = "  - request: {path: /who, save: {id: body.user}}\n  - request: {method: DELETE, path: '/x/${{ vars.id }}'}\n"
	run(t, 1, loadWith(t, whoamiOnly, request, origin))
	if deleted != "/x/90071992547409931" {
		t.Errorf("deleted %q", deleted)
	}
}

func TestAdapterHeadersGoWithRequestsOfTheScenario(t *testing.T) {
	t.Parallel()
	var seen []string
	handler := func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Get("X-Bearer"))
		_, _ = io.WriteString(w, `{"token":"t0ken","user":"x"}`)
	}
	origin, elsewhere := serve(t, handler), serve(t, handler)
	adapter := "  whoami: {steps: [{path: /who, save: {tok: body.token}}], result: {user: body.user}}\nheaders: {X-Bearer: \"${{ saved.tok ?? '' }}\"}\n"
	run(t, 1, loadWith(t, adapter, "  - whoami: {user: alice, on: laptop}\n  - request: {user: alice, on: laptop, path: /a}\n  - request: {user: alice, on: laptop, path: '"+elsewhere+"/b'}\n", origin))
	if got := strings.Join(seen, ","); got != ",t0ken," {
		t.Errorf("the header was %q: it belongs to the relying party alone", got)
	}
}

func TestAMissingWhoamiIsNotNobody(t *testing.T) {
	t.Parallel()
	origin := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	expectLast(t, run(t, 1, loadWith(t, whoamiOnly, "  - whoami: {user: alice}\n    expect: {user: nobody}\n", origin)), report.VerdictError, "neither a yes nor a no")
}

// A no is not believed either.
func TestRejectedChangesAreLookedAt(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ method, step, message string }{
		{http.MethodDelete, "delete: {user: alice, credential: first}", "rejected the deletion, yet"},
		{http.MethodPatch, "rename: {user: alice, credential: first, to: Other}", "rejected the renaming, yet"},
	} {
		around := func(inner http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != test.method {
					inner.ServeHTTP(w, r)
					return
				}
				inner.ServeHTTP(httptest.NewRecorder(), r)
				w.WriteHeader(http.StatusForbidden)
			})
		}
		result := run(t, 1, load(t, "passrig: 1\naccounts: {alice: {devices: {laptop: {}}}}\nsteps:\n  - id: first\n    register: {user: alice, on: laptop}\n  - "+
			test.step+"\n    expect: {outcome: rejected}\n", demorptest.Start(t, around)))
		expectLast(t, result, report.VerdictFail, test.message)
	}
}

func TestDiscoverableLoginPicksByDevice(t *testing.T) {
	t.Parallel()
	const setUp = "passrig: 1\naccounts: {alice: {devices: {laptop: {}, phone: {}}}}\nsteps:\n  - register: {user: alice, on: laptop}\n"
	origin := demorptest.Start(t, nil)
	expectLast(t, run(t, 1, load(t, setUp+"  - login-discoverable: {on: laptop, credential: laptop}\n", origin)), report.VerdictPass, "")
	expectLast(t, run(t, 2, load(t, setUp+"  - login-discoverable: {on: phone, credential: laptop}\n", origin)), report.VerdictError, "is on laptop, not on phone")
}

func TestScenarioIDsAreUnique(t *testing.T) {
	t.Parallel()
	var files []*scenarios.File
	for _, path := range []string{"ok1.yaml", "sub/ok1.yaml", "ok1-2.yaml"} {
		file := loadWith(t, whoamiOnly, "  - set: {x: 1}\n", "http://localhost:1")
		file.Path = path
		files = append(files, file)
	}
	seen := make(map[string]bool)
	for _, s := range run(t, 1, files...).Scenarios {
		if seen[s.ID] {
			t.Errorf("two scenarios have the id %q", s.ID)
		}
		seen[s.ID] = true
	}
}
