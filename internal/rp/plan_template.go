package rp

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"unicode/utf8"
)

// template is a request with holes in it.
type template struct {
	method, host string
	base         *url.URL
	names        []string // of the header fields
	parts        []chunk  // target, cookie, body, and the value of each field
	noBody       bool
}

// Parts of a template.
const (
	partTarget = iota
	partCookie
	partBody
	partFields
)

// chunk is text with holes.
type chunk []segment

// segment is literal text, or a hole.
type segment struct {
	literal []byte
	hole    hole
	writer  writer
	kind    kind   // most that is proven of the hole
	mark    []byte // how its sentinel is written
}

// kind says of which characters a text is made. A template is proven for kinds.
type kind uint8

const (
	plain kind = iota // letters, digits, - and _
	mild              // and . and @
	other             // and anything printable
	never             // control characters, broken UTF-8, blanks at the ends, nothing
)

// kindOf is the kind of a text.
func kindOf(text []byte) kind {
	if len(text) == 0 || text[0] == ' ' || text[len(text)-1] == ' ' {
		return never
	}
	k := plain
	for _, c := range text {
		k = max(k, kindOfByte(c))
	}
	if k == other && !utf8.Valid(text) {
		return never
	}
	return k
}

func kindOfByte(c byte) kind {
	switch {
	case c == '-' || c == '_' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z':
		return plain
	case c == '.' || c == '@':
		return mild
	case c < 0x20 || c == 0x7f:
		return never
	}
	return other
}

// writer is how a value is written in its place.
type writer struct {
	encoding string // of a binary member; "" is as it stands
	escape   escape
}

// escape is what is done to characters that mean something where the value stands.
type escape uint8

const (
	asIs           escape = iota
	inJSON                // in a string of JSON
	inHTMLSafeJSON        // the same, with <, > and & escaped
	inForm                // in a form or query
	inComponent           // the same, with blanks as %20
	escapes
)

// append writes the value behind dst.
func (w writer) append(dst, value []byte) []byte {
	if w.encoding != "" {
		raw, err := base64.RawURLEncoding.AppendDecode(nil, value)
		if err != nil {
			return append(dst, value...) // deliberately malformed: it is sent as it is
		}
		text, err := encodeBinary(raw, w.encoding)
		if err != nil {
			return append(dst, value...)
		}
		value = []byte(text)
	}
	if w.escape == asIs || kindOf(value) == plain {
		return append(dst, value...)
	}
	text := string(value)
	switch w.escape {
	case inJSON, inHTMLSafeJSON:
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(w.escape == inHTMLSafeJSON)
		if enc.Encode(text) != nil {
			return dst // a string always has a JSON form
		}
		return append(dst, b.Bytes()[1:b.Len()-2]...)
	case inComponent:
		return append(dst, strings.ReplaceAll(url.QueryEscape(text), "+", "%20")...)
	default:
		return append(dst, url.QueryEscape(text)...)
	}
}

// render fills m. It reports false if a value is not one that the template is for.
func (t *template) render(v *Values, m *Message) bool {
	m.text, m.ends = m.text[:0], m.ends[:0]
	for _, part := range t.parts {
		for i := range part {
			s := &part[i]
			if s.literal != nil {
				m.text = append(m.text, s.literal...)
				continue
			}
			value := v.at(s.hole)
			if !s.hole.binary() && kindOf(value) > s.kind || len(value) == 0 {
				return false
			}
			m.text = s.writer.append(m.text, value)
		}
		m.ends = append(m.ends, len(m.text))
	}
	m.Method, m.Base, m.Host, m.Fields = t.method, t.base, t.host, m.Fields[:0]
	start := 0
	for i, end := range m.ends {
		text := m.text[start:end:end]
		start = end
		switch i {
		case partTarget:
			m.Target = text
		case partCookie:
			m.Cookie = text
		case partBody:
			if m.Body = text; t.noBody {
				m.Body = nil
			}
		default:
			m.Fields = append(m.Fields, Field{t.names[i-partFields], text})
		}
	}
	return true
}
