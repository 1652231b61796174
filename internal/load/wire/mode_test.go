package wire_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/passrig/passrig/internal/load/ledger"
	"github.com/passrig/passrig/internal/load/wire"
	"github.com/passrig/passrig/report"
)

// numbered answers with the number of the connection.
func numbered(t *testing.T) string {
	t.Helper()
	var count atomic.Int32
	return listen(t, func(c net.Conn) {
		n := count.Add(1)
		in := bufio.NewReader(c)
		for {
			req, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, req.Body)
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d", n)
		}
	})
}

func TestModes(t *testing.T) {
	for _, c := range clients {
		for mode, want := range map[string]string{
			"":                            "1111 1111",
			report.ConnectionsKeepAlive:   "1111 1111",
			report.ConnectionsPerUser:     "1111 2222",
			report.ConnectionsPerCeremony: "1122 3344",
		} {
			t.Run(c.name+"/"+mode, func(t *testing.T) {
				client := newClient(t, c.make, wire.Config{Mode: mode})
				s := serverOf(t, client, numbered(t))
				var got strings.Builder
				line := newLine(t, client)
				for iteration := range 2 {
					if iteration > 0 {
						got.WriteByte(' ')
						line.Reset()
					}
					for range 2 {
						line.Ceremony()
						for range 2 {
							var resp wire.Response
							if err := line.Do(t.Context(), get(s, "/"), &resp, time.Minute); err != nil {
								t.Fatal(err)
							}
							got.Write(resp.Body)
						}
					}
				}
				if got.String() != want {
					t.Errorf("requests went over connections %s, want %s", got.String(), want)
				}
				stats := client.Stats()
				if dialed := int64(got.String()[len(want)-1] - '0'); stats.Dialed != dialed || stats.Dialed+stats.Reused != 8 || stats.Retried != 0 {
					t.Errorf("stats are %+v", stats)
				}
			})
		}
	}
	for _, c := range clients {
		if _, err := c.make(wire.Config{Mode: "sometimes", Clock: time.Now}); err == nil {
			t.Error("an unknown mode was taken")
		}
		if _, err := c.make(wire.Config{}); err == nil {
			t.Error("no clock was taken")
		}
	}
}

// The connection used last is used next: those that a burst needed stay idle, and can be closed by the server.
func TestLastInFirstOut(t *testing.T) {
	client := newClient(t, wire.NewFast, wire.Config{})
	release := make(chan struct{})
	var count, waiting atomic.Int32
	base := listen(t, func(c net.Conn) {
		n := count.Add(1)
		in := bufio.NewReader(c)
		for {
			req, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			if req.URL.Path == "/wait" {
				waiting.Add(1)
				<-release
			}
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d", n)
		}
	})
	s := serverOf(t, client, base)
	one, two := newLine(t, client), newLine(t, client)
	done := make(chan error)
	go func() {
		var resp wire.Response
		done <- one.Do(t.Context(), get(s, "/wait"), &resp, time.Minute)
	}()
	for waiting.Load() == 0 {
		<-time.After(time.Millisecond)
	}
	var resp wire.Response
	if err := two.Do(t.Context(), get(s, "/"), &resp, time.Minute); err != nil || string(resp.Body) != "2" {
		t.Fatalf("connection %q, %v", resp.Body, err)
	}
	close(release)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := two.Do(t.Context(), get(s, "/"), &resp, time.Minute); err != nil || string(resp.Body) != "1" {
			t.Errorf("connection %q, %v; want that which was used last", resp.Body, err)
		}
	}
}

func TestMaxConns(t *testing.T) {
	for _, c := range clients {
		for _, mode := range []string{report.ConnectionsKeepAlive, report.ConnectionsPerUser, report.ConnectionsPerCeremony} {
			t.Run(c.name+"/"+mode, func(t *testing.T) {
				const bound = 3
				var open, most atomic.Int32
				base := listen(t, func(c net.Conn) {
					n := open.Add(1)
					defer open.Add(-1)
					for {
						was := most.Load()
						if was >= n || most.CompareAndSwap(was, n) {
							break
						}
					}
					in := bufio.NewReader(c)
					for {
						if _, err := http.ReadRequest(in); err != nil {
							return
						}
						fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
					}
				})
				client := newClient(t, c.make, wire.Config{Mode: mode, MaxConns: bound})
				s := serverOf(t, client, base)
				var users sync.WaitGroup
				for range 20 {
					users.Go(func() {
						line := client.NewLine()
						defer line.Close()
						for range 10 {
							var resp wire.Response
							if err := line.Do(t.Context(), get(s, "/"), &resp, time.Minute); err != nil {
								t.Error(err)
							}
							line.Reset()
						}
					})
				}
				users.Wait()
				// Our end of a connection is closed before the server's, which may still count it.
				if n := most.Load(); n < 1 || mode == report.ConnectionsKeepAlive && n > bound {
					t.Errorf("%d connections at a time, want %d at most", n, bound)
				}
			})
		}
	}
}

func TestWaitingForAConnection(t *testing.T) {
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			release, asked := make(chan struct{}), make(chan struct{}, 10)
			base := listen(t, func(c net.Conn) {
				in := bufio.NewReader(c)
				for {
					if _, err := http.ReadRequest(in); err != nil {
						return
					}
					asked <- struct{}{}
					<-release
					fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				}
			})
			client := newClient(t, c.make, wire.Config{MaxConns: 1})
			s := serverOf(t, client, base)
			one, two := newLine(t, client), newLine(t, client)
			done := make(chan error)
			go func() {
				var resp wire.Response
				done <- one.Do(t.Context(), get(s, "/"), &resp, time.Minute)
			}()
			<-asked
			var resp wire.Response
			wantFault(t, two.Do(t.Context(), get(s, "/"), &resp, 20*time.Millisecond), ledger.Timeout, "no connection in time")
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(20*time.Millisecond, cancel)
			wantFault(t, two.Do(ctx, get(s, "/"), &resp, time.Minute), ledger.Interrupted, "interrupted")
			time.AfterFunc(20*time.Millisecond, func() { close(release) })
			if err := two.Do(t.Context(), get(s, "/"), &resp, time.Minute); err != nil {
				t.Error(err)
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
			if stats := client.Stats(); stats.Dialed != 1 {
				t.Errorf("%d connections, want 1", stats.Dialed)
			}
		})
	}
}

// However an exchange ends, what it took of a bound is free again.
func TestBoundSurvivesFaults(t *testing.T) {
	for _, c := range clients {
		for _, mode := range []string{report.ConnectionsKeepAlive, report.ConnectionsPerUser} {
			t.Run(c.name+"/"+mode, func(t *testing.T) {
				base := listen(t, func(c net.Conn) {
					in := bufio.NewReader(c)
					for {
						req, err := http.ReadRequest(in)
						if err != nil {
							return
						}
						switch req.URL.Path {
						case "/stall":
							untilHungUp(c)
						case "/close":
							return
						case "/reset":
							reset(c)
							return
						case "/half":
							fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-")
							return
						case "/last":
							fmt.Fprint(c, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
							return
						}
						fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
					}
				})
				client := newClient(t, c.make, wire.Config{Mode: mode, MaxConns: 1})
				s, gone := serverOf(t, client, base), serverOf(t, client, "http://127.0.0.1:1")
				for round := range 3 {
					for _, target := range []string{"/stall", "/close", "/reset", "/half", "/last", "refused", "canceled"} {
						line := client.NewLine()
						ctx, cancel := context.WithCancel(t.Context())
						var resp wire.Response
						if err := line.Do(ctx, get(s, "/"), &resp, time.Minute); err != nil {
							t.Fatalf("round %d, before %s: %v", round, target, err)
						}
						switch target {
						case "refused":
							wantFault(t, line.Do(ctx, get(gone, "/"), &resp, time.Minute), ledger.Unreachable, "refused")
						case "canceled":
							time.AfterFunc(10*time.Millisecond, cancel)
							wantFault(t, line.Do(ctx, get(s, "/stall"), &resp, time.Minute), ledger.Interrupted, "interrupted")
						case "/last":
							if err := line.Do(ctx, get(s, target), &resp, time.Minute); err != nil {
								t.Error(err)
							}
						default:
							if line.Do(ctx, get(s, target), &resp, 50*time.Millisecond) == nil {
								t.Errorf("%s was answered", target)
							}
						}
						line.Close()
						cancel()
						if open, idle := wire.Seats(s); c.name == "fast" && open != idle {
							t.Errorf("round %d, after %s: %d connections count as open, %d are idle", round, target, open, idle)
						}
					}
				}
			})
		}
	}
}

// tlsServer answers with the protocol, and whether the session was resumed.
func tlsServer(t *testing.T, http2 bool) (base string, roots []byte) {
	t.Helper()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %v %v", r.Proto, r.TLS.DidResume, r.TLS.CurveID)
	}))
	srv.EnableHTTP2 = http2
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv.URL, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
}

func TestTLS(t *testing.T) {
	base, roots := tlsServer(t, true)
	for _, c := range clients {
		for name, tc := range map[string]struct {
			cfg     wire.Config
			want    string
			resumed int64
		}{
			"resumption":    {wire.Config{TLS: wire.TLSConfig{Curves: []tls.CurveID{tls.X25519}}}, "HTTP/1.1 true X25519", 2},
			"no resumption": {wire.Config{TLS: wire.TLSConfig{NoResumption: true, Curves: []tls.CurveID{tls.CurveP256}}}, "HTTP/1.1 false CurveP256", 0},
			"http2":         {wire.Config{HTTP2: true}, "HTTP/2.0 true X25519MLKEM768", 0},
		} {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				cfg := tc.cfg
				cfg.Mode, cfg.RootCAs, cfg.Clock = report.ConnectionsPerUser, roots, time.Now
				client, err := c.make(cfg)
				if c.name == "fast" && cfg.HTTP2 {
					if err == nil {
						t.Error("the fast client took HTTP/2")
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if want := strings.TrimSuffix(tc.want[:8], ".0"); !strings.HasPrefix(want, client.Describe()) {
					t.Errorf("client describes itself as %q", client.Describe())
				}
				defer client.Close()
				line := newLine(t, client)
				s := serverOf(t, client, base)
				var got string
				for range 3 {
					for range 3 {
						var resp wire.Response
						if err := line.Do(t.Context(), post(s, "/", "body"), &resp, time.Minute); err != nil {
							t.Fatal(err)
						}
						if got = string(resp.Body); resp.Proto != strings.Fields(got)[0] {
							t.Errorf("answer came over %s, server says %s", resp.Proto, got)
						}
					}
					line.Reset()
				}
				if got != tc.want {
					t.Errorf("third connection was %q, want %q", got, tc.want)
				}
				if stats := client.Stats(); stats.Dialed != 3 || stats.Reused != 6 || c.name == "fast" && stats.Resumed != tc.resumed {
					t.Errorf("stats are %+v", stats)
				}
			})
		}
	}
	general := newClient(t, wire.NewGeneral, wire.Config{HTTP2: true})
	if _, err := general.Server(&url.URL{Scheme: "http", Host: "localhost"}); err == nil {
		t.Error("HTTP/2 without TLS was taken")
	}
}

func TestServer(t *testing.T) {
	for _, c := range clients {
		client := newClient(t, c.make, wire.Config{})
		if a, b := serverOf(t, client, "http://localhost:8080/x"), serverOf(t, client, "http://localhost:8080/y?z"); a != b || a.String() != "http://localhost:8080" {
			t.Errorf("servers %v and %v of one base", a, b)
		}
		for _, base := range []url.URL{{Scheme: "ftp", Host: "localhost"}, {Scheme: "http"}, {Host: "localhost"}, {Scheme: "http", Host: ":80"}, {Scheme: "http", Host: "a b"}} {
			if s, err := client.Server(&base); err == nil {
				t.Errorf("%v gave server %v", &base, s)
			}
		}
	}
}
