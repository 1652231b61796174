package cdp

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-rod/rod/lib/proto"

	"github.com/passrig/passrig/virtual"
)

// DeviceConfig says what answers the ceremonies of a device's pages: Chrome's own authenticators,
// road (a), or with Software or Answer one of ours, road (b). [Limits] says what each of them cannot do.
type DeviceConfig struct {
	// Authenticators are Chrome's; empty means one [PlatformAuthenticator]. Not on road (b).
	Authenticators []Authenticator
	// Software answers in place of Chrome.
	Software *virtual.SoftwareDevice
	// Answer, in place of Software, performs the ceremonies with a device that somebody else keeps. It
	// returns the response's JSON; for the rest it is like Tamper.
	Answer func(ctx context.Context, kind string, req virtual.GetRequest) (json.RawMessage, error)
	// Platform says that Software or Answer is to pass for a platform authenticator when a page asks.
	Platform bool
	// Permit hears of every ceremony before Chrome's own authenticators do, once the person has consented. An
	// error ends it; a [*virtual.Error] says with which name. Credentials that it imports or removes are in the
	// ceremony, or not in it. It may be called from any goroutine. On road (b) that is up to who answers.
	Permit func(ctx context.Context, kind string, req virtual.GetRequest) error
	// Hear, on both roads, hears what pages signal about stored credentials (WebAuthn L3 §5.1.10), unless
	// the page was refused. Software and Chrome's authenticators have heeded it by then; with Answer that
	// is up to Hear. It may be called from any goroutine, and on road (b) the page waits for it.
	Hear func(virtual.Signal)
	// Tamper replaces what Software answers, given as the response's JSON, by anything else. kind is
	// "create" or "get". An error ends the ceremony; a [*virtual.Error] says with which name. It may be
	// called from any goroutine.
	Tamper func(kind string, options, response json.RawMessage) (json.RawMessage, error)
	// ThinkTime is how long the person takes to consent.
	ThinkTime time.Duration
	// IgnoreAutofill is a person who never picks a passkey that the page offers in a form field
	// (mediation "conditional"): such requests stay pending.
	IgnoreAutofill bool
	// Trace hears of every page step and request. It needs Chrome's network log, which makes ceremonies
	// slower by several milliseconds: not for measuring.
	Trace func(Trace)
}

// Device is a browser context of its own (cookies, storage) with a page, on which ceremonies can be
// performed: by the scripts of pages that [Device.Page] drives, or, with Create and Get, one at a time
// on a blank page of any origin. Its methods are safe for concurrent use, but it has only one page.
type Device struct {
	browser *Browser
	cfg     DeviceConfig
	context proto.BrowserBrowserContextID
	binding string // what pages see of us, if they look
	native  *native
	page    *Page
	started chan error // the first page's setup

	mu          sync.Mutex
	targets     []*target
	opened      chan struct{} // closed and replaced when a page is added
	ceremonies  []record
	requests    []Request
	signals     []Signal
	user        user
	moved       chan struct{} // closed and replaced when the person changes
	splitChoice *choice       // what the person picks in the split ceremony under way; nil: none is
	ceremonyNow sync.Mutex
}

var _ virtual.Device = (*Device)(nil)

// NewDevice makes a device. [Device.Close] ends it; [Browser.Close] does too.
func (b *Browser) NewDevice(ctx context.Context, cfg DeviceConfig) (*Device, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("device: %w", err)
	}
	ctx, cancel := b.bounded(ctx, "the device's first page")
	defer cancel()
	d := &Device{browser: b, cfg: cfg, binding: "_" + rand.Text(), opened: make(chan struct{}), started: make(chan error, 1), moved: make(chan struct{})}
	d.user = user{think: cfg.ThinkTime, ignores: cfg.IgnoreAutofill}
	d.native = &native{device: d}
	if !cfg.software() {
		d.native.authenticators = cfg.Authenticators
		if len(cfg.Authenticators) == 0 {
			d.native.authenticators = []Authenticator{PlatformAuthenticator()}
		}
		d.native.asking = cfg.ThinkTime > 0 || cfg.Permit != nil || len(d.native.authenticators) > 1
		d.user.absent = !slices.ContainsFunc(d.native.authenticators, func(a Authenticator) bool { return a.UserPresent })
	}
	made, err := proto.TargetCreateBrowserContext{DisposeOnDetach: true}.Call(b.session.in(ctx))
	if err != nil {
		return nil, fmt.Errorf("device: %w", b.goneError(err))
	}
	d.context = made.BrowserContextID
	b.mu.Lock()
	b.devices[string(d.context)] = d
	b.mu.Unlock()
	t, err := d.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("device: %w", errors.Join(b.goneError(err), d.dispose(ctx)))
	}
	d.page = &Page{t}
	return d, nil
}

func (cfg DeviceConfig) validate() error {
	var errs []error
	internal := 0
	for i, a := range cfg.Authenticators {
		if err := a.validate(); err != nil {
			errs = append(errs, fmt.Errorf("authenticator %d: %w", i+1, err))
		}
		if a.Transport == "internal" {
			internal++
		}
	}
	if internal > 1 {
		errs = append(errs, errors.New("a device has at most one internal authenticator"))
	}
	if cfg.software() && len(cfg.Authenticators) > 0 {
		errs = append(errs, errors.New("a software device and Chrome's authenticators exclude each other"))
	}
	if cfg.Software != nil && cfg.Answer != nil {
		errs = append(errs, errors.New("either a software device answers or somebody else"))
	}
	if cfg.software() && cfg.Permit != nil {
		errs = append(errs, errors.New("only ceremonies of Chrome's authenticators need a permit"))
	}
	if cfg.Software == nil && cfg.Tamper != nil {
		errs = append(errs, errors.New("only a software device's responses can be replaced"))
	}
	return errors.Join(errs...)
}

// software reports whether ceremonies are answered on road (b).
func (cfg DeviceConfig) software() bool { return cfg.Software != nil || cfg.Answer != nil }

// hidden reports whether pages are never drawn.
func (b *Browser) hidden() bool {
	return b.cfg.Hidden && !b.cfg.Headed && !shell(b.cfg.Path)
}

// open opens the first page.
func (d *Device) open(ctx context.Context) (*target, error) {
	b := d.browser
	var made proto.TargetCreateTargetResult
	params := map[string]any{"url": "about:blank", "browserContextId": d.context}
	hidden := b.hidden()
	if hidden {
		params["hidden"] = true
	}
	if err := b.session.call(ctx, "Target.createTarget", params, &made); err != nil {
		return nil, err
	}
	if hidden { // others the browser hands over by itself
		if _, err := (proto.TargetAttachToTarget{TargetID: made.TargetID, Flatten: true}).Call(b.session.in(ctx)); err != nil {
			return nil, err
		}
	}
	select {
	case err := <-d.started:
		return d.pages()[0], err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-b.session.conn.gone:
		return nil, ErrBrowserGone
	}
}

// adopt sets up a page, which waits for that, and adds it to the device.
func (d *Device) adopt(ctx context.Context, t *target) {
	d.mu.Lock()
	t.popup = len(d.targets) > 0
	d.targets = append(d.targets, t)
	d.mu.Unlock()
	err := t.setup(ctx)
	if !t.popup {
		d.started <- err
	} else if err != nil && ctx.Err() == nil {
		d.browser.cfg.Notice("a page that was opened could not be set up: " + err.Error())
	}
	d.mu.Lock()
	close(d.opened)
	d.opened = make(chan struct{})
	d.mu.Unlock()
}

func (d *Device) pages() []*target {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.targets)
}

// Page is the device's first page.
func (d *Device) Page() *Page { return d.page }

// Popup waits for a page that the device's pages opened, and returns the newest.
func (d *Device) Popup(ctx context.Context) (*Page, error) {
	ctx, cancel := d.browser.bounded(ctx, "a page that was opened")
	defer cancel()
	for {
		d.mu.Lock()
		opened := d.opened
		last := d.targets[max(0, len(d.targets)-1):]
		d.mu.Unlock()
		if len(last) > 0 && last[0].popup {
			return &Page{last[0]}, nil
		}
		select {
		case <-opened:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-d.browser.session.conn.gone:
			return nil, d.browser.goneError(ErrBrowserGone)
		}
	}
}

// Close ends the device: its pages, its cookies and, unless they were exported, its credentials. A
// software device keeps its own.
func (d *Device) Close() error { return d.dispose(d.browser.ctx) }

func (d *Device) dispose(ctx context.Context) error {
	b := d.browser
	b.mu.Lock()
	delete(b.devices, string(d.context))
	b.mu.Unlock()
	for _, t := range d.pages() {
		t.kill(errClosed)
	}
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	err := proto.TargetDisposeBrowserContext{BrowserContextID: d.context}.Call(b.session.in(ctx))
	if errors.Is(err, ErrBrowserGone) || b.ctx.Err() != nil {
		return nil // it went with its browser
	}
	if err != nil {
		return fmt.Errorf("close device: %w", err)
	}
	return nil
}

// Road says what answers the device's ceremonies.
func (d *Device) Road() Road {
	if d.cfg.software() {
		return RoadSoftware
	}
	return RoadChrome
}

// bounded gives ctx the browser's limit for a step, and a cause that says what was waited for.
func (b *Browser) bounded(ctx context.Context, what string) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx) // the caller knows better
	}
	limit := b.cfg.StepTimeout
	return context.WithTimeoutCause(ctx, limit, &TimeoutError{What: what, Limit: limit})
}
