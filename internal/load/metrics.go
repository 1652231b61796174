package load

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/passrig/passrig/internal/load/live"
)

// feed is what collectors of metrics are told.
type feed struct {
	load    *Load
	current atomic.Pointer[measurement]
}

func (f *feed) follow(m *measurement) { f.current.Store(m) }

// serve answers collectors until the returned function is called.
func (f *feed) serve() func() {
	if f.load.cfg.Live == nil {
		return func() {}
	}
	server := live.NewServer(f.families)
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(f.load.cfg.Live) }) // who collects notices; the load goes on
	return func() {
		_ = server.Close() // nothing is kept that could be lost
		serving.Wait()
	}
}

// families are the metrics of the measurement under way.
func (f *feed) families() []live.Family {
	l := f.load
	families := []live.Family{{
		Name: "passrig_load", Type: live.Info, Help: "What the load is.",
		Samples: []live.Sample{{Suffix: "_info", Value: 1, Labels: []live.Label{
			{Name: "origin", Value: l.Target.Origin},
			{Name: "adapter", Value: l.Target.Adapter},
			{Name: "model", Value: modelOf(l.Plan)},
			{Name: "connections", Value: l.Plan.Connections},
			{Name: "version", Value: l.cfg.Tool.Version},
		}}},
	}}
	m := f.current.Load()
	if m == nil {
		return families
	}
	s := m.ledger.Snapshot()
	number := func(name string, kind live.Type, suffix, help string, value float64) live.Family {
		return live.Family{Name: name, Type: kind, Help: help, Samples: []live.Sample{{Suffix: suffix, Value: value}}}
	}
	seconds := func(name, help string, at map[string]time.Duration) live.Family {
		family := live.Family{Name: name, Type: live.Summary, Unit: "seconds", Help: help}
		for _, q := range slices.Sorted(maps.Keys(at)) {
			family.Samples = append(family.Samples, live.Sample{Labels: []live.Label{{Name: "quantile", Value: q}}, Value: at[q].Seconds()})
		}
		return family
	}
	phases := live.Family{Name: "passrig_phase", Type: live.StateSet, Help: "The phase under way."}
	for _, p := range m.names() {
		value := 0.0
		if p == s.Phase {
			value = 1
		}
		phases.Samples = append(phases.Samples, live.Sample{Labels: []live.Label{{Name: "passrig_phase", Value: p}}, Value: value})
	}
	unexpected := live.Family{Name: "passrig_unexpected_operations", Type: live.Counter, Help: "Operations of measured phases that did not end as expected, by how they ended."}
	for _, class := range slices.Sorted(maps.Keys(s.Unexpected)) {
		unexpected.Samples = append(unexpected.Samples, live.Sample{Suffix: "_total", Labels: []live.Label{{Name: "class", Value: class}}, Value: float64(s.Unexpected[class])})
	}
	return append(families, phases,
		number("passrig_iterations_scheduled", live.Counter, "_total", "Iterations of measured phases that were due.", float64(s.All.Scheduled)),
		number("passrig_iterations_started", live.Counter, "_total", "Iterations of measured phases that have begun.", float64(s.All.Started)),
		number("passrig_iterations_finished", live.Counter, "_total", "Iterations of measured phases that ended with every step as expected.", float64(s.All.Finished)),
		number("passrig_iterations_failed", live.Counter, "_total", "Iterations of measured phases with a step not as expected.", float64(s.All.Failed)),
		number("passrig_operations_accepted", live.Counter, "_total", "Operations of measured phases that were accepted.", float64(s.Accepted)),
		unexpected,
		number("passrig_iterations_in_flight", live.Gauge, "", "Iterations under way.", float64(s.InFlight)),
		number("passrig_rate_asked", live.Gauge, "", "Iterations per second that the phase asks for now; 0 of a closed model.", m.asked()),
		seconds("passrig_operation_duration_seconds", "Duration of operations in the current phase, from their intended start.", map[string]time.Duration{"0.5": s.P50, "0.99": s.P99}),
		seconds("passrig_generator_lag_seconds", "How late iterations began.", map[string]time.Duration{"0.99": s.LagP99}),
	)
}

// names are the names of the phases, each once.
func (m *measurement) names() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for i := range m.phases {
		names = append(names, m.phases[i].Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
