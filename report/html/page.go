package html

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"github.com/passrig/passrig/report"
)

// page is what the template shows, with every decision already made.
type page struct {
	Style      template.CSS
	Script     template.JS
	Policy     string // content security policy
	Run        *report.Run
	Look       look
	Title      string
	Headline   string
	Standfirst string
	Started    time.Time
	Duration   string
	Counts     []count
	Kinds      []look // that can be searched for
	Caveats    []string
	Trouble    []*item // failures, errors, warnings, in this order
	Scenarios  []scenario
	Excerpt    string // what steps are left out
	Load       *loadView
	Cells      []cellsView
	Matrix     *matrixView
	Sync       *syncView
	Checks     *checksView
	Thresholds []thresholdRow
	Latency    *latency
	Counters   []counter
	Facts      []fact
	Command    string
}

// look is how a verdict is shown: by word and mark; the class only adds color.
type look struct{ Class, Mark, Word string }

// Key stands for the look where the page is searched: a word without spaces.
func (l look) Key() string { return strings.ReplaceAll(l.Word, " ", "-") }

type count struct {
	look
	N int
}

type scenario struct {
	report.Scenario
	Look     look
	Duration string
	Items    []*item
	Left     int    // how many of its steps are left out
	Folded   bool   // it passed, and there are many
	Steps    string // how many, when it is folded
}

// item is a step or a check.
type item struct {
	Anchor           string // unique in the document
	Look             look
	Title, Kicker    string // Kicker says what it belongs to
	ID               string // of a check
	Severity         int    // 0 is the worst; of a check
	Where            string
	Duration         string
	Message, Hint    string
	Expected, Actual string
	Outcome          string
	Basis, Notes     []string
	Page             *pageSeen
	Timeline         *timeline
	Cases            []sent // of a check
	Decoded          []decoded
	Exchanges        []exchange
	Featured         bool // shown in full under what went wrong
}

// pageSeen is what a page looked like when a step on it failed.
type pageSeen struct {
	report.PageEvidence
	Screenshot template.URL // a data: URL; the bytes are a PNG that Chrome made
}

func newPageSeen(e *report.PageEvidence) *pageSeen {
	if e == nil {
		return nil
	}
	seen := &pageSeen{PageEvidence: *e}
	if raw, err := base64.StdEncoding.DecodeString(e.Screenshot); err == nil && bytes.HasPrefix(raw, []byte("\x89PNG")) {
		seen.Screenshot = template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(raw)) //nolint:gosec // encoded just now
	}
	return seen
}

type thresholdRow struct {
	report.Threshold
	Look  look
	Where string
}

type counter struct {
	Name, N, Share string
}

type fact struct{ Name, Value string }

func lookOf(v report.Verdict) look {
	switch v {
	case report.VerdictPass:
		return look{"pass", "✓", v.Words()}
	case report.VerdictFail:
		return look{"fail", "✗", v.Words()}
	case report.VerdictWarn:
		return look{"warn", "!", v.Words()}
	case report.VerdictInfo:
		return look{"info", "i", v.Words()}
	case report.VerdictSkip:
		return look{"skip", "–", v.Words()}
	case report.VerdictError:
		return look{"error", "?", v.Words()}
	}
	return look{"skip", "·", string(v)}
}

func newPage(run *report.Run) *page {
	p := &page{
		Run: run, Look: lookOf(run.Verdict()), Started: run.Started.UTC(), Duration: report.FormatMS(run.DurationMS),
		Caveats: run.Caveats(), Kinds: checkKinds(), Facts: facts(run), Command: command(run),
	}
	if run.Partial && run.Summary.Failed == 0 {
		p.Look = look{"warn", "!", "incomplete"} // a pass so far must not look like a pass
	}
	p.Headline, p.Standfirst = run.Headline()
	p.Title = strings.TrimSpace(run.Name + " – " + p.Headline)
	s := run.Summary
	p.Counts = []count{
		{look{"pass", "✓", "passed"}, s.Passed},
		{look{"fail", "✗", "failed"}, s.Failed},
		{look{"error", "?", "could not tell"}, s.Errored},
		{look{"warn", "!", "warned"}, s.Warned},
		{look{"skip", "–", "skipped"}, s.Skipped},
	}
	if s.Tolerated > 0 {
		p.Counts = append(p.Counts, count{tolerated(), s.Tolerated})
	}
	shown := newExcerpt(run)
	p.Excerpt = shown.String()
	p.addSteps(shown)
	checks := make([]*item, len(run.Checks))
	for i := range run.Checks {
		checks[i] = checkItem(&run.Checks[i], i)
	}
	p.feature(checks)
	p.Checks, p.Load = newChecksView(run, checks), newLoadView(run)
	p.Cells, p.Sync = newCells(shown), newSyncView(run, placeSteps(shown))
	for _, th := range run.Thresholds {
		p.Thresholds = append(p.Thresholds, thresholdRow{Threshold: th, Look: lookOf(th.Verdict), Where: where(th.File, th.Line)})
	}
	p.Matrix = newMatrixView(run)
	p.Latency, p.Counters = newLatency(run.Metrics)
	return p
}

// mostUnfolded is how many scenarios show their steps whatever became of them.
const mostUnfolded = 8

// addSteps groups the steps by scenario; steps of no listed scenario come last.
func (p *page) addSteps(shown *excerpt) {
	run := shown.run
	listed := make(map[string]int)
	for _, sc := range run.Scenarios {
		if _, dup := listed[sc.ID]; dup {
			continue
		}
		listed[sc.ID] = len(p.Scenarios)
		p.Scenarios = append(p.Scenarios, scenario{Scenario: sc, Look: lookOf(sc.Verdict), Duration: report.FormatMS(sc.DurationMS)})
	}
	var stray []*item
	for i := range run.Steps {
		step := &run.Steps[i]
		at, ok := listed[step.Scenario]
		if !shown.shows(i) {
			if ok {
				p.Scenarios[at].Left++
			}
			continue
		}
		if !ok {
			stray = append(stray, stepItem(step, i, step.Scenario))
			continue
		}
		sc := &p.Scenarios[at]
		sc.Items = append(sc.Items, stepItem(step, i, sc.Name))
	}
	if len(p.Scenarios) > mostUnfolded {
		for i := range p.Scenarios {
			p.Scenarios[i].fold()
		}
	}
	if len(stray) > 0 {
		p.Scenarios = append(p.Scenarios, scenario{Scenario: report.Scenario{Name: "Other steps"}, Items: stray})
	}
}

// fold leaves of a scenario that passed the line that names it.
func (s *scenario) fold() {
	s.Folded = s.Verdict == report.VerdictPass
	s.Steps = plural(int64(len(s.Items)+s.Left), "step")
	skipped := 0
	for _, it := range s.Items {
		if it.Look == lookOf(report.VerdictSkip) {
			skipped++
		}
	}
	if skipped > 0 {
		s.Steps += fmt.Sprintf(", %d skipped", skipped)
	}
	if s.Left > 0 {
		s.Steps += fmt.Sprintf(", %d of them left out", s.Left)
	}
}

// feature collects what needs attention, worst first. Failures that were known, or are less severe than asked for, stay
// in the list of checks.
func (p *page) feature(checks []*item) {
	checks = slices.SortedStableFunc(slices.Values(checks), func(a, b *item) int { return a.Severity - b.Severity })
	for _, kind := range []look{lookOf(report.VerdictFail), lookOf(report.VerdictError), lookOf(report.VerdictWarn)} {
		collect := func(items []*item) {
			for _, it := range items {
				if it.Look == kind {
					it.Featured = true
					p.Trouble = append(p.Trouble, it)
				}
			}
		}
		for i := range p.Scenarios {
			collect(p.Scenarios[i].Items)
		}
		collect(checks)
	}
}

func stepItem(step *report.Step, i int, scenario string) *item {
	it := &item{
		Anchor: stepAnchor(i), Look: lookOf(step.Verdict),
		Title: step.Title, Kicker: scenario, Where: where(step.File, step.Line), Duration: report.FormatMS(step.DurationMS),
		Message: step.Message, Hint: step.Hint, Expected: step.Expected, Actual: step.Actual, Outcome: step.Outcome, Notes: step.Notes,
		Page: newPageSeen(step.Page), Timeline: newTimeline(step, i),
	}
	if it.Title == "" {
		it.Title = step.ID
	}
	if step.Verdict == report.VerdictSkip || step.Verdict == report.VerdictInfo {
		it.Duration = "" // there was nothing to time
	}
	if c := step.Ceremony; c != nil {
		if c.ClientError != "" {
			it.Notes = append(slices.Clip(it.Notes), "the client refused with "+c.ClientError)
		}
		it.Decoded = decodeCeremony(c)
	}
	for j := range step.Exchanges {
		it.Exchanges = append(it.Exchanges, newExchange(&step.Exchanges[j]))
	}
	return it
}

func checkItem(c *report.Check, i int) *item {
	it := &item{
		Anchor: fmt.Sprintf("check-%d", i+1), Look: lookOf(c.Verdict), Title: c.Title,
		Kicker: c.ID, Duration: report.FormatMS(c.DurationMS), Message: c.Message, Expected: c.Expected, Actual: c.Actual, Basis: c.Basis,
		Hint: c.Hint, ID: c.ID, Severity: slices.Index(report.Severities(), c.Severity),
	}
	if it.Title == "" {
		it.Title, it.ID = c.ID, ""
	}
	if c.Verdict == report.VerdictFail && c.Tolerated != "" {
		it.Look = tolerated()
	}
	if c.NotApplicable {
		it.Look = inapplicable()
	}
	if c.Verdict == report.VerdictSkip {
		it.Duration = "" // there was nothing to time
	}
	for _, s := range []string{c.Severity, c.Level} {
		if s != "" {
			it.Kicker += ", " + s
		}
	}
	if c.Tolerated != "" {
		it.Notes = append(it.Notes, "Does not fail the run: "+c.Tolerated+".")
	}
	if c.Evidence == nil {
		return it
	}
	if c.Evidence.Sent != "" {
		it.Notes = append(it.Notes, "Sent: "+c.Evidence.Sent+".")
	}
	if c.Evidence.Seen != nil {
		it.Decoded = []decoded{{Name: "Seen", Fields: fields(c.Evidence.Seen), Open: true}}
	}
	for j := range c.Evidence.Cases {
		it.Cases = append(it.Cases, newCase(&c.Evidence.Cases[j]))
	}
	return it
}

// sent is one ceremony of a check.
type sent struct {
	Name, Changes, Answer, Reason, After string
	Decoded                              []decoded
	Exchanges                            []exchange
}

func newCase(c *report.CheckCase) sent {
	s := sent{Name: c.Name, Changes: strings.Join(c.Changes, "; "), Answer: c.Answer, Reason: c.Reason, After: c.After}
	if len(c.Exchanges) > 1 { // all of it is there: something deviated
		s.Decoded = decodeCase(c)
	}
	for i := range c.Exchanges {
		s.Exchanges = append(s.Exchanges, newExchange(&c.Exchanges[i]))
	}
	return s
}
