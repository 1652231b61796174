package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
)

// bare is the least that can drive a browser: the DevTools protocol over a pipe, and of it only the
// commands that a login needs. It subscribes to no events, waits for nothing but answers, and explains
// no failure.
type bare struct {
	wrapped bool // with passrig's wrapper in the page, which nobody listens to
	match   match
	cmd     *exec.Cmd
	profile string
	to      *os.File
	from    *os.File

	sending sync.Mutex
	mu      sync.Mutex
	last    int
	waiting map[int]chan bareAnswer
}

type bareAnswer struct {
	ID     int             `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

func (b *bare) start(ctx context.Context, m match) (string, error) {
	b.match = m
	b.waiting = make(map[int]chan bareAnswer)
	var err error
	if b.profile, err = os.MkdirTemp("", "bare-"); err != nil {
		return "", err
	}
	args := []string{
		"--remote-debugging-pipe", "--headless=new", "--user-data-dir=" + b.profile, "--no-first-run", "--no-default-browser-check",
		"--disable-background-networking", "--disable-component-update", "--disable-extensions", "--disable-sync", "--disable-breakpad",
		"--disable-renderer-backgrounding", "--disable-background-timer-throttling", "--disable-backgrounding-occluded-windows",
		"--disable-dev-shm-usage", "--metrics-recording-only", "--mute-audio", "--disable-site-isolation-trials",
		"--disable-features=IsolateOrigins,site-per-process,Translate,OptimizationHints,MediaRouter,DialMediaRouteProvider",
	}
	if m.NoSandbox {
		args = append(args, "--no-sandbox")
	}
	commands, to, err := os.Pipe()
	if err != nil {
		return "", err
	}
	from, answers, err := os.Pipe()
	if err != nil {
		return "", err
	}
	b.to, b.from = to, from
	b.cmd = exec.CommandContext(ctx, m.Browser, args...) //nolint:gosec // G204: the browser the user chose
	b.cmd.ExtraFiles = []*os.File{commands, answers}
	if err := errors.Join(b.cmd.Start(), commands.Close(), answers.Close()); err != nil {
		return "", err
	}
	go b.read()
	var version struct {
		Product string `json:"product"`
	}
	err = b.send(ctx, "", "Browser.getVersion", nil, &version)
	return version.Product, err
}

func (b *bare) read() {
	messages := bufio.NewReaderSize(b.from, 64<<10)
	for {
		message, err := messages.ReadBytes(0)
		if err != nil {
			return
		}
		var a bareAnswer
		if json.Unmarshal(message[:len(message)-1], &a) != nil || a.ID == 0 {
			continue
		}
		b.mu.Lock()
		waiting := b.waiting[a.ID]
		delete(b.waiting, a.ID)
		b.mu.Unlock()
		waiting <- a
	}
}

func (b *bare) send(ctx context.Context, session, method string, params, result any) error {
	answer := make(chan bareAnswer, 1)
	b.mu.Lock()
	b.last++
	id := b.last
	b.waiting[id] = answer
	b.mu.Unlock()
	message, err := json.Marshal(struct {
		ID        int    `json:"id"`
		SessionID string `json:"sessionId,omitempty"`
		Method    string `json:"method"`
		Params    any    `json:"params,omitempty"`
	}{id, session, method, params})
	if err != nil {
		return err
	}
	b.sending.Lock()
	_, err = b.to.Write(append(message, 0))
	b.sending.Unlock()
	if err != nil {
		return err
	}
	select {
	case a := <-answer:
		if a.Error != nil {
			return fmt.Errorf("%s: %s", method, a.Error.Message)
		}
		if result == nil {
			return nil
		}
		return json.Unmarshal(a.Result, result)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *bare) stop() error {
	if b.cmd == nil || b.cmd.Process == nil {
		return nil
	}
	err := errors.Join(b.to.Close(), b.cmd.Wait(), b.from.Close()) // the browser goes when its pipe closes
	b.cmd = nil
	return errors.Join(err, os.RemoveAll(b.profile))
}

// params are those of a command.
type params map[string]any

// bareVisitor is a page by its session.
type bareVisitor struct {
	*bare
	context, session string
}

func (b *bare) open(ctx context.Context) (visitor, error) {
	v := &bareVisitor{bare: b}
	var made struct{ BrowserContextID, TargetID, SessionID string }
	if err := b.send(ctx, "", "Target.createBrowserContext", params{"disposeOnDetach": true}, &made); err != nil {
		return nil, err
	}
	v.context = made.BrowserContextID
	target := params{"url": "about:blank", "browserContextId": v.context}
	if b.match.Hidden {
		target["hidden"] = true
	}
	if err := b.send(ctx, "", "Target.createTarget", target, &made); err != nil {
		return nil, err
	}
	if err := b.send(ctx, "", "Target.attachToTarget", params{"targetId": made.TargetID, "flatten": true}, &made); err != nil {
		return nil, err
	}
	v.session = made.SessionID
	if b.wrapped {
		if err := v.wrap(ctx); err != nil {
			return nil, err
		}
	}
	if err := b.send(ctx, v.session, "WebAuthn.enable", nil, nil); err != nil {
		return nil, err
	}
	err := b.send(ctx, v.session, "WebAuthn.addVirtualAuthenticator", params{"options": params{
		"protocol": "ctap2", "ctap2Version": "ctap2_1", "transport": "internal", "hasResidentKey": true,
		"hasUserVerification": true, "isUserVerified": true, "automaticPresenceSimulation": true,
	}}, nil)
	if err != nil {
		return nil, err
	}
	if err := b.send(ctx, v.session, "Page.navigate", params{"url": b.match.Page}, nil); err != nil {
		return nil, err
	}
	read := `new Promise((done) => document.readyState === "loading" ? addEventListener("DOMContentLoaded", () => done("")) : done(""))`
	_, err = v.evaluate(ctx, read)
	return v, err
}

// wrap has passrig's wrapper run in the page, as passrig has it for a device with Chrome's authenticator.
func (v *bareVisitor) wrap(ctx context.Context) error {
	const binding = "_wrapped"
	if err := v.send(ctx, v.session, "Page.enable", nil, nil); err != nil {
		return err
	}
	if err := v.send(ctx, v.session, "Runtime.addBinding", params{"name": binding}, nil); err != nil {
		return err
	}
	source := fmt.Sprintf("(%s\n)({binding: %q, software: false, ask: false})", v.match.Wrapper, binding)
	return v.send(ctx, v.session, "Page.addScriptToEvaluateOnNewDocument", params{"source": source}, nil)
}

func (v *bareVisitor) evaluate(ctx context.Context, script string) (string, error) {
	var r struct {
		Result           struct{ Value any }
		ExceptionDetails json.RawMessage
	}
	err := v.send(ctx, v.session, "Runtime.evaluate",
		params{"expression": script, "awaitPromise": true, "returnByValue": true, "userGesture": true}, &r)
	if err == nil && r.ExceptionDetails != nil {
		err = errors.New("exception: " + string(bytes.TrimSpace(r.ExceptionDetails)))
	}
	name, _ := r.Result.Value.(string) // what is no name is not the user's
	return name, err
}

func (v *bareVisitor) enroll(ctx context.Context, name string) error {
	_, err := v.evaluate(ctx, call(v.match.Enroll, name))
	return err
}

func (v *bareVisitor) login(ctx context.Context) (string, error) {
	return v.evaluate(ctx, v.match.Login)
}

func (v *bareVisitor) leave(ctx context.Context) error {
	return v.send(ctx, "", "Target.disposeBrowserContext", params{"browserContextId": v.context}, nil)
}
