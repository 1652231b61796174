package junit

import (
	"fmt"
	"strings"

	"github.com/passrig/passrig/report"
)

// entry is what a step, check or threshold has to say when it is not a plain pass.
type entry struct {
	message, expected, actual, hint, basis string
	file                                   string
	line                                   int
	kind                                   string // the type attribute: action, severity or "threshold"
}

// judge gives the case the one element that its verdict calls for.
func (c *testcase) judge(verdict report.Verdict, e entry) {
	switch verdict {
	case report.VerdictFail:
		c.Failure = &result{Message: orElse(e.message, "failed"), Type: e.kind, Text: escape(e.text())}
	case report.VerdictError:
		c.Error = &result{Message: orElse(e.message, "could not tell"), Type: e.kind, Text: escape(e.text())}
	case report.VerdictSkip:
		c.Skipped = &result{Message: orElse(e.message, "skipped")}
	case report.VerdictWarn:
		c.SystemOut = &output{Text: escape("warning: " + e.text())}
	case report.VerdictInfo:
		c.SystemOut = &output{Text: escape("info: " + e.text())}
	case report.VerdictPass:
	}
}

// text joins everything: Jenkins shows only the body of a failure, others only one element.
func (e entry) text() string {
	var b strings.Builder
	line := func(label, text string) {
		if text != "" {
			fmt.Fprintf(&b, "%s%s\n", label, text)
		}
	}
	line("", e.message)
	line("expected: ", e.expected)
	line("actual:   ", e.actual)
	line("hint:     ", e.hint)
	line("basis:    ", e.basis)
	if e.file != "" {
		line("at:       ", fmt.Sprintf("%s:%d", e.file, e.line))
	}
	return b.String()
}

// escape makes text safe as the content of an element. encoding/xml would do, but it also writes
// every line break and quote as a reference, and people do read these files.
func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#xD;").Replace(legal(s))
}

// legal replaces what XML 1.0 §2.2 does not allow in a document at all.
func legal(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '\t' || c == '\n' || c == '\r',
			c >= 0x20 && c <= 0xD7FF,
			c >= 0xE000 && c <= 0xFFFD,
			c >= 0x10000:
			return c
		}
		return '\uFFFD'
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// exchanges writes the HTTP exchanges short: request line, status, body excerpt, and
// how to send it again.
func exchanges(list []report.Exchange) string {
	var b strings.Builder
	for i := range list {
		x := &list[i]
		fmt.Fprintf(&b, "%s: %s %s (%s)\n", x.Purpose, x.Request.Method, x.Request.URL, report.FormatMS(x.Timing.TotalMS))
		if x.Error != "" {
			fmt.Fprintf(&b, "  error: %s\n", x.Error)
		}
		if x.Response != nil {
			fmt.Fprintf(&b, "  status %d, %d bytes\n", x.Response.Status, x.Response.BodyBytes)
			if x.Response.Body != "" {
				fmt.Fprintf(&b, "  %s\n", strings.ReplaceAll(x.Response.Body, "\n", "\n  "))
			}
		}
		if x.Curl != "" {
			fmt.Fprintf(&b, "  %s\n", strings.ReplaceAll(x.Curl, "\n", "\n  "))
		}
	}
	return b.String()
}
