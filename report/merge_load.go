package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// mergeLoads joins the segments of a load, or returns the only load, or nil.
func mergeLoads(runs []*Run, started time.Time, metrics map[string]Metric) (*LoadRun, error) {
	var out *LoadRun
	var first *Run
	for i, run := range runs {
		if (run.Load == nil) != (runs[0].Load == nil) {
			message := "it is no load, and the runs before it are"
			if run.Load != nil {
				message = "it is a load, and the runs before it are none"
			}
			return nil, &MergeError{Index: i, Message: message, Hint: "merge the segments of a load with each other only: its figures are not to be mixed with those of scenarios that are played once"}
		}
		if run.Load == nil {
			continue
		}
		part := run.Load.later(run.Started.Sub(started))
		if out == nil {
			out, first = part, run
			continue
		}
		if err := sameLoad(first, run); err != nil {
			err.Index = i
			return nil, err
		}
		out.add(part)
		out.exact(metrics)
	}
	if first != nil && first.Load.Segment != "" {
		var err *MergeError
		if out.Segment, err = segments(runs); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// later is a copy of a load that can be added to, with times since another start.
func (l *LoadRun) later(by time.Duration) *LoadRun {
	out := *l
	out.Phases, out.Outcomes, out.Series = slices.Clone(l.Phases), slices.Clone(l.Outcomes), slices.Clone(l.Series)
	for i := range out.Phases {
		out.Phases[i].StartMS += float64(by) / 1e6
	}
	for i := range out.Series {
		out.Series[i].Second += int(math.Round(by.Seconds()))
	}
	return &out
}

func sameLoad(first, run *Run) *MergeError {
	a, b := first.Load, run.Load
	const hint = "segments are played with --segment I/N, the same --seed and the same flags; compare takes several runs of the same load"
	fail := func(format string, args ...any) *MergeError {
		return &MergeError{Message: fmt.Sprintf(format, args...), Hint: hint}
	}
	name := func(p LoadPhase) string { return p.Name }
	switch {
	case a.Segment == "" || b.Segment == "":
		return fail("it is a load of its own and not a segment of one")
	case a.Limit != nil || b.Limit != nil:
		return fail("a search for the limit cannot be merged")
	case first.Seed != run.Seed:
		return fail("its seed is %d, and that of the first segment %d", run.Seed, first.Seed)
	case a.Model != b.Model || a.Connections != b.Connections:
		return fail("its load is a %s model with connections %s, and that of the first %s with %s", b.Model, b.Connections, a.Model, a.Connections)
	case len(first.Scenarios) != 1 || len(run.Scenarios) != 1 || first.Scenarios[0].ID != run.Scenarios[0].ID:
		return fail("it is a segment of another load")
	case !slices.Equal(names(a.Phases, name), names(b.Phases, name)) && !first.Partial && !run.Partial:
		return fail("its load has other phases than the first")
	}
	return nil
}

func names[T any](list []T, name func(T) string) []string {
	var all []string
	for _, v := range list {
		all = append(all, name(v))
	}
	return all
}

// segments names those that were merged: empty when none is missing, or "1+3/4".
func segments(runs []*Run) (string, *MergeError) {
	var have []int
	of := 0
	for i, run := range runs {
		if run.Load == nil {
			continue
		}
		list, total, _ := strings.Cut(run.Load.Segment, "/")
		n, err := strconv.Atoi(total)
		if err != nil || n < 1 || of > 0 && n != of {
			return "", &MergeError{Index: i, Message: fmt.Sprintf("it is segment %q, which does not fit the others", run.Load.Segment), Hint: "merge the segments of one load"}
		}
		of = n
		for part := range strings.SplitSeq(list, "+") {
			k, err := strconv.Atoi(part)
			if err != nil || k < 1 || k > n || slices.Contains(have, k) {
				return "", &MergeError{Index: i, Message: fmt.Sprintf("segment %q is there twice, or is none", run.Load.Segment), Hint: "merge every segment once"}
			}
			have = append(have, k)
		}
	}
	if len(have) == of {
		return "", nil
	}
	slices.Sort(have)
	return strings.Join(names(have, strconv.Itoa), "+") + "/" + strconv.Itoa(of), nil
}

// add adds a segment to those before it.
func (l *LoadRun) add(part *LoadRun) {
	l.Users.Count = max(l.Users.Count, part.Users.Count) // each counts all
	l.Users.Enrolled, l.Users.Reused = l.Users.Enrolled+part.Users.Enrolled, l.Users.Reused+part.Users.Reused
	l.Counts.add(part.Counts)
	for i := range part.Phases {
		p := &part.Phases[i]
		at := slices.IndexFunc(l.Phases, func(o LoadPhase) bool { return o.Name == p.Name })
		if at < 0 {
			l.Phases = append(l.Phases, *p)
			continue
		}
		sum := &l.Phases[at]
		end := max(sum.StartMS+sum.DurationMS, p.StartMS+p.DurationMS)
		sum.StartMS = min(sum.StartMS, p.StartMS)
		if !sum.Measured { // one that is measured lasts as long in every segment, and rates are counts by its length
			sum.DurationMS = end - sum.StartMS
		} else {
			sum.DurationMS = max(sum.DurationMS, p.DurationMS)
		}
		sum.FromRate, sum.ToRate, sum.VUs, sum.Done = sum.FromRate+p.FromRate, sum.ToRate+p.ToRate, sum.VUs+p.VUs, sum.Done+p.Done
		sum.Counts.add(p.Counts)
	}
	for i := range part.Outcomes {
		l.addOutcome(&part.Outcomes[i])
	}
	l.addSeries(part.Series)
	g, o := &l.Generator, &part.Generator
	if o.Limited != "" && !strings.Contains(g.Limited, o.Limited) {
		g.Limited = strings.TrimPrefix(g.Limited+"; "+o.Limited, "; ")
	}
	g.LagP50, g.LagP99, g.LagMax = max(g.LagP50, o.LagP50), max(g.LagP99, o.LagP99), max(g.LagMax, o.LagMax)
	g.Workers, g.CPUSeconds, g.PeakRSS = g.Workers+o.Workers, g.CPUSeconds+o.CPUSeconds, g.PeakRSS+o.PeakRSS
}

func (c *LoadCounts) add(o LoadCounts) {
	c.Scheduled, c.Started = c.Scheduled+o.Scheduled, c.Started+o.Started
	c.Finished, c.Failed, c.Censored = c.Finished+o.Finished, c.Failed+o.Failed, c.Censored+o.Censored
}

// average is of two figures, weighted by of how many each is.
func average(a, b float64, n, m int64) float64 {
	if n+m == 0 {
		return max(a, b)
	}
	return (a*float64(n) + b*float64(m)) / float64(n+m)
}

func (l *LoadRun) addOutcome(o *LoadOutcome) {
	at := slices.IndexFunc(l.Outcomes, func(s LoadOutcome) bool {
		return s.Journey == o.Journey && s.Operation == o.Operation && s.Class == o.Class && s.Expected == o.Expected
	})
	if at < 0 {
		l.Outcomes = append(l.Outcomes, *o)
		return
	}
	s := &l.Outcomes[at]
	s.P50, s.P99 = average(s.P50, o.P50, s.Count, o.Count), average(s.P99, o.P99, s.Count, o.Count)
	s.Count, s.Example = s.Count+o.Count, cmp.Or(s.Example, o.Example)
}

func (l *LoadRun) addSeries(series []LoadSecond) {
	for _, o := range series {
		at, found := slices.BinarySearchFunc(l.Series, o.Second, func(s LoadSecond, second int) int { return cmp.Compare(s.Second, second) })
		if !found {
			l.Series = slices.Insert(l.Series, at, o)
			continue
		}
		s := &l.Series[at]
		n, m := s.Finished+s.Failed, o.Finished+o.Failed
		for _, pair := range [][2]*float64{
			{&s.P50, &o.P50}, {&s.P90, &o.P90}, {&s.P99, &o.P99}, {&s.Options, &o.Options}, {&s.Client, &o.Client}, {&s.Result, &o.Result},
		} {
			*pair[0] = average(*pair[0], *pair[1], n, m)
		}
		s.Max, s.LagP99 = max(s.Max, o.Max), max(s.LagP99, o.LagP99)
		s.Asked, s.Started, s.Finished = s.Asked+o.Asked, s.Started+o.Started, s.Finished+o.Finished
		s.Failed, s.InFlight = s.Failed+o.Failed, s.InFlight+o.InFlight
	}
}

// exact takes from the merged histograms what they know better than an average.
func (l *LoadRun) exact(metrics map[string]Metric) {
	for i := range l.Outcomes {
		o := &l.Outcomes[i]
		m := metrics[LoadMetric(o.Journey, o.Operation, PhaseTotal)]
		if o.Class == PartAccepted && o.Expected && m.Count == o.Count && m.Count > 0 {
			o.P50, o.P99 = m.P50, m.P99
		}
	}
	if m := metrics[MetricLag]; m.Count > 0 {
		l.Generator.LagP50, l.Generator.LagP99, l.Generator.LagMax = m.P50, m.P99, m.Max
	}
}
