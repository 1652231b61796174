package scenarios

import (
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios/internal/source"
)

// Rule is the threshold's parsed text. The error is a [*report.ThresholdError].
func (t Threshold) Rule() (report.ThresholdRule, error) { return report.ParseThreshold(t.Text) }

// checkThresholds checks the limits, and that there will be such metrics; nil: it is not known which there will be.
func (c *fileChecker) checkThresholds(metrics []string) {
	list := c.root.Get("thresholds")
	c.compile(&c.file.Thresholds, list, c.base.narrow("users", "vars", "steps"))
	for i, t := range c.file.Thresholds {
		n := list.Item(i)
		c.checkAbort(t, n)
		if t.Text == "" {
			continue // reported as missing
		}
		at := n.At("that")
		rule, err := t.Rule()
		if e, ok := errors.AsType[*report.ThresholdError](err); ok {
			c.thresholdError(e, at)
			continue
		}
		if metrics != nil && !slices.Contains(metrics, rule.Metric) {
			c.errs.Add(at.DiagnosticIn(0, utf8.RuneCountInString(rule.Metric), diag.KindMeaning,
				fmt.Sprintf("the load records nothing as %q", rule.Metric), diag.Suggest(rule.Metric, metrics)))
		}
	}
}

func (c *fileChecker) checkAbort(t Threshold, n *source.Node) {
	switch {
	case t.Abort && c.file.Load == nil:
		c.fail(n.Key("abort"), "leave it out", "only a load can be ended by a threshold")
	case !t.After.IsZero() && !t.Abort:
		c.fail(n.Key("after"), "add abort: true, or leave after out", "after goes with abort only")
	}
}

// thresholdError shows what is wrong with a threshold's text at its place.
func (c *fileChecker) thresholdError(e *report.ThresholdError, n *source.Node) {
	at := utf8.RuneCountInString(e.Text[:e.Offset])
	width := utf8.RuneCountInString(e.Text[e.Offset : e.Offset+e.Length])
	hint := e.Hint
	if diag.Nearest(e.Word, e.Known) != "" {
		hint = diag.Suggest(e.Word, e.Known)
	}
	c.errs.Add(n.DiagnosticIn(at, width, diag.KindMeaning, e.Message, hint))
}
