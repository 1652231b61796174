// Package sarif writes a run as SARIF 2.1.0, for code scanning: what failed becomes an alert at the line of the scenario
// that asked for it.
//
// The format is the OASIS standard "Static Analysis Results Interchange Format (SARIF) Version 2.1.0". A relying party has
// no source file here, and GitHub refuses an upload with a result that is in no file; so a step is located where it is
// written, and a check in the scenario or else in the adapter. Results are what failed or deserves a warning; what could not
// be told is a notification and never a result, since code scanning shows every result as a finding.
package sarif

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/passrig/passrig/report"
)

const (
	version   = "2.1.0"
	schemaURI = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	homeURI   = "https://github.com/passrig/passrig"
)

// The levels of SARIF 2.1.0 §3.27.10.
const (
	levelError   = "error"
	levelWarning = "warning"
	levelNote    = "note"
)

// The states of SARIF 2.1.0 §3.27.24, of a run that knows failures from before.
const (
	baselineNew       = "new"
	baselineUnchanged = "unchanged"
)

// Write writes the run as an indented SARIF log, with a newline at the end. executionSuccessful is false of a partial run and
// of one from which nothing can be told.
func Write(w io.Writer, run *report.Run) error {
	b := builder{run: run, rules: map[string]int{}, seen: map[string]int{}}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false) // read by programs, and by people who compare
	enc.SetIndent("", "  ")
	if err := enc.Encode(b.build()); err != nil {
		return fmt.Errorf("write SARIF report: %w", err)
	}
	return nil
}

type builder struct {
	run           *report.Run
	out           run
	rules         map[string]int // index in the driver's rules, by id
	seen          map[string]int // how often a fingerprint was needed
	notifications []notification
}

func (b *builder) build() log {
	b.out = run{
		Tool:    tool{driver{Name: cmp.Or(b.run.Tool.Name, "passrig"), Version: b.run.Tool.Version, InformationURI: homeURI, Rules: []descriptor{}}},
		Results: []result{}, ColumnKind: "utf16CodeUnits",
	}
	b.notifications = []notification{}
	for _, n := range conditions() {
		b.out.Tool.Driver.Notifications = append(b.out.Tool.Driver.Notifications, descriptor{ID: n.id, Short: text{n.means}})
	}
	for _, r := range b.run.Results() {
		b.add(&r)
	}
	b.out.Invocations = []invocation{b.invocation()}
	b.out.Properties = b.properties()
	return log{Schema: schemaURI, Version: version, Runs: []run{b.out}}
}

func (b *builder) invocation() invocation {
	code := report.ExitCode(b.run)
	in := invocation{
		Successful: !b.run.Partial && code != report.ExitCouldNot,
		Start:      b.run.At(0).Format(time.RFC3339), End: b.run.At(b.run.DurationMS).Format(time.RFC3339Nano),
		Notifications: b.notifications,
	}
	if !b.run.Partial { // how an interrupted run ends is for the command line to say
		in.ExitCode = &code
	}
	return in
}

func (b *builder) properties() runProperties {
	p := runProperties{
		Name: b.run.Name, Driver: b.run.Driver, Origin: b.run.Target.Origin, RPID: b.run.Target.RPID,
		Seed: json.Number(strconv.FormatUint(b.run.Seed, 10)), Verdict: string(b.run.Verdict()), Partial: b.run.Partial,
		Summary: b.run.Summary, Caveats: b.run.Caveats(),
	}
	if b.run.Suite != nil {
		p.Fixed = b.run.Suite.Fixed
	}
	return p
}

// add makes a result one of the log, or a notification when it could not be told. A check has a rule in any case, so that a
// reader also learns what was looked at and found well.
func (b *builder) add(r *report.Result) {
	rule := -1
	if r.Kind == report.ResultCheck || r.Kind != report.ResultRun && tells(r.Verdict) {
		rule = b.rule(b.ruleOf(r))
	}
	switch {
	case !tells(r.Verdict):
	case r.Kind == report.ResultRun:
		b.notify(conditionRun, r.Message)
	case r.Verdict == report.VerdictError:
		n := b.notify(conditionUntold, words(r))
		n.AssociatedRule, n.Locations = &reference{b.out.Tool.Driver.Rules[rule].ID, rule}, []location{b.place(r)}
	default:
		b.out.Results = append(b.out.Results, b.result(r, rule))
	}
}

// tells says whether a verdict has a place in the log.
func tells(v report.Verdict) bool {
	return v == report.VerdictFail || v == report.VerdictWarn || v == report.VerdictError
}

// result is that of a failure or a warning.
func (b *builder) result(r *report.Result, index int) result {
	rule := &b.out.Tool.Driver.Rules[index]
	out := result{
		RuleID: rule.ID, RuleIndex: index, Kind: "fail", Level: rule.Configuration.Level, Message: text{words(r)},
		Locations: []location{b.place(r)}, Fingerprints: map[string]string{"passrig/v1": b.fingerprint(r)},
		Properties: resultProperties{Verdict: string(r.Verdict), Expected: cut(r.Expected), Actual: cut(r.Actual), Hint: cut(r.Hint)},
	}
	if r.Verdict == report.VerdictWarn {
		out.Level = levelWarning
	}
	known := b.run.Suite != nil && b.run.Suite.Baseline != ""
	if known {
		out.Baseline = baselineNew
	}
	if r.Verdict == report.VerdictFail && r.Tolerated != "" {
		out.Suppressions = []suppression{{Kind: "external", Status: "accepted", Justification: "does not fail the run: " + cut(r.Tolerated)}}
		if known && r.Tolerated == report.ToleratedKnown {
			out.Baseline = baselineUnchanged
		}
	}
	return out
}

// words join what there is to say: code scanning shows nothing else of a result.
func words(r *report.Result) string {
	first := []string{r.Title, r.Message}
	if r.Kind == report.ResultThreshold { // its message says so already
		first = first[1:]
	}
	lines := []string{strings.Join(slices.DeleteFunc(first, func(s string) bool { return s == "" }), ": ")}
	if lines[0] == "" {
		lines[0] = cmp.Or(r.ID, string(r.Verdict))
	}
	for _, l := range []struct{ label, value string }{{"expected: ", r.Expected}, {"actual: ", r.Actual}, {"hint: ", r.Hint}} {
		if l.value != "" {
			lines = append(lines, l.label+cut(l.value))
		}
	}
	lines[0] = cut(lines[0])
	return plain(strings.Join(lines, "\n"))
}

func (b *builder) notify(c condition, message string) *notification {
	about := conditions()[c]
	b.notifications = append(b.notifications, notification{
		Descriptor: reference{about.id, int(c)}, Level: about.level, Message: text{plain(cut(message))},
	})
	return &b.notifications[len(b.notifications)-1]
}
