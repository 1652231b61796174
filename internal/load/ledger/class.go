package ledger

// Class is how an operation ended: with an answer of the relying party, or by a kind of fault.
type Class uint8

// The classes.
const (
	Accepted    Class = iota // the relying party said yes
	Rejected                 // and no
	Refused                  // the client or the authenticator did, before anything was sent
	Timeout                  // no answer within the operation's time
	Unreachable              // no connection: refused, no route, no such name
	Closed                   // the connection ended before the whole answer had arrived
	TLS                      // the handshake failed
	Throttled                // 429, or 503 with Retry-After
	ServerError              // another 5xx
	Unexpected               // an answer that is neither the adapter's yes nor its no
	NoOptions                // an answer without usable options
	NotJSON                  // an answer that should have been JSON
	TooLarge                 // an answer beyond the limit
	Redirects                // too many redirects
	Missing                  // the adapter wants something of the answer that is not there
	Exhausted                // no ports or file descriptors left on this machine
	Adapter                  // the adapter could not be applied, such as an expression that failed
	Interrupted              // cut off when the run ended
	classCount
)

// String returns the class as reports have it, such as "server-error".
func (c Class) String() string {
	if c >= classCount {
		return "unknown"
	}
	return [classCount]string{
		"accepted", "rejected", "refused", "timeout", "unreachable", "closed", "tls", "throttled", "server-error",
		"unexpected", "no-options", "not-json", "too-large", "redirects", "missing", "exhausted", "adapter", "interrupted",
	}[c]
}
