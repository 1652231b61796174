// Package golden compares what a report writer wrote with a file, and loads the runs it is given.
package golden

import (
	"iter"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/report"
)

// Runs are the names of the hand-made runs that every writer is tested with.
func Runs() []string { return []string{"pass", "mixed", "partial"} }

// LoadRuns are the names of hand-made runs of loads: one that went well, one with journeys of which some went wrong, one
// that was interrupted and whose generator could not keep up, and a search for the highest rate.
func LoadRuns() []string { return []string{"load", "load-mixed", "load-limited", "load-limit"} }

// SyncRuns are the names of hand-made runs of passkeys that travel: one in which everything happens, a simulation, and one
// whose verdicts are a table.
func SyncRuns() []string { return []string{"sync", "sync-study", "sync-cells"} }

// All are the names of all runs.
func All() []string { return slices.Concat(Runs(), LoadRuns(), SyncRuns(), MatrixRuns()) }

// Each are all runs, by their names.
func Each(t *testing.T) iter.Seq2[string, *report.Run] {
	t.Helper()
	return func(yield func(string, *report.Run) bool) {
		for _, name := range All() {
			if !yield(name, Load(t, name)) {
				return
			}
		}
	}
}

// Load reads one of the runs from the tests of a package directly below report.
func Load(t *testing.T, name string) *report.Run {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "testdata", "runs", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	run, err := report.Load(f)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// Check compares got with the file below testdata, or writes the file when update is set.
func Check(t *testing.T, update bool, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if update {
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (run with -update to accept):\n%s", path, diff)
	}
}
