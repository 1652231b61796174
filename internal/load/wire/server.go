package wire

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"

	"golang.org/x/net/http/httpguts"
	"golang.org/x/net/publicsuffix"

	"github.com/passrig/passrig/internal/rp"
)

// Server is where requests go: scheme, host and port, with what follows from them once and for all.
type Server struct {
	scheme string
	host   string // of the Host header
	origin string // "https://host:port", for sentences
	addr   string // host:port by which [Config.ConnectTo] maps it
	dial   string // host:port that is dialed
	name   string // of the certificate

	// How cookies see it.
	cookieHost string // lower case, without port
	site       string // the registrable domain: what two hosts must share to see each other's cookies
	isIP       bool
	secure     bool // Secure cookies go there

	base url.URL
	tls  *tls.Config // nil: plain
	pool *pool       // of the fast client
}

// String is the server's scheme, host and port as in a URL.
func (s *Server) String() string { return s.origin }

// registry makes servers, one for each scheme and host.
type registry struct {
	mu      sync.Mutex
	servers map[string]*Server
}

func (r *registry) server(base *url.URL, cfg *Config, secure *tls.Config) (*Server, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := base.Scheme + "://" + base.Host
	if s, ok := r.servers[key]; ok {
		return s, nil
	}
	s, err := newServer(base, cfg, secure)
	if err != nil {
		return nil, err
	}
	if r.servers == nil {
		r.servers = make(map[string]*Server)
	}
	r.servers[key] = s
	return s, nil
}

func (r *registry) each(f func(*Server)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.servers {
		f(s)
	}
}

func newServer(base *url.URL, cfg *Config, secure *tls.Config) (*Server, error) {
	port := base.Port()
	switch base.Scheme {
	case "http":
		secure = nil
		if port == "" {
			port = "80"
		}
	case "https":
		if port == "" {
			port = "443"
		}
	default:
		return nil, fmt.Errorf("base URL %q: want http or https", base)
	}
	host, err := httpguts.PunycodeHostPort(base.Host)
	if err != nil || base.Hostname() == "" || !httpguts.ValidHostHeader(host) {
		return nil, fmt.Errorf("base URL %q: invalid host", base)
	}
	name, err := httpguts.PunycodeHostPort(base.Hostname())
	if err != nil {
		return nil, fmt.Errorf("base URL %q: invalid host: %w", base, err)
	}
	s := &Server{
		scheme: base.Scheme, host: withoutZone(host), origin: base.Scheme + "://" + base.Host, name: name,
		addr: net.JoinHostPort(name, port),
		base: url.URL{Scheme: base.Scheme, Host: base.Host}, pool: &pool{max: cfg.MaxConns},
	}
	s.dial = s.addr
	if to, ok := cfg.ConnectTo[s.addr]; ok {
		s.dial = to
	}
	if secure != nil {
		s.tls = secure.Clone()
		s.tls.ServerName = name
	}
	s.setCookieView()
	return s, nil
}

// setCookieView says how cookies see the server. A loopback host counts as secure, as browsers have it (Secure
// Contexts §3.1), so that Secure cookies work on http://127.0.0.1 too.
func (s *Server) setCookieView() {
	s.cookieHost = strings.ToLower(strings.TrimSuffix(s.name, "."))
	s.isIP = strings.ContainsAny(s.cookieHost, ":%") || net.ParseIP(s.cookieHost) != nil
	s.site = site(s.cookieHost, s.isIP)
	s.secure = s.scheme == "https" || rp.IsLoopback(s.cookieHost)
}

// site is the public suffix of the host and one more label, if there is one.
func site(host string, isIP bool) string {
	if isIP {
		return host
	}
	suffix, _ := publicsuffix.PublicSuffix(host)
	if suffix == host {
		return host
	}
	i := len(host) - len(suffix)
	if i <= 0 || host[i-1] != '.' {
		return host
	}
	return host[strings.LastIndexByte(host[:i-1], '.')+1:]
}

// withoutZone takes the zone out of an IPv6 address: it means nothing to the server (RFC 6874 §1).
func withoutZone(host string) string {
	if !strings.HasPrefix(host, "[") {
		return host
	}
	end := strings.LastIndexByte(host, ']')
	if zone := strings.IndexByte(host, '%'); end > 0 && zone > 0 && zone < end {
		return host[:zone] + host[end:]
	}
	return host
}

// tlsConfig is what all TLS connections of a client share.
func (c *Config) tlsConfig() (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12, CurvePreferences: c.TLS.Curves}
	if !c.TLS.NoResumption {
		t.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	if len(c.RootCAs) == 0 {
		return t, nil
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(c.RootCAs) {
		return nil, errors.New("no PEM certificate among the root CAs")
	}
	t.RootCAs = roots
	return t, nil
}
