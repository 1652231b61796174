package wire

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/passrig/passrig/report"
)

// fast is the client that speaks HTTP/1.1 itself.
type fast struct {
	cfg       Config
	tls       *tls.Config
	servers   registry
	stats     counters
	buffers   buffers
	gunzipper sync.Pool // of *gzip.Reader
}

type counters struct{ dialed, reused, retried, resumed atomic.Int64 }

func (c *counters) stats() Stats {
	return Stats{Dialed: c.dialed.Load(), Reused: c.reused.Load(), Retried: c.retried.Load(), Resumed: c.resumed.Load()}
}

// NewFast makes the client that speaks HTTP/1.1 itself. It goes through no proxy: see [Proxied].
func NewFast(cfg Config) (Client, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if cfg.HTTP2 {
		return nil, errors.New("the fast client speaks HTTP/1.1 only")
	}
	secure, err := cfg.tlsConfig()
	if err != nil {
		return nil, err
	}
	secure.NextProtos = []string{"http/1.1"}
	return &fast{cfg: cfg, tls: secure}, nil
}

// Proxied reports whether the environment names a proxy for the base URL: a matter for the general client.
func Proxied(base *url.URL) bool {
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: base})
	return err != nil || proxy != nil
}

func (f *fast) Server(base *url.URL) (*Server, error) {
	if Proxied(base) {
		return nil, fmt.Errorf("base URL %q is behind a proxy, which the fast client cannot go through", base)
	}
	return f.servers.server(base, &f.cfg, f.tls)
}

func (f *fast) NewLine() Line {
	l := &fastLine{client: f, answer: answerReader{from: &f.buffers}}
	l.alarm = alarm{clock: f.cfg.Clock, ring: l.ring}
	return l
}

func (f *fast) Close() {
	f.servers.each(func(s *Server) { s.pool.shut() })
}

func (f *fast) Describe() string { return "HTTP/1.1" }

func (f *fast) Stats() Stats { return f.stats.stats() }

// fastLine is a line of the fast client. It has the buffer of the last answer until the next exchange begins.
type fastLine struct {
	client *fast
	answer answerReader
	plain  bytes.Buffer // a body that was compressed
	own    []*conn      // unless connections are kept alive for all
	seat   seat

	mu    sync.Mutex
	watch int // counts the contexts, so that the end of an old one does no harm
	held  *conn
	cut   error // why what was held was closed
	alarm alarm
	done  <-chan struct{}
	stop  func() bool
}

// Do implements [Line].
func (l *fastLine) Do(ctx context.Context, req *Request, resp *Response, deadline time.Duration) error {
	resp.reset()
	var until time.Time
	if deadline > 0 {
		until = l.client.cfg.Clock().Add(deadline)
	}
	l.observe(ctx)
	c, at, err := l.connect(ctx, req.Server, until)
	if err != nil {
		return l.fault(ctx, req, at, err)
	}
	again, err := l.exchange(ctx, c, req, resp, until)
	if again {
		l.client.stats.retried.Add(1)
		if c, at, err = l.redial(ctx, req.Server, until); err != nil {
			return l.fault(ctx, req, at, err)
		}
		_, err = l.exchange(ctx, c, req, resp, until)
	}
	if err != nil {
		return l.fault(ctx, req, exchanging, err)
	}
	return nil
}

func (l *fastLine) fault(ctx context.Context, req *Request, at stage, err error) error {
	if ctx.Err() != nil { // the error is only that the connection was closed
		err = fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	return newFault(req, at, err)
}

// exchange sends the request and reads the answer. Afterwards the connection is kept or closed. again reports that the
// server had closed the kept connection before anything of an answer came: the line then still has its seat in the
// pool, for the connection that takes its place.
func (l *fastLine) exchange(ctx context.Context, c *conn, req *Request, resp *Response, until time.Time) (again bool, err error) {
	keep, err := l.converse(ctx, c, req, resp, until)
	cut := l.release()
	if cut != nil && err != nil {
		err = fmt.Errorf("%w: %w", cut, err)
	}
	resp.Reused = c.used
	if c.used && err == nil {
		l.client.stats.reused.Add(1)
	}
	if err != nil || !keep || cut != nil || wantsClose(req) {
		again = err != nil && c.used && !l.answer.began() && isClosed(err) && cut == nil && ctx.Err() == nil
		l.forget(c)
		c.abort()
		if !again {
			c.server.pool.leave()
		}
		return again, err
	}
	c.used = true
	if l.client.cfg.Mode == report.ConnectionsKeepAlive {
		c.server.pool.put(c)
	}
	return false, nil
}

func (l *fastLine) converse(ctx context.Context, c *conn, req *Request, resp *Response, until time.Time) (keep bool, err error) {
	l.answer.drop()
	if !l.hold(ctx, c, until) {
		return false, ctx.Err()
	}
	out := l.client.buffers.take()
	out.bytes = appendRequest(out.bytes, req)
	resp.Sent = int64(len(out.bytes))
	err = c.send(out, &l.client.buffers)
	if errors.Is(err, errStale) || errors.Is(err, net.ErrClosed) {
		return false, err
	}
	l.answer.start(c.stream)
	if err != nil {
		// A server may answer before it has read the whole request, and hang up.
		if _, readErr := l.answer.read(req.Method, resp); readErr != nil {
			return false, err
		}
		return false, l.decompress(req, resp)
	}
	if keep, err = l.answer.read(req.Method, resp); err != nil {
		return false, err
	}
	return keep, l.decompress(req, resp)
}

// decompress does what net/http does with an answer that is compressed because we asked for it.
func (l *fastLine) decompress(req *Request, resp *Response) error {
	if !l.answer.gzip || len(resp.Body) == 0 || !asksForGzip(req) {
		return nil
	}
	z, _ := l.client.gunzipper.Get().(*gzip.Reader)
	if z == nil {
		z = new(gzip.Reader)
	}
	defer l.client.gunzipper.Put(z)
	if err := z.Reset(bytes.NewReader(resp.Body)); err != nil {
		return fmt.Errorf("decompressing the body: %w", unwrapped(err))
	}
	if l.plain.Cap() > keptBuffer {
		l.plain = bytes.Buffer{}
	}
	l.plain.Reset()
	n, err := l.plain.ReadFrom(io.LimitReader(z, MaxBody+1))
	if err != nil {
		return fmt.Errorf("decompressing the body: %w", unwrapped(err))
	}
	if n > MaxBody {
		return errBodyTooLong
	}
	resp.Body = l.plain.Bytes()
	resp.drop("Content-Encoding", resp.head)
	resp.drop("Content-Length", resp.head)
	return nil
}

// unwrapped hides the io.EOF of a decoder, which is not that of the connection.
func unwrapped(err error) error { return errors.New(err.Error()) }

// observe has ctx close the connection that is held when it ends.
func (l *fastLine) observe(ctx context.Context) {
	if ctx.Done() == l.done {
		return
	}
	if l.stop != nil {
		l.stop()
		l.stop = nil
	}
	l.mu.Lock()
	l.watch++
	watch := l.watch
	l.mu.Unlock()
	if l.done = ctx.Done(); l.done != nil {
		l.stop = context.AfterFunc(ctx, func() { l.interrupt(ctx, watch) })
	}
}

func (l *fastLine) interrupt(ctx context.Context, watch int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.watch == watch {
		l.hangUpHeld(ctx.Err())
	}
}

// ring is called when the time may be over.
func (l *fastLine) ring() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.alarm.due() {
		l.hangUpHeld(os.ErrDeadlineExceeded)
	}
}

func (l *fastLine) hangUpHeld(why error) {
	if l.held != nil {
		l.held.abort()
		l.held, l.cut = nil, why
	}
}

// hold makes c the connection that is closed at the end of ctx or of the time; false if ctx has ended.
func (l *fastLine) hold(ctx context.Context, c *conn, until time.Time) bool {
	l.mu.Lock()
	l.held, l.cut = c, nil
	l.alarm.set(until)
	l.mu.Unlock()
	return ctx.Err() == nil
}

// release ends the hold, and returns why the connection was closed meanwhile, if it was.
func (l *fastLine) release() (cut error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = nil
	l.alarm.set(time.Time{})
	return l.cut
}

// Ceremony implements [Line].
func (l *fastLine) Ceremony() {
	if l.client.cfg.Mode == report.ConnectionsPerCeremony {
		l.hangUp()
	}
}

// Reset implements [Line].
func (l *fastLine) Reset() { l.hangUp() }

// Close implements [Line].
func (l *fastLine) Close() {
	l.hangUp()
	l.answer.drop()
	if l.stop != nil {
		l.stop()
	}
	l.done, l.stop = nil, nil
	l.mu.Lock()
	defer l.mu.Unlock()
	l.alarm.stop()
}

func (l *fastLine) hangUp() {
	for i, c := range l.own {
		c.close()
		c.server.pool.leave()
		l.own[i] = nil
	}
	l.own = l.own[:0]
}
