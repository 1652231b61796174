package examples_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/internal/demorp"
	"github.com/passrig/passrig/internal/demorp/demorptest"
	"github.com/passrig/passrig/report"
)

// facets are the built-in questions of a matrix, in the order of the alphabet.
func facets(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../scenarios/builtin/matrix/*.yaml")
	if err != nil || len(files) != 11 {
		t.Fatalf("found %d facets: %v", len(files), err)
	}
	for i, file := range files {
		files[i] = strings.TrimSuffix(filepath.Base(file), ".yaml")
	}
	return files
}

// A provider is what a facet is told of it, by the names of params.
type provider map[string]string

var (
	synced = provider{"provider": "synced-generic", "discoverable": "always"}
	bound  = provider{
		"provider": "device-bound", "syncs": "false", "backup_eligible": "false", "backed_up": "false", "algorithms": "ES256,EdDSA,RS256",
	}
	counting = provider{
		"provider": "security-key-generic", "syncs": "false", "backup_eligible": "false", "backed_up": "false", "algorithms": "ES256,EdDSA",
		"counts": "true", "discoverable": "when-asked", "signals_unknown": "ignore",
	}
	named = provider{"provider": "1password", "signals_unknown": "ignore"}
)

// ask puts a facet's question to the demo relying party: answered is false where it does not concern the provider, and
// passed where something was found, if only a warning.
func ask(t *testing.T, facet, origin string, p provider, more ...string) (answered, passed bool) {
	t.Helper()
	text, err := os.ReadFile("../scenarios/builtin/matrix/" + facet + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{"run", "--json", "builtin:matrix/" + facet, "--adapter", "passrig-demo", "--origin", origin}, more...)
	for name, value := range p {
		if strings.Contains(string(text), "\n  "+name+": {description: ") {
			args = append(args, "--param", name+"="+value)
		}
	}
	code, stdout, stderr := passrig(t, args...)
	run, err := report.Load(strings.NewReader(stdout))
	if err != nil {
		t.Fatalf("%s: exit code %d: %v\n%s", facet, code, err, stderr)
	}
	conditional := func(s report.Step) bool { return strings.HasPrefix(s.Message, "not run: when ") }
	answered = slices.ContainsFunc(run.Steps, func(s report.Step) bool { return !conditional(s) })
	if answered && code > 1 {
		t.Fatalf("%s: exit code %d\n%s", facet, code, stderr)
	}
	return answered, code == 0 && run.Summary.Warned == 0
}

// Nothing is wrong with the demo relying party, and what does not concern a provider is not asked.
func TestFacetsOfACorrectRelyingParty(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		provider
		spared []string
	}{
		"synced":   {provider: synced},
		"bound":    {provider: bound, spared: []string{"roam"}},
		"counting": {provider: counting, spared: []string{"roam", "signals"}},
		"named":    {provider: named, spared: []string{"signals"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			origin := demorptest.Start(t, nil)
			var spared []string
			for _, facet := range facets(t) {
				answered, passed := ask(t, facet, origin, test.provider)
				if !answered {
					spared = append(spared, facet)
				} else if !passed {
					t.Errorf("%s failed", facet)
				}
			}
			if diff := cmp.Diff(test.spared, spared); diff != "" {
				t.Errorf("not asked (-want +got):\n%s", diff)
			}
		})
	}
}

// Each fault is noticed by the facets that are about it, and by no others.
func TestFacetsNotice(t *testing.T) {
	t.Parallel()
	all := []string{
		"algorithms", "attestation", "counters", "deletion", "exclude", "flags", "login", "roam", "second-device", "signals", "signup",
	}
	without := func(facets ...string) []string {
		return slices.DeleteFunc(slices.Clone(all), func(f string) bool { return slices.Contains(facets, f) })
	}
	for _, test := range []struct {
		fault string
		provider
		want []string
	}{
		{"backup-eligible-refused", provider{"provider": "keepassdx", "backed_up": "false"}, all}, // nothing can be made there
		{"device-bound-refused", bound, without("roam")},
		{"es256-not-offered", named, without("signals")},
		{"aaguid-unattested-refused", named, without("signals")},
		{"discoverable-refused", synced, []string{"login"}},
		{"one-passkey-only", synced, []string{"deletion", "second-device", "signals"}},
		{"hybrid-refused", synced, []string{"roam"}},
		{"backup-state-fixed", synced, []string{"flags"}},
		{"backup-state-lost", synced, []string{"flags"}},
		{"user-verification-sticky", synced, []string{"flags"}},
		{"user-verification-always-demanded", synced, []string{"flags"}},
		{"algorithm-broken", provider{"algorithms": "ES256,ES512"}, []string{"algorithms"}},
		{"counter-steps", counting, []string{"counters"}},
		{"counter-zero-refused", bound, without("roam", "signup")}, // not even the second login works
		{"exclude-empty", synced, []string{"exclude"}},
		{"deleted-passkey-listed", synced, []string{"deletion"}},
		{"deleted-passkey-usable", synced, []string{"deletion", "signals"}},
	} {
		t.Run(test.fault, func(t *testing.T) {
			t.Parallel()
			origin := demorptest.StartWith(t, demorp.Config{Faults: []string{test.fault}}, nil)
			var failed []string
			for _, facet := range facets(t) {
				if answered, passed := ask(t, facet, origin, test.provider); answered && !passed {
					failed = append(failed, facet)
				}
			}
			if diff := cmp.Diff(test.want, failed); diff != "" {
				t.Errorf("failed (-want +got):\n%s", diff)
			}
		})
	}
}

// What only a page does, only a page shows: a list of accepted passkeys that leaves out a good one.
func TestSignalsFacetInChrome(t *testing.T) {
	t.Parallel()
	for fault, want := range map[string]bool{"": true, "page-signals-partly": false} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			var cfg demorp.Config
			if fault != "" {
				cfg.Faults = []string{fault}
			}
			origin := demorptest.StartWith(t, cfg, nil)
			if _, passed := ask(t, "signals", origin, synced, "--driver", "browser"); passed != want {
				t.Errorf("passed: %v, want %v", passed, want)
			}
		})
	}
}
