package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/report"
)

// Limits of one answer, in bytes.
const (
	MaxHead = 64 << 10   // status line and header
	MaxBody = rp.MaxBody // body, decompressed
)

// Header is one header field of a request.
type Header struct {
	Name  string // in canonical form, as net/http has it: "Content-Type"
	Value []byte // without a line break
}

// Request is one HTTP request. The clients keep nothing of it after [Line.Do].
type Request struct {
	Method  string
	Server  *Server
	Host    string   // of the Host header, if it is not the server's own
	Target  []byte   // path and query, escaped: "/login?x=1"
	Headers []Header // sorted by name; without Host, Content-Length, Transfer-Encoding, Trailer and Cookie
	Cookie  []byte   // value of the Cookie header; empty: none
	Body    []byte
}

// Client makes connections to servers. It is safe for concurrent use.
type Client interface {
	// Server is the server of a base URL, of which scheme and host count. The same base gives the same server.
	Server(base *url.URL) (*Server, error)
	NewLine() Line
	// Close closes the connections that are idle. Those of lines are closed by the lines.
	Close()
	// Describe says what is spoken: "HTTP/1.1", "HTTP/2".
	Describe() string
	Stats() Stats
}

// Line is one virtual user's way to the servers. It is not safe for concurrent use.
type Line interface {
	// Do sends the request and reads the whole answer into resp, which is valid until the next Do of this line. The
	// error is a [*Fault]. The deadline counts from now, 0 is none. The end of ctx ends the exchange and closes its
	// connection; calls with the same ctx are cheaper than calls with a new one each.
	Do(ctx context.Context, req *Request, resp *Response, deadline time.Duration) error
	// Ceremony says that a new operation begins: with [report.ConnectionsPerCeremony], on new connections.
	Ceremony()
	// Reset says that an iteration begins or has ended: unless connections are kept alive, its own are closed. Calling it
	// at the end frees them for others when they are bounded.
	Reset()
	// Close gives up what the line holds.
	Close()
}

// Stats count what a client did since it was made.
type Stats struct {
	Dialed  int64 // connections made
	Reused  int64 // requests sent on a connection that had carried one before
	Retried int64 // requests sent again because the server had closed the kept connection meanwhile
	Resumed int64 // TLS sessions resumed; counted by the fast client only
}

// Config says how connections are made.
type Config struct {
	Mode      string            // report.ConnectionsKeepAlive (also when empty), ConnectionsPerUser or ConnectionsPerCeremony
	HTTP2     bool              // of the general client only
	RootCAs   []byte            // PEM, beside the system's
	ConnectTo map[string]string // host:port to dial, by host:port of the URL
	TLS       TLSConfig
	// MaxConns bounds the open connections to each server; 0 is no bound. A request that finds none free waits, and the
	// wait counts for its deadline.
	MaxConns    int
	DialTimeout time.Duration    // of connecting and of the TLS handshake, each; 0 is 10 s
	Clock       func() time.Time // required; with a monotonic reading, as time.Now
}

// TLSConfig says how TLS is spoken.
type TLSConfig struct {
	// NoResumption makes every handshake a full one. Else a new connection resumes a session of an earlier one,
	// whichever line had it: every user is then one who was here before.
	NoResumption bool
	Curves       []tls.CurveID // key exchanges offered; empty: those of crypto/tls
}

func (c *Config) check() error {
	switch c.Mode {
	case "":
		c.Mode = report.ConnectionsKeepAlive
	case report.ConnectionsKeepAlive, report.ConnectionsPerUser, report.ConnectionsPerCeremony:
	default:
		return fmt.Errorf("unknown connection mode %q", c.Mode)
	}
	if c.Clock == nil {
		return errors.New("no clock")
	}
	if c.DialTimeout == 0 {
		c.DialTimeout = 10 * time.Second
	}
	return nil
}
