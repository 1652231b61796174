package openmetrics

import "github.com/passrig/passrig/report"

// Iterations are the counts of a load's measured phases, under way or after it.
func Iterations(c report.LoadCounts, labels ...Label) []Family {
	counter := func(name, help string, n int64) Family {
		return Family{Name: name, Type: Counter, Help: help, Samples: []Sample{{Suffix: "_total", Labels: labels, Value: float64(max(n, 0))}}}
	}
	return []Family{
		counter("passrig_iterations_scheduled", "Iterations of measured phases that were due.", c.Scheduled),
		counter("passrig_iterations_started", "Iterations of measured phases that have begun.", c.Started),
		counter("passrig_iterations_finished", "Iterations of measured phases that ended with every step as expected.", c.Finished),
		counter("passrig_iterations_failed", "Iterations of measured phases with a step not as expected.", c.Failed),
		counter("passrig_iterations_censored", "Iterations of measured phases that were still under way at the end.", c.Censored),
	}
}

// load is what a load has besides durations.
func (v *view) load() []Family {
	l := v.run.Load
	if l == nil {
		return nil
	}
	asked, answered := l.Rates()
	families := append(Iterations(l.Counts, v.target),
		v.gauge("passrig_load_asked_rate", "", "Iterations per second that were due in the measured phases.", asked),
		v.gauge("passrig_load_answered_rate", "", "Iterations per second that ended with every step as expected while the measured phases lasted.", answered),
		v.gauge("passrig_load_generator_limited", "", "1 when the generator could not keep up, so that no latency is claimed.", truth(l.Limited())),
		v.operations(l))
	if l.Limit != nil {
		families = append(families, v.gauge("passrig_load_limit_rate", "", "Highest rate that was found to keep the thresholds, in iterations per second; 0 when none did.", l.Limit.Rate))
	}
	return families
}

func (v *view) operations(l *report.LoadRun) Family {
	f := Family{Name: "passrig_operations", Type: Counter, Help: "Operations of measured phases by how they ended, and whether that was expected."}
	seen := map[[4]string]int{}
	for _, o := range l.Outcomes {
		key := [4]string{valid(o.Journey), valid(o.Operation), valid(o.Class), map[bool]string{true: "yes", false: "no"}[o.Expected]}
		at, known := seen[key]
		if !known {
			at, seen[key] = len(f.Samples), len(f.Samples)
			f.Samples = append(f.Samples, Sample{Suffix: "_total", Labels: []Label{
				v.target, {"journey", key[0]}, {"operation", key[1]}, {"class", key[2]}, {"expected", key[3]},
			}})
		}
		f.Samples[at].Value += float64(max(o.Count, 0))
	}
	return f
}
