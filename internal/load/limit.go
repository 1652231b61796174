package load

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
)

const (
	// convinced is how often a rate has to be too much before it is taken as too much: once can be bad luck.
	convinced = 2
	// maxProbes ends a search that luck leads round and round.
	maxProbes = 60
	// keptPace is the share of what arrives that has to end in the same time. Below it a queue grows, however good the
	// latencies of those at its head still are.
	keptPace = 0.98
	// minBacklog is a growth of the queue that says nothing, however few arrive.
	minBacklog = 10
	// probeDrain bounds how long what is left of a rate that was too much is waited for.
	probeDrain = 10 * time.Second
)

// search looks for the highest rate that keeps the thresholds: by doubling, then by halving what is left.
type search struct {
	load   *Load
	plan   *scenarios.LimitPlan
	limit  *report.LoadLimit
	kept   float64            // the highest rate that was kept; 0: none yet
	broken map[float64]int    // rates that were too much, by how often
	why    map[float64]string // and by what
	best   *probe             // of the highest rate that was kept, or the last one
}

// probe is one rate that was tried.
type probe struct {
	*measurement
	begin time.Duration
	point report.LoadPoint
	phase int // where its hold is among the result's phases

	limited string // why the break may be the generator's, in one sentence; empty: it is not
}

func (l *Load) search(ctx context.Context) {
	s := &search{load: l, plan: l.Plan.Limit, limit: &report.LoadLimit{Points: []report.LoadPoint{}}, broken: map[float64]int{}, why: map[float64]string{}}
	l.out.Limit = s.limit
	begin := l.clock.Now()
	for len(s.limit.Points) < maxProbes && !l.stop.asked(ctx) {
		rate, more := s.next()
		if !more {
			break
		}
		p := l.probe(ctx, rate, len(s.limit.Points)+1)
		p.phase = len(l.out.Phases) + 1 // after it has settled
		if err := l.append(p.measurement, false); err != nil {
			p.point.Verdict, p.point.Message = report.VerdictError, err.Error()
		}
		s.take(p)
	}
	s.bound()
	s.conclude(begin)
}

// bound says what was found, and why it is no more.
func (s *search) bound() {
	s.limit.Rate = s.kept
	switch hi := s.upper(); {
	case s.load.stop.reason() != "":
		s.limit.Bounded = "the search ended early: " + s.load.stop.reason()
	case hi > 0:
		s.limit.Bounded = fmt.Sprintf("%s: %s", report.FormatRate(hi), s.why[hi])
	case s.kept > 0:
		s.limit.Bounded = report.FormatRate(s.kept) + " is the highest rate that was tried"
	}
}

// upper is the lowest rate above the kept one that was too much; 0: none.
func (s *search) upper() float64 {
	lowest := 0.0
	for rate := range s.broken {
		if rate > s.kept && (lowest == 0 || rate < lowest) {
			lowest = rate
		}
	}
	return lowest
}

// next is the rate to try next; more is false when the search is over.
func (s *search) next() (rate float64, more bool) {
	hi := s.upper()
	switch {
	case hi == 0 && s.kept == 0:
		return s.plan.From, true
	case hi == 0:
		return min(s.kept*2, s.plan.To), s.kept < s.plan.To
	case hi <= s.plan.From, hi-s.kept <= s.plan.Precision*hi:
		return hi, s.broken[hi] < convinced
	}
	middle := round((max(s.kept, s.plan.From) + hi) / 2)
	if middle <= s.kept || middle >= hi { // rates are not told apart more finely
		return hi, s.broken[hi] < convinced
	}
	return middle, true
}

// round keeps rates readable: three digits.
func round(rate float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(rate))-2)
	return math.Round(rate/unit) * unit
}

// take learns from a probe.
func (s *search) take(p *probe) {
	s.limit.Points = append(s.limit.Points, p.point)
	rate := p.point.Rate
	if p.point.Verdict == report.VerdictPass {
		delete(s.broken, rate)
		if rate > s.kept {
			s.kept, s.best = rate, p
		}
	} else if p.point.Verdict != report.VerdictSkip { // one that was ended early says nothing
		s.broken[rate]++
		s.why[rate] = p.point.Message
	}
	if s.best == nil || s.kept == 0 {
		s.best = p
	}
	s.load.cfg.Events.note(p.sentence())
}

func (p *probe) sentence() string {
	text := fmt.Sprintf("%s: %.0f/s done", report.FormatRate(p.point.Rate), p.point.Achieved)
	if p.point.P99 > 0 {
		text += fmt.Sprintf(", p50 %s, p95 %s, p99 %s",
			report.FormatDuration(p.point.P50), report.FormatDuration(p.point.P95), report.FormatDuration(p.point.P99))
	}
	if p.point.Message != "" {
		text += ": " + p.point.Message
	}
	return text
}

// probe offers one rate: a while to settle, then the hold that it is judged by.
func (l *Load) probe(ctx context.Context, rate float64, number int) *probe {
	p := &probe{measurement: l.newMeasurement(ctx)}
	p.abort = p.stop
	p.drain = min(l.Plan.Drain, probeDrain)
	p.most = int64(max(2*rate, float64(l.Plan.MaxInFlight)))
	p.begin = p.clock.Now()
	settle := max(time.Second, min(2*time.Second, l.Plan.Limit.Hold/4).Truncate(time.Second))
	if number == 1 {
		settle = max(settle, l.Plan.WarmUp)
	}
	p.open(ctx, []scenarios.LoadStage{
		{Name: "settle", From: rate, To: rate, For: settle},
		{Name: fmt.Sprintf("probe %d", number), From: rate, To: rate, For: l.Plan.Limit.Hold, Measured: true},
	}, l.Plan.Pattern)
	if ctx.Err() != nil {
		l.stop.ask(interrupted)
	}
	p.judge(rate, settle)
	return p
}

// judge decides whether the rate was kept.
func (p *probe) judge(rate float64, settle time.Duration) {
	var part report.LoadRun
	err := p.ledger.Fill(&part)
	metrics := p.ledger.Metrics()
	total := metrics[report.MetricIteration]
	hold := p.load.Plan.Limit.Hold
	ended, asked := throughput(part.Series, int(settle/time.Second), int((settle+hold)/time.Second))
	p.point = report.LoadPoint{
		Rate: rate, Achieved: float64(ended) / hold.Truncate(time.Second).Seconds(), P50: total.P50, P95: total.P95, P99: total.P99,
		LagP99: part.Generator.LagP99, Verdict: report.VerdictPass,
	}
	if n := part.Counts.Finished + part.Counts.Failed; n > 0 {
		p.point.FailedRate = float64(part.Counts.Failed) / float64(n)
	}
	broken := p.broken(&part, metrics, ended, asked)
	switch {
	case err != nil:
		p.point.Verdict, p.point.Message = report.VerdictError, err.Error()
	case p.load.stop.reason() != "":
		p.point.Verdict, p.point.Message = report.VerdictSkip, "ended early: "+p.load.stop.reason()
	case broken == "":
		// What the generator was late is in every duration: limits that were kept all the same are kept.
	default:
		p.point.Verdict, p.point.Message = report.VerdictFail, broken
		if p.limited = p.tally.Limited(optionsMedian(metrics)); p.limited != "" {
			p.point.Verdict, p.point.Message = report.VerdictError, p.limited+"; "+broken
		}
	}
}

// broken says in one sentence what was not kept, or nothing.
func (p *probe) broken(part *report.LoadRun, metrics map[string]report.Metric, ended, asked int64) string {
	waiting := asked - ended
	switch {
	case p.stop.reason() != "":
		return p.stop.reason()
	case waiting > minBacklog && float64(ended) < keptPace*float64(asked):
		return fmt.Sprintf("a queue grew: of %d iterations that began in the hold, %d did not end in it", asked, waiting)
	case part.Counts.Finished == 0:
		return "no iteration went as expected: " + exampleOf(part)
	}
	for _, t := range p.load.thresholds(metrics, "") {
		if t.Verdict != report.VerdictPass {
			return fmt.Sprintf("%s: %s", t.Text, t.Actual)
		}
	}
	return ""
}

// throughput counts what ended and what was due in some of the seconds.
func throughput(series []report.LoadSecond, from, to int) (ended, asked int64) {
	for _, s := range series {
		if s.Second >= from && s.Second < to {
			ended += s.Finished + s.Failed
			asked += s.Asked
		}
	}
	return ended, asked
}

// conclude puts the search into the result, with the figures of the highest rate that was kept.
func (s *search) conclude(begin time.Duration) {
	l := s.load
	step := report.Step{
		Action: "load", Title: l.title(), Verdict: report.VerdictPass,
		StartMS: millis(begin), DurationMS: millis(l.clock.Now() - begin),
	}
	switch {
	case l.broke() != "":
		step.Verdict, step.Message = report.VerdictError, "ended early: "+l.broke()
	case s.best == nil, s.kept == 0 && l.stop.reason() != "":
		step.Verdict, step.Message = report.VerdictSkip, "interrupted before any rate was kept"
	case l.stop.reason() != "":
		step.Message = fmt.Sprintf("ended early (%s); %s was kept so far", l.stop.reason(), report.FormatRate(s.kept))
	case s.kept > 0:
		step.Message = fmt.Sprintf("%s was kept; %s", report.FormatRate(s.kept), s.limit.Bounded)
	default:
		step.Verdict, step.Message = s.best.point.Verdict, "even the lowest rate was too much: "+s.limit.Bounded
		step.Hint = "begin lower: load.find-limit.from"
	}
	if s.best != nil {
		if s.best.phase < len(l.out.Phases) {
			l.out.Phases[s.best.phase].Measured = true
		}
		if err := l.adopt(s.best.measurement, s.best.limited); err != nil {
			step.Verdict, step.Message = report.VerdictError, err.Error()
		}
	}
	l.addStep(step)
}
