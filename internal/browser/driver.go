package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
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

	mu        sync.Mutex
	answer    authenticate
	onRefusal func()
	refusal   error
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
		o.fail(err)
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
	response, err := answer(ctx, rp.Ceremony{Origin: req.Origin, TopOrigin: req.TopOrigin, Options: req.Options, Mediation: req.Mediation})
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil && t.onRefusal != nil {
		t.refusal = err
		t.onRefusal()
	}
	return response, err
}

// serve makes the page's ceremonies go to one operation's client; nil ends that. onRefusal hears that
// the client refused.
func (t *tab) serve(answer authenticate, onRefusal func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.answer, t.onRefusal, t.refusal = answer, onRefusal, nil
}

// refused is what the client refused with, or nil.
func (t *tab) refused() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.refusal
}

// pull takes over the page's cookies into the session.
func (d *Driver) pull(ctx context.Context, t *tab, s *rp.Session) error {
	cookies, err := t.device.Cookies(ctx, d.address.String())
	if err != nil {
		return err
	}
	s.SetCookies(d.address, cookies)
	return nil
}

// push gives the page those of the session's cookies that it does not have, or has with another value.
func (d *Driver) push(ctx context.Context, t *tab, s *rp.Session) error {
	wanted := s.Cookies(d.address)
	if len(wanted) == 0 {
		return nil
	}
	held, err := t.device.Cookies(ctx, d.address.String())
	if err != nil {
		return err
	}
	wanted = slices.DeleteFunc(wanted, func(c *http.Cookie) bool {
		return slices.ContainsFunc(held, func(h *http.Cookie) bool { return h.Name == c.Name && h.Value == c.Value })
	})
	if len(wanted) == 0 {
		return nil
	}
	return t.device.SetCookies(ctx, d.address.String(), wanted)
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
	switch {
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
