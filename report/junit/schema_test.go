package junit_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/report/internal/golden"
)

// validate returns what libxml2 says against each of these texts, by name.
func validate(t *testing.T, texts map[string][]byte) map[string]string {
	t.Helper()
	return golden.Validate(t, texts, ".xml", "xmllint.mjs", filepath.Join("testdata", "junit.xsd"))
}

// TestSchema has what the writer makes of every recorded run, and of a matrix, checked by a validator that is not ours.
func TestSchema(t *testing.T) {
	runs := map[string]*report.Run{"lab": lab(), "nothing": {}, "no-names": {
		Scenarios: []report.Scenario{{}, {}}, Checks: []report.Check{{Verdict: report.VerdictFail}}, Thresholds: []report.Threshold{{Verdict: report.VerdictError}},
		Steps: []report.Step{{Verdict: report.VerdictFail}, {Verdict: report.VerdictError}, {Verdict: report.VerdictSkip}, {Verdict: report.VerdictInfo}, {}},
	}}
	for _, name := range golden.All() {
		runs[name] = golden.Load(t, name)
	}
	texts := map[string][]byte{}
	for name, run := range runs {
		texts[name], _ = write(t, run)
	}
	for name, complaint := range validate(t, texts) {
		t.Errorf("%s: %s", name, complaint)
	}
}

// TestSchemaRefuses plants mistakes, each against a rule of Jenkins or GitLab.
func TestSchemaRefuses(t *testing.T) {
	out, _ := write(t, golden.Load(t, "mixed"))
	good := string(out)
	plants := map[string]struct{ old, replacement, complaint string }{
		"place-of-a-case":  {`<testcase name=`, `<testcase file="a.yaml" name=`, "attribute 'file'"},
		"name-twice":       {`quickstart/3 whoami alice`, `quickstart/2 login alice on phone`, "Duplicate key-sequence"},
		"two-results":      {`</failure>`, `</failure><error message="x" type="x">x</error>`, "Element 'error'"},
		"no-classname":     {`classname="quickstart"`, ``, "'classname'"},
		"count-in-words":   {`failures="`, `failures="x`, "'failures'"},
		"time-in-German":   {`time="0.000"`, `time="0,000"`, "'time'"},
		"odd-timestamp":    {`timestamp="2026-11-22T09:30:01Z"`, `timestamp="22.11.2026"`, "'timestamp'"},
		"unknown-element":  {`<properties>`, `<note/><properties>`, "'note'"},
		"failure-of-a-run": {`<testsuite name=`, `<failure message="x" type="x">x</failure><testsuite name=`, "'failure'"},
		"not-well-formed":  {`</testsuites>`, ``, "parser error"},
	}
	texts := map[string][]byte{}
	for name, plant := range plants {
		bad := strings.ReplaceAll(good, plant.old, plant.replacement)
		if bad == good {
			t.Fatalf("%s: nothing was planted", name)
		}
		texts[name] = []byte(bad)
	}
	complaints := validate(t, texts)
	for name, plant := range plants {
		if !strings.Contains(complaints[name], plant.complaint) {
			t.Errorf("%s: got %q, want %q", name, complaints[name], plant.complaint)
		}
	}
}

// lab is a matrix with every verdict, a party of whom nothing can be told, and texts that look like markup.
func lab() *report.Run {
	verdicts := []report.Verdict{report.VerdictPass, report.VerdictFail, report.VerdictWarn, report.VerdictInfo, report.VerdictSkip, report.VerdictError}
	m := &report.Matrix{
		Parties: []report.MatrixParty{
			{ID: "passport", Title: "Passport", Driver: "api"},
			{ID: "passport/browser", Title: "Passport", Driver: "browser"},
			{ID: "away", Title: "Away", Problem: "connection refused", Hint: "start it"},
		},
		Facets: []report.MatrixFacet{{ID: "signup", Title: "Sign up & <in>"}, {ID: "login", Title: "Sign in"}},
	}
	for i, verdict := range verdicts {
		id := fmt.Sprintf("provider-%d@1", i)
		m.Providers = append(m.Providers, report.MatrixProvider{ID: id, Title: id})
		for _, party := range m.Parties[:2] {
			step := report.Step{Verdict: verdict, Exchanges: []report.Exchange{{Purpose: "options", Response: &report.Response{Status: 400, Body: "]]></testcase>"}}}}
			m.Cells = append(m.Cells, report.MatrixCell{Provider: id, Party: party.ID, StartMS: float64(1000 * i), DurationMS: 10, Facets: []report.MatrixResult{
				{Facet: "signup", Verdict: verdict, Reason: "offers only RS256", Hint: "offer ES256", File: "signup.yaml", Line: 3, DurationMS: 4, Steps: []report.Step{step}},
				{Facet: "login", Verdict: report.VerdictSkip, NotApplicable: true},
			}})
		}
	}
	return &report.Run{Name: "lab", Matrix: m}
}

func TestMatrixIsASuiteForEachParty(t *testing.T) {
	run := lab()
	_, p := write(t, run)
	if len(p.Suites) < 3 {
		t.Fatalf("%d suites", len(p.Suites))
	}
	for i := range run.Matrix.Parties[:2] {
		s := p.Suites[i]
		if s.Name != "Passport" || s.Tests != 12 || s.Cases[0].Classname != run.Matrix.Parties[i].ID {
			t.Errorf("suite %q with %d cases of class %q", s.Name, s.Tests, s.Cases[0].Classname)
		}
		failed, skipped := s.Cases[2], s.Cases[1]
		if !strings.HasPrefix(failed.Name, "provider-1@1/"+run.Matrix.Parties[i].ID+"/signup ") || len(failed.Failures) != 1 ||
			!strings.Contains(failed.Failures[0].Text, "at:       signup.yaml:3") || len(failed.Out) != 1 || !strings.Contains(failed.Out[0].Text, "]]></testcase>") {
			t.Errorf("got %+v", failed)
		}
		if len(skipped.NotRun) != 1 || !strings.HasPrefix(skipped.NotRun[0].Message, "not applicable: ") {
			t.Errorf("got %+v", skipped)
		}
	}
	if away := p.Suites[2]; away.Name != "Away" || away.Tests != 1 || len(away.Cases[0].Errors) != 1 || away.Cases[0].Errors[0].Message != "connection refused" {
		t.Errorf("got %+v", away)
	}
}
