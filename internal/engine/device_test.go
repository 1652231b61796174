package engine_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/passrig/passrig/internal/demorp/demorptest"
	"github.com/passrig/passrig/internal/engine"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
)

// Over the API there is a person at the device too.
func TestPersonAtTheDevice(t *testing.T) {
	t.Parallel()
	result := run(t, 3, load(t, `passrig: 1
accounts: {alice: {devices: {laptop: {}, phone: {}}}}
steps:
  - register: {user: alice, on: laptop}
  - passkeys: laptop
    expect: {count: 1, names: ["${{ users.alice.username }}"]}
  - passkeys: {on: phone}
    expect: {count: 0}
  - device: {on: laptop, present: false}
  - login: {user: alice, on: laptop}
    expect: {error: NotAllowedError}
  - device: {on: laptop, present: true, think-time: 60ms}
  - id: slow
    login: {user: alice, on: laptop}
  - device: {on: laptop, think-time: 0s}
  - login: {user: alice, on: laptop}
    expect: {that: [result.durationMs < steps.slow.durationMs]}
`, demorptest.Start(t, nil)))
	if result.Verdict() != report.VerdictPass {
		t.Error(explain(result))
	}
	slow := result.Steps[len(result.Steps)-3]
	for _, p := range slow.Ceremony.Phases {
		if p.Name == report.PhaseClient && p.DurationMS < 60 {
			t.Errorf("the person took %.1f ms", p.DurationMS)
		}
	}
	if got := result.Steps[len(result.Steps)-6].Message; !strings.Contains(got, "nobody is there") {
		t.Errorf("message %q", got)
	}
}

// A caller that does not ask for a file without pages is told all the same.
func TestPagesNeedABrowser(t *testing.T) {
	t.Parallel()
	origin := demorptest.Start(t, nil)
	file := func(device, step string) *scenarios.File {
		return load(t, "passrig: 1\naccounts: {alice: {devices: {laptop: "+device+"}}}\nsteps:\n  - "+step+"\n", origin)
	}
	_, err := engine.Run(t.Context(), engine.Config{
		Files: []*scenarios.File{file("{chrome: [{}]}", "passkeys: laptop")}, Seed: 1, Clock: time.Now, LookupEnv: os.LookupEnv, ReadFile: os.ReadFile,
	})
	if err == nil || !strings.Contains(err.Error(), "--driver browser") {
		t.Errorf("error %v", err)
	}
	result := run(t, 1, file("{}", "page: {on: laptop, steps: [goto: /]}"))
	if s := result.Steps[0]; s.Verdict != report.VerdictError || !strings.Contains(s.Message, "--driver browser") {
		t.Error(explain(result))
	}
}
