package junit_test

import (
	"bytes"
	"encoding/xml"
	"flag"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/report/internal/golden"
	"github.com/passrig/passrig/report/junit"
)

var update = flag.Bool("update", false, "rewrite golden files")

// parsed is what a CI system reads, written down apart from the writer's own types.
type parsed struct {
	XMLName  xml.Name `xml:"testsuites"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Errors   int      `xml:"errors,attr"`
	Suites   []struct {
		Name      string `xml:"name,attr"`
		Tests     int    `xml:"tests,attr"`
		NotRun    int    `xml:"skipped,attr"`
		Timestamp string `xml:"timestamp,attr"`
		Cases     []struct {
			Name      string     `xml:"name,attr"`
			Classname string     `xml:"classname,attr"`
			Failures  []xmlInner `xml:"failure"`
			Errors    []xmlInner `xml:"error"`
			NotRun    []xmlInner `xml:"skipped"`
			Out       []xmlInner `xml:"system-out"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

type xmlInner struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

func write(t interface{ Fatal(...any) }, run *report.Run) ([]byte, parsed) {
	var out bytes.Buffer
	if err := junit.Write(&out, run); err != nil {
		t.Fatal(err)
	}
	var p parsed
	if err := xml.Unmarshal(out.Bytes(), &p); err != nil {
		t.Fatal(err, out.String())
	}
	return out.Bytes(), p
}

func TestGolden(t *testing.T) {
	for name, run := range golden.Each(t) {
		t.Run(name, func(t *testing.T) {
			out, p := write(t, run)
			golden.Check(t, *update, name+".xml", out)
			checkCounts(t, run, p)
		})
	}
}

// checkCounts makes sure that the XML tells the same numbers as the run.
func checkCounts(t interface{ Errorf(string, ...any) }, run *report.Run, p parsed) {
	want := run.Summarize()
	for _, r := range run.Results() {
		if r.Kind == report.ResultRun {
			want.Errored++
		}
		if r.NotApplicable && r.Verdict == report.VerdictSkip {
			want.Skipped++ // a skipped case, though no skipped check
		}
	}
	names, cases, skipped := make(map[string]bool), 0, 0
	for _, s := range p.Suites {
		skipped += s.NotRun
		if s.Tests != len(s.Cases) {
			t.Errorf("suite %q says %d tests and has %d", s.Name, s.Tests, len(s.Cases))
		}
		for _, c := range s.Cases {
			cases++
			if names[c.Name] {
				t.Errorf("name %q is used twice", c.Name)
			}
			names[c.Name] = true
			if len(c.Failures)+len(c.Errors)+len(c.NotRun) > 1 || len(c.Out) > 1 {
				t.Errorf("case %q has more than one result", c.Name)
			}
		}
	}
	if p.Failures != want.Failed || p.Errors != want.Errored || skipped != want.Skipped {
		t.Errorf("got %d failures, %d errors, %d skipped; the run has %+v", p.Failures, p.Errors, skipped, want)
	}
	if cases != p.Tests {
		t.Errorf("root says %d tests, there are %d", p.Tests, cases)
	}
}

func TestFailureHoldsEverything(t *testing.T) {
	_, p := write(t, golden.Load(t, "mixed"))
	got := p.Suites[0].Cases[1].Failures[0]
	for _, want := range []string{
		"rejected a login", "expected: outcome accepted", "actual:   outcome rejected", "hint:     the RP knows",
		"at:       examples/quickstart/login.yaml:16",
	} {
		if !strings.Contains(got.Text, want) {
			t.Errorf("%q is missing in %q", want, got.Text)
		}
	}
}

func TestHostileText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		run := golden.Drawn(t, golden.Texts("</testcase>", "<!--", "&amp;", "\ufffe", "<?xml?>"))
		out, p := write(t, run)
		checkCounts(t, run, p)
		if !utf8.Valid(out) || bytes.ContainsAny(out, "\x00\x1b\x07") {
			t.Errorf("illegal characters in %q", out)
		}
	})
}

func TestNamesStayUniqueWhenControlCharactersAreReplaced(t *testing.T) {
	run := &report.Run{Checks: []report.Check{{ID: "a\xff"}, {ID: "a\uFFFE"}, {ID: "a\uFFFF"}, {ID: "a\uFFFD"}, {ID: "b\n"}, {ID: "b "}, {ID: "b\x01"}, {ID: `b\u0001`}}}
	_, p := write(t, run)
	checkCounts(t, run, p)
}

// TestFileIsCapped keeps the file below the 30 MB at which GitLab refuses it, however long the texts are, and readable.
func TestFileIsCapped(t *testing.T) {
	long := strings.Repeat("&\x01é", 1<<16)
	run := &report.Run{Name: long, Target: report.Target{Origin: long}, Scenarios: []report.Scenario{{ID: "s", Name: long, File: long}}}
	for i := range 1000 {
		run.Steps = append(run.Steps, report.Step{
			ID: strconv.Itoa(i), Scenario: "s", Title: long, Action: long, Verdict: report.VerdictFail, Message: long, Expected: long, Actual: long,
			Exchanges: []report.Exchange{{Response: &report.Response{Body: long}}},
		})
		run.Checks = append(run.Checks, report.Check{ID: long, Title: long, Verdict: report.VerdictSkip, Message: long})
	}
	run.Summary = run.Summarize()
	out, p := write(t, run)
	checkCounts(t, run, p)
	if len(out) >= 30_000_000 {
		t.Errorf("the file has %d bytes", len(out))
	}
	first := p.Suites[0].Cases[0].Failures[0]
	if !strings.Contains(first.Text, "[cut:") || !strings.HasPrefix(first.Message, "&\\u0001é") {
		t.Errorf("message %.60q, text ends %q", first.Message, first.Text[max(0, len(first.Text)-80):])
	}
}

func TestSystemOutIsCapped(t *testing.T) {
	run := &report.Run{Scenarios: []report.Scenario{{ID: "s"}}}
	for i := range 1000 {
		run.Steps = append(run.Steps, report.Step{
			ID: strconv.Itoa(i), Scenario: "s", Verdict: report.VerdictFail,
			Exchanges: []report.Exchange{{Response: &report.Response{Body: strings.Repeat("é", 100_000)}}},
		})
	}
	out, p := write(t, run)
	if len(out) > 6<<20 { // and not 100 MB
		t.Errorf("the file has %d bytes", len(out))
	}
	if text := p.Suites[0].Cases[0].Out[0].Text; len(text) > 9<<10 || !strings.Contains(text, "[cut:") {
		t.Errorf("case output has %d bytes, and ends %q", len(text), text[len(text)-80:])
	}
}

func TestWriteErrors(t *testing.T) {
	for _, n := range []int{0, 50, 500} {
		if err := junit.Write(golden.FullDisk(n), golden.Load(t, "pass")); err == nil {
			t.Errorf("no error when the disk is full after %d bytes", n)
		}
	}
}

// TestCasesAreCapped keeps a file of hundreds of thousands of cases readable: one case stands for those that are left out, and
// fails if a failure is among them.
func TestCasesAreCapped(t *testing.T) {
	const many = 300_000
	for _, tt := range []struct {
		failed   int
		skipped  int
		failures int
	}{
		{failed: 0, skipped: 1},
		{failed: 10, skipped: 1, failures: 10},
		{failed: many, failures: 1},
	} {
		run := &report.Run{Scenarios: []report.Scenario{{ID: "s", Name: "s"}}}
		for i := range many {
			step := report.Step{ID: strconv.Itoa(i), Scenario: "s", Title: `login "alice" & 'bob'`, Verdict: report.VerdictPass}
			if i >= many-tt.failed {
				step.Verdict = report.VerdictFail
			}
			run.Steps = append(run.Steps, step)
		}
		run.Summary = run.Summarize()
		out, p := write(t, run)
		if p.Tests > 200_001 || len(out) >= 30_000_000 {
			t.Errorf("%d failed: %d cases in %d bytes", tt.failed, p.Tests, len(out))
		}
		last := p.Suites[len(p.Suites)-1]
		c := last.Cases[len(last.Cases)-1]
		if c.Name != "cases left out" || len(c.NotRun) != tt.skipped {
			t.Errorf("%d failed: the last case is %+v", tt.failed, c)
		}
		written := p.Tests - 1
		badly := max(tt.failed-p.Failures, 0)
		if tt.failed == many {
			badly++ // the case itself
		} else if p.Failures != tt.failures {
			t.Errorf("%d failed: %d failures", tt.failed, p.Failures)
		}
		want := strconv.Itoa(badly) + " cases that failed or could not be told and " + strconv.Itoa(many-written-badly) + " others are left out"
		if got := slices.Concat(c.NotRun, c.Failures)[0].Message; !strings.HasPrefix(got, want) {
			t.Errorf("%d failed: it says %q, want %q", tt.failed, got, want)
		}
	}
}
