package scenarios

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/internal/source"
	"github.com/passrig/passrig/report"
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
		problem, hint := "", ""
		switch {
		case metrics != nil && !slices.Contains(metrics, rule.Metric):
			problem, hint = fmt.Sprintf("the load records nothing as %q", rule.Metric), diag.Suggest(rule.Metric, metrics)
		case metrics == nil && c.file.Load == nil:
			problem, hint = c.syncMetricProblem(rule.Metric)
		}
		if problem != "" {
			c.errs.Add(at.DiagnosticIn(0, utf8.RuneCountInString(rule.Metric), diag.KindMeaning, problem, hint))
		}
	}
}

// SyncMetrics are the names of what a run records where passkeys travel: times first, then counters.
func SyncMetrics() []string {
	return []string{
		"sync.lag", "sync.total", "unlock.total", "sync.operation", "sync.zombie",
		"sync.conflicts", "sync.duplicates", "sync.early_login.rejected", "sync.lockouts", "sync.zombie.left",
	}
}

// StudyMetrics are the names of what only a study records, in the same order.
func StudyMetrics() []string {
	return []string{
		"sync.lag.absent", "sync.zombie.signaled", "sync.zombie.unsignaled",
		"sync.mismatches", "sync.unusable_devices", "sync.losses", "sync.repeats",
	}
}

// syncMetricProblem says what is wrong with the name of a metric of passkeys that travel.
func (c *fileChecker) syncMetricProblem(metric string) (problem, hint string) {
	studied := slices.Contains(StudyMetrics(), metric)
	known := slices.Concat(SyncMetrics(), StudyMetrics())
	switch word, _, _ := strings.Cut(metric, "."); {
	case word != "sync" && word != "unlock":
		return "", ""
	case !slices.Contains(known, metric):
		return fmt.Sprintf("nothing is recorded as %q", metric), diag.Suggest(metric, known)
	case studied && (c.file.Sync == nil || c.file.Sync.Study == nil):
		return fmt.Sprintf("only a study records %q", metric), "add study: {} to the sync section, for passrig sync --simulate"
	case !c.file.Syncs():
		return fmt.Sprintf("nothing is recorded as %q, as no passkeys travel in this scenario", metric), "add a sync step, or a sync section"
	}
	return "", ""
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
