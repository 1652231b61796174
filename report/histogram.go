package report

import (
	"math/bits"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// The range and precision of a histogram. A value is kept with an error of at most one part in a thousand.
const (
	lowestDuration    = time.Microsecond
	highestDuration   = time.Hour
	significantDigits = 3
)

// The layout of the counts of an HDR histogram of this range and precision: those of hdrhistogram-go.
const (
	unitBits   = 9  // a duration is kept in units of 512 ns, the power of two below the lowest
	subBits    = 11 // and 2048 steps tell enough of them apart for the digits
	halfBits   = subBits - 1
	pageCounts = 128
)

// Histogram is a distribution of durations that can be added to. It keeps what an HDR histogram keeps, and extremes and
// sum exactly. Memory is allocated for the ranges that occur only, a tenth of the whole as a rule, because a load has
// many of them. Not safe for concurrent use.
type Histogram struct {
	pages    []*[pageCounts]int64
	count    int64
	min, max time.Duration
	sum      float64
	clamped  int64
}

// NewHistogram returns an empty histogram.
func NewHistogram() *Histogram {
	last := countIndex(highestDuration)
	return &Histogram{pages: make([]*[pageCounts]int64, last/pageCounts+1), min: highestDuration}
}

func countIndex(d time.Duration) int {
	units := int64(d >> unitBits)
	bucket := bits.Len64(uint64(units|(1<<subBits-1))) - subBits //nolint:gosec // d is not negative
	return bucket<<halfBits + int(units>>bucket)
}

// highestOf is the highest duration that is counted at an index.
func highestOf(index int) time.Duration {
	bucket := max(index>>halfBits-1, 0)
	return time.Duration(index-bucket<<halfBits+1)<<(bucket+unitBits) - 1
}

// Observe adds one duration. One above an hour (or below zero, after a clock step) is counted as the end of the range and
// in [Metric.Clamped].
func (h *Histogram) Observe(d time.Duration) {
	if inRange := min(max(d, 0), highestDuration); inRange != d {
		h.clamped++
		d = inRange
	}
	index := countIndex(d)
	page := h.pages[index/pageCounts]
	if page == nil {
		page = new([pageCounts]int64)
		h.pages[index/pageCounts] = page
	}
	page[index%pageCounts]++
	h.count++
	h.min, h.max, h.sum = min(h.min, d), max(h.max, d), h.sum+float64(d)
}

// Merge adds all that another histogram has.
func (h *Histogram) Merge(from *Histogram) {
	for i, page := range from.pages {
		if page == nil {
			continue
		}
		if h.pages[i] == nil {
			h.pages[i] = new([pageCounts]int64)
		}
		for j, n := range page {
			h.pages[i][j] += n
		}
	}
	h.count, h.sum, h.clamped = h.count+from.count, h.sum+from.sum, h.clamped+from.clamped
	h.min, h.max = min(h.min, from.min), max(h.max, from.max)
}

// Clone returns a copy that shares no memory.
func (h *Histogram) Clone() *Histogram {
	c := NewHistogram()
	c.Merge(h)
	return c
}

// Reset empties the histogram and keeps its memory.
func (h *Histogram) Reset() {
	for _, page := range h.pages {
		if page != nil {
			clear(page[:])
		}
	}
	h.count, h.sum, h.clamped, h.min, h.max = 0, 0, 0, highestDuration, 0
}

// Count is the number of durations.
func (h *Histogram) Count() int64 { return h.count }

// Max is the longest duration, 0 of an empty histogram.
func (h *Histogram) Max() time.Duration { return h.max }

// Percentile returns the duration that a share of the samples, 0 to 100, does not exceed, to the histogram's precision; 0 of
// an empty one.
func (h *Histogram) Percentile(percentile float64) time.Duration {
	wanted := rank(percentile/100, h.count)
	below := int64(0)
	for i, page := range h.pages {
		if page == nil {
			continue
		}
		for j, n := range page {
			if below += n; below >= wanted && n > 0 {
				// The top of a bucket can lie above the longest sample.
				return min(highestOf(i*pageCounts+j), h.max)
			}
		}
	}
	return h.max
}

// Metric summarizes the histogram, with times in nanoseconds.
func (h *Histogram) Metric() Metric {
	if h.count == 0 {
		return Metric{Unit: UnitNanoseconds}
	}
	at := func(percentile float64) float64 { return float64(h.Percentile(percentile)) }
	metric := Metric{
		Unit: UnitNanoseconds, Count: h.count, Min: float64(h.min), Mean: h.sum / float64(h.count), Max: float64(h.max),
		P50: at(50), P90: at(90), P95: at(95), P99: at(99), P999: at(99.9), Clamped: h.clamped,
	}
	counts := make([]int64, len(h.pages)*pageCounts)
	for i, page := range h.pages {
		if page != nil {
			copy(counts[i*pageCounts:], page[:])
		}
	}
	whole := hdr.Import(&hdr.Snapshot{
		LowestTrackableValue: int64(lowestDuration), HighestTrackableValue: int64(highestDuration),
		SignificantFigures: significantDigits, Counts: counts,
	})
	if encoded, err := whole.Encode(hdr.V2CompressedEncodingCookieBase); err == nil {
		metric.Histogram = string(encoded) // base64 already
	}
	return metric
}
