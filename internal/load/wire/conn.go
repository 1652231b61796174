package wire

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"github.com/passrig/passrig/report"
)

// conn is a connection of the fast client.
type conn struct {
	server *Server
	raw    net.Conn
	stream net.Conn // raw, or TLS over it
	used   bool     // it has carried a request
	wait   waiter   // looks at raw
}

// errStale says that the server had ended a kept connection before the request was sent.
var errStale = fmt.Errorf("kept connection: %w", io.EOF)

// send writes a request, and gives its buffer back as soon as it is written. Where the platform allows, it looks first
// whether the server has ended the connection since the last one, or sent something unasked, which would be taken for
// the answer. Without TLS, it returns when the answer begins to arrive, so that nobody needs a buffer to wait for it.
func (c *conn) send(request *buffer, to *buffers) error {
	if c.stream == c.raw && c.wait.ready() {
		return c.wait.send(request, to)
	}
	if c.used {
		if err := c.wait.look(); err != nil {
			to.put(request)
			return err
		}
	}
	_, err := c.stream.Write(request.bytes)
	to.put(request)
	return err
}

// close says good-bye as the protocol wants it.
func (c *conn) close() { _ = c.stream.Close() }

// abort ends the connection at once, also from another goroutine.
func (c *conn) abort() { _ = c.raw.Close() }

// connect returns an idle connection to the server, or a new one.
func (l *fastLine) connect(ctx context.Context, s *Server, until time.Time) (*conn, stage, error) {
	for _, c := range l.own {
		if c.server == s {
			return c, exchanging, nil
		}
	}
	c, err := s.pool.take(ctx, &l.seat, until, l.client.cfg.Clock)
	if err != nil || c != nil {
		return c, connecting, err
	}
	return l.redial(ctx, s, until)
}

// redial makes a connection. The line holds a seat in the server's pool, and loses it if that fails.
func (l *fastLine) redial(ctx context.Context, s *Server, until time.Time) (*conn, stage, error) {
	c, at, err := l.dial(ctx, s, until)
	if err != nil {
		s.pool.leave()
		return nil, at, err
	}
	l.client.stats.dialed.Add(1)
	if l.client.cfg.Mode != report.ConnectionsKeepAlive {
		l.own = append(l.own, c)
	}
	return c, exchanging, nil
}

func (l *fastLine) dial(ctx context.Context, s *Server, until time.Time) (*conn, stage, error) {
	// Probes of an idle connection would be system calls for nothing: whether it is alive shows when it is used.
	dialer := net.Dialer{Timeout: l.client.cfg.DialTimeout, Deadline: until, KeepAlive: -1}
	raw, err := dialer.DialContext(ctx, "tcp", s.dial)
	if err != nil {
		return nil, connecting, err
	}
	c := &conn{server: s, raw: raw, stream: raw}
	c.wait.start(c)
	if s.tls == nil {
		return c, connecting, nil
	}
	secure := tls.Client(raw, s.tls)
	c.stream = secure
	if err := l.handshake(ctx, c, secure, until); err != nil {
		c.abort()
		return nil, handshaking, err
	}
	if secure.ConnectionState().DidResume {
		l.client.stats.resumed.Add(1)
	}
	return c, handshaking, nil
}

// handshake needs no goroutine that waits for ctx, as HandshakeContext does: the line closes the connection.
func (l *fastLine) handshake(ctx context.Context, c *conn, secure *tls.Conn, until time.Time) error {
	limit := l.client.cfg.Clock().Add(l.client.cfg.DialTimeout)
	if !until.IsZero() && until.Before(limit) {
		limit = until
	}
	if !l.hold(ctx, c, limit) {
		return ctx.Err()
	}
	err := secure.Handshake() //nolint:noctx // see above
	if cut := l.release(); cut != nil {
		return cut
	}
	return err
}

// forget takes a connection out of the line's own.
func (l *fastLine) forget(c *conn) {
	l.own = slices.DeleteFunc(l.own, func(o *conn) bool { return o == c })
}
