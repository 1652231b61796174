package engine_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/passrig/passrig/internal/demorp/demorptest"
	"github.com/passrig/passrig/internal/engine"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual/fabric/disk"
)

func stepOf(t *testing.T, result *report.Run, id string) *report.Step {
	t.Helper()
	for i := range result.Steps {
		if result.Steps[i].ID == id {
			return &result.Steps[i]
		}
	}
	t.Fatalf("no step %s%s", id, explain(result))
	return nil
}

// What is under way takes its time, whoever is too early is counted, and all of it is in the result, without the PIN.
func TestDelayIsMeasured(t *testing.T) {
	t.Parallel()
	const delay = 300 * time.Millisecond
	result := travel(t, "sync: {delay: 300ms}\n", `
  - {id: zero, register: {user: alice, on: laptop}}
  - sync: phone
  - {id: one, register: {user: carol, on: alice/laptop}}
  - {title: too early, login: {user: carol, on: alice/phone}, expect: {outcome: refused, user: nobody}, cell: {row: early, column: phone}}
  - {title: sync, sync: {account: alice, to: phone, within: 50ms}, expect: {outcome: rejected}}
  - sync: phone
  - login: {user: carol, on: alice/phone}
  - {delete: {user: carol, credential: one}}
  - {delete: {user: carol, credential: one, at: provider, on: alice/laptop}}
  - sync: phone
thresholds: [sync.lag.p50 >= 200ms, sync.early_login.rejected == 1, sync.zombie.max < 10s, sync.conflicts == 0, sync.total.max < 20s]
`)
	if result.Verdict() != report.VerdictPass {
		t.Fatal(explain(result))
	}
	early := result.Metrics["sync.early_login.rejected"]
	if early.Count != 1 || early.Of != 1 {
		t.Errorf("early logins %+v", early)
	}
	if zombies := result.Metrics["sync.zombie"]; zombies.Count != 2 || zombies.Max < float64(delay) {
		t.Errorf("zombies %+v", zombies)
	}
	if cell := stepOf(t, result, "test/4").Cell; cell == nil || *cell != (report.Cell{Row: "early", Column: "phone"}) {
		t.Errorf("cell %v", cell)
	}
	alice := result.Fabric.Accounts[0]
	var kinds []string
	for _, e := range alice.Events {
		kinds = append(kinds, e.Kind)
		if e.Kind == "arrived" && e.Passkey == "one" && (e.To != "phone" || e.AtMS-e.SentMS < 290) {
			t.Errorf("arrival %+v", e)
		}
		if e.Kind == "login" && (e.Step == "" || e.Verdict != report.VerdictPass) {
			t.Errorf("login %+v", e)
		}
	}
	for _, want := range []string{"founded", "register", "pushed", "unlocked", "arrived", "login", "deleted"} {
		if !slices.Contains(kinds, want) {
			t.Errorf("no %s among %v", want, kinds)
		}
	}
	if alice.Unlock == nil || alice.Unlock.Path[0].Action != "pin-set" || alice.Unlock.Attempts != 10 || !alice.Audit.Intact {
		t.Errorf("unlock %+v, audit %+v", alice.Unlock, alice.Audit)
	}
	text, err := json.Marshal(result)
	if err != nil || strings.Contains(string(text), "482915") {
		t.Errorf("the PIN shows, or: %v", err)
	}
}

// A refusal by the provider's rules comes when the page asks its client, names the rule, and leaves nothing behind.
func TestWhoMayNot(t *testing.T) {
	t.Parallel()
	const people = `passrig: 1
accounts:
  alice:
    provider: microsoft-password-manager@142
    devices: {laptop: {os: windows 11, client: edge 142}, old: {os: windows 11, client: edge 141}, mac: {os: macos 26, client: edge 142}, bare: {os: windows 11, client: edge 142, verification: none}}
  work: {provider: microsoft-password-manager@142, type: work, devices: {desk: {os: windows 11, client: edge 142}}}
  ruled: {provider: microsoft-password-manager@152-work, type: work, devices: {pc: {os: windows 11, client: edge 152}}}
steps:
`
	tests := map[string]struct{ steps, reason string }{
		"client":       {"  - register: {user: alice, on: old}\n", "Edge 141 cannot save passkeys: Microsoft Password Manager needs Edge 142 or later"},
		"platform":     {"  - register: {user: alice, on: mac}\n", "cannot save passkeys"},
		"account":      {"  - register: {user: work, on: desk}\n", "a work account cannot save passkeys"},
		"verification": {"  - register: {user: alice, on: laptop}\n  - sync: bare\n", "cannot verify its user"},
		"import":       {"  - register: {user: alice, on: laptop}\n  - export: {on: laptop, format: cxf, as: moved}\n  - import: {on: old, from: moved}\n", "Edge 141 cannot save passkeys"},
		"enrollment":   {"  - register: {user: alice, on: laptop}\n  - enrol-device: {on: old, approved-by: laptop}\n", "Edge 141 cannot use passkeys"},
		"policy":       {"  - register: {user: ruled, on: pc}\n  - policy: {account: ruled, set: {passkeys: off}}\n  - login: {user: ruled, on: pc}\n  - register: {user: alice, on: ruled/pc}\n", "policy"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result := run(t, 5, load(t, people+test.steps+"    expect: {outcome: refused}\n", demorptest.Start(t, nil)))
			expectLast(t, result, report.VerdictPass, test.reason)
			last := result.Steps[len(result.Steps)-1]
			if last.Action == "register" && (last.Ceremony == nil || last.Ceremony.Options == nil || last.Ceremony.CredentialID != "") {
				t.Errorf("ceremony %+v", last.Ceremony)
			}
			if result.Fabric == nil || len(result.Fabric.Accounts) == 0 {
				t.Error("nothing is said of who may")
			}
		})
	}
}

// Steps that cannot mean anything are mistakes, not answers.
func TestStepsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for steps, message := range map[string]string{
		"  - signal: {on: laptop, user: alice, accepted: []}\n": "no passkey of alice",
	} {
		expectLast(t, travel(t, "", steps), report.VerdictError, message)
	}
	hinted := travel(t, "sync: {delay: 1ms}\n", "  - register: {user: alice, on: laptop}\n  - login: {user: alice, on: phone}\n")
	expectLast(t, hinted, report.VerdictFail, "has not been unlocked")
	if hint := hinted.Steps[len(hinted.Steps)-1].Hint; !strings.Contains(hint, "sync: phone") {
		t.Errorf("hint %q", hint)
	}
}

// A wait ends when the run does.
func TestWaitingForPasskeysIsInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	waits := ""
	file := load(t, travelers+"sync: {delay: 1h}\nsteps:\n  - {register: {user: alice, on: laptop}}\n  - sync: phone\n  - register: {user: carol, on: alice/laptop}\n  - {sync: phone, timeout: 2h}\n", demorptest.Start(t, nil))
	result, err := engine.Run(ctx, engine.Config{
		Files: []*scenarios.File{file}, Seed: 1, Clock: time.Now, LookupEnv: os.LookupEnv, ReadFile: os.ReadFile,
		Events: engine.Events{Waiting: func(text string) { waits = text; cancel() }},
	})
	if err != nil {
		t.Fatal(err)
	}
	if last := result.Steps[len(result.Steps)-1]; !result.Partial || last.Verdict != report.VerdictSkip || !strings.Contains(waits, "1 change is on the way") {
		t.Errorf("partial %v, told %q%s", result.Partial, waits, explain(result))
	}
}

// Tries are counted on from run to run in a state file, and its log is verified.
func TestStateOutlivesTheRun(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fabric.db")
	play := func(steps string) *report.Run {
		t.Helper()
		file := load(t, travelers+"sync: {state: "+path+"}\nsteps:\n"+steps, demorptest.Start(t, nil))
		result, err := engine.Run(t.Context(), engine.Config{
			Files: []*scenarios.File{file}, Seed: 1, Clock: time.Now, LookupEnv: os.LookupEnv, ReadFile: os.ReadFile, OpenState: openDisk,
		})
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
	first := play("  - register: {user: alice, on: laptop}\n  - unlock: {on: phone, pin: '000000', tries: 4}\n    expect: {outcome: rejected, that: [result.remaining == 6]}\n")
	expectLast(t, first, report.VerdictPass, "")
	second := play("  - unlock: {on: tablet, pin: '000000'}\n    expect: {outcome: rejected, that: [result.remaining == 5]}\n  - sync: tablet\n  - passkeys: tablet\n    expect: {count: 1}\n")
	expectLast(t, second, report.VerdictPass, "")
	audit := second.Fabric.Accounts[0].Audit
	if !audit.Intact || audit.File != path+".ledger" {
		t.Errorf("audit %+v", audit)
	}
	text, err := os.ReadFile(audit.File)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(audit.File, []byte(strings.Replace(string(text), "refused", "unlocked", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	expectLast(t, play("  - register: {user: alice, on: laptop}\n"), report.VerdictSkip, "could not be opened")
	expectLast(t, run(t, 1, load(t, travelers+"sync: {state: "+path+"}\nsteps:\n  - sync: laptop\n", demorptest.Start(t, nil))), report.VerdictSkip, "could not be opened")
}

// A PIN that nobody chose is the same in every run on the same state, whatever the seed.
func TestDerivedPINOutlivesTheRun(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fabric.db")
	for seed, steps := range []string{
		"  - register: {user: alice, on: laptop}\n", "  - unlock: phone\n    expect: {that: [result.remaining == 10]}\n",
	} {
		file := load(t, strings.Replace(travelers, "    pin: \"482915\"\n", "", 1)+"sync: {state: "+path+"}\nsteps:\n"+steps, demorptest.Start(t, nil))
		result, err := engine.Run(t.Context(), engine.Config{
			Files: []*scenarios.File{file}, Seed: uint64(seed), Clock: time.Now, LookupEnv: os.LookupEnv, ReadFile: os.ReadFile, OpenState: openDisk,
		})
		if err != nil {
			t.Fatal(err)
		}
		expectLast(t, result, report.VerdictPass, "")
	}
}

// openDisk opens a state file.
func openDisk(path string) (engine.State, error) {
	store, err := disk.Open(path)
	if err != nil {
		return engine.State{}, err
	}
	return engine.State{Journal: store, Ledger: store.Ledger(), LedgerFile: disk.LedgerPath(path)}, nil
}

// What the fabric takes itself is little beside the ceremony: see sync.operation.
func BenchmarkFabricInACeremony(b *testing.B) {
	steps := travelers + "sync: {delay: 1ms}\nsteps:\n  - register: {user: alice, on: laptop}\n  - sync: phone\n  - sync: tablet\n  - repeat:\n      times: 200\n      steps:\n        - login: {user: alice, on: laptop}\n        - rename: {user: alice, credential: laptop, to: 'n${{ loop.index }}', at: provider, on: laptop}\n        - login: {user: alice, on: phone}\n"
	origin := demorptest.Start(b, nil)
	seed := uint64(0)
	for b.Loop() {
		seed++
		file, err := scenarios.Load("test.yaml", scenarios.Options{
			Adapter: "passrig-demo", Origin: origin, ReadFile: func(string) ([]byte, error) { return []byte(steps), nil },
		})
		if err != nil {
			b.Fatal(err)
		}
		result, err := engine.Run(b.Context(), engine.Config{Files: []*scenarios.File{file}, Seed: seed, Clock: time.Now, LookupEnv: os.LookupEnv, ReadFile: os.ReadFile})
		if err != nil || result.Verdict() != report.VerdictPass {
			b.Fatal(err, explain(result))
		}
		m := result.Metrics["sync.operation"]
		b.ReportMetric(m.P50/1000, "p50-µs")
		b.ReportMetric(m.P95/1000, "p95-µs")
		b.ReportMetric(m.P99/1000, "p99-µs")
		b.ReportMetric(m.Max/1000, "max-µs")
	}
}
