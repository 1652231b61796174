package report

import (
	"sync"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// The range and precision of a recorded distribution. A value is kept with an error of at most
// one part in a thousand.
const (
	lowestDuration    = time.Microsecond
	highestDuration   = time.Hour
	significantDigits = 3
)

// Recorder collects durations and counts under metric names such as "login.total".
// It is safe for concurrent use; memory does not grow with the number of samples.
type Recorder struct {
	mu        sync.Mutex
	durations map[string]*distribution
	counts    map[string]int64
}

// distribution is a histogram with what it rounds away: extremes and sum are exact.
type distribution struct {
	hist     *hdr.Histogram
	min, max time.Duration
	sum      float64
	clamped  int64
}

// NewRecorder returns an empty Recorder.
func NewRecorder() *Recorder {
	return &Recorder{durations: make(map[string]*distribution), counts: make(map[string]int64)}
}

// Observe adds one duration to the named distribution. A duration above an hour (or below zero,
// after a clock step) is counted as the end of the range and in [Metric.Clamped].
func (r *Recorder) Observe(name string, d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	dist := r.durations[name]
	if dist == nil {
		hist := hdr.New(int64(lowestDuration), int64(highestDuration), significantDigits)
		dist = &distribution{hist: hist, min: highestDuration}
		r.durations[name] = dist
	}
	if inRange := min(max(d, 0), highestDuration); inRange != d {
		dist.clamped++
		d = inRange
	}
	if err := dist.hist.RecordValue(int64(d)); err != nil {
		dist.clamped++ // not reachable: d is within the range the histogram was made for
		return
	}
	dist.min, dist.max, dist.sum = min(dist.min, d), max(dist.max, d), dist.sum+float64(d)
}

// Count adds n to the named counter. Count(name, 0) makes the counter known, which is the
// difference between "no errors" and "nobody looked" to a threshold.
func (r *Recorder) Count(name string, n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts[name] += n
}

// Metrics returns what has been recorded so far. Times are nanoseconds. When a name was both
// observed and counted, the distribution is returned, which has a count of its own.
func (r *Recorder) Metrics() map[string]Metric {
	r.mu.Lock()
	defer r.mu.Unlock()
	metrics := make(map[string]Metric, len(r.durations)+len(r.counts))
	for name, n := range r.counts {
		metrics[name] = Metric{Unit: UnitCount, Count: n}
	}
	for name, dist := range r.durations {
		metrics[name] = dist.metric()
	}
	return metrics
}

func (d *distribution) metric() Metric {
	// A percentile is the top of its bucket, which can lie above the largest sample.
	at := func(percentile float64) float64 {
		return min(float64(d.hist.ValueAtPercentile(percentile)), float64(d.max))
	}
	count := d.hist.TotalCount()
	metric := Metric{
		Unit: UnitNanoseconds, Count: count, Min: float64(d.min), Mean: d.sum / float64(count), Max: float64(d.max),
		P50: at(50), P90: at(90), P95: at(95), P99: at(99), P999: at(99.9), Clamped: d.clamped,
	}
	if encoded, err := d.hist.Encode(hdr.V2CompressedEncodingCookieBase); err == nil {
		metric.Histogram = string(encoded) // base64 already
	}
	return metric
}
