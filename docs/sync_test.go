package docs_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/passrig/passrig/scenarios"
)

// TestSyncScenarioTable compares the table of built-in scenarios about passkeys that travel with what is built in.
func TestSyncScenarioTable(t *testing.T) {
	type row struct{ number, name, title string }
	var rows []row
	for _, info := range scenarios.Builtins() {
		for _, tag := range info.Tags {
			if len(tag) == 3 && tag[0] == 's' && strings.Trim(tag[1:], "0123456789") == "" {
				rows = append(rows, row{strings.ToUpper(tag), info.Name, info.Title})
			}
		}
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		return cmp.Or(strings.Compare(a.number, b.number), strings.Compare(a.name, b.name))
	})
	var b strings.Builder
	b.WriteString("| | scenario | what it shows |\n|---|---|---|\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | `builtin:%s` | %s |\n", r.number, r.name, r.title)
	}
	compareGenerated(t, "sync.md", "sync scenarios", b.String())
}
