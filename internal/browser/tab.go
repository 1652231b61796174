package browser

import (
	"context"
	"encoding/json"
	"errors"
	"sync"

	"github.com/passrig/passrig/internal/engine"
	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/cdp"
)

// tab is the page of one session. What it asks of its client goes to an operation's client while one goes
// on, else to the device that answers.
type tab struct {
	device   *cdp.Device
	native   *chromeDevice // whose authenticators the page has; nil: none of Chrome's
	behavior engine.Behavior

	mu     sync.Mutex
	visit  engine.Visit
	kind   string // of the operation's ceremony
	answer authenticate
}

type authenticate = func(context.Context, rp.Ceremony) (json.RawMessage, error)

// tab is the session's page, opened if there is none, with the session's cookies and the authenticators of
// the device that is asked there.
func (d *Driver) tab(ctx context.Context, s *rp.Session) (*tab, error) {
	t, visit, behavior := d.seat(s)
	asked := answering(visit)
	native, _ := asked.(*chromeDevice)
	var err error
	switch {
	case t == nil:
		t, err = d.open(ctx, native)
	case asked != nil && t.native != native:
		t, err = d.reopen(ctx, t, native)
	}
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	d.tabs[s] = t
	d.mu.Unlock()
	t.enter(visit)
	if native != nil {
		if err := native.moveTo(ctx, t); err != nil {
			return nil, err
		}
		t.device.SetChoice(ctx, visit.Pick, nil)
	}
	if asked != nil {
		if err := t.behave(ctx, behavior); err != nil {
			return nil, err
		}
	}
	return t, d.push(ctx, t, s)
}

// seat is the session's page, nil if it has none yet, how it is used, and how the device behaves that answers there.
func (d *Driver) seat(s *rp.Session) (*tab, engine.Visit, engine.Behavior) {
	d.mu.Lock()
	defer d.mu.Unlock()
	visit := d.visits[s]
	return d.tabs[s], visit, d.behaviors[answering(visit)]
}

// answering is the device that answers the page.
func answering(v engine.Visit) engine.Device {
	if v.Asked != nil {
		return v.Asked
	}
	return v.Home
}

func (d *Driver) open(ctx context.Context, native *chromeDevice) (*tab, error) {
	t := &tab{native: native}
	cfg := cdp.DeviceConfig{IgnoreAutofill: true, Hear: t.hear, Trace: d.trace}
	if native != nil {
		cfg.Authenticators = native.authenticators
		if native.Permit != nil {
			cfg.Permit = native.permit
		}
	} else {
		cfg.Answer, cfg.Platform = t.ask, true
	}
	var err error
	t.device, err = d.chrome.NewDevice(ctx, cfg)
	return t, err
}

// reopen replaces a page by one with other authenticators, in the same session: a page cannot change them.
func (d *Driver) reopen(ctx context.Context, t *tab, native *chromeDevice) (*tab, error) {
	cookies, err := t.device.Jar(ctx)
	if err != nil {
		return nil, err
	}
	other, err := d.open(ctx, native)
	if err != nil {
		return nil, err
	}
	t.close()
	return other, carry(ctx, cookies, other.device)
}

func (t *tab) close() {
	if t.native != nil {
		t.native.leave(t)
	}
	_ = t.device.Close() // a browser that is gone has no pages
}

// enter notes who answers from now on.
func (t *tab) enter(v engine.Visit) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.visit = v
}

func (t *tab) answers() engine.Device {
	t.mu.Lock()
	defer t.mu.Unlock()
	return answering(t.visit)
}

// serve makes ceremonies of a kind go to one operation's client; nil ends that.
func (t *tab) serve(kind string, answer authenticate) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kind, t.answer = kind, answer
}

// ask answers a ceremony of the page. It is called from the browser's goroutines.
func (t *tab) ask(ctx context.Context, kind string, req virtual.GetRequest) (json.RawMessage, error) {
	t.mu.Lock()
	answer, serves, device := t.answer, t.kind, answering(t.visit)
	t.mu.Unlock()
	if answer != nil && kind == serves {
		return answer(ctx, rp.Ceremony{Origin: req.Origin, TopOrigin: req.TopOrigin, Related: req.RelatedOrigins, Options: req.Options, Mediation: req.Mediation})
	}
	if client, ok := device.(engine.Client); ok {
		return client.Answer(ctx, kind, req)
	}
	return nil, &virtual.Error{Name: virtual.NotAllowedError, Message: "the browser is no device's, so that it holds no passkeys"}
}

// hear passes on what the page signals to the device whose browser it is in. Chrome's own authenticators
// have heard it; where a provider decides what comes of it, that is undone before.
func (t *tab) hear(s virtual.Signal) {
	t.mu.Lock()
	home := t.visit.Home
	t.mu.Unlock()
	switch device := home.(type) {
	case engine.Client:
		device.Heed(s)
	case *chromeDevice:
		if device.Heed == nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), stepTimeout)
		defer cancel()
		if device.restore(ctx) == nil { // a browser that is gone restores nothing
			device.Heed(s)
		}
	}
}

// behave changes the person at the page, and its authenticators, as far as they are others than before.
func (t *tab) behave(ctx context.Context, b engine.Behavior) error {
	was := t.behavior
	t.behavior = b
	t.device.SetIgnoreAutofill(!b.Autofill)
	if b.ThinkTime != was.ThinkTime {
		t.device.SetThinkTime(ctx, b.ThinkTime)
	}
	var errs []error
	if b.Absent != was.Absent {
		errs = append(errs, t.device.SetUserPresent(ctx, !b.Absent))
	}
	if b.Unverified != was.Unverified {
		errs = append(errs, t.device.SetUserVerified(ctx, !b.Unverified))
	}
	lies := func(b engine.Behavior) cdp.Override {
		return cdp.Override{BogusSignature: b.BogusSignature, BadUV: b.BadUV, BadUP: b.BadUP}
	}
	if lies(b) != lies(was) {
		errs = append(errs, t.device.SetOverride(ctx, lies(b)))
	}
	return errors.Join(errs...)
}
