package cdp

import (
	"context"
	"time"
)

// Trace is a page step with what happened during it.
type Trace struct {
	Step       Step
	URL        string
	Screenshot []byte // PNG; nil if the page is hidden
	Requests   []Request
}

// traceRequest follows a request through Chrome's network log. It runs on the reading goroutine.
func (t *target) traceRequest(e event) {
	v, ok := read[struct {
		RequestID string  `json:"requestId"`
		WallTime  float64 `json:"wallTime"`
		Type      string  `json:"type"`
		Request   struct {
			URL    string `json:"url"`
			Method string `json:"method"`
		} `json:"request"`
		Response struct {
			Status int `json:"status"`
		} `json:"response"`
	}](e)
	if !ok {
		return
	}
	now := t.device.browser.cfg.Clock()
	t.mu.Lock()
	defer t.mu.Unlock()
	switch e.method {
	case "Network.requestWillBeSent":
		t.requests[v.RequestID] = &Request{URL: v.Request.URL, Kind: v.Request.Method + " " + v.Type, Start: time.UnixMilli(int64(v.WallTime * 1000))}
	case "Network.responseReceived":
		if r := t.requests[v.RequestID]; r != nil {
			r.Status, r.First = v.Response.Status, now
		}
	case "Network.loadingFinished", "Network.loadingFailed":
		if r := t.requests[v.RequestID]; r != nil {
			r.End = now
			t.traced = append(t.traced, *r)
			delete(t.requests, v.RequestID)
		}
	}
}

// traced hands over what a step did, if somebody wants to know.
func (p *Page) traced(ctx context.Context, s Step) {
	t := p.target
	hand := t.device.cfg.Trace
	if hand == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), screenshotTimeout)
	defer cancel()
	entry := Trace{Step: s, URL: p.URL()}
	entry.Screenshot, _ = p.Screenshot(ctx) // best effort
	t.mu.Lock()
	entry.Requests, t.traced = t.traced, nil
	t.mu.Unlock()
	hand(entry)
}
