package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/passrig/passrig/internal/engine"
	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/cdp"
)

// Driver drives the pages of one relying party. Like sessions, it is used from one goroutine.
type Driver struct {
	chrome  *cdp.Browser
	party   *rp.Party
	address *url.URL // where pages are
	clock   func() time.Time
	trace   func(cdp.Trace)
	tabs    map[*rp.Session]*tab
}

// Drive makes drivers on one Chrome. A relying party's pages are at its base URL. trace, which may be
// nil, hears of every page step; that makes ceremonies slower.
func Drive(chrome *cdp.Browser, clock func() time.Time, trace func(cdp.Trace)) func(*rp.Party) (engine.Driver, error) {
	return func(party *rp.Party) (engine.Driver, error) {
		address, err := url.Parse(party.BaseURL())
		if err != nil {
			return nil, err
		}
		return &Driver{chrome: chrome, party: party, address: address, clock: clock, trace: trace, tabs: make(map[*rp.Session]*tab)}, nil
	}
}

// tab is the page of one session. While an operation goes on, what the page asks of its client goes to
// that operation's device.
type tab struct {
	device *cdp.Device

	mu       sync.Mutex
	answer   authenticate
	giveUp   func()
	patience *time.Timer
	refusal  error
}

type authenticate = func(context.Context, rp.Ceremony) (json.RawMessage, error)

// Do performs an operation on the page, or over the API in the page's session if the adapter has no
// page steps for it.
func (d *Driver) Do(ctx context.Context, name string, s *rp.Session, in rp.Input) *rp.Result {
	page := d.party.Adapter().Operations[name].Page
	if page == nil {
		return d.overAPI(ctx, name, s, in)
	}
	o := &operation{driver: d, name: name, spec: page, session: s, in: in, began: d.clock()}
	if o.in.Began.IsZero() {
		o.in.Began = o.began
	}
	o.result = &rp.Result{Operation: name, Outcome: rp.OutcomeAccepted}
	if err := o.perform(ctx); err != nil {
		o.fail(ctx, err)
	}
	return o.result
}

// Release closes the session's page.
func (d *Driver) Release(s *rp.Session) {
	t, ok := d.tabs[s]
	if !ok {
		return
	}
	delete(d.tabs, s)
	_ = t.device.Close() // a browser that is gone has no pages
}

func (d *Driver) overAPI(ctx context.Context, operation string, s *rp.Session, in rp.Input) *rp.Result {
	t := d.tabs[s]
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

// tab is the session's page, opened if there is none, with the session's cookies.
func (d *Driver) tab(ctx context.Context, s *rp.Session) (*tab, error) {
	t, ok := d.tabs[s]
	if !ok {
		t = &tab{}
		// A session's page may be asked by any device of the scenario, so ceremonies go to the operation's own.
		// This one only stands in for them where the page speaks of stored passkeys (the Signal API).
		software, err := virtual.NewSoftwareDevice(virtual.Config{})
		if err != nil {
			return nil, err
		}
		device, err := d.chrome.NewDevice(ctx, cdp.DeviceConfig{Software: software, Answer: t.ask, Platform: true, IgnoreAutofill: true, Trace: d.trace})
		if err != nil {
			return nil, err
		}
		t.device = device
		d.tabs[s] = t
	}
	return t, d.push(ctx, t, s)
}

// ask answers a ceremony of the page. It is called from the browser's goroutines.
func (t *tab) ask(ctx context.Context, _ string, req virtual.GetRequest) (json.RawMessage, error) {
	t.mu.Lock()
	answer := t.answer
	t.mu.Unlock()
	if answer == nil {
		return nil, &virtual.Error{Name: virtual.NotAllowedError, Message: "no step of the scenario goes on that would need a ceremony"}
	}
	t.settle(nil) // a page may try again after a refusal
	response, err := answer(ctx, rp.Ceremony{Origin: req.Origin, TopOrigin: req.TopOrigin, Options: req.Options, Mediation: req.Mediation})
	t.settle(err)
	return response, err
}

// settle notes how the last ceremony ended. After a refusal the page has a while to show its no, or to
// begin another ceremony.
func (t *tab) settle(refusal error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refusal = refusal
	if t.patience != nil {
		t.patience.Stop()
		t.patience = nil
	}
	if refusal != nil && t.giveUp != nil {
		t.patience = time.AfterFunc(refusalGrace, t.giveUp)
	}
}

// serve makes the page's ceremonies go to one operation's client; nil ends that. giveUp is called when
// the client refused and the page shows nothing of it.
func (t *tab) serve(answer authenticate, giveUp func()) {
	t.settle(nil)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.answer, t.giveUp = answer, giveUp
}

// refused is what the client refused with, or nil.
func (t *tab) refused() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.refusal
}

// pull makes the session have the page's cookies.
func (d *Driver) pull(ctx context.Context, t *tab, s *rp.Session) error {
	held, err := t.device.Jar(ctx)
	if err != nil {
		return err
	}
	cookies := make([]rp.HostCookie, len(held))
	for i, c := range held {
		cookies[i] = rp.HostCookie{Host: c.Host, Cookie: c.Cookie}
	}
	s.ReplaceCookies(cookies)
	return nil
}

// push does to the page's cookies what answers outside the page did to the session's.
func (d *Driver) push(ctx context.Context, t *tab, s *rp.Session) error {
	for _, c := range s.Received() {
		if err := t.device.SetCookies(ctx, c.URL.String(), []*http.Cookie{lasting(c, d.clock())}); err != nil {
			return err
		}
	}
	return nil
}

// lasting is the cookie with its lifetime as a date and its path written out (RFC 6265 §5.1.4, §5.2.2).
func lasting(set rp.SetCookie, now time.Time) *http.Cookie {
	c := *set.Cookie //nolint:gosec // as the relying party set it
	switch {
	case c.MaxAge < 0:
		c.Expires = time.Unix(1, 0)
	case c.MaxAge > 0:
		c.Expires = now.Add(time.Duration(c.MaxAge) * time.Second)
	}
	if !strings.HasPrefix(c.Path, "/") {
		c.Path = "/"
		if i := strings.LastIndex(set.URL.Path, "/"); i > 0 {
			c.Path = set.URL.Path[:i]
		}
	}
	return &c
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
		f.Hint = "start the relying party, or name the right address with --origin or target.base-url"
	}
	return f
}
