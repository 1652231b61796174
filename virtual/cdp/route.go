package cdp

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/go-rod/rod/lib/proto"
)

// route hears every event of the browser, in order, on the reading goroutine.
func (b *Browser) route(e event) {
	switch e.method {
	case "Target.attachedToTarget":
		b.attached(e)
		return
	case "Target.detachedFromTarget":
		b.detached(e)
		return
	}
	b.mu.Lock()
	t := b.sessions[e.session]
	b.mu.Unlock()
	if t != nil {
		t.hear(e)
	}
}

// read decodes an event; one that cannot be read is as good as not sent.
func read[T any](e event) (T, bool) {
	var v T
	err := json.Unmarshal(e.params, &v)
	return v, err == nil
}

// attached takes in a page that has just been opened and waits for its setup: the first of a device
// that asked for it, or one that a page of a device opened.
func (b *Browser) attached(e event) {
	a, ok := read[struct {
		SessionID  string `json:"sessionId"`
		TargetInfo struct {
			TargetID         string `json:"targetId"`
			BrowserContextID string `json:"browserContextId"`
		} `json:"targetInfo"`
	}](e)
	if !ok {
		return
	}
	s := session{b.session.conn, a.SessionID}
	b.mu.Lock()
	d := b.devices[a.TargetInfo.BrowserContextID]
	var t *target
	if d != nil {
		t = newTarget(s, a.TargetInfo.TargetID, d)
		b.sessions[s.id] = t
	} else if b.spare == nil {
		b.spare = &sparePage{s, a.TargetInfo.TargetID}
	}
	b.mu.Unlock()
	b.background(func(ctx context.Context) {
		if t != nil {
			d.adopt(ctx, t)
		}
		_ = proto.RuntimeRunIfWaitingForDebugger{}.Call(s.in(ctx)) // it may be closed already
	})
}

func (b *Browser) detached(e event) {
	gone, _ := read[struct {
		SessionID string `json:"sessionId"`
	}](e)
	b.mu.Lock()
	t := b.sessions[gone.SessionID]
	delete(b.sessions, gone.SessionID)
	b.mu.Unlock()
	if t != nil {
		t.kill(errClosed)
		t.device.forget(t)
	}
}

// hear handles an event of the page.
func (t *target) hear(e event) {
	switch e.method {
	case "Runtime.executionContextCreated":
		t.contextCreated(e)
	case "Runtime.executionContextDestroyed":
		if v, ok := read[struct {
			ID int64 `json:"executionContextId"`
		}](e); ok {
			t.update(func() { t.dropContext(v.ID) })
		}
	case "Runtime.executionContextsCleared":
		t.update(func() {
			clear(t.worlds)
			clear(t.contexts)
			for key := range t.asks {
				t.dropAsk(key)
			}
		})
	case "Runtime.bindingCalled":
		t.bindingCalled(e)
	case "Page.domContentEventFired":
		t.update(func() { t.loads++ })
	case "Page.frameNavigated", "Page.navigatedWithinDocument":
		t.navigated(e)
	case "Page.javascriptDialogOpening":
		t.dismiss(e)
	case "Page.windowOpen":
		if t.device.browser.hidden() {
			t.kill(errHidden)
		}
	case "Fetch.requestPaused":
		t.serveBlank(e)
	case "Inspector.targetCrashed":
		t.kill(errCrashed)
	case "WebAuthn.credentialAdded", "WebAuthn.credentialAsserted", "WebAuthn.credentialUpdated", "WebAuthn.credentialDeleted":
		t.device.native.hear(t, e)
	default:
		t.journal.hear(e)
		t.overhear(e)
		if t.device.cfg.Trace != nil {
			t.traceRequest(e)
		}
	}
}

func (t *target) contextCreated(e event) {
	v, ok := read[struct {
		Context struct {
			ID      int64  `json:"id"`
			Origin  string `json:"origin"`
			Name    string `json:"name"`
			AuxData struct {
				IsDefault bool   `json:"isDefault"`
				FrameID   string `json:"frameId"`
			} `json:"auxData"`
		} `json:"context"`
	}](e)
	if !ok {
		return
	}
	c := v.Context
	t.update(func() {
		switch {
		case c.AuxData.IsDefault:
			t.worlds[world{frame: c.AuxData.FrameID}] = c.ID
			t.contexts[c.ID] = scriptContext{c.AuxData.FrameID, c.Origin}
		case c.Name == stepWorld:
			t.worlds[world{c.AuxData.FrameID, stepWorld}] = c.ID
		}
	})
}

// dropContext forgets an execution context and what it asked. It runs under the lock.
func (t *target) dropContext(id int64) {
	for w, known := range t.worlds {
		if known == id {
			delete(t.worlds, w)
		}
	}
	delete(t.contexts, id)
	for key := range t.asks {
		if key.context == id {
			t.dropAsk(key)
		}
	}
}

// dropAsk gives up on a question of the page. It runs under the lock.
func (t *target) dropAsk(key askKey) {
	if cancel, ok := t.asks[key]; ok {
		cancel(context.Canceled)
		delete(t.asks, key)
	}
}

func (t *target) navigated(e event) {
	v, ok := read[struct {
		FrameID string `json:"frameId"`
		URL     string `json:"url"`
		Frame   *struct {
			ID       string `json:"id"`
			ParentID string `json:"parentId"`
			URL      string `json:"url"`
		} `json:"frame"`
	}](e)
	if !ok {
		return
	}
	frame, url := v.FrameID, v.URL
	if v.Frame != nil {
		frame, url = v.Frame.ID, v.Frame.URL
	}
	if frame == t.id {
		t.update(func() { t.url = url })
	}
}

// dismiss answers a dialog box with no, or lets the page be left, so that it cannot stop the page, and
// takes a note.
func (t *target) dismiss(e event) {
	v, ok := read[struct {
		Type    string `json:"type"`
		Message string `json:"message"`
	}](e)
	if !ok {
		return
	}
	leaving, how := v.Type == "beforeunload", "dismissed"
	if leaving {
		how = "left all the same"
	}
	t.journal.add(Line{Kind: "dialog", Text: joinWords(v.Type+":", v.Message, "("+how+")")})
	t.device.browser.background(func(ctx context.Context) {
		_ = proto.PageHandleJavaScriptDialog{Accept: leaving}.Call(t.session.in(ctx)) // the page may be gone
	})
}

// forget removes a page from the device.
func (d *Device) forget(t *target) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.targets = slices.DeleteFunc(d.targets, func(other *target) bool { return other == t })
}
