// Package github writes a run for GitHub Actions: the summary of a job's step, and annotations of the lines that scenarios
// failed at.
//
// The formats are those of "Workflow commands for GitHub Actions" (docs.github.com). A summary may have 1 MiB, and of a
// step's annotations ten of each level are kept.
package github

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/report/markdown"
)

// summaryLimit leaves something of GitHub's 1 MiB to what else the step writes.
const summaryLimit = 1<<20 - 4<<10

// Write writes the summary, as Markdown with what is long folded away, to be appended to the file that
// GITHUB_STEP_SUMMARY names. What went wrong comes first; what does not fit is left out, and the summary says so.
func Write(w io.Writer, run *report.Run) error {
	if err := markdown.WriteTo(w, run, markdown.Options{Heading: 3, Limit: summaryLimit, Folded: true}); err != nil {
		return fmt.Errorf("write GitHub summary: %w", err)
	}
	return nil
}

// The levels of annotations.
const (
	levelError   = "error"
	levelWarning = "warning"
)

// Limits of annotations. GitHub drops without a word what is beyond them.
const (
	mostOfLevel    = 10
	longestTitle   = 200     // bytes
	longestMessage = 4 << 10 // bytes, before they are escaped
)

// WriteAnnotations writes workflow commands for the standard output of a step: an error for every failure, and a warning
// for what could not be told and for every warning of the run. When there are more than ten of a level, the tenth says
// how many are not shown.
func WriteAnnotations(w io.Writer, run *report.Run) error {
	out := bufio.NewWriter(w) // keeps the first error for Flush
	results := run.Results()
	for _, level := range []struct {
		name     string
		verdicts []report.Verdict // in their order
	}{
		{levelError, []report.Verdict{report.VerdictFail}},
		{levelWarning, []report.Verdict{report.VerdictError, report.VerdictWarn}},
	} {
		var list []*report.Result
		for _, verdict := range level.verdicts {
			for i := range results {
				if r := &results[i]; r.Verdict == verdict && r.Tolerated == "" {
					list = append(list, r)
				}
			}
		}
		more := 0
		if len(list) > mostOfLevel {
			more = len(list) - mostOfLevel + 1
			list = list[:mostOfLevel-1]
		}
		for _, r := range list {
			_, _ = out.WriteString(command(level.name, r))
		}
		if more > 0 {
			_, _ = fmt.Fprintf(out, "::%s title=passrig::%d more are in the summary of this step\n", level.name, more)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write GitHub annotations: %w", err)
	}
	return nil
}

// command is the line that makes GitHub show a result.
func command(level string, r *report.Result) string {
	var properties []string
	add := func(name, value string) {
		if value != "" {
			properties = append(properties, name+"="+property(value))
		}
	}
	add("file", r.File)
	if r.File != "" && r.Line > 0 {
		add("line", strconv.Itoa(r.Line))
	}
	add("title", report.Shorten(r.Verdict.Words()+": "+r.Name(), longestTitle))
	var text []string
	for _, part := range []struct{ label, text string }{
		{"", r.Message},
		{"expected: ", r.Expected},
		{"actual: ", r.Actual},
		{"hint: ", r.Hint},
		{"basis: ", strings.Join(r.Basis, "; ")},
	} {
		if part.text != "" {
			text = append(text, part.label+part.text)
		}
	}
	message := strings.Join(text, "\n")
	if message == "" {
		message = r.Verdict.Words()
	}
	return "::" + level + " " + strings.Join(properties, ",") + "::" + data(report.Shorten(message, longestMessage)) + "\n"
}

// data escapes what follows the second pair of colons.
func data(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(report.Visible(s))
}

// property escapes a value before them.
func property(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(data(report.OneLine(s)))
}
