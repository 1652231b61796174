package cdp

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/go-rod/rod/lib/proto"
)

// stepWorld is the isolated world that page steps run in, out of the page's sight and reach.
const stepWorld = "passrig"

//go:embed steps.js
var stepsScript string

//go:embed wrapper.js
var wrapperScript string

// errClosed is wrapped by errors about a page that was closed, by itself or with its device.
var errClosed = errors.New("the page was closed")

// errHidden is wrapped by errors about a hidden page that tried to open a window, which blocks it for good.
var errHidden = errors.New("the page opens a window, which a hidden page cannot: use a headless shell, or leave Config.Hidden")

// errCrashed is wrapped by errors about a page whose process died.
var errCrashed = errors.New("the page crashed")

// target is one page of a device: its session, script contexts, and what it let be seen.
type target struct {
	session session
	id      string // also of its main frame
	device  *Device
	popup   bool
	journal journal
	life    context.Context //nolint:containedctx // the page's own, which ends with it
	end     context.CancelCauseFunc

	mu       sync.Mutex
	worlds   map[world]int64         // the newest execution context of each frame and world
	contexts map[int64]scriptContext // of the main worlds
	url      string
	loads    int // DOMContentLoaded events so far
	dead     error
	changed  chan struct{} // closed and replaced whenever one of the above changes
	asks     map[askKey]context.CancelCauseFunc
	wrapper  proto.PageScriptIdentifier
	// native is the WebAuthn environment, which each page has of its own.
	native environment

	blank    string              // the URL that is answered from here
	requests map[string]*Request // under way, while tracing
	traced   []Request           // done since the last step
	ear      *ear                // nil: nobody listens

	scripts atomic.Int64 // how many have been run
}

type world struct {
	frame string
	name  string // empty for the page's own
}

type scriptContext struct{ frame, origin string }

type askKey struct{ context, id int64 }

func newTarget(s session, id string, d *Device) *target {
	life, end := context.WithCancelCause(d.browser.ctx)
	return &target{
		life: life, end: end, session: s, id: id, device: d, worlds: make(map[world]int64), contexts: make(map[int64]scriptContext),
		changed: make(chan struct{}), asks: make(map[askKey]context.CancelCauseFunc), requests: make(map[string]*Request),
	}
}

// update changes the state under the lock and wakes those who wait for it.
func (t *target) update(change func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change()
	close(t.changed)
	t.changed = make(chan struct{})
}

// await returns when condition, called under the lock, is true, or the page is dead, or ctx ends.
func (t *target) await(ctx context.Context, condition func() bool) error {
	for {
		t.mu.Lock()
		ok, dead, changed := condition(), t.dead, t.changed
		t.mu.Unlock()
		switch {
		case ok:
			return nil
		case dead != nil:
			return dead
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-t.session.conn.gone:
			return t.device.browser.goneError(ErrBrowserGone)
		}
	}
}

// setup prepares a page before its first script runs.
func (t *target) setup(ctx context.Context) error {
	c := t.session.in(ctx)
	steps := []func() error{
		func() error { return proto.PageEnable{}.Call(c) },
		func() error { return proto.RuntimeEnable{}.Call(c) },
		func() error { return proto.LogEnable{}.Call(c) },
		func() error { return proto.RuntimeAddBinding{Name: t.device.binding}.Call(c) },
		func() error { return t.installWrapper(ctx) },
		func() error {
			_, err := proto.PageAddScriptToEvaluateOnNewDocument{Source: stepsScript, WorldName: stepWorld, RunImmediately: true}.Call(c)
			return err
		},
		func() error { return t.device.native.attach(ctx, t) },
	}
	if t.device.browser.hidden() { // without a window it has no size, and nothing on it would be visible
		steps = append(steps, func() error {
			return proto.EmulationSetDeviceMetricsOverride{Width: 1280, Height: 800, DeviceScaleFactor: 1}.Call(c)
		})
	}
	if t.device.cfg.Trace != nil {
		steps = append(steps, func() error { return proto.NetworkEnable{}.Call(c) })
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// installWrapper puts the wrapper, with the device's settings as they are, into coming documents and
// into this one if it has none.
func (t *target) installWrapper(ctx context.Context) error {
	settings, err := json.Marshal(t.device.wrapperSettings())
	if err != nil {
		return err
	}
	script := fmt.Sprintf("(%s\n)(%s)", wrapperScript, settings)
	made, err := proto.PageAddScriptToEvaluateOnNewDocument{Source: script, RunImmediately: true}.Call(t.session.in(ctx))
	if err != nil {
		return err
	}
	t.mu.Lock()
	old := t.wrapper
	t.wrapper = made.Identifier
	t.mu.Unlock()
	if old == "" {
		return nil
	}
	return proto.PageRemoveScriptToEvaluateOnNewDocument{Identifier: old}.Call(t.session.in(ctx))
}

// evaluate runs an expression in an execution context and returns the JSON of its value.
func (t *target) evaluate(ctx context.Context, contextID int64, expression string, await, gesture bool) (json.RawMessage, error) {
	params := map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": await, "userGesture": gesture}
	if contextID != 0 {
		params["contextId"] = contextID
	}
	return t.run(ctx, "Runtime.evaluate", params)
}

// perform calls a function of a page with arguments, as a person does, and waits for its promise. Chrome compiles a
// function whose text is always the same only once, and keeps nothing of each call.
func (t *target) perform(ctx context.Context, contextID int64, function string, arguments ...any) (json.RawMessage, error) {
	values := make([]map[string]any, len(arguments))
	for i, v := range arguments {
		values[i] = map[string]any{"value": v}
	}
	return t.run(ctx, "Runtime.callFunctionOn", map[string]any{
		"functionDeclaration": function, "arguments": values, "executionContextId": contextID,
		"returnByValue": true, "awaitPromise": true, "userGesture": true,
	})
}

// sweepEvery is how many scripts run in a page before its garbage is collected. What ceremonies leave behind is not on
// the heap of scripts, so that Chrome would let it grow for ten thousands of them.
const sweepEvery = 500

// run has a page run a script, and returns the value.
func (t *target) run(ctx context.Context, method string, params map[string]any) (json.RawMessage, error) {
	if t.scripts.Add(1)%sweepEvery == 0 {
		if err := t.session.call(ctx, "HeapProfiler.collectGarbage", map[string]any{}, nil); err != nil {
			return nil, t.explain(err)
		}
	}
	var result struct {
		Result struct {
			Value json.RawMessage `json:"value"`
			// What JSON does not have: NaN, Infinity, -0, bigint.
			UnserializableValue string `json:"unserializableValue"`
		} `json:"result"`
		ExceptionDetails *exceptionDetails `json:"exceptionDetails"`
	}
	if err := t.session.call(ctx, method, params, &result); err != nil {
		return nil, t.explain(err)
	}
	if e := result.ExceptionDetails; e != nil {
		return nil, &ScriptError{Message: e.text()}
	}
	if v := result.Result.UnserializableValue; v != "" {
		return json.Marshal(v)
	}
	if result.Result.Value == nil {
		return json.RawMessage("null"), nil
	}
	return result.Result.Value, nil
}

// explain turns the protocol's errors about pages that went away into ours.
func (t *target) explain(err error) error {
	t.mu.Lock()
	dead := t.dead
	t.mu.Unlock()
	if dead != nil {
		return dead
	}
	return t.device.browser.goneError(err)
}

// contextOf returns the newest execution context of a frame in a world.
func (t *target) contextOf(ctx context.Context, w world) (int64, error) {
	var id int64
	err := t.await(ctx, func() bool {
		id = t.worlds[w]
		return id != 0
	})
	return id, err
}

// kill marks the page as gone for the reason.
func (t *target) kill(reason error) {
	t.update(func() {
		if t.dead == nil {
			t.dead = reason
		}
		for _, cancel := range t.asks {
			cancel(reason)
		}
	})
	t.end(reason)
}

// living ends a context with the page too: Chrome does not answer commands to a page that is gone.
func (t *target) living(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(t.life, func() { cancel(context.Cause(t.life)) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// contextLost reports whether the document that a script ran in was replaced under it.
func contextLost(err error) bool {
	e, ok := errors.AsType[*protocolError](err)
	if !ok || e.Code != codeServerError {
		return false
	}
	switch e.Message {
	case "Execution context was destroyed.", "Cannot find context with specified id",
		"Inspected target navigated or closed", "Promise was collected", "uniqueContextId not found":
		return true
	}
	return false
}

// ScriptError is an exception that a script in a page threw.
type ScriptError struct {
	Message string // with the stack, if there is one
}

// Error implements error.
func (e *ScriptError) Error() string { return "the page threw: " + e.Message }

type exceptionDetails struct {
	Text      string `json:"text"`
	Exception *struct {
		Description string          `json:"description"`
		Value       json.RawMessage `json:"value"`
	} `json:"exception"`
}

func (e *exceptionDetails) text() string {
	switch {
	case e.Exception == nil:
		return e.Text
	case e.Exception.Description != "":
		return e.Exception.Description
	}
	return e.Text + " " + string(e.Exception.Value)
}
