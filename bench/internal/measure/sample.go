package measure

import (
	"cmp"
	"fmt"
	"slices"
)

// Median is 0 for no values.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.SortedFunc(slices.Values(values), cmp.Compare[float64])
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}

// Spread is a median and, of values that differ, the range: "1.2 [1.1 to 1.4]". format is that of one value.
func Spread(values []float64, format string) string {
	text := fmt.Sprintf(format, Median(values))
	if len(values) > 1 {
		low, high := fmt.Sprintf(format, slices.Min(values)), fmt.Sprintf(format, slices.Max(values))
		if low != high {
			text += " [" + low + " to " + high + "]"
		}
	}
	return text
}

// Pick takes one value of each sample.
func Pick[S any](samples []S, value func(S) float64) []float64 {
	out := make([]float64, len(samples))
	for i, s := range samples {
		out[i] = value(s)
	}
	return out
}

// Figure is a promise and what became of it.
type Figure struct {
	What    string  `json:"what"`
	Unit    string  `json:"unit"`
	Value   float64 `json:"value"` // the median
	Low     float64 `json:"low"`   // of all rounds
	High    float64 `json:"high"`
	AtLeast float64 `json:"atLeast,omitempty"`
	AtMost  float64 `json:"atMost,omitempty"`
	Reached bool    `json:"reached"`
}

// NewFigure compares the median of values, of which there is one at least, with what is wanted of it; 0 is nothing.
func NewFigure(what, unit string, values []float64, atLeast, atMost float64) Figure {
	f := Figure{What: what, Unit: unit, Value: Median(values), Low: slices.Min(values), High: slices.Max(values), AtLeast: atLeast, AtMost: atMost}
	f.Reached = (atLeast == 0 || f.Value >= atLeast) && (atMost == 0 || f.Value <= atMost)
	return f
}

// Measured is the value with its range and unit.
func (f Figure) Measured() string {
	text := Spread([]float64{f.Value, f.Low, f.High}, "%.3g")
	if f.Unit != "" {
		text += " " + f.Unit
	}
	return text
}

// Wanted is what was wanted, and whether it was missed; empty if nothing was.
func (f Figure) Wanted() string {
	wanted := ""
	if f.AtLeast > 0 {
		wanted = fmt.Sprintf("at least %g", f.AtLeast)
	}
	if f.AtMost > 0 {
		wanted = fmt.Sprintf("at most %g", f.AtMost)
	}
	if wanted != "" && !f.Reached {
		wanted += ": missed"
	}
	return wanted
}
