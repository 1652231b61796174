package rp

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/passrig/passrig/report"
)

// Session is one browser session at the relying party: its cookies and the values the adapter saved.
// It is not safe for concurrent use.
type Session struct {
	jar       http.CookieJar
	saved     map[string]any
	learn     func(name string, secret any)
	sawCookie bool
	received  []SetCookie // not yet told to a page
	held      map[string]SetCookie
}

// NewSession starts a session without cookies.
func (p *Party) NewSession() *Session {
	return &Session{jar: newJar(), saved: make(map[string]any), held: make(map[string]SetCookie), learn: p.Learn}
}

func newJar() *cookiejar.Jar {
	jar, err := cookiejar.New(&cookiejar.Options{PublicSuffixList: publicsuffix.List})
	if err != nil {
		// cookiejar.New has no failure; the signature is kept for the future.
		panic(err)
	}
	return jar
}

// Fork is a second session with the same cookies and saved values: another tab of the same browser,
// which can be used at the same time.
func (p *Party) Fork(s *Session) *Session {
	c := p.NewSession()
	c.saved, c.sawCookie = maps.Clone(s.saved), s.sawCookie
	for _, key := range slices.Sorted(maps.Keys(s.held)) {
		c.hold(s.held[key])
	}
	return c
}

// hold puts a cookie into the jar, and remembers it for forks.
func (s *Session) hold(set SetCookie) {
	s.jar.SetCookies(jarURL(set.URL), []*http.Cookie{set.Cookie})
	s.held[strings.Join([]string{set.URL.Host, set.Cookie.Domain, set.Cookie.Path, set.Cookie.Name}, "|")] = set
}

// Release does nothing: a session of the API holds nothing that must be given back.
func (p *Party) Release(*Session) {}

// HostCookie is a cookie with the host that it belongs to. Without a Domain it is of that host alone.
type HostCookie struct {
	Host   string
	Cookie *http.Cookie
}

// Received returns the cookies that answers have set, or deleted, since it was last called, each with
// the URL that did: what a page of the same session has to be told.
func (s *Session) Received() []SetCookie {
	received := s.received
	s.received = nil
	return received
}

// SetCookie is a cookie as an answer set it.
type SetCookie struct {
	URL    *url.URL
	Cookie *http.Cookie
}

// ReplaceCookies makes the session have just the cookies that a page of it has.
func (s *Session) ReplaceCookies(cookies []HostCookie) {
	s.jar, s.held = newJar(), make(map[string]SetCookie)
	for _, c := range cookies {
		learnCookie(s.learn, c.Cookie.Name, c.Cookie.Value)
		s.sawCookie = true
		s.hold(SetCookie{&url.URL{Scheme: "https", Host: c.Host, Path: c.Cookie.Path}, c.Cookie})
	}
}

// Save keeps a value for the session, as an adapter's save does.
func (s *Session) Save(name string, value any) { s.saved[name] = value }

// learnCookie tells of a cookie's value, unless it is so short that it is more likely a word.
func learnCookie(learn func(string, any), name, value string) {
	if len(value) >= report.Distinctive {
		learn("cookie "+name, value)
	}
}

// HoldsCredentials reports whether the relying party ever set a cookie here or gave a value to save:
// without either nothing can carry a session.
func (s *Session) HoldsCredentials() bool { return s.sawCookie || len(s.saved) > 0 }

// jarURL is the URL under which the jar sees u. A loopback host counts as secure, as browsers have it
// (Secure Contexts §3.1), so that Secure cookies work on http://127.0.0.1 too.
func jarURL(u *url.URL) *url.URL {
	if u.Scheme == "http" && IsLoopback(u.Hostname()) {
		c := *u
		c.Scheme = "https"
		return &c
	}
	return u
}

// IsLoopback reports whether a host, a name or an address without brackets, is this machine for sure (Secure Contexts
// §3.1).
func IsLoopback(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.IsLoopback()
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

func (s *Session) addCookies(req *http.Request) {
	for _, c := range s.jar.Cookies(jarURL(req.URL)) {
		req.AddCookie(c)
	}
}

// takeCookies keeps what the answer sets and returns a note for every cookie that a browser would drop.
func (s *Session) takeCookies(resp *http.Response, u *url.URL, now time.Time) ([]string, *Fault) {
	set := resp.Cookies()
	if len(set) == 0 {
		return nil, nil
	}
	for _, c := range set {
		s.hold(SetCookie{u, c})
	}
	kept := s.jar.Cookies(jarURL(u))
	var notes []string
	for _, c := range set {
		learnCookie(s.learn, c.Name, c.Value)
		s.received = append(s.received, SetCookie{u, c})
		if deletesCookie(c) {
			continue
		}
		if fault := expiredBySkew(resp, c, now); fault != nil {
			return notes, fault
		}
		if slices.ContainsFunc(kept, func(k *http.Cookie) bool { return k.Name == c.Name && k.Value == c.Value }) {
			s.sawCookie = true
			continue
		}
		if note := droppedBecause(c, u); note != "" {
			notes = append(notes, note)
		} else {
			s.sawCookie = true // kept, but for another path
		}
	}
	return notes, nil
}

func deletesCookie(c *http.Cookie) bool {
	return c.MaxAge < 0 || c.Value == "" || (!c.Expires.IsZero() && c.Expires.Year() <= 1970)
}

// droppedBecause says why a browser drops the cookie, or nothing if it does not.
func droppedBecause(c *http.Cookie, u *url.URL) string {
	switch {
	case c.Secure && jarURL(u).Scheme != "https":
		return fmt.Sprintf("cookie %q was dropped: it is Secure, but %s is plain HTTP on a host that is not loopback", c.Name, u.Host)
	case c.Domain != "" && !domainMatches(u.Hostname(), c.Domain):
		return fmt.Sprintf("cookie %q was dropped: its Domain %q does not cover %s", c.Name, c.Domain, u.Hostname())
	}
	return ""
}

func domainMatches(host, domain string) bool {
	domain = strings.TrimPrefix(strings.ToLower(domain), ".")
	return host == domain || strings.HasSuffix(host, "."+domain)
}

// expiredBySkew detects a cookie that is still good by the RP's clock and already expired by ours.
func expiredBySkew(resp *http.Response, c *http.Cookie, now time.Time) *Fault {
	date, err := http.ParseTime(resp.Header.Get("Date"))
	goodThere := err == nil && c.MaxAge <= 0 && c.Expires.After(date)
	if !goodThere || c.Expires.After(now) {
		return nil
	}
	return &Fault{
		Kind: FaultClock,
		Sentence: fmt.Sprintf("cookie %q, which the relying party keeps until %s, has already expired here: its clock is %s behind this machine's",
			c.Name, c.Expires.UTC().Format(time.RFC3339), now.Sub(date).Round(time.Second)),
		Hint: "set both clocks by NTP",
	}
}

// cookie is the value of the cookie that would be sent to u.
func (s *Session) cookie(u *url.URL, name string) (string, bool) {
	for _, c := range s.jar.Cookies(jarURL(u)) {
		if c.Name == name {
			return c.Value, true
		}
	}
	return "", false
}

// cookies are the cookies that would be sent to u, by name.
func (s *Session) cookies(u *url.URL) map[string]any {
	m := make(map[string]any)
	for _, c := range s.jar.Cookies(jarURL(u)) {
		m[c.Name] = c.Value
	}
	return m
}
