package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/passrig/passrig/internal/demorp"
)

// counts is how many logins and registrations a server has answered with yes.
type counts struct {
	Logins        atomic.Int64
	Registrations atomic.Int64
}

// of is the counter of what ends with a request to a path; nil for other paths.
func (c *counts) of(path string) *atomic.Int64 {
	switch path {
	case "/api/login/result":
		return &c.Logins
	case "/api/register/result":
		return &c.Registrations
	}
	return nil
}

// server is one that is served by this process.
type server struct {
	origin string
	counts *counts
	stop   func()
}

// listen opens a port and returns the origin under which it is reached.
func listen(ctx context.Context) (net.Listener, string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return l, "http://localhost:" + port, err
}

// serveDemo serves the demo relying party.
func serveDemo(ctx context.Context) (*server, error) {
	l, origin, err := listen(ctx)
	if err != nil {
		return nil, err
	}
	party, err := demorp.New(demorp.Config{Origins: []string{origin}}) //nolint:contextcheck // it waits for nothing
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	done := &counts{}
	handler := party.Handler()
	s := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := done.of(r.URL.Path)
		if n == nil {
			handler.ServeHTTP(w, r)
			return
		}
		seen := &statusWriter{ResponseWriter: w}
		handler.ServeHTTP(seen, r)
		if seen.status < http.StatusBadRequest {
			n.Add(1)
		}
	})}
	go func() { _ = s.Serve(l) }() // it ends when it is closed
	return &server{origin: origin, counts: done, stop: func() { _ = s.Close() }}, nil
}

// statusWriter remembers the status.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}
