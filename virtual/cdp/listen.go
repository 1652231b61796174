package cdp

import (
	"context"
	"encoding/base64"
	"slices"
	"sync"

	"github.com/go-rod/rod/lib/proto"
)

// Answer is what a fetch or an XMLHttpRequest of a page brought.
type Answer struct {
	URL  string
	Body []byte
}

// maxAnswers is how many answers are kept, the first ones.
const maxAnswers = 200

// ear listens to the answers that a page's scripts get.
type ear struct {
	fetched sync.WaitGroup

	mu      sync.Mutex
	deaf    bool              // nothing more is fetched
	urls    map[string]string // of answers whose bodies are on their way, by request id
	order   []string          // request ids
	answers map[string]Answer // by request id
}

// Listen keeps what the page's scripts are answered, frames of other sites left out, until hush is called, which
// returns the answers in the order in which they began. It needs Chrome's network log, as [DeviceConfig].Trace does.
func (p *Page) Listen(ctx context.Context) (hush func() []Answer, err error) {
	t, e := p.target, &ear{urls: make(map[string]string), answers: make(map[string]Answer)}
	if err := (proto.NetworkEnable{}).Call(t.session.in(ctx)); err != nil {
		return nil, t.explain(err)
	}
	t.update(func() { t.ear = e })
	return func() []Answer {
		t.update(func() { t.ear = nil })
		e.close()
		e.fetched.Wait()
		if t.device.cfg.Trace == nil {
			_ = proto.NetworkDisable{}.Call(t.session.in(t.life)) // a page that is gone has no log
		}
		return e.heard()
	}, nil
}

func (e *ear) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.deaf = true
}

func (e *ear) heard() []Answer {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []Answer
	for _, id := range e.order {
		if a, ok := e.answers[id]; ok {
			all = append(all, a)
		}
	}
	return all
}

func (t *target) listening() *ear {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ear
}

// overhear takes in an event of the network log. It runs on the reading goroutine.
func (t *target) overhear(e event) {
	listening := t.listening()
	if listening == nil || e.method != "Network.responseReceived" && e.method != "Network.loadingFinished" {
		return
	}
	v, ok := read[struct {
		RequestID string `json:"requestId"`
		Type      string `json:"type"`
		Response  struct {
			URL string `json:"url"`
		} `json:"response"`
	}](e)
	if !ok {
		return
	}
	if e.method == "Network.responseReceived" {
		if v.Type == "Fetch" || v.Type == "XHR" {
			listening.expect(v.RequestID, v.Response.URL)
		}
		return
	}
	// At once: with the document, Chrome forgets what its scripts were answered.
	if url, ok := listening.arrived(v.RequestID); ok {
		t.device.browser.background(func(ctx context.Context) {
			defer listening.fetched.Done()
			if body, err := t.body(ctx, v.RequestID); err == nil {
				listening.keep(v.RequestID, Answer{URL: url, Body: body})
			}
		})
	}
}

func (e *ear) expect(id, url string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.order) < maxAnswers && !slices.Contains(e.order, id) {
		e.urls[id], e.order = url, append(e.order, id)
	}
}

// arrived counts an expected answer's body as being fetched.
func (e *ear) arrived(id string) (url string, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if url, ok = e.urls[id]; ok && !e.deaf {
		delete(e.urls, id)
		e.fetched.Add(1)
	}
	return url, ok && !e.deaf
}

func (e *ear) keep(id string, a Answer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answers[id] = a
}

// body is what a request of the page was answered.
func (t *target) body(ctx context.Context, requestID string) ([]byte, error) {
	ctx, cancel := t.device.browser.bounded(ctx, "an answer's body")
	defer cancel()
	ctx, release := t.living(ctx)
	defer release()
	got, err := proto.NetworkGetResponseBody{RequestID: proto.NetworkRequestID(requestID)}.Call(t.session.in(ctx))
	if err != nil {
		return nil, err
	}
	if got.Base64Encoded {
		return base64.StdEncoding.DecodeString(got.Body)
	}
	return []byte(got.Body), nil
}
