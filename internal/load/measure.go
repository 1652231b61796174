package load

import (
	"context"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/passrig/passrig/internal/load/fleet"
	"github.com/passrig/passrig/internal/load/journey"
	"github.com/passrig/passrig/internal/load/ledger"
	"github.com/passrig/passrig/internal/load/pace"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
)

// measurement is a stretch of load with a ledger, and a time, of its own.
type measurement struct {
	load   *Load
	ledger *ledger.Ledger
	clock  pace.Clock
	zero   time.Duration  // of its time, since the load's
	phases []ledger.Phase // in the order they begin
	totals []int64        // iterations of each; 0: nobody knows
	tally  pace.Tally
	before time.Duration // processor time that the process had taken when the measured phases began
	cpu    time.Duration // and that they took
	ended  time.Duration

	stop  *stop         // of this stretch only
	abort *stop         // what a crossed threshold ends that says abort; nil: nothing
	drain time.Duration // how long what is under way at the end is waited for
	most  int64         // a probe ends when more than this is due or under way; 0: nobody looks

	runner  atomic.Pointer[runner] // under way
	entered atomic.Int32           // phases that have begun
	mu      sync.Mutex             // guards the beginning of phases, and players
	players [2][]*journey.Player   // of users and of newcomers, by worker
}

// runner starts iterations.
type runner interface {
	Run(ctx context.Context, soft <-chan struct{}, job pace.Job) pace.Tally
	Progress() pace.Progress
}

// since is a clock with a later zero.
type since struct {
	pace.Clock
	zero time.Duration
}

// Now implements [pace.Clock].
func (c since) Now() time.Duration { return c.Clock.Now() - c.zero }

// SleepUntil implements [pace.Clock].
func (c since) SleepUntil(ctx context.Context, t time.Duration) error {
	return c.Clock.SleepUntil(ctx, t+c.zero)
}

// newMeasurement begins now or, if something has gone before, at the next whole second, so that its seconds are seconds
// of the run too, and no one else's.
func (l *Load) newMeasurement(ctx context.Context) *measurement {
	m := &measurement{load: l, stop: newStop(), drain: l.Plan.Drain}
	if now := l.clock.Now(); now > negligible || len(l.out.Series) > 0 {
		m.zero = now.Truncate(time.Second) + time.Second
		_ = l.clock.SleepUntil(ctx, m.zero) // an error is the end of ctx, and then nothing begins
	}
	m.clock = since{l.clock, m.zero}
	m.ledger = ledger.New(ledger.Config{Operations: l.program.Operations(), Journeys: l.program.Journeys(), Timeout: l.Plan.Timeout})
	return m
}

// negligible is a shift of the series that nobody sees.
const negligible = 50 * time.Millisecond

// pick says what arrival number index does, and who does it. For registered users both depend on the seed and the number
// alone, so that all segments together do what one process would.
func (l *Load) pick(index int64) (chosen int, user int64) {
	total := 0
	for _, j := range l.Plan.Journeys {
		total += j.Weight
	}
	at := int(mix(l.Seed^uint64(index)) % uint64(total)) //nolint:gosec // an index is never negative, and a sum of weights is above 0
	for i, j := range l.Plan.Journeys {
		if at -= j.Weight; at < 0 {
			chosen = i
			break
		}
	}
	users := l.usersOf(chosen)
	if users == l.newcomers {
		index = reserved + l.met.Add(1) - 1 // never the same twice, also in the next stretch of the load
	}
	return chosen, index % users.Count()
}

// reserved are the first newcomers, who try the journeys out.
const reserved = 1 << 10

// usersOf are the users of a journey.
func (l *Load) usersOf(journey int) *fleet.Fleet {
	if l.program.Newcomer(journey) && journey != l.program.Prepare() {
		return l.newcomers
	}
	return l.fleet
}

// mix spreads neighboring numbers over all 64 bits: the finalizer of splitmix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// open plays stages by the clock.
func (m *measurement) open(ctx context.Context, stages []scenarios.LoadStage, pattern string) {
	l := m.load
	list := make([]pace.Stage, len(stages))
	var at time.Duration
	segments := float64(max(l.cfg.Wishes.Segment.Of, 1))
	for i, s := range stages {
		list[i] = pace.Stage{Name: s.Name, From: s.From, To: s.To, For: s.For, Measured: s.Measured}
		total := math.Round((s.From + s.To) / 2 * s.For.Seconds() / segments)
		m.plan(ledger.Phase{Name: s.Name, Start: at, FromRate: s.From / segments, ToRate: s.To / segments, Measured: s.Measured}, int64(total))
		at += s.For
	}
	m.plan(ledger.Phase{Name: drainName, Start: at}, 0)
	spacing := pace.Uniform
	if pattern == scenarios.Poisson {
		spacing = pace.Poisson
	}
	m.enter(0)
	defer m.watch(ctx)()
	m.perform(ctx, &pace.Open{
		Clock: m.clock, Schedule: pace.NewSchedule(list, spacing, l.Seed, l.cfg.Wishes.Segment),
		MaxInFlight: l.Plan.MaxInFlight, Drain: m.drain,
		Over:      m.over,
		Unstarted: func(a pace.Arrival) { m.enter(a.Stage); m.ledger.Unstarted(a.At) },
	}, m.play)
	m.end()
}

// perform runs a runner to its end.
func (m *measurement) perform(ctx context.Context, r runner, job pace.Job) {
	m.runner.Store(&r)
	m.tally = r.Run(ctx, m.stop.soft, job)
	if m.before > 0 {
		m.cpu = cpuTime() - m.before
	}
	m.runner.Store(nil)
}

// drainName is the phase after the last that was planned, in which what is under way ends.
const drainName = "drain"

// closed lets virtual users play, first to warm up and then to be measured.
func (m *measurement) closed(ctx context.Context, plan *scenarios.ClosedPlan, warmUp time.Duration) {
	l := m.load
	vus := share(plan.VUs, l.cfg.Wishes.Segment)
	var loops []pace.ClosedLoop
	if warmUp > 0 {
		loops = append(loops, pace.ClosedLoop{For: warmUp})
		m.plan(ledger.Phase{Name: "warm-up", VUs: vus}, 0)
	}
	loops = append(loops, pace.ClosedLoop{For: plan.For, Iterations: plan.Iterations})
	m.plan(ledger.Phase{Name: "hold", VUs: vus, Measured: true}, plan.Iterations)
	m.plan(ledger.Phase{Name: drainName}, 0)
	m.start(0, m.clock.Now())
	m.enter(0)
	defer m.watch(ctx)()
	loops[len(loops)-1].Over = func() { m.over(m.clock.Now()) }
	for i := range loops {
		if i > 0 && m.stop.asked(ctx) {
			break
		}
		loop := &loops[i]
		loop.Clock, loop.VUs, loop.Segment, loop.Drain = m.clock, vus, l.cfg.Wishes.Segment, m.drain
		start := m.clock.Now()
		if i > 0 {
			m.start(i, start)
			m.enter(i)
		}
		m.perform(ctx, loop, func(ctx context.Context, worker int, a pace.Arrival) {
			a.Stage = i
			m.play(ctx, worker, a)
		})
	}
	m.end()
}

// share is a segment's part of n things.
func share(n int, s pace.Segment) int {
	if s.Of == 0 {
		return n
	}
	return n*(s.Index+1)/s.Of - n*s.Index/s.Of
}

// play performs one iteration.
func (m *measurement) play(ctx context.Context, worker int, a pace.Arrival) {
	m.enter(a.Stage)
	m.ledger.Start(a.At)
	chosen, user := m.load.pick(a.Index)
	it, samples := m.player(worker, chosen).Play(ctx, chosen, user, a.At)
	m.ledger.Record(samples, it)
}

// plan adds a phase, before any begins.
func (m *measurement) plan(p ledger.Phase, total int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.phases = append(m.phases, p)
	m.totals = append(m.totals, total)
}

// phase is the phase with a number.
func (m *measurement) phase(n int) ledger.Phase {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.phases[n]
}

// start sets the time at which a phase begins, where it is not known before.
func (m *measurement) start(n int, at time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.phases[n].Start = at
}

// enter begins the phases up to and with a stage, before anything of it is recorded.
func (m *measurement) enter(stage int) {
	if int(m.entered.Load()) > stage {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for n := int(m.entered.Load()); n <= stage; n++ {
		if m.phases[n].Measured && m.before == 0 {
			m.before = cpuTime()
		}
		m.ledger.Begin(m.phases[n])
		m.entered.Store(int32(n + 1)) //nolint:gosec // a load has few stages
	}
}

// over begins the drain, and before it the phases that began before that time without anything due.
func (m *measurement) over(at time.Duration) {
	last := len(m.phases) - 1
	for n := int(m.entered.Load()); n < last && m.phase(n).Start < at; n++ {
		m.enter(n)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.phases[last].Start = at
	m.ledger.Begin(m.phases[last])
	m.entered.Store(int32(last + 1)) //nolint:gosec // a load has few stages
}

// end ends the last phase.
func (m *measurement) end() {
	m.ended = m.clock.Now()
	m.ledger.End(m.ended)
	for _, p := range slices.Concat(m.players[:]...) {
		if p != nil {
			p.Close()
		}
	}
}

// player is the worker's own for a journey.
func (m *measurement) player(worker, chosen int) *journey.Player {
	users := m.load.usersOf(chosen)
	list := &m.players[0]
	if users == m.load.newcomers {
		list = &m.players[1]
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for worker >= len(*list) {
		*list = append(*list, nil)
	}
	if (*list)[worker] == nil {
		player := m.load.program.NewPlayer(worker, m.load.client, users, m.clock)
		player.WantsExample = m.ledger.WantsExample
		(*list)[worker] = player
	}
	return (*list)[worker]
}

// fill puts what the measurement found into the result.
func (m *measurement) fill(out *report.LoadRun) error {
	if err := m.ledger.Fill(out); err != nil {
		return err
	}
	if n := len(out.Phases) - 1; n >= 0 && out.Phases[n].Name == drainName && out.Phases[n].DurationMS <= millis(negligible) {
		out.Phases = out.Phases[:n]
	}
	for i := range out.Phases {
		out.Phases[i].StartMS += millis(m.zero)
	}
	for i := range out.Series {
		out.Series[i].Second += int(m.zero / time.Second)
	}
	out.Generator.Workers = m.tally.MaxWorkers
	out.Generator.CPUSeconds = m.cpu.Seconds()
	return nil
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
