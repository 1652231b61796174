package report

import (
	"fmt"
	"slices"
	"strings"
)

// Valid reports whether v is one of the six verdicts.
func (v Verdict) Valid() bool {
	switch v {
	case VerdictPass, VerdictFail, VerdictWarn, VerdictInfo, VerdictSkip, VerdictError:
		return true
	}
	return false
}

// Words are the verdict as people say it. An error is not "error", which many read as a failure.
func (v Verdict) Words() string {
	switch v {
	case VerdictWarn:
		return "warning"
	case VerdictSkip:
		return "skipped"
	case VerdictError:
		return "could not tell"
	default:
		return string(v)
	}
}

// Mark is one character that tells the verdict from the others without color.
func (v Verdict) Mark() string {
	switch v {
	case VerdictPass:
		return "✓"
	case VerdictFail:
		return "✗"
	case VerdictWarn:
		return "!"
	case VerdictInfo:
		return "·"
	case VerdictSkip:
		return "–"
	case VerdictError:
		return "?"
	}
	return " "
}

// Severities are those of checks, worst first.
func Severities() []string { return []string{"critical", "high", "medium", "low", "info"} }

// Worse reports whether v is a worse verdict than another. From the best to the worst: info, skip, pass, warn, error, fail.
func (v Verdict) Worse(than Verdict) bool { return badness(v) > badness(than) }

// The exit codes a run can lead to. Bad input (2) and an interruption (130) happen outside of a
// run and are the command line's.
const (
	ExitPassed   = 0 // everything required passed; warnings do not change that
	ExitFailed   = 1 // a check or step failed, or a threshold was crossed
	ExitCouldNot = 3 // it could not be told
)

// ExitCode returns the exit code for a finished run, from its summary.
//
//	fail   1   also when other things errored: a known failure stays known
//	error  3      also a load whose generator could not keep up
//	skip   3   nothing was judged (no step ran, or all were skipped), and a run that
//	           judged nothing must not turn a build green
//	warn   0
//	pass   0   some steps may have been skipped or informational
//
// It does not look at Partial: that an interrupted run ends with 130 is the command line's rule.
func ExitCode(run *Run) int {
	switch run.Verdict() {
	case VerdictFail:
		return ExitFailed
	case VerdictError, VerdictSkip:
		return ExitCouldNot
	case VerdictPass, VerdictWarn, VerdictInfo:
	}
	return ExitPassed
}

// Headline says the verdict in words, and in one sentence what it means.
func (r *Run) Headline() (head, standfirst string) {
	s := r.Summary
	switch r.Verdict() {
	case VerdictFail:
		head = fmt.Sprintf("%d of %d failed", s.Failed, s.Passed+s.Failed+s.Errored+s.Warned)
		standfirst = "The relying party did not do what was required of it."
	case VerdictError:
		head = fmt.Sprintf("%d could not be told", s.Errored)
		standfirst = "Nothing failed, but part of what had to be verified could not be."
		if s.Errored == 0 { // as of a load that cannot be relied on
			head = "Could not be told"
		}
	case VerdictSkip:
		head, standfirst = "Nothing was judged", "No step and no check came to a verdict."
	case VerdictWarn:
		head, standfirst = fmt.Sprintf("Passed, %d to look at", s.Warned), "Everything required passed; the warnings are below."
	case VerdictPass, VerdictInfo:
		head, standfirst = fmt.Sprintf("All %d passed", s.Passed), "The relying party did everything that was asked of it."
		if s.Skipped > 0 || r.Partial {
			head, standfirst = fmt.Sprintf("%d passed", s.Passed), "What was verified passed, but not everything was verified."
		}
	}
	if r.Load != nil {
		standfirst = r.Load.Verdict()
	}
	if r.Matrix != nil && len(r.Matrix.Cells) > 0 {
		var each string
		if head, each = r.Matrix.headline(); each != "" {
			standfirst = each
		}
	}
	if r.Fabric != nil && r.Fabric.Study != nil {
		standfirst = r.Fabric.Study.String()
	}
	if r.Partial {
		head += ", run incomplete"
	}
	return head, standfirst
}

// StepsOf returns the steps of a scenario in the order they ran.
func (r *Run) StepsOf(scenario string) []*Step {
	var steps []*Step
	for i := range r.Steps {
		if r.Steps[i].Scenario == scenario {
			steps = append(steps, &r.Steps[i])
		}
	}
	return steps
}

// Caveats says in plain sentences what makes this run's verdict worth less than it looks: what
// did not run, could not be told, or had nothing to verify it by. It is empty for a run that
// stands on its own.
func (r *Run) Caveats() []string {
	var out []string
	if r.Partial {
		why := r.Aborted
		if why == "" {
			why = "the run did not reach its end"
		}
		out = append(out, "Partial run: "+why+". What did not run is not covered by any count here.")
	}
	if n := r.Summary.Errored; n > 0 {
		out = append(out, plural(n, "result")+" could not be told: neither a pass nor a failure. Remove the cause and run again.")
	}
	if n := r.Summary.Tolerated; n > 0 {
		out = append(out, plural(n, "check")+" failed without failing the run: known before, or less severe than asked for.")
	}
	if n := r.Summary.Skipped; n > 0 {
		words := []string{"step or check was", "steps or checks were"}
		if r.Matrix != nil {
			words = []string{"facet of a cell was", "facets of cells were"}
		}
		out = append(out, plural(n, words...)+" skipped and therefore not verified.")
	}
	out = append(out, r.Load.caveats()...)
	out = append(out, r.merged()...)
	out = append(out, r.Matrix.caveats()...)
	out = append(out, r.unverified()...)
	if r.Matrix != nil {
		return out
	}
	if len(r.Checks) == 0 && len(r.Steps) == 0 && (r.Fabric == nil || r.Fabric.Study == nil) {
		out = append(out, "No step and no check ran.")
	}
	return out
}

// merged says what a run that was merged cannot know.
func (r *Run) merged() []string {
	if len(r.Shards) < 2 {
		return nil
	}
	var out []string
	seeds := make(map[uint64]bool)
	for _, s := range r.Shards {
		seeds[s.Seed] = true
	}
	if len(seeds) > 1 {
		out = append(out, "Merged from shards with seeds of their own: to repeat one, take its seed from the result file.")
	}
	if slices.ContainsFunc(r.Shards, func(s Shard) bool { return s.Segment != "" }) {
		out = append(out, "Merged from segments of a load: percentiles of single seconds, and of what did not end as expected, are averages of theirs. The other figures and the thresholds are exact.")
	}
	return out
}

// NotVerified is the phrase by which a note of a step tells that something accepted could not be
// looked at afterwards, as in "who is signed in was not verified: the adapter offers no whoami".
const NotVerified = "was not verified"

// unverified lists the notes that say so, each once, with the number of steps.
func (r *Run) unverified() []string {
	steps := make(map[string]int)
	var notes []string
	look := func(list []Step) {
		for i := range list {
			for _, note := range list[i].Notes {
				if !strings.Contains(note, NotVerified) {
					continue
				}
				if steps[note] == 0 {
					notes = append(notes, note)
				}
				steps[note]++
			}
		}
	}
	look(r.Steps)
	if r.Matrix != nil {
		for i := range r.Matrix.Cells {
			for j := range r.Matrix.Cells[i].Facets {
				look(r.Matrix.Cells[i].Facets[j].Steps)
			}
		}
	}
	for i, note := range notes {
		notes[i] = fmt.Sprintf("In %s, %s.", plural(steps[note], "step"), note)
	}
	return notes
}
