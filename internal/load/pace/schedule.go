package pace

import (
	"math"
	"math/rand/v2"
	"time"
)

// Schedule is the arrivals of a run in order. It needs no memory for them: it is an iterator. Not safe for concurrent
// use.
type Schedule struct {
	stages  []Stage
	pattern Pattern
	segment Segment

	stage   int           // the one that the next arrival is in, if it has as many
	start   time.Duration // of that stage
	before  float64       // the integral of the rate up to its start
	next    int64         // index of the next arrival of the run as a whole
	reached float64       // Poisson: the integral of the rate at the arrival before it
	random  rand.PCG
}

// NewSchedule returns the schedule of the stages one after the other, from the run's zero. The same arguments give the
// same arrivals. Of a segment it returns the arrivals k with k mod Of == Index, at the times they have in the whole.
func NewSchedule(stages []Stage, pattern Pattern, seed uint64, segment Segment) *Schedule {
	return &Schedule{stages: stages, pattern: pattern, segment: segment, random: *rand.NewPCG(seed, 0x70617373726967)}
}

// Next returns the next arrival; ok is false at the end.
func (s *Schedule) Next() (a Arrival, ok bool) {
	for {
		k := s.next
		s.next++
		mine := s.segment.Of <= 1 || k%int64(s.segment.Of) == int64(s.segment.Index)
		target := float64(k)
		if s.pattern == Poisson {
			s.reached += s.gap()
			target = s.reached
		}
		if !mine {
			continue
		}
		at, ok := s.reach(target)
		if !ok {
			s.next = k // and again: the end stays the end
			return Arrival{}, false
		}
		return Arrival{Index: k, At: at, Stage: s.stage}, true
	}
}

// gap is exponential with mean 1. [rand.Rand.ExpFloat64] is no part of what Go promises to keep.
func (s *Schedule) gap() float64 {
	return -math.Log1p(-float64(s.random.Uint64()>>11) / (1 << 53))
}

// rounding is what a sum of rates may be off by, in arrivals.
const rounding = 1e-6

// reach returns when the integral of the rate is target. Targets have to ascend.
func (s *Schedule) reach(target float64) (at time.Duration, ok bool) {
	for ; s.stage < len(s.stages); s.stage++ {
		stage := &s.stages[s.stage]
		x, seconds := target-s.before, stage.For.Seconds()
		if total := (stage.From + stage.To) / 2 * seconds; x >= total-rounding {
			s.start += stage.For
			s.before += total
			continue
		}
		x = max(x, 0)
		// The solution of from·t + (to-from)/(2·for)·t² = x that does not cancel.
		slope := (stage.To - stage.From) / seconds
		root := math.Sqrt(max(stage.From*stage.From+2*slope*x, 0))
		t := 0.0
		if x > 0 {
			t = 2 * x / (stage.From + root)
		}
		return s.start + min(time.Duration(math.Round(t*1e9)), stage.For), true
	}
	return 0, false
}

// Length is how long the stages take together.
func (s *Schedule) Length() time.Duration {
	var length time.Duration
	for i := range s.stages {
		length += s.stages[i].For
	}
	return length
}

// Rate is the number of iterations per second that is asked for at a time, of this segment.
func (s *Schedule) Rate(t time.Duration) float64 {
	for i := range s.stages {
		stage := &s.stages[i]
		if t < stage.For {
			return (stage.From + (stage.To-stage.From)*t.Seconds()/stage.For.Seconds()) / float64(max(s.segment.Of, 1))
		}
		t -= stage.For
	}
	return 0
}
