package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/passrig/passrig/internal/demorp"
)

// The demo relying party waits this long for a client's headers, and at its end for answers under way.
const (
	headerTimeout   = 10 * time.Second
	shutdownTimeout = 5 * time.Second
)

// served is a demo relying party that is being served.
type served struct {
	server *http.Server
	failed chan error // what ended it; closed when it has ended
}

// listen opens a TCP listener on an address.
func listen(ctx context.Context, address string) (net.Listener, error) {
	return new(net.ListenConfig).Listen(ctx, "tcp", address)
}

// localOrigin is the origin under which a browser on this machine reaches a listener.
func localOrigin(scheme string, l net.Listener) string {
	port := 0
	if address, ok := l.Addr().(*net.TCPAddr); ok {
		port = address.Port
	}
	if scheme == "http" && port == 80 || scheme == "https" && port == 443 {
		return scheme + "://localhost" // as browsers serialize it
	}
	return fmt.Sprintf("%s://localhost:%d", scheme, port)
}

// serve serves a demo relying party on a listener, which it takes over, until stop is called.
func serve(l net.Listener, cfg demorp.Config, certificate *tls.Certificate) (*served, error) {
	party, err := demorp.New(cfg)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	s := &served{failed: make(chan error, 1), server: &http.Server{
		Handler: party.Handler(), ReadHeaderTimeout: headerTimeout, ErrorLog: log.New(io.Discard, "", 0),
	}}
	if cfg.Logger != nil {
		s.server.ErrorLog = slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelWarn)
	}
	if certificate != nil {
		s.server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*certificate}, MinVersion: tls.VersionTLS12}
	}
	go func() {
		defer close(s.failed)
		var err error
		if certificate != nil {
			err = s.server.ServeTLS(l, "", "")
		} else {
			err = s.server.Serve(l)
		}
		if !errors.Is(err, http.ErrServerClosed) {
			s.failed <- err
		}
	}()
	return s, nil
}

// stop lets answers under way end, and waits for the server's end. ctx may have been canceled.
func (s *served) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	err := s.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.server.Close()
	}
	return errors.Join(err, <-s.failed)
}

// wait returns when ctx ends, or with the error that ended the server.
func (s *served) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.failed:
		return err
	}
}
