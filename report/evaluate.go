package report

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Evaluate compares the rule with what was measured. A metric that is missing or has no samples
// gives [VerdictError], whatever the comparison: what was not measured was not met.
// Scenario, File and Line of the result are the caller's to fill.
func (t ThresholdRule) Evaluate(metrics map[string]Metric) Threshold {
	result := Threshold{Text: t.Text, Verdict: VerdictError, Actual: "no samples"}
	metric, ok := metrics[t.Metric]
	if !ok {
		result.Hint = fmt.Sprintf("nothing was recorded as %q in this run", t.Metric)
		if recorded := t.alternatives(metrics); len(recorded) > 0 {
			result.Hint += "; there is " + strings.Join(recorded, ", ")
		}
		return result
	}
	if metric.Unit == UnitCount && t.Stat != StatCount && t.Stat != StatRate {
		result.Actual = "no " + t.Stat
		result.Hint = fmt.Sprintf("%q is a counter; compare it with a plain number", t.Metric)
		return result
	}
	if t.Stat == StatRate && metric.Of == 0 {
		result.Hint = fmt.Sprintf("nothing was counted that %q could be a share of", t.Metric)
		return result
	}
	if metric.Unit != UnitCount && metric.Count == 0 {
		return result
	}
	actual, ok := metric.stat(t.Stat)
	if !ok {
		result.Actual = "no " + t.Stat
		return result
	}
	result.Verdict = VerdictFail
	if t.met(actual) {
		result.Verdict = VerdictPass
	}
	result.Actual = t.format(actual)
	return result
}

// Judge is [ThresholdRule.Evaluate] with what the run measured. It gives [VerdictError] where the measured times are the
// generator's and not the relying party's.
func (t ThresholdRule) Judge(run *Run) Threshold {
	if t.OfLatency() && run.Load.Limited() {
		return Threshold{
			Text: t.Text, Verdict: VerdictError, Actual: "not claimed",
			Hint: "the load generator could not keep up, so its times are not those of the relying party: " + lowerRate,
		}
	}
	return t.Evaluate(run.Metrics)
}

// lowerRate is what to do when the generator could not keep up.
const lowerRate = "ask for less, or give passrig more of the machine"

// alternatives are the metrics of the same action or, where there is none, the actions that have some.
func (t ThresholdRule) alternatives(metrics map[string]Metric) []string {
	var same, actions []string
	wanted, _, _ := strings.Cut(t.Metric, ".")
	for _, name := range slices.Sorted(maps.Keys(metrics)) {
		action, _, _ := strings.Cut(name, ".")
		if action == wanted {
			same = append(same, name)
		}
		actions = append(actions, action)
	}
	if len(same) > 0 {
		return same
	}
	return slices.Compact(actions)
}

func (t ThresholdRule) met(actual float64) bool {
	switch t.Op {
	case "<":
		return actual < t.Value
	case "<=":
		return actual <= t.Value
	case ">":
		return actual > t.Value
	case ">=":
		return actual >= t.Value
	case "==":
		return actual == t.Value
	case "!=":
		return actual != t.Value
	}
	return false
}

// format writes the actual value short, or exactly where rounding would make it look like the
// limit it is not: "300ms" must not be shown as failing "< 300ms" by a microsecond.
func (t ThresholdRule) format(actual float64) string {
	switch t.Stat {
	case StatCount:
		return strconv.FormatFloat(actual, 'f', -1, 64)
	case StatRate:
		short := FormatShare(actual)
		if actual != t.Value && short == FormatShare(t.Value) {
			return strconv.FormatFloat(actual*100, 'g', 10, 64) + "%"
		}
		return short
	}
	short := FormatDuration(actual)
	if actual != t.Value && short == FormatDuration(t.Value) {
		return exactDuration(actual)
	}
	return short
}

// stat returns one statistic, and false where the metric does not have it: result files from
// before p99.9 was recorded do not.
func (m Metric) stat(name string) (float64, bool) {
	switch name {
	case "p50":
		return m.P50, true
	case "p90":
		return m.P90, true
	case "p95":
		return m.P95, true
	case "p99":
		return m.P99, true
	case "p99.9":
		return m.P999, m.P999 >= m.P99
	case "min":
		return m.Min, true
	case "max":
		return m.Max, true
	case "mean":
		return m.Mean, true
	case StatCount:
		return float64(m.Count), true
	case StatRate:
		return float64(m.Count) / float64(m.Of), m.Of > 0
	}
	return 0, false
}
