package engine

import (
	"errors"

	"github.com/passrig/passrig/report"
)

// Events are called while a run goes on, from one goroutine. Each may be nil. What they are given
// holds no secret that is known by then.
type Events struct {
	ScenarioStarted func(s report.Scenario, steps int) // as far as the number of steps is known beforehand
	StepStarted     func(title string)
	StepDone        func(step report.Step) // how it ended, without evidence
	Waiting         func(text string)      // a step waits for something that takes its time
}

func (e *engine) scenarioStarted(s report.Scenario, steps int) {
	if e.cfg.Events.ScenarioStarted == nil {
		return
	}
	shown := report.Run{Scenarios: []report.Scenario{s}}
	e.redactor.Apply(&shown)
	e.cfg.Events.ScenarioStarted(shown.Scenarios[0], steps)
}

func (e *engine) stepStarted(title string) {
	if e.cfg.Events.StepStarted != nil {
		e.cfg.Events.StepStarted(e.redactor.Text(title))
	}
}

// record adds a step to the result, and tells of it. Every step that is told to start is recorded.
func (e *engine) record(step report.Step) {
	e.redactor.AddHeaders(step.Exchanges)
	e.out.Steps = append(e.out.Steps, step)
	if e.cfg.Events.StepDone == nil {
		return
	}
	e.cfg.Events.StepDone(report.Step{
		ID: step.ID, Scenario: step.Scenario, Action: step.Action, Title: e.redactor.Text(step.Title), Verdict: step.Verdict,
		Message: e.redactor.Text(step.Message), Outcome: step.Outcome, StartMS: step.StartMS, DurationMS: step.DurationMS,
	})
}

// redacted is the error without secrets. One that told some has no cause: that would tell them still.
func (e *engine) redacted(err error) error {
	if text := e.redactor.Text(err.Error()); text != err.Error() {
		return errors.New(text)
	}
	return err
}
