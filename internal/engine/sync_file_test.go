package engine_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/passrig/passrig/internal/demorp/demorptest"
	"github.com/passrig/passrig/internal/engine"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual/fabric"
)

// What is wrong with a value that an expression gives is said before anything is sent, with its place and what would be
// right.
func TestValuesThatCannotBe(t *testing.T) {
	t.Parallel()
	const head = `passrig: 1
params: {short: {default: 1s}, long: {default: 2s}, odd: {default: x}}
accounts: {alice: {provider: synced-generic, devices: {laptop: %}}}
sync: #
steps:
  - sync: laptop
`
	for name, test := range map[string]struct{ device, sync, message, hint string }{
		"log-normal":  {"{}", `{delay: {log-normal: {median: "${{ params.long }}", p99: "${{ params.short }}"}}}`, "test.yaml:4:64: 99 of 100 times are below p99", "write a longer time"},
		"loss":        {"{}", `{delay: 1s, loss: "${{ params.odd }}"}`, "test.yaml:4:25: ", ""},
		"measured":    {"{}", `{delay: {file: lags.csv}}`, "test.yaml:4:8: sync.delay: lags.csv: line 1: ", "write it with its unit"},
		"no such":     {"{}", `{delay: {file: none.csv}}`, "test.yaml:4:8: sync.delay: ", ""},
		"clock":       {`{clock-skew: "${{ params.odd }}"}`, `{delay: 1s}`, `test.yaml:3:56: device "laptop": test.yaml:3:`, ""},
		"age of copy": {`{cache-age: "${{ params.odd }}"}`, `{delay: 1s}`, `test.yaml:3:56: device "laptop": test.yaml:3:`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := strings.NewReplacer("%", test.device, "#", test.sync).Replace(head)
			_, err := engine.Run(t.Context(), engine.Config{
				Files: []*scenarios.File{load(t, text, "http://localhost:1")}, Clock: time.Now, LookupEnv: os.LookupEnv,
				ReadFile: func(path string) ([]byte, error) {
					if path != "lags.csv" {
						return nil, os.ErrNotExist
					}
					return []byte("7 ms\n"), nil
				},
			})
			if err == nil || !strings.HasPrefix(err.Error(), test.message) {
				t.Fatalf("error %v", err)
			}
			hint := ""
			if hinted, ok := err.(interface{ Hint() string }); ok {
				hint = hinted.Hint()
			}
			if !strings.HasPrefix(hint, test.hint) || test.hint == "" && hint != "" {
				t.Errorf("hint %q", hint)
			}
		})
	}
}

// Every provider of a scenario has state of its own, also two versions of one.
func TestStateOfSeveralProviders(t *testing.T) {
	t.Parallel()
	var opened []string
	text := `passrig: 1
sync: {state: fabric.db}
accounts:
  a: {provider: bitwarden, devices: {one: {}}}
  b: {provider: microsoft-password-manager@142, devices: {two: {}}}
  c: {provider: microsoft-password-manager@152, devices: {three: {}}}
  d: {provider: bitwarden, devices: {four: {}}}
steps:
  - passkeys: one
`
	_, err := engine.Run(t.Context(), engine.Config{
		Files: []*scenarios.File{load(t, text, demorptest.Start(t, nil))}, Clock: time.Now, LookupEnv: os.LookupEnv, ReadFile: os.ReadFile,
		OpenState: func(path string) (engine.State, error) {
			opened = append(opened, path)
			return engine.State{Journal: fabric.NewMemoryJournal(), Ledger: fabric.NewMemoryLedger()}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"fabric.db", "fabric.db.microsoft-password-manager@142", "fabric.db.microsoft-password-manager@152"}
	if !slices.Equal(opened, want) {
		t.Errorf("opened %q, want %q", opened, want)
	}
}

// A threshold can name what a run records of passkeys that travel, and nothing is recorded that it cannot name.
func TestMetricsHaveNames(t *testing.T) {
	t.Parallel()
	result := travel(t, "sync: {delay: 1ms}\n", `
  - {id: first, register: {user: alice, on: laptop}}
  - unlock: phone
  - sync: phone
  - login: {user: alice, on: phone}
  - delete: {user: alice, credential: first}
  - delete: {user: alice, credential: first, at: provider, on: laptop}
  - sync: phone
`)
	if result.Verdict() != report.VerdictPass {
		t.Fatal(explain(result))
	}
	var recorded []string
	for name := range result.Metrics {
		if strings.HasPrefix(name, "sync.") || strings.HasPrefix(name, "unlock.total") {
			recorded = append(recorded, name)
		}
	}
	slices.Sort(recorded)
	if want := slices.Sorted(slices.Values(scenarios.SyncMetrics())); !slices.Equal(recorded, want) {
		t.Errorf("recorded %q\nwant %q", recorded, want)
	}
}
