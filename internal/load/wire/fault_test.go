package wire_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/passrig/passrig/internal/load/ledger"
	"github.com/passrig/passrig/internal/load/wire"
	"github.com/passrig/passrig/report"
)

func get(s *wire.Server, target string) *wire.Request {
	return &wire.Request{
		Method: "GET", Server: s, Target: []byte(target),
		Headers: []wire.Header{{Name: "Accept", Value: []byte("*/*")}, {Name: "User-Agent", Value: []byte("passrig")}},
	}
}

func post(s *wire.Server, target, body string) *wire.Request {
	req := get(s, target)
	req.Method, req.Body = "POST", []byte(body)
	return req
}

func wantFault(t *testing.T, err error, class ledger.Class, words string) {
	t.Helper()
	var fault *wire.Fault
	if !errors.As(err, &fault) {
		t.Fatalf("error %v is no fault", err)
	}
	if fault.Class != class || !strings.Contains(fault.Sentence, words) {
		t.Errorf("fault is %v, %q; want %v with %q", fault.Class, fault.Sentence, class, words)
	}
	if fault.Err == nil || !errors.Is(fault, fault.Err) {
		t.Errorf("fault %q has no cause", fault.Sentence)
	}
}

// readRequest reads one request and answers with raw bytes.
func readRequest(c net.Conn) error {
	req, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, req.Body)
	return err
}

func answerRaw(raw string) func(net.Conn) {
	return func(c net.Conn) {
		if readRequest(c) == nil {
			fmt.Fprint(c, raw)
		}
	}
}

// reset ends a connection by RST.
func reset(c net.Conn) {
	_ = c.(*net.TCPConn).SetLinger(0)
	c.Close()
}

func untilHungUp(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

func TestFaults(t *testing.T) {
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := "http://" + gone.Addr().String()
	gone.Close()
	drip := func(c net.Conn) {
		if readRequest(c) != nil {
			return
		}
		fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
		for {
			if _, err := io.WriteString(c, "x"); err != nil {
				return
			}
			<-time.After(10 * time.Millisecond)
		}
	}
	for _, c := range []struct {
		name   string
		base   string
		handle func(net.Conn)
		class  ledger.Class
		words  string
	}{
		{"refused", refused, nil, ledger.Unreachable, "was refused a connection"},
		{"no such host", "http://no-such-host.invalid", nil, ledger.Unreachable, `no address for host "no-such-host.invalid"`},
		{"never answers", "", untilHungUp, ledger.Timeout, "got no complete answer in time"},
		{"drips", "", drip, ledger.Timeout, "got no complete answer in time"},
		{"closes without an answer", "", answerRaw(""), ledger.Closed, "closed before the answer was complete"},
		{"resets without an answer", "", func(c net.Conn) { _ = readRequest(c); reset(c) }, ledger.Closed, "closed before"},
		{"half a status line", "", answerRaw("HTTP/1.1 20"), ledger.Closed, "closed before"},
		{"half a header", "", answerRaw("HTTP/1.1 200 OK\r\nContent-Le"), ledger.Closed, "closed before"},
		{"half a body", "", answerRaw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"), ledger.Closed, "closed before"},
		{"half a chunk", "", answerRaw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nhalf"), ledger.Closed, "closed before"},
		{"resets in the body", "", func(c net.Conn) {
			answerRaw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")(c)
			reset(c)
		}, ledger.Closed, "closed before"},
		{"not HTTP", "", answerRaw("SSH-2.0-x\r\n\r\n"), ledger.Unexpected, "SSH-2.0-x"},
		{"bad chunk", "", answerRaw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), ledger.Unexpected, "failed"},
		{"bad compression", "", answerRaw("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 20\r\n\r\n01234567890123456789"), ledger.Unexpected, "gzip"},
		{"long header", "", answerRaw("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", wire.MaxHead+5000) + "\r\n\r\n"), ledger.TooLarge, "too much"},
		{"long body", "", answerRaw("HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat("x", wire.MaxBody+1)), ledger.TooLarge, "too much"},
		{"bomb", "", answerRaw(compressedAnswer(t, wire.MaxBody+1)), ledger.TooLarge, "too much"},
		{"plain HTTP behind https", "https", func(c net.Conn) {
			if _, err := c.Read(make([]byte, 100)); err == nil {
				fmt.Fprint(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
				untilHungUp(c)
			}
		}, ledger.TLS, "over TLS"},
	} {
		for _, make := range clients {
			t.Run(c.name+"/"+make.name, func(t *testing.T) {
				base := c.base
				if c.handle != nil {
					base = listen(t, c.handle)
					if c.base == "https" {
						base = "https" + strings.TrimPrefix(base, "http")
					}
				}
				client := newClient(t, make.make, wire.Config{})
				line := newLine(t, client)
				deadline := 5 * time.Second
				if c.class == ledger.Timeout {
					deadline = 200 * time.Millisecond
				}
				var resp wire.Response
				err := line.Do(t.Context(), post(serverOf(t, client, base), "/login?secret=1", "{}"), &resp, deadline)
				wantFault(t, err, c.class, c.words)
				if strings.Contains(err.Error(), "secret") {
					t.Errorf("sentence %q holds the query", err)
				}
			})
		}
	}
}

func compressedAnswer(t *testing.T, size int) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nX-Before: 1\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\nX-After: 2\r\n\r\n%s", b.Len(), b.String())
}

func TestCompressedAnswer(t *testing.T) {
	raw := compressedAnswer(t, 10_000)
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			client := newClient(t, c.make, wire.Config{})
			line := newLine(t, client)
			s := serverOf(t, client, listen(t, answerRaw(raw)))
			var resp wire.Response
			if err := line.Do(t.Context(), get(s, "/"), &resp, time.Minute); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(resp.Body, make([]byte, 10_000)) {
				t.Errorf("body has %d bytes", len(resp.Body))
			}
			if resp.Header("Content-Encoding") != nil || resp.Header("Content-Length") != nil || string(resp.Header("x-before"))+string(resp.Header("X-AFTER")) != "12" {
				t.Error("wrong headers")
			}
		})
	}
}

// A server that answers before it has read the whole request, and hangs up, has answered.
func TestEarlyAnswer(t *testing.T) {
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			base := listen(t, func(c net.Conn) {
				if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
					return
				}
				fmt.Fprint(c, "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig")
				_ = c.(*net.TCPConn).CloseWrite()
				untilHungUp(c)
			})
			client := newClient(t, c.make, wire.Config{})
			var resp wire.Response
			if err := newLine(t, client).Do(t.Context(), post(serverOf(t, client, base), "/", strings.Repeat("x", 1<<20)), &resp, time.Minute); err != nil {
				t.Fatal(err)
			}
			if resp.Status != 413 || string(resp.Body) != "big" {
				t.Errorf("answer is %d %q", resp.Status, resp.Body)
			}
		})
	}
}

func TestInterruption(t *testing.T) {
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			asked := make(chan struct{})
			base := listen(t, func(c net.Conn) {
				if readRequest(c) == nil {
					asked <- struct{}{}
				}
				untilHungUp(c)
			})
			client := newClient(t, c.make, wire.Config{})
			line := newLine(t, client)
			s := serverOf(t, client, base)
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				<-asked
				cancel()
			}()
			var resp wire.Response
			wantFault(t, line.Do(ctx, get(s, "/"), &resp, time.Minute), ledger.Interrupted, "interrupted")
			wantFault(t, line.Do(ctx, get(s, "/"), &resp, time.Minute), ledger.Interrupted, "interrupted")
			// The line itself lives on.
			ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			go func() { <-asked }()
			wantFault(t, line.Do(ctx, get(s, "/"), &resp, time.Minute), ledger.Timeout, "in time")
		})
	}
}

// The server closes kept connections: the request goes out again on a new one, once.
func TestStaleConnection(t *testing.T) {
	for name, end := range map[string]func(net.Conn){"closed": func(c net.Conn) { c.Close() }, "reset": reset, "on request": func(c net.Conn) {
		_ = readRequest(c)
		c.Close()
	}} {
		for _, c := range clients {
			t.Run(name+"/"+c.name, func(t *testing.T) {
				connections := make(chan int, 100)
				ended := make(chan struct{}, 100)
				base := listen(t, func(c net.Conn) {
					connections <- 1
					if readRequest(c) == nil {
						fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
						end(c)
						ended <- struct{}{}
					}
				})
				client := newClient(t, c.make, wire.Config{})
				line := newLine(t, client)
				s := serverOf(t, client, base)
				const n = 5
				for range n {
					var resp wire.Response
					if err := line.Do(t.Context(), post(s, "/", "{}"), &resp, time.Minute); err != nil {
						t.Fatal(err)
					}
					if name != "on request" {
						<-ended
					}
				}
				if len(connections) != n {
					t.Errorf("%d connections for %d requests", len(connections), n)
				}
				// net/http notices most closed connections before it uses them, and then has nothing to repeat.
				if stats := client.Stats(); stats.Dialed != n || c.name == "fast" && stats.Retried != n-1 || stats.Reused != 0 {
					t.Errorf("stats are %+v", stats)
				}
			})
		}
	}
}

// An answer that has begun, and one on a new connection, are not asked for again.
func TestNoSecondRequest(t *testing.T) {
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			requests := make(chan int, 100)
			base := listen(t, func(c net.Conn) {
				for i := 0; readRequest(c) == nil; i++ {
					requests <- 1
					if i == 0 {
						fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
						continue
					}
					fmt.Fprint(c, "H")
					return
				}
			})
			client := newClient(t, c.make, wire.Config{})
			line := newLine(t, client)
			s := serverOf(t, client, base)
			var resp wire.Response
			if err := line.Do(t.Context(), post(s, "/", "{}"), &resp, time.Minute); err != nil {
				t.Fatal(err)
			}
			wantFault(t, line.Do(t.Context(), post(s, "/", "{}"), &resp, time.Minute), ledger.Closed, "closed before")
			if len(requests) != 2 || client.Stats().Retried != 0 {
				t.Errorf("%d requests, %+v", len(requests), client.Stats())
			}
		})
	}
}

func TestTLSFaults(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") }))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	defer srv.Close()
	roots := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	_, port, err := net.SplitHostPort(srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			do := func(cfg wire.Config, base string) (wire.Response, error) {
				client := newClient(t, c.make, cfg)
				var resp wire.Response
				err := newLine(t, client).Do(t.Context(), get(serverOf(t, client, base), "/"), &resp, time.Minute)
				return resp, err
			}
			if resp, err := do(wire.Config{RootCAs: roots}, "https://127.0.0.1:"+port); err != nil || string(resp.Body) != "ok" {
				t.Errorf("got %q, %v", resp.Body, err)
			}
			connect := map[string]string{"example.com:443": srv.Listener.Addr().String()}
			if resp, err := do(wire.Config{RootCAs: roots, ConnectTo: connect}, "https://example.com"); err != nil || string(resp.Body) != "ok" {
				t.Errorf("got %q, %v", resp.Body, err)
			}
			_, err := do(wire.Config{}, "https://127.0.0.1:"+port)
			wantFault(t, err, ledger.TLS, "unknown authority")
			_, err = do(wire.Config{RootCAs: roots}, "https://localhost:"+port)
			wantFault(t, err, ledger.TLS, "localhost")
			wrongCurve := listenTLS(t, &tls.Config{Certificates: srv.TLS.Certificates, CurvePreferences: []tls.CurveID{tls.CurveP384}})
			_, err = do(wire.Config{RootCAs: roots, TLS: wire.TLSConfig{Curves: []tls.CurveID{tls.X25519}}}, wrongCurve)
			wantFault(t, err, ledger.TLS, "handshake failure")
			_, err = do(wire.Config{RootCAs: roots}, strings.Replace(listen(t, func(c net.Conn) { reset(c) }), "http:", "https:", 1))
			wantFault(t, err, ledger.Closed, "closed")
			client := newClient(t, c.make, wire.Config{})
			var resp wire.Response
			stalls := strings.Replace(listen(t, untilHungUp), "http:", "https:", 1)
			wantFault(t, newLine(t, client).Do(t.Context(), get(serverOf(t, client, stalls), "/"), &resp, 50*time.Millisecond), ledger.Timeout, "in time")
		})
	}
	if _, err := wire.NewFast(wire.Config{Clock: time.Now, RootCAs: []byte("nothing")}); err == nil {
		t.Error("a file without certificates was taken")
	}
}

func listenTLS(t *testing.T, cfg *tls.Config) string {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", cfg)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") }), ErrorLog: log.New(io.Discard, "", 0)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l)
	}()
	t.Cleanup(func() {
		srv.Close()
		<-done
	})
	return "https://" + l.Addr().String()
}

func TestClassOfStatus(t *testing.T) {
	for _, c := range []struct {
		status     int
		retryAfter []byte
		want       ledger.Class
	}{
		{429, nil, ledger.Throttled},
		{429, []byte("1"), ledger.Throttled},
		{503, nil, ledger.ServerError},
		{503, []byte("1"), ledger.Throttled},
		{500, []byte("1"), ledger.ServerError},
		{599, nil, ledger.ServerError},
		{404, nil, ledger.Unexpected},
		{200, nil, ledger.Unexpected},
	} {
		if got := wire.ClassOfStatus(c.status, c.retryAfter); got != c.want {
			t.Errorf("%d with %q is %v, want %v", c.status, c.retryAfter, got, c.want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"7": 7 * time.Second, "Sun, 22 Nov 2026 12:00:30 GMT": 30 * time.Second, "Sunday, 22-Nov-26 12:01:00 GMT": time.Minute,
		"Sun, 22 Nov 2026 11:00:30 GMT": 0, "soon": -1, "-1": -1, "": -1,
	} {
		for _, c := range clients {
			base := listen(t, answerRaw("HTTP/1.1 429 Too Many Requests\r\nRetry-After: "+value+"\r\nContent-Length: 0\r\n\r\n"))
			client := newClient(t, c.make, wire.Config{Mode: report.ConnectionsPerUser})
			var resp wire.Response
			line := newLine(t, client)
			if err := line.Do(t.Context(), get(serverOf(t, client, base), "/"), &resp, time.Minute); err != nil {
				t.Fatal(err)
			}
			if got, ok := resp.RetryAfter(now); ok != (want >= 0) || ok && got != want {
				t.Errorf("%s: %q is %v, %v; want %v", c.name, value, got, ok, want)
			}
		}
	}
}

// A deadline is that of its own exchange, whatever an earlier one had.
func TestDeadlines(t *testing.T) {
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			base := listen(t, func(c net.Conn) {
				in := bufio.NewReader(c)
				for {
					req, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					if req.URL.Path == "/slow" {
						<-time.After(150 * time.Millisecond)
					}
					fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				}
			})
			client := newClient(t, c.make, wire.Config{})
			line := newLine(t, client)
			s := serverOf(t, client, base)
			for i, step := range []struct {
				target   string
				deadline time.Duration
				late     bool
			}{
				{"/", 100 * time.Millisecond, false},
				{"/slow", time.Minute, false},
				{"/slow", 0, false},
				{"/slow", 30 * time.Millisecond, true},
				{"/", 100 * time.Millisecond, false},
				{"/slow", time.Minute, false},
			} {
				var resp wire.Response
				err := line.Do(t.Context(), get(s, step.target), &resp, step.deadline)
				if step.late {
					wantFault(t, err, ledger.Timeout, "in time")
				} else if err != nil {
					t.Errorf("step %d: %v", i, err)
				}
			}
			if stats := client.Stats(); stats.Dialed != 2 {
				t.Errorf("%d connections, want a second one only after the timeout", stats.Dialed)
			}
		})
	}
}

// tlsPair is a server's side of TLS, and the certificates that a client needs for it.
func tlsPair(t *testing.T) (server *tls.Config, roots []byte) {
	t.Helper()
	srv := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(srv.Close)
	return &tls.Config{Certificates: srv.TLS.Certificates}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
}

// What a server sends on an idle connection is not the answer to the next request. (net/http may take it for that, if it
// is asked before its reader has come to it.)
func TestUnaskedAnswer(t *testing.T) {
	const unasked = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
	cfg, roots := tlsPair(t)
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprintf("tls %t", secure), func(t *testing.T) {
			answered, sent := make(chan struct{}), make(chan struct{}, 1)
			base := listen(t, func(c net.Conn) {
				if secure {
					c = tls.Server(c, cfg)
				}
				if readRequest(c) != nil {
					return
				}
				fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
				select {
				case <-answered:
				case <-t.Context().Done():
					return
				}
				fmt.Fprint(c, unasked)
				sent <- struct{}{}
				untilHungUp(c)
			})
			if secure {
				base = "https" + strings.TrimPrefix(base, "http")
			}
			client := newClient(t, wire.NewFast, wire.Config{RootCAs: roots})
			line := newLine(t, client)
			s := serverOf(t, client, base)
			for i := range 3 {
				var resp wire.Response
				if err := line.Do(t.Context(), post(s, "/", "{}"), &resp, time.Minute); err != nil {
					t.Fatal(err)
				}
				if resp.Status != 200 || string(resp.Body) != "ok" {
					t.Fatalf("answer %d is %d %q", i, resp.Status, resp.Body)
				}
				answered <- struct{}{}
				<-sent
			}
			if stats := client.Stats(); stats.Dialed != 3 || stats.Retried != 2 {
				t.Errorf("stats are %+v", stats)
			}
		})
	}
}

// cutter lets a connection break off in the middle of what is written.
type cutter struct {
	net.Conn
	cut bool
}

func (c *cutter) Write(p []byte) (int, error) {
	if c.cut {
		_, _ = c.Conn.Write(p[:len(p)/2])
		c.Close()
	}
	return c.Conn.Write(p)
}

// A body that ends with the connection does not end in the middle of a TLS record.
func TestRecordThatBreaksOff(t *testing.T) {
	cfg, roots := tlsPair(t)
	for _, whole := range []bool{true, false} {
		for _, c := range clients {
			t.Run(fmt.Sprintf("%s/whole %t", c.name, whole), func(t *testing.T) {
				base := listen(t, func(c net.Conn) {
					wire := &cutter{Conn: c}
					secure := tls.Server(wire, cfg)
					if readRequest(secure) != nil {
						return
					}
					fmt.Fprint(secure, "HTTP/1.1 200 OK\r\n\r\nfirst, ")
					wire.cut = !whole
					fmt.Fprint(secure, "second")
					secure.Close()
				})
				client := newClient(t, c.make, wire.Config{RootCAs: roots})
				var resp wire.Response
				err := newLine(t, client).Do(t.Context(), get(serverOf(t, client, strings.Replace(base, "http:", "https:", 1)), "/"), &resp, time.Minute)
				if !whole {
					wantFault(t, err, ledger.Closed, "closed before")
				} else if err != nil || string(resp.Body) != "first, second" {
					t.Errorf("body %q, error %v", resp.Body, err)
				}
			})
		}
	}
}

func TestBrokenHeaderIsNotShown(t *testing.T) {
	for _, c := range clients {
		client := newClient(t, c.make, wire.Config{})
		s := serverOf(t, client, listen(t, answerRaw("HTTP/1.1 200 OK\r\nSet-Cookie sid=s3cret\r\n\r\n")))
		var resp wire.Response
		err := newLine(t, client).Do(t.Context(), get(s, "/"), &resp, time.Minute)
		wantFault(t, err, ledger.Unexpected, "malformed header line")
		if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
