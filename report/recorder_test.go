package report

import (
	"math"
	"sync"
	"testing"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestRecorderSummarizesWithinItsPrecision(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		samples := rapid.SliceOfN(rapid.Int64Range(int64(time.Microsecond), int64(time.Hour)), 1, 200).Draw(t, "samples")
		r := NewRecorder()
		lowest, highest, sum := samples[0], samples[0], 0.0
		for _, s := range samples {
			r.Observe("m", time.Duration(s))
			lowest, highest, sum = min(lowest, s), max(highest, s), sum+float64(s)
		}
		m := r.Metrics()["m"]
		if m.Unit != UnitNanoseconds || m.Count != int64(len(samples)) || m.Clamped != 0 {
			t.Fatalf("got unit %q, count %d, clamped %d", m.Unit, m.Count, m.Clamped)
		}
		if m.Min != float64(lowest) || m.Max != float64(highest) || math.Abs(m.Mean-sum/float64(len(samples))) > 1 {
			t.Fatalf("min %v max %v mean %v are not exact", m.Min, m.Max, m.Mean)
		}
		for i, p := range []float64{m.P50, m.P90, m.P95, m.P99, m.P999, m.Max} {
			if p > m.Max {
				t.Fatalf("percentile %d is %v, above the maximum %v", i, p, m.Max)
			}
			share := []float64{.5, .9, .95, .99, .999, 1}[i]
			atMost := 0
			for _, s := range samples {
				if float64(s) <= p {
					atMost++
				}
			}
			if float64(atMost) < math.Floor(share*float64(len(samples))) {
				t.Fatalf("only %d of %d samples are within the percentile %v", atMost, len(samples), share)
			}
		}
	})
}

func TestRecorderClampsAndCounts(t *testing.T) {
	r := NewRecorder()
	for _, d := range []time.Duration{-time.Second, 0, time.Millisecond, 25 * time.Hour} {
		r.Observe("m", d)
	}
	m := r.Metrics()["m"]
	if m.Count != 4 || m.Clamped != 2 || m.Min != 0 || m.Max != float64(time.Hour) {
		t.Errorf("got %+v", m)
	}
}

func TestRecorderHistogramCanBeMergedElsewhere(t *testing.T) {
	r := NewRecorder()
	for i := range 1000 {
		r.Observe("m", time.Duration(i+1)*time.Millisecond)
	}
	m := r.Metrics()["m"]
	h, err := hdr.Decode([]byte(m.Histogram))
	if err != nil {
		t.Fatal(err)
	}
	if h.TotalCount() != 1000 || math.Abs(float64(h.ValueAtPercentile(99))-m.P99) > 1e6 {
		t.Errorf("decoded count %d, p99 %d; want 1000, %v", h.TotalCount(), h.ValueAtPercentile(99), m.P99)
	}
}

func TestRecorderCounts(t *testing.T) {
	r := NewRecorder()
	r.Count("login.errors", 0)
	r.Count("login.total", 3)
	r.Count("login.total", 4)
	want := map[string]Metric{"login.errors": {Unit: UnitCount}, "login.total": {Unit: UnitCount, Count: 7}}
	if diff := cmp.Diff(want, r.Metrics()); diff != "" {
		t.Error(diff)
	}
}

func TestRecorderConcurrently(t *testing.T) {
	r := NewRecorder()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 100 {
				r.Observe("m", time.Duration(i)*time.Millisecond)
				r.Count("n", 1)
				r.Metrics()
			}
		})
	}
	wg.Wait()
	if m := r.Metrics(); m["m"].Count != 400 || m["n"].Count != 400 {
		t.Errorf("lost samples: %d and %d, want 400", m["m"].Count, m["n"].Count)
	}
}
