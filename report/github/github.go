// Package github writes a run for GitHub Actions: the summary of a job's step, and annotations of the lines that scenarios
// failed at.
//
// The formats are those of "Workflow commands for GitHub Actions" (docs.github.com). A summary may have 1 MiB, and of a
// step's annotations ten of each level are kept.
package github

import (
	"fmt"
	"io"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/report/markdown"
)

// Limits of a summary, in bytes.
const (
	SummaryLimit = 1 << 20 // what GitHub shows of a step's; it refuses more
	LeastRoom    = 4 << 10 // what a summary needs in order to say anything
)

// Write writes the summary, as Markdown with what is long folded away, to be appended to the file that
// GITHUB_STEP_SUMMARY names. What went wrong comes first; what does not fit is left out, and the summary says so.
func Write(w io.Writer, run *report.Run) error {
	return WriteWithin(w, run, SummaryLimit-LeastRoom) // something is left to what else the step writes
}

// WriteWithin is Write for a file that has room for so many bytes, LeastRoom or more.
func WriteWithin(w io.Writer, run *report.Run, room int) error {
	if err := markdown.WriteTo(w, run, markdown.Options{Heading: 3, Limit: room, Folded: true}); err != nil {
		return fmt.Errorf("write GitHub summary: %w", err)
	}
	return nil
}
