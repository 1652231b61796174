package browser

import (
	"context"
	"errors"
	"maps"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual/cdp"
)

// pageSteps are page steps of a scenario itself under way.
type pageSteps struct {
	hand
	steps []scenarios.PageStep
}

func (p *pageSteps) perform(ctx context.Context, env scenarios.Env) error {
	var err error
	if p.tab, err = p.driver.tab(ctx, p.session); err != nil {
		return err
	}
	p.see(env)
	if err := p.do(ctx, p.steps); err != nil {
		if !unseen(err) {
			return err
		}
		p.result.Outcome, p.result.Reason = rp.OutcomeRejected, err.Error()
		p.witness(ctx, err)
		return nil
	}
	if err := p.driver.pull(ctx, p.tab, p.session); err != nil {
		return err
	}
	if err := p.gather(ctx); err != nil {
		return err
	}
	p.tell()
	p.result.Reason = "the page steps were done"
	if refusal := p.refusal(""); refusal != nil {
		p.result.Outcome, p.result.ClientErr, p.result.Reason = rp.OutcomeRefused, refusal, refusal.Error()
	}
	return nil
}

// see makes what a step saves visible to the steps after it.
func (p *pageSteps) see(env scenarios.Env) {
	vars := make(map[string]any)
	if known, ok := env["vars"].(map[string]any); ok {
		maps.Copy(vars, known)
	}
	p.env = maps.Clone(env)
	p.env["vars"] = vars
	p.result.Saved = make(map[string]any)
	p.save = func(name string, value any) { vars[name], p.result.Saved[name] = value, value }
}

// unseen says whether a step waited in vain for what the page was to show.
func unseen(err error) bool {
	step, ok := errors.AsType[*cdp.StepError](err)
	return ok && errors.Is(err, context.DeadlineExceeded) && (step.Step.Action == cdp.ActionWait || step.Step.Action == cdp.ActionExpectText)
}
