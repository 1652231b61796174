package report

import (
	"sync"
	"time"
)

// Recorder collects durations and counts under metric names such as "login.total".
// It is safe for concurrent use; memory does not grow with the number of samples.
type Recorder struct {
	mu        sync.Mutex
	durations map[string]*Histogram
	counts    map[string]int64
}

// NewRecorder returns an empty Recorder.
func NewRecorder() *Recorder {
	return &Recorder{durations: make(map[string]*Histogram), counts: make(map[string]int64)}
}

// Observe adds one duration to the named distribution. A duration above an hour (or below zero,
// after a clock step) is counted as the end of the range and in [Metric.Clamped].
func (r *Recorder) Observe(name string, d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	hist := r.durations[name]
	if hist == nil {
		hist = NewHistogram()
		r.durations[name] = hist
	}
	hist.Observe(d)
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
	for name, hist := range r.durations {
		metrics[name] = hist.Metric()
	}
	return metrics
}
