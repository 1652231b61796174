package terminal

import (
	"strings"

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

// unpainted takes away what paint has added.
func unpainted(s string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, "\x1b[")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		_, s, _ = strings.Cut(after, "m")
	}
}

// look gives a verdict its mark, word and color. Any one of them is enough.
func look(v report.Verdict) (mark, word, color string) {
	switch v {
	case report.VerdictPass:
		return v.Mark(), "pass", green
	case report.VerdictFail:
		return v.Mark(), "FAIL", red
	case report.VerdictWarn:
		return v.Mark(), "warn", yellow
	case report.VerdictInfo:
		return v.Mark(), "info", cyan
	case report.VerdictSkip:
		return v.Mark(), "skip", dim
	case report.VerdictError:
		return v.Mark(), "ERROR", magenta
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

func clean(s string) string { return report.Visible(s) }

// oneLine is clean for a place that has only one line.
func oneLine(s string) string { return report.OneLine(s) }

// wrapped writes text after first, which may be painted, and what does not fit on further lines after next.
func (p *printer) wrapped(first, next, text, color string) {
	room := 0
	if p.opts.Width > 0 {
		room = max(p.opts.Width-max(width(unpainted(first)), width(next)), 10)
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
