package docs_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/passrig/passrig/internal/checks"
	"github.com/passrig/passrig/scenarios"
)

// TestCheckReference compares docs/checks.md with the catalogue.
func TestCheckReference(t *testing.T) {
	compareGenerated(t, "checks.md", "the catalogue", catalogue())
}

// catalogue is a table for each ceremony.
func catalogue() string {
	var b strings.Builder
	var ceremony checks.Ceremony
	for _, c := range checks.Catalogue() {
		if c.Ceremony != ceremony && !strings.Contains(b.String(), "### "+title(c.Ceremony)+"\n") {
			ceremony = c.Ceremony
			fmt.Fprintf(&b, "\n### %s\n\n| check | level | severity | sent or looked at | expected | basis |\n|---|---|---|---|---|---|\n", title(ceremony))
			for _, same := range checks.Catalogue() {
				if same.Ceremony == ceremony {
					b.WriteString(checkRow(same))
				}
			}
		}
	}
	return strings.TrimPrefix(b.String(), "\n")
}

func title(c checks.Ceremony) string { return strings.ToUpper(string(c[:1])) + string(c[1:]) }

func checkRow(c *checks.Check) string {
	terms := []string{string(c.Level)}
	for _, g := range c.Gates {
		terms = append(terms, g.String())
	}
	if c.Consent != "" {
		terms = append(terms, "--allow "+string(c.Consent))
	}
	level := strings.Join(terms, ", ")
	cell := strings.NewReplacer("|", "\\|", "\n", " ")
	return fmt.Sprintf("| `%s` %s | %s | %s | %s | %s | %s |\n",
		c.ID, cell.Replace(c.Title), cell.Replace(level), c.Severity, cell.Replace(c.Sends), cell.Replace(c.Expects), cell.Replace(strings.Join(c.Basis, "; ")))
}

// TestEveryGateCanBeDeclared compares what checks depend on with what a target's profile can hold.
func TestEveryGateCanBeDeclared(t *testing.T) {
	for _, c := range checks.Catalogue() {
		for _, g := range c.Gates {
			if !slices.Contains(scenarios.ProfileMembers(), g.Member) {
				t.Errorf("%s depends on %q, which no profile can declare", c.ID, g.Member)
			}
		}
	}
}
