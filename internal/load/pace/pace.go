// Package pace says when the iterations of a load start, and starts them.
//
// In the open model they start by an absolute, seeded [Schedule], whatever became of the ones before: nothing that is due
// is ever dropped or moved. What finds no free slot waits, and because an iteration is timed from its [Arrival.At], the
// wait is in the figures. In the closed model a number of virtual users play one iteration after the other.
package pace

import (
	"context"
	"time"
)

// Clock is the time of a run.
type Clock interface {
	// Now is the time since the run's zero; it never goes back, whatever happens to the time of day.
	Now() time.Duration
	// SleepUntil returns nil at t, at once when t has passed, or soon after ctx has ended with its error.
	SleepUntil(ctx context.Context, t time.Duration) error
}

// Arrival is the start of one iteration.
type Arrival struct {
	Index int64         // of the run as a whole, from 0; of all segments together
	At    time.Duration // when it is intended to start, since the run's zero. Closed model: when its virtual user was ready
	Stage int           // index into the schedule's stages
}

// Job performs one iteration and returns when it has ended, soon after ctx has. Worker is a number from 0 below the most
// that run at a time; no two jobs have the same one at a time.
type Job func(ctx context.Context, worker int, a Arrival)

// Pattern says how arrivals are spaced.
type Pattern uint8

// The patterns.
const (
	Uniform Pattern = iota // arrival k when the integral of the rate reaches k
	Poisson                // independent arrivals: exponential gaps, seeded
)

// Stage is a stretch of a schedule with a rate that goes in a straight line.
type Stage struct {
	Name     string
	From, To float64 // iterations per second at its beginning and end
	For      time.Duration
	Measured bool
}

// Segment is one of several equal parts of a run, for several processes. The zero value is the whole.
type Segment struct{ Index, Of int }
