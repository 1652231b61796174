// Package demorptest serves the demo relying party to tests.
package demorptest

import (
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/passrig/passrig/internal/demorp"
)

// Start serves a demo relying party on a free loopback port until the test ends and returns its
// origin. around, if given, puts a handler around its own.
func Start(tb testing.TB, around func(http.Handler) http.Handler) (origin string) {
	tb.Helper()
	return StartWith(tb, demorp.Config{}, around)
}

// StartWith is Start for another kind of relying party. Its only origin is the one returned.
func StartWith(tb testing.TB, cfg demorp.Config, around func(http.Handler) http.Handler) (origin string) {
	tb.Helper()
	listener, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	origin = "http://localhost:" + port
	cfg.Origins = []string{origin}
	party, err := demorp.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	handler := party.Handler()
	if around != nil {
		handler = around(handler)
	}
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}}
	server.Start()
	tb.Cleanup(server.Close)
	return origin
}
