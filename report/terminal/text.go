package terminal

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"

	"github.com/passrig/passrig/report"
)

// The few SGR codes in use. Dim is a code too, since a fixed gray vanishes on some backgrounds.
const (
	plain   = ""
	bold    = "1"
	dim     = "2"
	red     = "31"
	green   = "32"
	yellow  = "33"
	magenta = "35"
	cyan    = "36"
)

func (p *printer) paint(code, s string) string {
	if !p.opts.Color || code == plain || strings.TrimSpace(s) == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// look gives a verdict its mark, word and color. Any one of them is enough.
func look(v report.Verdict) (mark, word, color string) {
	switch v {
	case report.VerdictPass:
		return "✓", "pass", green
	case report.VerdictFail:
		return "✗", "FAIL", red
	case report.VerdictWarn:
		return "!", "warn", yellow
	case report.VerdictInfo:
		return "·", "info", cyan
	case report.VerdictSkip:
		return "–", "skip", dim
	case report.VerdictError:
		return "?", "ERROR", magenta
	}
	return " ", clean(string(v)), plain
}

// columns measures display width apart from the locale, so that output does not depend on it.
func columns() *runewidth.Condition { return &runewidth.Condition{StrictEmojiNeutral: true} }

func width(s string) int { return columns().StringWidth(s) }

// cut shortens s to n columns with an ellipsis.
func cut(s string, n int) string { return columns().Truncate(s, n, "…") }

func pad(s string, n int) string { return s + strings.Repeat(" ", max(0, n-width(s))) }

func padLeft(s string, n int) string { return strings.Repeat(" ", max(0, n-width(s))) + s }

// fit cuts s to the line.
func (p *printer) fit(s string) string {
	if p.opts.Width <= 0 {
		return s
	}
	return cut(s, p.opts.Width)
}

// oneLine is clean for a place that has only one line.
func oneLine(s string) string { return strings.ReplaceAll(clean(s), "\n", " ") }

// clean makes text harmless to a terminal: line breaks stay, tabs become spaces, and any other
// control or formatting character is written out, because an RP that answers with escape
// sequences must not move the cursor, set the title or turn text around.
func clean(s string) string {
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

// unsafeRune reports control characters and the bidirectional overrides among the format
// characters; joiners, which emoji and some scripts need, are fine.
func unsafeRune(c rune) bool {
	return unicode.IsControl(c) || c >= 0x202A && c <= 0x202E || c >= 0x2066 && c <= 0x2069
}

// wrapped writes text after first, and what does not fit on further lines after next.
func (p *printer) wrapped(first, next, text, color string) {
	room := 0
	if p.opts.Width > 0 {
		room = max(p.opts.Width-width(first), 10)
	}
	lead := first
	for line := range strings.SplitSeq(text, "\n") {
		for _, part := range wrap(line, room) {
			p.line(lead, p.paint(color, part))
			lead = next
		}
	}
}

// wrap breaks a line at spaces into parts of at most room columns; a longer word is broken too.
func wrap(line string, room int) []string {
	if room <= 0 || width(line) <= room {
		return []string{line}
	}
	var parts []string
	current := ""
	for word := range strings.SplitSeq(line, " ") {
		if current != "" && width(current)+1+width(word) <= room {
			current += " " + word
			continue
		}
		if current != "" {
			parts = append(parts, current)
		}
		for width(word) > room {
			head := columns().Truncate(word, room, "")
			if head == "" {
				break // one character wider than the room
			}
			parts = append(parts, head)
			word = word[len(head):]
		}
		current = word
	}
	return append(parts, current)
}
