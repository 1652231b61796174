package examples_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/passrig/passrig/internal/demorp"
	"github.com/passrig/passrig/internal/demorp/demorptest"
	"github.com/passrig/passrig/report"
)

// expectSynced runs a scenario in which steps may be left out by their own condition, and nothing else may.
func expectSynced(t *testing.T, args ...string) *report.Run {
	t.Helper()
	run := expectCode(t, 0, args...)
	for i := range run.Steps {
		if s := &run.Steps[i]; s.Verdict == report.VerdictSkip && !strings.HasPrefix(s.Message, "not run: when ") {
			t.Errorf("%s %s: %s", s.ID, s.Title, s.Message)
		}
	}
	return run
}

// The ones that a page takes part in, on passrig's devices and on Chrome's own authenticators.
func TestSyncScenariosInChrome(t *testing.T) {
	t.Parallel()
	for _, authenticators := range []string{"passrig", "chrome"} {
		for _, name := range []string{
			"basic-roam", "early-login", "exclude-after-sync", "deleted-at-the-rp", "signal-unknown", "signal-omits-valid", "signal-name",
		} {
			t.Run(name+"/"+authenticators, func(t *testing.T) {
				t.Parallel()
				expectSynced(t, "builtin:sync/"+name, "--origin", demorptest.Start(t, nil), "--driver", "browser", "--authenticators", authenticators)
			})
		}
	}
}

// The most common ways of a synced passkey, on relying parties of other libraries.
func TestSyncOnEveryRelyingParty(t *testing.T) {
	t.Parallel()
	for _, adapter := range []string{"simplewebauthn", "better-auth", "authjs", "passport"} {
		t.Run(adapter, func(t *testing.T) {
			t.Parallel()
			origin := start(t, adapter)
			for _, name := range []string{"basic-roam", "early-login", "counter-zero", "device-bound-elsewhere", "sync-off", "moved-to-another-provider"} {
				expectSynced(t, "builtin:sync/"+name, "--adapter", adapter, "--origin", origin)
			}
			// The server on Passport sends no excludeCredentials, and is found out.
			want := map[string]int{"passport": 1}[adapter]
			expectCode(t, want, "builtin:sync/exclude-after-sync", "--adapter", adapter, "--origin", origin)
		})
	}
}

// The story of Edge 142, and what changed after it.
func TestEdge(t *testing.T) {
	t.Parallel()
	refused := func(run *report.Run) (who []string) {
		for _, a := range run.Fabric.Accounts {
			for _, d := range a.Devices {
				if !d.Save.Allowed {
					who = append(who, d.Name)
				}
			}
		}
		slices.Sort(who)
		return who
	}
	for edge, want := range map[string][]string{
		"142": {"mac", "office", "phone"}, "145": {"office", "phone"}, "149": {"office", "phone"}, "152": {"office"},
	} {
		t.Run(edge, func(t *testing.T) {
			t.Parallel()
			run := expectSynced(t, "sync/edge-142.yaml", "--origin", demorptest.Start(t, nil), "--param", "edge="+edge)
			if got := refused(run); !slices.Equal(got, want) {
				t.Errorf("refused are %q, want %q", got, want)
			}
		})
	}
}

// What a scenario says of a correct relying party, it does not say of one with the fault that it is about.
func TestSyncScenariosNotice(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ scenario, fault string }{
		{"basic-roam", "discoverable-refused"},
		{"uv-missing", "user-verification-sticky"},
		{"flag-matrix", "backup-state-fixed"},
		{"flag-matrix", "backup-flags-unchecked"},
		{"backup-switched-off", "backup-state-lost"},
		{"exclude-after-sync", "exclude-empty"},
		{"same-user-again", "exclude-empty"},
		{"deleted-at-the-rp", "deleted-passkey-usable"},
		{"signal-unknown", "deleted-passkey-usable"},
		{"lost-device", "deleted-passkey-usable"},
		{"hybrid-fallback", "hybrid-refused"},
		{"related-origin", "origin-unchecked"},
		{"conditional-create", "user-presence-unchecked"},
		{"conditional-create", "user-presence-always-demanded"},
		{"device-bound-elsewhere", "device-bound-refused"},
	} {
		t.Run(c.scenario+"/"+c.fault, func(t *testing.T) {
			t.Parallel()
			origin := demorptest.StartWith(t, demorp.Config{Faults: []string{c.fault}}, nil)
			expectCode(t, 1, "builtin:sync/"+c.scenario, "--origin", origin)
		})
	}
}

// A second registration that gets lost: what the first passkey is worth then depends on the provider.
func TestLostRegistration(t *testing.T) {
	t.Parallel()
	origin := demorptest.StartWith(t, demorp.Config{Faults: []string{"exclude-empty"}}, nil)
	expectSynced(t, "sync/lost-registration.yaml", "--origin", origin)
}
