package pace_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/passrig/passrig/internal/load/pace"
)

func all(s *pace.Schedule) []pace.Arrival {
	var list []pace.Arrival
	for {
		a, ok := s.Next()
		if !ok {
			return list
		}
		list = append(list, a)
	}
}

func TestUniformSchedule(t *testing.T) {
	stages := []pace.Stage{
		{Name: "ramp", From: 0, To: 4, For: time.Second}, // integral 2 t²: arrivals 0 and 1
		{Name: "pause", For: time.Second},
		{Name: "hold", From: 4, To: 4, For: 500 * ms},
	}
	want := []pace.Arrival{
		{Index: 0, At: 0, Stage: 0},
		{Index: 1, At: 707106781, Stage: 0},
		{Index: 2, At: 2 * time.Second, Stage: 2},
		{Index: 3, At: 2250 * ms, Stage: 2},
	}
	s := pace.NewSchedule(stages, pace.Uniform, 1, pace.Segment{})
	if diff := cmp.Diff(want, all(s)); diff != "" {
		t.Error(diff)
	}
	if a, ok := s.Next(); ok {
		t.Errorf("after the end comes %+v", a)
	}
	if s.Length() != 2500*ms || s.Rate(500*ms) != 2 || s.Rate(1500*ms) != 0 || s.Rate(2400*ms) != 4 || s.Rate(3*time.Second) != 0 {
		t.Errorf("length %v, rates %v %v %v %v", s.Length(), s.Rate(500*ms), s.Rate(1500*ms), s.Rate(2400*ms), s.Rate(3*time.Second))
	}
}

func TestArrivalsAreTheIntegralOfTheRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stages := drawStages(t)
		list := all(pace.NewSchedule(stages, pace.Uniform, 1, pace.Segment{}))
		total, start, last := 0.0, time.Duration(0), time.Duration(0)
		next := 0
		for n, s := range stages {
			for ; next < len(list) && list[next].Stage == n; next++ {
				a := list[next]
				x := (a.At - start).Seconds()
				reached := total + s.From*x + (s.To-s.From)*x*x/2/s.For.Seconds()
				if a.Index != int64(next) || a.At < last || a.At < start || a.At > start+s.For || math.Abs(reached-float64(next)) > 1e-4 {
					t.Fatalf("arrival %d is %+v: the integral is %v there", next, a, reached)
				}
				last = a.At
			}
			total += (s.From + s.To) / 2 * s.For.Seconds()
			start += s.For
			if math.Abs(float64(next)-total) > 1 {
				t.Fatalf("%d arrivals up to stage %d, whose integral is %v", next, n, total)
			}
		}
		if next != len(list) {
			t.Fatalf("%d arrivals, of which %d are in the order of the stages", len(list), next)
		}
	})
}

func drawStages(t *rapid.T) []pace.Stage {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) pace.Stage {
		rate := rapid.Custom(func(t *rapid.T) float64 { return float64(rapid.IntRange(0, 3000).Draw(t, "rate")) / 10 })
		return pace.Stage{
			From: rate.Draw(t, "from"), To: rate.Draw(t, "to"), Measured: true,
			For: time.Duration(rapid.IntRange(1, 3000).Draw(t, "ms")) * ms,
		}
	}), 1, 4).Draw(t, "stages")
}

func TestPoissonSchedule(t *testing.T) {
	const rate, length = 500.0, 100 * time.Second
	for seed := range uint64(5) {
		stages := []pace.Stage{{From: rate, To: rate, For: length}}
		list := all(pace.NewSchedule(stages, pace.Poisson, seed, pace.Segment{}))
		if !slices.Equal(list, all(pace.NewSchedule(stages, pace.Poisson, seed, pace.Segment{}))) {
			t.Fatalf("seed %d gives different schedules", seed)
		}
		if seed > 0 && slices.Equal(list, all(pace.NewSchedule(stages, pace.Poisson, 0, pace.Segment{}))) {
			t.Fatalf("seeds 0 and %d give the same schedule", seed)
		}
		mean := rate * length.Seconds()
		sigma := (float64(len(list)) - mean) / math.Sqrt(mean)
		gaps := make([]float64, 0, len(list))
		last := time.Duration(0)
		for _, a := range list {
			gaps = append(gaps, (a.At - last).Seconds())
			last = a.At
		}
		d := kolmogorov(gaps, func(x float64) float64 { return -math.Expm1(-rate * x) })
		critical := 1.63 / math.Sqrt(float64(len(gaps))) // at 1 %
		t.Logf("seed %d: %d arrivals of %.0f (%+.2f sigma), Kolmogorov-Smirnov %.5f, critical %.5f", seed, len(list), mean, sigma, d, critical)
		if math.Abs(sigma) > 3 || d > critical {
			t.Errorf("seed %d: gaps are not exponential", seed)
		}
	}
}

func TestPoissonRamp(t *testing.T) {
	stages := []pace.Stage{{From: 0, To: 1000, For: 100 * time.Second}}
	list := all(pace.NewSchedule(stages, pace.Poisson, 7, pace.Segment{}))
	if sigma := (float64(len(list)) - 50_000) / math.Sqrt(50_000); math.Abs(sigma) > 3 {
		t.Errorf("%d arrivals, %v sigma from 50000", len(list), sigma)
	}
	// Given their number, arrivals are independent with a density that goes as the rate.
	at := make([]float64, len(list))
	for i, a := range list {
		at[i] = a.At.Seconds() / 100
	}
	if d := kolmogorov(at, func(x float64) float64 { return x * x }); d > 1.63/math.Sqrt(float64(len(at))) {
		t.Errorf("arrivals do not follow the ramp: Kolmogorov-Smirnov %v", d)
	}
}

// kolmogorov is the largest distance between the distribution of the values and one that is known.
func kolmogorov(values []float64, cdf func(float64) float64) float64 {
	slices.Sort(values)
	worst, n := 0.0, float64(len(values))
	for i, v := range values {
		f := cdf(v)
		worst = max(worst, math.Abs(f-float64(i)/n), math.Abs(f-float64(i+1)/n))
	}
	return worst
}

func TestSegmentsPartitionTheSchedule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stages, of := drawStages(t), rapid.IntRange(1, 7).Draw(t, "of")
		pattern := rapid.SampledFrom([]pace.Pattern{pace.Uniform, pace.Poisson}).Draw(t, "pattern")
		seed := rapid.Uint64().Draw(t, "seed")
		var parts []pace.Arrival
		for i := range of {
			parts = append(parts, all(pace.NewSchedule(stages, pattern, seed, pace.Segment{Index: i, Of: of}))...)
		}
		slices.SortFunc(parts, func(a, b pace.Arrival) int { return int(a.Index - b.Index) })
		if diff := cmp.Diff(all(pace.NewSchedule(stages, pattern, seed, pace.Segment{})), parts); diff != "" {
			t.Fatal(diff)
		}
	})
}

func BenchmarkSchedule(b *testing.B) {
	for name, pattern := range map[string]pace.Pattern{"uniform": pace.Uniform, "poisson": pace.Poisson} {
		b.Run(name, func(b *testing.B) {
			s := pace.NewSchedule([]pace.Stage{{From: 1e6, To: 2e6, For: 1000 * time.Hour}}, pattern, 1, pace.Segment{})
			b.ReportAllocs()
			for b.Loop() {
				s.Next()
			}
		})
	}
}
