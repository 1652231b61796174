package engine

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual"
)

// judge says how the step ended and writes what was seen into it.
func (w *world) judge(s *scenarios.Step, o *outcome, step *report.Step) {
	step.Notes = o.notes
	step.Ceremony = o.ceremony
	step.Message = o.message
	if r := o.result; r != nil {
		step.Outcome, step.Message, step.Page = string(r.Outcome), r.Reason, r.Page
		step.Exchanges = append(slices.Clone(r.Exchanges), o.after...)
	}
	findings := append(w.judgeOutcome(s.Expect, o), o.findings...)
	if len(findings) == 0 || findings[0].verdict == report.VerdictFail {
		findings = append(findings, w.judgeExpect(s.Expect, o)...)
	}
	if len(findings) == 0 {
		step.Verdict = report.VerdictPass
		if o.own != "" {
			step.Verdict = o.own
		}
		return
	}
	conclude(step, findings)
}

// conclude makes the step's verdict of what was found: a known failure outweighs what could not be told.
func conclude(step *report.Step, findings []finding) {
	chosen := findings[0]
	for _, f := range findings {
		if f.verdict == report.VerdictFail {
			chosen = f
			break
		}
	}
	step.Verdict, step.Message, step.Hint = chosen.verdict, chosen.message, chosen.hint
	step.Expected, step.Actual = chosen.expected, chosen.actual
	for _, f := range findings {
		if f.message != chosen.message {
			step.Notes = append(step.Notes, "also: "+f.message)
		}
	}
}

// judgeOutcome compares who said yes or no with what was wanted.
func (w *world) judgeOutcome(e *scenarios.Expect, o *outcome) []finding {
	r := o.result
	if r == nil || o.judged {
		return nil
	}
	want := rp.OutcomeAccepted
	if e != nil && e.Error != "" {
		want = rp.OutcomeRefused
	}
	if e != nil && e.Outcome != "" {
		want = rp.Outcome(e.Outcome)
	}
	switch {
	case r.Outcome == rp.OutcomeError && r.Fault.Kind == rp.FaultInterrupted:
		return []finding{interrupted()}
	case r.Outcome == rp.OutcomeError:
		return []finding{{verdict: report.VerdictError, message: r.Reason, hint: r.Fault.Hint, expected: string(want), actual: "could not tell"}}
	case o.action == scenarios.OpWhoami && want != rp.OutcomeAccepted:
		return []finding{{
			verdict: report.VerdictFail, message: "whoami answers who is signed in, it does not say yes or no", expected: string(want),
			actual: "whoami says " + o.user, hint: "to expect that nobody is: expect: {user: nobody}",
		}}
	case r.Outcome == want:
		return nil
	case o.action == "page" && r.Outcome == rp.OutcomeRejected:
		return []finding{{verdict: report.VerdictFail, message: r.Reason, expected: "what the step waits for", actual: "the page did not show it"}}
	case o.action == "page" && r.Outcome == rp.OutcomeAccepted:
		return []finding{{verdict: report.VerdictFail, message: "the page's last ceremony was not refused", expected: string(want), actual: r.Reason}}
	case o.late:
		return []finding{{verdict: report.VerdictFail, message: r.Reason, expected: string(want), actual: "not everything had come when the wait ended", hint: o.hint}}
	case r.Outcome == rp.OutcomeRefused:
		return []finding{w.refusal(want, o)}
	case r.Outcome == rp.OutcomeAccepted && e != nil && e.Error == string(virtual.InvalidStateError):
		return []finding{{
			verdict: report.VerdictFail, message: "a second passkey was made where one is already: " + excluded(o.ceremony),
			expected: "the client refuses with " + e.Error, actual: string(r.Outcome) + ": " + r.Reason,
			hint: "list the passkeys of the account in excludeCredentials",
		}}
	default:
		return []finding{{
			verdict: report.VerdictFail, message: mismatch(want, r, cmp.Or(o.decider, "the relying party")), expected: string(want),
			actual: string(r.Outcome) + ": " + r.Reason, hint: o.hint,
		}}
	}
}

// refusal judges a client that refused although it should not have. What only a wrong set-up brings
// about is an error, not the relying party's failure.
func (w *world) refusal(want rp.Outcome, o *outcome) finding {
	r, who := o.result, "the client"
	if o.decider != "" {
		who = "the device"
	}
	f := finding{
		verdict: report.VerdictFail, message: who + " refused: " + r.Reason, expected: string(want), actual: "refused: " + r.Reason, hint: o.hint,
	}
	switch errorName(r.ClientErr) {
	case "SecurityError":
		f.verdict = report.VerdictError
		f.hint = "the RP ID must be the origin's host or a registrable parent of it; check target.origin, and the RP ID that the relying party is set up with"
	case "TypeError", "":
		f.verdict = report.VerdictError
		f.hint = "the options are malformed, or the adapter reads them wrongly: see options in this step's evidence"
	case "InvalidStateError":
		f.hint = "the device already holds a passkey that the relying party lists in excludeCredentials"
	case string(virtual.NotAllowedError):
		f.hint = cmp.Or(f.hint, w.hintOfRefusal(r.Reason))
	case "NotSupportedError":
		f.hint = "the relying party's pubKeyCredParams name no algorithm that the device has"
	}
	return f
}

// excluded says what is wrong with the excludeCredentials of a registration that should have been refused for them.
func excluded(c *report.Ceremony) string {
	if c != nil {
		options, _ := c.Options.(map[string]any)
		if list, _ := options["excludeCredentials"].([]any); len(list) > 0 {
			return "the options' excludeCredentials do not name it"
		}
	}
	return "the options have no excludeCredentials"
}

func mismatch(want rp.Outcome, r *rp.Result, who string) string {
	switch {
	case want == rp.OutcomeAccepted:
		return who + " said no: " + r.Reason
	case r.Outcome == rp.OutcomeAccepted:
		return who + " said yes, where a no was expected: " + r.Reason
	default:
		return who + " said no, where the client should have refused: " + r.Reason
	}
}

// judgeExpect checks the expectations beyond the outcome.
func (w *world) judgeExpect(e *scenarios.Expect, o *outcome) []finding {
	if e == nil {
		return w.defaultExpect(o)
	}
	var list []finding
	fail := func(message, expected, actual string) {
		list = append(list, finding{verdict: report.VerdictFail, message: message, expected: expected, actual: actual})
	}
	broken := func(what string, err error) {
		list = append(list, finding{verdict: report.VerdictError, message: fmt.Sprintf("expect.%s: %v", what, err)})
	}
	if r := o.result; e.Error != "" && r != nil && r.Outcome == rp.OutcomeRefused {
		if name := errorName(r.ClientErr); name != e.Error {
			fail("the client refused with another error", e.Error, name)
		}
	}
	if !e.Status.IsZero() {
		if want, err := e.Status.Value(w.env); err != nil {
			broken("status", err)
		} else if o.result != nil && o.result.Status != want {
			fail("another HTTP status than expected", strconv.Itoa(want), strconv.Itoa(o.result.Status))
		}
	}
	switch {
	case e.User == "":
		list = append(list, w.defaultExpect(o)...)
	case o.user == "":
		list = append(list, finding{verdict: report.VerdictError, message: "who is signed in afterwards is not known", expected: e.User})
	case o.user == scenarios.Somebody && e.User == o.actor:
		// As far as can be seen; a note says how far.
	case o.user == scenarios.Somebody && e.User != scenarios.Nobody:
		list = append(list, finding{
			verdict: report.VerdictError, message: "who is signed in could not be told: the page shows only that somebody is", expected: "whoami says " + e.User,
			hint: "add user: to whoami's page, a selector of what names the user",
		})
	case o.user != e.User:
		fail("somebody else is signed in than expected", "whoami says "+e.User, "whoami says "+o.user)
	}
	if !e.Within.IsZero() {
		if limit, err := e.Within.Value(w.env); err != nil {
			broken("within", err)
		} else if o.duration > limit {
			fail("it took longer than expected", "at most "+limit.String(), o.duration.Round(10*time.Microsecond).String())
		}
	}
	list = append(list, w.judgeEntries(e, o)...)
	return append(list, w.judgeThat(e, o)...)
}

// defaultExpect is what a step without words about the user still wants.
func (w *world) defaultExpect(o *outcome) []finding {
	if o.action == scenarios.OpWhoami && o.user == scenarios.Nobody {
		return []finding{{
			verdict: report.VerdictFail, message: "nobody is signed in", expected: "somebody is signed in", actual: "whoami says nobody",
			hint: "expect: {user: nobody} if that is right",
		}}
	}
	return nil
}

func (w *world) judgeEntries(e *scenarios.Expect, o *outcome) []finding {
	if e.Count == nil && e.Names == nil {
		return nil
	}
	var list []finding
	entries := o.entries
	if e.Count != nil {
		want, err := e.Count.Value(w.env)
		switch {
		case err != nil:
			return []finding{{verdict: report.VerdictError, message: "expect.count: " + err.Error()}}
		case want != len(entries):
			list = append(list, finding{
				verdict: report.VerdictFail, message: "another number of passkeys than expected",
				expected: strconv.Itoa(want), actual: fmt.Sprintf("%d: %s", len(entries), describeEntries(entries)),
			})
		}
	}
	if e.Names == nil {
		return list
	}
	var want, got []string
	for _, t := range e.Names {
		name, err := t.String(w.env)
		if err != nil {
			return []finding{{verdict: report.VerdictError, message: "expect.names: " + err.Error()}}
		}
		want = append(want, name)
	}
	for _, entry := range entries {
		got = append(got, entry.Name)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		list = append(list, finding{
			verdict: report.VerdictFail, message: "other names than expected",
			expected: strings.Join(want, ", "), actual: strings.Join(got, ", "),
		})
	}
	return list
}

func (w *world) judgeThat(e *scenarios.Expect, o *outcome) []finding {
	if len(e.That) == 0 {
		return nil
	}
	env := maps.Clone(w.env)
	env["result"] = o.seen
	var list []finding
	for _, expr := range e.That {
		yes, err := expr.Bool(env)
		switch {
		case err != nil:
			list = append(list, finding{verdict: report.VerdictError, message: "expect.that: " + err.Error()})
		case !yes:
			list = append(list, finding{verdict: report.VerdictFail, message: "not true: " + expr.Source(), expected: expr.Source(), actual: "false"})
		}
	}
	return list
}
