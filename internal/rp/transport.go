package rp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"time"
)

// TransportConfig says how connections are made.
type TransportConfig struct {
	RootCAs   []byte            // PEM, beside the system's
	ConnectTo map[string]string // host:port to dial, by host:port of the URL
	NoReuse   bool              // a new connection for every request
}

// NewTransport makes the HTTP transport for API runs. Proxies are taken from the environment except
// for loopback, as net/http does; redirects and cookies are handled by [Party].
func NewTransport(cfg TransportConfig) (*http.Transport, error) {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	t := &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if to, ok := cfg.ConnectTo[addr]; ok {
				addr = to
			}
			return dialer.DialContext(ctx, network, addr)
		},
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 100,
		IdleConnTimeout:     90 * time.Second,
		TLSHandshakeTimeout: 10 * time.Second,
		DisableKeepAlives:   cfg.NoReuse,
	}
	if len(cfg.RootCAs) > 0 {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(cfg.RootCAs) {
			return nil, errors.New("no PEM certificate in the file")
		}
		t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return t, nil
}
