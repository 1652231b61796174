package report_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/passrig/passrig/report"
)

// The runs of this file are loads: load is one that went well, load-mixed one with journeys of which some went wrong,
// load-limited one that was interrupted and whose generator could not keep up, and load-limit a search for the highest
// rate. The tests of every writer find them in testdata/runs, by golden.LoadRuns.

const loadFile = "examples/load/login.yaml"

// loadScribe builds a run of a load from made-up samples, the same ones every time.
type loadScribe struct {
	*scribe
	random *rand.Rand
	load   *report.LoadRun
	of     map[string]int64                 // among how many a counter counts
	times  map[report.LoadOutcome][]float64 // by outcome without its figures, ns
	second map[int]*report.LoadSecond
	sums   map[int][4]float64 // sums of the phases of each second, and how many
	spread map[int][]float64  // latencies that ended in each second, ns
	lags   map[int][]float64
	late   int64 // iterations that ended after their phase, for the next
}

func newLoadScribe(name, title string, seed uint64) *loadScribe {
	s := &loadScribe{
		scribe: newScribe(name, seed), random: rand.New(rand.NewPCG(seed, 1)), of: map[string]int64{},
		times: map[report.LoadOutcome][]float64{}, second: map[int]*report.LoadSecond{}, sums: map[int][4]float64{},
		spread: map[int][]float64{}, lags: map[int][]float64{},
	}
	s.begin("login", title, loadFile, "", "load")
	s.load = &report.LoadRun{
		Model: report.LoadOpen, Connections: report.ConnectionsKeepAlive, Transport: "HTTP/1.1", Signing: "ES256, pooled nonces",
		Users:     report.LoadUsers{Count: 2000, Source: "derived", Enrolled: 2000},
		Generator: report.LoadGenerator{Workers: 9, CPUSeconds: 0.21, PeakRSS: 31 << 20},
	}
	s.run.Load = s.load
	return s
}

// attempt is one operation that is about to be made up.
type attempt struct {
	journey, operation, class string
	expected                  bool
	example                   string
	options, client, result   float64 // ms, at the median
	wait                      float64 // ms before it begins
}

// phase plays a stretch at a steady or rising rate. play makes up what the iteration k does.
func (s *loadScribe) phase(name string, from, to float64, span time.Duration, measured bool, play func(k int) []attempt) *report.LoadPhase {
	p := report.LoadPhase{Name: name, StartMS: s.now, DurationMS: ms(span), FromRate: from, ToRate: to, Measured: measured}
	p.Done, s.late = s.late, 0 // what the phase before left
	seconds := span.Seconds()
	n := int(math.Round((from + to) / 2 * seconds))
	for k := range n {
		x := (float64(k) + 0.5) / float64(n)
		if to != from { // invert the integral of a rate that goes in a straight line
			x = (math.Sqrt(from*from+(to*to-from*from)*x) - from) / (to - from)
		}
		s.iteration(&p, s.now+x*p.DurationMS, play(k))
	}
	s.now += p.DurationMS
	s.load.Phases = append(s.load.Phases, p)
	return &s.load.Phases[len(s.load.Phases)-1]
}

func ms(d time.Duration) float64 { return float64(d) / 1e6 }

// iteration records one iteration that was due at a time, in ms since the start.
func (s *loadScribe) iteration(p *report.LoadPhase, due float64, attempts []attempt) {
	counts := []*report.LoadCounts{&p.Counts}
	if p.Measured {
		counts = append(counts, &s.load.Counts)
	}
	at, failed := due, false
	s.at(due).Asked++
	s.at(due).Started++
	for _, a := range attempts {
		wait := a.wait
		if wait == 0 {
			wait = 0.12 * s.noise()
		}
		phases := [3]float64{a.options * s.noise(), a.client, a.result * s.noise()}
		if a.class == "timeout" {
			phases = [3]float64{5000}
		}
		total := phases[0] + phases[1] + phases[2] + wait
		s.operation(p, a, wait, at+total, total, phases)
		at += total
		if !a.expected {
			failed = true
			break
		}
	}
	for _, c := range counts {
		c.Scheduled++
		c.Started++
		if failed {
			c.Failed++
		} else {
			c.Finished++
		}
	}
	if failed {
		s.at(at).Failed++
	} else {
		s.done(p, at)
		s.at(at).Finished++
		if p.Measured {
			s.observe(report.MetricIteration, at-due)
		}
	}
	for t := math.Ceil(due / 1000); t*1000 < at; t++ {
		s.at(t*1000-1).InFlight++
	}
}

// done counts an iteration of a phase in that which lasts at its end: it, or the next.
func (s *loadScribe) done(p *report.LoadPhase, at float64) {
	if at < p.StartMS+p.DurationMS {
		p.Done++
		return
	}
	s.late++
}

func (s *loadScribe) operation(p *report.LoadPhase, a attempt, wait, end, total float64, phases [3]float64) {
	second := int(end / 1000)
	s.spread[second] = append(s.spread[second], total*1e6)
	s.lags[second] = append(s.lags[second], wait*1e6)
	if a.class == "accepted" {
		sum := s.sums[second]
		s.sums[second] = [4]float64{sum[0] + phases[0], sum[1] + phases[1], sum[2] + phases[2], sum[3] + 1}
	}
	if !p.Measured {
		return
	}
	key := report.LoadOutcome{Journey: a.journey, Operation: a.operation, Class: a.class, Expected: a.expected, Example: a.example}
	s.times[key] = append(s.times[key], total*1e6)
	s.observe(report.LoadMetric(a.journey, a.operation, report.PartAll), total)
	s.observe(report.MetricLag, wait)
	accepted, failed := int64(0), int64(0)
	if a.class == "accepted" {
		accepted = 1
	}
	if !a.expected {
		failed = 1
	}
	if a.class == "accepted" && a.options > 0 { // a ceremony
		for i, part := range []string{report.PhaseOptions, report.PhaseClient, report.PhaseResult} {
			s.observe(report.LoadMetric(a.journey, a.operation, part), phases[i])
		}
	}
	if a.class == "accepted" && a.expected {
		s.observe(report.LoadMetric(a.journey, a.operation, report.PhaseTotal), total)
	}
	s.count(report.LoadMetric(a.journey, a.operation, report.PartAccepted), accepted)
	s.count(report.LoadMetric(a.journey, a.operation, report.PartFailed), failed)
}

// observe records a duration given in ms.
func (s *loadScribe) observe(name string, ms float64) {
	s.recorder.Observe(name, time.Duration(ms*1e6))
}

func (s *loadScribe) count(name string, n int64) {
	s.recorder.Count(name, n)
	s.of[name]++
}

// noise is around 1, and seldom much more. It is rounded so that it is the same on every machine.
func (s *loadScribe) noise() float64 {
	return math.Round(1000*math.Exp(0.35*s.random.NormFloat64())) / 1000
}

func (s *loadScribe) at(ms float64) *report.LoadSecond {
	i := int(ms / 1000)
	if s.second[i] == nil {
		s.second[i] = &report.LoadSecond{Second: i}
	}
	return s.second[i]
}

// judged adds the step of a phase to the run, and counts the time it took.
func (s *loadScribe) judged(action, title string, from float64, edit func(*report.Step)) {
	now := s.now
	s.now = from
	s.step(action, title, now-from, edit)
	s.now = now
}

func (s *loadScribe) limit(text string, line int) {
	rule, err := report.ParseThreshold(text)
	if err != nil {
		panic(err)
	}
	s.run.Metrics = s.metrics()
	result := rule.Judge(s.run)
	result.Scenario, result.File, result.Line = s.scenario, s.file, line
	s.run.Thresholds = append(s.run.Thresholds, result)
}

func (s *loadScribe) metrics() map[string]report.Metric {
	metrics := s.recorder.Metrics()
	for name, of := range s.of {
		m := metrics[name]
		m.Of = of
		metrics[name] = m
	}
	c := s.load.Counts
	metrics[report.MetricFailed] = report.Metric{Unit: report.UnitCount, Count: c.Failed, Of: c.Started}
	metrics[report.MetricCensored] = report.Metric{Unit: report.UnitCount, Count: c.Censored, Of: c.Started}
	return metrics
}

// end makes series and outcomes of what was recorded.
func (s *loadScribe) end() *report.Run {
	for key, times := range s.times {
		key.Count, key.P50, key.P99 = int64(len(times)), percentile(times, 50), percentile(times, 99)
		s.load.Outcomes = append(s.load.Outcomes, key)
	}
	slices.SortFunc(s.load.Outcomes, func(a, b report.LoadOutcome) int {
		return slices.Compare([]string{a.Journey, a.Operation, a.Class}, []string{b.Journey, b.Operation, b.Class})
	})
	for i, second := range s.second {
		if times := s.spread[i]; len(times) > 0 {
			second.P50, second.P90 = percentile(times, 50), percentile(times, 90)
			second.P99, second.Max = percentile(times, 99), slices.Max(times)
			second.LagP99 = percentile(s.lags[i], 99)
		}
		if sum := s.sums[i]; sum[3] > 0 {
			second.Options, second.Client, second.Result = math.Round(sum[0]/sum[3]*1e6), math.Round(sum[1]/sum[3]*1e6), math.Round(sum[2]/sum[3]*1e6)
		}
		s.load.Series = append(s.load.Series, *second)
	}
	slices.SortFunc(s.load.Series, func(a, b report.LoadSecond) int { return a.Second - b.Second })
	if lag, ok := s.metrics()[report.MetricLag]; ok {
		s.load.Generator.LagP50, s.load.Generator.LagP99, s.load.Generator.LagMax = lag.P50, lag.P99, lag.Max
	}
	run := s.scribe.end()
	run.Metrics = s.metrics()
	run.Scenarios[0].DurationMS = s.now
	return run
}

// percentile is the smallest value that at least so many of a hundred do not exceed, in whole ns.
func percentile(values []float64, p float64) float64 {
	slices.Sort(values)
	return math.Round(values[max(int(math.Ceil(p/100*float64(len(values))))-1, 0)])
}

// enroll is the preparation that the runs have in common.
func (s *loadScribe) enroll() {
	const users = 2000
	from := s.now
	p := report.LoadPhase{Name: "prepare", StartMS: from, DurationMS: users * 1.9, VUs: 16}
	p.Counts = report.LoadCounts{Scheduled: users, Started: users, Finished: users}
	s.load.Phases = append(s.load.Phases, p)
	s.now += p.DurationMS
	s.judged("prepare", fmt.Sprintf("prepare: register %d users", users), from, nil)
}

func login(options, result float64) attempt {
	return attempt{operation: "login", class: "accepted", expected: true, options: options, client: 0.04, result: result}
}

func loadRun() *report.Run {
	s := newLoadScribe("login", "Sign in with a passkey, 50 times a second", 20261122)
	s.enroll()
	from := s.now
	play := func(int) []attempt { return []attempt{login(2.1, 4.2)} }
	s.phase("ramp", 0, 50, 4*time.Second, false, play)
	s.phase("warm-up", 50, 50, 3*time.Second, false, play)
	s.phase("hold", 50, 50, 20*time.Second, true, play)
	s.judged("load", "load: 50/s for 20s", from, nil)
	s.limit("login.total.p95 < 300ms", 31)
	s.limit("load.failed.rate < 1%", 32)
	return s.end()
}

func loadMixedRun() *report.Run {
	s := newLoadScribe("journeys", "Log in, look, sign up, and try a wrong key", 7)
	s.load.Connections, s.load.Transport, s.load.Signing = report.ConnectionsPerUser, "HTTP/2, TLS 1.3", "ES256 8, EdDSA 1, fresh"
	s.load.Segment = "1/2"
	s.load.Generator.Workers, s.load.Generator.CPUSeconds, s.load.Generator.PeakRSS = 64, 3.4, 58<<20
	s.enroll()
	from := s.now
	stage := 0
	play := func(k int) []attempt {
		slow := 1 + float64(stage)*1.5
		a := login(6*slow, 11*slow)
		switch {
		case k%13 == 12:
			return []attempt{{
				journey: "wrong-key", operation: "login", class: "rejected", expected: true, options: 6 * slow, client: 0.04, result: 4 * slow,
			}}
		case k%9 == 8:
			r := attempt{journey: "newcomer", operation: "register", class: "accepted", expected: true, options: 7 * slow, client: 0.06, result: 14 * slow}
			if stage == 2 && k%5 == 0 {
				r.class, r.expected = "server-error", false
				r.example = `POST /register/result: status 500, "could not serialize access due to concurrent update"`
			}
			return []attempt{r}
		case stage == 2 && k%11 == 0:
			a.class, a.expected, a.options, a.result = "timeout", false, 1, 0
			a.example = "POST /login/result: no answer within 5s; a user's answer <script>alert(1)</script> came too late"
		case stage == 2 && k%17 == 0:
			a.class, a.expected, a.example = "throttled", false, "POST /login/options: status 429, Retry-After: 2"
		}
		a.journey = "login"
		look := attempt{journey: "login", operation: "whoami", class: "accepted", expected: true, result: 2 * slow}
		return []attempt{a, look}
	}
	s.phase("stage 1", 10, 30, 8*time.Second, true, play)
	stage = 1
	s.phase("stage 2", 30, 30, 8*time.Second, true, play)
	stage = 2
	s.phase("stage 3", 30, 90, 8*time.Second, true, play)
	s.phase("drain", 0, 0, 5*time.Second, false, nil)
	s.judged("load", "load: 3 stages up to 90/s", from, nil)
	s.limit("login.login.total.p95 < 100ms", 41)
	s.limit("login.login.failed.rate < 1%", 42)
	s.limit("newcomer.register.total.p99 < 2s", 43)
	s.limit("load.failed.rate < 10%", 44)
	return s.end()
}

func loadLimitedRun() *report.Run {
	s := newLoadScribe("login", "Sign in with a passkey, as often as it goes", 99)
	s.run.Partial, s.run.Aborted = true, "interrupted by the user after 12s"
	s.load.Generator = report.LoadGenerator{
		Limited: "the start of iterations lagged 340ms behind at the 99th percentile, and only 80.9% of what was due began",
		Workers: 1000, CPUSeconds: 11.7, PeakRSS: 212 << 20,
	}
	s.enroll()
	from := s.now
	s.phase("ramp", 0, 80, 2*time.Second, false, func(int) []attempt { return []attempt{login(3, 6)} })
	hold := s.phase("hold", 64, 64, 10*time.Second, true, func(k int) []attempt {
		a := login(3, 6)
		a.wait = 20 + float64(k)*0.4
		return []attempt{a}
	})
	hold.FromRate, hold.ToRate = 80, 80
	for _, c := range []*report.LoadCounts{&hold.Counts, &s.load.Counts} {
		c.Scheduled += 160 // of which most never began
		c.Started += 7
		c.Censored += 7
	}
	s.judged("load", "load: 80/s for 1m", from, func(step *report.Step) {
		step.Verdict = report.VerdictError
		step.Message = "generator-limited: passrig could not keep up, so nothing can be told about the relying party"
		step.Hint = "ask for less, or give passrig more of the machine"
	})
	s.limit("login.total.p95 < 300ms", 31)
	s.limit("load.failed.rate < 1%", 32)
	return s.end()
}

func loadLimitRun() *report.Run {
	s := newLoadScribe("login", "How many logins a second it bears", 5)
	s.enroll()
	from := s.now
	limit := &report.LoadLimit{Rate: 187.5, Bounded: "200/s: login.total.p95 < 300ms: 412ms"}
	for i, rate := range []float64{50, 100, 200, 150, 175, 187.5} {
		verdict, message, options, result := report.VerdictPass, "", 2+rate/50, 4+rate/25
		if rate >= 200 {
			verdict, message, options, result = report.VerdictFail, "login.total.p95 < 300ms: 412ms", 90, 140
		}
		play := func(int) []attempt { return []attempt{login(options, result)} }
		s.phase("settle", rate, rate, time.Second, false, play)
		p := s.phase(fmt.Sprintf("probe %d", i+1), rate, rate, 2*time.Second, rate == limit.Rate, play)
		point := report.LoadPoint{
			Rate: rate, Achieved: float64(p.Counts.Finished) / 2 * 0.998, P50: (options + result) * 1e6, P95: (options + result) * 1.8e6,
			P99: (options + result) * 2.3e6, LagP99: 0.24e6, Verdict: verdict, Message: message,
		}
		limit.Points = append(limit.Points, point)
	}
	limit.Points = append(limit.Points, report.LoadPoint{
		Rate: 193.75, Achieved: 171, LagP99: 31e6, Verdict: report.VerdictError, Message: "the generator could not keep up",
	})
	s.load.Limit = limit
	s.judged("load", "load: find the limit between 50/s and 20000/s", from, func(step *report.Step) {
		step.Message = "the highest rate that keeps the thresholds is 187.5/s"
	})
	return s.end()
}
