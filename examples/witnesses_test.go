package examples_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/internal/checks"
	"github.com/passrig/passrig/report"
)

// witness is a relying party of rps as docs/witnesses.md describes it: verdicts by the id of the check.
type witness struct {
	found  map[string]string // fail, warn, or "may warn" for what depends on timing
	framed map[string]string // what else fails once the target declares that nobody may embed it
}

var findingRow = regexp.MustCompile("^\\| \\[`([a-z0-9-]+)`\\]\\(checks\\.md#[a-z]+\\) \\| (fail|warn|may warn) \\| ")

// witnesses reads docs/witnesses.md: under a heading with the name of a relying party, a row for each finding.
func witnesses(t *testing.T) map[string]witness {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "docs", "witnesses.md"))
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]witness)
	name, framed := "", false
	for line := range strings.Lines(string(text)) {
		switch heading, found := strings.CutPrefix(line, "## "); {
		case found:
			name, framed = strings.TrimSpace(heading), false
			all[name] = witness{make(map[string]string), make(map[string]string)}
		case strings.HasPrefix(line, "### "):
			framed = strings.HasPrefix(line, "### Embedding")
		case strings.HasPrefix(line, "| [`"):
			row := findingRow.FindStringSubmatch(line)
			switch {
			case row == nil || checks.Find(row[1]) == nil:
				t.Errorf("docs/witnesses.md has a row of no check, or of no verdict: %s", line)
			case framed:
				all[name].framed[row[1]] = row[2]
			default:
				all[name].found[row[1]] = row[2]
			}
		}
	}
	return all
}

// checked performs checks on a relying party and returns what they found.
func checked(t *testing.T, args ...string) map[string]string {
	t.Helper()
	code, stdout, stderr := passrig(t, append([]string{"check", "--json"}, args...)...)
	run, err := report.Load(strings.NewReader(stdout))
	if err != nil || code != 1 {
		t.Fatalf("exit code %d, want 1: %v\n%s", code, err, stderr)
	}
	found := make(map[string]string)
	for _, c := range run.Checks {
		switch c.Verdict {
		case report.VerdictFail, report.VerdictWarn:
			found[c.ID] = string(c.Verdict)
		case report.VerdictError:
			t.Errorf("%s could not be told: %s%s", c.ID, c.Actual, c.Message)
		case report.VerdictPass, report.VerdictInfo, report.VerdictSkip:
		}
	}
	return found
}

// TestWitnesses holds docs/witnesses.md and the checks against each other, on packages that people really use: what is
// written there is found, and nothing else.
func TestWitnesses(t *testing.T) {
	t.Parallel()
	described := witnesses(t)
	for _, name := range []string{"simplewebauthn", "better-auth", "authjs", "passport"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, ok := described[name]
			if !ok {
				t.Fatalf("docs/witnesses.md has nothing about %s", name)
			}
			origin := start(t, name)
			want := make(map[string]string)
			got := checked(t, name, "--origin", origin, "--tier", "core")
			for id, verdict := range w.found {
				c := checks.Find(id)
				switch _, happened := got[id]; {
				case !c.In(checks.TierCore) || c.Consent != "": // too slow to look for with every test
				case verdict != "may warn":
					want[id] = verdict
				case happened:
					want[id] = "warn"
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("docs/witnesses.md is not what the checks find (-written +found):\n%s", diff)
			}
			framed := checked(t, name, "--origin", origin, "--tier", "all", "--profile", "embedding=none", "--only", "*-clientdata-crossorigin-true,*-clientdata-toporigin-*")
			if diff := cmp.Diff(w.framed, framed); diff != "" {
				t.Errorf("with embedding=none (-written +found):\n%s", diff)
			}
		})
	}
}
