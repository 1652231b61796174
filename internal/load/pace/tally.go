package pace

import (
	"fmt"
	"time"

	"github.com/passrig/passrig/report"
)

// Progress is how far a runner has come.
type Progress struct {
	Scheduled int64 // arrivals that were due so far
	Started   int64
	Ended     int64 // Started - Ended are in flight
	Queued    int64 // due and waiting for a slot
}

// Tally is what a runner did.
type Tally struct {
	Scheduled  int64 // arrivals that were due; of a closed model, Started
	Started    int64
	Finished   int64 // by themselves, whatever came of them
	Censored   int64 // cut off. Started = Finished + Censored
	MaxWorkers int   // most iterations at a time

	// Slots is the limit of iterations at a time, 0 of a closed model. Queued arrivals found all of them in use.
	Slots  int
	Queued int64

	// Late is how late the generator itself was in the measured stages. An arrival that found a free slot counts from when it was due until its
	// job began. One that found none counts until that was noticed, at a wake-up meant for it: what it waits for then is
	// an iteration in flight, which is the relying party's to end.
	Late report.Metric
}

const (
	// tolerableLate and tolerableShare (of the median time of an answer) bound how late iterations may begin by the
	// generator's fault at the 99th percentile; the larger counts.
	tolerableLate  = time.Millisecond
	tolerableShare = 0.05
	// offeredShare of what was due has to be started.
	offeredShare = 0.999
)

// Limited says in one sentence why the figures are the generator's and not the relying party's, or nothing when it kept
// up. Options is the median time of the relying party's answer to a ceremony's first request.
func (t *Tally) Limited(options time.Duration) string {
	late := time.Duration(t.Late.P99)
	tolerable := max(tolerableLate, time.Duration(tolerableShare*float64(options)))
	switch {
	case late > tolerable:
		return fmt.Sprintf("iterations began up to %v late (99th percentile) although nothing held them up but this machine; %v is tolerable",
			round(late), round(tolerable))
	case t.Queued > 0 || t.offered():
		return ""
	default:
		return fmt.Sprintf("%d of %d iterations that were due never began", t.Scheduled-t.Started, t.Scheduled)
	}
}

func (t *Tally) offered() bool { return float64(t.Started) >= offeredShare*float64(t.Scheduled) }

// Unplayed says in one sentence that no slot came free for much of what was due, or nothing when one did: the relying
// party did not end what was in flight.
func (t *Tally) Unplayed() string {
	if t.Queued == 0 || t.offered() {
		return ""
	}
	return fmt.Sprintf("%d of %d iterations that were due never began: all %d slots were in use until the end",
		t.Scheduled-t.Started, t.Scheduled, t.Slots)
}

// Bound says in one sentence that arrivals had to wait for a free slot, or nothing when none had to. That is no fault of
// the generator, and the waits are in the latencies; but only who reads them knows whether the relying party should have
// been asked by more users at a time.
func (t *Tally) Bound() string {
	if t.Queued == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d iterations found all %d slots in use when they were due; their wait for one is part of the latencies",
		t.Queued, t.Scheduled, t.Slots)
}

// round leaves three digits.
func round(d time.Duration) time.Duration {
	unit := time.Duration(1)
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit)
}
