// Package openmetrics writes a run as OpenMetrics text, for the textfile collector of whoever watches a relying party, and
// has the encoder for it, which a load under way is shown with too.
//
// The format is OpenMetrics 1.0, <https://prometheus.io/docs/specs/om/open_metrics_spec/>. Times are in seconds. A file
// replaces the one of the run before, so what a run counted is a gauge; only what a load also counts while it runs keeps
// the name and type that it has there. The types info and stateset are not used: the textfile collector reads the older
// text format of Prometheus, which is the same but for them.
package openmetrics

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/passrig/passrig/report"
)

const unitSeconds = "seconds"

// Write writes the run as OpenMetrics text. Every sample has the label target, which is an origin; what belongs to one
// scenario has a label scenario too, and what belongs to a matrix party, provider and facet. A threshold that could not be judged has no sample, and neither have latencies when
// the generator of a load could not keep up.
func Write(w io.Writer, run *report.Run) error {
	v := view{run: run, target: Label{"target", run.Subject().Origin}}
	if err := Encode(w, v.families()); err != nil {
		return fmt.Errorf("write OpenMetrics report: %w", err)
	}
	return nil
}

type view struct {
	run    *report.Run
	target Label
}

func (v *view) families() []Family {
	families := []Family{v.info()}
	families = append(families, v.ending()...)
	families = append(families, v.results(), v.thresholds(), v.durations())
	families = append(families, v.counters()...)
	families = append(families, v.load()...)
	return append(families, v.matrix()...)
}

func (v *view) info() Family {
	run := v.run
	labels := []Label{
		v.target,
		{"name", run.Name},
		{"rp_id", run.Subject().RPID},
		{"adapter", run.Subject().Adapter},
		{"driver", run.Driver},
		{"seed", strconv.FormatUint(run.Seed, 10)},
		{"version", run.Tool.Version},
	}
	if run.Load != nil {
		labels = append(labels, Label{"model", run.Load.Model}, Label{"connections", run.Load.Connections})
	}
	return Family{Name: "passrig_run_info", Type: Gauge, Help: "What the run was; always 1.", Samples: []Sample{{Labels: labels, Value: 1}}}
}

// ending is how and when the run as a whole ended.
func (v *view) ending() []Family {
	run := v.run
	verdicts := Family{Name: "passrig_run_verdict", Type: Gauge, Help: "1 at the verdict of the run; error is that it could not be told."}
	for _, verdict := range []report.Verdict{report.VerdictPass, report.VerdictFail, report.VerdictWarn, report.VerdictSkip, report.VerdictError} {
		verdicts.Samples = append(verdicts.Samples, Sample{Labels: []Label{v.target, {"verdict", string(verdict)}}, Value: truth(run.Verdict() == verdict)})
	}
	return []Family{
		verdicts,
		v.gauge("passrig_run_complete", "", "1 when the run came to its end, 0 when it is partial.", truth(!run.Partial)),
		v.gauge("passrig_run_start_time_seconds", unitSeconds, "When the run began, since 1970.", float64(run.At(0).UnixMilli())/1000),
		v.gauge("passrig_run_duration_seconds", unitSeconds, "How long the run took.", math.Round(run.DurationMS*1e3)/1e6),
	}
}

func (v *view) gauge(name, unit, help string, value float64) Family {
	return Family{Name: name, Type: Gauge, Unit: unit, Help: help, Samples: []Sample{{Labels: []Label{v.target}, Value: value}}}
}

// results counts verdicts. A group of results has all of them, also those that did not occur, so that a query that waits
// for a failure finds a zero.
func (v *view) results() Family {
	words := []string{"pass", "fail", "tolerated", "warn", "info", "skip", "error"}
	var order [][3]string // kind, target, scenario
	counts := map[[3]string]map[string]int{}
	for _, r := range v.run.Results() {
		if r.Kind == report.ResultRun || r.NotApplicable {
			continue
		}
		origin, scenario := v.placeOf(&r)
		key := [3]string{r.Kind, origin, scenario}
		if counts[key] == nil {
			counts[key], order = map[string]int{}, append(order, key)
		}
		word := string(r.Verdict)
		if r.Verdict == report.VerdictFail && !r.Failed() {
			word = "tolerated"
		}
		counts[key][word]++
	}
	f := Family{Name: "passrig_results", Type: Gauge, Help: "Steps, checks, thresholds and facets of cells by verdict; tolerated are failures that do not fail the run."}
	for _, key := range order {
		for _, word := range words {
			if word == "tolerated" && key[0] != report.ResultCheck {
				continue
			}
			labels := place(key[1], key[2], Label{"kind", key[0]}, Label{"verdict", word})
			f.Samples = append(f.Samples, Sample{Labels: labels, Value: float64(counts[key][word])})
		}
	}
	return f
}

// placeOf is the target and the scenario of a result, as they can be written.
func (v *view) placeOf(r *report.Result) (origin, scenario string) {
	origin = v.target.Value
	switch r.Kind {
	case report.ResultCheck:
		return valid(origin), ""
	case report.ResultCell:
		if p := v.run.Matrix.Party(r.Group); p != nil {
			origin = p.Target.Origin
		}
		return valid(origin), ""
	}
	for i := range v.run.Scenarios {
		if s := &v.run.Scenarios[i]; s.ID == r.Group && s.Target.Origin != "" {
			origin = s.Target.Origin
			break
		}
	}
	return valid(origin), valid(r.Group)
}

// place are the labels target and, if there is one, scenario, and those after them.
func place(origin, scenario string, more ...Label) []Label {
	labels := []Label{{"target", origin}}
	if scenario != "" {
		labels = append(labels, Label{"scenario", scenario})
	}
	return append(labels, more...)
}

func (v *view) thresholds() Family {
	f := Family{Name: "passrig_threshold_met", Type: Gauge, Help: "1 when a threshold was kept, 0 when it was crossed."}
	seen := map[[3]string]int{}
	for _, r := range v.run.Results() {
		if r.Kind != report.ResultThreshold || r.Verdict != report.VerdictPass && r.Verdict != report.VerdictFail {
			continue
		}
		origin, scenario := v.placeOf(&r)
		key := [3]string{origin, scenario, valid(r.Expected)}
		met := truth(r.Verdict == report.VerdictPass)
		if at, twice := seen[key]; twice {
			f.Samples[at].Value = min(f.Samples[at].Value, met)
			continue
		}
		seen[key] = len(f.Samples)
		f.Samples = append(f.Samples, Sample{Labels: place(origin, scenario, Label{"threshold", key[2]}), Value: met})
	}
	return f
}

// names are the metrics with a unit, sorted, each as it can be written once.
func (v *view) names(unit string) []string {
	var names []string
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(v.run.Metrics)) {
		if v.run.Metrics[name].Unit == unit && !seen[valid(name)] {
			seen[valid(name)], names = true, append(names, name)
		}
	}
	return names
}

func (v *view) durations() Family {
	f := Family{Name: "passrig_duration_seconds", Type: Summary, Unit: unitSeconds, Help: "What was measured, by the name it has in thresholds; quantile 0 is the least and 1 the most."}
	for _, name := range v.names(report.UnitNanoseconds) {
		m := v.run.Metrics[name]
		if m.Count <= 0 || v.run.Load.Limited() && name != report.MetricLag {
			continue
		}
		labels := []Label{v.target, {"metric", name}}
		for _, q := range []struct {
			share string
			ns    float64
		}{{"0", m.Min}, {"0.5", m.P50}, {"0.9", m.P90}, {"0.95", m.P95}, {"0.99", m.P99}, {"0.999", m.P999}, {"1", m.Max}} {
			if q.share == "0.999" && m.P999 < m.P99 { // not in older result files
				continue
			}
			f.Samples = append(f.Samples, Sample{Labels: append(slices.Clone(labels), Label{"quantile", q.share}), Value: q.ns / 1e9})
		}
		f.Samples = append(f.Samples,
			Sample{Suffix: "_count", Labels: labels, Value: float64(m.Count)},
			Sample{Suffix: "_sum", Labels: labels, Value: m.Mean * float64(m.Count) / 1e9})
	}
	return f
}

// counters are the metrics that only count, and what they are a share of.
func (v *view) counters() []Family {
	counted := Family{Name: "passrig_counted", Type: Gauge, Help: "What was counted, by the name it has in thresholds."}
	of := Family{Name: "passrig_counted_of", Type: Gauge, Help: "Among how many it was counted."}
	for _, name := range v.names(report.UnitCount) {
		m := v.run.Metrics[name]
		labels := []Label{v.target, {"metric", name}}
		counted.Samples = append(counted.Samples, Sample{Labels: labels, Value: float64(m.Count)})
		if m.Of > 0 {
			of.Samples = append(of.Samples, Sample{Labels: labels, Value: float64(m.Of)})
		}
	}
	return []Family{counted, of}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// valid is a label's value as it is written, so that no two that differ before are the same afterwards.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
