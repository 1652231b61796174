package diag

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
)

const (
	tabWidth  = 4
	lineLimit = 160 // display cells of a source line shown around the mistake
)

// Colors of a terminal, by their SGR codes.
const (
	bold  = "1"
	red   = "31"
	green = "32"
	faint = "2"
)

type printer struct {
	w     io.Writer
	color bool
	err   error
}

func (p *printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

func (p *printer) paint(code, s string) string {
	if !p.color || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// Print writes every mistake with its source line, a caret below it and a hint, and then how many
// there are. It returns the first error of w.
func Print(w io.Writer, errs *Errors, color bool) error {
	p := &printer{w: w, color: color}
	for _, d := range errs.List {
		p.one(d)
	}
	p.printf("%s\n", errs.Total())
	return p.err
}

// Total is the closing line: "2 problems in 1 file".
func (e *Errors) Total() string {
	total := count(len(e.List), "problem") + " in " + count(e.Files(), "file")
	if e.More > 0 {
		total += fmt.Sprintf(", and %d more", e.More)
	}
	return total
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func (p *printer) one(d Diagnostic) {
	p.printf("%s: %s\n", p.paint(bold, visible(d.Place())), p.paint(red, visible(d.Message)))
	if d.Line > 0 && d.Source != "" {
		number := strconv.Itoa(d.Line)
		gutter := strings.Repeat(" ", len(number))
		text, mark := excerpt(d)
		p.printf("%s\n", p.paint(faint, gutter+" |"))
		p.printf("%s\n", strings.TrimRight(p.paint(faint, number+" |")+" "+text, " "))
		p.printf("%s %s\n", p.paint(faint, gutter+" |"), p.paint(green, mark))
	}
	if d.Hint != "" {
		p.printf("%s %s\n", p.paint(bold, "hint:"), visible(d.Hint))
	}
}

// excerpt returns the source line as it is shown, and the caret line below it. Of a long line only
// the surroundings of the mistake are shown.
func excerpt(d Diagnostic) (text, mark string) {
	runes := []rune(d.Source)
	start := min(max(d.Col-1, 0), len(runes))
	end := min(start+max(d.Width, 1), len(runes))
	before := display(runes[:start], 0)
	at := display(runes[start:end], runewidth.StringWidth(before))
	after := display(runes[end:], runewidth.StringWidth(before+at))

	if w := runewidth.StringWidth(before); w > lineLimit/2 {
		before = "…" + runewidth.TruncateLeft(before, w-lineLimit/2, "")
	}
	at = runewidth.Truncate(at, lineLimit, "")
	if room := lineLimit - runewidth.StringWidth(before+at); runewidth.StringWidth(after) > room {
		after = runewidth.Truncate(after, max(room, 1), "…")
	}
	mark = strings.Repeat(" ", runewidth.StringWidth(before)) + "^" +
		strings.Repeat("~", max(runewidth.StringWidth(at)-1, 0))
	return before + at + after, mark
}

// display expands tabs, counting from the given column, and replaces what a terminal would act on.
func display(runes []rune, column int) string {
	var b strings.Builder
	for _, r := range runes {
		if r == '\t' {
			n := tabWidth - column%tabWidth
			b.WriteString(strings.Repeat(" ", n))
			column += n
			continue
		}
		r = printable(r)
		b.WriteRune(r)
		column += runewidth.RuneWidth(r)
	}
	return b.String()
}

// visible makes a text from a file safe for a terminal.
func visible(s string) string { return strings.Map(printable, s) }

func printable(r rune) rune {
	switch {
	case r < ' ' || r >= 0x7f && r < 0xa0, r == utf8.RuneError,
		r >= 0x200b && r <= 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0xfeff:
		return '\uFFFD'
	}
	return r
}
