package load

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/passrig/passrig/internal/load/pace"
	"github.com/passrig/passrig/report"
)

// newRun is a result without anything in it.
func (l *Load) newRun() *report.Run {
	plan, segment := l.Plan, ""
	if s := l.cfg.Wishes.Segment; s.Of > 0 {
		segment = fmt.Sprintf("%d/%d", s.Index+1, s.Of)
	}
	source := "derived"
	if plan.Users.Import != "" {
		source = "imported"
	}
	l.out = &report.LoadRun{
		Model: modelOf(plan), Connections: plan.Connections, Transport: l.client.Describe(), Signing: l.fleet.Describe(),
		Users: report.LoadUsers{Count: l.fleet.Count(), Source: source}, Segment: segment,
		Phases: []report.LoadPhase{}, Outcomes: []report.LoadOutcome{}, Series: []report.LoadSecond{},
	}
	file := l.cfg.File
	name := file.Name
	if name == "" {
		name = l.target.ID()
	}
	return &report.Run{
		Schema: report.Schema, Tool: l.cfg.Tool, Name: name, Driver: "api", Target: l.Target, Seed: l.Seed, Started: l.begun,
		Scenarios: []report.Scenario{{
			ID: l.target.ID(), Name: name, Description: file.Description, File: file.Path, Tags: file.Tags, Target: l.Target,
		}},
		Checks: []report.Check{}, Steps: []report.Step{}, Metrics: map[string]report.Metric{}, Thresholds: []report.Threshold{}, Load: l.out,
	}
}

// addStep adds a step with what is the same for all of them.
func (l *Load) addStep(s report.Step) {
	s.Scenario = l.target.ID()
	s.ID = fmt.Sprintf("%s/%d", s.Scenario, len(l.run.Steps)+1)
	s.File, s.Line = l.cfg.File.Path, l.cfg.File.Load.Pos.Line
	l.run.Steps = append(l.run.Steps, s)
}

// adopt makes the figures of a measurement those of the load. limited says why they are the generator's, if they are.
func (l *Load) adopt(m *measurement, limited string) error {
	var part report.LoadRun
	if err := m.fill(&part); err != nil {
		return err
	}
	l.out.Counts, l.out.Outcomes, l.out.Generator = part.Counts, part.Outcomes, part.Generator
	maps.Copy(l.run.Metrics, m.ledger.Metrics())
	l.out.Generator.Limited = limited
	l.run.Thresholds = l.thresholds(l.run.Metrics, l.out.Generator.Limited)
	return nil
}

// append puts what happened in a measurement, and when, into the result. counts says whether its figures are the load's.
func (l *Load) append(m *measurement, counts bool) error {
	var part report.LoadRun
	if err := m.fill(&part); err != nil {
		return err
	}
	for i := range part.Phases {
		part.Phases[i].Measured = part.Phases[i].Measured && counts
	}
	l.out.Phases = append(l.out.Phases, part.Phases...)
	l.out.Series = append(l.out.Series, part.Series...)
	return nil
}

// conclude puts a load that was offered once into the result.
func (l *Load) conclude(m *measurement, begin time.Duration) {
	step := report.Step{
		Action: "load", Title: l.title(), Verdict: report.VerdictPass, StartMS: millis(m.zero + begin), DurationMS: millis(m.ended - begin),
	}
	err := l.append(m, true)
	if err == nil {
		err = l.adopt(m, m.tally.Limited(optionsMedian(m.ledger.Metrics())))
	}
	c := l.out.Counts
	switch {
	case err != nil:
		step.Verdict, step.Message = report.VerdictError, err.Error()
	case c.Started == 0:
		step.Verdict, step.Message = report.VerdictSkip, "nothing was measured"
	case c.Finished == 0 && c.Failed > 0:
		step.Verdict, step.Message = report.VerdictError, "no iteration went as expected: "+exampleOf(l.out)
	case c.Finished == 0:
		step.Verdict, step.Message = report.VerdictError, "no iteration ended"
		step.Hint = "is the relying party stuck or overloaded?"
	case l.out.Generator.Limited != "":
		step.Verdict, step.Message = report.VerdictError, l.out.Generator.Limited
		step.Hint = "passrig explain generator-limited says what to do"
	case m.tally.Unplayed() != "":
		step.Verdict, step.Message = report.VerdictError, m.tally.Unplayed()
		step.Hint = "the relying party is asked for more than it ends, and what never began is in no figure; passrig load --find-limit finds what it bears"
	case l.broke() != "":
		step.Verdict, step.Message = report.VerdictError, "ended early: "+l.broke()
	case c.Censored*100 > c.Started && l.stop.reason() == "":
		step.Verdict, step.Message = report.VerdictError, fmt.Sprintf("%d of %d iterations were cut off: how long they take is in no figure", c.Censored, c.Started)
		step.Hint = "does the relying party still answer? To wait longer: load.drain"
	default:
		step.Message = fmt.Sprintf("%d iterations as expected, %d not, %d cut off", c.Finished, c.Failed, c.Censored)
	}
	step.Notes = l.notes(m)
	l.addStep(step)
}

// broke is why the load ended early, unless a person or a threshold ended it; empty when it did not.
func (l *Load) broke() string {
	if why := l.stop.reason(); why != interrupted && l.crossed == "" {
		return why
	}
	return ""
}

// notes are what whoever reads the figures has to know.
func (l *Load) notes(m *measurement) []string {
	var notes []string
	if bound := m.tally.Bound(); bound != "" {
		notes = append(notes, bound)
	}
	if n := l.fleet.Count(); int64(m.tally.MaxWorkers) > n {
		notes = append(notes, fmt.Sprintf("up to %d iterations at a time were by %d users: some did several at once, which a relying party may refuse", m.tally.MaxWorkers, n))
	}
	if s := l.fleet.Pool(); s.Short > 0 {
		notes = append(notes, fmt.Sprintf("%d of %d signatures were made without the pool, which was empty: they cost the generator more", s.Short, s.Taken+s.Short))
	}
	if s := l.client.Stats(); s.Retried > 0 {
		notes = append(notes, fmt.Sprintf("%d requests were sent again, as the relying party had closed the kept connection", s.Retried))
	}
	return notes
}

// title says what was offered.
func (l *Load) title() string {
	if l.Plan.Limit != nil {
		return "search for the limit"
	}
	if c := l.Plan.Closed; c != nil {
		return fmt.Sprintf("load of %d virtual users", c.VUs)
	}
	return "load of up to " + report.FormatRate(highestRate(l.Plan.Stages))
}

// finish completes the result.
func (l *Load) finish(ctx context.Context) *report.Run {
	run := l.run
	why := l.stop.reason()
	if ctx.Err() != nil {
		why = interrupted
	}
	if len(run.Steps) == 0 {
		l.addStep(report.Step{Action: "load", Title: l.title(), Verdict: report.VerdictError, Message: why})
	}
	if why != "" {
		run.Partial, run.Aborted = true, why+": the load ended early"
	}
	l.out.Generator.PeakRSS = peakRSS()
	l.out.Signing = l.fleet.Describe()
	run.DurationMS = millis(l.clock.Now())
	run.Summary = run.Summarize()
	scenario := &run.Scenarios[0]
	scenario.DurationMS, scenario.Verdict = run.DurationMS, run.Verdict()
	l.target.Redact(run)
	return run
}

// thresholds holds the file's limits against metrics, and [report.DefaultLoadThreshold] where they leave failures out: a
// load in which logins fail measures errors. limited says why the times are the generator's, if they are.
func (l *Load) thresholds(metrics map[string]report.Metric, limited string) []report.Threshold {
	run := &report.Run{Metrics: metrics, Load: &report.LoadRun{Generator: report.LoadGenerator{Limited: limited}}}
	var list []report.Threshold
	limits := make(map[string]bool)
	for _, t := range l.cfg.File.Thresholds {
		rule, err := t.Rule()
		result := report.Threshold{Text: t.Text, Verdict: report.VerdictError}
		if err != nil {
			result.Actual = err.Error()
		} else {
			result = rule.Judge(run)
			limits[rule.Metric] = true
		}
		if t.Abort && t.Text == l.crossed && result.Verdict == report.VerdictPass {
			result.Verdict = report.VerdictFail
			result.Hint = "it was crossed while the load was under way, and ended it; this is the value at the end"
		}
		result.Scenario, result.File, result.Line = l.target.ID(), t.Pos.File, t.Pos.Line
		list = append(list, result)
	}
	if limitFailures(limits, metrics) {
		return list
	}
	result := report.Threshold{Text: report.DefaultLoadThreshold, Verdict: report.VerdictError}
	if rule, err := report.ParseThreshold(report.DefaultLoadThreshold); err != nil {
		result.Actual = err.Error()
	} else {
		result = rule.Judge(run)
	}
	result.Scenario = l.target.ID()
	return append(list, result)
}

// limitFailures says whether no failure can go unnoticed: there is a limit on the iterations that failed, or on the
// failures of every operation that was measured. limits are the metrics that have one.
func limitFailures(limits map[string]bool, metrics map[string]report.Metric) bool {
	if limits[report.MetricFailed] {
		return true
	}
	measured := false
	for name, m := range metrics {
		if m.Of == 0 || name == report.MetricFailed || !strings.HasSuffix(name, "."+report.PartFailed) || strings.HasPrefix(name, prepareName+".") {
			continue
		}
		if !limits[name] {
			return false
		}
		measured = true
	}
	return measured
}

// optionsMedian is the median time of the answer to the first request of ceremonies, of the operation that has most.
func optionsMedian(metrics map[string]report.Metric) time.Duration {
	var most report.Metric
	for name, m := range metrics {
		if strings.HasSuffix(name, "."+report.PhaseOptions) && m.Count > most.Count {
			most = m
		}
	}
	return time.Duration(most.P50)
}

// clock is the load's clock.
func (c *Config) clock(zero time.Time) pace.Clock {
	if c.Pace != nil {
		return c.Pace(zero)
	}
	return pace.NewClock(zero)
}
