package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/fabric"
	"github.com/passrig/passrig/virtual/providers"
)

const studyScenario = `passrig: 1
target: {adapter: passrig-demo}
accounts: {alice: {provider: synced-generic}}
sync: {study: {accounts: 20000}}
steps:
  - signup: {user: alice}
`

// TestInterruptedStudy ends a simulation with a signal: what was played is reported.
func TestInterruptedStudy(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	p.write(t, "s.yaml", studyScenario)
	began := make(chan struct{})
	p.env.Stderr = &first{to: &p.stderr, write: sync.OnceFunc(func() { close(began) })}
	go func() {
		<-began
		p.signals <- os.Interrupt
	}()
	if code := Main([]string{"sync", "s.yaml", "--simulate", "--report", "json=run.json"}, p.env); code != exitInterrupted {
		t.Fatalf("exit code %d\n%s", code, p.stderr.String())
	}
	f, err := os.Open(filepath.Join(p.env.Dir, "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	run, err := report.Load(f)
	if err != nil {
		t.Fatal(err)
	}
	if n := run.Fabric.Study.Accounts; !run.Partial || n >= 20000 {
		t.Errorf("partial %t, %d accounts", run.Partial, n)
	}
	if !strings.Contains(p.stderr.String(), "error: interrupted\n") {
		t.Errorf("stderr %q", p.stderr.String())
	}
}

// first tells of writes.
type first struct {
	to    io.Writer
	write func()
}

func (f *first) Write(p []byte) (int, error) {
	f.write()
	return f.to.Write(p)
}

func TestSpeed(t *testing.T) {
	t.Parallel()
	if got, want := speed(300, 100, 1000, 2*time.Second), "500/s, 6s left"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := speed(300, 0, 0, 0); got != "" {
		t.Errorf("before anything was done: %q", got)
	}
}

// auditLog is the log of an account with a device, wrong PINs, and a lock. The second result is its head.
func auditLog(t *testing.T) (lines []string, head string) {
	t.Helper()
	now := time.Date(2026, time.May, 1, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	provider := &providers.Provider{
		Name: "test", Unlock: providers.Unlock{Method: providers.UnlockProviderPIN, Attempts: 2, OnExhausted: providers.ExhaustedLock}, Sync: &providers.Sync{},
	}
	log := fabric.NewMemoryLedger()
	cloud, err := fabric.Open(fabric.CloudConfig{Provider: provider, Clock: clock, Ledger: log, KDF: fabric.KDF{Time: 1, MemoryKiB: 8, Threads: 1}})
	if err != nil {
		t.Fatal(err)
	}
	network := fabric.NewNetwork(fabric.NetworkConfig{Clock: clock})
	replica := func(name string) *fabric.Replica {
		device, err := virtual.NewSoftwareDevice(virtual.Config{})
		if err != nil {
			t.Fatal(err)
		}
		r, err := fabric.NewReplica(fabric.ReplicaConfig{
			Device: name, Account: cloud.Account("alice"), Provider: provider, Network: network, Keychain: fabric.SoftwareKeychain(device), Clock: clock,
		})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if err := replica("desk").Found(t.Context(), "123456"); err != nil {
		t.Fatal(err)
	}
	phone := replica("phone")
	for range 2 {
		if _, refused := errors.AsType[*fabric.UnlockError](phone.Unlock(t.Context(), "000000")); !refused {
			t.Fatal("a wrong PIN was taken")
		}
	}
	err = log.Each(func(line []byte) error {
		lines = append(lines, string(line)+"\n")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines, cloud.Head().String()
}

func TestAudit(t *testing.T) {
	t.Parallel()
	lines, head := auditLog(t)
	last := len(lines) - 1
	swapped := append(append([]string{}, lines[:last-1]...), lines[last], lines[last-1])
	changed := strings.Replace(strings.Join(lines, ""), `"phone"`, `"radio"`, 1)
	for name, c := range map[string]struct {
		log  string
		args []string
		code int
		want string // on standard output, or else standard error
	}{
		"intact":         {strings.Join(lines, ""), nil, exitOK, ": intact, 7 entries of 1 account from 2026-05-01T12:00:00Z"},
		"actions":        {strings.Join(lines, ""), []string{"--head", head}, exitOK, "locked 1, pin-set 1, refused 2, unlock-tried 2; head " + head},
		"empty":          {"", nil, exitCouldNot, "error: log: the audit log is empty: there is nothing to verify"},
		"changed":        {changed, nil, exitCouldNot, "error: log:3: the audit log is damaged: entry 3 is not as it was written"},
		"cut":            {strings.Join(lines[:2], "") + strings.Join(lines[3:], ""), nil, exitCouldNot, "error: log:3: "},
		"reordered":      {strings.Join(swapped, ""), nil, exitCouldNot, "hint: entry 6 comes later"},
		"doubled":        {strings.Join(lines, "") + lines[last], nil, exitCouldNot, "again"},
		"truncated":      {strings.Join(lines[:last], ""), []string{"--head", head}, exitCouldNot, "error: log:7: the audit log is damaged: the log ends with entry 6, but entry 7 has been seen"},
		"torn":           {strings.TrimSuffix(strings.Join(lines, ""), "\"}\n"), nil, exitCouldNot, "in the middle of a line"},
		"another":        {strings.Join(lines, ""), []string{"--head", "2:" + strings.Repeat("0", 64)}, exitCouldNot, "is another one than was seen"},
		"no log":         {"passrig: 1\n", nil, exitCouldNot, "hint: is this an audit log? it is beside the state file"},
		"head":           {"", []string{"--head", "seven"}, exitUsage, `error: --head "seven": want SEQ:HASH`},
		"as JSON":        {strings.Join(lines, ""), []string{"--json"}, exitOK, `"intact": true`},
		"damage as JSON": {changed, []string{"--json"}, exitCouldNot, "error: log:3: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProcess(t)
			p.write(t, "log", c.log)
			code := Main(append([]string{"sync", "audit", "log"}, c.args...), p.env)
			said := &p.stderr
			if c.code == exitOK {
				said = &p.stdout
			}
			if code != c.code || !strings.Contains(said.String(), c.want) {
				t.Errorf("exit code %d, want %d\n%s%s\nwant %s", code, c.code, &p.stdout, &p.stderr, c.want)
			}
			if c.code == exitCouldNot && !strings.Contains(p.stderr.String(), "hint: ") {
				t.Errorf("no hint: %s", &p.stderr)
			}
		})
	}
}

func TestAuditAsJSON(t *testing.T) {
	t.Parallel()
	lines, head := auditLog(t)
	p := newProcess(t)
	p.write(t, "log", strings.Join(lines, ""))
	p.write(t, "cut", strings.Join(lines[1:], ""))
	var whole, cut findings
	if code := Main([]string{"sync", "audit", "log", "--json"}, p.env); code != exitOK {
		t.Fatalf("exit code %d: %s", code, &p.stderr)
	}
	if err := json.NewDecoder(&p.stdout).Decode(&whole); err != nil {
		t.Fatal(err)
	}
	if !whole.Intact || whole.File != "log" || whole.Entries != len(lines) || whole.Head != head || whole.Accounts["alice"] != len(lines) || whole.Actions[fabric.Refused] != 2 || whole.Line != 0 {
		t.Errorf("%+v", whole)
	}
	p.stdout.Reset()
	if code := Main([]string{"sync", "audit", "cut", "--json"}, p.env); code != exitCouldNot {
		t.Fatalf("exit code %d: %s", code, &p.stderr)
	}
	if err := json.NewDecoder(&p.stdout).Decode(&cut); err != nil {
		t.Fatal(err)
	}
	if cut.Intact || cut.Line != 1 || cut.Damage == "" || cut.Problem == "" || cut.Hint == "" {
		t.Errorf("%+v", cut)
	}
	p.stdout.Reset()
	p.env.Stdin = bytes.NewBufferString(strings.Join(lines, ""))
	if code := Main([]string{"sync", "audit", "-"}, p.env); code != exitOK || !strings.HasPrefix(p.stdout.String(), "-: intact, ") {
		t.Errorf("from standard input: exit code %d, %s%s", code, &p.stdout, &p.stderr)
	}
	if code := Main([]string{"sync", "audit", "nowhere"}, p.env); code != exitUsage {
		t.Errorf("no such file: exit code %d", code)
	}
}

// TestAuditOfTheState names the log to whoever gives the state that it belongs to.
func TestAuditOfTheState(t *testing.T) {
	t.Parallel()
	lines, _ := auditLog(t)
	p := newProcess(t)
	p.write(t, "fabric.db", "SQLite format 3\x00")
	p.write(t, "fabric.db.ledger", strings.Join(lines, ""))
	code := Main([]string{"sync", "audit", "fabric.db"}, p.env)
	if want := "hint: the audit log is beside it: passrig sync audit fabric.db.ledger\n"; code != exitCouldNot || !strings.Contains(p.stderr.String(), want) {
		t.Errorf("exit code %d, %s\nwant %s", code, &p.stderr, want)
	}
}

// TestStateHint says what to do about a state file that cannot be opened.
func TestStateHint(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "text"), []byte("passrig: 1, which is no database\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "nowhere", "fabric.db"): "make the directory ",
		filepath.Join(dir, "text", "fabric.db"):    "make the directory ",
		dir:                                        "it is a directory: name a file",
		filepath.Join(dir, "text"):                 "has passrig made it?",
	} {
		_, err := openState(path)
		if hint := hintOf(err); err == nil || !strings.Contains(hint, want) {
			t.Errorf("%s: %v\nhint %q, want %q", path, err, hint, want)
		}
	}
	lines, _ := auditLog(t)
	path := filepath.Join(dir, "fabric.db")
	state, err := openState(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(state.Ledger.Append([]byte(strings.TrimSpace(lines[0]))), state.Journal.Close(), state.Ledger.Close(), os.Truncate(state.LedgerFile, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := openState(path); !strings.Contains(hintOf(err), "put the newest copy of the log back") {
		t.Errorf("%v, hint %q", err, hintOf(err))
	}
}

// TestSimulationNeedsNoBrowser turns down every flag that a simulation has no use for.
func TestSimulationNeedsNoBrowser(t *testing.T) {
	t.Parallel()
	for _, flag := range []string{"--driver=browser", "--headed", "--slow-mo=1s", "--trace=t", "--authenticators=chrome", "--tags=a", "--skip=a", "--timeout=1s"} {
		p := newProcess(t)
		p.write(t, "s.yaml", studyScenario)
		code := Main([]string{"sync", "s.yaml", "--simulate", flag}, p.env)
		if !strings.Contains(p.stderr.String(), "a simulation asks no relying party\nhint: leave it out\n") || code != exitUsage {
			t.Errorf("%s: exit code %d, %s", flag, code, &p.stderr)
		}
	}
}

// TestMistakesAboutProviders are found before anything is sent or simulated, and shown with their places.
func TestMistakesAboutProviders(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"run": {"run", "s.yaml", "--origin", "http://localhost:1"}, "dry run": {"run", "s.yaml", "--dry-run", "--origin", "http://localhost:1"},
		"sync": {"sync", "s.yaml", "--origin", "http://localhost:1"}, "simulate": {"sync", "s.yaml", "--simulate"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProcess(t)
			p.write(t, "s.yaml", `passrig: 1
target: {adapter: passrig-demo}
accounts:
  alice: {provider: microsoft-password-manager@152, policies: {passkyes: off}, pin: "12ab56", devices: {laptop: {}}}
  bob: {devices: {pc: {}}}
steps:
  - sync: pc
`)
			code := Main(args, p.env)
			said := p.stderr.String()
			for _, want := range []string{
				"s.yaml:4:3: unknown policy \"passkyes\"", "hint: did you mean \"passkeys\"?", "s.yaml:4:", "the PIN has something else than digits in it",
				"hint: use 6 digits", "s.yaml:7:5: sync: the passkeys of bob's account stay", "passrig list providers", "3 problems in 1 file",
			} {
				if code != exitUsage || !strings.Contains(said, want) {
					t.Errorf("exit code %d, no %q in\n%s", code, want, said)
				}
			}
		})
	}
}

// TestParamsAreInTheResult shows what was given, but no secret.
func TestParamsAreInTheResult(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	p.write(t, "s.yaml", "passrig: 1\ntarget: {adapter: passrig-demo}\nparams: {much: {default: 5}, hidden: {default: x, secret: true}}\n"+
		"accounts: {alice: {provider: synced-generic}}\nsync: {study: {accounts: '${{ params.much }}'}}\nsteps:\n  - signup: {user: alice}\n")
	if code := Main([]string{"sync", "s.yaml", "--simulate", "--param", "much=7", "--param", "hidden=nobody", "--json"}, p.env); code != exitOK {
		t.Fatalf("exit code %d: %s", code, &p.stderr)
	}
	run, err := report.Load(&p.stdout)
	if err != nil || len(run.Params) != 1 || run.Params["much"] != "7" {
		t.Errorf("params %v, error %v", run.Params, err)
	}
}
