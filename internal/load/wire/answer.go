package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
)

const (
	bufferSize = 4 << 10  // to begin with: an answer of a ceremony fits
	keptBuffer = 64 << 10 // a larger one is given up after use
	maxInterim = 5        // 1xx answers before the real one
)

// answerReader reads one answer after another from a connection. Header and body lie one behind the other in one
// buffer; nothing is copied but what chunks and folded header lines make necessary.
type answerReader struct {
	src  io.Reader
	from *buffers
	base *buffer // what buf is a part of
	buf  []byte  // read so far
	pos  int     // consumed so far
	full bool    // the last read had room for no more, and there may be more: in a record of TLS, it cannot be seen from outside

	proto10   bool // "HTTP/1.0"
	chunked   bool
	close     bool  // the connection ends with this answer
	length    int64 // Content-Length, or -1
	encodings int   // Transfer-Encoding fields
	gzip      bool
}

// began reports whether anything of an answer has arrived.
func (r *answerReader) began() bool { return len(r.buf) > 0 }

// start makes the reader ready for the next answer.
func (r *answerReader) start(src io.Reader) {
	r.drop()
	r.base = r.from.take()
	r.src, r.buf = src, r.base.bytes
}

// drop gives the buffer back: the last answer is not valid any more.
func (r *answerReader) drop() {
	if r.base != nil {
		r.base.bytes = r.buf
		r.from.put(r.base)
	}
	r.base, r.buf, r.pos = nil, nil, 0
}

// buffers are those that hold no request or answer just now. Who waits for an answer has none.
type buffers struct{ pool sync.Pool }

type buffer struct{ bytes []byte }

func (p *buffers) take() *buffer {
	if b, ok := p.pool.Get().(*buffer); ok {
		return b
	}
	return &buffer{make([]byte, 0, bufferSize)}
}

func (p *buffers) put(b *buffer) {
	if cap(b.bytes) <= keptBuffer {
		b.bytes = b.bytes[:0]
		p.pool.Put(b)
	}
}

// read reads one answer into resp, whose bytes are the reader's until the next start. keep reports whether the
// connection can carry another request: nothing has come behind the answer.
func (r *answerReader) read(method string, resp *Response) (keep bool, err error) {
	for interim := 0; ; interim++ {
		head, err := r.head()
		if err == nil && head > MaxHead {
			err = errHeadTooLong
		}
		if err != nil {
			return false, err
		}
		if err := r.parse(r.buf[:head], resp); err != nil {
			return false, err
		}
		r.pos = head
		if resp.Status/100 != 1 || resp.Status == http.StatusSwitchingProtocols {
			break
		}
		if interim == maxInterim {
			return false, fmt.Errorf("%w: more than %d interim answers", errNotHTTP, maxInterim)
		}
		resp.Received += int64(head)
		r.buf = r.buf[:copy(r.buf, r.buf[head:])]
	}
	head := r.pos
	bodyless := method == http.MethodHead || resp.Status/100 == 1 || resp.Status == http.StatusNoContent || resp.Status == http.StatusNotModified
	if r.chunked && !bodyless {
		resp.drop("Content-Length", r.buf[:head])
	}
	if r.chunked {
		resp.drop("Trailer", r.buf[:head])
	}
	body, err := r.body(bodyless)
	if err != nil {
		return false, err
	}
	resp.head = r.buf[:head:head] // only now: the buffer may have grown
	resp.Body = body
	resp.Received += int64(r.pos)
	return !r.close && resp.Status != http.StatusSwitchingProtocols && r.pos == len(r.buf) && !r.full, nil
}

// more reads what has arrived.
func (r *answerReader) more() error {
	if len(r.buf) == cap(r.buf) {
		r.grow(2 * cap(r.buf))
	}
	n, err := r.src.Read(r.buf[len(r.buf):cap(r.buf)])
	r.buf = r.buf[:len(r.buf)+n]
	r.full = len(r.buf) == cap(r.buf)
	if n > 0 {
		return nil // an error will come again
	}
	if err == nil {
		return io.ErrNoProgress
	}
	if errors.Is(err, io.EOF) {
		return errEnded
	}
	return err
}

func (r *answerReader) grow(size int) {
	if size > cap(r.buf) {
		r.buf = append(make([]byte, 0, size), r.buf...)
	}
}

// head reads up to and with the blank line, and returns where that ends.
func (r *answerReader) head() (end int, err error) {
	for from := 0; ; {
		for {
			i := bytes.IndexByte(r.buf[from:], '\n')
			if i < 0 {
				break
			}
			rest := r.buf[from+i+1:]
			switch {
			case len(rest) > 0 && rest[0] == '\n':
				return from + i + 2, nil
			case len(rest) > 1 && rest[0] == '\r' && rest[1] == '\n':
				return from + i + 3, nil
			}
			if len(rest) < 2 {
				from += i // not decided yet
				break
			}
			from += i + 1
		}
		if from == 0 || r.buf[from] != '\n' {
			from = len(r.buf)
		}
		if len(r.buf) > MaxHead {
			return 0, errHeadTooLong
		}
		if err := r.more(); err != nil {
			return 0, err
		}
	}
}

// parse reads status line and header, which end with a blank line.
func (r *answerReader) parse(head []byte, resp *Response) error {
	resp.fields = resp.fields[:0]
	r.proto10, r.chunked, r.close, r.length, r.encodings, r.gzip = false, false, false, -1, 0, false
	next, err := r.statusLine(head, resp)
	if err != nil {
		return err
	}
	if isSpace(head[next]) {
		return malformed("header line")
	}
	connection := 0 // Connection fields that close or keep
	for {
		end := bytes.IndexByte(head[next:], '\n') + next
		line := trim(withoutCR(head[next:end]))
		if len(withoutCR(head[next:end])) == 0 {
			break
		}
		start := next + leading(head[next:end])
		next = end + 1
		if bytes.IndexByte(line, ':') < 0 {
			return malformed("header line")
		}
		if isSpace(head[next]) {
			line, next = unfold(head, start, len(line), next)
		}
		f, err := cutField(line, start)
		if err != nil {
			return err
		}
		if err := r.field(head, f, resp, &connection); err != nil {
			return err
		}
	}
	return r.settle(head, resp, connection)
}

func withoutCR(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\r' {
		return line[:n-1]
	}
	return line
}

func leading(line []byte) int {
	n := 0
	for n < len(line) && isSpace(line[n]) {
		n++
	}
	return n
}

// statusLine reads "HTTP/1.1 200 OK" and returns where the next line begins.
func (r *answerReader) statusLine(head []byte, resp *Response) (next int, err error) {
	end := bytes.IndexByte(head, '\n')
	line := withoutCR(head[:end])
	proto, rest, ok := bytes.Cut(line, []byte{' '})
	rest = bytes.TrimLeft(rest, " ")
	code, _, _ := bytes.Cut(rest, []byte{' '})
	if !ok || len(proto) != len("HTTP/1.1") || string(proto[:5]) != "HTTP/" || !isDigit(proto[5]) || proto[6] != '.' || !isDigit(proto[7]) {
		return 0, notHTTP("status line", line)
	}
	if len(code) != 3 || !isDigit(code[0]) || !isDigit(code[1]) || !isDigit(code[2]) {
		return 0, notHTTP("status line", line)
	}
	resp.Status = int(code[0]-'0')*100 + int(code[1]-'0')*10 + int(code[2]-'0')
	switch {
	case string(proto) == "HTTP/1.1":
		resp.Proto = "HTTP/1.1"
	case string(proto) == "HTTP/1.0":
		resp.Proto, r.proto10 = "HTTP/1.0", true
	default:
		resp.Proto, r.close = string(proto), proto[5] == '0'
	}
	return end + 1, nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// unfold joins continuation lines (RFC 9112 §5.2) to the line of so many bytes at start, each with one space, and
// returns the whole and where the next line begins.
func unfold(head []byte, start, length, next int) ([]byte, int) {
	to := start + length
	for isSpace(head[next]) {
		end := bytes.IndexByte(head[next:], '\n') + next
		more := trim(withoutCR(head[next+leading(head[next:end]) : end]))
		head[to] = ' '
		to += 1 + copy(head[to+1:], more)
		next = end + 1
	}
	return head[start:to], next
}

// cutField splits a header line that begins at start.
func cutField(line []byte, start int) (field, error) {
	colon := bytes.IndexByte(line, ':')
	if colon < 1 {
		return field{}, malformed("header line")
	}
	for _, c := range line[:colon] {
		if !nameByte[c] && c != ' ' { // a space is seen in the wild; such a name matches nothing
			return field{}, notHTTP("header line", line[:colon])
		}
	}
	for _, c := range line[colon+1:] {
		if c < ' ' && c != '\t' || c == 0x7f {
			return field{}, notHTTP("header line", line[:colon]) // the value may be a cookie's
		}
	}
	value := colon + 1 + leading(line[colon+1:])
	return field{int32(start), int32(start + colon), int32(start + value), int32(start + len(line))}, nil //nolint:gosec // within MaxHead
}

// nameByte are the bytes of a token (RFC 9110 §5.6.2).
var nameByte = func() (t [256]bool) {
	for _, c := range "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!#$%&'*+-.^_`|~" {
		t[c] = true
	}
	return t
}()

const (
	saysClose = 1 << iota
	saysKeepAlive
)

// field keeps a header field, unless it is about the transfer only, and notes what it says about that.
func (r *answerReader) field(head []byte, f field, resp *Response, connection *int) error {
	name, value := head[f.name:f.nameEnd], head[f.value:f.valueEnd]
	switch len(name) {
	case len("Connection"):
		if equalFold(name, "Connection") {
			if hasToken(value, "close") {
				*connection |= saysClose
			}
			if hasToken(value, "keep-alive") {
				*connection |= saysKeepAlive
			}
		}
	case len("Content-Length"):
		if equalFold(name, "Content-Length") {
			n, err := contentLength(value)
			if err != nil || r.length >= 0 && r.length != n {
				return notHTTP("Content-Length", value)
			}
			if r.length >= 0 {
				return nil // the same again
			}
			r.length = n
		}
	case len("Content-Encoding"):
		if equalFold(name, "Content-Encoding") && !r.has(head, resp, "Content-Encoding") {
			r.gzip = equalFold(value, "gzip")
		}
	case len("Transfer-Encoding"):
		if equalFold(name, "Transfer-Encoding") {
			r.encodings++
			r.chunked = equalFold(value, "chunked")
			return nil
		}
	}
	resp.fields = append(resp.fields, f)
	return nil
}

func (r *answerReader) has(head []byte, resp *Response, name string) bool {
	for _, f := range resp.fields {
		if equalFold(head[f.name:f.nameEnd], name) {
			return true
		}
	}
	return false
}

func contentLength(value []byte) (int64, error) {
	value = trim(value)
	if len(value) == 0 || len(value) > 18 {
		return 0, strconv.ErrRange
	}
	n := int64(0)
	for _, c := range value {
		if !isDigit(c) {
			return 0, strconv.ErrSyntax
		}
		n = 10*n + int64(c-'0')
	}
	return n, nil
}

// settle draws the conclusions from all fields together.
func (r *answerReader) settle(head []byte, resp *Response, connection int) error {
	if r.proto10 || r.close { // before HTTP/1.1, which brought it
		r.chunked, r.encodings = false, 0
	}
	if r.proto10 {
		r.close = connection&saysKeepAlive == 0
	}
	if r.encodings > 1 || r.encodings == 1 && !r.chunked {
		return fmt.Errorf("%w: a Transfer-Encoding other than chunked", errNotHTTP)
	}
	if connection&saysClose != 0 {
		if !r.proto10 && !r.close {
			resp.drop("Connection", head)
		}
		r.close = true
	}
	return nil
}
