package matrix

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual/providers"
)

// Why a step was left out is what the provider does not have, what the adapter does not offer, or the condition itself:
// an operation that is offered is not blamed.
func TestWhyStepsWereLeftOut(t *testing.T) {
	t.Parallel()
	known, err := providers.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	bound, err := known.Find("device-bound")
	if err != nil {
		t.Fatal(err)
	}
	for when, want := range map[string]struct {
		reason string
		absent bool
	}{
		`params.syncs`: {"its passkeys stay on the device that made them", true},
		`params.provider == "bitwarden" && "nothing-like-it" in target.operations`: {"not offered by the adapter: nothing-like-it", false},
		`"list" in target.operations && params.provider == "never"`: {
			`there is nothing of the kind: "list" in target.operations && params.provider == "never" is false`, true,
		},
	} {
		path := filepath.Join(t.TempDir(), "facet.yaml")
		text := "passrig: 1\ntarget: {adapter: passrig-demo}\nparams: {syncs: {default: true}, provider: {default: x}}\naccounts: {alice: {devices: {laptop: {}}}}\nsteps:\n" +
			"  - when: '" + when + "'\n    register: {user: alice, on: laptop}\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := scenarios.Load(path, scenarios.Options{ReadFile: os.ReadFile})
		if err != nil {
			t.Fatal(err)
		}
		v := &view{row: &Row{Provider: bound, Homes: bound.Homes()}, file: file, left: &file.Steps[0]}
		if reason, absent := v.whyLeft(); reason != want.reason || absent != want.absent {
			t.Errorf("%s: %q, %v", when, reason, absent)
		}
	}
}

// What came of a facet's requests: an answer, silence, or a server that is not the adapter's.
func TestLook(t *testing.T) {
	t.Parallel()
	answer := func(status int) report.Exchange { return report.Exchange{Response: &report.Response{Status: status}} }
	silence := report.Exchange{Error: "refused"}
	step := func(v report.Verdict, x ...report.Exchange) report.Step { return report.Step{Verdict: v, Exchanges: x} }
	for name, tt := range map[string]struct {
		steps                     []report.Step
		answered, silent, foreign bool
	}{
		"nothing sent":          {[]report.Step{step(report.VerdictPass)}, false, false, false},
		"answered":              {[]report.Step{step(report.VerdictPass, answer(200))}, true, false, false},
		"out of order":          {[]report.Step{step(report.VerdictError, answer(500))}, true, false, false},
		"refused":               {[]report.Step{step(report.VerdictError, silence)}, false, true, false},
		"answered, then silent": {[]report.Step{step(report.VerdictPass, answer(200)), step(report.VerdictError, silence)}, true, true, false},
		"silence was expected":  {[]report.Step{step(report.VerdictPass, silence)}, false, false, false},
		"nothing is there":      {[]report.Step{step(report.VerdictFail, answer(404)), step(report.VerdictSkip)}, false, false, true},
		"no longer there":       {[]report.Step{step(report.VerdictPass, answer(200)), step(report.VerdictFail, answer(404))}, true, false, false},
		"404 is a proper no":    {[]report.Step{step(report.VerdictPass, answer(404))}, false, false, false},
	} {
		c := look(tt.steps)
		if c.answered != tt.answered || (c.silent != nil) != tt.silent || (c.foreign != nil) != tt.foreign {
			t.Errorf("%s: %+v", name, c)
		}
	}
}
