package browser

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/passrig/passrig/internal/engine"
	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual/cdp"
)

// Driver drives the pages of one relying party. Sessions can be driven at the same time, each from one goroutine.
type Driver struct {
	chrome  *cdp.Browser
	party   *rp.Party
	address *url.URL // where pages are
	clock   func() time.Time
	trace   func(cdp.Trace)
	counts  counts

	mu        sync.Mutex // for what is below
	tabs      map[*rp.Session]*tab
	visits    map[*rp.Session]engine.Visit
	behaviors map[engine.Device]engine.Behavior
}

var _ engine.PageDriver = (*Driver)(nil)

// Drive makes drivers on one Chrome. A relying party's pages are at its base URL. trace, which may be
// nil, hears of every page step; that makes ceremonies slower.
func Drive(chrome *cdp.Browser, clock func() time.Time, trace func(cdp.Trace)) func(*rp.Party) (engine.Driver, error) {
	return func(party *rp.Party) (engine.Driver, error) {
		address, err := url.Parse(party.BaseURL())
		if err != nil {
			return nil, err
		}
		return &Driver{
			chrome: chrome, party: party, address: address, clock: clock, trace: trace,
			tabs: make(map[*rp.Session]*tab), visits: make(map[*rp.Session]engine.Visit), behaviors: make(map[engine.Device]engine.Behavior),
		}, nil
	}
}

// Enter implements [engine.PageDriver].
func (d *Driver) Enter(s *rp.Session, v engine.Visit) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.visits[s] = v
}

// Behave implements [engine.PageDriver].
func (d *Driver) Behave(ctx context.Context, device engine.Device, b engine.Behavior) error {
	d.mu.Lock()
	d.behaviors[device] = b
	tabs := slices.Collect(maps.Values(d.tabs))
	d.mu.Unlock()
	for _, t := range tabs {
		if t.answers() == device {
			if err := t.behave(ctx, b); err != nil {
				return err
			}
		}
	}
	return nil
}

// Do performs an operation on the page, or over the API in the page's session if the adapter has no
// page steps for it.
func (d *Driver) Do(ctx context.Context, name string, s *rp.Session, in rp.Input) *rp.Result {
	page := d.party.Adapter().Operations[name].Page
	if page == nil {
		return d.overAPI(ctx, name, s, in)
	}
	o := &operation{hand: d.newHand(s, name), name: name, kind: kindOf(name), spec: page, in: in}
	if o.in.Began.IsZero() {
		o.in.Began = o.began
	}
	if err := o.perform(ctx); err != nil {
		o.fail(ctx, err)
	}
	o.note()
	return o.result
}

// Page implements [engine.PageDriver].
func (d *Driver) Page(ctx context.Context, s *rp.Session, steps []scenarios.PageStep, env scenarios.Env) *rp.Result {
	p := &pageSteps{hand: d.newHand(s, "page"), steps: steps}
	if err := p.perform(ctx, env); err != nil {
		p.fail(ctx, err)
	}
	return p.result
}

// Release closes the session's page.
func (d *Driver) Release(s *rp.Session) {
	d.mu.Lock()
	t := d.tabs[s]
	delete(d.visits, s)
	delete(d.tabs, s)
	d.mu.Unlock()
	if t != nil {
		t.close()
	}
}

func (d *Driver) overAPI(ctx context.Context, operation string, s *rp.Session, in rp.Input) *rp.Result {
	t, _, _ := d.seat(s)
	if t != nil {
		if err := d.pull(ctx, t, s); err != nil {
			return broken(operation, err)
		}
	}
	r := d.party.Do(ctx, operation, s, in)
	if t != nil {
		if err := d.push(ctx, t, s); err != nil {
			return broken(operation, err)
		}
	}
	return r
}

func broken(operation string, err error) *rp.Result {
	fault := browserFault(err)
	return &rp.Result{Operation: operation, Outcome: rp.OutcomeError, Fault: fault, Reason: fault.Sentence}
}

// browserFault says in a sentence what went wrong between passrig and Chrome or the page.
func browserFault(err error) *rp.Fault {
	f := &rp.Fault{Kind: rp.FaultPage, Sentence: err.Error(), Err: err}
	if hinted, ok := errors.AsType[interface {
		error
		Hint() string
	}](err); ok {
		f.Hint = hinted.Hint()
	}
	step, onStep := errors.AsType[*cdp.StepError](err)
	switch {
	case onStep && step.Step.Action == cdp.ActionGoto && errors.Is(err, context.DeadlineExceeded):
		f.Kind, f.Sentence = rp.FaultTimeout, fmt.Sprintf("the page %s did not load in time", step.Step.Value)
		f.Hint = "is the relying party stuck or overloaded? A longer limit: timeout: on the adapter's page step"
	case errors.Is(err, context.Canceled):
		f.Kind, f.Sentence = rp.FaultInterrupted, "the page's operation was interrupted"
	case errors.Is(err, cdp.ErrBrowserGone):
		f.Kind, f.Sentence = rp.FaultBrowser, fmt.Sprintf("Chrome ended while it was used: %v", err)
	}
	if navigation, ok := errors.AsType[*cdp.NavigationError](err); ok {
		f.Kind, f.Sentence = rp.FaultUnreachable, "the page could not be opened: "+navigation.Error()
		f.Hint = rp.HintNobodyThere
	}
	return f
}
