// Package wire carries the requests of a load and reads their answers: one interface, two clients.
//
// The fast client speaks HTTP/1.1 itself, over TCP or TLS, without a goroutine per connection and, on a connection that
// is kept, without an allocation. The general client is net/http's transport: HTTP/2, and proxies. Both put the
// same bytes on the wire for the same [Request] of HTTP/1.1, those of the transport with which single scenarios run.
package wire
