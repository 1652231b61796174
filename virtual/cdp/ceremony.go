package cdp

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

// Kinds of ceremonies, as navigator.credentials calls them.
const (
	kindCreate = "create"
	kindGet    = "get"
)

// Ceremony is one call of navigator.credentials by a page, as the page saw it. What it measures is the
// relying party and the browser, never a person or a phone: a virtual authenticator answers at once.
type Ceremony struct {
	Kind      string // "create" or "get"
	Mediation string // empty if the page gave none
	UIMode    string // "immediate" or empty
	// Origin is the calling document's. TopOrigin is that of the page around it if a document between them
	// is of another origin, else empty.
	Origin, TopOrigin string
	// Questions are the methods by which the document had asked what the client can do, in the order of the first calls.
	Questions []string
	Options   json.RawMessage // PublicKeyCredentialCreationOptionsJSON or …RequestOptionsJSON
	Response  json.RawMessage // RegistrationResponseJSON or AuthenticationResponseJSON; nil if there is none
	// ErrorName and ErrorMessage are of the exception the page got, such as "NotAllowedError".
	ErrorName, ErrorMessage string
	// Pending says that the page is still waiting, or was when it was left.
	Pending bool
	// Start is the page's call, End when its promise was settled, to 0.1 ms on the page's clock; zero while
	// it is pending.
	Start, End time.Time
	// OptionsRequest is the last request that had ended before, ResultRequest the first to begin
	// afterwards: with most pages those that fetched the options and sent the response. Nil if there
	// was none.
	OptionsRequest, ResultRequest *Request
}

// Request is an HTTP request of a page: a fetch, an XMLHttpRequest or a navigation. The times that the
// server of another origin does not allow to be seen are zero.
type Request struct {
	URL    string
	Kind   string // "fetch", "xmlhttprequest" or "navigation"
	Status int
	// Start is when the page asked for it, Sent when it went out, First when the first byte of the
	// answer came, and End when the last one had.
	Start, Sent, First, End time.Time
}

// message is what the wrapper says.
type message struct {
	Type string `json:"type"` // ask, drop, signal or report
	call
	Name       string     `json:"name"`  // of a method of the Signal API
	Error      *exception `json:"error"` // that it ended with
	Ceremonies []done     `json:"ceremonies"`
	Requests   []sent     `json:"requests"`
}

// exception is what a page got instead of a result.
type exception struct {
	Name    string `json:"name"`
	Message string `json:"message"`
}

// call is a page's call of navigator.credentials.
type call struct {
	ID        int64           `json:"id"`
	Kind      string          `json:"kind"`
	Mediation string          `json:"mediation"`
	UIMode    string          `json:"uiMode"`
	Origin    string          `json:"origin"`
	TopOrigin string          `json:"topOrigin"`
	Host      string          `json:"host"`
	Questions []string        `json:"questions"`
	Options   json.RawMessage `json:"options"`
}

// done is such a call when it has ended, or without an end when it has not. Times are milliseconds since
// 1970.
type done struct {
	call
	Response json.RawMessage `json:"response"`
	Error    *exception      `json:"error"`
	Start    float64         `json:"start"`
	End      float64         `json:"end"`
}

// sent is a request of a page.
type sent struct {
	URL    string  `json:"url"`
	Kind   string  `json:"kind"`
	Status int     `json:"status"`
	Start  float64 `json:"start"`
	Sent   float64 `json:"sent"`
	First  float64 `json:"first"`
	End    float64 `json:"end"`
}

// record is a ceremony with the page and the document it happened on.
type record struct {
	Ceremony
	target  *target
	context int64
}

// Limits of what a device remembers of its pages, for runs that never ask for it.
const (
	maxCeremonies = 1000
	maxRequests   = 1000
	maxSignals    = 1000
)

// bindingCalled takes a message of the wrapper. A page could send such messages itself if it went
// looking; it would only lie about itself.
func (t *target) bindingCalled(e event) {
	v, ok := read[struct {
		Name      string `json:"name"`
		Payload   string `json:"payload"`
		ContextID int64  `json:"executionContextId"`
	}](e)
	if !ok || v.Name != t.device.binding {
		return
	}
	var m message
	if err := json.Unmarshal([]byte(v.Payload), &m); err != nil {
		return
	}
	d, key := t.device, askKey{v.ContextID, m.ID}
	switch m.Type {
	case "ask":
		t.asked(key, func(ctx context.Context) any { return d.consent(ctx, t, key.context, &m) })
	case "drop":
		t.update(func() { t.dropAsk(key) })
	case "report":
		d.keep(t, key.context, &m)
	case "signal":
		t.asked(key, func(ctx context.Context) any { return d.signaled(ctx, t, key.context, &m) })
	}
}

// asked has a question of the page answered, unless the page gives it up. A nil answer leaves the
// question open.
func (t *target) asked(key askKey, answer func(context.Context) any) {
	ctx, cancel := context.WithCancelCause(t.device.browser.ctx)
	t.update(func() { t.asks[key] = cancel })
	t.device.browser.background(func(context.Context) {
		reply := answer(ctx)
		if reply == nil || ctx.Err() != nil {
			return
		}
		data, err := json.Marshal(reply)
		if err != nil {
			data = []byte(`{"error":{"name":"UnknownError","message":"the answer has no JSON form"}}`)
		}
		script := "globalThis[Symbol.for(" + quote(t.device.binding) + ")].answer(" + quote(key.id) + "," + string(data) + ")"
		_, _ = t.evaluate(ctx, key.context, script, false, false) // a page that is gone has given up
		t.update(func() { t.dropAsk(key) })
	})
}

// quote writes a value as a JavaScript literal.
func quote(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return "undefined"
	}
	return string(data)
}

// keep takes in what a document reports: all that ended since its last report, and all that is pending.
func (d *Device) keep(t *target, contextID int64, m *message) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ceremonies = slices.DeleteFunc(d.ceremonies, func(r record) bool {
		return r.Pending && r.target == t && r.context == contextID
	})
	for _, c := range m.Ceremonies {
		r := record{Ceremony{
			Kind: c.Kind, Mediation: c.Mediation, UIMode: c.UIMode, Origin: c.Origin, TopOrigin: c.TopOrigin, Questions: c.Questions,
			Options: c.Options, Response: c.Response, Pending: c.End == 0, Start: pageTime(c.Start), End: pageTime(c.End),
		}, t, contextID}
		if c.Error != nil {
			r.ErrorName, r.ErrorMessage = c.Error.Name, c.Error.Message
		}
		d.ceremonies = append(d.ceremonies, r)
	}
	for _, r := range m.Requests {
		d.requests = append(d.requests, Request{
			URL: r.URL, Kind: r.Kind, Status: r.Status,
			Start: pageTime(r.Start), Sent: pageTime(r.Sent), First: pageTime(r.First), End: pageTime(r.End),
		})
	}
	d.ceremonies = d.ceremonies[max(0, len(d.ceremonies)-maxCeremonies):]
	d.requests = d.requests[max(0, len(d.requests)-maxRequests):]
}

// pageTime is a page's time, milliseconds since 1970 with a fraction; 0 is no time.
func pageTime(milliseconds float64) time.Time {
	if milliseconds == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(milliseconds * 1000))
}

// Ceremonies returns what the scripts of the page and its frames had done since the last call, in the
// order in which they began, with the requests around them. One that is pending is returned again until
// it has ended. A document remembers its latest 200 ceremonies and requests until it is asked or left.
func (p *Page) Ceremonies(ctx context.Context) ([]Ceremony, error) {
	if err := p.flush(ctx); err != nil {
		return nil, err
	}
	d := p.target.device
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []Ceremony
	d.ceremonies = slices.DeleteFunc(d.ceremonies, func(r record) bool {
		if r.target == p.target {
			out = append(out, r.Ceremony)
		}
		return r.target == p.target
	})
	slices.SortStableFunc(out, func(a, b Ceremony) int { return a.Start.Compare(b.Start) })
	slices.SortStableFunc(d.requests, func(a, b Request) int { return a.Start.Compare(b.Start) })
	for i := range out {
		c := &out[i]
		begin, finish := time.Time{}, time.Time{}
		if i > 0 {
			begin = out[i-1].End
		}
		if i+1 < len(out) {
			finish = out[i+1].Start
		}
		c.around(d.requests, begin, finish)
	}
	if len(out) > 0 {
		last := out[len(out)-1].Start
		d.requests = slices.DeleteFunc(d.requests, func(r Request) bool { return r.End.Before(last) })
	}
	return out, nil
}

// around finds the requests before and after a ceremony, between its neighbors.
func (c *Ceremony) around(requests []Request, begin, finish time.Time) {
	const tolerance = time.Millisecond // clocks of documents step
	for _, r := range requests {
		switch {
		case !r.End.After(c.Start.Add(tolerance)) && !r.Start.Before(begin):
			if c.OptionsRequest == nil || cmp.Compare(r.End.UnixMicro(), c.OptionsRequest.End.UnixMicro()) > 0 {
				c.OptionsRequest = new(r)
			}
		case !c.Pending && !r.Start.Before(c.End) && c.ResultRequest == nil && (finish.IsZero() || r.Start.Before(finish)):
			c.ResultRequest = new(r)
		}
	}
}

// flush has the page's requests so far reported.
func (p *Page) flush(ctx context.Context) error {
	ctx, cancel := p.target.device.browser.bounded(ctx, "the page's measurements")
	defer cancel()
	ctx, release := p.target.living(ctx)
	defer release()
	script := "globalThis[Symbol.for(" + quote(p.target.device.binding) + ")]?.flush()"
	for {
		id, err := p.target.contextOf(ctx, world{frame: p.target.id})
		if err != nil {
			return err
		}
		_, err = p.target.evaluate(ctx, id, script, false, false)
		if contextLost(err) {
			continue
		}
		for _, frame := range p.target.documents() {
			if err == nil && frame != id {
				_, err = p.target.evaluate(ctx, frame, script, false, false)
			}
			if contextLost(err) { // what it had to say, it said when it went
				err = nil
			}
		}
		return err
	}
}

// documents are the execution contexts of the page and its frames.
func (t *target) documents() []int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Collect(maps.Keys(t.contexts))
}

// topOrigin is the origin of the page around a script's document.
func (t *target) topOrigin() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSuffix(t.contexts[t.worlds[world{frame: t.id}]].origin, "/")
}
