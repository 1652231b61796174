package wire

import (
	"bytes"
	"errors"
	"fmt"
)

const (
	maxChunkLine = 4 << 10
	maxExcess    = 16 << 10 // bytes around the chunks beyond a fair share, against an answer that never ends
)

// body reads the body that the header announces (RFC 9112 §6.3).
func (r *answerReader) body(bodyless bool) ([]byte, error) {
	start := r.pos
	switch {
	case bodyless:
		return nil, nil
	case r.chunked:
		return r.chunks()
	case r.length >= 0:
		if r.length > MaxBody {
			return nil, errBodyTooLong
		}
		end := start + int(r.length)
		r.grow(end + 1) // with room to notice what must not be there
		for len(r.buf) < end {
			if err := r.more(); err != nil {
				return nil, err
			}
		}
		r.pos = end
		return r.buf[start:end:end], nil
	}
	r.close = true
	for {
		if err := r.more(); errors.Is(err, errEnded) {
			r.pos = len(r.buf)
			return r.buf[start:r.pos:r.pos], nil
		} else if err != nil {
			return nil, err
		}
		if len(r.buf)-start > MaxBody {
			return nil, errBodyTooLong
		}
	}
}

// chunks reads a chunked body (RFC 9112 §7.1) and moves its chunks together. Trailers are read and dropped.
func (r *answerReader) chunks() ([]byte, error) {
	start, to := r.pos, r.pos // the body so far is buf[start:to]
	excess := 0
	for {
		line, err := r.chunkLine()
		if err != nil {
			return nil, err
		}
		size, err := chunkSize(line)
		if err != nil {
			return nil, err
		}
		if to-start+size > MaxBody {
			return nil, errBodyTooLong
		}
		if excess = max(0, excess+len(line)+2-16-2*size); excess > maxExcess {
			return nil, fmt.Errorf("%w: more around the chunks than in them", errNotHTTP)
		}
		if size == 0 {
			break
		}
		// What is behind moves up, so that the buffer holds the body, and not every line around it as well.
		r.buf = r.buf[:to+copy(r.buf[to:], r.buf[r.pos:])]
		r.pos = to
		end := to + size + 2
		r.grow(end)
		for len(r.buf) < end {
			if err := r.more(); err != nil {
				return nil, err
			}
		}
		if r.buf[end-2] != '\r' || r.buf[end-1] != '\n' {
			return nil, malformed("end of a chunk")
		}
		to, r.pos = end-2, end
	}
	body := to
	if err := r.trailer(); err != nil {
		return nil, err
	}
	return r.buf[start:body:body], nil
}

// chunkLine reads the line before a chunk, without its end.
func (r *answerReader) chunkLine() ([]byte, error) {
	line, err := r.line(maxChunkLine)
	if err != nil {
		return nil, err
	}
	if i := bytes.IndexByte(line, '\r'); i < 0 || i != len(line)-1 {
		return nil, malformed("line before a chunk")
	}
	return line[:len(line)-1], nil
}

// line reads up to a line feed, which it leaves out.
func (r *answerReader) line(limit int) ([]byte, error) {
	for from := r.pos; ; {
		if i := bytes.IndexByte(r.buf[from:], '\n'); i >= 0 {
			line := r.buf[r.pos : from+i]
			r.pos = from + i + 1
			return line, nil
		}
		from = len(r.buf)
		if len(r.buf)-r.pos > limit {
			return nil, malformed("line around a chunk")
		}
		if err := r.more(); err != nil {
			return nil, err
		}
	}
}

// chunkSize reads the hexadecimal size before the chunk's extensions.
func chunkSize(line []byte) (int, error) {
	for len(line) > 0 && isSpace(line[len(line)-1]) {
		line = line[:len(line)-1]
	}
	digits, _, _ := bytes.Cut(line, []byte{';'})
	if len(digits) == 0 || len(digits) > 16 {
		return 0, malformed("size of a chunk")
	}
	n := 0
	for _, c := range digits {
		switch {
		case isDigit(c):
			n = n<<4 | int(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			n = n<<4 | int(c|0x20-'a'+10)
		default:
			return 0, malformed("size of a chunk")
		}
		if n > 2*MaxBody {
			return 0, errBodyTooLong
		}
	}
	return n, nil
}

// trailer reads the fields after the last chunk up to the blank line.
func (r *answerReader) trailer() error {
	start := r.pos
	for {
		line, err := r.line(maxChunkLine)
		if err != nil {
			return err
		}
		if line = withoutCR(line); len(line) == 0 {
			return nil
		}
		if r.pos-start > maxChunkLine || !isSpace(line[0]) && bytes.IndexByte(line, ':') < 1 {
			return malformed("trailer")
		}
	}
}
