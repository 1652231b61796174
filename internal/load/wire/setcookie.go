package wire

import (
	"bytes"
	"net/http"
	"strconv"
	"time"
)

// setCookie is a Set-Cookie header, read as net/http reads it.
type setCookie struct {
	name, value  []byte
	quoted       bool
	domain, path []byte
	secure       bool
	maxAge       int // seconds; -1: delete, 0: not said
	expires      time.Time
}

// parseSetCookie reads the value of a Set-Cookie header. Attributes that make no sense are left out, as
// browsers do (RFC 6265 §5.2).
func parseSetCookie(line []byte) (c setCookie, ok bool) {
	pair, rest, _ := bytes.Cut(trim(line), []byte{';'})
	name, value, ok := bytes.Cut(trim(pair), []byte{'='})
	c.name = trim(name)
	if !ok || !isToken(c.name) {
		return c, false
	}
	if n := len(value); n > 1 && value[0] == '"' && value[n-1] == '"' {
		value, c.quoted = value[1:n-1], true
	}
	if !isCookieValue(value) {
		return c, false
	}
	c.value = value
	for len(rest) > 0 {
		var attribute []byte
		attribute, rest, _ = bytes.Cut(rest, []byte{';'})
		c.attribute(trim(attribute))
	}
	return c, true
}

func (c *setCookie) attribute(text []byte) {
	name, value, _ := bytes.Cut(text, []byte{'='})
	if !isCookieValue(value) {
		return
	}
	switch {
	case equalFold(name, "Path"):
		c.path = value
	case equalFold(name, "Domain"):
		c.domain = value
	case equalFold(name, "Secure"):
		c.secure = true
	case equalFold(name, "Max-Age"):
		seconds, err := strconv.Atoi(string(value))
		if err != nil || seconds != 0 && value[0] == '0' {
			return
		}
		c.maxAge = seconds
		if seconds <= 0 {
			c.maxAge = -1
		}
	case equalFold(name, "Expires"):
		c.expires = cookieDate(value)
	}
}

func isToken(b []byte) bool {
	for _, c := range b {
		if !nameByte[c] {
			return false
		}
	}
	return len(b) > 0
}

func isCookieValue(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c >= 0x7f || c == '"' || c == ';' || c == '\\' {
			return false
		}
	}
	return true
}

// cookieDate is the time of an Expires attribute, zero if it is none.
func cookieDate(b []byte) time.Time {
	if t, ok := parseIMFDate(b); ok {
		return t
	}
	for _, layout := range []string{time.RFC1123, "Mon, 02-Jan-2006 15:04:05 MST"} {
		if t, err := time.Parse(layout, string(b)); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// parseDate reads a date in any of the forms of HTTP (RFC 9110 §5.6.7).
func parseDate(b []byte) (time.Time, bool) {
	if t, ok := parseIMFDate(b); ok {
		return t, true
	}
	t, err := http.ParseTime(string(b))
	return t, err == nil
}

// parseIMFDate reads the one form that is in use, "Sun, 06 Nov 1994 08:49:37 GMT", without an allocation.
func parseIMFDate(b []byte) (time.Time, bool) {
	if len(b) != len(http.TimeFormat) || string(b[3:5]) != ", " || string(b[25:]) != " GMT" ||
		b[7] != ' ' || b[11] != ' ' || b[16] != ' ' || b[19] != ':' || b[22] != ':' {
		return time.Time{}, false
	}
	weekday := bytes.Index([]byte("SunMonTueWedThuFriSat"), b[:3])
	month := bytes.Index([]byte("JanFebMarAprMayJunJulAugSepOctNovDec"), b[8:11])
	day, year := number(b[5:7]), number(b[12:16])
	hour, minute, second := number(b[17:19]), number(b[20:22]), number(b[23:25])
	if weekday < 0 || weekday%3 != 0 || month < 0 || month%3 != 0 || day < 1 || year < 0 ||
		hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 {
		return time.Time{}, false
	}
	t := time.Date(year, time.Month(month/3+1), day, hour, minute, second, 0, time.UTC)
	return t, t.Day() == day // else the month is shorter
}

func number(b []byte) int {
	n := 0
	for _, c := range b {
		if !isDigit(c) {
			return -1
		}
		n = 10*n + int(c-'0')
	}
	return n
}
