// Package junit writes a run as JUnit XML for CI systems.
//
// There is no standard for the format, so this keeps to what Jenkins, GitLab and GitHub actions
// all read: the root is testsuites, a suite is a scenario or a relying party of a matrix, a case is one step, check,
// threshold or facet of a cell, names are unique in the file, and a case has at most one failure, error or skipped
// element, with everything there is to say inside. An error element means "could not tell". The place of a step is told in
// words: the xUnit plugin of Jenkins refuses a file with attributes for it. testdata/junit.xsd is all of this as a schema.
package junit

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/passrig/passrig/report"
)

type testsuites struct {
	XMLName  xml.Name    `xml:"testsuites"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Time     string      `xml:"time,attr"`
	Suites   []testsuite `xml:"testsuite"`
}

type testsuite struct {
	Name       string     `xml:"name,attr"`
	File       string     `xml:"file,attr,omitempty"`
	Tests      int        `xml:"tests,attr"`
	Failures   int        `xml:"failures,attr"`
	Errors     int        `xml:"errors,attr"`
	Skipped    int        `xml:"skipped,attr"`
	Time       string     `xml:"time,attr"`
	Timestamp  string     `xml:"timestamp,attr"`
	Properties []property `xml:"properties>property"`
	Cases      []testcase `xml:"testcase"`
}

type property struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type testcase struct {
	Name      string  `xml:"name,attr"`
	Classname string  `xml:"classname,attr"`
	Time      string  `xml:"time,attr"`
	Failure   *result `xml:"failure"`
	Error     *result `xml:"error"`
	Skipped   *result `xml:"skipped"`
	SystemOut *output `xml:"system-out"`
}

type result struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",innerxml"` // escaped by escape
}

type output struct {
	Text string `xml:",innerxml"` // escaped by escape
}

// Write writes the run as JUnit XML. A warning or information is a passed case with a
// system-out, since the format has no word for it. A run that is partial, or worth less than its cases
// tell for another reason, has a case "run completed" of its own with an error, because a CI system sees nothing but cases and would show the rest as
// all there is. Long texts are cut, so that no CI system refuses the file for its size.
func Write(w io.Writer, run *report.Run) error {
	b := builder{run: run, names: make(map[string]bool), outputLeft: fileOutput, textLeft: fileText, well: room{mostCases, fileNames}, badly: room{mostCases, fileNames}}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("write JUnit report: %w", err)
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(b.build()); err != nil {
		return fmt.Errorf("write JUnit report: %w", err)
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return fmt.Errorf("write JUnit report: %w", err)
	}
	return nil
}

type builder struct {
	run        *report.Run
	names      map[string]bool // in use in this file
	outputLeft int             // bytes of exchanges that may still be written
	textLeft   int             // bytes of messages and bodies that may still be written

	well, badly         room // for cases that went well, and for those that did not
	leftWell, leftBadly int  // cases for which there was none
}

func (b *builder) build() testsuites {
	root := testsuites{Name: name("passrig", b.run.Name), Time: seconds(b.run.DurationMS)}
	placed := make(map[string]bool)
	for i := range b.run.Scenarios {
		sc := &b.run.Scenarios[i]
		if placed[sc.ID] {
			continue
		}
		placed[sc.ID] = true
		root.add(b.scenario(sc))
	}
	for _, suite := range b.matrix() {
		root.add(suite)
	}
	root.add(b.rest(placed))
	return root
}

// add appends a suite that has cases and counts them.
func (r *testsuites) add(s testsuite) {
	if len(s.Cases) == 0 {
		return
	}
	for i := range s.Cases {
		s.Tests++
		switch c := &s.Cases[i]; {
		case c.Failure != nil:
			s.Failures++
		case c.Error != nil:
			s.Errors++
		case c.Skipped != nil:
			s.Skipped++
		}
	}
	r.Tests += s.Tests
	r.Failures += s.Failures
	r.Errors += s.Errors
	r.Suites = append(r.Suites, s)
}

func (b *builder) scenario(sc *report.Scenario) testsuite {
	s := b.suite(sc.Name, sc.File, b.run.Driver, sc.StartMS, sc.DurationMS, sc.Target)
	for _, step := range b.run.StepsOf(sc.ID) {
		s.Cases = b.step(s.Cases, step)
	}
	for i := range b.run.Thresholds {
		if b.run.Thresholds[i].Scenario == sc.ID {
			s.Cases = b.threshold(s.Cases, &b.run.Thresholds[i], sc.ID)
		}
	}
	return s
}

// rest is the suite of what belongs to no scenario: checks, thresholds of the whole run, steps
// of a scenario that is not listed, and whether the run got to its end.
func (b *builder) rest(placed map[string]bool) testsuite {
	s := b.suite("checks", "", b.run.Driver, 0, 0, b.run.Target)
	total := 0.0
	for i := range b.run.Steps {
		if !placed[b.run.Steps[i].Scenario] {
			s.Cases = b.step(s.Cases, &b.run.Steps[i])
			total += b.run.Steps[i].DurationMS
		}
	}
	for i := range b.run.Checks {
		s.Cases = b.check(s.Cases, &b.run.Checks[i])
		total += b.run.Checks[i].DurationMS
	}
	for i := range b.run.Thresholds {
		if !placed[b.run.Thresholds[i].Scenario] {
			s.Cases = b.threshold(s.Cases, &b.run.Thresholds[i], "thresholds")
		}
	}
	for _, r := range b.run.Results() {
		if r.Kind == report.ResultRun {
			c := b.testcase(r.Title, "passrig", 0)
			b.judge(&c, r.Verdict, entry{message: r.Message, hint: r.Hint, kind: r.Kind})
			s.Cases = append(s.Cases, c)
		}
	}
	s.Cases = append(s.Cases, b.leftOut()...)
	s.Time = seconds(total)
	return s
}

func (b *builder) suite(title, file, driver string, start, duration float64, target report.Target) testsuite {
	s := testsuite{Name: name(title), File: name(file), Time: seconds(duration), Timestamp: b.timestamp(start)}
	for _, p := range []property{
		{"adapter", target.Adapter},
		{"driver", driver},
		{"origin", target.Origin},
		{"rp.id", target.RPID},
		{"seed", strconv.FormatUint(b.run.Seed, 10)},
		{"tool", strings.TrimSpace(b.run.Tool.Name + " " + b.run.Tool.Version)},
	} {
		if p.Value = name(p.Value); p.Value != "" {
			s.Properties = append(s.Properties, p)
		}
	}
	return s
}

func (b *builder) testcase(title, class string, ms float64) testcase {
	return testcase{Name: b.unique(title), Classname: name(class), Time: seconds(ms)}
}

// step, check and threshold add a case to others, as long as there is room for it.
func (b *builder) step(cases []testcase, step *report.Step) []testcase {
	title := step.ID + " " + step.Title
	if !b.fits(step.Verdict, title, step.Scenario) {
		return cases
	}
	c := b.testcase(title, step.Scenario, step.DurationMS)
	b.judge(&c, step.Verdict, entry{
		message: step.Message, expected: step.Expected, actual: step.Actual, hint: step.Hint,
		file: step.File, line: step.Line, kind: orElse(step.Action, "step"),
	})
	b.evidence(&c, step)
	return append(cases, c)
}

// evidence adds the exchanges of a step that is worth a look.
func (b *builder) evidence(c *testcase, step *report.Step) {
	if step.Verdict != report.VerdictPass && step.Verdict != report.VerdictSkip {
		c.SystemOut = b.output(c.SystemOut, exchanges(step.Exchanges))
	}
}

func (b *builder) check(cases []testcase, check *report.Check) []testcase {
	title, class := check.ID+" "+check.Title, orElse(check.Ceremony, "checks")
	if !b.fits(check.Verdict, title, class) {
		return cases
	}
	c := b.testcase(title, class, check.DurationMS)
	e := entry{
		message: orElse(check.Message, check.Actual), expected: check.Expected, actual: check.Actual, hint: check.Hint,
		basis: strings.Join(check.Basis, "; "), kind: orElse(check.Severity, "check"),
	}
	if check.Verdict == report.VerdictFail && check.Tolerated != "" {
		c.SystemOut = &output{Text: b.body("does not fail the run: " + check.Tolerated + "\n" + e.text())}
	} else {
		b.judge(&c, check.Verdict, e)
	}
	if check.Verdict != report.VerdictPass && check.Verdict != report.VerdictSkip && check.Evidence != nil {
		for i := range check.Evidence.Cases {
			sent := &check.Evidence.Cases[i]
			c.SystemOut = b.output(c.SystemOut, "case "+sent.Name+": "+sent.Answer+"\n"+exchanges(sent.Exchanges))
		}
	}
	return append(cases, c)
}

func (b *builder) threshold(cases []testcase, th *report.Threshold, class string) []testcase {
	title := "threshold " + th.Text
	if !b.fits(th.Verdict, title, class) {
		return cases
	}
	c := b.testcase(title, class, 0)
	message := "the threshold was crossed: " + th.Actual
	if th.Verdict == report.VerdictError {
		message = "the threshold could not be judged: " + th.Actual
	}
	b.judge(&c, th.Verdict, entry{
		message: message, expected: th.Text, actual: th.Actual, hint: th.Hint, file: th.File, line: th.Line, kind: "threshold",
	})
	return append(cases, c)
}

// unique returns a case's name, numbered if it is taken: GitLab keeps only the first of equal names.
func (b *builder) unique(title string) string {
	title = orElse(name(title), "without a name") // first, since names can become equal by it
	free := title
	for n := 2; b.names[free]; n++ {
		free = fmt.Sprintf("%s (%d)", title, n)
	}
	b.names[free] = true
	return free
}

// timestamp is when something began, given in milliseconds since the run did.
func (b *builder) timestamp(start float64) string { return b.run.At(start).Format(time.RFC3339) }

func seconds(ms float64) string {
	if !(ms > 0) { // not a number is no time either
		ms = 0
	}
	return strconv.FormatFloat(min(ms, maxMS)/1000, 'f', 3, 64)
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
