package study

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/passrig/passrig/report"
)

// result is the run that a study comes to: one without driver and target. Nothing in it says when or how fast it was
// played.
func (cfg *Config) result(t *tally) (*report.Run, error) {
	metrics, err := t.metrics()
	if err != nil {
		return nil, err
	}
	plan := cfg.Plan
	run := &report.Run{
		Schema: report.Schema, Tool: cfg.Tool, Name: plan.Scenario.Name, Seed: cfg.Seed,
		Started: begin(), DurationMS: millis(plan.For), Scenarios: []report.Scenario{plan.Scenario}, Checks: []report.Check{},
		Metrics: metrics, Thresholds: []report.Threshold{},
		Fabric: &report.Fabric{Accounts: plan.accounts(), Study: plan.describe(t)},
	}
	if t.accounts < plan.Accounts {
		run.Partial = true
		run.Aborted = fmt.Sprintf("interrupted: %d of %d accounts were played", t.accounts, plan.Accounts)
	}
	for _, step := range plan.steps(t) {
		step.Scenario, step.File = plan.Scenario.ID, plan.Scenario.File
		step.ID = fmt.Sprintf("%s/%d", step.Scenario, len(run.Steps)+1)
		run.Steps = append(run.Steps, step)
	}
	for _, limit := range plan.Thresholds {
		threshold := limit.Rule.Evaluate(metrics)
		threshold.Scenario, threshold.File, threshold.Line = plan.Scenario.ID, limit.File, limit.Line
		run.Thresholds = append(run.Thresholds, threshold)
	}
	run.Summary = run.Summarize()
	scenario := &run.Scenarios[0]
	scenario.DurationMS, scenario.Verdict = run.DurationMS, run.Verdict()
	return run, nil
}

// steps are what was done and what was verified of it.
func (p *Plan) steps(t *tally) []report.Step {
	played := report.Step{
		Action: "simulate", Title: p.Title(), Verdict: report.VerdictPass, DurationMS: millis(p.For),
		Message: fmt.Sprintf("%d accounts, %d events", t.accounts, t.events()), Notes: []string{p.Terms()},
	}
	if t.accounts == 0 {
		played.Verdict, played.Message = report.VerdictSkip, "no account was played"
		return []report.Step{played}
	}
	if t.accounts < p.Accounts {
		played.Verdict = report.VerdictSkip
		played.Message = fmt.Sprintf("interrupted: %d of %d accounts were played, %d events", t.accounts, p.Accounts, t.events())
	}
	steps := []report.Step{played}
	for fault, title := range [faults]string{
		diverged: "at the end every device has what the cloud has", lost: "no acknowledged passkey was lost", overtried: "no more tries to unlock than allowed",
	} {
		s := report.Step{Action: "verify", Title: title, Verdict: report.VerdictPass}
		if f := &t.faults[fault]; f.accounts > 0 {
			s.Verdict = report.VerdictFail
			s.Message = fmt.Sprintf("not so in %d of %d accounts, first in account %d: %s", f.accounts, t.accounts, f.first, f.text)
		}
		steps = append(steps, s)
	}
	return steps
}

// Title says what is played in a few words.
func (p *Plan) Title() string {
	return fmt.Sprintf("simulate %d %s with %d %s each", p.Accounts, plural("account", p.Accounts), p.Devices, plural("device", int64(p.Devices)))
}

func plural(noun string, n int64) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}

// Terms say in one line under which terms the study is played.
func (p *Plan) Terms() string {
	var mix []string
	for k, weight := range p.Mix {
		if weight > 0 {
			mix = append(mix, fmt.Sprintf("%s %d", Kind(k), weight))
		}
	}
	return fmt.Sprintf("%d events in %s (%s), delay %s, loss %s, duplicates %s, wrong PINs %s, offline %s", p.Events, short(p.For), strings.Join(mix, ", "),
		p.Delay, report.FormatShare(p.Loss), report.FormatShare(p.Duplicates), report.FormatShare(p.PINErrors), report.FormatShare(p.Offline))
}

// short writes a round duration without the zeros behind it: "24h".
func short(d time.Duration) string {
	text := d.String()
	for _, zeros := range []string{"0s", "0m"} {
		if rest, ok := strings.CutSuffix(text, zeros); ok && rest != "" && !strings.ContainsAny(rest[len(rest)-1:], "0123456789.") {
			text = rest
		}
	}
	return text
}

// describe is the study for the result.
func (p *Plan) describe(t *tally) *report.Study {
	var providers []string
	for _, o := range p.Owners {
		providers = append(providers, o.Provider.ID())
	}
	s := &report.Study{
		Accounts: t.accounts, Devices: p.Devices, EventsEach: p.Events, Events: t.events(), VirtualMS: millis(p.For),
		Provider: strings.Join(slices.Compact(slices.Sorted(slices.Values(providers))), ", "), Delay: p.Delay.String(), Loss: p.Loss, Duplicates: p.Duplicates,
		Kinds: []report.StudyCount{},
	}
	for k, n := range t.kinds {
		if n.done > 0 {
			s.Kinds = append(s.Kinds, report.StudyCount{Kind: Kind(k).String(), Count: n.done, Failed: n.failed})
		}
	}
	return s
}

// accounts are the file's accounts, with what their provider lets their devices do.
func (p *Plan) accounts() []report.FabricAccount {
	accounts := []report.FabricAccount{}
	for _, o := range p.Owners {
		account := report.FabricAccount{
			Scenario: p.Scenario.ID, Account: o.Name, Provider: o.Provider.ID(), Title: o.Provider.Title, Type: o.Type,
			Devices: []report.FabricDevice{}, Events: []report.FabricEvent{},
		}
		for _, m := range o.Devices {
			account.Devices = append(account.Devices, report.FabricDevice{
				Name: m.Name, OS: m.OS, Client: m.Client, Verification: m.Verification,
				Save: report.Eligibility(m.Save), Use: report.Eligibility(m.Use),
			})
		}
		accounts = append(accounts, account)
	}
	return accounts
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
