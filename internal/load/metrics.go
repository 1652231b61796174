package load

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/passrig/passrig/internal/load/live"
	"github.com/passrig/passrig/report/openmetrics"
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
func (f *feed) families() []openmetrics.Family {
	l := f.load
	families := []openmetrics.Family{{
		Name: "passrig_load", Type: openmetrics.Info, Help: "What the load is.",
		Samples: []openmetrics.Sample{{Suffix: "_info", Value: 1, Labels: []openmetrics.Label{
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
	number := func(name string, kind openmetrics.Type, suffix, help string, value float64) openmetrics.Family {
		return openmetrics.Family{Name: name, Type: kind, Help: help, Samples: []openmetrics.Sample{{Suffix: suffix, Value: value}}}
	}
	seconds := func(name, help string, at map[string]time.Duration) openmetrics.Family {
		family := openmetrics.Family{Name: name, Type: openmetrics.Summary, Unit: "seconds", Help: help}
		for _, q := range slices.Sorted(maps.Keys(at)) {
			family.Samples = append(family.Samples, openmetrics.Sample{Labels: []openmetrics.Label{{Name: "quantile", Value: q}}, Value: at[q].Seconds()})
		}
		return family
	}
	phases := openmetrics.Family{Name: "passrig_phase", Type: openmetrics.StateSet, Help: "The phase under way."}
	for _, p := range m.names() {
		value := 0.0
		if p == s.Phase {
			value = 1
		}
		phases.Samples = append(phases.Samples, openmetrics.Sample{Labels: []openmetrics.Label{{Name: "passrig_phase", Value: p}}, Value: value})
	}
	unexpected := openmetrics.Family{Name: "passrig_unexpected_operations", Type: openmetrics.Counter, Help: "Operations of measured phases that did not end as expected, by how they ended."}
	for _, class := range slices.Sorted(maps.Keys(s.Unexpected)) {
		unexpected.Samples = append(unexpected.Samples, openmetrics.Sample{Suffix: "_total", Labels: []openmetrics.Label{{Name: "class", Value: class}}, Value: float64(s.Unexpected[class])})
	}
	families = append(families, phases)
	families = append(families, openmetrics.Iterations(s.All)...)
	return append(families,
		number("passrig_operations_accepted", openmetrics.Counter, "_total", "Operations of measured phases that were accepted.", float64(s.Accepted)),
		unexpected,
		number("passrig_iterations_in_flight", openmetrics.Gauge, "", "Iterations under way.", float64(s.InFlight)),
		number("passrig_rate_asked", openmetrics.Gauge, "", "Iterations per second that the phase asks for now; 0 of a closed model.", m.asked()),
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
