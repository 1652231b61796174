package cdp

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-rod/rod/lib/proto"
)

// Cookies returns the device's cookies that a request for the URL would carry, so that a client
// outside the browser can share its session.
func (d *Device) Cookies(ctx context.Context, address string) ([]*http.Cookie, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("cookies: %w", err)
	}
	held, err := d.Jar(ctx)
	if err != nil {
		return nil, err
	}
	var out []*http.Cookie
	for _, c := range held {
		if applies(c, u) {
			out = append(out, c.Cookie)
		}
	}
	return out, nil
}

// HostCookie is a cookie with the host that it belongs to. Without a Domain it is of that host alone.
type HostCookie struct {
	Host   string
	Cookie *http.Cookie
}

// Jar returns all of the device's cookies.
func (d *Device) Jar(ctx context.Context) ([]HostCookie, error) {
	ctx, cancel := d.browser.bounded(ctx, "cookies")
	defer cancel()
	all, err := proto.StorageGetCookies{BrowserContextID: d.context}.Call(d.browser.session.in(ctx))
	if err != nil {
		return nil, fmt.Errorf("cookies: %w", d.browser.goneError(err))
	}
	held := make([]HostCookie, 0, len(all.Cookies))
	for _, c := range all.Cookies {
		host, wide := strings.CutPrefix(c.Domain, ".")
		cookie := &http.Cookie{Name: c.Name, Value: c.Value, Path: c.Path, Secure: c.Secure, HttpOnly: c.HTTPOnly, SameSite: sameSite(c.SameSite)} //nolint:gosec // as Chrome has it
		if wide {
			cookie.Domain = host
		}
		if !c.Session {
			cookie.Expires = time.Unix(int64(c.Expires), 0)
		}
		held = append(held, HostCookie{Host: host, Cookie: cookie})
	}
	return held, nil
}

// applies is the retrieval algorithm of RFC 6265 §5.4, with http on localhost being as good as https.
func applies(held HostCookie, u *url.URL) bool {
	c := held.Cookie
	host, path := strings.ToLower(u.Hostname()), u.EscapedPath()
	if path == "" {
		path = "/"
	}
	onHost := host == held.Host || c.Domain != "" && strings.HasSuffix(host, "."+held.Host)
	onPath := path == c.Path || strings.HasPrefix(path, strings.TrimSuffix(c.Path, "/")+"/")
	local := host == "localhost" || strings.HasSuffix(host, ".localhost")
	return onHost && onPath && (!c.Secure || u.Scheme == "https" || local)
}

// SetCookies stores cookies as if the URL had set them.
func (d *Device) SetCookies(ctx context.Context, address string, cookies []*http.Cookie) error {
	ctx, cancel := d.browser.bounded(ctx, "cookies")
	defer cancel()
	params := make([]*proto.NetworkCookieParam, len(cookies))
	for i, c := range cookies {
		params[i] = &proto.NetworkCookieParam{
			Name: c.Name, Value: c.Value, URL: address, Domain: c.Domain, Path: c.Path, Secure: c.Secure, HTTPOnly: c.HttpOnly,
		}
		switch c.SameSite {
		case http.SameSiteDefaultMode:
		case http.SameSiteLaxMode:
			params[i].SameSite = proto.NetworkCookieSameSiteLax
		case http.SameSiteStrictMode:
			params[i].SameSite = proto.NetworkCookieSameSiteStrict
		case http.SameSiteNoneMode:
			params[i].SameSite = proto.NetworkCookieSameSiteNone
		}
		if !c.Expires.IsZero() {
			params[i].Expires = proto.TimeSinceEpoch(c.Expires.Unix())
		}
	}
	err := proto.StorageSetCookies{Cookies: params, BrowserContextID: d.context}.Call(d.browser.session.in(ctx))
	if err != nil {
		return fmt.Errorf("set cookies: %w", d.browser.goneError(err))
	}
	return nil
}

func sameSite(s proto.NetworkCookieSameSite) http.SameSite {
	switch s {
	case proto.NetworkCookieSameSiteLax:
		return http.SameSiteLaxMode
	case proto.NetworkCookieSameSiteStrict:
		return http.SameSiteStrictMode
	case proto.NetworkCookieSameSiteNone:
		return http.SameSiteNoneMode
	}
	return http.SameSiteDefaultMode
}
