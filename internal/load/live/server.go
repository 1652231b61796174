// Package live shows a load under way to whoever collects metrics: as OpenMetrics text over HTTP.
package live

import (
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/passrig/passrig/report/openmetrics"
)

// Server answers GET /metrics.
type Server struct{ http http.Server }

// NewServer makes a server that asks for the families at each request, of which several can come at a time.
func NewServer(families func() []openmetrics.Family) *Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", openmetrics.ContentType)
		_ = openmetrics.Encode(w, families()) // nobody to tell when the collector is gone
	})
	return &Server{http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}}
}

// Serve answers until Close is called. It takes the listener over.
func (s *Server) Serve(l net.Listener) error {
	if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Close ends Serve, and the connections.
func (s *Server) Close() error { return s.http.Close() }
