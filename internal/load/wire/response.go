package wire

import (
	"bytes"
	"iter"
	"slices"
	"strconv"
	"time"
)

// Response is one answer, read whole. Its bytes are valid until the next Do of the line that read it; the zero
// value is ready to be filled, and again.
type Response struct {
	Status   int
	Proto    string // "HTTP/1.1", "HTTP/1.0", "HTTP/2.0"
	Body     []byte // decompressed
	Sent     int64  // bytes of the request; of HTTP/2, what its HTTP/1.1 form would have
	Received int64  // bytes of the answer, compressed; of the general client, header and body as far as it tells
	Reused   bool   // the connection had carried a request before

	head   []byte // what fields point into
	fields []field
}

// field is a header field: offsets into Response.head.
type field struct{ name, nameEnd, value, valueEnd int32 }

func (r *Response) reset() {
	r.Status, r.Proto, r.Body, r.Sent, r.Received, r.Reused = 0, "", nil, 0, 0, false
	r.head, r.fields = nil, r.fields[:0]
}

// drop takes out the fields of the name.
func (r *Response) drop(name string, head []byte) {
	r.fields = slices.DeleteFunc(r.fields, func(f field) bool { return equalFold(head[f.name:f.nameEnd], name) })
}

// Fields yields name and value of every header field, in the order they came (of the general client, those of the
// same name). As with net/http, there are no Transfer-Encoding and Trailer among them, and no Content-Encoding and
// Content-Length of an answer that was decompressed.
func (r *Response) Fields() iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		for _, f := range r.fields {
			if !yield(r.head[f.name:f.nameEnd], r.head[f.value:f.valueEnd]) {
				return
			}
		}
	}
}

// Header is the first value of the header, of which the case does not count. It is nil if there is none.
func (r *Response) Header(name string) []byte {
	for _, f := range r.fields {
		if equalFold(r.head[f.name:f.nameEnd], name) {
			return r.head[f.value:f.valueEnd:f.valueEnd]
		}
	}
	return nil
}

// SetCookies yields the values of the Set-Cookie headers, for [Jar.Set].
func (r *Response) SetCookies() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for _, f := range r.fields {
			if equalFold(r.head[f.name:f.nameEnd], "Set-Cookie") && !yield(r.head[f.value:f.valueEnd]) {
				return
			}
		}
	}
}

// ContentType is the media type without parameters, as it came; empty if there is none.
func (r *Response) ContentType() []byte {
	kind, _, _ := bytes.Cut(r.Header("Content-Type"), []byte{';'})
	return bytes.TrimSpace(kind)
}

// RetryAfter is how long the server asks to stay away (RFC 9110 §10.2.3), counted from now where it names a date.
func (r *Response) RetryAfter(now time.Time) (wait time.Duration, ok bool) {
	v := r.Header("Retry-After")
	if v == nil {
		return 0, false
	}
	if seconds, err := strconv.ParseUint(string(v), 10, 31); err == nil {
		return time.Duration(seconds) * time.Second, true
	}
	at, ok := parseDate(v)
	return max(0, at.Sub(now)), ok
}

// equalFold compares ASCII without case.
func equalFold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i, c := range b {
		if c != s[i] && (c|0x20 != s[i]|0x20 || c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return true
}
