package matrix

import (
	"os"
	"strings"
	"testing"

	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual/providers"
)

// Every param of a built-in facet is one that facets are given, and stands in the documentation.
func TestParamsOfFacets(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/matrix.md")
	if err != nil {
		t.Fatal(err)
	}
	facets := scenarios.Facets()
	if len(facets) != 11 || facets[0].Name != "signup" || facets[10].Name != "signals" {
		t.Errorf("%+v", facets)
	}
	for _, info := range facets {
		file, err := scenarios.Load("builtin:matrix/"+info.Name, scenarios.Options{Partial: true})
		if err != nil {
			t.Fatal(err)
		}
		for name := range file.Params {
			if _, ok := paramTable()[name]; !ok {
				t.Errorf("%s: nobody gives the param %q", info.Name, name)
			}
		}
		if !strings.Contains(string(text), "| `"+info.Name+"` |") {
			t.Errorf("docs/matrix.md does not tell of %s", info.Name)
		}
	}
	for name := range paramTable() {
		if !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("docs/matrix.md does not tell of the param %s", name)
		}
	}
}

// Params are YAML: what is text stays text, and what is true or false is that.
func TestParamValues(t *testing.T) {
	t.Parallel()
	known, err := providers.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	p, err := known.Find("yubikey-5@5.7")
	if err != nil {
		t.Fatal(err)
	}
	row := &Row{Provider: p, Homes: p.Homes()}
	for name, want := range map[string]string{
		"provider": `"yubikey-5@5.7"`, "syncs": "false", "counts": "true", "backup_eligible": "false", "signals_unknown": "ignore",
		"os": `"` + row.Homes[0].OS.Text + `"`, "discoverable": "when-asked",
	} {
		if got := paramTable()[name].value(row); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if got := paramTable()["os"].value(&Row{Provider: p}); got != "" {
		t.Errorf("without a home: %q", got)
	}
}

// One cause has one wording: what is made up, or drawn, is not in a reason.
func TestReasonsHoldNothingRandom(t *testing.T) {
	t.Parallel()
	v := &view{names: strings.NewReplacer("alice-1a2b3c4d@example.test", "alice", "alice-1a2b3c4d", "alice")}
	for text, want := range map[string]string{
		`the list shows "laptop" (i0HpbuYNWNn_HMecMqqO7U6yXTbRwS4WFfOEDemp_kk)`: `the list shows "laptop" (…)`,
		"no user alice-1a2b3c4d":                                  "no user alice",
		"request 123e4567-e89b-12d3-a456-426614174000 failed":     "request … failed",
		"WebAuthnVerificationError at /auth/callback/passkey":     "WebAuthnVerificationError at /auth/callback/passkey",
		"POST http://localhost:8083/login/public-key said 401":    "POST http://localhost:8083/login/public-key said 401",
		"microsoft-password-manager-is-a-name and stays as it is": "microsoft-password-manager-is-a-name and stays as it is",
	} {
		if got := v.plain(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
