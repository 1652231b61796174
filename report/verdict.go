package report

import (
	"fmt"
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
		out = append(out, plural(n, "step or check was", "steps or checks were")+" skipped and therefore not verified.")
	}
	out = append(out, r.Load.caveats()...)
	out = append(out, r.unverified()...)
	if len(r.Checks) == 0 && len(r.Steps) == 0 && (r.Fabric == nil || r.Fabric.Study == nil) {
		out = append(out, "No step and no check ran.")
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
	for i := range r.Steps {
		for _, note := range r.Steps[i].Notes {
			if !strings.Contains(note, NotVerified) {
				continue
			}
			if steps[note] == 0 {
				notes = append(notes, note)
			}
			steps[note]++
		}
	}
	for i, note := range notes {
		notes[i] = fmt.Sprintf("In %s, %s.", plural(steps[note], "step"), note)
	}
	return notes
}
