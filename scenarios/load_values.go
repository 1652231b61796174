package scenarios

import (
	"fmt"
	"maps"
	"slices"

	"github.com/passrig/passrig/internal/source"
)

// valueChecker finds what is wrong with the values of a load or of a sync section, one by one and together: when the
// file is read, as far as they are known without evaluating expressions, and again when the run begins.
type valueChecker struct {
	static   bool // expressions are not evaluated
	env      Env
	problems []valueError
}

// valueError is one mistake, at a value of the file; at is nil for a value that is not from a file.
type valueError struct {
	at            *source.Node
	message, hint string
}

// Error has the place in front, where there is one.
func (p valueError) Error() string {
	if p.at == nil {
		return p.message
	}
	return posOf(p.at).String() + ": " + p.message
}

// Hint says what would be right; it may be empty.
func (p valueError) Hint() string { return p.hint }

// known is a value as far as it is given and can be known. One that comes out wrong when the run begins is a problem of
// its own; before that it has been reported where it was read.
func known[T any](c *valueChecker, v scalar[T]) (value T, ok bool) {
	t := v.written()
	if t == nil || c.static && len(t.parts) > 0 {
		return value, false
	}
	value, err := v.Value(c.env)
	if err != nil && !c.static {
		c.problems = append(c.problems, valueError{message: err.Error()}) // which has its place
	}
	return value, err == nil
}

// fail reports a mistake at a value.
func (c *valueChecker) fail(t *template, hint, format string, args ...any) {
	c.problems = append(c.problems, valueError{t.node, fmt.Sprintf(format, args...), hint})
}

// positive reports a value that is nothing.
func positive[T int | float64 | ~int64](c *valueChecker, v scalar[T], message, hint string) {
	if value, ok := known(c, v); ok && value == 0 {
		c.fail(v.written(), hint, "%s", message)
	}
}

func (c *valueChecker) check(l *LoadSpec) {
	if l.Users != nil {
		c.checkUsers(l)
	}
	switch {
	case l.Arrival != nil && len(l.Arrival.Stages) > 0:
		c.checkStages(l)
	case l.Arrival != nil:
		positive(c, l.Arrival.Rate, "nothing arrives at this rate", "write how many begin in a second: 50/s")
		positive(c, l.Arrival.Hold, "nothing is measured in no time", "write how long the rate is kept: 1m")
	case l.Concurrency != nil:
		positive(c, l.Concurrency.For, "nothing is measured in no time", "write how long: 1m")
	case l.FindLimit != nil:
		c.checkFindLimit(l.FindLimit)
	}
	positive(c, l.Timeout, "nothing is answered in no time", "")
	c.checkWeights(l)
}

func (c *valueChecker) checkUsers(l *LoadSpec) {
	count, counted := known(c, l.Users.Count)
	if l.Concurrency != nil && counted {
		if vus, ok := known(c, l.Concurrency.VUs); ok && count < vus {
			c.fail(l.Users.Count.t, fmt.Sprintf("write %d or more", vus), "%d are at it at a time, and there are only %d users", vus, count)
		}
	}
	c.checkSomeWeight(l.Users.Algorithms, "no algorithm is left to take")
}

// checkSomeWeight reports weights that are all 0.
func (c *valueChecker) checkSomeWeight(weights map[string]Int, message string) {
	total, all := 0, len(weights) > 0
	var last Int
	for _, name := range slices.Sorted(maps.Keys(weights)) {
		last = weights[name]
		weight, ok := known(c, last)
		total, all = total+weight, all && ok
	}
	if all && total == 0 {
		c.fail(last.t, "give one of them a weight of 1 or more", "%s", message)
	}
}

func (c *valueChecker) checkStages(l *LoadSpec) {
	a := l.Arrival
	rate, all := known(c, a.Rate)
	all = all || a.Rate.IsZero()
	if warmUp, ok := known(c, l.WarmUp); ok && warmUp > 0 && all && rate == 0 {
		c.fail(l.WarmUp.t, "give the rate that the stages begin from: arrival: {rate: 50/s, stages: …}", "nothing arrives in the warm-up, as the stages begin from 0")
	}
	arrivals := 0.0
	for i := range a.Stages {
		to, toKnown := known(c, a.Stages[i].To)
		span, spanKnown := known(c, a.Stages[i].For)
		all = all && toKnown && spanKnown
		arrivals += (rate + to) / 2 * span.Seconds()
		rate = to
	}
	if all && arrivals == 0 {
		c.fail(a.Stages[0].To.t, "give a stage a rate and a time", "nothing arrives in these stages")
	}
}

func (c *valueChecker) checkFindLimit(l *FindLimit) {
	positive(c, l.From, "nothing arrives at this rate", "write where the search begins: 50/s")
	positive(c, l.Hold, "nothing is measured in no time", "write how long each rate is kept: 10s")
	positive(c, l.Precision, "the search would not end", "write a share such as 5%")
	from, ok := known(c, l.From)
	if !ok {
		from = DefaultLimitFrom
	}
	to, ok := known(c, l.To)
	if !ok || !l.From.IsZero() && len(l.From.t.parts) > 0 && c.static {
		return
	}
	if to <= from {
		c.fail(l.To.t, "", "the highest rate is %v/s, and the search begins at %v/s", to, from)
	}
}

func (c *valueChecker) checkWeights(l *LoadSpec) {
	var first *template
	for _, name := range slices.Sorted(maps.Keys(l.Journeys)) {
		j := l.Journeys[name]
		if weight, ok := known(c, j.Weight); !ok || weight > 0 {
			return // not given is 1
		}
		if first == nil {
			first = j.Weight.t
		}
	}
	if first != nil {
		c.fail(first, "give one of them a weight of 1 or more", "no journey is ever taken")
	}
}
