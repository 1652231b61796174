package github

import (
	"fmt"
	"io"

	"github.com/passrig/passrig/report/comparison"
	"github.com/passrig/passrig/report/markdown"
)

// WriteComparison writes what changed between runs as the summary of a step, like [Write].
func WriteComparison(w io.Writer, c *comparison.Comparison) error {
	return WriteComparisonWithin(w, c, SummaryLimit-LeastRoom)
}

// WriteComparisonWithin is [WriteComparison] for so many bytes, of which it needs at least [LeastRoom].
func WriteComparisonWithin(w io.Writer, c *comparison.Comparison, room int) error {
	if err := markdown.WriteComparison(w, c, markdown.Options{Heading: 3, Limit: room, Folded: true}); err != nil {
		return fmt.Errorf("write GitHub summary: %w", err)
	}
	return nil
}
