//go:build unix

package pace_test

import (
	"context"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/passrig/passrig/internal/load/pace"
)

func cpu() time.Duration {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// BenchmarkOpen starts jobs that do nothing, on one processor: what is left is what it takes to start them.
func BenchmarkOpen(b *testing.B) {
	for name, rate := range map[string]float64{"200": 200, "2000": 2000, "20000": 20_000, "behind": 1e9} {
		b.Run(name, func(b *testing.B) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
			length := time.Duration(float64(b.N) / rate * 1e9)
			open := &pace.Open{Clock: pace.NewClock(time.Now()), Schedule: steady(rate, length), MaxInFlight: 1000, Drain: time.Minute}
			b.ReportAllocs()
			before := cpu()
			tally := open.Run(b.Context(), nil, func(context.Context, int, pace.Arrival) {})
			b.ReportMetric(float64(cpu()-before)/float64(tally.Started), "cpu-ns/arrival")
			b.ReportMetric(tally.Late.P50/1e3, "late-p50-µs")
			b.ReportMetric(tally.Late.P99/1e3, "late-p99-µs")
		})
	}
}
