package cdp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/passrig/passrig/internal/webauthn"
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
	if conditional && d.cfg.IgnoreAutofill {
		return nil
	}
	if !pause(ctx, d.cfg.ThinkTime) {
		return nil
	}
	d.mu.Lock()
	absent, who := d.absent, d.choice
	d.mu.Unlock()
	if d.cfg.Software != nil {
		if absent {
			return nil
		}
		return d.answer(ctx, t, contextID, m, who)
	}
	w := wantOf(m.Kind, m.Options, m.Host)
	w.pick, w.user = who.credentialID, who.userHandle
	if conditional {
		if d.native.offers(w) == 0 {
			return nil // nothing to pick from, and browsers keep waiting
		}
	}
	if !d.native.mustAsk() && w.pick == nil && w.user == nil {
		return answer{}
	}
	if err := d.native.prepare(ctx, t, w); err != nil {
		return answer{Error: &answerError{virtual.UnknownError, err.Error()}}
	}
	return answer{}
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
	t.mu.Lock()
	frame, known := t.contexts[contextID]
	t.mu.Unlock()
	origin := m.Origin
	if known && frame.origin != "" && frame.origin != "://" {
		origin = strings.TrimSuffix(frame.origin, "/") // the browser's word, not the page's
	}
	response, err := d.perform(ctx, m.Kind, virtual.GetRequest{
		Origin: origin, TopOrigin: t.topOrigin(), Options: m.Options, Mediation: m.Mediation,
		CredentialID: who.credentialID, UserHandle: who.userHandle,
	})
	failure, named := errors.AsType[*virtual.Error](err)
	switch {
	case err == nil:
		return answer{Response: response}
	case !named:
		return answer{Error: &answerError{virtual.UnknownError, err.Error()}}
	case failure.Name == virtual.NotAllowedError && m.Kind == kindGet && m.Mediation == virtual.MediationConditional:
		return nil // nothing to pick from, and browsers keep waiting
	}
	return answer{Error: &answerError{failure.Name, failure.Message}}
}

// perform has the software device do a ceremony and returns the response's JSON.
func (d *Device) perform(ctx context.Context, kind string, req virtual.GetRequest) (json.RawMessage, error) {
	if d.cfg.Answer != nil {
		return d.cfg.Answer(ctx, kind, req)
	}
	var made any
	var err error
	if kind == kindCreate {
		made, err = d.cfg.Software.Create(ctx, virtual.CreateRequest{
			Origin: req.Origin, TopOrigin: req.TopOrigin, Options: req.Options, Mediation: req.Mediation,
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

// SetChoice says which credential the person picks from now on when several fit, by its id or by its
// user; nil for both is the newest.
func (d *Device) SetChoice(ctx context.Context, credentialID, userHandle []byte) {
	d.mu.Lock()
	d.choice = choice{bytes.Clone(credentialID), bytes.Clone(userHandle)}
	d.mu.Unlock()
	if d.cfg.Software != nil || credentialID == nil && userHandle == nil {
		return
	}
	d.native.mu.Lock()
	asked := d.native.asking
	d.native.asking = true
	d.native.mu.Unlock()
	if !asked {
		d.refreshWrappers(ctx)
	}
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
	t.mu.Lock()
	var contexts []int64
	for id := range t.contexts {
		contexts = append(contexts, id)
	}
	t.mu.Unlock()
	for _, id := range contexts {
		_, _ = t.evaluate(ctx, id, script, false, false)
	}
}

// wrapperSettings are the wrapper's, as they are now.
func (d *Device) wrapperSettings() any {
	return struct {
		Binding  string `json:"binding"`
		Software bool   `json:"software"`
		Platform bool   `json:"platform"`
		Ask      bool   `json:"ask"`
	}{d.binding, d.cfg.Software != nil, d.cfg.Platform, d.native.mustAsk()}
}

// obey carries out a call of the Signal API on the software device (WebAuthn L3 §5.1.10).
func (d *Device) obey(m *message) any {
	var o struct {
		RPID         string               `json:"rpId"`
		CredentialID webauthn.Base64URL   `json:"credentialId"`
		UserID       webauthn.Base64URL   `json:"userId"`
		Accepted     []webauthn.Base64URL `json:"allAcceptedCredentialIds"`
		Name         string               `json:"name"`
		DisplayName  string               `json:"displayName"`
	}
	if err := json.Unmarshal(m.Options, &o); err != nil {
		return answer{Error: &answerError{virtual.TypeError, err.Error()}}
	}
	if m.Host != o.RPID && !strings.HasSuffix(m.Host, "."+o.RPID) {
		return answer{Error: &answerError{virtual.SecurityError, "the rp id is not one of this page"}}
	}
	device := d.cfg.Software
	for _, c := range device.Credentials() {
		if c.RPID != o.RPID {
			continue
		}
		mine := bytes.Equal(c.UserHandle, o.UserID)
		switch m.Name {
		case "signalUnknownCredential":
			if bytes.Equal(c.ID, o.CredentialID) {
				device.RemoveCredential(c.ID)
			}
		case "signalAllAcceptedCredentials":
			if mine && !contains(o.Accepted, c.ID) {
				device.RemoveCredential(c.ID)
			}
		case "signalCurrentUserDetails":
			if mine {
				d.renameUser(c.ID, o.Name, o.DisplayName)
			}
		}
	}
	return answer{}
}

func contains(list []webauthn.Base64URL, id []byte) bool {
	for _, entry := range list {
		if bytes.Equal(entry, id) {
			return true
		}
	}
	return false
}

// renameUser changes the names kept with a credential. One that was removed meanwhile needs none.
func (d *Device) renameUser(id []byte, name, displayName string) {
	stored, err := d.cfg.Software.ExportCredential(id)
	if err != nil {
		return
	}
	stored.UserName, stored.UserDisplayName = name, displayName
	_ = d.cfg.Software.ImportCredential(stored) // it came from there
}
