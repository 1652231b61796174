package report

import (
	"testing"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"pgregory.net/rapid"
)

// The histogram allocates its counts in its own way; all else is that of the library.
func TestHistogramIsTheLibrarys(t *testing.T) {
	durations := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) time.Duration {
		return time.Duration(rapid.Int64Range(0, int64(1)<<rapid.IntRange(0, 41).Draw(t, "bits")).Draw(t, "ns"))
	}), 1, 300)
	rapid.Check(t, func(t *rapid.T) {
		whole := hdr.New(int64(lowestDuration), int64(highestDuration), significantDigits)
		one, other := NewHistogram(), NewHistogram()
		for i, d := range durations.Draw(t, "durations") {
			if err := whole.RecordValue(int64(d)); err != nil {
				t.Fatal(err)
			}
			if i%3 == 0 {
				one.Observe(d)
			} else {
				other.Observe(d)
			}
		}
		one.Merge(other)
		for _, p := range []float64{0.1, 25, 50, 90, 95, 99, 99.9, 100} {
			if want := min(time.Duration(whole.ValueAtPercentile(p)), one.Max()); one.Percentile(p) != want {
				t.Fatalf("percentile %v is %v, want %v", p, one.Percentile(p), want)
			}
		}
		decoded, err := hdr.Decode([]byte(one.Metric().Histogram))
		if err != nil {
			t.Fatal(err)
		}
		if !decoded.Equals(whole) || one.Count() != whole.TotalCount() {
			t.Fatalf("%d counts, not those of the library", one.Count())
		}
		one.Reset()
		if m := one.Metric(); one.Count() != 0 || one.Percentile(50) != 0 || m.Max != 0 || m.Histogram != "" {
			t.Fatalf("after a reset it has %+v", m)
		}
	})
}

func BenchmarkHistogram(b *testing.B) {
	h := NewHistogram()
	b.ReportAllocs()
	for d := time.Duration(1); b.Loop(); d = d*5%50_000_017 + 1 {
		h.Observe(d)
	}
}
