package browser_test

import (
	"net/http"
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

func chrome(t *testing.T) *cdp.Browser {
	t.Helper()
	path, err := cdp.Find(exec.LookPath, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	b, err := cdp.Launch(t.Context(), cdp.Config{Path: path, Dir: t.TempDir(), StepTimeout: 5 * time.Second})
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
	b := chrome(t)
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
	b := chrome(t)
	const setUp = "  - register: {user: alice, on: laptop}\n"
	for name, test := range map[string]struct{ step, outcome, clientError string }{
		"excluded":   {"  - register: {user: alice, on: laptop}\n    expect: {error: InvalidStateError}\n", "refused", "InvalidStateError"},
		"no passkey": {"  - login: {user: alice, on: phone}\n    expect: {error: NotAllowedError}\n", "refused", "NotAllowedError"},
		"deleted":    {"  - delete: {user: alice, credential: laptop}\n  - login: {user: alice, on: laptop, ignore-allow-list: true}\n    expect: {outcome: rejected, user: nobody}\n", "rejected", ""},
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
