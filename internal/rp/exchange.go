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
	"strconv"
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
	party  *Party
}

// parseAnswer reads the body as JSON whatever its content type says: real servers send JSON as text/html.
func (a *answer) parse() {
	a.body = string(a.raw)
	if len(bytes.TrimSpace(a.raw)) == 0 {
		return
	}
	var v any
	dec := json.NewDecoder(bytes.NewReader(a.raw))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		return
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return
	}
	a.body, a.isJSON = exact(v), true
}

// exact turns the numbers of a JSON value into Go's: whole ones keep every digit, because they may be ids.
func exact(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = exact(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = exact(v[name])
		}
	case json.Number:
		if n, err := strconv.Atoi(v.String()); err == nil {
			return n
		}
		if strings.ContainsAny(v.String(), ".eE") {
			if f, err := v.Float64(); err == nil {
				return f
			}
		}
		return v.String()
	}
	return v
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
		s += ": " + a.party.excerpt(text, 160)
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
		Sentence: fmt.Sprintf("%s answered %d with %s where JSON was expected: %s", a.what, a.status, kind, a.party.excerpt(strings.TrimSpace(string(a.raw)), 120)),
		Hint:     "is the path right, or did a proxy or login page answer?",
		Err:      err,
	}
}

// excerpt is a text on one line and cut to so many bytes, which a "…" at its end tells. Both would
// hide a secret from the redactor, so the secrets known by now go first.
func (p *Party) excerpt(s string, limit int) string {
	if folded := fold(s); folded == s && len(s) <= limit {
		return s
	}
	return cut(fold(p.redact(s)), limit)
}

// redact takes the known secrets out of a text. Only so much is looked at that the rest cannot show.
func (p *Party) redact(s string) string {
	s = cut(s, 2*maxExcerpt)
	if p.target.Redact == nil {
		return s
	}
	return p.target.Redact(s)
}

func fold(s string) string { return strings.Join(strings.Fields(s), " ") }

func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit] + "…"
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
		if err != nil || next.Scheme != "http" && next.Scheme != "https" {
			return nil, &Fault{Kind: FaultRedirects, Sentence: fmt.Sprintf("%s redirects to %q, which is not a web address", a.what, location), Err: err}
		}
		if req, err = redirected(ctx, req, a.status, next); err != nil {
			return nil, err
		}
	}
}

// redirected is the request that a browser sends after a redirect (Fetch §4.4, HTTP-redirect fetch):
// GET after 303, and after 301 or 302 to a POST; else the same again. Another origin gets only what
// every request carries.
func redirected(ctx context.Context, req *http.Request, status int, to *url.URL) (*http.Request, error) {
	method, body := req.Method, io.Reader(nil)
	becomesGet := status == http.StatusSeeOther && method != http.MethodHead ||
		(status == http.StatusMovedPermanently || status == http.StatusFound) && method == http.MethodPost
	if becomesGet {
		method = http.MethodGet
	} else if req.GetBody != nil {
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
	next, err := http.NewRequestWithContext(ctx, method, to.String(), body)
	if err != nil {
		return nil, err
	}
	for name, values := range req.Header {
		everywhere := name == "Accept" || name == "User-Agent" || name == "Content-Type"
		if name == "Cookie" || !sameOrigin(to, req.URL) && !everywhere || body == nil && (name == "Content-Type" || name == "Origin" && becomesGet) {
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
	record := report.Exchange{Purpose: purpose, Phase: r.phase, StartMS: ms(start.Sub(r.zero)), Request: r.party.recordRequest(req), Curl: r.party.curl(req)}
	trace := newTrace(clock)
	resp, err := r.party.target.HTTP.RoundTrip(req.WithContext(httptrace.WithClientTrace(ctx, trace.hooks())))
	a := &answer{what: what, url: req.URL, party: r.party}
	if err == nil {
		a.status, a.header = resp.StatusCode, resp.Header
		a.raw, err = readBody(resp.Body)
		if closeErr := resp.Body.Close(); err == nil {
			err = closeErr
		}
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
	if resp != nil {
		record.Response = r.party.recordResponse(resp, a.raw) // after its cookies have become known
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

func (p *Party) recordRequest(req *http.Request) report.Request {
	rec := report.Request{Method: req.Method, URL: req.URL.String(), Headers: recordHeaders(req.Header)}
	if req.GetBody != nil {
		if b, err := req.GetBody(); err == nil {
			raw, _ := io.ReadAll(io.LimitReader(b, 4*maxExcerpt))
			_ = b.Close()
			rec.Body, _ = p.bodyExcerpt(raw)
		}
	}
	return rec
}

func (p *Party) recordResponse(resp *http.Response, raw []byte) *report.Response {
	rec := &report.Response{Status: resp.StatusCode, Proto: resp.Proto, Headers: recordHeaders(resp.Header), BodyBytes: int64(len(raw))}
	rec.Body, rec.Truncated = p.bodyExcerpt(raw)
	return rec
}

// bodyExcerpt is a body as the report shows it: one that is too long ends in "…".
func (p *Party) bodyExcerpt(raw []byte) (text string, truncated bool) {
	text = printable(raw)
	if len(text) <= maxExcerpt {
		return text, false
	}
	return cut(p.redact(text), maxExcerpt), true
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
