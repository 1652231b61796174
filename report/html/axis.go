package html

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/passrig/passrig/report"
)

// scale places values between its two ends.
type scale struct {
	low, high float64
	log       bool
}

// at is where v stands, 0 to 1; a value beyond an end stands at that end.
func (s scale) at(v float64) float64 {
	share := (v - s.low) / (s.high - s.low)
	if s.log {
		share = math.Log(max(v, s.low)/s.low) / math.Log(s.high/s.low)
	}
	if math.IsNaN(share) {
		return 0
	}
	return min(max(share, 0), 1)
}

// axis is a scale with the values that are written along it.
type axis struct {
	scale
	ticks  []float64
	format func(float64) string
}

// What a picture can still tell apart; a result file may hold anything.
const (
	largest  = 1e15
	farthest = 1e10
)

// clean makes a number fit to be drawn, and says whether it is one.
func clean(v float64) (float64, bool) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, false
	}
	return min(max(v, -largest), largest), true
}

// bounds are the smallest and largest of the numbers above zero, as far apart as a picture can show.
func bounds(values []float64) (low, high float64) {
	low = math.Inf(1)
	for _, v := range values {
		if v, ok := clean(v); ok && v > 0 {
			low, high = min(low, v), max(high, v)
		}
	}
	if high == 0 {
		return 1, 1
	}
	return max(low, high/farthest), high
}

// amounts is an axis from zero to the largest value, for what can be compared by length.
func amounts(values []float64, format func(float64) string) axis {
	_, high := bounds(values)
	step := niceStep(high, 5)
	a := axis{scale: scale{high: step * math.Ceil(high/step-1e-9)}, format: format}
	a.ticks = multiples(step, 0, a.high)
	return a
}

// manifold is how many times the smallest value the largest may be before a linear axis hides the small ones.
const manifold = 25

// durations is an axis for nanoseconds: from zero where that shows all of them, else logarithmic.
func durations(values []float64) axis {
	low, high := bounds(values)
	if high <= low*manifold {
		return amounts(values, report.FormatDuration)
	}
	return decades(low, high, report.FormatDuration)
}

// decades is a logarithmic axis around low and high.
func decades(low, high float64, format func(float64) string) axis {
	a := axis{scale: scale{log: true}, format: format}
	for exp := math.Floor(math.Log10(low)); exp <= math.Ceil(math.Log10(high)); exp++ {
		for _, f := range []float64{1, 2, 5} {
			a.ticks = append(a.ticks, f*math.Pow(10, exp))
		}
	}
	first, _ := slices.BinarySearch(a.ticks, low*(1+1e-9)) // the first tick above low
	last, _ := slices.BinarySearch(a.ticks, high*(1-1e-9))
	first = max(first-1, 0)
	last = min(max(last, first+1), len(a.ticks)-1)
	a.ticks = a.ticks[first : last+1]
	a.low, a.high = a.ticks[0], a.ticks[len(a.ticks)-1]
	if len(a.ticks) > 10 {
		a.ticks = slices.DeleteFunc(a.ticks, func(v float64) bool {
			return v != a.low && v != a.high && math.Abs(math.Remainder(math.Log10(v), 1)) > 1e-9
		})
	}
	return a
}

// seconds is an axis for the time since the run's start.
func seconds(from, to float64) axis {
	a := axis{scale: scale{low: from, high: max(to, from+1)}, format: formatSecond}
	round := []float64{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400}
	step := niceStep(a.high-a.low, 6)
	if i := slices.IndexFunc(round, func(s float64) bool { return (a.high-a.low)/s <= 6 }); i >= 0 {
		step = round[i]
	}
	a.ticks = multiples(step, a.low, a.high)
	return a
}

// nines is an axis for shares of samples, from half of them, on which every further nine takes the same space. Its values
// are -log10(1-share).
func nines(count int64) axis {
	half := -math.Log10(.5)
	a := axis{scale: scale{low: half, high: max(math.Log10(float64(max(count, 1))), 1)}, ticks: []float64{half}, format: func(n float64) string {
		return strconv.FormatFloat(100*(1-math.Pow(10, -n)), 'g', max(int(math.Ceil(n)), 2), 64) + "%"
	}}
	for n := 1.0; n <= a.high; n++ {
		a.ticks = append(a.ticks, n)
	}
	return a
}

// niceStep divides a range into at most the given number of parts of 1, 2 or 5 times a power of ten.
func niceStep(span float64, parts int) float64 {
	if span <= 0 {
		return 1
	}
	rough := span / float64(parts)
	power := math.Pow(10, math.Floor(math.Log10(rough)))
	for _, f := range []float64{1, 2, 5} {
		if rough <= f*power*(1+1e-9) {
			return f * power
		}
	}
	return 10 * power
}

// multiples are those of step within the range.
func multiples(step, low, high float64) []float64 {
	var out []float64
	for i := int64(math.Ceil(low/step - 1e-9)); float64(i)*step <= high+step*1e-9; i++ {
		out = append(out, float64(i)*step)
	}
	return out
}

// formatCount writes a whole number with commas, a fraction with what is needed of it.
func formatCount(v float64) string {
	v, ok := clean(v)
	if !ok {
		return "unknown"
	}
	if v != math.Trunc(v) && math.Abs(v) < 100 {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	digits := strconv.FormatFloat(math.Abs(math.Round(v)), 'f', 0, 64)
	var b strings.Builder
	if v < 0 {
		b.WriteByte('-')
	}
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// formatSecond writes a time since the run's start.
func formatSecond(s float64) string {
	if s == 0 {
		return "0s"
	}
	return report.FormatDuration(s * 1e9)
}

// formatBytes writes a size in binary units.
func formatBytes(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	v := float64(n)
	for len(units) > 1 && v >= 1024 {
		v, units = v/1024, units[1:]
	}
	if v < 10 && v != math.Trunc(v) {
		return fmt.Sprintf("%.1f %s", v, units[0])
	}
	return fmt.Sprintf("%.0f %s", v, units[0])
}
