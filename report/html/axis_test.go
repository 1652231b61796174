package html

import (
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/passrig/passrig/report"
)

func TestTicks(t *testing.T) {
	tests := []struct {
		name string
		axis axis
		want string
	}{
		{"amounts", amounts([]float64{3, 200}, formatCount), "0 50 100 150 200"},
		{"small amounts", amounts([]float64{.3}, formatCount), "0 0.1 0.2 0.3"},
		{"none", amounts(nil, formatCount), "0 0.2 0.4 0.6 0.8 1"},
		{"thousands", amounts([]float64{12345}, formatCount), "0 5,000 10,000 15,000"},
		{"durations alike", durations([]float64{4e6, 9e6}), "0ms 2ms 4ms 6ms 8ms 10ms"},
		{"durations apart", durations([]float64{4e6, 180e6}), "2ms 5ms 10ms 20ms 50ms 100ms 200ms"},
		{"durations far apart", durations([]float64{3e4, 45e9}), "20µs 100µs 1ms 10ms 100ms 1s 10s 50s"},
		{"a minute", seconds(0, 90), "0s 15s 30s 45s 1m00s 1m15s 1m30s"},
		{"an hour", seconds(95, 3600), "10m00s 20m00s 30m00s 40m00s 50m00s 1h00m"},
		{"a second", seconds(0, 1), "0s 1s"},
		{"a hundred samples", nines(100), "50% 90% 99%"},
		{"a million", nines(1e6), "50% 90% 99% 99.9% 99.99% 99.999% 99.9999%"},
		{"one sample", nines(1), "50% 90%"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, v := range tt.axis.ticks {
				got = append(got, tt.axis.format(v))
			}
			if s := strings.Join(got, " "); s != tt.want {
				t.Errorf("got  %s\nwant %s", s, tt.want)
			}
		})
	}
}

func TestAxesHoldTheirValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOf(rapid.OneOf(rapid.Float64(), rapid.Float64Range(1e3, 1e10))).Draw(t, "values")
		for _, a := range []axis{amounts(values, formatCount), durations(values)} {
			if !slices.IsSorted(a.ticks) || len(a.ticks) < 2 || len(a.ticks) > 40 {
				t.Fatalf("ticks %v", a.ticks)
			}
			if a.ticks[0] < a.low || a.ticks[len(a.ticks)-1] > a.high*(1+1e-9) || a.low >= a.high {
				t.Fatalf("ticks %v on an axis from %v to %v", a.ticks, a.low, a.high)
			}
			low, high := bounds(values)
			if high > a.high*(1+1e-9) || a.log && low < a.low*(1-1e-9) {
				t.Fatalf("an axis from %v to %v for values from %v to %v", a.low, a.high, low, high)
			}
			for _, v := range values {
				if at := a.at(v); !(at >= 0 && at <= 1) {
					t.Fatalf("%v stands at %v", v, at)
				}
			}
		}
	})
}

func TestLabelsDoNotMeet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newChart("x", "x", 240, seconds(0, 60), durations([]float64{1e6, 1e9}))
		for range rapid.IntRange(1, 6).Draw(t, "labels") {
			x := rapid.SampledFrom([]float64{60, 60, 30}).Draw(t, "x")
			c.name(key{Short: "p"}, point{x, rapid.Float64Range(1e6, 1e9).Draw(t, "y")})
		}
		c.separate()
		for i, a := range c.Ends {
			if a.y < plotTop || a.y > float64(c.Bottom()) {
				t.Errorf("a label stands at %v", a.y)
			}
			for _, b := range c.Ends[:i] {
				if a.x == b.x && math.Abs(a.y-b.y) < lineHeight-1e-9 {
					t.Errorf("labels at %v and %v", a.y, b.y)
				}
			}
		}
	})
}

func TestThinKeepsTotalsAndPeaks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 3000).Draw(t, "seconds")
		all := make([]report.LoadSecond, n)
		var asked, worst float64
		for i := range all {
			all[i] = report.LoadSecond{Second: i, Asked: int64(i % 7), P99: float64(1 + i*7919%n)}
			asked, worst = asked+float64(i%7), max(worst, all[i].P99)
		}
		s := thin(all, 0, mostPoints)
		if len(s.moments) > mostPoints {
			t.Fatalf("%d points", len(s.moments))
		}
		var sum, peak float64
		for _, m := range s.moments {
			sum, peak = sum+m.asked*float64(m.seconds), max(peak, m.p99)
		}
		if math.Abs(sum-asked) > 1e-6*asked || peak != worst {
			t.Errorf("%v iterations of %v, the worst %v of %v", sum, asked, peak, worst)
		}
	})
}

func TestFormat(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 12: "12", 1234: "1,234", -1234567: "-1,234,567", .5: "0.5", 99.95: "100", 1e15: "1,000,000,000,000,000"} {
		if got := formatCount(v); got != want {
			t.Errorf("count %v: %q, want %q", v, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 B", 1536: "1.5 KiB", 31 << 20: "31 MiB", 1200 << 20: "1.2 GiB"} {
		if got := formatBytes(n); got != want {
			t.Errorf("%d bytes: %q, want %q", n, got, want)
		}
	}
}
