package wire

import (
	"net/http"
	"strconv"
)

// appendRequest writes the request as HTTP/1.1, in the bytes that net/http's transport has for it.
func appendRequest(b []byte, req *Request) []byte {
	b = append(b, req.Method...)
	b = append(b, ' ')
	b = append(b, req.Target...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	if req.Host != "" {
		b = append(b, req.Host...)
	} else {
		b = append(b, req.Server.host...)
	}
	b = append(b, '\r', '\n')
	if agent, ok := userAgent(req.Headers); !ok {
		b = append(b, "User-Agent: Go-http-client/1.1\r\n"...)
	} else if len(agent) > 0 {
		b = appendField(b, "User-Agent", agent)
	}
	if len(req.Body) > 0 || req.Method == http.MethodPost || req.Method == http.MethodPut || req.Method == http.MethodPatch {
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, int64(len(req.Body)), 10)
		b = append(b, '\r', '\n')
	}
	cookie := len(req.Cookie) > 0
	for i := range req.Headers {
		h := &req.Headers[i]
		if cookie && h.Name > "Cookie" {
			b, cookie = appendField(b, "Cookie", req.Cookie), false
		}
		if h.Name != "User-Agent" {
			b = appendField(b, h.Name, h.Value)
		}
	}
	if cookie {
		b = appendField(b, "Cookie", req.Cookie)
	}
	if asksForGzip(req) {
		b = append(b, "Accept-Encoding: gzip\r\n"...)
	}
	b = append(b, '\r', '\n')
	return append(b, req.Body...)
}

func appendField(b []byte, name string, value []byte) []byte {
	b = append(b, name...)
	b = append(b, ':', ' ')
	b = append(b, trim(value)...)
	return append(b, '\r', '\n')
}

func userAgent(headers []Header) (value []byte, ok bool) {
	for i := range headers {
		if headers[i].Name == "User-Agent" {
			return headers[i].Value, true
		}
	}
	return nil, false
}

// asksForGzip reports whether the client adds Accept-Encoding, and so has to decompress the answer: unless the
// request says what it wants, and for a part of something or nothing at all it would be no use.
func asksForGzip(req *Request) bool {
	if req.Method == http.MethodHead {
		return false
	}
	for i := range req.Headers {
		if h := &req.Headers[i]; (h.Name == "Accept-Encoding" || h.Name == "Range") && len(h.Value) > 0 {
			return false
		}
	}
	return true
}

// wantsClose reports whether the request itself ends the connection.
func wantsClose(req *Request) bool {
	for i := range req.Headers {
		if h := &req.Headers[i]; h.Name == "Connection" && hasToken(h.Value, "close") {
			return true
		}
	}
	return false
}

// trim removes spaces and tabs at both ends.
func trim(b []byte) []byte {
	for len(b) > 0 && isSpace(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

// hasToken reports whether a comma-separated list has the token, of which the case does not count.
func hasToken(list []byte, token string) bool {
	for len(list) > 0 {
		end := 0
		for end < len(list) && list[end] != ',' {
			end++
		}
		if equalFold(trim(list[:end]), token) {
			return true
		}
		list = list[min(end+1, len(list)):]
	}
	return false
}
