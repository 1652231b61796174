package matrix_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/passrig/passrig/internal/demorp/demorptest"
	"github.com/passrig/passrig/internal/matrix"
	"github.com/passrig/passrig/report"
)

// hang waits until the client gives up, which a server only notices once it has read the request.
func hang(r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// A relying party that begins to hang after it has answered costs a few time limits, not one for each facet of each cell.
func TestColumnThatBeginsToHang(t *testing.T) {
	t.Parallel()
	var hung atomic.Int32
	origin := demorptest.Start(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, "login") {
				hung.Add(1)
				hang(r)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	cfg := lab(t, "synced-generic, device-bound, bitwarden, 1password", "hangs", origin, "demo", demorptest.Start(t, nil))
	cfg.Timeout = 2 * time.Second // far more than an answer takes, even on a busy machine
	cfg.Only.Facets = []string{"signup", "login", "counters", "exclude"}
	cfg.Jobs = 4
	run := play(t, cfg, matrix.Play{})
	hangs, demo := run.Matrix.Parties[0], run.Matrix.Parties[1]
	if !strings.Contains(hangs.Problem, "no complete answer in time") || demo.Problem != "" {
		t.Errorf("hangs %q, demo %q", hangs.Problem, demo.Problem)
	}
	if n := hung.Load(); n > 8 {
		t.Errorf("%d requests were waited for", n)
	}
	for cell, got := range results(run) {
		if strings.Contains(cell, "/demo/") && !strings.HasPrefix(got, "pass") {
			t.Errorf("%s: %s", cell, got)
		}
	}
}

// One answer that does not come is bad luck: the column goes on.
func TestColumnThatHangsNowAndThen(t *testing.T) {
	t.Parallel()
	var logins atomic.Int32
	origin := demorptest.Start(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, "login") && logins.Add(1)%30 == 1 {
				hang(r)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	cfg := lab(t, "synced-generic, device-bound, bitwarden, 1password, windows-hello", "demo", origin)
	cfg.Timeout = 2 * time.Second // far more than an answer takes, even on a busy machine
	cfg.Only.Facets = []string{"signup", "login", "second-device"}
	cfg.Jobs = 1
	run := play(t, cfg, matrix.Play{})
	if p := run.Matrix.Parties[0].Problem; p != "" || len(run.Matrix.Cells) != 5 || run.Summary.Errored < 2 {
		t.Errorf("%q, %d cells, %+v", p, len(run.Matrix.Cells), run.Summary)
	}
}

// An adapter that asks for what is not there says nothing of the relying party, and not in every cell.
func TestWrongAdapter(t *testing.T) {
	t.Parallel()
	run := play(t, config(t, fmt.Sprintf("passrig: 1\nmatrix:\n  providers: [synced-generic, bitwarden]\n  relying-parties:\n"+
		"    - {name: odd, adapter: passport, origin: %q}\n", demorptest.Start(t, nil))), matrix.Play{})
	p := run.Matrix.Parties[0]
	if !strings.Contains(p.Problem, "answered 404 Not Found: its adapter passport asks for what is not there") || !strings.Contains(p.Hint, "adapter") {
		t.Errorf("%q, hint %q", p.Problem, p.Hint)
	}
	if run.Summary.Failed > 0 || report.ExitCode(run) != report.ExitCouldNot {
		t.Errorf("%+v", run.Summary)
	}
}

// Columns with one adapter have titles by which they can be told apart.
func TestTitlesDiffer(t *testing.T) {
	t.Parallel()
	l, err := matrix.Open(lab(t, "bitwarden", "old", "http://localhost:1", "new", "http://localhost:2"))
	if err != nil {
		t.Fatal(err)
	}
	if a, b := l.Parties[0].Title, l.Parties[1].Title; !strings.HasSuffix(a, " (old)") || !strings.HasSuffix(b, " (new)") {
		t.Errorf("%q and %q", a, b)
	}
	if l, err = matrix.Open(lab(t, "bitwarden", "old", "http://localhost:1")); err != nil || strings.Contains(l.Parties[0].Title, "old") {
		t.Errorf("%q, %v", l.Parties[0].Title, err)
	}
}

// What is not chosen need not be there.
func TestColumnsThatAreLeftOutAreNotOpened(t *testing.T) {
	t.Parallel()
	cfg := config(t, `passrig: 1
env: [NOWHERE_TO_BE_FOUND]
matrix:
  providers: [bitwarden]
  relying-parties:
    - {name: here, adapter: passrig-demo, origin: "http://localhost:1"}
    - {name: elsewhere, adapter: passrig-demo, origin: "${{ env.NOWHERE_TO_BE_FOUND }}"}
`)
	if _, err := matrix.Open(cfg); err == nil || !strings.Contains(err.Error(), "elsewhere") {
		t.Errorf("both: %v", err)
	}
	cfg.Only.Parties = []string{"here"}
	if _, err := matrix.Open(cfg); err != nil {
		t.Error(err)
	}
}

// A column for the browser needs an adapter that does something on pages, whoever asks for it.
func TestBrowserWithoutPages(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "tiny.adapter.yaml", tinyAdapter)
	write(t, dir, "own.yaml", tinyFacet)
	write(t, dir, "more.yaml", tinySteps)
	cfg := configIn(t, dir, tinyLab)
	cfg.Only.Drivers = []string{"browser"}
	if _, err := matrix.Open(cfg); err == nil || !strings.Contains(err.Error(), "nothing for a browser to do") {
		t.Error(err)
	}
}

const tinyAdapter = `passrig-adapter: 1
name: tiny
operations:
  signup: {with: register}
  register:
    steps:
      - {path: /options, json: {}, options: body}
      - {path: /result, credential: {}}
`

const tinyLab = `passrig: 1
params: {where: {default: "http://localhost:1"}, word: {default: one}}
matrix:
  providers: [bitwarden]
  relying-parties: [{name: tiny, adapter: ./tiny.adapter.yaml, origin: "${{ params.where }}"}]
  facets: [./own.yaml]
`

const tinyFacet = `passrig: 1
name: own
target: {adapter: passrig-demo}
accounts: {alice: {devices: {laptop: {}}}}
steps: [{include: more.yaml}]
`

const tinySteps = `passrig-steps: 1
steps:
  - register: {user: alice, on: laptop}
`

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// The journal is of what would be played: an edit of any file that bears on it makes another lab, one of a comment in the
// lab does not.
func TestSumIsOfAllThatIsPlayed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "tiny.adapter.yaml", tinyAdapter)
	write(t, dir, "own.yaml", tinyFacet)
	write(t, dir, "more.yaml", tinySteps)
	sum := func(text string) string {
		t.Helper()
		l, err := matrix.Open(configIn(t, dir, text))
		if err != nil {
			t.Fatal(err)
		}
		return l.Sum()
	}
	first := sum(tinyLab)
	if got := sum("# a comment\n" + tinyLab); got != first {
		t.Error("a comment makes another lab")
	}
	for what, text := range map[string]string{
		"a param":   strings.Replace(tinyLab, "one", "two", 1),
		"an origin": strings.Replace(tinyLab, "localhost:1", "localhost:2", 1),
	} {
		if sum(text) == first {
			t.Errorf("%s makes no other lab", what)
		}
	}
	write(t, dir, "more.yaml", tinySteps+"  - register: {user: alice, on: laptop}\n")
	if sum(tinyLab) == first {
		t.Error("included steps make no other lab")
	}
	write(t, dir, "more.yaml", tinySteps)
	write(t, dir, "tiny.adapter.yaml", strings.Replace(tinyAdapter, "/result", "/results", 1))
	if sum(tinyLab) == first {
		t.Error("an adapter makes no other lab")
	}
}

// Where a passkey could be made before, one registration that fails says nothing of what comes after it.
func TestOneRegistrationThatFails(t *testing.T) {
	t.Parallel()
	var registrations atomic.Int32
	origin := demorptest.Start(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/register/result") && registrations.Add(1) == 2 {
				http.Error(w, "{}", http.StatusForbidden)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	cfg := lab(t, "synced-generic", "demo", origin)
	cfg.Only.Facets = []string{"signup", "login", "attestation"}
	got := results(play(t, cfg, matrix.Play{}))
	if login := got["synced-generic/demo/login"]; !strings.HasPrefix(login, "fail") {
		t.Errorf("login: %s", login)
	}
	if after := got["synced-generic/demo/attestation"]; !strings.HasPrefix(after, "pass") {
		t.Errorf("attestation: %s", after)
	}
}

// As many cells are played at a time as it is said.
func TestJobsAtATime(t *testing.T) {
	t.Parallel()
	var waiting atomic.Int32
	both := make(chan struct{})
	around := func(next http.Handler) http.Handler {
		var first sync.Once
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			first.Do(func() {
				if waiting.Add(1) == 2 {
					close(both)
				}
				select {
				case <-both:
				case <-time.After(5 * time.Second):
					t.Error("the other column waits for this one")
				}
			})
			next.ServeHTTP(w, r)
		})
	}
	cfg := lab(t, "synced-generic", "demo", demorptest.Start(t, around), "other", demorptest.Start(t, around))
	cfg.Only.Facets = []string{"signup"}
	cfg.Jobs = 2
	play(t, cfg, matrix.Play{})
}
