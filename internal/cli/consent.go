package cli

import (
	"net"
	"net/url"
	"strings"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
)

// politeRate is how many operations a second somebody else's machine may be asked for without its owner's consent.
const politeRate = 5

// onThisMachine says whether requests to a target stay on this machine.
func onThisMachine(file *scenarios.File, target report.Target) (bool, error) {
	base := target.Origin
	if target.BaseURL != "" {
		base = target.BaseURL
	}
	u, err := url.Parse(base)
	if err != nil {
		return false, badFile("", "%w", err)
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	host := u.Hostname()
	if to, ok := file.Target.ConnectTo[net.JoinHostPort(host, port)]; ok {
		if host, _, err = net.SplitHostPort(to); err != nil {
			return false, badFile("", "target.connect-to: %w", err)
		}
	}
	return loopback(host) || strings.HasSuffix(host, ".localhost"), nil
}

// consented says whether a target's owner agrees, by what the file or the flag --i-may-test says.
func consented(file *scenarios.File, target report.Target, mayTest string) bool {
	return mayTest == target.Origin || file.Target.IMayTest == target.Origin
}
