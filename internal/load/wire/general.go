package wire

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/passrig/passrig/report"
)

// general is the client on top of net/http.
type general struct {
	cfg     Config
	tls     *tls.Config
	servers registry
	stats   counters
	shared  *http.Transport // of all lines, with keep-alive
	slots   slots
}

// NewGeneral makes the client that is net/http's transport: for HTTP/2, and for proxies, which are taken from the
// environment except for loopback.
func NewGeneral(cfg Config) (Client, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	secure, err := cfg.tlsConfig()
	if err != nil {
		return nil, err
	}
	g := &general{cfg: cfg, tls: secure}
	if cfg.Mode == report.ConnectionsKeepAlive {
		g.shared = g.transport(func(net.Conn) {})
		g.shared.MaxConnsPerHost = cfg.MaxConns
	} else {
		g.slots.max = cfg.MaxConns
	}
	return g, nil
}

// transport makes one that tells of every connection it makes.
func (g *general) transport(made func(net.Conn)) *http.Transport {
	dialer := &net.Dialer{Timeout: g.cfg.DialTimeout, KeepAlive: -1}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(g.cfg.HTTP2)
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if to, ok := g.cfg.ConnectTo[addr]; ok {
				addr = to
			}
			leave, err := g.slots.enter(ctx, addr)
			if err != nil {
				return nil, err
			}
			c, err := dialer.DialContext(ctx, network, addr)
			if err != nil {
				leave()
				return nil, err
			}
			g.stats.dialed.Add(1)
			w := &watched{Conn: c, leave: leave}
			made(w)
			return w, nil
		},
		TLSClientConfig:        g.tls.Clone(),
		TLSHandshakeTimeout:    g.cfg.DialTimeout,
		MaxIdleConnsPerHost:    1 << 20, // what was opened is kept, as with the fast client
		MaxResponseHeaderBytes: MaxHead,
		Protocols:              protocols,
	}
}

// Server implements [Client].
func (g *general) Server(base *url.URL) (*Server, error) {
	if g.cfg.HTTP2 && base.Scheme == "http" {
		return nil, fmt.Errorf("HTTP/2 needs TLS, and %q is plain HTTP", base)
	}
	return g.servers.server(base, &g.cfg, g.tls)
}

// NewLine implements [Client].
func (g *general) NewLine() Line {
	l := &generalLine{client: g, transport: g.shared, texts: make(map[string]string), urls: make(map[string]target)}
	l.trace.GotConn = l.carried.by
	return l
}

// Close implements [Client].
func (g *general) Close() {
	if g.shared != nil {
		g.shared.CloseIdleConnections()
	}
}

// Describe implements [Client].
func (g *general) Describe() string {
	if g.cfg.HTTP2 {
		return "HTTP/2"
	}
	return "HTTP/1.1"
}

// Stats implements [Client].
func (g *general) Stats() Stats { return g.stats.stats() }

// slots bound the connections that lines have of their own, to each address.
type slots struct {
	max int // 0: no bound

	mu   sync.Mutex
	free map[string]chan struct{}
}

// enter waits for a slot, which leave gives back.
func (s *slots) enter(ctx context.Context, addr string) (leave func(), err error) {
	if s.max == 0 {
		return func() {}, nil
	}
	s.mu.Lock()
	taken, ok := s.free[addr]
	if !ok {
		if s.free == nil {
			s.free = make(map[string]chan struct{})
		}
		taken = make(chan struct{}, s.max)
		s.free[addr] = taken
	}
	s.mu.Unlock()
	select {
	case taken <- struct{}{}:
		return func() { <-taken }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// watched is a connection that gives its slot back when it is closed, and knows whether the server ended it: of an answer
// that breaks off in the middle of its header, net/http only says that it is malformed.
type watched struct {
	net.Conn
	ended atomic.Bool
	once  sync.Once
	leave func()
}

// Read implements [net.Conn].
func (c *watched) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil && isClosed(err) {
		c.ended.Store(true)
	}
	return n, err
}

// Close implements [net.Conn].
func (c *watched) Close() error {
	c.once.Do(c.leave)
	return c.Conn.Close()
}

// endedByServer reports whether the connection that carried an exchange was.
func endedByServer(c net.Conn) bool {
	if secure, ok := c.(*tls.Conn); ok {
		c = secure.NetConn()
	}
	w, ok := c.(*watched)
	return ok && w.ended.Load()
}

// span is a context of a line, which serves all exchanges until one of them takes too long.
type span struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	blank  *http.Request // with the context; copied for every exchange

	mu    sync.Mutex
	alarm alarm
}

func newSpan(parent context.Context, trace *httptrace.ClientTrace, clock func() time.Time) *span {
	ctx, cancel := context.WithCancelCause(httptrace.WithClientTrace(parent, trace))
	blank := (&http.Request{Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}).WithContext(ctx)
	s := &span{ctx: ctx, cancel: cancel, blank: blank}
	s.alarm = alarm{clock: clock, ring: s.ring}
	return s
}

func (s *span) ring() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.alarm.due() {
		s.cancel(context.DeadlineExceeded)
	}
}

// arm ends the span after d, unless it is disarmed before. 0 is never.
func (s *span) arm(d time.Duration) {
	if d > 0 {
		s.mu.Lock()
		s.alarm.set(s.alarm.clock().Add(d))
		s.mu.Unlock()
	}
}

// disarm reports whether the span can serve on.
func (s *span) disarm() bool {
	s.mu.Lock()
	s.alarm.set(time.Time{})
	s.mu.Unlock()
	return s.ctx.Err() == nil
}

func (s *span) end() {
	s.cancel(nil)
	s.mu.Lock()
	s.alarm.stop()
	s.mu.Unlock()
}
