package matrix

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/passrig/passrig/internal/engine"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
)

// judge says what a facet came to. The verdict is that of its worst step; a facet all of whose steps were left out by their
// when says nothing, and why.
func judge(result *report.MatrixResult, row *Row, file *scenarios.File, run *report.Run, seed uint64) {
	written := make(map[scenarios.Pos]*scenarios.Step)
	for s := range file.Every() {
		written[scenarios.Pos{File: s.Pos.File, Line: s.Pos.Line}] = s
	}
	v := &view{row: row, file: file, written: written, names: names(file, run, seed)}
	decider := v.decide(run.Steps)
	switch {
	case decider != nil:
		result.Verdict = decider.Verdict
		result.Reason, result.Hint = v.plain(v.reason(decider)), v.plain(decider.Hint)
		if of := v.of(decider); of == nil || of.Assert == nil || of.Assert.Message.IsZero() { // an expression explains nothing that its message does not
			result.Expected, result.Actual = v.plain(decider.Expected), v.plain(decider.Actual)
		}
		result.File, result.Line = decider.File, decider.Line
	case v.left != nil:
		result.Verdict, result.File, result.Line = report.VerdictSkip, v.left.Pos.File, v.left.Pos.Line
		result.Reason, result.NotApplicable = v.whyLeft()
	case v.judged == 0:
		result.Verdict, result.Reason = report.VerdictSkip, "nothing was judged"
	default:
		result.Verdict, result.Reason = report.VerdictPass, seen(run.Steps)
	}
	result.Steps = trimmed(run.Steps)
}

// view is how a facet's steps are looked at.
type view struct {
	row     *Row
	file    *scenarios.File
	written map[scenarios.Pos]*scenarios.Step
	names   *strings.Replacer

	judged int             // judging steps that came to a verdict
	left   *scenarios.Step // the first judging step that its when left out; nil if one was judged
}

// decide finds the step that makes the verdict: the worst, and of several the first. Nil when nothing went wrong.
func (v *view) decide(steps []report.Step) *report.Step {
	var worst *report.Step
	for i := range steps {
		s := &steps[i]
		switch s.Verdict {
		case report.VerdictFail, report.VerdictError, report.VerdictWarn:
			if worst == nil || s.Verdict.Worse(worst.Verdict) {
				worst = s
			}
		case report.VerdictPass:
			if v.judges(s) {
				v.judged++
			}
		case report.VerdictSkip:
			if of := v.of(s); of != nil && of.When != nil && worst == nil && v.left == nil && v.judges(s) {
				v.left = of
			}
		case report.VerdictInfo:
		}
	}
	if v.judged > 0 {
		v.left = nil
	}
	return worst
}

// of is the step as it is written; nil for one that passrig added.
func (v *view) of(s *report.Step) *scenarios.Step {
	return v.written[scenarios.Pos{File: s.File, Line: s.Line}]
}

// reason is why a step makes the verdict. Of one in the middle of a facet its title tells what was being done; an assertion
// has words of its own.
func (v *view) reason(s *report.Step) string {
	message := exchange.ReplaceAllString(s.Message, "")
	of := v.of(s)
	if of == nil || of.Assert != nil || of.Title.IsZero() || of == &v.file.Steps[0] {
		return message
	}
	return s.Title + ": " + message
}

// exchange is the request and its answer at the end of a message. Where they matter they are in what is actual, too.
var exchange = regexp.MustCompile(`: (GET|POST|PUT|PATCH|DELETE) https?://\S+ answered .*$`)

// judges says whether a step is one for whose sake the facet is played: not if it only holds others, or a value.
func (v *view) judges(s *report.Step) bool {
	of := v.of(s)
	return of != nil && of.Set == nil
}

// whyLeft says why the first judging step was left out: what the adapter does not offer is no trait of the provider.
func (v *view) whyLeft() (reason string, notApplicable bool) {
	when := v.left.When
	table := paramTable()
	for _, name := range slices.Sorted(maps.Keys(table)) {
		if p := table[name]; p.none != "" && p.none == p.value(v.row) && strings.Contains(when.Source(), "params."+name) {
			return p.absent, true
		}
	}
	for _, found := range operationIn.FindAllStringSubmatch(when.Source(), -1) {
		if operation := found[1]; !slices.Contains(v.file.Adapter.Offers(), operation) {
			return notOffered(operation), false
		}
	}
	return "there is nothing of the kind: " + when.Source() + " is false", true
}

// operationIn finds the operation's name in a condition such as "delete" in target.operations.
var operationIn = regexp.MustCompile(`["']([a-z-]+)["']\s+in\s+target\.operations`)

// names takes out of a text what differs from one cell to the next: made-up names, and ids.
func names(file *scenarios.File, run *report.Run, seed uint64) *strings.Replacer {
	var pairs []string
	for _, s := range run.Scenarios {
		for _, name := range slices.Concat(slices.Collect(maps.Keys(file.Accounts)), slices.Collect(maps.Keys(file.Users))) {
			username := engine.Username(seed, s.ID, name)
			pairs = append(pairs, username+"@example.test", name, username, name)
		}
	}
	return strings.NewReplacer(pairs...)
}

// random are texts that are another one each time: UUIDs, and long ones of hex or base64url digits.
var random = regexp.MustCompile(`\b[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b|[A-Za-z0-9_-]{20,}`)

// plain is a text without what is random in it, so that one cause has one wording in all cells.
func (v *view) plain(text string) string {
	return random.ReplaceAllStringFunc(v.names.Replace(text), func(word string) string {
		if strings.ContainsAny(word, "0123456789") {
			return "…"
		}
		return word // letters alone are words-with-hyphens, or camel case
	})
}

// trimmed is the evidence: of what passed, that it did.
func trimmed(steps []report.Step) []report.Step {
	kept := slices.Clone(steps)
	for i := range kept {
		s := &kept[i]
		switch s.Verdict {
		case report.VerdictPass, report.VerdictInfo, report.VerdictSkip:
			s.Exchanges, s.Ceremony, s.Page = nil, nil, nil
		case report.VerdictFail, report.VerdictWarn, report.VerdictError:
		}
	}
	return kept
}
