package report

import (
	"slices"
	"testing"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"pgregory.net/rapid"
)

// The histogram allocates its counts in its own way; they are those of the library. Its percentiles are the samples of
// the rank that thresholds promise, which the library rounds.
func TestHistogramIsTheLibrarys(t *testing.T) {
	durations := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) time.Duration {
		return time.Duration(rapid.Int64Range(0, int64(1)<<rapid.IntRange(0, 41).Draw(t, "bits")).Draw(t, "ns"))
	}), 1, 300)
	rapid.Check(t, func(t *rapid.T) {
		whole := hdr.New(int64(lowestDuration), int64(highestDuration), significantDigits)
		one, other := NewHistogram(), NewHistogram()
		samples := durations.Draw(t, "durations")
		for i, d := range samples {
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
		slices.Sort(samples)
		for _, thousandths := range []int{1, 250, 500, 900, 950, 990, 999, 1000} {
			sample := samples[max((thousandths*len(samples)+999)/1000, 1)-1]
			want, p := min(highestOf(countIndex(sample)), one.Max()), float64(thousandths)/10
			if got := one.Percentile(p); got != want || !whole.ValuesAreEquivalent(int64(got), int64(sample)) {
				t.Fatalf("percentile %v of %d is %v, want %v", p, len(samples), got, want)
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

func TestRank(t *testing.T) {
	for _, tt := range []struct {
		share   float64
		n, want int64
	}{
		{0, 10, 1},
		{.5, 1, 1},
		{.5, 10, 5},
		{.5, 11, 6},
		{.99, 10, 10},
		{.95, 21, 20},
		{.99, 100, 99},
		{.99, 101, 100},
		{.999, 1000, 999},
		{.25, 5, 2},
		{.99, 375, 372},
		{99.9 / 100, 1_000_000, 999_000},
		{1, 7, 7},
		{.5, 0, 0},
	} {
		if got := rank(tt.share, tt.n); got != tt.want {
			t.Errorf("rank %v of %d is %d, want %d", tt.share, tt.n, got, tt.want)
		}
	}
}

func BenchmarkHistogram(b *testing.B) {
	h := NewHistogram()
	b.ReportAllocs()
	for d := time.Duration(1); b.Loop(); d = d*5%50_000_017 + 1 {
		h.Observe(d)
	}
}
