package study

import (
	"fmt"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/passrig/passrig/report"
)

// The range and precision of a histogram. In a study a passkey can be under way for weeks.
const (
	lowestDuration    = time.Microsecond
	highestDuration   = 1 << 53 * time.Nanosecond // 104 days, and what a float64 holds exactly
	significantDigits = 3
)

// histogram is a distribution of durations. Unlike [report.Histogram] it goes beyond an hour, and its sum is a whole
// number, so that parts of a study can be added in any order and come to the same bytes.
type histogram struct {
	counts   *hdr.Histogram
	min, max time.Duration
	sum      int64 // µs
	clamped  int64
}

func newHistogram() *histogram {
	return &histogram{
		counts: hdr.New(int64(lowestDuration), int64(highestDuration), significantDigits), min: highestDuration,
	}
}

// observe adds a duration; one out of range counts as the end of the range.
func (h *histogram) observe(d time.Duration) {
	if inRange := min(max(d, 0), highestDuration); inRange != d {
		h.clamped++
		d = inRange
	}
	_ = h.counts.RecordValue(int64(d)) // which is in its range
	h.min, h.max, h.sum = min(h.min, d), max(h.max, d), h.sum+d.Microseconds()
}

func (h *histogram) merge(from *histogram) {
	h.counts.Merge(from.counts)
	h.min, h.max = min(h.min, from.min), max(h.max, from.max)
	h.sum, h.clamped = h.sum+from.sum, h.clamped+from.clamped
}

// metric summarizes the histogram, with times in nanoseconds.
func (h *histogram) metric() (report.Metric, error) {
	m := report.Metric{Unit: report.UnitNanoseconds, Count: h.counts.TotalCount(), Clamped: h.clamped}
	if m.Count == 0 {
		return m, nil
	}
	m.Min, m.Max = float64(h.min), float64(h.max)
	m.Mean = float64(h.sum) / float64(m.Count) * float64(time.Microsecond)
	encoded, err := h.counts.Encode(hdr.V2CompressedEncodingCookieBase)
	if err != nil {
		return m, fmt.Errorf("encode histogram: %w", err)
	}
	m.Histogram = string(encoded) // base64 already
	distribution, err := m.Distribution()
	if err != nil {
		return m, err
	}
	q := distribution.Quantiles(0.5, 0.9, 0.95, 0.99, 0.999)
	for i, to := range []*float64{&m.P50, &m.P90, &m.P95, &m.P99, &m.P999} {
		*to = min(q[i], m.Max)
	}
	return m, nil
}
