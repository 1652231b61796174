package cdp

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/go-rod/rod/lib/proto"

	"github.com/passrig/passrig/virtual"
)

// settled is how the promise of a ceremony ended.
type settled struct {
	Response json.RawMessage `json:"response"`
	Name     string          `json:"name"`
	Message  string          `json:"message"`
}

// Create performs navigator.credentials.create() on a page of the request's origin: the one the device
// is on, or a blank one that the browser makes up without asking the relying party. On road (b) the
// software device answers directly. What the page would get as an exception is a [*virtual.Error].
func (d *Device) Create(ctx context.Context, req virtual.CreateRequest) (*virtual.Registration, error) {
	data, err := d.ceremony(ctx, kindCreate, virtual.GetRequest{
		Origin: req.Origin, TopOrigin: req.TopOrigin, CrossOrigin: req.CrossOrigin, RelatedOrigins: req.RelatedOrigins, Options: req.Options, Mediation: req.Mediation,
	})
	if err != nil {
		return nil, err
	}
	made := &virtual.Registration{}
	if err := json.Unmarshal(data, made); err != nil {
		return nil, err
	}
	return made, d.noted(ctx, made.CredentialID)
}

// Get performs navigator.credentials.get(), as [Device.Create] does.
func (d *Device) Get(ctx context.Context, req virtual.GetRequest) (*virtual.Assertion, error) {
	data, err := d.ceremony(ctx, kindGet, req)
	if err != nil {
		return nil, err
	}
	made := &virtual.Assertion{}
	return made, json.Unmarshal(data, made)
}

func (d *Device) ceremony(ctx context.Context, kind string, req virtual.GetRequest) (json.RawMessage, error) {
	if d.cfg.software() {
		return d.perform(ctx, kind, req)
	}
	if req.TopOrigin != "" && req.TopOrigin != req.Origin {
		return nil, &UnsupportedError{Road: RoadChrome, What: "a ceremony in a made-up iframe", Instead: "open the page that has the iframe, or use a software device"}
	}
	if !json.Valid(req.Options) {
		return nil, &virtual.Error{Name: virtual.TypeError, Message: "options: not JSON"}
	}
	ctx, cancel := d.browser.bounded(ctx, kind+"() to be answered")
	defer cancel()
	d.ceremonyNow.Lock() // a page does one at a time
	defer d.ceremonyNow.Unlock()
	t := d.page.target
	ctx, release := t.living(ctx)
	defer release()
	if err := d.visit(ctx, t, req.Origin); err != nil {
		return nil, err
	}
	w := wantOf(kind, req.Options, "")
	w.pick, w.user = req.CredentialID, req.UserHandle
	if w.rpID == "" {
		w.rpID = hostOf(req.Origin)
	}
	if kind == kindCreate || d.native.offers(w) > 0 || len(w.listed) == 0 {
		if d.native.mustAsk() || w.pick != nil || w.user != nil {
			if err := d.native.prepare(ctx, t, w); err != nil {
				return nil, fmt.Errorf("%s: %w", kind, t.explain(err))
			}
		}
	}
	d.picks(&choice{credentialID: req.CredentialID, userHandle: req.UserHandle})
	defer d.picks(nil)
	id, err := t.contextOf(ctx, world{frame: t.id})
	if err != nil {
		return nil, err
	}
	data, err := t.perform(ctx, id, splitScript, kind, req.Options, req.Mediation)
	if contextLost(err) {
		return nil, fmt.Errorf("%s: the page was left during the ceremony: %w", kind, err)
	}
	if err != nil {
		return nil, err
	}
	var s settled
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("%s: outcome: %w", kind, err)
	}
	if s.Name != "" {
		return nil, &virtual.Error{Name: virtual.ErrorName(s.Name), Message: s.Message}
	}
	return s.Response, nil
}

// picks says what the person picks in the split ceremony under way, or that it has ended.
func (d *Device) picks(c *choice) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.splitChoice = c
}

// splitScript performs a ceremony, as a page would that uses WebAuthn's own JSON.
const splitScript = `async (kind, options, mediation) => {
  try {
    const publicKey = kind === "create" ? PublicKeyCredential.parseCreationOptionsFromJSON(options) : PublicKeyCredential.parseRequestOptionsFromJSON(options);
    return { response: (await navigator.credentials[kind](mediation ? { publicKey, mediation } : { publicKey })).toJSON() };
  } catch (e) {
    return { name: e.name, message: e.message };
  }
}`

// visit brings the page to an origin, if it is not there, by way of a document that the browser is
// given from here.
func (d *Device) visit(ctx context.Context, t *target, origin string) error {
	if t.topOrigin() == origin {
		return nil
	}
	c := t.session.in(ctx)
	blank := origin + "/.passrig-blank"
	err := proto.FetchEnable{Patterns: []*proto.FetchRequestPattern{{URLPattern: blank}}}.Call(c)
	if err != nil {
		return t.explain(err)
	}
	t.update(func() { t.blank = blank })
	defer func() { _ = proto.FetchDisable{}.Call(c) }() // the page may be gone
	result, err := proto.PageNavigate{URL: blank}.Call(c)
	if err != nil {
		return t.explain(err)
	}
	if result.ErrorText != "" {
		return &NavigationError{URL: origin, Code: result.ErrorText}
	}
	return t.await(ctx, func() bool {
		id := t.worlds[world{frame: t.id}]
		return id != 0 && t.contexts[id].origin == origin
	})
}

// serveBlank answers the request for the document of visit.
func (t *target) serveBlank(e event) {
	v, ok := read[struct {
		RequestID string `json:"requestId"`
	}](e)
	if !ok {
		return
	}
	t.device.browser.background(func(ctx context.Context) {
		_ = proto.FetchFulfillRequest{ // a page that is gone needs none
			RequestID: proto.FetchRequestID(v.RequestID), ResponseCode: 200,
			ResponseHeaders: []*proto.FetchHeaderEntry{{Name: "Content-Type", Value: "text/html"}},
			Body:            []byte("<!doctype html><title>passrig</title>"),
		}.Call(t.session.in(ctx))
	})
}

// noted waits until the device knows a credential that Chrome has just made.
func (d *Device) noted(ctx context.Context, id []byte) error {
	if d.cfg.software() {
		return nil
	}
	ctx, cancel := d.browser.bounded(ctx, "Chrome to report the new credential")
	defer cancel()
	return d.page.target.await(ctx, func() bool {
		d.native.mu.Lock()
		defer d.native.mu.Unlock()
		return d.native.find(id) != nil
	})
}
