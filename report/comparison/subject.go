package comparison

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/passrig/passrig/report"
)

// subject is a metric on both sides, decoded. Old and recent are of durations, was and is of counters.
type subject struct {
	name, unit  string
	old, recent timesOf
	was, is     []count
	reason      string // why nothing can be told of it, in one sentence; or what cannot
	untold      bool   // nothing can
}

// timesOf are the samples of a metric in all runs of one side, each and together.
type timesOf struct {
	runs  []sample
	whole sample
}

// count is how many of how many in one run.
type count struct{ k, of int64 }

// samples are how many a subject has on a side.
func (s *subject) samples() (old, recent int64) {
	if s.unit != report.UnitCount {
		return s.old.whole.count, s.recent.whole.count
	}
	for _, c := range s.was {
		old += c.of
	}
	for _, c := range s.is {
		recent += c.of
	}
	return old, recent
}

// intervals are how many a subject is judged by.
func (s *subject) intervals() int {
	switch {
	case s.untold:
		return 0
	case s.unit == report.UnitCount:
		return 1
	}
	return len(figures())
}

// subjects are the metrics that either side has, by name. Those of the generator itself, and of what it prepares, are
// none.
func subjects(old, recent []Input) ([]subject, error) {
	names := make(map[string]string) // to their units
	for _, in := range slices.Concat(recent, old) {
		for name, m := range in.Run.Metrics {
			if !ofGenerator(name) && (m.Count > 0 || m.Of > 0) {
				names[name] = m.Unit
			}
		}
	}
	before, whyOld := usable(old)
	after, whyNew := usable(recent)
	unusable := cmp.Or(whyOld, whyNew)
	searched := searchesDiffer(old, recent)
	var list []subject
	for _, name := range slices.Sorted(maps.Keys(names)) {
		s := subject{name: name, unit: names[name], reason: unusable}
		if s.unit == report.UnitCount {
			s.was, s.is = counts(before, name), counts(after, name)
			if unusable == "" && len(s.was)+len(s.is) == 0 { // counted, but not among how many
				continue
			}
		} else {
			var err error
			if s.old, err = times(before, name); err != nil {
				return nil, err
			}
			if s.recent, err = times(after, name); err != nil {
				return nil, err
			}
			s.reason = cmp.Or(s.reason, searched)
		}
		s.untold = s.reason != ""
		if !s.untold {
			s.few()
		}
		list = append(list, s)
	}
	return list, nil
}

// ofGenerator says whether a metric says nothing of the relying party, or is not measured.
func ofGenerator(name string) bool {
	return strings.HasSuffix(name, report.MetricLag) || ofClient(name) || !measured(name)
}

// few finds out whether there are samples enough, and whether all of them are within the range of a histogram.
func (s *subject) few() {
	least := int64(1)
	if s.unit != report.UnitCount {
		least = leastSamples
	}
	old, recent := s.samples()
	clipped := s.old.whole.clipped + s.recent.whole.clipped
	switch {
	case old == 0:
		s.reason, s.untold = "not in the old runs", true
	case recent == 0:
		s.reason, s.untold = "not in the new runs", true
	case min(old, recent) < least:
		s.reason, s.untold = fmt.Sprintf("too few samples, %d and %d", old, recent), true
	case clipped > 0:
		s.reason = fmt.Sprintf("%d samples are beyond what a histogram can hold: a percentile among them, and the mean, cannot be told", clipped)
	}
}

// usable are the runs of a side whose figures are those of the relying party, and all of it. When there are none, why says
// so.
func usable(inputs []Input) (list []Input, why string) {
	for _, in := range inputs {
		if unusable := unusable(in); unusable == "" {
			list = append(list, in)
		} else {
			why = unusable
		}
	}
	if len(list) > 0 {
		return list, ""
	}
	return nil, why
}

// unusable says why figures of a run are not compared, or nothing.
func unusable(in Input) string {
	switch run := in.Run; {
	case run.Load.Limited():
		return "the generator of " + in.Name + " could not keep up"
	case run.Partial:
		return in.Name + " is a partial run"
	case run.Load != nil && run.Load.Counts.Lost() != 0:
		return "the counts of " + in.Name + " do not add up"
	}
	return ""
}

func counts(inputs []Input, name string) []count {
	var list []count
	for _, in := range inputs {
		if m := in.Run.Metrics[name]; m.Unit == report.UnitCount && m.Of > 0 {
			list = append(list, count{k: min(max(m.Count, 0), m.Of), of: m.Of})
		}
	}
	return list
}

func times(inputs []Input, name string) (timesOf, error) {
	var runs []sample
	var parts []report.Distribution
	for _, in := range inputs {
		m := in.Run.Metrics[name]
		d, err := m.Distribution()
		if err != nil {
			return timesOf{}, &DamagedError{File: in.Name, Metric: name, Err: err}
		}
		if len(d) > 0 {
			one := newSample(d)
			one.mean, one.clipped = max(m.Mean, 1), min(max(m.Clamped, 0), one.count) // the mean is exact
			runs, parts = append(runs, one), append(parts, d)
		}
	}
	return together(runs, parts), nil
}

// together are the samples of several runs.
func together(runs []sample, parts []report.Distribution) timesOf {
	t := timesOf{runs: runs, whole: newSample(parts...)}
	sum := 0.0
	for _, s := range runs {
		sum += s.mean * float64(s.count)
		t.whole.clipped += s.clipped
	}
	t.whole.mean = sum / math.Max(1, float64(t.whole.count))
	return t
}
