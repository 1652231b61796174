package load

import "time"

// Events tell how a load goes on. They are called by one goroutine at a time, and hold it up; nil ones are left out.
type Events struct {
	PhaseStarted func(Phase)
	Progress     func(Progress) // a few times a second
	PhaseDone    func()
	Note         func(text string) // something worth a line, such as what a search has found so far
}

// Phase is a stretch of the load that begins.
type Phase struct {
	Name  string
	Total int64 // iterations; 0: nobody knows how many
}

// Progress is how far the current phase is.
type Progress struct {
	Done     int64 // iterations that have begun
	Failed   int64
	InFlight int64
	Asked    float64 // iterations per second now; 0 of a closed model
	Rate     float64 // that have ended, of the last whole second
	P50, P99 time.Duration
	LagP99   time.Duration
}

func (e *Events) started(p Phase) {
	if e.PhaseStarted != nil {
		e.PhaseStarted(p)
	}
}

func (e *Events) progress(p Progress) {
	if e.Progress != nil {
		e.Progress(p)
	}
}

func (e *Events) done() {
	if e.PhaseDone != nil {
		e.PhaseDone()
	}
}

func (e *Events) note(text string) {
	if e.Note != nil {
		e.Note(text)
	}
}
