package fabric

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Distribution says how long a change takes from the cloud to a device.
type Distribution interface {
	// Sample draws a duration, never a negative one.
	Sample(r *rand.Rand) time.Duration
	// String describes the distribution in words, for reports.
	String() string
}

type constant time.Duration

// Constant is a distribution of one value; one below zero counts as zero.
func Constant(d time.Duration) Distribution {
	return constant(max(d, 0))
}

func (c constant) Sample(*rand.Rand) time.Duration { return time.Duration(c) }

func (c constant) String() string { return "always " + time.Duration(c).String() }

type logNormal struct {
	median, p99 time.Duration
	sigma       float64
}

// z99 is the 99th percentile of the standard normal distribution.
const z99 = 2.3263478740408408

// LogNormal is the log-normal distribution with the median and the 99th percentile. A median that is not above zero,
// or a percentile that is not above the median, leaves the median as the only value.
func LogNormal(median, p99 time.Duration) Distribution {
	if median <= 0 || p99 <= median {
		return Constant(median)
	}
	return logNormal{median: median, p99: p99, sigma: math.Log(float64(p99)/float64(median)) / z99}
}

func (l logNormal) Sample(r *rand.Rand) time.Duration {
	d := float64(l.median) * math.Exp(l.sigma*r.NormFloat64())
	return time.Duration(min(d, float64(longest)))
}

func (l logNormal) String() string {
	return fmt.Sprintf("log-normal with median %s and p99 %s", l.median, l.p99)
}

// longest is the longest delay: sums of a few of them with a time of day stay in range.
const longest = 10 * 365 * 24 * time.Hour

type empirical []time.Duration // sorted

// Empirical draws from measured durations, each as likely as the others. None at all is [Constant] zero.
func Empirical(samples []time.Duration) Distribution {
	if len(samples) == 0 {
		return Constant(0)
	}
	sorted := slices.Sorted(slices.Values(samples))
	for i, d := range sorted {
		sorted[i] = min(max(d, 0), longest)
	}
	return empirical(sorted)
}

func (e empirical) Sample(r *rand.Rand) time.Duration { return e[r.IntN(len(e))] }

func (e empirical) String() string {
	return fmt.Sprintf("as measured (%d samples, median %s, p99 %s)", len(e), e.quantile(0.5), e.quantile(0.99))
}

// quantile is by nearest rank.
func (e empirical) quantile(q float64) time.Duration {
	return e[max(int(math.Ceil(q*float64(len(e))))-1, 0)]
}

// SampleError is a mistake in a file of measured delays.
type SampleError struct {
	Line    int // from 1; 0: the file as a whole
	Problem string
	Advice  string // what to do about it
}

// Error implements error.
func (e *SampleError) Error() string {
	if e.Line == 0 {
		return e.Problem
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Problem)
}

// Hint is what to do about it.
func (e *SampleError) Hint() string { return e.Advice }

// ParseEmpirical reads measured delays for [Empirical]: a duration such as "850ms" or "1m30s" on each line, or CSV
// with the durations in the first column. Empty lines and those that begin with "#" do not count, and the first
// line may be a heading. Mistakes are a [*SampleError].
func ParseEmpirical(r io.Reader) (Distribution, error) {
	var samples []time.Duration
	lines := bufio.NewScanner(r)
	n, heading := 0, true
	for lines.Scan() {
		n++
		text, _, _ := strings.Cut(lines.Text(), ",")
		text = strings.Trim(strings.TrimSpace(strings.TrimPrefix(text, "\ufeff")), `"`)
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		d, err := time.ParseDuration(text)
		switch {
		case err != nil && heading && !strings.ContainsAny(text, "0123456789"):
		case err != nil:
			return nil, &SampleError{Line: n, Problem: fmt.Sprintf("%q is not a duration", text), Advice: "write it with its unit: 850ms, 2.5s, 1m30s"}
		case d < 0:
			return nil, &SampleError{Line: n, Problem: fmt.Sprintf("a delay of %s: nothing arrives before it was sent", d), Advice: "leave the line out"}
		default:
			samples = append(samples, d)
		}
		heading = false
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read delays after line %d: %w", n, err)
	}
	if len(samples) == 0 {
		return nil, &SampleError{Problem: "there is no duration in it", Advice: "write one delay on each line: 850ms, 2.5s, 1m30s"}
	}
	return Empirical(samples), nil
}
