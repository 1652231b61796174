package scenarios

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFunctionReference compares the table of functions in the documentation with the functions.
func TestFunctionReference(t *testing.T) {
	const (
		path  = "../docs/scenarios.md"
		begin = "<!-- generated: functions -->\n"
		end   = "<!-- end of generated -->"
	)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(data), begin)
	got, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no generated table of functions", path)
	}
	var want strings.Builder
	want.WriteString("\n| function | what it gives |\n|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(functionTable())) {
		f := functionTable()[name]
		arguments := []string{"", "x", "key, message"}[f.takes]
		fmt.Fprintf(&want, "| `%s(%s)` | %s |\n", name, arguments, f.doc)
	}
	want.WriteString("\n")
	if *update {
		if err := os.WriteFile(path, []byte(before+begin+want.String()+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want.String(), got); diff != "" {
		t.Errorf("%s is not what the functions are; -update rewrites it (-want +got)\n%s", path, diff)
	}
}
