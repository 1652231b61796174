// Package ledger keeps what happened in a load: how every operation ended and how long it took, in little memory, and turns
// it into metrics and parts of the result.
package ledger

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/passrig/passrig/report"
)

// OperationName names an operation of a journey, such as {"", "login"}.
type OperationName struct{ Journey, Operation string }

// Config says what there is to keep.
type Config struct {
	Operations []OperationName
	Journeys   []string      // {""} or empty when there is one without a name
	Timeout    time.Duration // of one operation: what timed out counts as at least this
}

// Sample is how one operation went. Times are since the run's zero.
type Sample struct {
	Operation int // index into Config.Operations
	Class     Class
	Expected  bool // the outcome is the one that the step expects
	// Ceremony says that the operation is a ceremony, so that Optioned and Signed mean something. They are 0 when it did not
	// come so far.
	Ceremony bool

	Intended time.Duration // when it should have started
	Started  time.Duration
	Optioned time.Duration // the options were answered
	Signed   time.Duration // the response was ready to send
	Finished time.Duration

	Example string // one sentence, only when not Expected and asked for by WantsExample
}

// Iteration is how one iteration went. Times are since the run's zero.
type Iteration struct {
	Journey                     int // index into Config.Journeys
	Intended, Started, Finished time.Duration
	Failed                      bool // a step was not as expected
	Censored                    bool // cut off when the run ended; then Failed is not looked at
	Bytes                       int64
}

// Phase is a stretch of the load. An iteration belongs to the phase in which it was intended to start.
type Phase struct {
	Name             string
	Start            time.Duration // since the run's zero
	FromRate, ToRate float64       // iterations per second asked for at its beginning and end; 0 of a closed model
	VUs              int           // of a closed model
	Measured         bool          // whether its samples are in the metrics; otherwise they are in the series only
}

// Ledger is safe for concurrent use.
type Ledger struct {
	cfg    Config
	phases atomic.Pointer[[]*phase]
	kept   []atomic.Uint32 // by operation: of which classes there is an example, as bits

	mu         sync.Mutex // guards what follows, and the counts of phases
	operations []operation
	iteration  *report.Histogram // of measured phases: finished ones
	lag        *report.Histogram // of measured phases
	recent     *report.Histogram // what ended since the last phase began
	bytes      int64
	series     series
}

// phase counts iterations. Started and unstarted are counted without the lock, so that nobody waits for it before a job.
type phase struct {
	Phase
	end                        time.Duration
	started, unstarted         atomic.Int64
	finished, failed, censored int64
	done                       int64 // of any phase, that finished while this one lasted
}

func (p *phase) counts() report.LoadCounts {
	started := p.started.Load()
	return report.LoadCounts{
		Scheduled: started + p.unstarted.Load(), Started: started, Finished: p.finished, Failed: p.failed, Censored: p.censored,
	}
}

// operation is what measured phases had of an operation.
type operation struct {
	outcomes                [classCount][2]*outcome // by class, and by whether it was expected
	options, client, result *report.Histogram       // of accepted and expected ceremonies; nil before the first
}

// outcome is one way in which an operation ended.
type outcome struct {
	count   int64
	total   *report.Histogram // from the intended start; empty of what was interrupted
	example string
}

// New returns an empty ledger. A phase has to begin before anything is recorded.
func New(cfg Config) *Ledger {
	l := &Ledger{
		cfg: cfg, kept: make([]atomic.Uint32, len(cfg.Operations)), operations: make([]operation, len(cfg.Operations)),
		iteration: report.NewHistogram(), lag: report.NewHistogram(), recent: report.NewHistogram(), series: newSeries(),
	}
	l.phases.Store(new([]*phase))
	return l
}

// Begin begins a phase and ends the one before. It has to be called before an iteration of the phase starts.
func (l *Ledger) Begin(p Phase) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end(p.Start)
	phases := append(slices.Clone(*l.phases.Load()), &phase{Phase: p, end: p.Start}) // readers keep the old one
	l.phases.Store(&phases)
	l.recent.Reset()
}

// End ends the last phase at a time.
func (l *Ledger) End(at time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end(at)
}

func (l *Ledger) end(at time.Duration) {
	if phases := *l.phases.Load(); len(phases) > 0 {
		last := phases[len(phases)-1]
		last.end = max(at, last.Start)
	}
}

// phaseOf is the phase of a time, such as that at which an iteration was intended to start; the first, if it was before it.
func (l *Ledger) phaseOf(at time.Duration) *phase {
	phases := *l.phases.Load()
	n := len(phases) - 1
	for n > 0 && phases[n].Start > at {
		n--
	}
	return phases[n]
}

// Start counts an iteration that starts now. Every one has to be followed by its Record: that is what
// "started = finished + failed + censored" is tested with.
func (l *Ledger) Start(intended time.Duration) { l.phaseOf(intended).started.Add(1) }

// Unstarted counts an iteration that was due and never started.
func (l *Ledger) Unstarted(intended time.Duration) {
	l.phaseOf(intended).unstarted.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.series.second(intended).asked++
}

// WantsExample says whether a sentence about an unexpected outcome would be kept: it is that of the first of each kind.
func (l *Ledger) WantsExample(operation int, class Class) bool {
	return l.kept[operation].Load()&(1<<class) == 0
}

// Record keeps everything of one iteration at once. It does not keep the slice.
func (l *Ledger) Record(samples []Sample, it Iteration) {
	p := l.phaseOf(it.Intended)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case it.Censored:
		p.censored++
	case it.Failed:
		p.failed++
	default:
		p.finished++
		l.phaseOf(it.Finished).done++
		if p.Measured {
			l.iteration.Observe(it.Finished - it.Intended)
		}
	}
	if p.Measured {
		l.lag.Observe(it.Started - it.Intended)
	}
	l.bytes += it.Bytes
	l.series.iteration(&it)
	for i := range samples {
		s := &samples[i]
		if s.Class == Interrupted { // how long it would have taken nobody knows
			if p.Measured {
				l.outcome(s)
			}
			continue
		}
		total := s.Finished - s.Intended
		if s.Class == Timeout {
			total = max(total, l.cfg.Timeout)
		}
		if s.Ceremony || s.Class > Refused {
			l.recent.Observe(total)
			l.series.ceremony(s, total)
		}
		if p.Measured {
			l.operation(s, total)
		}
	}
}

// operation records an operation of a measured phase.
func (l *Ledger) operation(s *Sample, total time.Duration) {
	l.outcome(s).total.Observe(total)
	if !s.Ceremony || !s.Expected || s.Class != Accepted {
		return
	}
	op := &l.operations[s.Operation]
	if op.options == nil {
		op.options, op.client, op.result = report.NewHistogram(), report.NewHistogram(), report.NewHistogram()
	}
	op.options.Observe(s.Optioned - s.Started)
	op.client.Observe(s.Signed - s.Optioned)
	op.result.Observe(s.Finished - s.Signed)
}

// outcome counts a sample and returns where its outcome is kept.
func (l *Ledger) outcome(s *Sample) *outcome {
	expected := 0
	if s.Expected {
		expected = 1
	}
	at := &l.operations[s.Operation].outcomes[s.Class][expected]
	if *at == nil {
		*at = &outcome{total: report.NewHistogram()}
	}
	if s.Example != "" && (*at).example == "" {
		(*at).example = s.Example
		l.kept[s.Operation].Or(1 << s.Class)
	}
	(*at).count++
	return *at
}
