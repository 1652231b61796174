// Package examples_test runs every example through the real command line: the scenarios against the
// demo relying party, the portable one against every relying party in rps, and those for the browser
// in a real Chrome.
package examples_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/passrig/passrig/internal/cli"
	"github.com/passrig/passrig/internal/demorp/demorptest"
	"github.com/passrig/passrig/report"
)

// environment is what a command line runs in.
func environment(stdout, stderr io.Writer, signals chan os.Signal) *cli.Env {
	return &cli.Env{
		Stdin: strings.NewReader(""), Stdout: stdout, Stderr: stderr, LookupEnv: os.LookupEnv, Now: time.Now,
		Signals: signals, Exit: func(int) {}, Seed: func() uint64 { return uint64(time.Now().UnixNano()) },
	}
}

// passrig runs the command line and returns its exit code and output.
func passrig(tb testing.TB, args ...string) (code int, stdout, stderr string) {
	tb.Helper()
	var out, errs bytes.Buffer
	code = cli.Main(args, environment(&out, &errs, make(chan os.Signal)))
	return code, out.String(), errs.String()
}

// expectPass runs a scenario and fails the test unless every step was judged and passed.
func expectPass(t *testing.T, file, adapter, origin string, more ...string) *report.Run {
	t.Helper()
	return expectPassed(t, append([]string{file, "--adapter", adapter, "--origin", origin}, more...)...)
}

// expectPassed is expectPass for any arguments of run.
func expectPassed(t *testing.T, args ...string) *report.Run {
	t.Helper()
	run := expectCode(t, 0, args...)
	if run.Summary.Skipped > 0 {
		t.Fatalf("%+v", run.Summary)
	}
	return run
}

// expectCode runs a scenario and fails the test when it ends with another exit code.
func expectCode(t *testing.T, want int, args ...string) *report.Run {
	t.Helper()
	code, stdout, stderr := passrig(t, append([]string{"run", "--json"}, args...)...)
	run, err := report.Load(strings.NewReader(stdout))
	if err != nil {
		t.Fatalf("exit code %d: %v\n%s", code, err, stderr)
	}
	if code != want {
		t.Fatalf("exit code %d, want %d, %+v\n%s", code, want, run.Summary, stderr)
	}
	return run
}

func TestEveryExampleOnTheDemoRP(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*/*.yaml")
	if err != nil || len(files) < 5 {
		t.Fatalf("found %d examples: %v", len(files), err)
	}
	for _, file := range files {
		if dir := filepath.Dir(file); dir == "browser" || dir == "checks" || dir == "load" || dir == "matrix" || dir == "sync" {
			continue // see browser_test.go, checks_test.go, load_test.go, matrix_test.go and sync_test.go
		}
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			adapter := "passrig-demo"
			if filepath.Base(file) == "fido.yaml" {
				adapter = "fido"
			}
			expectPass(t, file, adapter, demorptest.Start(t, nil))
		})
	}
}

// start starts a relying party of rps on a free port and returns its origin.
func start(tb testing.TB, name string) string {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), "node", "server.mjs")
	cmd.Dir = filepath.Join("rps", name)
	cmd.Env = append(os.Environ(), "PORT=0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	lines := make(chan string)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(stdout); s.Scan(); {
			lines <- s.Text()
		}
	}()
	tb.Cleanup(func() {
		_ = cmd.Cancel()
		for range lines {
			// Drained, so that the process can end.
		}
		_ = cmd.Wait()
	})
	select {
	case line := <-lines:
		if _, origin, ok := strings.Cut(line, " listening on "); ok {
			return origin
		}
		tb.Fatalf("%s said %q; make test installs its packages\n%s", name, line, stderr.String())
	case <-time.After(time.Minute):
		tb.Fatalf("%s did not start\n%s", name, stderr.String())
	}
	return ""
}

var targetLine = regexp.MustCompile(`(?m)^  (adapter|origin): .*\n`)

// The promise of adapters: one scenario, and only target differs.
func TestOneScenarioOnEveryRelyingParty(t *testing.T) {
	t.Parallel()
	scenario, err := os.ReadFile(filepath.Join("interop", "lifecycle.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"simplewebauthn", "better-auth", "authjs", "passport"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			origin := start(t, name)
			file := filepath.Join(t.TempDir(), "lifecycle.yaml")
			retargeted := targetLine.ReplaceAll(scenario, nil)
			retargeted = bytes.Replace(retargeted, []byte("target:\n"), []byte("target:\n  adapter: "+name+"\n  origin: "+origin+"\n"), 1)
			if err := os.WriteFile(file, retargeted, 0o600); err != nil {
				t.Fatal(err)
			}
			code, _, stderr := passrig(t, "run", file, "--json")
			if code != 0 {
				t.Fatalf("exit code %d\n%s", code, stderr)
			}
			run := expectPass(t, filepath.Join("interop", "lifecycle.yaml"), name, origin)
			wantLife(t, run)
		})
	}
}

// wantLife makes sure that the run did what the example promises, so that a scenario that lost its
// steps cannot pass.
func wantLife(t *testing.T, run *report.Run) {
	t.Helper()
	accepted := make(map[string]int)
	for _, s := range run.Steps {
		accepted[s.Action+" "+s.Outcome]++
	}
	for what, atLeast := range map[string]int{
		"register accepted": 2, "login accepted": 2, "login-discoverable accepted": 1, "list accepted": 2,
		"rename accepted": 1, "delete accepted": 1, "login rejected": 1, "logout accepted": 1, "whoami accepted": 1,
	} {
		if accepted[what] < atLeast {
			text, _ := json.Marshal(accepted)
			t.Errorf("%s: %d times, want %d; all: %s", what, accepted[what], atLeast, text)
		}
	}
}

// And the same file on their own pages, in a real Chrome, by changing nothing but the flag.
func TestOneScenarioInTheBrowser(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"passrig-demo", "simplewebauthn", "better-auth", "authjs", "passport"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var origin string
			if name == "passrig-demo" {
				origin = demorptest.Start(t, nil)
			} else {
				origin = start(t, name)
			}
			run := expectPass(t, filepath.Join("interop", "lifecycle.yaml"), name, origin, "--driver", "browser")
			wantLife(t, run)
			if run.Driver != "browser" || !strings.Contains(run.Browser, "Chrom") {
				t.Errorf("driver %q, browser %q", run.Driver, run.Browser)
			}
			for _, phase := range []string{"options", "client", "result", "page", "total"} {
				if run.Metrics["login."+phase].Count == 0 {
					t.Errorf("login.%s was not measured", phase)
				}
			}
		})
	}
}

func TestFIDOInterfaceOfSimpleWebAuthn(t *testing.T) {
	t.Parallel()
	expectPass(t, filepath.Join("interop", "fido.yaml"), "fido", start(t, "simplewebauthn"))
}
