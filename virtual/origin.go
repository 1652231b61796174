package virtual

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// callerHost checks that a page of this origin may use WebAuthn at all, and returns its effective
// domain: an https origin, or http on a loopback host name, as browsers have it.
func callerHost(origin string) (string, error) {
	if origin == "" || origin == "null" {
		return "", refuse(NotAllowedError, "origin %q is opaque", origin)
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return "", refuse(SecurityError, "origin %q is not one of a web page", origin)
	}
	if want := serializedOrigin(u); origin != want {
		return "", refuse(SecurityError, "origin %q is not serialized as browsers do it, want %q", origin, want)
	}
	host := u.Hostname()
	if isAddress(host) {
		return "", refuse(SecurityError, "origin %q has an IP address, want a domain name (such as localhost)", origin)
	}
	if !validDomain(host) {
		return "", refuse(SecurityError, "origin %q has no valid domain name", origin)
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopbackName(host)) {
		return "", refuse(SecurityError, "origin %q is not a secure context, want https or http on localhost", origin)
	}
	return host, nil
}

// serializedOrigin is scheme, host and a port that is not the default one, in lower case.
func serializedOrigin(u *url.URL) string {
	host := strings.TrimSuffix(strings.ToLower(u.Host), ":")
	switch u.Scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	}
	return u.Scheme + "://" + host
}

// isAddress also takes the short forms of IPv4 that the URL Standard reads: a name whose last label
// is a number is an address.
func isAddress(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	return last != "" && strings.Trim(last, "0123456789") == ""
}

func loopbackName(host string) bool {
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// validDomain accepts lower-case ASCII labels; internationalized names come as punycode.
func validDomain(host string) bool {
	if host == "" || len(host) > 253 {
		return false
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

// claimRPID checks that a page on host may use an RP ID: its own host, or a registrable domain
// suffix of it (HTML, "is a registrable domain suffix of or is equal to").
func claimRPID(rpID, host string) error {
	if rpID == host {
		return nil
	}
	if !validDomain(rpID) {
		return refuse(SecurityError, "rp id %q is not a valid domain name", rpID)
	}
	if !strings.HasSuffix(host, "."+rpID) {
		return refuse(SecurityError, "rp id %q is neither the host %q nor a parent domain of it", rpID, host)
	}
	if suffix, _ := publicsuffix.PublicSuffix(rpID); suffix == rpID {
		return refuse(SecurityError, "rp id %q is a public suffix", rpID)
	}
	return nil
}

// maxRelatedLabels is how many different names before the public suffix a list of related origins may
// have, as in browsers; WebAuthn L3 §5.11.1 asks for five at least.
const maxRelatedLabels = 5

// CheckRPID checks that a page of the origin may use an RP ID: one of its own (WebAuthn L3 §5.1.3 step
// 8), or one whose related origins have it (§5.11.1). related is the list at
// https://<rp id>/.well-known/webauthn, if the caller has fetched it. The error is an [*Error], a
// SecurityError for an RP ID that is not allowed.
func CheckRPID(rpID, origin string, related []string) error {
	host, err := callerHost(origin)
	if err != nil {
		return err
	}
	err = claimRPID(rpID, host)
	if err == nil || len(related) == 0 || !validDomain(rpID) {
		return err
	}
	if !listsOrigin(related, origin) {
		return refuse(SecurityError, "rp id %q: its related origins do not have %q", rpID, origin)
	}
	return nil
}

// listsOrigin is the related origins validation procedure (WebAuthn L3 §5.11.1).
func listsOrigin(related []string, origin string) bool {
	var labels []string
	for _, entry := range related {
		u, err := url.Parse(entry)
		if err != nil || u.Host == "" || isAddress(u.Hostname()) {
			continue
		}
		domain, err := publicsuffix.EffectiveTLDPlusOne(strings.ToLower(u.Hostname()))
		if err != nil {
			continue
		}
		label, _, _ := strings.Cut(domain, ".")
		if !slices.Contains(labels, label) {
			if len(labels) == maxRelatedLabels {
				continue
			}
			labels = append(labels, label)
		}
		if serializedOrigin(u) == origin {
			return true
		}
	}
	return false
}
