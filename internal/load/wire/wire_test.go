package wire_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/passrig/passrig/internal/load/wire"
	"github.com/passrig/passrig/internal/rp"
)

var clients = []struct {
	name string
	make func(wire.Config) (wire.Client, error)
}{{"fast", wire.NewFast}, {"general", wire.NewGeneral}}

func newClient(tb testing.TB, construct func(wire.Config) (wire.Client, error), cfg wire.Config) wire.Client {
	tb.Helper()
	cfg.Clock = time.Now
	c, err := construct(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Close)
	return c
}

func newLine(tb testing.TB, c wire.Client) wire.Line {
	tb.Helper()
	l := c.NewLine()
	tb.Cleanup(l.Close)
	return l
}

func serverOf(tb testing.TB, c wire.Client, base string) *wire.Server {
	tb.Helper()
	u, err := url.Parse(base)
	if err != nil {
		tb.Fatal(err)
	}
	s, err := c.Server(u)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// listen serves every connection with handle, in a goroutine each, until the test ends.
func listen(tb testing.TB, handle func(net.Conn)) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	var (
		mu    sync.Mutex
		open  []net.Conn
		tasks sync.WaitGroup
	)
	tasks.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			tasks.Go(func() {
				defer c.Close()
				handle(c)
			})
		}
	})
	tb.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		tasks.Wait()
	})
	return "http://" + l.Addr().String()
}

// recorder answers every request and remembers its bytes.
func recorder(tb testing.TB) (base string, last func() string) {
	tb.Helper()
	received := make(chan string, 1)
	base = listen(tb, func(c net.Conn) {
		var raw bytes.Buffer
		in := bufio.NewReader(io.TeeReader(c, &raw))
		for {
			req, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			if _, err := io.Copy(io.Discard, req.Body); err != nil {
				return
			}
			received <- raw.String()
			raw.Reset()
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
	})
	return base, func() string { return <-received }
}

type request struct {
	Method, Host, Target, Cookie, Body string
	Headers                            map[string]string
}

func (r *request) wire(s *wire.Server) *wire.Request {
	req := &wire.Request{Method: r.Method, Server: s, Host: r.Host, Target: []byte(r.Target), Cookie: []byte(r.Cookie)}
	if r.Body != "" {
		req.Body = []byte(r.Body)
	}
	names := make([]string, 0, len(r.Headers))
	for name := range r.Headers {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		req.Headers = append(req.Headers, wire.Header{Name: name, Value: []byte(r.Headers[name])})
	}
	return req
}

func (r *request) http(tb testing.TB, base string) *http.Request {
	tb.Helper()
	var body io.Reader
	if r.Body != "" {
		body = strings.NewReader(r.Body)
	}
	req, err := http.NewRequestWithContext(tb.Context(), r.Method, base+r.Target, body)
	if err != nil {
		tb.Fatal(err)
	}
	for name, value := range r.Headers {
		req.Header.Set(name, value)
	}
	req.Host = r.Host
	if r.Cookie != "" {
		req.Header.Set("Cookie", r.Cookie)
	}
	return req
}

// rig sends the same request by all ways.
type rig struct {
	base    string
	last    func() string // what the server received
	oracle  *http.Transport
	lines   map[string]wire.Line
	servers map[string]*wire.Server
}

// compare says what is wrong with the request's bytes, or nothing.
func (g *rig) compare(t *testing.T, r *request) string {
	t.Helper()
	answer, err := g.oracle.RoundTrip(r.http(t, g.base))
	if err != nil {
		return err.Error()
	}
	answer.Body.Close()
	want := g.last()
	for name, line := range g.lines {
		var resp wire.Response
		if err := line.Do(t.Context(), r.wire(g.servers[name]), &resp, time.Minute); err != nil {
			return err.Error()
		}
		if diff := cmp.Diff(want, g.last()); diff != "" {
			return fmt.Sprintf("%s sent other bytes than the transport of single runs:\n%s", name, diff)
		}
		if resp.Sent != int64(len(want)) {
			return fmt.Sprintf("%s counted %d bytes sent, want %d", name, resp.Sent, len(want))
		}
	}
	return ""
}

func TestRequestsAreThoseOfSingleRuns(t *testing.T) {
	base, last := recorder(t)
	oracle, err := rp.NewTransport(rp.TransportConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer oracle.CloseIdleConnections()
	g := &rig{base, last, oracle, make(map[string]wire.Line), make(map[string]*wire.Server)}
	for _, c := range clients {
		client := newClient(t, c.make, wire.Config{})
		g.lines[c.name], g.servers[c.name] = newLine(t, client), serverOf(t, client, base)
	}
	usual := map[string]string{"User-Agent": "passrig", "Accept": "application/json, text/html;q=0.8, */*;q=0.5"}
	with := func(more ...string) map[string]string {
		m := maps.Clone(usual)
		for i := 0; i < len(more); i += 2 {
			m[more[i]] = more[i+1]
		}
		return m
	}
	for name, r := range map[string]request{
		"get":               {Method: "GET", Target: "/", Headers: usual},
		"query":             {Method: "GET", Target: "/a%20b/%2F?x=1&y=%C3%A9&z", Headers: usual},
		"empty query":       {Method: "GET", Target: "/a?", Headers: usual},
		"double slash":      {Method: "GET", Target: "//a//b", Headers: usual},
		"post":              {Method: "POST", Target: "/login", Headers: with("Content-Type", "application/json", "Origin", "http://localhost"), Body: `{"id":"x"}`},
		"post nothing":      {Method: "POST", Target: "/login", Headers: usual},
		"put nothing":       {Method: "PUT", Target: "/login", Headers: usual},
		"patch":             {Method: "PATCH", Target: "/login", Headers: usual, Body: "x"},
		"delete":            {Method: "DELETE", Target: "/login", Headers: usual},
		"delete with body":  {Method: "DELETE", Target: "/login", Headers: usual, Body: "x"},
		"head":              {Method: "HEAD", Target: "/login", Headers: usual},
		"options":           {Method: "OPTIONS", Target: "/login", Headers: usual},
		"large body":        {Method: "POST", Target: "/login", Headers: usual, Body: strings.Repeat("0123456789", 20_000)},
		"cookie":            {Method: "GET", Target: "/", Headers: with("Content-Type", "x", "Csrf-Token", "y", "Authorization", "Bearer z"), Cookie: `a=1; b="x y"`},
		"cookie last":       {Method: "GET", Target: "/", Headers: usual, Cookie: "a=1"},
		"no user agent":     {Method: "GET", Target: "/", Headers: map[string]string{"Accept": "*/*"}},
		"empty user agent":  {Method: "GET", Target: "/", Headers: map[string]string{"User-Agent": ""}},
		"own encoding":      {Method: "GET", Target: "/", Headers: with("Accept-Encoding", "br")},
		"empty encoding":    {Method: "GET", Target: "/", Headers: with("Accept-Encoding", "")},
		"range":             {Method: "GET", Target: "/", Headers: with("Range", "bytes=0-1")},
		"host":              {Method: "GET", Target: "/", Host: "example.com:8443", Headers: usual},
		"padded value":      {Method: "GET", Target: "/", Headers: with("X-Padded", " \tx y\t ")},
		"not ASCII":         {Method: "GET", Target: "/", Headers: with("X-Name", "é")},
		"connection close":  {Method: "GET", Target: "/", Headers: with("Connection", "close")},
		"idempotency":       {Method: "POST", Target: "/", Headers: with("Idempotency-Key", "1"), Body: "x"},
		"no headers at all": {Method: "GET", Target: "/"},
	} {
		t.Run(name, func(t *testing.T) {
			if wrong := g.compare(t, &r); wrong != "" {
				t.Error(wrong)
			}
		})
	}
	t.Run("any", func(t *testing.T) {
		rapid.Check(t, func(rt *rapid.T) {
			r := request{
				Method:  rapid.SampledFrom([]string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "PROPFIND"}).Draw(rt, "method"),
				Target:  "/" + rapid.StringMatching(`([a-z0-9._~/-]|%[0-9A-F]{2}){0,12}(\?[a-z0-9=&%+]{0,8})?`).Draw(rt, "target"),
				Host:    rapid.SampledFrom([]string{"", "example.com"}).Draw(rt, "host"),
				Cookie:  rapid.StringMatching(`([a-z]{1,4}=[a-zA-Z0-9_-]{0,20}(; b=c)?)?`).Draw(rt, "cookie"),
				Body:    rapid.StringN(0, 300, 6000).Draw(rt, "body"),
				Headers: map[string]string{},
			}
			for name, value := range rapid.MapOfN(rapid.StringMatching(`[A-Za-z][A-Za-z0-9-]{0,10}`), rapid.StringMatching(`[ -~]{0,30}`), 0, 8).Draw(rt, "headers") {
				switch name = http.CanonicalHeaderKey(name); name {
				case "Host", "Content-Length", "Transfer-Encoding", "Trailer", "Cookie", "Connection", "Expect", "Te", "Upgrade":
				default:
					r.Headers[name] = value
				}
			}
			if _, err := url.ParseRequestURI(r.Target); err != nil {
				return
			}
			if wrong := g.compare(t, &r); wrong != "" {
				rt.Fatal(wrong)
			}
		})
	})
}
