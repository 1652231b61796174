package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/cdp"
)

// pageBeat is how long a page has until it is looked at again.
const pageBeat = 50 * time.Millisecond

// refusalGrace is how long a page has to show its no after the client refused.
const refusalGrace = 500 * time.Millisecond

// errRefused ends the wait for a page's verdict after the client refused.
var errRefused = errors.New("the client refused")

// operation is one operation on a page under way.
type operation struct {
	hand
	name string
	kind string // of its ceremony; empty: any that the page begins
	spec *scenarios.PageSpec
	in   rp.Input
}

func (o *operation) perform(ctx context.Context) error {
	var err error
	if o.tab, err = o.driver.tab(ctx, o.session); err != nil {
		return err
	}
	if o.env, err = o.driver.party.Env(o.name, o.session, o.in); err != nil {
		return err
	}
	o.save = o.session.Save
	o.tab.serve(o.kind, o.in.Authenticate)
	defer o.tab.serve("", nil)
	if err := o.gather(ctx); err != nil {
		return err
	}
	o.ceremonies = nil // what the page asked before
	if o.in.Listen {
		hush, err := o.tab.device.Page().Listen(ctx)
		if err != nil {
			return err
		}
		defer func() { o.heard(hush()) }()
	}
	if err := o.do(ctx, o.spec.Steps); err != nil {
		return err
	}
	if err := o.verdict(ctx); err != nil {
		return err
	}
	if err := o.identify(ctx); err != nil {
		return err
	}
	o.took(o.driver.clock())
	if err := o.driver.pull(ctx, o.tab, o.session); err != nil {
		return err
	}
	if err := o.gather(ctx); err != nil {
		return err
	}
	o.tell()
	o.measure()
	return nil
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
	shown, waitErr := o.awaitAny(ctx, selectors)
	refusal := o.refused(ctx, waitErr == nil && shown == 0)
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

// identify reads who is signed in, as far as the page says.
func (o *operation) identify(ctx context.Context) error {
	if o.name != scenarios.OpWhoami || o.result.Outcome != rp.OutcomeAccepted {
		return nil
	}
	if o.spec.User.IsZero() {
		o.result.Somebody = true
		return nil
	}
	text, err := o.spec.User.String(o.env)
	if err != nil {
		return err
	}
	selector, err := locate(text)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	for {
		if o.result.User, err = shownBy(ctx, o.tab.device.Page(), selector); err != nil || o.result.User != "" {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: what is to name the user stayed empty", o.spec.User.Pos())
		case <-time.After(pageBeat): // a page may show the place before it knows the name
		}
	}
}

// refused is what the client refused with, or nil. A page that shows its yes was not refused.
func (o *operation) refused(ctx context.Context, yes bool) error {
	if yes {
		return nil
	}
	looking, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTimeout)
	defer cancel()
	if o.gather(looking) != nil || o.gaveUp() {
		return nil // what was waited for in vain tells more
	}
	return o.refusal(o.kind)
}

// gaveUp says whether the page ended its last ceremony itself, which is nobody's refusal.
func (o *operation) gaveUp() bool {
	last := o.last(o.kind)
	return last != nil && last.ErrorName == string(virtual.AbortError)
}

// awaitAny waits until one of the selectors finds something. It gives up early when the client refused and
// the page shows nothing of it.
func (o *operation) awaitAny(ctx context.Context, selectors []string) (int, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		o.watch(ctx, func() { cancel(errRefused) })
	}()
	shown, err := o.tab.device.Page().WaitAny(ctx, selectors...)
	cancel(nil)
	<-watched
	return shown, err
}

// watch calls giveUp when a refusal has been the last word for a while. The page may try again after one.
func (o *operation) watch(ctx context.Context, giveUp func()) {
	refusedBefore := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(refusalGrace):
		}
		if o.gather(ctx) != nil {
			return
		}
		refused := o.refusal(o.kind) != nil && !o.gaveUp()
		if refused && refusedBefore {
			giveUp()
			return
		}
		refusedBefore = refused
	}
}

// textOf is what the first element that the selector finds says, if it can be read.
func textOf(ctx context.Context, page *cdp.Page, selector string) string {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	text, _ := shownBy(ctx, page, selector)
	return text
}

// shownBy waits for an element and returns its text.
func shownBy(ctx context.Context, page *cdp.Page, selector string) (text string, err error) {
	value, err := page.Do(ctx, cdp.Step{Action: cdp.ActionExpectText, Selector: selector, First: true})
	if err != nil {
		return "", err
	}
	err = json.Unmarshal(value, &text)
	return strings.Join(strings.Fields(text), " "), err
}

// note keeps what the ceremony was about.
func (o *operation) note() {
	if last := o.last(o.kind); last != nil {
		o.result.Options, o.result.Response = last.Options, last.Response
	}
}

// heard writes what the page's scripts were answered.
func (o *operation) heard(answers []cdp.Answer) {
	for _, a := range answers {
		o.result.Answers = append(o.result.Answers, rp.PageAnswer{URL: a.URL, Body: a.Body})
	}
}

// took writes the phase that a person waits through.
func (o *operation) took(end time.Time) {
	o.result.Phases = append(o.result.Phases, o.phase(report.PhaseTotal, o.acted, end))
}

func (o *operation) phase(name string, from, to time.Time) report.Phase {
	return report.Phase{Name: name, StartMS: millis(from.Sub(o.in.Began)), DurationMS: millis(to.Sub(from))}
}

// measure takes the ceremony's phases from the page's own clock.
func (o *operation) measure() {
	last := o.last(o.kind)
	if last == nil {
		return // a sign-up, say
	}
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

// kindOf is the ceremony that an operation is about.
func kindOf(operation string) string {
	switch operation {
	case scenarios.OpRegister:
		return rp.KindCreate
	case scenarios.OpLogin, scenarios.OpLoginDiscoverable:
		return rp.KindGet
	case scenarios.OpWhoami:
		return noCeremony
	}
	return ""
}

// noCeremony is the kind of no ceremony: whatever the page begins has nothing to do with the operation.
const noCeremony = "none"
