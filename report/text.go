package report

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Visible makes text harmless to whatever shows text as it is: line breaks stay, tabs become spaces, and any other
// control or formatting character is written out as \u001b, because an RP that answers with escape sequences must not
// move a cursor, set a title or turn text around. The result is valid UTF-8.
func Visible(s string) string {
	harmless := strings.IndexFunc(s, func(c rune) bool {
		return c == '\t' || c == '\r' || c == utf8.RuneError || c != '\n' && unsafeRune(c)
	}) < 0
	if harmless {
		return s
	}
	var b strings.Builder
	for _, c := range strings.ToValidUTF8(strings.ReplaceAll(s, "\r\n", "\n"), "\uFFFD") {
		switch {
		case c == '\t':
			b.WriteString("  ")
		case c != '\n' && unsafeRune(c):
			fmt.Fprintf(&b, "\\u%04x", c)
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

// OneLine is [Visible] for a place that has only one line.
func OneLine(s string) string { return strings.ReplaceAll(Visible(s), "\n", " ") }

// Shorten cuts s to at most n bytes and an ellipsis, between two characters.
func Shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// unsafeRune reports control characters and the bidirectional overrides among the format
// characters; joiners, which emoji and some scripts need, are fine.
func unsafeRune(c rune) bool {
	return unicode.IsControl(c) || c >= 0x202A && c <= 0x202E || c >= 0x2066 && c <= 0x2069
}
