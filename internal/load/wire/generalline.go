package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/passrig/passrig/report"
)

const maxTexts = 256 // kept by a line as strings, so that they need not be made for every request

// generalLine is a line of the general client.
type generalLine struct {
	client    *general
	transport *http.Transport // shared, or the line's own

	done <-chan struct{}
	span *span

	trace   httptrace.ClientTrace
	carried carried

	texts   map[string]string
	urls    map[string]target
	scratch []byte
	buf     []byte

	mu   sync.Mutex
	made []net.Conn // by the line's own transport
}

// carried is by which connection the request went, as net/http tells from any of its goroutines.
type carried struct {
	mu       sync.Mutex
	attempts int64
	reused   bool
	conn     net.Conn
}

func (c *carried) by(info httptrace.GotConnInfo) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.attempts++
	c.reused, c.conn = info.Reused, info.Conn
}

// take returns what was told since the last call.
func (c *carried) take() (attempts int64, reused bool, conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	attempts, reused, conn = c.attempts, c.reused, c.conn
	c.attempts, c.reused, c.conn = 0, false, nil
	return attempts, reused, conn
}

type target struct {
	server *Server
	url    *url.URL
}

// Do implements [Line].
func (l *generalLine) Do(ctx context.Context, req *Request, resp *Response, deadline time.Duration) error {
	resp.reset()
	if l.transport == nil {
		l.transport = l.client.transport(l.note)
	}
	s := l.begin(ctx)
	r, err := l.build(s.blank, req)
	if err != nil {
		return newFault(req, connecting, err)
	}
	s.arm(deadline)
	answer, err := l.transport.RoundTrip(r)
	if err == nil {
		err = l.read(answer, resp)
	}
	if !s.disarm() {
		l.end()
	}
	attempts, reused, carrier := l.carried.take()
	if attempts > 1 {
		l.client.stats.retried.Add(attempts - 1)
	}
	if err != nil {
		at := connecting
		if attempts > 0 {
			at = exchanging
		}
		return newFault(req, at, cause(ctx, s, carrier, err))
	}
	if resp.Reused = reused; reused {
		l.client.stats.reused.Add(1)
	}
	l.scratch = appendRequest(l.scratch[:0], req)
	resp.Sent = int64(len(l.scratch))
	return nil
}

// cause prefers the reason why the exchange was ended to what came of it.
func cause(ctx context.Context, s *span, carrier net.Conn, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case s.ctx.Err() != nil:
		return context.Cause(s.ctx) //nolint:contextcheck // the span is within ctx
	}
	if strings.Contains(err.Error(), "malformed") && endedByServer(carrier) {
		return fmt.Errorf("%w: %w", io.ErrUnexpectedEOF, err)
	}
	if strings.Contains(err.Error(), "malformed MIME header") { // and what follows is the line, which may be a cookie's
		return malformed("header line")
	}
	return err
}

// begin returns the span for the next exchange: the last one, if it is within the same context.
func (l *generalLine) begin(ctx context.Context) *span {
	if l.span == nil || ctx.Done() != l.done {
		l.end()
		l.done, l.span = ctx.Done(), newSpan(ctx, &l.trace, l.client.cfg.Clock)
	}
	return l.span
}

func (l *generalLine) end() {
	if l.span != nil {
		l.span.end()
		l.span = nil
	}
}

func (l *generalLine) build(blank *http.Request, req *Request) (*http.Request, error) {
	u, err := l.url(req)
	if err != nil {
		return nil, err
	}
	header := make(http.Header, len(req.Headers)+2)
	values := make([]string, len(req.Headers)+1)
	for i := range req.Headers {
		h := &req.Headers[i]
		values[i] = l.text(h.Value)
		if earlier, ok := header[h.Name]; ok {
			header[h.Name] = append(earlier, values[i])
		} else {
			header[h.Name] = values[i : i+1 : i+1]
		}
	}
	if len(req.Cookie) > 0 {
		last := len(values) - 1
		values[last] = string(req.Cookie)
		header["Cookie"] = values[last:]
	}
	if _, ok := header["Idempotency-Key"]; !ok {
		// Without a value it is not sent, and lets net/http repeat a POST when a kept connection turns out to be closed.
		header["Idempotency-Key"] = nil
	}
	r := new(http.Request)
	*r = *blank
	r.Method, r.URL, r.Host, r.Header, r.ContentLength = req.Method, u, req.Host, header, int64(len(req.Body))
	if len(req.Body) > 0 {
		// A copy, as net/http may be writing it after the answer; in this type, as it then goes out with the header.
		body := bytes.Clone(req.Body)
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		r.Body, _ = r.GetBody()
	}
	return r, nil
}

// url is the URL of a request. Those of the usual targets are kept.
func (l *generalLine) url(req *Request) (*url.URL, error) {
	if t, ok := l.urls[string(req.Target)]; ok && t.server == req.Server {
		return t.url, nil
	}
	u, err := url.ParseRequestURI(string(req.Target))
	if err != nil {
		return nil, err
	}
	u.Scheme, u.Host = req.Server.base.Scheme, req.Server.base.Host
	if len(l.urls) < maxTexts {
		l.urls[string(req.Target)] = target{req.Server, u}
	}
	return u, nil
}

// text is the bytes as a string. Those of the usual values are kept.
func (l *generalLine) text(b []byte) string {
	if s, ok := l.texts[string(b)]; ok {
		return s
	}
	s := string(b)
	if len(l.texts) < maxTexts {
		l.texts[s] = s
	}
	return s
}

// read takes the whole answer into the line's buffer: header first, then body.
func (l *generalLine) read(answer *http.Response, resp *Response) error {
	defer answer.Body.Close()
	if cap(l.buf) > keptBuffer {
		l.buf = nil
	}
	b := l.buf[:0]
	for name, values := range answer.Header {
		for _, value := range values {
			start := len(b)
			b = append(append(b, name...), ": "...)
			b = append(append(b, value...), "\r\n"...)
			f := field{int32(start), int32(start + len(name)), int32(start + len(name) + 2), int32(len(b) - 2)} //nolint:gosec // within MaxHead
			resp.fields = append(resp.fields, f)
		}
	}
	head := len(b)
	for {
		if len(b) == cap(b) {
			b = append(b, make([]byte, max(512, len(b)))...)[:len(b)]
		}
		n, err := answer.Body.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		l.buf = b
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if len(b)-head > MaxBody {
			return errBodyTooLong
		}
	}
	resp.Status, resp.Proto = answer.StatusCode, answer.Proto
	resp.head, resp.Body = b[:head:head], b[head:]
	resp.Received = int64(len(answer.Proto) + len(answer.Status) + len("  \r\n") + len(b))
	if len(b)-head > MaxBody {
		return errBodyTooLong
	}
	return nil
}

// note remembers a connection of the line's own transport.
func (l *generalLine) note(c net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.made = append(l.made, c)
}

// Ceremony implements [Line].
func (l *generalLine) Ceremony() {
	if l.client.cfg.Mode == report.ConnectionsPerCeremony {
		l.hangUp()
	}
}

// Reset implements [Line].
func (l *generalLine) Reset() { l.hangUp() }

// Close implements [Line].
func (l *generalLine) Close() {
	l.hangUp()
	l.end()
}

// hangUp gives up the line's own transport. One that may still be busy with the end of a stream keeps its connection
// for a moment, and would use it again, so it is not taken again.
func (l *generalLine) hangUp() {
	if l.client.shared != nil || l.transport == nil {
		return
	}
	l.transport.CloseIdleConnections()
	l.transport = nil
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.made {
		_ = c.Close()
	}
	l.made = l.made[:0]
}
