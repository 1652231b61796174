package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// LoadMetric is the name of a metric of an operation: "login.total", or "checkout.login.total" of a journey's. The part
// is PhaseTotal, PhaseOptions, PartFailed, ….
func LoadMetric(journey, operation, part string) string {
	return strings.TrimPrefix(journey+"."+operation+"."+part, ".")
}

// Limited says whether the generator could not keep up, so that the measured times are not those of the relying party.
// It is false for a run without a load.
func (l *LoadRun) Limited() bool { return l != nil && l.Generator.Limited != "" }

// Lost is how many iterations that started are in none of the other counts, which nothing may explain but a mistake
// in passrig; below zero, how many were counted twice.
func (c LoadCounts) Lost() int64 { return c.Started - c.Finished - c.Failed - c.Censored }

// lost is the first such number of the measured phases together or of one phase.
func (l *LoadRun) lost() int64 {
	if l == nil {
		return 0
	}
	lost := l.Counts.Lost()
	for i := range l.Phases {
		lost = cmp.Or(lost, l.Phases[i].Counts.Lost())
	}
	return lost
}

// LoadOperation is an operation of a journey and how all its measured attempts ended.
type LoadOperation struct {
	Journey, Operation string
	Count, Unexpected  int64
}

// Operations are the operations that were measured, in the order of the outcomes.
func (l *LoadRun) Operations() []LoadOperation {
	var list []LoadOperation
	for i := range l.Outcomes {
		o := &l.Outcomes[i]
		at := slices.IndexFunc(list, func(op LoadOperation) bool { return op.Journey == o.Journey && op.Operation == o.Operation })
		if at < 0 {
			at, list = len(list), append(list, LoadOperation{Journey: o.Journey, Operation: o.Operation})
		}
		list[at].Count += o.Count
		if !o.Expected {
			list[at].Unexpected += o.Count
		}
	}
	return list
}

// Rates are the iterations per second of the measured phases: due, and finished with every step as expected while they
// lasted; what came to its end later was not answered at that rate. They are 0 when nothing was measured.
func (l *LoadRun) Rates() (asked, done float64) {
	ms := l.MeasuredMS()
	if ms == 0 {
		return 0, 0
	}
	var finished int64
	for i := range l.Phases {
		if l.Phases[i].Measured {
			finished += l.Phases[i].Done
		}
	}
	return float64(l.Counts.Scheduled) / ms * 1000, float64(finished) / ms * 1000
}

// MeasuredMS is how long the measured phases took together, in milliseconds.
func (l *LoadRun) MeasuredMS() float64 {
	ms := 0.0
	for i := range l.Phases {
		if l.Phases[i].Measured {
			ms += l.Phases[i].DurationMS
		}
	}
	return ms
}

// Offered says what was asked for: "open model, 50/s asked for, 49.9/s done, measured for 1m00s".
func (l *LoadRun) Offered() string {
	asked, done := l.Rates()
	parts := []string{l.Model + " model"}
	if l.Model == LoadClosed {
		vus := 0
		for i := range l.Phases {
			if l.Phases[i].Measured {
				vus = max(vus, l.Phases[i].VUs)
			}
		}
		parts = append(parts, fmt.Sprintf("%d users at a time", vus))
	} else if l.Limit == nil && l.MeasuredMS() > 0 {
		parts = append(parts, FormatRate(asked)+" asked for")
	}
	switch {
	case l.Limit != nil:
		return strings.Join(append(parts, fmt.Sprintf("%d rates tried", len(l.Limit.Points))), ", ")
	case l.MeasuredMS() == 0:
		return parts[0]
	}
	return strings.Join(append(parts, FormatRate(done)+" done", "measured for "+FormatMS(l.MeasuredMS())), ", ")
}

// Means says by which means it was asked: transport, connections, keys and users.
func (l *LoadRun) Means() string {
	users := fmt.Sprintf("%d %s users", l.Users.Count, l.Users.Source)
	switch {
	case l.Users.Enrolled > 0 && l.Users.Reused > 0:
		users += fmt.Sprintf(" (%d enrolled by this run, %d before)", l.Users.Enrolled, l.Users.Reused)
	case l.Users.Reused > 0:
		users += " (enrolled before)"
	case l.Users.Enrolled > 0:
		users += " (enrolled by this run)"
	}
	parts := []string{l.Transport, "connections " + l.Connections, l.Signing, users}
	if l.Segment != "" {
		parts = append(parts, "segment "+l.Segment)
	}
	return strings.Join(parts, "; ")
}

// Verdict says in one sentence what the load has shown.
func (l *LoadRun) Verdict() string {
	asked, done := l.Rates()
	c := l.Counts
	switch {
	case l.lost() != 0:
		return "Nothing can be told: iterations are missing from the counts, which is a mistake in passrig."
	case l.Limited():
		return "GENERATOR-LIMITED: passrig could not keep up with the load it was to make, so nothing is claimed about how fast the relying party is."
	case l.Limit != nil && l.Limit.Rate == 0 && !l.Limit.tooMuch():
		return strings.TrimSuffix("Whether it bears even the lowest rate could not be told. "+sentence(l.Limit.Bounded), " ")
	case l.Limit != nil && l.Limit.Rate == 0:
		return fmt.Sprintf("Even the lowest rate was too much: %s.", cmp.Or(strings.TrimSuffix(l.Limit.Bounded, "."), "no rate that was tried kept the thresholds"))
	case l.Limit != nil:
		return strings.TrimSuffix(fmt.Sprintf("It bears %s. %s", FormatRate(l.Limit.Rate), sentence(l.Limit.Bounded)), " ")
	case c.Started == 0:
		return "Nothing was measured."
	case c.Finished == 0:
		return fmt.Sprintf("None of %s went as it should.", plural(int(c.Started), "iteration"))
	case l.Model == LoadClosed:
		return fmt.Sprintf("It answered %s, with %s.", FormatRate(done), went(c))
	}
	if done > 1.005*asked {
		return fmt.Sprintf("Of the %s asked for, and of what was waiting from before, it answered %s, with %s.", FormatRate(asked), FormatRate(done), went(c))
	}
	late := ""
	if done*l.MeasuredMS()/1000 < 0.95*float64(c.Finished) {
		late = " while the load lasted and the rest after it"
	}
	return fmt.Sprintf("Of the %s asked for it answered %s%s, with %s.", FormatRate(asked), FormatRate(done), late, went(c))
}

// tooMuch says whether the rate that was tried last did not keep the thresholds. A search that was interrupted ends with
// one that was not judged.
func (l *LoadLimit) tooMuch() bool {
	n := len(l.Points)
	return n > 0 && l.Points[n-1].Verdict == VerdictFail
}

func went(c LoadCounts) string {
	if c.Finished == c.Started {
		return "every iteration as it should be"
	}
	return FormatShare(float64(c.Finished)/float64(c.Started)) + " of the iterations as they should be"
}

// sentence begins with a capital letter and ends with a full stop; nothing stays nothing.
func sentence(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + strings.TrimSuffix(s[1:], ".") + "."
}

// caveats say what makes the figures of a load worth less than they look.
func (l *LoadRun) caveats() []string {
	if l == nil {
		return nil
	}
	var out []string
	if n := l.lost(); n != 0 {
		out = append(out, fmt.Sprintf("The counts of iterations do not add up (%+d): a mistake in passrig. No figure of this run can be relied on.", -n))
	}
	if l.Limited() {
		out = append(out, "Generator-limited: "+strings.TrimSuffix(l.Generator.Limited, ".")+". No latency is claimed; "+lowerRate+".")
	}
	if n := l.Counts.Censored; n > 0 {
		out = append(out, plural(int(n), "iteration was", "iterations were")+" still under way when the run ended. How long they take is in no figure, so the figures look better than they are.")
	}
	if failed := l.unexpected(); failed > 0 {
		out = append(out, plural(int(failed), "operation")+" did not end as expected and "+isAre(failed)+" not in the latencies by phase: the outcomes, and the metrics ending in ."+PartAll+", have them.")
	}
	if l.Model == LoadClosed {
		out = append(out, "Closed model: a user waits for an answer before asking again, so a slow relying party is asked less often, and latencies look better than they would with people who arrive of their own accord.")
	}
	if l.Connections == ConnectionsKeepAlive {
		out = append(out, "Connections are shared and kept alive: a user who comes for the first time also waits for a connection, which connections: per-user measures.")
	}
	if strings.Contains(l.Signing, "pool") {
		out = append(out, "The keys of the users are for tests only: their signatures are made ahead, and fast. Remove the users before the relying party is used for anything else.")
	}
	if l.Segment != "" {
		out = append(out, "Segment "+l.Segment+" of a load only: the other segments have figures of their own.")
	}
	return out
}

func (l *LoadRun) unexpected() int64 {
	var n int64
	for _, op := range l.Operations() {
		n += op.Unexpected
	}
	return n
}

func isAre(n int64) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// check refuses what no writer could show.
func (l *LoadRun) check() error {
	if l == nil {
		return nil
	}
	if l.Model != LoadOpen && l.Model != LoadClosed {
		return &LoadError{Message: fmt.Sprintf("run file: load.model is %q", l.Model), Hint: "expected open or closed"}
	}
	negative := l.Counts.negative()
	for i := range l.Phases {
		negative = negative || l.Phases[i].DurationMS < 0 || l.Phases[i].Counts.negative()
	}
	for i := range l.Outcomes {
		negative = negative || l.Outcomes[i].Count < 0
	}
	for i, s := range l.Series {
		negative = negative || s.Second < 0 || min(s.Asked, s.Started, s.Finished, s.Failed, s.InFlight) < 0
		if i > 0 && s.Second <= l.Series[i-1].Second {
			return &LoadError{Message: fmt.Sprintf("run file: load.series[%d] is not after the second before it", i)}
		}
	}
	if negative {
		return &LoadError{Message: "run file: a count of the load is below zero"}
	}
	return nil
}

func (c LoadCounts) negative() bool {
	return min(c.Scheduled, c.Started, c.Finished, c.Failed, c.Censored) < 0
}
