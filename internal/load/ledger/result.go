package ledger

import (
	"fmt"
	"time"

	"github.com/passrig/passrig/report"
)

// Snapshot is what is known while the load runs. Of what waits for a slot nothing is known here.
type Snapshot struct {
	Phase      string            // the last that has begun
	Counts     report.LoadCounts // of that phase
	All        report.LoadCounts // of all measured phases
	InFlight   int64             // iterations that started and have not been recorded, of all phases
	Accepted   int64             // operations of measured phases
	Unexpected map[string]int64  // operations of measured phases not as expected, by class
	Second     report.LoadSecond // the last whole second; nothing is known of what was in flight at its end
	P50, P99   time.Duration     // of the ceremonies that ended in the phase, from the intended start
	LagP99     time.Duration     // of all measured phases
	Bytes      int64             // received and sent, of all phases
}

// Snapshot holds up a Record by some 50 µs at most.
func (l *Ledger) Snapshot() Snapshot {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := Snapshot{
		Unexpected: map[string]int64{}, P50: l.recent.Percentile(50), P99: l.recent.Percentile(99),
		LagP99: l.lag.Percentile(99), Bytes: l.bytes,
	}
	for _, p := range *l.phases.Load() {
		s.Phase, s.Counts = p.Name, p.counts()
		s.InFlight += s.Counts.Lost() // nothing is, but not yet recorded
		if p.Measured {
			add(&s.All, s.Counts)
		}
	}
	for i := range l.operations {
		for class := range classCount {
			for expected, o := range l.operations[i].outcomes[class] {
				if o == nil {
					continue
				}
				if class == Accepted {
					s.Accepted += o.count
				}
				if expected == 0 {
					s.Unexpected[class.String()] += o.count
				}
			}
		}
	}
	if n := len(l.series.seconds); n > 1 {
		s.Second = l.series.at(n - 2)
	}
	return s
}

func add(sum *report.LoadCounts, c report.LoadCounts) {
	sum.Scheduled += c.Scheduled
	sum.Started += c.Started
	sum.Finished += c.Finished
	sum.Failed += c.Failed
	sum.Censored += c.Censored
}

// Metrics returns the metrics of all measured phases, by the names of [report.LoadMetric] and [report.MetricIteration]. It
// holds up a Record only while it copies what there is.
func (l *Ledger) Metrics() map[string]report.Metric {
	metrics, durations := l.copies()
	for name, h := range durations {
		metrics[name] = h.Metric()
	}
	return metrics
}

// copies are the counters, and copies of the distributions.
func (l *Ledger) copies() (map[string]report.Metric, map[string]*report.Histogram) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all report.LoadCounts
	for _, p := range *l.phases.Load() {
		if p.Measured {
			add(&all, p.counts())
		}
	}
	metrics := map[string]report.Metric{
		report.MetricFailed:   {Unit: report.UnitCount, Count: all.Failed, Of: all.Started},
		report.MetricCensored: {Unit: report.UnitCount, Count: all.Censored, Of: all.Started},
	}
	durations := make(map[string]*report.Histogram)
	put := func(name string, h *report.Histogram) {
		if h != nil && h.Count() > 0 {
			durations[name] = h.Clone()
		}
	}
	put(report.MetricIteration, l.iteration)
	put(report.MetricLag, l.lag)
	for i := range l.operations {
		op, name := &l.operations[i], l.cfg.Operations[i]
		part := func(p string) string { return report.LoadMetric(name.Journey, name.Operation, p) }
		every := report.NewHistogram()
		var accepted, failed int64
		for class := range classCount {
			for expected, o := range op.outcomes[class] {
				if o == nil || class == Interrupted {
					continue
				}
				every.Merge(o.total)
				if class == Accepted {
					accepted += o.count
				}
				if expected == 0 {
					failed += o.count
				}
			}
		}
		if o := op.outcomes[Accepted][1]; o != nil {
			put(part(report.PhaseTotal), o.total)
		}
		put(part(report.PhaseOptions), op.options)
		put(part(report.PhaseClient), op.client)
		put(part(report.PhaseResult), op.result)
		put(part(report.PartAll), every)
		metrics[part(report.PartAccepted)] = report.Metric{Unit: report.UnitCount, Count: accepted, Of: every.Count()}
		metrics[part(report.PartFailed)] = report.Metric{Unit: report.UnitCount, Count: failed, Of: every.Count()}
	}
	return metrics, durations
}

// LostError says that iterations that started are not accounted for, or more than once: a mistake in passrig, after which
// no figure can be trusted.
type LostError struct {
	Phase  string
	Counts report.LoadCounts
}

// Error returns the sentence for the result.
func (e *LostError) Error() string {
	c := &e.Counts
	return fmt.Sprintf("internal error: phase %q started %d iterations, but %d finished, %d failed and %d were cut off, which makes %d",
		e.Phase, c.Started, c.Finished, c.Failed, c.Censored, c.Finished+c.Failed+c.Censored)
}

// Fill fills Counts, Phases, Outcomes, Series and the lag of Generator, after the last job has returned. They are filled
// in even with an error, which is a [*LostError].
func (l *Ledger) Fill(run *report.LoadRun) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var lost error
	for _, p := range *l.phases.Load() {
		counts := p.counts()
		if counts.Lost() != 0 && lost == nil {
			lost = &LostError{Phase: p.Name, Counts: counts}
		}
		run.Phases = append(run.Phases, report.LoadPhase{
			Name: p.Name, StartMS: milliseconds(p.Start), DurationMS: milliseconds(p.end - p.Start),
			FromRate: p.FromRate, ToRate: p.ToRate, VUs: p.VUs, Measured: p.Measured, Counts: counts, Done: p.done,
		})
		if p.Measured {
			add(&run.Counts, counts)
		}
	}
	for i := range l.operations {
		run.Outcomes = append(run.Outcomes, l.outcomes(i)...)
	}
	run.Series = append(run.Series, l.series.all()...)
	run.Generator.LagP50, run.Generator.LagP99 = float64(l.lag.Percentile(50)), float64(l.lag.Percentile(99))
	run.Generator.LagMax = float64(l.lag.Max())
	return lost
}

// outcomes of an operation, in the order of the classes, expected ones first.
func (l *Ledger) outcomes(operation int) []report.LoadOutcome {
	var list []report.LoadOutcome
	name := l.cfg.Operations[operation]
	for class := range classCount {
		for _, expected := range []int{1, 0} {
			if o := l.operations[operation].outcomes[class][expected]; o != nil {
				list = append(list, report.LoadOutcome{
					Journey: name.Journey, Operation: name.Operation, Class: class.String(), Expected: expected == 1, Count: o.count,
					P50: float64(o.total.Percentile(50)), P99: float64(o.total.Percentile(99)), Example: o.example,
				})
			}
		}
	}
	return list
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
