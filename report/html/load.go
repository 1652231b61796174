package html

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/passrig/passrig/report"
)

// loadView is the section about a load.
type loadView struct {
	Unclaimed string // why no latency is claimed; said before anything else
	Sentences []string
	Figures   []figure
	Limit     *limitView
	Time      []*chart
	TimeNote  string
	Curve     *chart
	Outcomes  *outcomes
	Phases    []phaseRow
	Odd       bool // a row of counts does not add up
	Lag       *chart
	Facts     []fact
	Doubt     look // of what is not claimed

	run  *report.LoadRun
	from float64 // seconds since the run's start: what is before it is not drawn
}

// figure is a number that is read first.
type figure struct {
	Value, Name string
	Muted       bool // it is not claimed
}

func newLoadView(run *report.Run) *loadView {
	l := &loadView{run: run.Load, Doubt: lookOf(report.VerdictError)}
	if l.run == nil {
		return nil
	}
	if l.run.Limited() {
		l.Unclaimed = "No latency is claimed. " + sentence(l.run.Generator.Limited)
	}
	l.afterPreparation()
	ops := operations(run.Metrics)
	l.Sentences = []string{l.offered(), l.done()}
	l.Figures = l.figures(ops)
	if s := l.answered(ops); s != "" {
		l.Sentences = append(l.Sentences, s)
	}
	l.Limit = newLimitView(l.run, l.words())
	l.Time = l.timeCharts()
	l.Curve = newCurve(ops, l.words())
	if rate, _, _ := l.measured(); l.Curve != nil && l.Limit != nil && rate > 0 {
		l.Curve.Note += " Of the hold at " + report.FormatRate(rate) + " only."
	}
	l.Outcomes = newOutcomes(l.run.Outcomes)
	l.phases()
	l.Lag = l.lagChart()
	l.Facts = l.facts()
	return l
}

// words stand across every picture of latencies that are not claimed.
func (l *loadView) words() string {
	if l.Unclaimed == "" {
		return ""
	}
	return "not claimed: generator-limited"
}

// sentence begins with a capital letter and ends with a full stop.
func sentence(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + strings.TrimSuffix(s[size:], ".") + "."
}

// afterPreparation leaves the preparation out of the pictures: it can last longer than the load itself.
func (l *loadView) afterPreparation() {
	for _, ph := range l.run.Phases {
		if ph.Name != "prepare" {
			continue
		}
		end, ok := clean((ph.StartMS + ph.DurationMS) / 1e3)
		if ok && slices.ContainsFunc(l.run.Series, func(s report.LoadSecond) bool { return float64(s.Second) >= end }) {
			l.from = max(l.from, end)
			l.TimeNote = "The pictures begin after the preparation, which took " + report.FormatMS(ph.DurationMS) + "."
		}
	}
}

// operation is one distribution of the load: what went as expected, and all outcomes.
type operation struct {
	name       string
	total, all report.Metric
}

// operations are the distributions of ceremonies, the most frequent first.
func operations(metrics map[string]report.Metric) []operation {
	byName := make(map[string]*operation)
	at := func(name string) *operation {
		if byName[name] == nil {
			byName[name] = &operation{name: name}
		}
		return byName[name]
	}
	for metric, m := range metrics {
		if m.Unit != report.UnitNanoseconds || m.Count <= 0 {
			continue
		}
		if name, ok := strings.CutSuffix(metric, "."+report.PhaseTotal); ok && metric != report.MetricIteration {
			at(name).total = m
		} else if name, ok := strings.CutSuffix(metric, "."+report.PartAll); ok {
			at(name).all = m
		}
	}
	ops := make([]operation, 0, len(byName))
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		ops = append(ops, *byName[name])
	}
	slices.SortStableFunc(ops, func(a, b operation) int { return cmp.Compare(b.total.Count, a.total.Count) })
	return ops
}

// measured are the highest rate and the most virtual users of the phases that count, and the longest of them.
func (l *loadView) measured() (rate float64, vus int, longest report.LoadPhase) {
	for _, ph := range l.run.Phases {
		if !ph.Measured {
			continue
		}
		rate, vus = max(rate, ph.FromRate, ph.ToRate), max(vus, ph.VUs)
		if ph.DurationMS > longest.DurationMS {
			longest = ph
		}
	}
	return rate, vus, longest
}

func (l *loadView) offered() string {
	high, vus, _ := l.measured()
	users := fmt.Sprintf("%s %s users", formatCount(float64(l.run.Users.Count)), l.run.Users.Source)
	during := ""
	if ms := l.run.MeasuredMS(); ms > 0 {
		during = " within " + report.FormatMS(ms)
	}
	if l.run.Model == report.LoadClosed {
		return fmt.Sprintf("Offered: %s in a loop%s, as %s.", plural(int64(vus), "virtual user"), during, strings.TrimSpace(users))
	}
	rate := ""
	if high > 0 && l.run.Limit == nil {
		rate = " at up to " + report.FormatRate(high)
	}
	return fmt.Sprintf("Offered: %s by the clock%s%s, of %s.", plural(l.run.Counts.Scheduled, "iteration"), rate, during, users)
}

func plural(n int64, word string) string {
	if n != 1 {
		word += "s"
	}
	return formatCount(float64(n)) + " " + word
}

func (l *loadView) done() string {
	c := l.run.Counts
	if c.Started == 0 {
		return "Done: nothing was started."
	}
	s := fmt.Sprintf("Done: %s of %s started went as expected (%s)", formatCount(float64(c.Finished)), formatCount(float64(c.Started)), report.FormatShare(float64(c.Finished)/float64(c.Started)))
	if c.Failed > 0 {
		s += fmt.Sprintf(", %s failed", formatCount(float64(c.Failed)))
	}
	if c.Censored > 0 {
		s += fmt.Sprintf(", %s had no end when the run had: how long they would have taken is not in any figure", formatCount(float64(c.Censored)))
	}
	return s + "."
}

func (l *loadView) answered(ops []operation) string {
	if l.Unclaimed != "" || l.run.Limit != nil || len(ops) == 0 || ops[0].total.Count == 0 {
		return "" // a search says it of each rate that was tried
	}
	from := "from the moment it was due"
	if l.run.Model == report.LoadClosed {
		from = "from the moment the virtual user was ready"
	}
	m := ops[0].total
	return fmt.Sprintf("Answered: half of all accepted %s ceremonies took at most %s, 99 of 100 at most %s, the slowest %s, each counted %s.",
		ops[0].name, report.FormatDuration(m.P50), report.FormatDuration(m.P99), report.FormatDuration(m.Max), from)
}

func (l *loadView) figures(ops []operation) []figure {
	if l.run.Limit != nil {
		return l.limitFigures()
	}
	_, _, longest := l.measured()
	asked, done := l.run.Rates()
	name := "mean"
	if ms := longest.DurationMS; ms > l.run.MeasuredMS()/2 {
		asked, done, name = float64(longest.Counts.Scheduled)/ms*1e3, float64(longest.Done)/ms*1e3, longest.Name
	}
	var out []figure
	if l.run.Model != report.LoadClosed {
		out = append(out, figure{Value: report.FormatRate(asked), Name: "asked for, " + name})
	}
	out = append(out, figure{Value: report.FormatRate(done), Name: "done, " + name})
	if c := l.run.Counts; c.Started > 0 {
		out = append(out, figure{Value: report.FormatShare(float64(c.Failed) / float64(c.Started)), Name: "failed"})
	}
	if len(ops) > 0 && ops[0].total.Count > 0 {
		m := ops[0].total
		out = append(out, l.times(m.P50, m.P99, "of "+ops[0].name)...)
	}
	return out
}

// times are the figures that are not claimed when the generator was limited.
func (l *loadView) times(p50, p99 float64, of string) []figure {
	muted := l.Unclaimed != ""
	if muted {
		of += ", not claimed"
	}
	return []figure{{report.FormatDuration(p50), "p50 " + of, muted}, {report.FormatDuration(p99), "p99 " + of, muted}}
}

func (l *loadView) limitFigures() []figure {
	lim := l.run.Limit
	out := []figure{{Value: report.FormatRate(lim.Rate), Name: "limit found", Muted: l.Unclaimed != ""}}
	for _, p := range lim.Points {
		if p.Rate == lim.Rate && p.Verdict == report.VerdictPass {
			out = append(out, figure{Value: report.FormatShare(p.FailedRate), Name: "failed at the limit"})
			return append(out, l.times(p.P50, p.P99, "at the limit")...)
		}
	}
	return out
}

// facts are how the load was made.
func (l *loadView) facts() []fact {
	g := l.run.Generator
	all := []fact{
		{"Model", map[string]string{report.LoadOpen: "open: arrivals by the clock", report.LoadClosed: "closed: virtual users in a loop"}[l.run.Model]},
		{"Connections", l.run.Connections},
		{"Transport", l.run.Transport},
		{"Signing", l.run.Signing},
		{"Segment", l.run.Segment},
		{"Users", l.users()},
		{"Most iterations at a time", formatCount(float64(g.Workers))},
		{"Lag of the generator, p50, p99, largest", fmt.Sprintf("%s, %s, %s", report.FormatDuration(g.LagP50), report.FormatDuration(g.LagP99), report.FormatDuration(g.LagMax))},
	}
	if g.CPUSeconds > 0 {
		all = append(all, fact{"CPU of this process", report.FormatDuration(g.CPUSeconds * 1e9)})
		if n := l.run.Counts.Started; n > 0 {
			all = append(all, fact{"CPU per iteration", report.FormatDuration(g.CPUSeconds * 1e9 / float64(n))})
		}
	}
	if g.PeakRSS > 0 {
		all = append(all, fact{"Most memory of this process", formatBytes(g.PeakRSS)})
	}
	return slices.DeleteFunc(all, func(f fact) bool { return f.Value == "" })
}

func (l *loadView) users() string {
	u := l.run.Users
	s := strings.TrimSpace(formatCount(float64(u.Count)) + " " + u.Source)
	if u.Enrolled > 0 {
		s += fmt.Sprintf(", %s registered by this run", formatCount(float64(u.Enrolled)))
	}
	if u.Reused > 0 {
		s += fmt.Sprintf(", %s by an earlier one", formatCount(float64(u.Reused)))
	}
	return s
}

// phaseRow is a line of the table of counts.
type phaseRow struct {
	Name, Start, Duration, Asked string
	Cells                        []string
	Measured, Sum, Odd           bool
}

func (l *loadView) phases() {
	for _, ph := range l.run.Phases {
		row := phaseRow{
			Name: ph.Name, Start: report.FormatMS(ph.StartMS), Duration: report.FormatMS(ph.DurationMS), Asked: "–",
			Measured: ph.Measured,
		}
		switch {
		case ph.VUs > 0:
			row.Asked = plural(int64(ph.VUs), "VU")
		case ph.ToRate != ph.FromRate:
			row.Asked = formatCount(ph.FromRate) + " to " + report.FormatRate(ph.ToRate)
		case ph.ToRate > 0:
			row.Asked = report.FormatRate(ph.ToRate)
		}
		l.Phases = append(l.Phases, row.with(ph.Counts))
	}
	sum := phaseRow{Name: "All that was measured", Measured: true, Sum: true}
	l.Phases = append(l.Phases, sum.with(l.run.Counts))
	l.Odd = slices.ContainsFunc(l.Phases, func(r phaseRow) bool { return r.Odd })
}

func (r phaseRow) with(c report.LoadCounts) phaseRow {
	for _, n := range []int64{c.Scheduled, c.Started, c.Finished, c.Failed, c.Censored} {
		r.Cells = append(r.Cells, formatCount(float64(n)))
	}
	r.Odd = c.Lost() != 0
	return r
}
