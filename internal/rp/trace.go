package rp

import (
	"crypto/tls"
	"net/http/httptrace"
	"sync"
	"time"

	"github.com/passrig/passrig/report"
)

// trace collects the moments that net/http reports. Dials that lost the race report late and from
// other goroutines, hence the lock.
type trace struct {
	clock func() time.Time

	mu      sync.Mutex
	moments [momentCount]time.Time
	reused  bool
}

type moment int

const (
	dnsStart moment = iota
	dnsDone
	connectStart
	connectDone
	tlsStart
	tlsDone
	requestWritten
	firstByte
	momentCount
)

func newTrace(clock func() time.Time) *trace { return &trace{clock: clock} }

func (t *trace) mark(m moment) {
	now := t.clock()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.moments[m] = now
}

func (t *trace) hooks() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		DNSStart:          func(httptrace.DNSStartInfo) { t.mark(dnsStart) },
		DNSDone:           func(httptrace.DNSDoneInfo) { t.mark(dnsDone) },
		ConnectStart:      func(string, string) { t.mark(connectStart) },
		ConnectDone:       func(string, string, error) { t.mark(connectDone) },
		TLSHandshakeStart: func() { t.mark(tlsStart) },
		TLSHandshakeDone:  func(tls.ConnectionState, error) { t.mark(tlsDone) },
		GotConn: func(i httptrace.GotConnInfo) {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.reused = i.Reused
		},
		WroteRequest:         func(httptrace.WroteRequestInfo) { t.mark(requestWritten) },
		GotFirstResponseByte: func() { t.mark(firstByte) },
	}
}

func (t *trace) timing(start, end time.Time) report.Timing {
	t.mu.Lock()
	defer t.mu.Unlock()
	between := func(from, to moment) float64 {
		a, b := t.moments[from], t.moments[to]
		if a.IsZero() || b.IsZero() || b.Before(a) {
			return 0
		}
		return ms(b.Sub(a))
	}
	return report.Timing{
		DNSMS: between(dnsStart, dnsDone), ConnectMS: between(connectStart, connectDone), TLSMS: between(tlsStart, tlsDone),
		TTFBMS: between(requestWritten, firstByte), TotalMS: ms(end.Sub(start)), ReusedConn: t.reused,
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
