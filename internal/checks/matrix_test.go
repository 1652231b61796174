package checks

import (
	"crypto/tls"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/internal/demorp"
	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual/forge"
)

var (
	update  = flag.Bool("update", false, "rewrite the golden matrix")
	justOne = flag.String("fault", "", "perform the checks under this fault only, and print what deviates")
)

const (
	testOrigin = "https://login.example.test:8443"
	testRPID   = "example.test"

	relatedOrigin = "https://shop.example"
	appOrigin     = "android:apk-key-hash:pNiP5iKyQ8JwgGOaKA1zGPUPJIS-0H1xKCQcfIoGLck"
)

// target is one way to set up the demo relying party, with what it then declares.
type target struct {
	name    string
	adapter string         // "" is the demo's own
	params  map[string]any // of the adapter
	config  demorp.Config
	profile Profile
}

// targets are the set-ups that open every gate of the catalogue between them. A check is performed on the first that
// opens its gates.
func targets() []target {
	declared := func(more Profile) Profile {
		p := Profile{"origins": {testOrigin}, "embedding": {"none"}, "discoverable": {"yes"}, "backup-policy": {"any"}, "can-lock": {"yes"}}
		maps.Copy(p, more)
		return p
	}
	return []target{
		{name: "plain", profile: declared(Profile{"uv": {"preferred"}, "attestation": {"none"}, "conditional-create": {"no"}})},
		{
			name: "strict", config: demorp.Config{UserVerification: "required"},
			profile: declared(Profile{"uv": {"required"}, "attestation": {"verified"}, "conditional-create": {"no"}}),
		},
		{
			name: "lenient", config: demorp.Config{UserVerification: "discouraged"},
			profile: declared(Profile{"uv": {"discouraged"}, "conditional-create": {"yes"}}),
		},
		{
			name: "attested", config: demorp.Config{AttestationRoots: [][]byte{forgeRoot()}},
			profile: declared(Profile{"attestation": {"required"}}),
		},
		{
			name: "related", config: demorp.Config{Origins: []string{relatedOrigin}},
			profile: declared(Profile{"related-origins": {relatedOrigin}}),
		},
		{
			name: "app", config: demorp.Config{Origins: []string{appOrigin}},
			profile: declared(Profile{"origins": {testOrigin, appOrigin}, "allow-subset": {"yes"}}),
		},
		{
			name: "fido", adapter: "fido", params: map[string]any{"prefix": "/fido", "attestation": "none", "user_verification": "preferred"},
			profile: declared(Profile{"preset": {"fido"}}),
		},
	}
}

// forgeRoot is the certificate that a relying party trusts which requires attestation.
func forgeRoot() []byte {
	der, err := forge.RootDER()
	if err != nil {
		panic(err)
	}
	return der
}

// inProcess lets a client speak to a handler without a network between.
type inProcess struct{ handler http.Handler }

func (p inProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	in := req.Clone(req.Context())
	in.TLS = &tls.ConnectionState{}
	in.RemoteAddr, in.RequestURI = "127.0.0.1:1", req.URL.RequestURI()
	if in.Body == nil {
		in.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, in)
	return w.Result(), nil
}

// examined performs the checks that a target opens, beyond those of the targets before it.
func examined(t *testing.T, fault string) []report.Check {
	t.Helper()
	var results []report.Check
	left := Catalogue()
	for _, target := range targets() {
		var now []*Check
		left = slices.DeleteFunc(left, func(c *Check) bool {
			worst, _ := c.standingOf(target.profile)
			if worst == open {
				now = append(now, c)
			}
			return worst == open
		})
		if len(now) > 0 {
			results = append(results, examine(t, target, fault, now)...)
		}
	}
	return results
}

func examine(t *testing.T, target target, fault string, list []*Check) []report.Check {
	t.Helper()
	cfg := target.config
	cfg.Origins, cfg.RPID = append([]string{testOrigin}, cfg.Origins...), testRPID
	if fault != "" {
		cfg.Faults = []string{fault}
	}
	server, err := demorp.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	name := target.adapter
	if name == "" {
		name = "passrig-demo"
	}
	adapter, err := scenarios.LoadAdapter(name, scenarios.Options{})
	if err != nil {
		t.Fatal(err)
	}
	party, err := rp.New(rp.Target{
		Adapter: adapter, Origin: testOrigin, RPID: testRPID, HTTP: inProcess{server.Handler()}, Clock: time.Now, RunID: "matrix", Seed: 1,
		Params: target.params,
	})
	if err != nil {
		t.Fatal(err)
	}
	var results []report.Check
	today := time.Now().Round(0)
	// Here waiting takes no time, and what is done at once happens at once. Certificates want the right year.
	synctest.Test(t, func(t *testing.T) {
		<-time.After(time.Until(today))
		results, _ = Run(t.Context(), Config{
			Party: party, Checks: list, Profile: target.profile, Seed: 1, Clock: time.Now, Jobs: 2, Consent: []Consent{Destructive, Slow},
		})
	})
	return results
}

// claimed are the checks that say that they catch a fault.
func claimed(fault string) []string {
	ids := Catching()[fault]
	slices.Sort(ids)
	return ids
}

// deviating are the checks that failed or warned.
func deviating(results []report.Check) []string {
	var ids []string
	for i := range results {
		if v := results[i].Verdict; v == report.VerdictFail || v == report.VerdictWarn {
			ids = append(ids, results[i].ID)
		}
	}
	slices.Sort(ids)
	return ids
}

func TestNoCheckDeviatesOnACorrectRelyingParty(t *testing.T) {
	for _, r := range examined(t, "") {
		switch r.Verdict {
		case report.VerdictPass, report.VerdictInfo:
		case report.VerdictSkip:
			// What is not there on a correct relying party, such as a list of related origins, shows under its fault.
			c := Find(r.ID)
			absent := r.NotApplicable && len(c.Faults) > 0
			if !absent && c.Where != Browser && c.Consent != Slow && c.Consent != Network {
				t.Errorf("%s was skipped: %s%s", r.ID, r.Message, r.Actual)
			}
		case report.VerdictFail, report.VerdictWarn, report.VerdictError:
			t.Errorf("%s: %s: %s", r.ID, r.Verdict, r.Actual)
		}
	}
}

// TestMatrix shows that every fault of the demo relying party is noticed by the checks that claim it, and by no other.
func TestMatrix(t *testing.T) {
	var table strings.Builder
	for _, fault := range demorp.Faults() {
		if fault.OnPage() || *justOne != "" && fault.Name != *justOne {
			continue // TestPageMatrix has those of the page
		}
		t.Run(fault.Name, func(t *testing.T) {
			results := examined(t, fault.Name)
			got, want := deviating(results), claimed(fault.Name)
			if len(want) == 0 {
				t.Error("no check claims this fault")
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("checks that deviate (-claimed +deviating):\n%s", diff)
			}
			for _, r := range results {
				if *justOne != "" && slices.Contains(got, r.ID) {
					t.Logf("%s: %s: %s", r.ID, r.Verdict, r.Actual)
				}
				if r.Verdict == report.VerdictError && !slices.Contains(want, r.ID) && !fault.Fatal && Find(r.ID).Level != Info {
					t.Errorf("%s could not be told: %s", r.ID, r.Actual)
				}
			}
			fmt.Fprintf(&table, "%s\t%s\n", fault.Name, strings.Join(got, " "))
		})
	}
	if *justOne != "" {
		return
	}
	CompareGolden(t, "matrix.tsv", table.String())
}

// TestCatalogue holds what every row must have.
func TestCatalogue(t *testing.T) {
	known := make(map[string]bool)
	for _, fault := range demorp.Faults() {
		if known[fault.Name] {
			t.Errorf("fault %s is there twice", fault.Name)
		}
		known[fault.Name] = true
	}
	seen := make(map[string]bool)
	for _, c := range Catalogue() {
		if seen[c.ID] {
			t.Errorf("%s is there twice", c.ID)
		}
		seen[c.ID] = true
		if c.Title == "" || c.Sends == "" || c.Expects == "" || c.Fix == "" || len(c.Basis) == 0 || c.Ceremony == "" {
			t.Errorf("%s lacks a text", c.ID)
		}
		if (c.Perform == nil) == (len(c.Cases) == 0) {
			t.Errorf("%s needs either cases or a function", c.ID)
		}
		for _, fault := range c.Faults {
			if !known[fault] {
				t.Errorf("%s claims the fault %q, which the demo relying party does not have", c.ID, fault)
			}
		}
		if c.Level != Info && len(c.Faults) == 0 && c.Consent == "" {
			t.Errorf("%s can fail, but no fault shows it", c.ID)
		}
		if c.Level == Info && len(c.Faults) > 0 {
			t.Errorf("%s only records, so that no fault shows in it", c.ID)
		}
	}
}
