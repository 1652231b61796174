package rp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/passrig/passrig/scenarios"
)

// Message is a request to be sent. Its bytes are the message's own, and valid until it is made anew.
type Message struct {
	Method string
	Base   *url.URL // where it goes: scheme and host count
	Host   string   // of the Host header, if the adapter says another
	Target []byte   // path and query, escaped
	Fields []Field  // sorted by name; without Host, Cookie, and those that say where the message ends
	Cookie []byte   // cookies that the adapter itself writes, before those of the session
	Body   []byte   // nil: none

	text []byte // what the above point into
	ends []int
}

// Field is one header field.
type Field struct {
	Name  string // in canonical form
	Value []byte
}

// URL is where the message goes.
func (m *Message) URL() *url.URL {
	u, err := url.Parse(m.Base.Scheme + "://" + m.Base.Host + string(m.Target))
	if err != nil {
		return m.Base // a target that was taken from a URL always parses
	}
	return u
}

// read takes a request of the interpreter.
func (m *Message) read(req *http.Request) error {
	m.Method, m.Base, m.Host = req.Method, &url.URL{Scheme: req.URL.Scheme, Host: req.URL.Host}, ""
	if req.Host != req.URL.Host {
		m.Host = req.Host
	}
	m.Target, m.Fields, m.Cookie, m.Body = []byte(req.URL.RequestURI()), m.Fields[:0], nil, nil
	for _, name := range slices.Sorted(maps.Keys(req.Header)) {
		switch name {
		case "Content-Length", "Transfer-Encoding", "Trailer":
			continue // an adapter's: net/http sends its own, or none
		}
		for _, value := range req.Header[name] {
			text := []byte(textproto.TrimString(value))
			if name == "Cookie" {
				m.Cookie = text
				continue
			}
			m.Fields = append(m.Fields, Field{name, text})
		}
	}
	if req.GetBody == nil {
		return nil
	}
	body, err := req.GetBody()
	if err != nil {
		return err
	}
	defer body.Close()
	if m.Body, err = readBody(body); len(m.Body) == 0 {
		m.Body = nil
	}
	return err
}

// request is the message as net/http has it, without the session's cookies.
func (m *Message) request(ctx context.Context, u *url.URL) (*http.Request, error) {
	var body io.Reader
	if m.Body != nil {
		body = bytes.NewReader(bytes.Clone(m.Body))
	}
	req, err := http.NewRequestWithContext(ctx, m.Method, u.String(), body)
	if err != nil {
		return nil, err
	}
	for _, f := range m.Fields {
		req.Header[f.Name] = append(req.Header[f.Name], string(f.Value))
	}
	if m.Host != "" {
		req.Host = m.Host
	}
	return req, nil
}

// request makes a step's request, of sessions that are signed in or of those that are not.
type request struct {
	step     *PlanStep
	signedIn bool

	mu        sync.Mutex                               // held while a template is made
	templates atomic.Pointer[map[*Shape]*template]     // nil values: there can be none
	reasons   atomic.Pointer[map[*Shape]reasonForNone] // why
}

// reasonForNone says why a request has no template.
type reasonForNone string

// Request fills m with the step's request.
func (s *PlanStep) Request(ctx context.Context, v *Values, m *Message) error {
	r := s.requests[index(v.Session.SignedIn)]
	var shape *Shape
	if s.shaped {
		if shape = v.shape; shape == nil {
			return s.interpret(ctx, v, m)
		}
	}
	var t *template
	known := r.templates.Load()
	ok := false
	if known != nil {
		t, ok = (*known)[shape]
	}
	if !ok {
		t = r.compile(ctx, shape)
	}
	if t != nil && t.render(v, m) {
		return nil
	}
	return s.interpret(ctx, v, m)
}

// Prepare compiles the request for credentials of a shape, and says why it has no template; "" if it has one.
func (s *PlanStep) Prepare(shape *Shape) (reason string) {
	if !s.shaped {
		shape = nil
	}
	for _, r := range s.requests {
		if t := r.compile(context.Background(), shape); t == nil {
			reason = string((*r.reasons.Load())[shape])
		}
	}
	return reason
}

// compile makes the template for a shape, or finds that there is none.
func (r *request) compile(ctx context.Context, shape *Shape) *template {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.templates.Load()
	if known != nil {
		if t, ok := (*known)[shape]; ok {
			return t
		}
	}
	t, err := r.step.template(ctx, r.signedIn, shape)
	templates, reasons := map[*Shape]*template{shape: t}, map[*Shape]reasonForNone{}
	if known != nil {
		maps.Copy(templates, *known)
		maps.Copy(reasons, *r.reasons.Load())
	}
	if err != nil {
		templates[shape], reasons[shape] = nil, reasonForNone(err.Error())
	}
	r.reasons.Store(&reasons)
	r.templates.Store(&templates)
	return templates[shape]
}

// interpret makes the request as [Party.Do] does.
func (s *PlanStep) interpret(ctx context.Context, v *Values, m *Message) error {
	r, err := s.plan.run(v)
	if err != nil {
		return err
	}
	if s.shaped && (v.shape != nil || v.response != nil) {
		if r.credential, err = v.credential(s.plan.spec); err != nil {
			return err
		}
	}
	req, err := r.build(ctx, &s.spec.HTTP, roleOf(s.spec))
	if err != nil {
		return err
	}
	return m.read(req)
}

// template makes the template of a step's request by finding out where the interpreter puts which value, and how. The
// error says why it cannot be one.
func (s *PlanStep) template(ctx context.Context, signedIn bool, shape *Shape) (*template, error) {
	if s.plan.outer {
		return nil, errors.New("it is the scenario's own")
	}
	if s.relies(s.plan.varying()...) == scenarios.Computes {
		return nil, errors.New("an expression in it decides by, or computes with, what is another value each time")
	}
	v := s.plan.planner.sample(signedIn)
	v.shape = shape
	c := &compiler{step: s, values: v, holes: firstSaved + hole(len(s.plan.planner.saved))}
	return c.compile(ctx)
}

// Redirect makes m the request that follows on a redirect, if there is one. The interpreter's rules decide.
func (s *PlanStep) Redirect(ctx context.Context, m *Message, a *Reply) (more bool, err error) {
	if !s.Follow || a.Status < 300 || a.Status > 399 {
		return false, nil
	}
	location := a.header("Location")
	if location == "" {
		return false, nil
	}
	from := m.URL()
	to, err := from.Parse(location)
	if err != nil || to.Scheme != "http" && to.Scheme != "https" {
		return false, &Fault{Kind: FaultRedirects, Sentence: a.what() + " redirects to what is not a web address", Err: err}
	}
	req, err := m.request(ctx, from)
	if err != nil {
		return false, err
	}
	next, err := redirected(ctx, req, a.Status, to)
	if err != nil {
		return false, err
	}
	return true, m.read(next)
}

// What says which request it is: its method and path, as the adapter has them.
func (s *PlanStep) What() string {
	method := s.spec.Method
	if method == "" {
		method = http.MethodGet
		if s.Credential || s.spec.JSON != nil || s.spec.Form != nil || s.spec.Multipart != nil || !s.spec.Text.IsZero() {
			method = http.MethodPost
		}
	}
	return method + " " + s.spec.Path.Raw()
}
