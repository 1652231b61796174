package markdown

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/passrig/passrig/report"
)

// longest is how many bytes are shown of one text, such as a page that an RP answered with.
const longest = 4 << 10

// Text writes s as inline text of GitHub Flavored Markdown that shows as s and nothing else: no markup, no HTML, no
// column of a table, and nobody is notified by an @name. It is one line.
func Text(s string) string {
	s = strings.TrimSpace(report.OneLine(report.Shorten(s, longest)))
	var b strings.Builder
	before := ' '
	for i, c := range s {
		after, _ := utf8.DecodeRuneInString(s[i+utf8.RuneLen(c):])
		if special(before, c, after) || i == 0 && strings.ContainsRune("-+=/>", c) {
			b.WriteByte('\\')
		}
		b.WriteRune(c)
		if c == '@' && !word(before) && word(after) {
			b.WriteRune('\u2060') // a word joiner, which takes no space
		}
		before = c
	}
	return numbered(b.String())
}

// special says whether c could be markup between its neighbors. Where it cannot, it stays readable in the source.
func special(before, c, after rune) bool {
	switch c {
	case '\\', '`', '*', '[', ']', '<', '|', '~', '#', '$':
		return true
	case '_':
		return !word(before) || !word(after)
	case '&':
		return after == '#' || word(after)
	}
	return false
}

func word(c rune) bool { return c != utf8.RuneError && (unicode.IsLetter(c) || unicode.IsDigit(c)) }

// numbered keeps a text that begins like "1. " from being an item of a list.
func numbered(s string) string {
	rest := strings.TrimLeft(s, "0123456789")
	if rest == s || rest == "" || rest[0] != '.' && rest[0] != ')' || len(rest) > 1 && rest[1] != ' ' {
		return s
	}
	return s[:len(s)-len(rest)] + `\` + rest
}
