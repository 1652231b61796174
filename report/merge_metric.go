package report

import (
	"errors"
	"fmt"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// mergeMetrics adds the metrics of all runs.
func mergeMetrics(runs []*Run) (map[string]Metric, error) {
	out := make(map[string]Metric)
	sums := make(map[string]*Histogram)
	for i, run := range runs {
		for name, m := range run.Metrics {
			sum, known := out[name]
			if !known {
				out[name] = m
				continue
			}
			fail := func(format string, args ...any) error {
				return &MergeError{Index: i, Message: fmt.Sprintf("metric %q %s", name, fmt.Sprintf(format, args...)), Hint: "write the run again with this passrig"}
			}
			if m.Unit != sum.Unit {
				return nil, fail("is in %q, and in %q before", m.Unit, sum.Unit)
			}
			if m.Unit == UnitCount {
				sum.Count, sum.Of = sum.Count+m.Count, sum.Of+m.Of
				out[name] = sum
				continue
			}
			added, err := m.decode()
			if err != nil {
				return nil, fail("cannot be added: %v", err)
			}
			if sums[name] == nil {
				if sums[name], err = sum.decode(); err != nil {
					return nil, fail("of a run before cannot be added to: %v", err)
				}
			}
			sums[name].Merge(added)
			out[name] = Metric{Unit: m.Unit}
		}
	}
	for name, sum := range sums {
		out[name] = sum.Metric()
	}
	return out, nil
}

// decode returns the histogram of a metric as it was when [Histogram.Metric] summarized it.
func (m Metric) decode() (*Histogram, error) {
	h := NewHistogram()
	if m.Count == 0 {
		return h, nil
	}
	if m.Histogram == "" {
		return nil, errors.New("it keeps no histogram")
	}
	whole, err := hdr.Decode([]byte(m.Histogram))
	if err != nil {
		return nil, fmt.Errorf("decode histogram: %w", err)
	}
	if whole.LowestTrackableValue() != int64(lowestDuration) || whole.HighestTrackableValue() != int64(highestDuration) ||
		whole.SignificantFigures() != significantDigits {
		return nil, errors.New("its histogram has another range or precision")
	}
	for i, n := range whole.Export().Counts {
		switch {
		case n == 0:
			continue
		case n < 0 || i/pageCounts >= len(h.pages):
			return nil, errors.New("its histogram is damaged")
		case h.pages[i/pageCounts] == nil:
			h.pages[i/pageCounts] = new([pageCounts]int64)
		}
		h.pages[i/pageCounts][i%pageCounts] = n
		h.count += n
	}
	if h.count != m.Count {
		return nil, fmt.Errorf("its histogram has %d samples, and it says %d", h.count, m.Count)
	}
	h.min, h.max, h.clamped = time.Duration(m.Min), time.Duration(m.Max), m.Clamped
	h.sum = m.Mean * float64(m.Count)
	return h, nil
}
