package scenarios

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// OriginProblem says what is wrong with a relying party's origin, and what would be right; both are ""
// for a good one. An origin is compared as text by every relying party, so it has to be written as
// browsers do (HTML §7.1.1): scheme://host[:port], in lower case, without the scheme's own port and
// without a path. At an IP address browsers do no WebAuthn (WebAuthn L3 §5.1.3).
func OriginProblem(origin string) (problem, hint string) {
	const form = "write scheme://host or scheme://host:port, without a path"
	u, err := url.Parse(origin)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "is not an origin", form
	}
	if u.Path != "" && u.Path != "/" || u.User != nil || strings.ContainsAny(origin, "?#") {
		return "is a URL, not an origin", form
	}
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if port != "" {
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return "is not an origin", "a port is at most 65535"
		}
		port = strconv.FormatUint(number, 10)
	}
	if u.Scheme == "http" && port == "80" || u.Scheme == "https" && port == "443" {
		port = ""
	}
	written := func(host string) string {
		if port != "" {
			host += ":" + port
		}
		return u.Scheme + "://" + host
	}
	if address, err := netip.ParseAddr(host); err == nil {
		if address.IsLoopback() || address.IsUnspecified() {
			return "is at an IP address, where browsers do no WebAuthn", "use " + written("localhost")
		}
		return "is at an IP address, where browsers do no WebAuthn", "use the host's name"
	}
	if strings.ContainsFunc(host, func(r rune) bool { return r > '~' }) {
		return "is not written as browsers write it", "write the host in Punycode: xn--…"
	}
	if canonical := written(host); canonical != origin {
		return "is not written as browsers write it", "write " + canonical
	}
	return "", ""
}
