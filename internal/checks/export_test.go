package checks

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Claimed is claimed, for the tests through a browser.
func Claimed(fault string) []string { return claimed(fault) }

// Deviating is deviating, for the tests through a browser.
var Deviating = deviating

// CompareGolden compares a table with its golden file, which -update rewrites.
func CompareGolden(t *testing.T, name, table string) {
	t.Helper()
	golden := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, []byte(table), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), table); diff != "" {
		t.Errorf("%s is not the golden one; -update rewrites it (-golden +now):\n%s", name, diff)
	}
}
