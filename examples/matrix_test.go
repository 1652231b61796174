package examples_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/passrig/passrig/internal/demorp/demorptest"
	"github.com/passrig/passrig/report"
)

// labColumns are the relying parties of the lab: the params that say where they are, and the folders they are in.
func labColumns() [][2]string {
	return [][2]string{{"simplewebauthn", "simplewebauthn"}, {"better_auth", "better-auth"}, {"authjs", "authjs"}, {"passport", "passport"}}
}

// labArgs starts the lab's relying parties on free ports and returns a command line that plays it there.
func labArgs(tb testing.TB) []string {
	tb.Helper()
	args := []string{"matrix", "matrix/lab.yaml", "--json", "--param", "demo=" + demorptest.Start(tb, nil)}
	for _, c := range labColumns() {
		args = append(args, "--param", c[0]+"="+start(tb, c[1]))
	}
	return args
}

// playLab plays the lab and returns the result.
func playLab(tb testing.TB, args ...string) *report.Run {
	tb.Helper()
	code, stdout, stderr := passrig(tb, args...)
	run, err := report.Load(strings.NewReader(stdout))
	if err != nil {
		tb.Fatalf("exit code %d: %v\n%s", code, err, stderr)
	}
	if want := report.ExitCode(run); code != want {
		tb.Fatalf("exit code %d, want %d\n%s", code, want, stderr)
	}
	return run
}

// A flaw is what a facet finds at a relying party, with a part of the reason.
type flaw struct {
	verdict report.Verdict
	reason  string
}

// flaws are those of the lab's relying parties, by relying party and facet: nothing else may be found. A provider that has
// nothing of the kind passes.
func flaws() map[string]flaw {
	return map[string]flaw{
		// The page that puts the options together leaves excludeCredentials out (WebAuthn L3 §5.4.3).
		"passport/exclude": {report.VerdictWarn, "excludeCredentials"},
		// Both update nothing but the counter after a login, not the backup state (WebAuthn L3 §7.2).
		"better-auth/flags": {report.VerdictWarn, "backup state (BS)"},
		"authjs/flags":      {report.VerdictWarn, "backup state (BS)"},
		// @simplewebauthn/server 9.0.3, which @auth/core uses, joins r and s of a signature without padding them, so that
		// it refuses those with a short number, one in 128.
		"authjs/algorithms": {report.VerdictFail, "of its signature is short"},
	}
}

// TestMatrix plays every provider at every relying party, for real.
func TestMatrix(t *testing.T) {
	t.Parallel()
	began := time.Now()
	run := playLab(t, labArgs(t)...)
	m := run.Matrix
	t.Logf("%d providers × %d relying parties × %d facets in %s, %d cells at a time", len(m.Providers), len(m.Parties), len(m.Facets),
		time.Since(began).Round(time.Millisecond), m.Jobs)
	if len(m.Providers) < 22 || len(m.Parties) != 5 || len(m.Facets) != 11 || len(m.Cells) != len(m.Providers)*len(m.Parties) {
		t.Errorf("%d providers, %d relying parties, %d facets, %d cells", len(m.Providers), len(m.Parties), len(m.Facets), len(m.Cells))
	}
	seen := make(map[string]int)
	for i := range m.Cells {
		c := &m.Cells[i]
		for j := range c.Facets {
			wantResult(t, c, &c.Facets[j], seen)
		}
	}
	for cause := range flaws() {
		if seen[cause] == 0 {
			t.Errorf("%s: nothing is found any more", cause)
		}
	}
	for i := range m.Parties {
		if p := &m.Parties[i]; p.Problem != "" || len(p.Asks) == 0 {
			t.Errorf("%s: %q, asks %v", p.ID, p.Problem, p.Asks)
		}
	}
	algorithms := func(party string) string {
		i := slices.IndexFunc(m.Parties, func(p report.MatrixParty) bool { return p.ID == party })
		return m.Parties[i].Asks[0].Value
	}
	if got := algorithms("passport"); got != "ES256, RS256" {
		t.Errorf("passport asks for %s", got)
	}
}

// wantResult looks whether a facet came to what it should, and counts the flaws.
func wantResult(t *testing.T, c *report.MatrixCell, f *report.MatrixResult, seen map[string]int) {
	t.Helper()
	at := fmt.Sprintf("%s at %s, %s", c.Provider, c.Party, f.Facet)
	cause := c.Party + "/" + f.Facet
	switch f.Verdict {
	case report.VerdictPass:
		if f.Reason == "" {
			t.Errorf("%s passed, and nothing was seen", at)
		}
	case report.VerdictSkip:
		if f.Reason == "" || len(f.Steps) == 0 && f.NotApplicable {
			t.Errorf("%s was skipped: %q", at, f.Reason)
		}
	case report.VerdictFail, report.VerdictWarn:
		if known := flaws()[cause]; known.verdict != f.Verdict || !strings.Contains(f.Reason, known.reason) {
			t.Errorf("%s: %s: %s", at, f.Verdict, f.Reason)
		}
		seen[cause]++
	case report.VerdictError, report.VerdictInfo:
		t.Errorf("%s: %s: %s", at, f.Verdict, f.Reason)
	}
}

// TestMatrixInTheBrowser plays one provider of each kind on the pages of two relying parties, both in one Chrome.
func TestMatrixInTheBrowser(t *testing.T) {
	t.Parallel()
	run := playLab(t, append(labArgs(t), "--driver", "browser", "--relying-party", "demo", "--relying-party", "simplewebauthn",
		"--provider", "synced-generic", "--provider", "yubikey-5", "--facet", "signup", "--facet", "login", "--facet", "flags", "--jobs", "2")...)
	if n := len(run.Matrix.Cells); n != 4 || run.Summary.Errored+run.Summary.Failed > 0 || run.Summary.Passed < 10 {
		t.Errorf("%d cells, %+v", n, run.Summary)
	}
	for _, p := range run.Matrix.Parties {
		if !strings.HasSuffix(p.ID, "/browser") || p.Driver != "browser" || !strings.Contains(p.Browser, "Chrom") {
			t.Errorf("%+v", p)
		}
	}
}

// BenchmarkMatrix plays the lab. The relying parties remember the users of earlier rounds.
func BenchmarkMatrix(b *testing.B) {
	args := labArgs(b)
	cells := 0
	for b.Loop() {
		cells += len(playLab(b, args...).Matrix.Cells)
	}
	b.ReportMetric(float64(cells)/b.Elapsed().Seconds(), "cells/s")
}
