package junit

import (
	"strings"
	"unicode/utf8"

	"github.com/passrig/passrig/report"
)

// GitLab refuses reports of 30 MB and more, whatever is in them. These bounds, in bytes as written, keep a report of
// thousands of cases below that.
const (
	nameBytes    = 500      // of a name, unescaped
	messageBytes = 2 << 10  // of an attribute, unescaped
	caseText     = 64 << 10 // of a body
	fileText     = 16 << 20 // of all messages and bodies
	caseOutput   = 8 << 10  // of a case's exchanges
	fileOutput   = 4 << 20  // of all exchanges
)

// maxMS keeps times in the notation without an exponent that readers expect.
const maxMS = 1e15

const cut = "\n[cut: all of it is in the JSON and HTML reports]\n"

// name is text as a name: one line, and not without end.
func name(words ...string) string {
	text := report.Shorten(strings.TrimSpace(strings.Join(words, " ")), nameBytes) // first, to spare work on what is cut
	return report.Shorten(legal(report.OneLine(text)), nameBytes)
}

// message is text as an attribute.
func (b *builder) message(s string) string {
	most := min(messageBytes, max(b.textLeft, 0))
	s = report.Shorten(legal(report.Visible(report.Shorten(s, most))), most)
	b.textLeft -= len(s)
	return s
}

// body is text as the content of an element, escaped.
func (b *builder) body(s string) string {
	s = within(s, min(caseText, b.textLeft))
	b.textLeft -= len(s)
	return s
}

// output adds text to what a case has to say, as far as the limits let it.
func (b *builder) output(out *output, text string) *output {
	if text == "" {
		return out
	}
	text = within(text, min(caseOutput, b.outputLeft))
	b.outputLeft -= len(text)
	if out == nil {
		out = new(output)
	}
	out.Text += text
	return out
}

// within escapes text and cuts it to a number of bytes, not within a character or what stands for one, and says so.
func within(text string, room int) string {
	room = max(room, 0)
	escaped := escape(report.Shorten(text, room))
	if len(text) <= room && len(escaped) <= room {
		return escaped
	}
	room = min(room, len(escaped))
	for room > 0 && room < len(escaped) && !utf8.RuneStart(escaped[room]) {
		room--
	}
	escaped = escaped[:room]
	if at := strings.LastIndexByte(escaped, '&'); at > strings.LastIndexByte(escaped, ';') {
		escaped = escaped[:at]
	}
	return escaped + cut
}
