package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/passrig/passrig/internal/load/ledger"
)

// Fault is why there is no answer: its class, and a sentence that names the request.
type Fault struct { //nolint:errname // a fault is what reports and docs call it; it is an error by the way
	Class    ledger.Class
	Err      error
	Sentence string
}

func (f *Fault) Error() string { return f.Sentence }

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Err }

// ClassOfStatus is the class of an answer that is neither the adapter's yes nor its no. retryAfter is the value
// of that header, nil if there is none.
func ClassOfStatus(status int, retryAfter []byte) ledger.Class {
	switch {
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable && retryAfter != nil:
		return ledger.Throttled
	case status >= http.StatusInternalServerError:
		return ledger.ServerError
	}
	return ledger.Unexpected
}

// The ways in which an answer is not one.
var (
	errNotHTTP     = errors.New("the answer is not HTTP")
	errHeadTooLong = fmt.Errorf("its header is longer than %d KiB", MaxHead>>10)
	errBodyTooLong = fmt.Errorf("its body is longer than %d MiB", MaxBody>>20)
)

// errEnded says that the connection has ended, which is how some bodies end. Of a TLS record that breaks off, which is
// the end of none, crypto/tls says [io.ErrUnexpectedEOF].
var errEnded = fmt.Errorf("the connection has ended: %w", io.ErrUnexpectedEOF)

// malformed does not show what it is about, which may be secret.
func malformed(what string) error { return fmt.Errorf("%w: malformed %s", errNotHTTP, what) }

func notHTTP(what string, line []byte) error {
	return fmt.Errorf("%w: %s %q", errNotHTTP, what, line[:min(len(line), 60)])
}

// stage is how far an exchange came. The same error means different things before and after.
type stage int

const (
	connecting stage = iota
	handshaking
	exchanging
)

// newFault sorts an error. The order matters: a lack of file descriptors may look like a failed lookup of the host.
func newFault(req *Request, at stage, err error) *Fault {
	path, _, _ := strings.Cut(string(req.Target), "?") // the query may hold user data
	what := req.Method + " " + req.Server.origin + path
	f := &Fault{Err: err}
	var dns *net.DNSError
	switch {
	case errors.Is(err, context.Canceled):
		f.Class, f.Sentence = ledger.Interrupted, what+" was interrupted"
	case exhausted(err) != "":
		f.Class, f.Sentence = ledger.Exhausted, fmt.Sprintf("%s could not be sent: %v: %s", what, root(err), exhausted(err))
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		f.Class, f.Sentence = ledger.Timeout, what+" got no complete answer in time"
		if at != exchanging {
			f.Sentence = what + " got no connection in time"
		}
	case errors.Is(err, errHeadTooLong), errors.Is(err, errBodyTooLong), strings.Contains(err.Error(), "response headers exceeded"):
		f.Class, f.Sentence = ledger.TooLarge, fmt.Sprintf("%s was answered with too much: %v", what, err)
	case errors.Is(err, syscall.ECONNREFUSED):
		f.Class, f.Sentence = ledger.Unreachable, what+" was refused a connection: nothing listens there"
	case errors.As(err, &dns):
		f.Class, f.Sentence = ledger.Unreachable, fmt.Sprintf("%s could not be sent: no address for host %q", what, dns.Name)
	case isClosed(err):
		f.Class, f.Sentence = ledger.Closed, what+": the connection was closed before the answer was complete"
	case at == handshaking, isTLS(err):
		f.Class, f.Sentence = ledger.TLS, fmt.Sprintf("%s could not be sent over TLS: %v", what, err)
	case at == exchanging:
		f.Class, f.Sentence = ledger.Unexpected, fmt.Sprintf("%s failed: %v", what, err)
	default:
		f.Class, f.Sentence = ledger.Unreachable, fmt.Sprintf("%s failed: %v", what, root(err))
	}
	return f
}

// exhausted says what ran out on this machine, and what helps; empty if nothing did.
func exhausted(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "no local port is free; keep connections alive, or widen net.ipv4.ip_local_port_range"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), strings.Contains(err.Error(), "too many open files"):
		return "no file descriptor is free; raise ulimit -n, or lower the number of connections"
	case errors.Is(err, syscall.ENOBUFS), errors.Is(err, syscall.ENOMEM):
		return "the kernel has no memory for another connection; lower the number of connections"
	}
	return ""
}

func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}

func isClosed(err error) bool {
	for _, target := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED, net.ErrClosed} {
		if errors.Is(err, target) {
			return true
		}
	}
	// net/http keeps these to itself.
	for _, text := range []string{"server closed idle connection", "sent GOAWAY", "stream error", "client connection lost", "client connection force closed"} {
		if strings.Contains(err.Error(), text) {
			return true
		}
	}
	return false
}

func isTLS(err error) bool {
	var (
		certErr   *tls.CertificateVerificationError
		recordErr tls.RecordHeaderError
		op        *net.OpError
	)
	return errors.As(err, &certErr) || errors.As(err, &recordErr) ||
		errors.As(err, &op) && (op.Op == "remote error" || op.Op == "local error") || // alerts
		strings.Contains(err.Error(), "server gave HTTP response to HTTPS client") || strings.HasPrefix(err.Error(), "tls: ")
}

func root(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}
