package load

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
)

// Name is what the load is called.
func (l *Load) Name() string { return cmp.Or(l.cfg.File.Name, l.target.ID()) }

// Gentle says whether the load, whatever is done before it, asks for no more than a rate, in iterations per second.
func (l *Load) Gentle(rate float64) bool {
	return l.Plan.Stages != nil && l.Plan.Prepare == nil && highestRate(l.Plan.Stages) <= rate
}

// Terms are what the figures depend on, in a few words each: model, users, connections, protocol, signatures.
func (l *Load) Terms() []string {
	return []string{l.title(), fmt.Sprintf("%d users", l.fleet.Count()), "connections " + l.Plan.Connections, l.client.Describe(), l.fleet.Describe()}
}

// Describe says line by line what the load would do.
func (l *Load) Describe() []string {
	lines := []string{strings.Join(l.Terms(), ", ")}
	if p := l.Plan.Prepare; p != nil {
		line := fmt.Sprintf("prepare: register, %d at a time", p.VUs)
		if p.State != "" {
			line += ", state in " + p.State
		}
		lines = append(lines, line)
	}
	for i := range l.Plan.Stages {
		lines = append(lines, stageText(&l.Plan.Stages[i]))
	}
	if c := l.Plan.Closed; c != nil {
		lines = append(lines, closedText(c, l.Plan))
	}
	if s := l.Plan.Limit; s != nil {
		lines = append(lines, fmt.Sprintf("search: from %s to %s, each kept for %s, to within %s", report.FormatRate(s.From), report.FormatRate(s.To), s.Hold, report.FormatShare(s.Precision)))
	}
	lines = append(lines, fmt.Sprintf("at most %d iterations at a time, %s for an operation, %s for what is under way at the end", l.Plan.MaxInFlight, l.Plan.Timeout, l.Plan.Drain))
	total := 0
	for _, j := range l.Plan.Journeys {
		total += j.Weight
	}
	for i, j := range l.Plan.Journeys {
		who := "users who are registered"
		if l.program.Newcomer(i) {
			who = "newcomers"
		}
		lines = append(lines, fmt.Sprintf("%s, %s of the iterations, by %s", l.journeyName(i), report.FormatShare(float64(j.Weight)/float64(total)), who))
	}
	lines = append(lines, l.requests()...)
	for _, t := range l.cfg.File.Thresholds {
		lines = append(lines, "threshold "+t.Text)
	}
	return lines
}

func stageText(s *scenarios.LoadStage) string {
	text := fmt.Sprintf("%s: %s for %s", s.Name, report.FormatRate(s.To), s.For)
	if s.From != s.To {
		text = fmt.Sprintf("%s: from %s to %s in %s", s.Name, report.FormatRate(s.From), report.FormatRate(s.To), s.For)
	}
	if !s.Measured {
		text += ", not counted"
	}
	return text
}

func closedText(c *scenarios.ClosedPlan, p *scenarios.LoadPlan) string {
	var until []string
	if c.For > 0 {
		until = append(until, c.For.String())
	}
	if c.Iterations > 0 {
		until = append(until, fmt.Sprintf("%d iterations", c.Iterations))
	}
	text := fmt.Sprintf("hold: %d virtual users for %s", c.VUs, strings.Join(until, " or "))
	if p.WarmUp > 0 {
		text += fmt.Sprintf(", after %s that are not counted", p.WarmUp)
	}
	return text
}

// requests says how every request is made.
func (l *Load) requests() []string {
	lines := []string{"requests"}
	for _, d := range l.program.Describe() {
		how := "template"
		if !d.Template {
			how = "interpreted each time: " + d.Reason
		}
		name := strings.TrimPrefix(d.Journey+"."+d.Operation, ".")
		lines = append(lines, fmt.Sprintf("  %s: %s (%s)", name, d.Request, how))
	}
	return lines
}
