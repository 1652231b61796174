package wire

import (
	"bytes"
	"iter"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"
)

// Jar holds the cookies of one browser session: the same ones, in the same order, as net/http/cookiejar with the public
// suffix list, except that a loopback host counts as secure. It is not safe for concurrent use.
type Jar struct {
	clock   func() time.Time
	cookies []cookie // in the order of their creation; those beyond the length are memory for reuse
	chosen  []int    // indexes of the cookies for one request
}

type cookie struct {
	name, value  []byte
	domain, path []byte
	site         string
	quoted       bool
	hostOnly     bool
	secure       bool
	expires      time.Time // zero: with the session
}

// NewJar makes an empty jar. The clock says when cookies expire.
func NewJar(clock func() time.Time) *Jar { return &Jar{clock: clock} }

// Reset takes all cookies out. The memory is kept.
func (j *Jar) Reset() { j.cookies = j.cookies[:0] }

// Take sets all cookies of an answer to the target of a request to the server.
func (j *Jar) Take(server *Server, target []byte, resp *Response) {
	for line := range resp.SetCookies() {
		j.Set(server, target, line)
	}
}

// Set keeps, replaces or deletes a cookie, as the value of a Set-Cookie header says that came with the answer to
// a request for the target (RFC 6265 §5.3). It reports false for one that a browser would not take.
func (j *Jar) Set(server *Server, target, line []byte) bool {
	c, ok := parseSetCookie(line)
	if !ok {
		return false
	}
	domain, hostOnly, ok := cookieDomain(server, c.domain)
	if !ok {
		return false
	}
	path := c.path
	if len(path) == 0 || path[0] != '/' {
		path = defaultPath(pathOf(target))
	}
	at := slices.IndexFunc(j.cookies, func(k cookie) bool {
		return k.site == server.site && bytes.Equal(k.name, c.name) && bytes.Equal(k.path, path) && string(k.domain) == domain
	})
	expires, expired := j.expiry(&c)
	if expired {
		if at >= 0 {
			j.remove(at)
		}
		return true
	}
	if at < 0 {
		at = len(j.cookies)
		j.cookies = slices.Grow(j.cookies, 1)[:at+1]
	}
	k := &j.cookies[at]
	k.name, k.value = append(k.name[:0], c.name...), append(k.value[:0], c.value...)
	k.domain, k.path = append(k.domain[:0], domain...), append(k.path[:0], path...)
	k.site, k.quoted, k.hostOnly, k.secure, k.expires = server.site, c.quoted, hostOnly, c.secure, expires
	return true
}

// expiry says when the cookie ends, or that it has: Max-Age counts before Expires.
func (j *Jar) expiry(c *setCookie) (end time.Time, expired bool) {
	switch {
	case c.maxAge < 0:
		return time.Time{}, true
	case c.maxAge > 0:
		return j.clock().Add(time.Duration(c.maxAge) * time.Second), false
	case c.expires.IsZero():
		return time.Time{}, false
	}
	return c.expires, !c.expires.After(j.clock())
}

// remove takes one cookie out, and keeps its memory behind the others.
func (j *Jar) remove(at int) {
	gone := j.cookies[at]
	copy(j.cookies[at:], j.cookies[at+1:])
	j.cookies[len(j.cookies)-1] = gone
	j.cookies = j.cookies[:len(j.cookies)-1]
}

// Append appends the value of the Cookie header of a request for the target; nothing if there is no cookie for it.
func (j *Jar) Append(dst []byte, server *Server, target []byte) []byte {
	for n, i := range j.choose(server, target) {
		if n > 0 {
			dst = append(dst, ';', ' ')
		}
		k := &j.cookies[i]
		dst = append(append(dst, k.name...), '=')
		if k.quoted || bytes.ContainsAny(k.value, " ,") {
			dst = append(append(append(dst, '"'), k.value...), '"')
		} else {
			dst = append(dst, k.value...)
		}
	}
	return dst
}

// Cookies yields name and value, without quotes, of the cookies that a request for the target carries. They are
// valid until the jar is used again.
func (j *Jar) Cookies(server *Server, target []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		for _, i := range j.choose(server, target) {
			if !yield(j.cookies[i].name, j.cookies[i].value) {
				return
			}
		}
	}
}

// All yields name and value, without quotes, of every cookie, wherever it goes. They are valid until the jar is used again.
func (j *Jar) All() iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		for i := range j.cookies {
			if !yield(j.cookies[i].name, j.cookies[i].value) {
				return
			}
		}
	}
}

// choose returns the indexes of the cookies for a request, in the order in which they are sent: the longest path
// first, then the oldest (RFC 6265 §5.4).
func (j *Jar) choose(server *Server, target []byte) []int {
	j.chosen = j.chosen[:0]
	if len(j.cookies) == 0 {
		return nil
	}
	j.expire()
	path := pathOf(target)
	for i := range j.cookies {
		k := &j.cookies[i]
		if k.site != server.site || k.secure && !server.secure || !k.fitsHost(server.cookieHost) || !k.fitsPath(path) {
			continue
		}
		at := len(j.chosen)
		for at > 0 && len(j.cookies[j.chosen[at-1]].path) < len(k.path) {
			at--
		}
		j.chosen = slices.Insert(j.chosen, at, i)
	}
	return j.chosen
}

// expire looks at the clock only if some cookie has an end.
func (j *Jar) expire() {
	var now time.Time
	for i, k := range slices.Backward(j.cookies) {
		if k.expires.IsZero() {
			continue
		}
		if now.IsZero() {
			now = j.clock()
		}
		if !k.expires.After(now) {
			j.remove(i)
		}
	}
}

func (c *cookie) fitsHost(host string) bool {
	if string(c.domain) == host {
		return true
	}
	rest := len(host) - len(c.domain)
	return !c.hostOnly && rest > 0 && host[rest-1] == '.' && host[rest:] == string(c.domain)
}

// fitsPath is the path-match of RFC 6265 §5.1.4.
func (c *cookie) fitsPath(path []byte) bool {
	n := len(c.path)
	return bytes.HasPrefix(path, c.path) && (len(path) == n || c.path[n-1] == '/' || path[n] == '/')
}

// cookieDomain says for which host the cookie is, and whether for that alone (RFC 6265 §5.3 steps 4 to 6).
func cookieDomain(server *Server, attribute []byte) (domain string, hostOnly, ok bool) {
	host := server.cookieHost
	if len(attribute) == 0 {
		return host, true, true
	}
	if server.isIP {
		return host, true, string(attribute) == host
	}
	domain = strings.ToLower(strings.TrimPrefix(string(attribute), "."))
	if domain == "" || domain[0] == '.' || domain[len(domain)-1] == '.' {
		return "", false, false
	}
	if suffix, _ := publicsuffix.PublicSuffix(domain); suffix == domain {
		return host, true, host == domain
	}
	return domain, false, host == domain || strings.HasSuffix(host, "."+domain)
}

// pathOf is the decoded path of a target.
func pathOf(target []byte) []byte {
	path, _, _ := bytes.Cut(target, []byte{'?'})
	if len(path) == 0 {
		return []byte{'/'}
	}
	if bytes.IndexByte(path, '%') >= 0 {
		if decoded, err := url.PathUnescape(string(path)); err == nil {
			return []byte(decoded)
		}
	}
	return path
}

// defaultPath is the directory of a path (RFC 6265 §5.1.4).
func defaultPath(path []byte) []byte {
	if i := bytes.LastIndexByte(path, '/'); i > 0 && path[0] == '/' {
		return path[:i]
	}
	return []byte{'/'}
}
