package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ThresholdRule is a parsed threshold.
//
//	threshold = metric [ "." stat ] op value
//	metric    = word { "." word }
//	word      = letter { letter | digit | "_" | "-" }
//	stat      = "p50" | "p90" | "p95" | "p99" | "p99.9" | "min" | "max" | "mean" | "count" | "rate"
//	op        = "<" | "<=" | ">" | ">=" | "==" | "!="
//	value     = number                          (for count, and a metric without stat, which is a counter)
//	          | number [ "%" ]                  (for rate: 1%, or a number from 0 to 1)
//	          | number unit { number unit }     (for the other stats: 300ms, 1.5s, 1m30s)
//	unit      = "ns" | "us" | "µs" | "ms" | "s" | "m" | "h"
//
// White space may stand around op and at both ends. A percentile is the smallest recorded value
// that at least that share of the samples does not exceed. A rate is a counter's share of what it counts among, as
// login.failed.rate is that of all logins.
type ThresholdRule struct {
	Text   string  // as written, without surrounding white space
	Metric string  // "login.total"
	Stat   string  // "p95"; "count" when none was written
	Op     string  // one of the six operators
	Value  float64 // nanoseconds; a plain number when Stat is "count", and from 0 to 1 when it is "rate"
}

// ThresholdError says what is wrong with the text of a threshold, and where.
type ThresholdError struct {
	Text    string // as given
	Offset  int    // of the offending part, in bytes from the start of Text
	Length  int    // of the offending part, in bytes; 0 when something is missing there
	Message string
	Hint    string // what would be right; may be empty

	// Word is the word that is wrong, and Known those that it could have been, for whoever can tell which
	// of them was meant. Empty when that is not what is wrong.
	Word  string
	Known []string
}

// Error returns the message with the text it is about.
func (e *ThresholdError) Error() string {
	return fmt.Sprintf("threshold %q: %s", e.Text, e.Message)
}

// The statistics that are no times.
const (
	StatCount = "count" // how many
	StatRate  = "rate"  // a counter's share of what it counts among, 0 to 1
)

func operators() []string { return []string{"<=", ">=", "==", "!=", "<", ">"} }

func statistics() []string {
	return []string{"p50", "p90", "p95", "p99", "p99.9", "min", "max", "mean", StatCount, StatRate}
}

// ParseThreshold reads a threshold such as "login.total.p95 < 300ms" or "login.errors == 0".
// The error is a [*ThresholdError].
func ParseThreshold(text string) (ThresholdRule, error) {
	fail := func(offset, length int, hint, format string, args ...any) (ThresholdRule, error) {
		return ThresholdRule{}, &ThresholdError{
			Text: text, Offset: offset, Length: length, Message: fmt.Sprintf(format, args...), Hint: hint,
		}
	}
	at := strings.IndexAny(text, "<>=!")
	if at < 0 {
		return fail(len(text), 0, `write it like "login.total.p95 < 300ms"`, "no comparison")
	}
	op := ""
	for _, candidate := range operators() {
		if strings.HasPrefix(text[at:], candidate) {
			op = candidate
			break
		}
	}
	if op == "" {
		return fail(at, 1, `use "==" or "!="`, "%q is not a comparison", text[at:at+1])
	}
	left := strings.TrimSpace(text[:at])
	leftAt := strings.Index(text, left)
	if left == "" {
		return fail(at, 0, `name one before the comparison, like "login.total.p95"`, "no metric")
	}
	valueAt := at + len(op)
	valueAt += len(text[valueAt:]) - len(strings.TrimLeft(text[valueAt:], " \t"))
	value := strings.TrimSpace(text[valueAt:])
	if value == "" {
		return fail(len(text), 0, `write a limit after it, like "300ms"`, "nothing after %q", op)
	}

	rule := ThresholdRule{Text: strings.TrimSpace(text), Op: op}
	rule.Metric, rule.Stat = splitStat(left)
	statWritten := rule.Metric != left
	if bad, n := badMetricName(rule.Metric); n > 0 {
		return fail(leftAt+bad, n, "a metric is words of letters, digits, - and _ with dots between", "%q is not a metric name", rule.Metric)
	}
	if err := rule.parseValue(value, statWritten); err != nil {
		err.Text = text
		if err.Offset < 0 { // about the statistic, the last word of the left side
			last := strings.LastIndexByte(left, '.') + 1
			err.Offset, err.Length = leftAt+last, len(left)-last
		} else {
			err.Offset, err.Length = valueAt, len(value)
		}
		return ThresholdRule{}, err
	}
	return rule, nil
}

// splitStat splits "login.total.p95" into metric and stat; without a known stat at its end the
// whole is the name of a counter.
func splitStat(left string) (metric, stat string) {
	for _, s := range statistics() {
		if m, ok := strings.CutSuffix(left, "."+s); ok && m != "" {
			return m, s
		}
	}
	return left, StatCount
}

// badMetricName returns where a name goes wrong and the length of the wrong part, 0 if it is fine.
func badMetricName(name string) (offset, length int) {
	for word := range strings.SplitSeq(name, ".") {
		for i, c := range word {
			letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
			inner := i > 0 && (c >= '0' && c <= '9' || c == '_' || c == '-')
			if !letter && !inner {
				return offset + i, len(string(c))
			}
		}
		if word == "" {
			return max(offset-1, 0), 1
		}
		offset += len(word) + 1
	}
	return 0, 0
}

// parseValue reads the limit. An Offset below zero in the error means that the statistic is wrong.
func (t *ThresholdRule) parseValue(value string, statWritten bool) *ThresholdError {
	share, percent := strings.CutSuffix(value, "%")
	switch {
	case t.Stat == StatRate:
		return t.parseShare(strings.TrimSpace(share), percent)
	case percent:
		return t.notAShare(value)
	}
	number, numberErr := strconv.ParseFloat(value, 64)
	if numberErr == nil && (math.IsNaN(number) || math.IsInf(number, 0)) || strings.HasPrefix(value, "0x") {
		return &ThresholdError{Message: fmt.Sprintf("%q is not a number", value)}
	}
	duration, durationErr := time.ParseDuration(value)
	isNumber, isDuration := numberErr == nil, durationErr == nil && numberErr != nil
	switch {
	case t.Stat == StatCount && isNumber:
		t.Value = number
		return nil
	case t.Stat != StatCount && isDuration:
		t.Value = float64(duration)
		return nil
	case isNumber: // of a distribution
		return &ThresholdError{
			Message: fmt.Sprintf("%s is a time, but %q has no unit", t.Stat, value), Hint: fmt.Sprintf("write %q", value+"ms"),
		}
	case isDuration && statWritten:
		return &ThresholdError{Message: fmt.Sprintf("count is a number, but %q is a time", value)}
	case isDuration: // the last word was meant as a statistic, or one is missing
		last := t.Metric[strings.LastIndexByte(t.Metric, '.')+1:]
		return &ThresholdError{
			Offset: -1, Message: fmt.Sprintf("%q is not a statistic, and a time needs one", last),
			Hint: "add one of " + strings.Join(timeStatistics(), ", "), Word: last, Known: timeStatistics(),
		}
	}
	hint := `a time is a number with a unit, like "300ms" or "1.5s"`
	if t.Stat == StatCount {
		hint = "a count is compared with a plain number"
	}
	return &ThresholdError{Message: fmt.Sprintf("%q is not a limit", value), Hint: hint}
}

// parseShare reads the limit of a rate.
func (t *ThresholdRule) parseShare(text string, percent bool) *ThresholdError {
	const hint = `write a percentage, like "1%"`
	number, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(number) || strings.HasPrefix(text, "0x") {
		return &ThresholdError{Message: fmt.Sprintf("rate is a share, but %q is none", text), Hint: hint}
	}
	if percent {
		number /= 100
	} else if number > 1 {
		return &ThresholdError{Message: fmt.Sprintf("rate is a share, and %q is more than the whole", text), Hint: fmt.Sprintf("write %q", text+"%")}
	}
	if number < 0 || number > 1 {
		return &ThresholdError{Message: "rate is a share, from 0% to 100%", Hint: hint}
	}
	t.Value = number
	return nil
}

// notAShare is about a percentage that is compared with something else than a rate.
func (t *ThresholdRule) notAShare(value string) *ThresholdError {
	if t.Stat != StatCount {
		return &ThresholdError{Message: fmt.Sprintf("%s is a time, but %q is a share", t.Stat, value), Hint: `write a time, like "300ms"`}
	}
	return &ThresholdError{Message: fmt.Sprintf("count is a number, but %q is a share", value), Hint: fmt.Sprintf("compare the rate: %s.rate", t.Metric)}
}

// OfLatency says whether the limit is about how fast the relying party is: a time, but not one of the generator of a
// load itself.
func (t ThresholdRule) OfLatency() bool {
	return t.Stat != StatCount && t.Stat != StatRate && t.Metric != MetricLag
}

func timeStatistics() []string {
	return slices.DeleteFunc(statistics(), func(s string) bool { return s == StatCount || s == StatRate })
}
