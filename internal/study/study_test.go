package study

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/report/jsonout"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual/fabric"
	"github.com/passrig/passrig/virtual/providers"
)

// permitted is a device on which everything works.
func permitted(name string) Machine {
	yes := providers.Eligibility{Allowed: true}
	return Machine{Name: name, Save: yes, Use: yes}
}

// like is an owner of a provider whose devices all work.
func like(provider *providers.Provider, devices ...Machine) Owner {
	if len(devices) == 0 {
		devices = []Machine{permitted("device")}
	}
	return Owner{Name: "alice", Type: "personal", Provider: provider, Devices: devices}
}

// named is a built-in provider.
func named(tb testing.TB, id string) *providers.Provider {
	tb.Helper()
	catalogue, err := providers.Builtin()
	if err != nil {
		tb.Fatal(err)
	}
	provider, err := catalogue.Find(id)
	if err != nil {
		tb.Fatal(err)
	}
	return provider
}

// plain is a provider that does nothing remarkable: what its tests measure is theirs.
func plain() *providers.Provider {
	return &providers.Provider{
		Name: "plain", Title: "Plain",
		Unlock:  providers.Unlock{Method: providers.UnlockProviderPIN, OnExhausted: providers.ExhaustedLock, ResetsOnSuccess: true, Reset: providers.ResetNever},
		Sync:    &providers.Sync{Merge: providers.MergeServerWins, Replace: providers.ReplaceShadow, Delete: providers.DeleteAtOnce, Tombstones: providers.TombstonesWin, SyncOff: providers.SyncOffWipes},
		Signals: providers.Signals{Unknown: providers.SignalHide, AllAccepted: providers.SignalHide, Details: providers.SignalFollow},
	}
}

// usual is a study as a file without any wishes has it, but for its size.
func usual(accounts int64, owners ...Owner) *Plan {
	return &Plan{
		Accounts: accounts, Devices: 3, Events: DefaultEvents, For: DefaultFor, PINErrors: DefaultPINErrors, Mix: DefaultMix(),
		Delay: DefaultDelay(), Owners: owners, Scenario: report.Scenario{ID: "test", Name: "Test"},
	}
}

// eventful is one with everything in it.
func eventful(accounts int64, owners ...Owner) *Plan {
	p := usual(accounts, owners...)
	p.Mix = Mix{}
	for k := range p.Mix {
		p.Mix[k] = 1
	}
	p.Mix[Create], p.Mix[Login] = 2, 3
	p.PINErrors, p.Offline, p.Loss, p.Duplicates, p.For = 0.05, 0.2, 0.1, 0.1, 2*time.Hour
	p.Delay = fabric.LogNormal(30*time.Second, 10*time.Minute)
	return p
}

// play plays a study, and fails the test if it goes wrong.
func play(tb testing.TB, plan *Plan, seed uint64) *report.Run {
	tb.Helper()
	run, err := Run(tb.Context(), Config{Plan: plan, Seed: seed})
	if err != nil {
		tb.Fatal(err)
	}
	return run
}

// bytesOf is a run's result file.
func bytesOf(tb testing.TB, run *report.Run) string {
	tb.Helper()
	var b bytes.Buffer
	if err := jsonout.Write(&b, run); err != nil {
		tb.Fatal(err)
	}
	return b.String()
}

// TestSameSeedSameBytes plays one study on different numbers of workers, and others with other seeds.
func TestSameSeedSameBytes(t *testing.T) {
	t.Parallel()
	owners := []Owner{like(named(t, "google-password-manager")), like(named(t, "apple-passwords")), like(named(t, "bitwarden"))}
	results := make(map[string]int)
	for _, workers := range []int{1, 2, 7} {
		run, err := Run(t.Context(), Config{Plan: eventful(150, owners...), Seed: 1, Workers: workers})
		if err != nil {
			t.Fatal(err)
		}
		results[bytesOf(t, run)]++
	}
	if len(results) != 1 {
		t.Errorf("%d different results of one seed", len(results))
	}
	if results[bytesOf(t, play(t, eventful(150, owners...), 2))] != 0 {
		t.Error("another seed has the same result")
	}
}

// TestEveryProvider plays everything there is on every built-in provider whose passkeys travel: at the end all devices
// agree, nothing is lost, and nobody had more tries than allowed.
func TestEveryProvider(t *testing.T) {
	t.Parallel()
	catalogue, err := providers.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	played := 0
	for _, p := range catalogue.All() {
		if p.Sync == nil {
			continue
		}
		played++
		plan := eventful(25, like(p))
		plan.Events = 20
		run := play(t, plan, 14)
		if v := run.Verdict(); v != report.VerdictPass {
			t.Errorf("%s: verdict %s: %+v", p.ID(), v, run.Steps)
		}
		if n := run.Fabric.Study.Events; n != 25*20 {
			t.Errorf("%s: %d events", p.ID(), n)
		}
	}
	if played < 10 {
		t.Errorf("%d providers were played", played)
	}
}

// TestInterrupted ends a study early: what was played is there, and is marked as a part.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	plan := usual(100_000, like(plain()))
	run, err := Run(ctx, Config{Plan: plan, Seed: 1, Progress: func(accounts, _ int64) {
		if accounts >= 5*chunk {
			cancel()
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	n := run.Fabric.Study.Accounts
	if n < 5*chunk || n > 1000 || run.Fabric.Study.Events != n*DefaultEvents || !run.Partial || run.Aborted == "" {
		t.Errorf("%d accounts, %d events, partial %t, %q", n, run.Fabric.Study.Events, run.Partial, run.Aborted)
	}
	if s := run.Steps[0]; s.Verdict != report.VerdictSkip || s.Message != fmt.Sprintf("interrupted: %d of 100000 accounts were played, %d events", n, n*DefaultEvents) {
		t.Errorf("step %+v", s)
	}
	cancel()
	run, err = Run(ctx, Config{Plan: plan, Seed: 1})
	if err != nil || run.Fabric.Study.Accounts != 0 || report.ExitCode(run) != report.ExitCouldNot {
		t.Errorf("interrupted before it began: %v, %+v", err, run.Summary)
	}
}

// TestProgress hears of every account in the end.
func TestProgress(t *testing.T) {
	t.Parallel()
	var last, events int64
	plan := usual(100, like(plain()))
	_, err := Run(t.Context(), Config{Plan: plan, Progress: func(accounts, n int64) {
		if accounts <= last {
			t.Errorf("%d accounts after %d", accounts, last)
		}
		last, events = accounts, n
	}})
	if err != nil || last != 100 || events != 100*DefaultEvents {
		t.Errorf("%v: %d accounts, %d events", err, last, events)
	}
}

func TestThresholds(t *testing.T) {
	t.Parallel()
	plan := simple(20, 2, 1, Create, fabric.Constant(time.Second))
	for _, text := range []string{"sync.lag.p99 < 5s", "sync.lag.p99 < 500ms", "sync.lockouts.rate == 0%", "sync.nothing == 0"} {
		rule, err := report.ParseThreshold(text)
		if err != nil {
			t.Fatal(err)
		}
		plan.Thresholds = append(plan.Thresholds, Limit{Rule: rule, File: "roam.yaml", Line: len(plan.Thresholds) + 1})
	}
	run := play(t, plan, 1)
	var got []report.Verdict
	for i, threshold := range run.Thresholds {
		got = append(got, threshold.Verdict)
		if threshold.Scenario != "test" || threshold.File != "roam.yaml" || threshold.Line != i+1 {
			t.Errorf("%+v", threshold)
		}
	}
	want := []report.Verdict{report.VerdictPass, report.VerdictFail, report.VerdictPass, report.VerdictError}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s", diff)
	}
	if report.ExitCode(run) != report.ExitFailed {
		t.Errorf("exit code %d", report.ExitCode(run))
	}
}

// TestCheck has plans that cannot be played. Each says what would be right.
func TestCheck(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*Plan){
		"0 accounts: nobody to study":                       func(p *Plan) { p.Accounts = 0 },
		"0 devices for each account":                        func(p *Plan) { p.Devices = 0 },
		"65 devices for each account":                       func(p *Plan) { p.Devices = 65 },
		"0 events in each account: nothing to study":        func(p *Plan) { p.Events = 0 },
		"virtual time of 0s":                                func(p *Plan) { p.For = 0 },
		"every weight of the study's mix is 0":              func(p *Plan) { p.Mix = Mix{} },
		"a weight of the study's mix is negative":           func(p *Plan) { p.Mix[Login] = -1 },
		"the file has no account whose passkeys travel":     func(p *Plan) { p.Owners = nil },
		"1000000000 accounts with 10 events each are 1e+10": func(p *Plan) { p.Accounts = 1_000_000_000 },
	} {
		plan := usual(10, like(plain()))
		change(plan)
		_, err := Run(t.Context(), Config{Plan: plan})
		problem, ok := errors.AsType[*PlanError](err)
		if !ok || !strings.Contains(problem.Error(), want) || problem.Hint() == "" {
			t.Errorf("%v, want %s, with a hint", err, want)
		}
	}
	if err := usual(10, like(plain())).Check(); err != nil {
		t.Error(err)
	}
}

// TestFindings has every kind of what must not be.
func TestFindings(t *testing.T) {
	t.Parallel()
	id := func(b byte) []byte { return []byte{b} }
	view := fabric.View{CredentialID: id(1), UserName: "someone", State: fabric.Live, Version: 3}
	record := fabric.Record{CredentialID: id(1), State: fabric.Live, Version: 3, Meta: fabric.Meta{UserName: "someone"}}
	if d := differs([]fabric.View{{State: fabric.Dead}, view}, []fabric.Record{record}); d != "" {
		t.Errorf("equal, but %s", d)
	}
	for name, change := range map[string]func(*fabric.View){
		"id": func(v *fabric.View) { v.CredentialID = id(2) }, "name": func(v *fabric.View) { v.UserName = "nobody" }, "hidden": func(v *fabric.View) { v.Hidden = true },
		"version": func(v *fabric.View) { v.Version = 2 }, "state": func(v *fabric.View) { v.State = fabric.Trashed },
	} {
		other := view
		change(&other)
		if differs([]fabric.View{other}, []fabric.Record{record}) == "" {
			t.Errorf("other %s: no difference", name)
		}
	}
	a := &account{tally: newTally(), number: 5, known: map[string]*passkey{}}
	for i, p := range []passkey{{acked: true}, {}, {acked: true, gone: true}, {acked: true}} {
		p.id, p.site = id(byte(i)), &site{rpID: "here"}
		a.known[string(p.id)] = &p
	}
	a.countLost([]fabric.Record{{CredentialID: id(0)}, {CredentialID: id(3)}})
	if a.tally.faults[lost].accounts != 0 {
		t.Error("nothing is lost")
	}
	a.countLost([]fabric.Record{{CredentialID: id(3)}})
	other := newTally()
	other.accounts = 100
	for _, number := range []int64{9, 4, 7} {
		other.found(diverged, number, "in %d", number)
		other.found(lost, number, "in %d", number)
	}
	a.tally.found(overtried, 3, "again and again")
	a.tally.merge(other)
	var got []string
	for _, s := range usual(100, like(plain())).steps(a.tally)[1:] {
		if s.Verdict != report.VerdictFail {
			t.Errorf("%+v", s)
		}
		got = append(got, s.Message)
	}
	want := []string{
		"not so in 3 of 100 accounts, first in account 4: in 4",
		"not so in 4 of 100 accounts, first in account 4: in 4",
		"not so in 1 of 100 accounts, first in account 3: again and again",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

// TestThresholdsCanName has every figure of a study known to the language by name, next to what runs record alone.
func TestThresholdsCanName(t *testing.T) {
	t.Parallel()
	run := play(t, usual(5, like(plain())), 1)
	onlyRuns := []string{"sync.total", "unlock.total", "sync.operation"}
	want := append(slices.DeleteFunc(scenarios.SyncMetrics(), func(name string) bool { return slices.Contains(onlyRuns, name) }), scenarios.StudyMetrics()...)
	want = append(want, MetricLogins)
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(run.Metrics))); diff != "" {
		t.Errorf("metrics (-language +study):\n%s", diff)
	}
	study := run.Fabric.Study
	if run.Driver != "" || run.Target != (report.Target{}) || study.EventsEach == 0 || int64(study.EventsEach)*study.Accounts != study.Events {
		t.Errorf("driver %q, target %v, study %+v", run.Driver, run.Target, study)
	}
}

// TestResolveSaysWhere has mistakes that show only when expressions have values.
func TestResolveSaysWhere(t *testing.T) {
	t.Parallel()
	for sync, message := range map[string]string{
		`{delay: {log-normal: {median: "${{ params.long }}", p99: 1s}}}`: "roam.yaml:5:64: 99 of 100 times",
		`{delay: {file: none.csv}}`:                                      "roam.yaml:5:8: sync.delay: ",
		`{delay: 1s, study: {accounts: "${{ params.odd }}"}}`:            "roam.yaml:5:37: ",
	} {
		text := "passrig: 1\nparams: {long: {default: 2s}, odd: {default: x}}\naccounts: {alice: {provider: synced-generic}}\nsteps: [assert: true]\nsync: " + sync + "\n"
		file, err := scenarios.Load("roam.yaml", scenarios.Options{
			Adapter: "passrig-demo", Origin: "http://localhost:1", ReadFile: func(string) ([]byte, error) { return []byte(text), nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		catalogue, err := providers.Builtin()
		if err != nil {
			t.Fatal(err)
		}
		_, err = Resolve(Source{
			File: file, Env: scenarios.Env{"params": map[string]any{"long": "2s", "odd": "x"}}, Catalogue: catalogue,
			ReadFile: func(string) ([]byte, error) { return nil, fs.ErrNotExist },
		})
		if err == nil || !strings.HasPrefix(err.Error(), message) {
			t.Errorf("%s: %v", sync, err)
		}
	}
}
