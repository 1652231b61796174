package study

import (
	"fmt"
	"runtime/metrics"
	"testing"
)

// BenchmarkStudy shows that the cost is linear in events, and that memory does not grow with accounts.
func BenchmarkStudy(b *testing.B) {
	for _, accounts := range []int64{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("accounts=%d", accounts), func(b *testing.B) {
			plan := usual(accounts, like(named(b, "microsoft-password-manager@152")))
			plan.Offline, plan.Loss = 0.05, 0.01
			events := int64(0)
			for b.Loop() {
				events += play(b, plan, 1).Fabric.Study.Events
			}
			took := b.Elapsed().Seconds()
			b.ReportMetric(float64(events)/took, "events/s")
			b.ReportMetric(took/float64(events)*1e9, "ns/event")
			b.ReportMetric(resident()/(1<<20), "MiB")
		})
	}
}

// resident is the memory that Go has from the system, in bytes.
func resident() float64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return float64(samples[0].Value.Uint64() - samples[1].Value.Uint64())
}
