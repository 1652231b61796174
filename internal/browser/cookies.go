package browser

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/virtual/cdp"
)

// pull makes the session have the page's cookies.
func (d *Driver) pull(ctx context.Context, t *tab, s *rp.Session) error {
	held, err := t.device.Jar(ctx)
	if err != nil {
		return err
	}
	cookies := make([]rp.HostCookie, len(held))
	for i, c := range held {
		cookies[i] = rp.HostCookie{Host: c.Host, Cookie: c.Cookie}
	}
	s.ReplaceCookies(cookies)
	return nil
}

// push does to the page's cookies what answers outside the page did to the session's.
func (d *Driver) push(ctx context.Context, t *tab, s *rp.Session) error {
	for _, c := range s.Received() {
		if err := t.device.SetCookies(ctx, c.URL.String(), []*http.Cookie{lasting(c, d.clock())}); err != nil {
			return err
		}
	}
	return nil
}

// lasting is the cookie with its lifetime as a date and its path written out (RFC 6265 §5.1.4, §5.2.2).
func lasting(set rp.SetCookie, now time.Time) *http.Cookie {
	c := *set.Cookie //nolint:gosec // as the relying party set it
	switch {
	case c.MaxAge < 0:
		c.Expires = time.Unix(1, 0)
	case c.MaxAge > 0:
		c.Expires = now.Add(time.Duration(c.MaxAge) * time.Second)
	}
	if !strings.HasPrefix(c.Path, "/") {
		c.Path = "/"
		if i := strings.LastIndex(set.URL.Path, "/"); i > 0 {
			c.Path = set.URL.Path[:i]
		}
	}
	return &c
}

// carry gives a page all cookies of another.
func carry(ctx context.Context, cookies []cdp.HostCookie, to *cdp.Device) error {
	for _, c := range cookies {
		address := "http://" + c.Host + c.Cookie.Path
		if c.Cookie.Secure {
			address = "https://" + c.Host + c.Cookie.Path
		}
		if err := to.SetCookies(ctx, address, []*http.Cookie{c.Cookie}); err != nil {
			return err
		}
	}
	return nil
}
