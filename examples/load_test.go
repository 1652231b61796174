package examples_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/passrig/passrig/internal/demorp/demorptest"
	"github.com/passrig/passrig/report"
)

// TestLoads plays every load, for a shorter time and with fewer users than it says. Rates are no matter here: whether
// this machine can make them is.
func TestLoads(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("load/*.yaml")
	if err != nil || len(files) < 4 {
		t.Fatalf("found %d loads: %v", len(files), err)
	}
	for _, file := range append(files, "builtin:sync/load-roam") {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			run := playLoad(t, file)
			l := run.Load
			if l == nil || l.Counts.Finished < 10 || l.Counts.Failed > 0 || l.Counts.Lost() != 0 {
				t.Fatalf("%+v", run.Steps)
			}
			for _, o := range l.Outcomes {
				if !o.Expected {
					t.Errorf("%s %s: %d times %s: %s", o.Journey, o.Operation, o.Count, o.Class, o.Example)
				}
			}
		})
	}
}

// playLoad plays a load on a demo relying party. It may find that this machine is too busy for it, and nothing else.
func playLoad(t *testing.T, file string) *report.Run {
	t.Helper()
	origin := demorptest.Start(t, nil)
	args := []string{"load", file, "--origin", origin, "--users", "40", "--for", "1s", "--json"}
	switch filepath.Base(file) {
	case "find-limit.yaml": // which finds the end of the search right away
		args = append(args, "--rate", "20/s")
	case "soak.yaml":
		args = append(args, "--rate", "20/s", "--state", filepath.Join(t.TempDir(), "soak.state"))
	default:
		args = append(args, "--rate", "40/s")
	}
	code, stdout, stderr := passrig(t, args...)
	run, err := report.Load(strings.NewReader(stdout))
	if err != nil {
		t.Fatalf("exit code %d: %v\n%s", code, err, stderr)
	}
	if code != 0 && (code != report.ExitCouldNot || !run.Load.Limited()) {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	return run
}
