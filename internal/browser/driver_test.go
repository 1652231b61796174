package browser_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/passrig/passrig/internal/browser"
	"github.com/passrig/passrig/internal/demorp/demorptest"
	"github.com/passrig/passrig/internal/engine"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual/cdp"
)

func chrome(t *testing.T, stepTimeout time.Duration) *cdp.Browser {
	t.Helper()
	path, err := cdp.Find(exec.LookPath, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	b, err := cdp.Launch(t.Context(), cdp.Config{Path: path, Dir: t.TempDir(), StepTimeout: stepTimeout})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func play(t *testing.T, b *cdp.Browser, scenario, origin string) *report.Run {
	t.Helper()
	file, err := scenarios.Load("test.yaml", scenarios.Options{
		Adapter: "passrig-demo", Origin: origin,
		ReadFile: func(string) ([]byte, error) {
			return []byte("passrig: 1\naccounts: {alice: {devices: {laptop: {}, phone: {}}}}\nsteps:\n" + scenario), nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return drive(t, b, file)
}

func drive(t *testing.T, b *cdp.Browser, file *scenarios.File) *report.Run {
	t.Helper()
	run, err := engine.Run(t.Context(), engine.Config{
		Files: []*scenarios.File{file}, Seed: 1, Clock: time.Now, LookupEnv: os.LookupEnv, ReadFile: os.ReadFile,
		Driver: engine.DriverBrowser, Drive: browser.Drive(b, time.Now, nil),
	})
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func last(run *report.Run) report.Step { return run.Steps[len(run.Steps)-1] }

// The browser's death is told as what it is, at once, and never as the relying party's failure.
func TestChromeEndsDuringACeremony(t *testing.T) {
	t.Parallel()
	b := chrome(t, 5*time.Second)
	origin := demorptest.Start(t, func(inner http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/api/login/options" {
				if p, err := os.FindProcess(b.PID()); err == nil {
					_ = p.Kill()
				}
			}
			inner.ServeHTTP(w, r)
		})
	})
	step := last(play(t, b, "  - register: {user: alice, on: laptop}\n  - login: {user: alice, on: laptop}\n", origin))
	if step.Action != "login" || step.Verdict != report.VerdictError || !strings.Contains(step.Message, "Chrome ended") {
		t.Errorf("%s: %s %q", step.Action, step.Verdict, step.Message)
	}
	if step.DurationMS > 10_000 {
		t.Errorf("it took %.0f ms to notice", step.DurationMS)
	}
}

// What the client refuses is told apart from the relying party's no, though the page shows both alike.
func TestRefusalsAreTheClients(t *testing.T) {
	t.Parallel()
	b := chrome(t, 5*time.Second)
	const setUp = "  - register: {user: alice, on: laptop}\n"
	for name, test := range map[string]struct{ step, outcome, clientError string }{
		"excluded":   {"  - register: {user: alice, on: laptop}\n    expect: {error: InvalidStateError}\n", "refused", "InvalidStateError"},
		"no passkey": {"  - login: {user: alice, on: phone}\n    expect: {error: NotAllowedError}\n", "refused", "NotAllowedError"},
		"deleted":    {"  - register: {user: alice, on: phone, session: laptop}\n  - delete: {user: alice, credential: phone, on: laptop}\n  - login: {user: alice, on: phone, ignore-allow-list: true}\n    expect: {outcome: rejected, user: nobody}\n", "rejected", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			step := last(play(t, b, setUp+test.step, demorptest.Start(t, nil)))
			if step.Verdict != report.VerdictPass || step.Outcome != test.outcome {
				t.Errorf("%s, outcome %s: %s", step.Verdict, step.Outcome, step.Message)
			}
			if step.Ceremony == nil || step.Ceremony.ClientError != test.clientError {
				t.Errorf("ceremony %+v", step.Ceremony)
			}
		})
	}
}

// shop is a relying party with a page for signing up and an API for the rest. Its cookie is only for
// the API's path, and the page says yes late.
func shop(t *testing.T, late time.Duration) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `<!doctype html><label>Name <input id=name></label><button onclick="join()">Join</button><p id=out></p><script>
const join = async () => {
  await fetch("/api/join?" + new URLSearchParams({ user: document.getElementById("name").value }), { method: "POST" });
  setTimeout(() => document.getElementById("out").textContent = "Welcome", %d);
};</script>`, late.Milliseconds())
	})
	mux.HandleFunc("POST /api/join", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "sid", Value: r.FormValue("user"), Path: "/api", HttpOnly: true})
	})
	mux.HandleFunc("GET /api/who", func(w http.ResponseWriter, r *http.Request) {
		c, err := r.Cookie("sid")
		if err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = fmt.Fprintf(w, `{"user":%q}`, c.Value)
	})
	mux.HandleFunc("POST /api/leave", func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "sid", Path: "/api", MaxAge: -1})
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
}

const shopAdapter = `passrig-adapter: 1
name: shop
operations:
  signup:
    steps: [{method: POST, path: /api/join, query: {user: "${{ user.username }}"}}]
    page:
      steps:
        - goto: /
        - fill: {field: label=Name, with: "${{ user.username }}"}
        - click: role=button[name="Join"]
      accept: text=Welcome
  whoami: {steps: [{path: /api/who}], result: {user: body.user}}
  logout: {steps: [{method: POST, path: /api/leave}]}
`

// Page and API are one session: a cookie for one path works there, and one that the API deletes is gone.
func TestPageAndAPIShareASession(t *testing.T) {
	t.Parallel()
	b := chrome(t, 500*time.Millisecond)
	file, err := scenarios.Load("test.yaml", scenarios.Options{
		Adapter: "shop.yaml", Origin: shop(t, time.Second),
		ReadFile: func(name string) ([]byte, error) {
			if strings.HasSuffix(name, "shop.yaml") {
				return []byte(shopAdapter), nil
			}
			return []byte(`passrig: 1
accounts: {alice: {devices: {laptop: {}}}}
steps:
  - signup: {user: alice, on: laptop}
    expect: {user: alice}
  - logout: {user: alice, on: laptop}
  - whoami: {user: alice, on: laptop}
    expect: {user: nobody}
  - signup: {user: alice, on: laptop}
    expect: {user: alice}
`), nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range drive(t, b, file).Steps {
		if s.Verdict != report.VerdictPass {
			t.Errorf("%s: %s %s", s.Title, s.Verdict, s.Message)
		}
	}
}
