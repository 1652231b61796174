package cdp

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/passrig/passrig/internal/demorp"
	"github.com/passrig/passrig/virtual"
)

// chromePath is the browser that the tests drive. There is no passing without one.
func chromePath(tb testing.TB) string {
	tb.Helper()
	path, err := Find(exec.LookPath, os.LookupEnv)
	if missing, ok := errors.AsType[*MissingError](err); ok {
		tb.Fatalf("%v: %s", missing, missing.Hint())
	}
	if err != nil {
		tb.Fatal(err)
	}
	return path
}

// ca certifies every TLS site of the tests, so that one browser can trust them all.
var ca = sync.OnceValues(func() (*demorp.CA, error) { return demorp.NewCA(nil, nil) })

// tlsPort is where the one browser of the tests looks for https://*.test.
var tlsListener = sync.OnceValues(func() (net.Listener, error) {
	return net.Listen("tcp", "127.0.0.1:0")
})

var shared = sync.OnceValues(func() (*Browser, error) {
	authority, err := ca()
	if err != nil {
		return nil, err
	}
	l, err := tlsListener()
	if err != nil {
		return nil, err
	}
	path, err := Find(exec.LookPath, os.LookupEnv)
	if err != nil {
		return nil, err
	}
	return Launch(context.Background(), Config{
		Path: path, Hidden: os.Getenv("PASSRIG_TEST_HIDDEN") != "", SPKI: []string{authority.SPKIHash()}, Hosts: map[string]string{"*.test:443": l.Addr().String()},
	})
})

func TestMain(m *testing.M) {
	code := m.Run()
	if b, err := shared(); err == nil {
		if err := b.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// chrome is the browser that tests share.
func chrome(tb testing.TB) *Browser {
	tb.Helper()
	chromePath(tb)
	b, err := shared()
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func newDevice(tb testing.TB, b *Browser, cfg DeviceConfig) *Device {
	tb.Helper()
	d, err := b.NewDevice(tb.Context(), cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := d.Close(); err != nil {
			tb.Error(err)
		}
	})
	return d
}

func software(tb testing.TB, cfg virtual.Config) *virtual.SoftwareDevice {
	tb.Helper()
	s, err := virtual.NewSoftwareDevice(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// roads are device configurations that a test runs on.
func roads(tb testing.TB) map[string]DeviceConfig {
	tb.Helper()
	return map[string]DeviceConfig{
		"chrome":   {},
		"software": {Software: software(tb, virtual.Config{}), Platform: true},
	}
}

// site starts a demo relying party on http://localhost and returns its origin.
func site(tb testing.TB, change func(*demorp.Config)) string {
	tb.Helper()
	server := httptest.NewUnstartedServer(nil)
	tb.Cleanup(server.Close)
	origin := fmt.Sprintf("http://localhost:%d", server.Listener.Addr().(*net.TCPAddr).Port)
	cfg := demorp.Config{Origins: []string{origin}}
	if change != nil {
		change(&cfg)
	}
	rp, err := demorp.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	server.Config.Handler = rp.Handler()
	server.Start()
	return origin
}

// tlsSite serves a handler as every https://*.test of the shared browser, until the test ends.
func tlsSite(tb testing.TB, handler http.Handler) {
	tb.Helper()
	authority, err := ca()
	if err != nil {
		tb.Fatal(err)
	}
	certificate, err := authority.ServerCertificate("*.example.test", "example.test", "other.test", "unlisted.test")
	if err != nil {
		tb.Fatal(err)
	}
	l, err := tlsListener()
	if err != nil {
		tb.Fatal(err)
	}
	tlsHandler.set(handler)
	tlsServing.Do(func() {
		server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: &tlsHandler, TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}}}
		go func() { _ = server.ServeTLS(l, "", "") }()
	})
	tb.Cleanup(func() { tlsHandler.set(http.NotFoundHandler()) })
}

var (
	tlsServing sync.Once
	tlsHandler switchable
)

type switchable struct {
	mu sync.Mutex
	h  http.Handler
}

func (s *switchable) set(h http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.h = h
}

func (s *switchable) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	h := s.h
	s.mu.Unlock()
	h.ServeHTTP(w, r)
}

// html serves one document at every path.
func html(tb testing.TB, document string) string {
	tb.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte("<!doctype html>" + document))
	}))
	tb.Cleanup(server.Close)
	return fmt.Sprintf("http://localhost:%d", server.Listener.Addr().(*net.TCPAddr).Port)
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		if failure, ok := errors.AsType[*StepError](err); ok {
			tb.Logf("log: %v\nDOM: %s", failure.Evidence.Log, failure.Evidence.DOM)
		}
		tb.Fatal(err)
	}
}

// evaluate returns the value of an expression in a page as a T.
func evaluate[T any](tb testing.TB, p *Page, expression string) T {
	tb.Helper()
	data, err := p.Evaluate(tb.Context(), expression)
	must(tb, err)
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		tb.Fatalf("%s: %s: %v", expression, data, err)
	}
	return v
}

// createScript performs create() for a user, with more members of the options as JavaScript, and gives
// the response's JSON or the exception's name.
func createScript(rpID, user, more string) string {
	return fmt.Sprintf(`navigator.credentials.create({publicKey: {rp: {id: %q, name: "Test"}, challenge: new Uint8Array(16),
		user: {id: new TextEncoder().encode(%q), name: %q, displayName: %q},
		pubKeyCredParams: [{type: "public-key", alg: -7}, {type: "public-key", alg: -257}],
		authenticatorSelection: {residentKey: "required"}, timeout: 5000, %s}}).then(c => c.toJSON(), e => ({error: e.name, message: e.message}))`,
		rpID, user, user, user, more)
}

func getScript(rpID, more string) string {
	return fmt.Sprintf(`navigator.credentials.get({publicKey: {rpId: %q, challenge: new Uint8Array(16), timeout: 5000, %s}})
		.then(c => c.toJSON(), e => ({error: e.name, message: e.message}))`, rpID, more)
}

// outcome is what createScript and getScript give.
type outcome struct {
	ID       string
	Error    string
	Message  string
	Response struct{ UserHandle string }
}
