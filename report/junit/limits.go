package junit

import (
	"fmt"
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
	fileNames    = 4 << 20  // of the names of cases that went well, and as much of those that did not
)

// mostCases of those that went well are written, and as many of those that did not: readers fail at 250 000 elements.
const mostCases = 100_000

// bytes of a case besides its name and its class
const caseMarkup = 60

// room is what is left to the cases of one kind.
type room struct{ cases, bytes int }

// fits makes room for a case. One for which there is none is counted, to be told of at the end.
func (b *builder) fits(v report.Verdict, title, class string) bool {
	r, left := &b.well, &b.leftWell
	if v == report.VerdictFail || v == report.VerdictError {
		r, left = &b.badly, &b.leftBadly
	}
	size := written(title) + written(class) + caseMarkup
	if r.cases < 1 || r.bytes < size {
		r.cases = 0 // a shorter one that comes later would seem to be all there is
		*left++
		return false
	}
	r.cases--
	r.bytes -= size
	return true
}

// written is how many bytes a name has at most, as an attribute.
func written(s string) int {
	s = s[:min(len(s), nameBytes)]
	escapes := 0
	for i := range len(s) {
		if strings.IndexByte(`&<>"'`, s[i]) >= 0 {
			escapes++
		}
	}
	return len(s) + len("#39;")*escapes
}

// leftOut is the case that stands for those for which there was no room.
func (b *builder) leftOut() []testcase {
	if b.leftWell+b.leftBadly == 0 {
		return nil
	}
	c := b.testcase("cases left out", "passrig", 0)
	verdict := report.VerdictSkip
	if b.leftBadly > 0 {
		verdict = report.VerdictFail
	}
	b.judge(&c, verdict, entry{
		message: fmt.Sprintf("%d cases that failed or could not be told and %d others are left out, so that this file can be read: all of them are in the JSON report",
			b.leftBadly, b.leftWell),
		kind: report.ResultRun,
	})
	return []testcase{c}
}

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
