package browser

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual/cdp"
)

const (
	// stepTimeout is how long a page step waits for its element when it does not say.
	stepTimeout = 5 * time.Second
	// refusalGrace is how long a page has to show its no after the client refused.
	refusalGrace = 500 * time.Millisecond
)

// errRefused ends the wait for a page's verdict after the client refused.
var errRefused = errors.New("the client refused")

// operation is one operation on a page under way.
type operation struct {
	driver  *Driver
	name    string
	spec    *scenarios.PageSpec
	session *rp.Session
	in      rp.Input
	tab     *tab
	env     scenarios.Env
	began   time.Time
	acted   time.Time // when the last step began: from there on a person waits
	result  *rp.Result
}

func (o *operation) perform(ctx context.Context) error {
	var err error
	if o.tab, err = o.driver.tab(ctx, o.session); err != nil {
		return err
	}
	if o.env, err = o.driver.party.Env(o.name, o.session, o.in); err != nil {
		return err
	}
	waiting, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	o.tab.serve(o.in.Authenticate, func() { cancel(errRefused) })
	defer o.tab.serve(nil, nil)
	for i := range o.spec.Steps {
		if s := &o.spec.Steps[i]; ctx.Err() == nil {
			if err := o.step(ctx, s); err != nil {
				return fmt.Errorf("%s: %w", s.Pos, err)
			}
		}
	}
	if err := o.verdict(waiting); err != nil {
		return err
	}
	o.took(o.driver.clock())
	if err := o.driver.pull(ctx, o.tab, o.session); err != nil {
		return err
	}
	return o.measure(ctx)
}

// verdict waits until the page shows a yes or a no.
func (o *operation) verdict(ctx context.Context) error {
	accept, err := o.spec.Accept.String(o.env)
	if err != nil {
		return err
	}
	reject, err := o.spec.Reject.String(o.env)
	if err != nil {
		return err
	}
	var selectors []string
	for _, shown := range []string{accept, reject} {
		if shown == "" {
			continue
		}
		selector, err := locate(shown)
		if err != nil {
			return err
		}
		selectors = append(selectors, selector)
	}
	page := o.tab.device.Page()
	shown, waitErr := page.WaitAny(ctx, selectors...)
	refusal := o.tab.refused()
	switch {
	case refusal != nil && (waitErr != nil || shown > 0):
		o.result.Outcome, o.result.ClientErr, o.result.Reason = rp.OutcomeRefused, refusal, refusal.Error()
	case waitErr != nil:
		return waitErr
	case shown > 0:
		o.result.Outcome, o.result.Reason = rp.OutcomeRejected, "the page shows "+reject
		if text := textOf(ctx, page, selectors[1]); text != "" {
			o.result.Reason = fmt.Sprintf("the page says %q", text)
		}
	default:
		o.result.Reason = "the page shows " + accept
	}
	return nil
}

// textOf is what the first element that the selector finds says.
func textOf(ctx context.Context, page *cdp.Page, selector string) string {
	var text string
	value, err := page.Do(ctx, cdp.Step{Action: cdp.ActionExpectText, Selector: selector, First: true})
	if err != nil || json.Unmarshal(value, &text) != nil {
		return ""
	}
	return text
}

// step does one page step.
func (o *operation) step(ctx context.Context, s *scenarios.PageStep) error {
	if s.When != nil {
		yes, err := s.When.Bool(o.env)
		if err != nil || !yes {
			return err
		}
	}
	limit := stepTimeout
	if !s.Timeout.IsZero() {
		var err error
		if limit, err = s.Timeout.Value(o.env); err != nil {
			return err
		}
	}
	action, err := o.action(s)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	o.acted = o.driver.clock()
	value, err := o.tab.device.Page().Do(ctx, action)
	if err != nil {
		return err
	}
	if s.Evaluate != nil && s.Evaluate.Save != "" {
		var v any
		if err := json.Unmarshal(value, &v); err != nil {
			return fmt.Errorf("evaluate gave no JSON: %w", err)
		}
		o.session.Save(s.Evaluate.Save, v)
	}
	return nil
}

// action translates a step of the adapter into one of the page.
func (o *operation) action(s *scenarios.PageStep) (cdp.Step, error) {
	var selector, value scenarios.Text
	a := cdp.Step{Action: s.Action(), First: true}
	switch a.Action {
	case cdp.ActionGoto:
		value = s.Goto
	case cdp.ActionFill:
		selector, value = s.Fill.Field, s.Fill.With
	case cdp.ActionClick:
		selector = s.Click
	case cdp.ActionPress:
		value = s.Press
	case cdp.ActionSelect:
		selector, value = s.Select.Field, s.Select.Option
	case cdp.ActionWait:
		selector = s.WaitFor
	case cdp.ActionExpectText:
		selector, value = s.ExpectText.In, s.ExpectText.Text
	case cdp.ActionEvaluate:
		value = s.Evaluate.Script
	}
	var err error
	if a.Selector, err = selector.String(o.env); err != nil {
		return a, err
	}
	if a.Value, err = value.String(o.env); err != nil {
		return a, err
	}
	if a.Selector != "" {
		if a.Selector, err = locate(a.Selector); err != nil {
			return a, err
		}
	}
	switch a.Action {
	case cdp.ActionGoto:
		if !strings.Contains(a.Value, "://") {
			a.Value = strings.TrimSuffix(o.driver.address.String(), "/") + "/" + strings.TrimPrefix(a.Value, "/")
		}
	case cdp.ActionEvaluate:
		a.Value = "(async () => {" + a.Value + "\n})()"
	}
	frame, err := s.Frame.String(o.env)
	if err == nil && frame != "" && a.Selector != "" {
		a.Selector = "frame=" + frame + " >> " + a.Selector
	}
	return a, err
}

// took writes the phase that a person waits through.
func (o *operation) took(end time.Time) {
	o.result.Phases = append(o.result.Phases, o.phase(report.PhaseTotal, o.acted, end))
}

func (o *operation) phase(name string, from, to time.Time) report.Phase {
	return report.Phase{Name: name, StartMS: millis(from.Sub(o.in.Began)), DurationMS: millis(to.Sub(from))}
}

// measure takes the ceremony's phases from the page's own clock.
func (o *operation) measure(ctx context.Context) error {
	ceremonies, err := o.tab.device.Page().Ceremonies(ctx)
	if err != nil {
		return err
	}
	var last *cdp.Ceremony
	for i := range ceremonies {
		if !ceremonies[i].Start.Before(o.began) {
			last = &ceremonies[i]
		}
	}
	if last == nil {
		return nil // a sign-up, say
	}
	o.result.Options = last.Options
	total := o.result.Phases[len(o.result.Phases)-1]
	o.result.Phases = nil
	inside := 0.0
	for _, part := range []struct {
		name     string
		request  *cdp.Request
		from, to time.Time
	}{
		{report.PhaseOptions, last.OptionsRequest, time.Time{}, time.Time{}},
		{report.PhaseClient, nil, last.Start, last.End},
		{report.PhaseResult, last.ResultRequest, time.Time{}, time.Time{}},
	} {
		if part.name != report.PhaseClient {
			if part.request == nil || part.request.Start.Before(o.began) {
				continue
			}
			part.from, part.to = part.request.Start, part.request.End
			o.result.Exchanges = append(o.result.Exchanges, o.exchange(part.name, part.request))
			o.result.Status = part.request.Status
		}
		p := o.phase(part.name, part.from, part.to)
		inside += p.DurationMS
		o.result.Phases = append(o.result.Phases, p)
	}
	page := report.Phase{Name: report.PhasePage, StartMS: total.StartMS, DurationMS: max(0, total.DurationMS-inside)}
	o.result.Phases = append(o.result.Phases, page, total)
	return nil
}

// exchange is a request of the page as far as the page can see it.
func (o *operation) exchange(purpose string, r *cdp.Request) report.Exchange {
	timing := report.Timing{TotalMS: millis(r.End.Sub(r.Start))}
	if !r.First.IsZero() && !r.Sent.IsZero() {
		timing.TTFBMS = millis(r.First.Sub(r.Sent))
	}
	return report.Exchange{
		Purpose: purpose, Phase: purpose, StartMS: millis(r.Start.Sub(o.in.Began)), Timing: timing,
		Request: report.Request{Method: r.Kind, URL: r.URL}, Response: &report.Response{Status: r.Status},
	}
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// fail writes what went wrong, with what the page showed.
func (o *operation) fail(ctx context.Context, err error) {
	fault := browserFault(err)
	o.result.Outcome, o.result.Fault, o.result.Reason = rp.OutcomeError, fault, fault.Sentence
	step, ok := errors.AsType[*cdp.StepError](err)
	if !ok {
		return
	}
	// What the page was given meanwhile must not show in what it showed.
	learning, cancel := context.WithTimeout(context.WithoutCancel(ctx), refusalGrace)
	defer cancel()
	_ = o.driver.pull(learning, o.tab, o.session) // a browser that is gone has no cookies
	e := step.Evidence
	o.result.Page = &report.PageEvidence{URL: e.URL, DOM: e.DOM, Screenshot: base64.StdEncoding.EncodeToString(e.Screenshot)}
	for _, l := range e.Log {
		o.result.Page.Log = append(o.result.Page.Log, strings.TrimSpace(l.Kind+" "+l.Level)+": "+l.Text)
	}
}
