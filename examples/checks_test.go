package examples_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/internal/checks"
	"github.com/passrig/passrig/internal/demorp/demorptest"
	"github.com/passrig/passrig/report"
)

// onThePage are rows of every area that a page's answers are forged for, and those that only pages have.
var onThePage = []string{
	"reg-clientdata-origin-suffix", "auth-clientdata-origin-suffix", "reg-authdata-up-clear", "auth-authdata-up-clear",
	"reg-key-missing-alg", "reg-att-packed-self-badsig", "auth-sig-flipped", "auth-sig-high-s", "brw-error-handling",
	"sync-signal-all-complete",
}

// beyondThePage are rows for requests that no page makes.
var beyondThePage = []string{"auth-replay-new-session", "auth-race-double-submit", "auth-envelope-signature"}

// What a page is given in the place of its credentials tells what the relying party behind it does not verify, whether
// there is an API to look at or not.
func TestChecksThroughThePage(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string][]string{
		"correct": nil, "faulty": {"origin-suffix", "user-presence-unchecked", "self-signature-unchecked", "signature-unchecked"},
	} {
		for _, adapter := range []string{"passrig-demo", "./checks/page-only.adapter.yaml"} {
			t.Run(name+"/"+adapter, func(t *testing.T) {
				t.Parallel()
				var claimed []string
				for _, fault := range faults {
					claimed = append(claimed, checks.Catching()[fault]...)
				}
				verdicts := checkThePage(t, adapter, faultyRP(t, faults), slices.Concat(onThePage, beyondThePage))
				for _, id := range onThePage {
					want := report.VerdictPass
					if slices.Contains(claimed, id) {
						want = report.VerdictFail
					}
					got := verdicts[id]
					if got.Verdict == report.VerdictWarn && got.Level == string(checks.Should) {
						got.Verdict = report.VerdictFail // it deviates
					}
					if got.Verdict != want {
						t.Errorf("%s: %s, want %s: %s%s", id, got.Verdict, want, got.Actual, got.Message)
					}
				}
				for _, id := range beyondThePage {
					if got := verdicts[id]; got.Verdict != report.VerdictSkip || !strings.Contains(got.Message, "api driver") {
						t.Errorf("%s: %s %q, want it skipped for the api driver", id, got.Verdict, got.Message)
					}
				}
			})
		}
	}
}

// A page that signals an empty list to whoever opens it has providers delete passkeys.
func TestSignalsOfAPage(t *testing.T) {
	t.Parallel()
	origin := demorptest.Start(t, func(inner http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/webauthn.js" {
				inner.ServeHTTP(w, r)
				return
			}
			script := httptest.NewRecorder()
			inner.ServeHTTP(script, r)
			w.Header().Set("Content-Type", script.Header().Get("Content-Type"))
			_, _ = w.Write(append(script.Body.Bytes(), `
PublicKeyCredential.signalAllAcceptedCredentials({ rpId: location.hostname, userId: "AAAA", allAcceptedCredentialIds: [] });
`...))
		})
	})
	rows := []string{"sync-signal-all-complete", "sync-signal-all-authenticated"}
	for id, got := range checkThePage(t, "passrig-demo", origin, rows) {
		if got.Verdict != report.VerdictWarn {
			t.Errorf("%s: %s: %s", id, got.Verdict, got.Actual)
		}
	}
}

// faultyRP serves the demo relying party with faults until the test ends, and returns its origin.
func faultyRP(t *testing.T, faults []string) (origin string) {
	t.Helper()
	var complaint string
	for range 5 { // somebody else may take the port
		address := freeAddress(t)
		args := []string{"rp", "--listen", address}
		for _, fault := range faults {
			args = append(args, "--fault", fault)
		}
		var ready bool
		if ready, complaint = startRP(t, args); ready {
			_, port, _ := strings.Cut(address, ":")
			return "http://localhost:" + port
		}
	}
	t.Fatal(complaint)
	return ""
}

// checkThePage performs checks in Chrome and returns their results by id.
func checkThePage(t *testing.T, adapter, origin string, ids []string) map[string]report.Check {
	t.Helper()
	_, stdout, stderr := passrig(t, "check", adapter, "--origin", origin, "--driver", "browser", "--only", strings.Join(ids, ","),
		"--profile", "origins="+origin, "--profile", "embedding=none", "--profile", "conditional-create=no", "--json")
	run, err := report.Load(strings.NewReader(stdout))
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	results := make(map[string]report.Check, len(ids))
	var performed []string
	for _, c := range run.Checks {
		results[c.ID] = c
		performed = append(performed, c.ID)
	}
	slices.Sort(performed)
	if diff := cmp.Diff(slices.Sorted(slices.Values(ids)), performed); diff != "" {
		t.Errorf("performed (-want +got):\n%s", diff)
	}
	return results
}
