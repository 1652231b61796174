package report

import (
	"fmt"
	"math"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// Bucket is a range of durations that a distribution does not tell apart.
type Bucket struct {
	To    float64 // nanoseconds: the highest duration in it
	Count int64   // how many samples fell into it, more than zero
}

// Distribution is every sample of a metric, to the precision it was recorded with: ascending, without empty buckets.
type Distribution []Bucket

// Distribution decodes the histogram of a metric. It is empty for a counter, and for a result file that keeps none. The
// error says that the histogram is damaged.
func (m Metric) Distribution() (Distribution, error) {
	if m.Histogram == "" {
		return nil, nil
	}
	hist, err := hdr.Decode([]byte(m.Histogram))
	if err != nil {
		return nil, fmt.Errorf("decode histogram: %w", err)
	}
	var d Distribution
	for _, bar := range hist.Distribution() {
		if bar.Count <= 0 {
			continue
		}
		to := float64(bar.To)
		if m.Max > 0 { // the top of a bucket can lie above the largest sample
			to = min(to, m.Max)
		}
		d = append(d, Bucket{To: to, Count: bar.Count})
	}
	return d, nil
}

// Count is the number of samples.
func (d Distribution) Count() int64 {
	var n int64
	for _, b := range d {
		n += b.Count
	}
	return n
}

// Quantiles returns for each share of samples, 0 to 1, the duration in nanoseconds that at least so many stay within.
// The shares have to ascend. It returns nil for an empty distribution.
func (d Distribution) Quantiles(shares ...float64) []float64 {
	if len(d) == 0 {
		return nil
	}
	n := d.Count()
	out := make([]float64, 0, len(shares))
	at, below := 0, d[0].Count
	for _, share := range shares {
		for below < rank(share, n) && at < len(d)-1 {
			at++
			below += d[at].Count
		}
		out = append(out, d[at].To)
	}
	return out
}

// rank is which of n samples in ascending order, from 1, is the first that a share of them, 0 to 1, does not exceed. What
// a product of floating-point numbers is too much by does not make it the next.
func rank(share float64, n int64) int64 {
	return min(max(int64(math.Ceil(share*float64(n)-1e-6)), 1), n)
}
