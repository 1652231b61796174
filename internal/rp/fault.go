package rp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
)

// FaultKind says why nothing can be said about a relying party's decision.
type FaultKind string

// The kinds of fault.
const (
	FaultUnreachable FaultKind = "unreachable" // no connection
	FaultTimeout     FaultKind = "timeout"     // connected, no (whole) answer in time
	FaultClosed      FaultKind = "closed"      // the connection ended before the answer did
	FaultTLS         FaultKind = "tls"         // certificate or handshake
	FaultTooLarge    FaultKind = "too-large"   // answer beyond MaxBody
	FaultRedirects   FaultKind = "redirects"   // more redirects than any login needs
	FaultNotJSON     FaultKind = "not-json"    // HTML or garbage where JSON was expected
	FaultUnexpected  FaultKind = "unexpected"  // neither the adapter's yes nor its no
	FaultNoOptions   FaultKind = "no-options"  // options missing or unusable
	FaultMissing     FaultKind = "missing"     // a value the adapter saves is not in the answer
	FaultClock       FaultKind = "clock"       // the RP's clock makes its cookies expire at once
	FaultInterrupted FaultKind = "interrupted" // the run was canceled
	FaultPage        FaultKind = "page"        // a step on the RP's page could not be done
	FaultBrowser     FaultKind = "browser"     // Chrome ended, or could not be used
	FaultAdapter     FaultKind = "adapter"     // the adapter does not fit: an expression failed
	FaultTamper      FaultKind = "tamper"      // the response was not changed as the scenario says
)

// HintNobodyThere is what to do where no relying party answers.
const HintNobodyThere = "start the relying party, or name the right address: its origin, or its base-url"

// Fault is why an operation could not be judged, for a person: what was sent where, what came back,
// and what to do.
type Fault struct { //nolint:errname // a fault is what reports and docs call it; it is an error by the way
	Kind     FaultKind
	Sentence string
	Hint     string
	Err      error
}

func (f *Fault) Error() string { return f.Sentence }

// Unwrap returns the cause, if there is one.
func (f *Fault) Unwrap() error { return f.Err }

// transportFault says what a failed exchange means. what is "POST http://…/path".
func transportFault(err error, what string) *Fault {
	f := &Fault{Err: err}
	var (
		dns       *net.DNSError
		certErr   *tls.CertificateVerificationError
		recordErr tls.RecordHeaderError
		timeout   interface{ Timeout() bool }
	)
	switch {
	case errors.Is(err, context.Canceled):
		f.Kind, f.Sentence = FaultInterrupted, what+" was interrupted"
	case errors.Is(err, context.DeadlineExceeded) || (errors.As(err, &timeout) && timeout.Timeout()):
		f.Kind, f.Sentence = FaultTimeout, what+" got no complete answer in time"
		f.Hint = "is the relying party stuck or overloaded? A longer limit: --timeout, or timeout: on the step"
	case errors.Is(err, syscall.ECONNREFUSED):
		f.Kind, f.Sentence = FaultUnreachable, what+" was refused a connection: nothing listens there"
		f.Hint = HintNobodyThere
	case errors.As(err, &dns):
		f.Kind, f.Sentence = FaultUnreachable, fmt.Sprintf("%s could not be sent: no address for host %q", what, dns.Name)
		f.Hint = "check the host name, or map it with target.connect-to"
	case errors.As(err, &certErr):
		f.Kind, f.Sentence = FaultTLS, fmt.Sprintf("%s could not be sent: the certificate is not valid: %v", what, certErr.Err)
		f.Hint = certificateHint(certErr.Err)
	case errors.As(err, &recordErr) || strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		f.Kind, f.Sentence = FaultTLS, what+" could not be sent: the server speaks plain HTTP, not TLS"
		f.Hint = "use an http:// origin, or target.base-url when TLS ends at a proxy"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		f.Kind, f.Sentence = FaultClosed, what+": the connection was closed before the answer was complete"
		f.Hint = "did the relying party crash on this request? Its log should say"
	default:
		f.Kind, f.Sentence = FaultUnreachable, fmt.Sprintf("%s failed: %v", what, rootCause(err))
		f.Hint = "check that the relying party runs and that the address is right"
	}
	return f
}

func certificateHint(err error) string {
	var (
		unknown x509.UnknownAuthorityError
		invalid x509.CertificateInvalidError
	)
	switch {
	case errors.As(err, &unknown):
		return "name the authority's PEM file with target.ca"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "renew the certificate, or set this machine's clock right"
	default:
		return "is the origin's host name the one in the certificate?"
	}
}

func rootCause(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}
