package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/passrig/passrig/scenarios"
)

// TestLeaveOut plays the scenarios of a directory without those that have commands of their own.
func TestLeaveOut(t *testing.T) {
	t.Parallel()
	const head = "passrig: 1\ntarget: {adapter: passrig-demo}\naccounts: {alice: {devices: {laptop: {}}}}\n"
	const load = head + "load: {users: 1, prepare: register, concurrency: {vus: 1, for: 1s}}\nsteps:\n  - login: {user: alice, on: laptop}\n"
	p := newProcess(t)
	for _, dir := range []string{"all", "one"} {
		if err := os.Mkdir(filepath.Join(p.env.Dir, dir), 0o750); err != nil {
			t.Fatal(err)
		}
	}
	p.write(t, "all/load.yaml", load)
	p.write(t, "all/plain.yaml", head+"steps:\n  - signup: {user: alice}\n")
	p.write(t, "one/load.yaml", load)
	for _, c := range []struct {
		args []string
		code int
		want string // on standard error
	}{
		{[]string{"all/"}, exitOK, "note: left out all/load.yaml, a load: passrig load all/load.yaml\n"},
		{[]string{"all/", "one/"}, exitOK, "note: left out one/load.yaml"},
		{[]string{"all/plain.yaml", "all/load.yaml"}, exitUsage, "error: all/load.yaml is a load, which is run alone\n"},
		{[]string{"one/"}, exitOK, ""},
		{[]string{"builtin:sync/"}, exitOK, "note: left out builtin:sync/load-roam, a load"},
		{[]string{"builtin:nowhere/"}, exitUsage, "builtin:nowhere/: cannot be read"},
	} {
		p.stderr.Reset()
		if code := Main(append([]string{"run", "--dry-run"}, c.args...), p.env); code != c.code || !strings.Contains(p.stderr.String(), c.want) {
			t.Errorf("%s: exit code %d, %s", c.args, code, &p.stderr)
		}
		if c.want == "" && strings.Contains(p.stderr.String(), "note: ") {
			t.Errorf("%s: %s", c.args, &p.stderr)
		}
	}
}

// TestBuiltinDirectory expands a directory of built-in scenarios.
func TestBuiltinDirectory(t *testing.T) {
	t.Parallel()
	want := 0
	for _, info := range scenarios.Builtins() {
		if strings.HasPrefix(info.Name, "sync/") {
			want++
		}
	}
	if got := builtinsIn("builtin:sync/"); len(got) != want || want == 0 || got[0] != "builtin:sync/audit" {
		t.Errorf("%d of %d: %s", len(got), want, got)
	}
	for _, arg := range []string{"builtin:sync", "sync/", "builtin:nowhere/"} {
		if got := builtinsIn(arg); got != nil {
			t.Errorf("%s: %s", arg, got)
		}
	}
}
