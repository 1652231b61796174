package docs_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/passrig/passrig/virtual/forge"
)

// TestChangeReference compares the table of changes with what the forge can do.
func TestChangeReference(t *testing.T) {
	compareGenerated(t, "scenarios.md", "changes", changeTable(t))
}

func changeTable(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("| change | for | value | the response then |\n|---|---|---|---|\n")
	for _, kind := range forge.Kinds() {
		where := map[string]string{forge.Create: "register", forge.Get: "login"}[kind.Ceremonies[0]]
		if len(kind.Ceremonies) > 1 {
			where = "both"
		}
		var values []string
		for _, word := range kind.Words {
			values = append(values, "`"+word+"`")
		}
		for _, shape := range kind.Takes {
			switch shape {
			case forge.Nothing:
			case forge.JSON:
				values = append(values, "anything")
			default:
				values = append(values, string(shape))
			}
		}
		written := kind.Name
		if kind.Example != nil {
			example, err := json.Marshal(kind.Example)
			if err != nil {
				t.Fatal(err)
			}
			written += ": " + strings.Trim(string(example), `"`)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", written, where, strings.Join(values, " "), kind.Doc)
	}
	return b.String()
}
