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
func (b *builder) judge(c *testcase, verdict report.Verdict, e entry) {
	switch verdict {
	case report.VerdictFail:
		c.Failure = b.result(e, "failed")
	case report.VerdictError:
		c.Error = b.result(e, "could not tell")
	case report.VerdictSkip:
		c.Skipped = &result{Message: b.message(orElse(e.message, "skipped"))}
	case report.VerdictWarn:
		c.SystemOut = &output{Text: b.body("warning: " + e.text())}
	case report.VerdictInfo:
		c.SystemOut = &output{Text: b.body("info: " + e.text())}
	case report.VerdictPass:
	}
}

func (b *builder) result(e entry, otherwise string) *result {
	e.message = orElse(e.message, otherwise)
	return &result{Message: b.message(e.message), Type: name(e.kind), Text: b.body(e.text())}
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
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(legal(report.Visible(s)))
}

// legal replaces what XML 1.0 §2.2 does not allow in a document at all, apart from control characters.
func legal(s string) string {
	return strings.NewReplacer("\uFFFE", "\uFFFD", "\uFFFF", "\uFFFD").Replace(strings.ToValidUTF8(s, "\uFFFD"))
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
