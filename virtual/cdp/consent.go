package cdp

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/passrig/passrig/virtual"
)

// answer is what a page gets to its question. Without members Chrome goes on by itself.
type answer struct {
	Response json.RawMessage `json:"response,omitempty"`
	Error    *answerError    `json:"error,omitempty"`
}

type answerError struct {
	Name    virtual.ErrorName `json:"name"`
	Message string            `json:"message"`
}

// consent plays the person in front of a ceremony, and on road (b) the authenticator. It returns nil
// when the person does nothing.
func (d *Device) consent(ctx context.Context, t *target, contextID int64, m *message) any {
	conditional := m.Mediation == virtual.MediationConditional && m.Kind == kindGet
	w := wantOf(m.Kind, m.Options, m.Host)
	if conditional {
		if _, err := d.claim(ctx, w.rpID, t.originOf(contextID, m.Origin)); err != nil && !d.cfg.software() {
			return answer{} // for Chrome to refuse
		} else if err != nil {
			return answer{Error: asAnswer(err)}
		}
	}
	who, ok := d.person(ctx, conditional)
	if !ok {
		return nil
	}
	if d.cfg.software() {
		return d.answer(ctx, t, contextID, m, who)
	}
	if permit := d.cfg.Permit; permit != nil {
		err := permit(ctx, m.Kind, d.requested(t, contextID, m, who))
		switch {
		case err != nil && conditional:
			return nil // nothing is offered, and browsers keep waiting
		case err != nil:
			return answer{Error: asAnswer(err)}
		}
	}
	w.pick, w.user = who.credentialID, who.userHandle
	if conditional && d.native.offers(w) == 0 {
		return nil // nothing to pick from, and browsers keep waiting
	}
	if !d.native.mustAsk() && w.pick == nil && w.user == nil {
		return answer{}
	}
	if err := d.native.prepare(ctx, t, w); err != nil {
		return answer{Error: &answerError{virtual.UnknownError, err.Error()}}
	}
	return answer{}
}

// person waits until somebody is there who consents, and has thought about it. It reports whether that
// came before the page gave up.
func (d *Device) person(ctx context.Context, conditional bool) (choice, bool) {
	for thought := false; ; {
		d.mu.Lock()
		away := conditional && d.user.ignores || d.user.absent && (conditional || d.cfg.software())
		who, think, moved := d.user.choice, d.user.think, d.moved
		if d.splitChoice != nil { // its page asks for room like any other
			who = *d.splitChoice
		}
		d.mu.Unlock()
		switch {
		case away:
			select {
			case <-moved:
			case <-ctx.Done():
				return who, false
			}
		case thought || think <= 0:
			return who, ctx.Err() == nil
		case !pause(ctx, think):
			return who, false
		default:
			thought = true
		}
	}
}

// pause reports whether ctx lasted as long.
func pause(ctx context.Context, duration time.Duration) bool {
	if duration <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// offers counts the credentials that a request could be answered with.
func (n *native) offers(w want) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.fits(w))
}

// answer is road (b): the software device's response, or what Tamper makes of it.
func (d *Device) answer(ctx context.Context, t *target, contextID int64, m *message, who choice) any {
	response, err := d.perform(ctx, m.Kind, d.requested(t, contextID, m, who))
	if err == nil {
		return answer{Response: response}
	}
	failure := asAnswer(err)
	if failure.Name == virtual.NotAllowedError && m.Kind == kindGet && m.Mediation == virtual.MediationConditional {
		return nil // nothing to pick from, and browsers keep waiting
	}
	return answer{Error: failure}
}

// requested is what the page asks for, and whom the person picks.
func (d *Device) requested(t *target, contextID int64, m *message, who choice) virtual.GetRequest {
	return virtual.GetRequest{
		Origin: t.originOf(contextID, m.Origin), TopOrigin: t.topOrigin(), CrossOrigin: m.TopOrigin != "", Options: m.Options, Mediation: m.Mediation,
		CredentialID: who.credentialID, UserHandle: who.userHandle,
	}
}

// originOf is the origin of a document: the browser's word, or for want of that the document's.
func (t *target) originOf(contextID int64, said string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	origin := t.contexts[contextID].origin
	if origin == "" || origin == "://" {
		return said
	}
	return strings.TrimSuffix(origin, "/")
}

// perform does a ceremony on road (b) and returns the response's JSON.
func (d *Device) perform(ctx context.Context, kind string, req virtual.GetRequest) (json.RawMessage, error) {
	var err error
	if w := wantOf(kind, req.Options, hostOf(req.Origin)); w.rpID != hostOf(req.Origin) {
		if req.RelatedOrigins, err = d.claim(ctx, w.rpID, req.Origin); err != nil {
			return nil, err
		}
	}
	if d.cfg.Answer != nil {
		return d.cfg.Answer(ctx, kind, req)
	}
	var made any
	if kind == kindCreate {
		made, err = d.cfg.Software.Create(ctx, virtual.CreateRequest{
			Origin: req.Origin, TopOrigin: req.TopOrigin, CrossOrigin: req.CrossOrigin, RelatedOrigins: req.RelatedOrigins, Options: req.Options, Mediation: req.Mediation,
		})
	} else {
		made, err = d.cfg.Software.Get(ctx, req)
	}
	if err != nil {
		return nil, err
	}
	response, err := json.Marshal(made)
	if err != nil {
		return nil, err
	}
	if d.cfg.Tamper != nil {
		return d.cfg.Tamper(kind, req.Options, response)
	}
	return response, nil
}

// refreshWrappers tells every page that it has to ask before each ceremony.
func (d *Device) refreshWrappers(ctx context.Context) {
	script := "{ const w = globalThis[Symbol.for(" + quote(d.binding) + ")]; if (w) w.settings.ask = true; }"
	for _, t := range d.pages() {
		t.refreshWrapper(ctx, script)
	}
}

func (t *target) refreshWrapper(ctx context.Context, script string) {
	ctx, release := t.living(ctx)
	defer release()
	_ = t.installWrapper(ctx) // a page that is closing needs none
	for _, id := range t.documents() {
		_, _ = t.evaluate(ctx, id, script, false, false)
	}
}

// wrapperSettings are the wrapper's, as they are now.
func (d *Device) wrapperSettings() any {
	transports := make([]string, len(d.native.authenticators))
	for i, a := range d.native.authenticators {
		transports[i] = a.Transport
	}
	return struct {
		Binding    string   `json:"binding"`
		Software   bool     `json:"software"`
		Platform   bool     `json:"platform"`
		Ask        bool     `json:"ask"`
		Transports []string `json:"transports"` // of Chrome's authenticators
	}{d.binding, d.cfg.software(), d.cfg.Platform, d.native.mustAsk(), transports}
}
