package checks_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/internal/browser"
	"github.com/passrig/passrig/internal/checks"
	"github.com/passrig/passrig/internal/demorp"
	"github.com/passrig/passrig/internal/demorp/demorptest"
	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual/cdp"
)

// edit is a mistake in the demo relying party's page, as a replacement in one of its files.
type edit struct{ path, old, new string }

// edited serves the page with mistakes.
func edited(t *testing.T, edits []edit) func(http.Handler) http.Handler {
	t.Helper()
	return func(inner http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			recorder := httptest.NewRecorder()
			inner.ServeHTTP(recorder, r)
			body := recorder.Body.String()
			for _, e := range edits {
				if e.path != r.URL.Path {
					continue
				}
				if !strings.Contains(body, e.old) {
					t.Errorf("%s does not hold %q", e.path, e.old)
				}
				body = strings.Replace(body, e.old, e.new, 1)
			}
			maps.Copy(w.Header(), recorder.Header())
			w.Header().Del("Content-Length")
			w.WriteHeader(recorder.Code)
			_, _ = w.Write([]byte(body))
		})
	}
}

// launch starts a Chrome for the test.
func launch(t *testing.T) *cdp.Browser {
	t.Helper()
	path, err := cdp.Find(exec.LookPath, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	chrome, err := cdp.Launch(t.Context(), cdp.Config{Path: path, Dir: t.TempDir(), StepTimeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = chrome.Close() })
	return chrome
}

// TestPageMatrix shows that every mistake of the demo relying party's page is noticed by the checks that claim it, and
// by no other of those that look at the page, and that none deviates without a mistake.
func TestPageMatrix(t *testing.T) {
	t.Parallel()
	chrome := launch(t)
	list := slices.DeleteFunc(checks.Catalogue(), func(c *checks.Check) bool {
		return c.Where != checks.Browser || c.Level == checks.Info
	})
	faults := []demorp.Fault{{}}
	for _, fault := range demorp.Faults() {
		if fault.OnPage() {
			faults = append(faults, fault)
		}
	}
	deviating := make([][]string, len(faults))
	var running sync.WaitGroup
	places := make(chan struct{}, 4) // most of the time is waiting
	for i, fault := range faults {
		var cfg demorp.Config
		if fault.OnPage() {
			cfg.Faults = []string{fault.Name}
		}
		origin := demorptest.StartWith(t, cfg, nil)
		running.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			deviating[i] = checks.Deviating(onPage(t, chrome, origin, list))
		})
	}
	running.Wait()
	var table strings.Builder
	for i, fault := range faults {
		if diff := cmp.Diff(checks.Claimed(fault.Name), deviating[i]); diff != "" {
			t.Errorf("%s: checks that deviate (-claimed +deviating):\n%s", fault.Name, diff)
		}
		if fault.OnPage() {
			fmt.Fprintf(&table, "%s\t%s\n", fault.Name, strings.Join(deviating[i], " "))
		}
	}
	checks.CompareGolden(t, "page-matrix.tsv", table.String())
}

func TestPageChecks(t *testing.T) {
	t.Parallel()
	chrome := launch(t)
	const tampered, asked, field = "brw-options-tampered", "brw-capability-check", "brw-autofill-token"
	const create, get = "create({ publicKey: creationOptions(publicKey), signal", "get({ publicKey: requestOptions(publicKey), signal"
	type told struct {
		id      string
		verdict report.Verdict
		actual  string // a part of it
	}
	for name, test := range map[string]struct {
		edits []edit
		want  []told
	}{
		"correct": {nil, []told{
			{tampered, report.VerdictPass, "unchanged: rp.id, authenticatorSelection.userVerification"},
			{asked, report.VerdictInfo, "/ asks first: "},
			{field, report.VerdictInfo, "has a field"},
		}},
		"resident key dropped": {
			[]edit{{"/app.js", create, "create({ publicKey: { ...creationOptions(publicKey), authenticatorSelection: {} }, signal"}},
			[]told{{tampered, report.VerdictWarn, "authenticatorSelection.residentKey: the relying party sent required, and the page asked for none"}},
		},
		"verification weakened": {
			[]edit{{"/app.js", get, `get({ publicKey: { ...requestOptions(publicKey), userVerification: "discouraged" }, signal`}},
			[]told{{tampered, report.VerdictWarn, "userVerification: the relying party sent preferred, and the page asked for discouraged"}},
		},
		"challenge of its own": {
			[]edit{{"/app.js", get, "get({ publicKey: { ...requestOptions(publicKey), challenge: new Uint8Array(32) }, signal"}},
			[]told{{tampered, report.VerdictError, "control: a legal login did not work"}},
		},
		"autofill unasked and without a field": {
			[]edit{
				{"/webauthn.js", "= window.PublicKeyCredential", "= { isConditionalMediationAvailable: async () => true }"},
				{"/", ` autocomplete="username webauthn"`, ""},
			},
			[]told{{asked, report.VerdictInfo, "asks nothing"}, {field, report.VerdictInfo, "has no field"}},
		},
		"no autofill": {
			[]edit{{"/app.js", "async function offerAutofill() {", "async function offerAutofill() { return;"}},
			[]told{{field, report.VerdictSkip, "no request with mediation conditional"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var list []*checks.Check
			for _, w := range test.want {
				list = append(list, checks.Find(w.id))
			}
			for i, got := range onPage(t, chrome, demorptest.Start(t, edited(t, test.edits)), list) {
				if want := test.want[i]; got.Verdict != want.verdict || !strings.Contains(got.Actual, want.actual) {
					t.Errorf("%s: %s: %s %s, want %s: … %s …", got.ID, got.Verdict, got.Actual, got.Message, want.verdict, want.actual)
				}
			}
		})
	}
}

// onPage performs checks over the browser driver.
func onPage(t *testing.T, chrome *cdp.Browser, origin string, list []*checks.Check) []report.Check {
	t.Helper()
	adapter, err := scenarios.LoadAdapter("passrig-demo", scenarios.Options{})
	if err != nil {
		t.Fatal(err)
	}
	party, err := rp.New(rp.Target{Adapter: adapter, Origin: origin, HTTP: http.DefaultTransport, Clock: time.Now, RunID: "page", Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	driver, err := browser.Drive(chrome, time.Now, nil)(party)
	if err != nil {
		t.Fatal(err)
	}
	results, _ := checks.Run(t.Context(), checks.Config{
		Party: party, Driver: driver, Where: checks.Browser, Checks: list, Clock: time.Now, Seed: 1, Jobs: 3,
	})
	return results
}
