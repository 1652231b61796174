package rp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
)

const (
	maxRedirects = 10
	maxExcerpt   = 16 << 10 // of a body, in the report
)

// answer is one answer of the relying party, read whole.
type answer struct {
	what   string // "POST http://localhost:8080/login"
	url    *url.URL
	status int
	header http.Header
	raw    []byte
	body   any // parsed JSON, or the text
	isJSON bool
}

// parseAnswer reads the body as JSON whatever its content type says: real servers send JSON as text/html.
func (a *answer) parse() {
	a.body = string(a.raw)
	if len(bytes.TrimSpace(a.raw)) == 0 {
		return
	}
	var v any
	dec := json.NewDecoder(bytes.NewReader(a.raw))
	if err := dec.Decode(&v); err != nil {
		return
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return
	}
	a.body, a.isJSON = v, true
}

func (a *answer) env(s *Session) scenarios.Env {
	headers := make(map[string]any, len(a.header))
	for name, values := range a.header {
		headers[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	return scenarios.Env{
		"status": a.status, "headers": headers, "body": a.body, "text": string(a.raw),
		"url": a.url.String(), "cookies": s.cookies(a.url),
	}
}

// summary is the answer in a few words: its status, and what it says of an error if that is short.
func (a *answer) summary() string {
	s := a.statusText()
	if text := strings.TrimSpace(string(a.raw)); text != "" {
		s += ": " + excerpt(text, 160)
	}
	return s
}

func (a *answer) statusText() string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", a.status, http.StatusText(a.status)))
}

// unreadable turns a failed expression into a fault. If the body is not JSON, that is the likelier trouble.
func (a *answer) unreadable(err error) *Fault {
	if !a.isJSON && len(bytes.TrimSpace(a.raw)) > 0 {
		return a.notJSON(err)
	}
	return &Fault{
		Kind: FaultAdapter, Sentence: fmt.Sprintf("%s answered %s: %v", a.what, a.summary(), err), Err: err,
		Hint: "does the adapter fit this relying party?",
	}
}

func (a *answer) notJSON(err error) *Fault {
	kind, _, _ := mime.ParseMediaType(a.header.Get("Content-Type"))
	if kind == "" {
		kind = "no content type"
	}
	return &Fault{
		Kind:     FaultNotJSON,
		Sentence: fmt.Sprintf("%s answered %d with %s where JSON was expected: %s", a.what, a.status, kind, excerpt(strings.TrimSpace(string(a.raw)), 120)),
		Hint:     "is the path right, or did a proxy or login page answer?",
		Err:      err,
	}
}

func excerpt(s string, limit int) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) <= limit {
		return s
	}
	cut := limit
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// send performs the request and, if asked, follows redirects. Every hop is recorded.
func (r *run) send(ctx context.Context, req *http.Request, purpose string, follow bool) (*answer, error) {
	for hop := 0; ; hop++ {
		a, err := r.exchange(ctx, req, purpose)
		if err != nil {
			return nil, err
		}
		location := a.header.Get("Location")
		if !follow || a.status < 300 || a.status > 399 || location == "" {
			return a, nil
		}
		if hop == maxRedirects {
			return nil, &Fault{
				Kind:     FaultRedirects,
				Sentence: fmt.Sprintf("%s: more than %d redirects, the last to %s", a.what, maxRedirects, location),
				Hint:     "does the relying party send a signed-out visitor round in circles? A missing cookie is the usual cause",
			}
		}
		next, err := a.url.Parse(location)
		if err != nil {
			return nil, &Fault{Kind: FaultRedirects, Sentence: fmt.Sprintf("%s redirects to %q, which is not a URL", a.what, location), Err: err}
		}
		if req, err = redirected(ctx, req, a.status, next); err != nil {
			return nil, err
		}
	}
}

// redirected is the request that a browser sends after a redirect (Fetch, HTTP-redirect fetch):
// 307 and 308 repeat it, the others become GET.
func redirected(ctx context.Context, req *http.Request, status int, to *url.URL) (*http.Request, error) {
	method, body := http.MethodGet, io.Reader(nil)
	if status == http.StatusTemporaryRedirect || status == http.StatusPermanentRedirect {
		method = req.Method
		if req.GetBody != nil {
			b, err := req.GetBody()
			if err != nil {
				return nil, err
			}
			defer b.Close()
			raw, err := io.ReadAll(b)
			if err != nil {
				return nil, err
			}
			body = bytes.NewReader(raw)
		}
	}
	next, err := http.NewRequestWithContext(ctx, method, to.String(), body)
	if err != nil {
		return nil, err
	}
	for name, values := range req.Header {
		if name == "Cookie" || (name == "Authorization" && to.Host != req.URL.Host) || (body == nil && name == "Content-Type") {
			continue
		}
		next.Header[name] = slices.Clone(values)
	}
	return next, nil
}

// exchange sends one request and reads its answer whole.
func (r *run) exchange(ctx context.Context, req *http.Request, purpose string) (*answer, error) {
	r.session.addCookies(req)
	what := req.Method + " " + displayURL(req.URL)
	clock := r.party.target.Clock
	start := clock()
	record := report.Exchange{Purpose: purpose, Phase: r.phase, StartMS: ms(start.Sub(r.zero)), Request: recordRequest(req), Curl: curl(req)}
	trace := newTrace(clock)
	resp, err := r.party.target.HTTP.RoundTrip(req.WithContext(httptrace.WithClientTrace(ctx, trace.hooks())))
	a := &answer{what: what, url: req.URL}
	if err == nil {
		a.status, a.header = resp.StatusCode, resp.Header
		a.raw, err = readBody(resp.Body)
		if closeErr := resp.Body.Close(); err == nil {
			err = closeErr
		}
		record.Response = recordResponse(resp, a.raw)
	}
	end := clock()
	record.Timing = trace.timing(start, end)
	var fault *Fault
	switch {
	case errors.Is(err, errTooLarge):
		fault = &Fault{
			Kind: FaultTooLarge, Sentence: fmt.Sprintf("%s answered %d with more than %d MiB", what, a.status, MaxBody>>20),
			Hint: "is this the right path? A ceremony's answers are a few kilobytes", Err: err,
		}
	case err != nil:
		fault = transportFault(err, what)
	default:
		a.parse()
		var notes []string
		notes, fault = r.session.takeCookies(resp, req.URL, end)
		r.result.Notes = append(r.result.Notes, notes...)
	}
	if fault != nil {
		record.Error = fault.Sentence
	}
	r.result.Exchanges = append(r.result.Exchanges, record)
	if fault != nil {
		return nil, fault
	}
	return a, nil
}

var errTooLarge = errors.New("body too large")

func readBody(body io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(body, MaxBody+1))
	if err == nil && len(raw) > MaxBody {
		return raw[:MaxBody], errTooLarge
	}
	return raw, err
}

// displayURL is the URL without query, which may hold user data and is in the record anyway.
func displayURL(u *url.URL) string {
	c := *u
	c.RawQuery, c.Fragment, c.User = "", "", nil
	return c.String()
}

func recordRequest(req *http.Request) report.Request {
	rec := report.Request{Method: req.Method, URL: req.URL.String(), Headers: recordHeaders(req.Header)}
	if req.GetBody != nil {
		if b, err := req.GetBody(); err == nil {
			raw, _ := io.ReadAll(io.LimitReader(b, maxExcerpt))
			_ = b.Close()
			rec.Body = printable(raw)
		}
	}
	return rec
}

func recordResponse(resp *http.Response, raw []byte) *report.Response {
	rec := &report.Response{Status: resp.StatusCode, Proto: resp.Proto, Headers: recordHeaders(resp.Header), BodyBytes: int64(len(raw))}
	if len(raw) > maxExcerpt {
		raw, rec.Truncated = raw[:maxExcerpt], true
	}
	rec.Body = printable(raw)
	return rec
}

func printable(raw []byte) string {
	if utf8.Valid(raw) {
		return string(raw)
	}
	return strings.ToValidUTF8(string(raw), "\uFFFD")
}

func recordHeaders(h http.Header) []report.Header {
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	var list []report.Header
	for _, name := range names {
		for _, v := range h[name] {
			list = append(list, report.Header{Name: name, Value: v})
		}
	}
	return list
}
