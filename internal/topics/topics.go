// Package topics is what passrig can explain: one table of the words that its output uses, each
// with what it means, why it matters and what to do.
package topics

import (
	"slices"
	"strings"
)

// Kind says what sort of word a topic is about.
type Kind string

// The kinds of topics.
const (
	KindVerdict  Kind = "verdict"
	KindOutcome  Kind = "outcome"
	KindFault    Kind = "fault"  // why an operation could not be judged
	KindClient   Kind = "client" // an error that the client refuses a ceremony with
	KindLoad     Kind = "load"
	KindExitCode Kind = "exit-code" // of the program
	KindAdapter  Kind = "adapter"
	KindScenario Kind = "scenario"
	KindCheck    Kind = "check"
	KindMistake  Kind = "mistake" // a fault of the demo relying party
	KindProvider Kind = "provider"
)

// Topic is one explanation. The texts are paragraphs of plain text, separated by empty lines.
type Topic struct {
	ID    string   `json:"id"`
	Title string   `json:"title"` // one line
	Kind  Kind     `json:"kind"`
	What  string   `json:"what"`            // what it means
	Why   string   `json:"why,omitempty"`   // how it comes about, and why it matters
	Fix   string   `json:"fix,omitempty"`   // what to do, or how to use it
	Facts []string `json:"facts,omitempty"` // one short statement each
	Spec  string   `json:"spec,omitempty"`  // section or URL of the specification
	See   []string `json:"see,omitempty"`   // ids of related topics
}

// All returns every topic, by kind.
func All() []Topic {
	return slices.Concat(verdicts(), outcomes(), faults(), clientErrors(), loads(), exitCodes())
}

// Find returns the topic with an id, in any case of letters.
func Find(list []Topic, id string) (Topic, bool) {
	for _, t := range list {
		if strings.EqualFold(t.ID, id) {
			return t, true
		}
	}
	return Topic{}, false
}

func verdicts() []Topic {
	return []Topic{
		{
			ID: "pass", Kind: KindVerdict, Title: "what was required was seen",
			What: "The step did what the scenario expects: the outcome is the expected one, and every other expectation (who is signed in, status, time, count) was met.",
			Why:  "A pass is about this step only. Read the caveats at the end of a report: an accepted ceremony whose effect nothing could confirm says less than one that whoami or list confirmed.",
			See:  []string{"fail", "accepted"},
		},
		{
			ID: "fail", Kind: KindVerdict, Title: "the relying party did something else than required",
			What: "The step was judged, and what happened is not what the scenario expects. The report shows both, expected and actual, with the requests and answers.",
			Why:  "A failure is a statement about the relying party. What could not be judged is an error instead, and never counted as a failure.",
			Fix:  "Compare expected and actual, then look at the exchanges of the step. If the relying party is right, change the step's expect.",
			See:  []string{"error", "exit-1"},
		},
		{
			ID: "warn", Kind: KindVerdict, Title: "allowed, but worth a look",
			What: "Nothing that is required is missing, but something that is recommended is. A warning does not change the exit code.",
			See:  []string{"info", "pass"},
		},
		{
			ID: "info", Kind: KindVerdict, Title: "an observation",
			What: "Something that was seen and is worth knowing. Nothing was required, so it is not counted.",
			See:  []string{"warn"},
		},
		{
			ID: "skip", Kind: KindVerdict, Title: "not run",
			What: "The step did not run: its when is false, an earlier step of the scenario did not pass, or the run was interrupted.",
			Why:  "What was skipped is not verified. A run in which everything was skipped ends with exit code 3, so that it cannot turn a build green.",
			Fix:  "Look at the first step that did not pass. on-failure: continue goes on after a failed step, and always: true runs a step in any case.",
			See:  []string{"exit-3", "interrupted"},
		},
	}
}

func outcomes() []Topic {
	return []Topic{
		{
			ID: "accepted", Kind: KindOutcome, Title: "the relying party said yes",
			What: "The operation's answers are what the adapter's accept calls a yes. It is what a step expects unless it says otherwise.",
			Why:  "After an accepted ceremony passrig also asks who is signed in, where the adapter has whoami: a server that says yes and signs in nobody, or somebody else, does not pass.",
			See:  []string{"rejected", "refused", "error"},
		},
		{
			ID: "rejected", Kind: KindOutcome, Title: "the relying party said no",
			What: "The answer is what the adapter's reject calls a no, such as a status of 400 to 499. Nothing else counts as a no: a crash or a proxy's error page is an error.",
			Fix:  "If a no is right, say so in the step: expect: {outcome: rejected}. If it is not, the reason in the answer is in the report.",
			See:  []string{"refused", "unexpected"},
		},
		{
			ID: "refused", Kind: KindOutcome, Title: "the client said no before anything was sent",
			What: "The client or the authenticator did not make a credential, as a browser would not. The report names the DOMException and the reason, which browsers hide from pages.",
			Fix:  "If that is right, say so in the step: expect: {error: InvalidStateError}, or expect: {outcome: refused}. Otherwise passrig explain with the error's name says what brings it about.",
			Spec: "WebAuthn L3 §5.1.3 and §5.1.4, https://www.w3.org/TR/webauthn-3/#sctn-createCredential",
			See:  []string{"NotAllowedError", "InvalidStateError", "SecurityError"},
		},
		{
			ID: "error", Kind: KindOutcome, Title: "could not tell",
			What: "Nothing can be said about the relying party's decision: it could not be reached, did not answer in time, or answered something that is neither the adapter's yes nor its no. The outcome of the operation and the verdict of the step are both called error.",
			Why:  "Failed and could not tell are different things, so they have different verdicts and exit codes (1 and 3). A build that retries should retry on 3 only.",
			Fix:  "The message says what was sent and what came back; the hint below it says what to do.",
			See:  []string{"exit-3", "fail", "unreachable", "timeout", "unexpected"},
		},
	}
}

func exitCodes() []Topic {
	return []Topic{
		{
			ID: "exit-0", Kind: KindExitCode, Title: "everything required passed",
			What: "All steps that ran passed and all thresholds were met. Warnings do not change that, and some steps may have been skipped.",
			See:  []string{"pass", "skip"},
		},
		{
			ID: "exit-1", Kind: KindExitCode, Title: "something failed",
			What: "A step failed or a threshold was crossed. Other steps may have been errors besides: a known failure stays known.",
			See:  []string{"fail", "exit-3"},
		},
		{
			ID: "exit-2", Kind: KindExitCode, Title: "bad flags or a bad file",
			What: "The command line is wrong, or a file has a mistake in it. Nothing was sent.",
			Fix:  "The message names the flag or the place in the file; passrig validate shows all mistakes of a file at once.",
			See:  []string{"exit-3"},
		},
		{
			ID: "exit-3", Kind: KindExitCode, Title: "could not tell",
			What: "The run gave no answer: the relying party could not be reached or answered nonsense, no step was judged at all, or a report could not be written.",
			Why:  "It is not a failure of the relying party, so it does not share the exit code of one.",
			Fix:  "passrig doctor --origin URL checks this machine and the way to the relying party.",
			See:  []string{"error", "exit-1"},
		},
		{
			ID: "exit-130", Kind: KindExitCode, Title: "interrupted",
			What: "Ctrl-C or SIGTERM ended the run. Steps that had not run are skipped, and every report was written and marked as partial. A second Ctrl-C exits at once, without reports.",
			See:  []string{"interrupted"},
		},
	}
}
