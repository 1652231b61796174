package wire

import "time"

// alarm calls ring when an exchange takes too long. Its timer is not set and stopped for every exchange, which costs more
// than the rest of the bookkeeping: it runs on, and looks when it fires whether the exchange it finds is due. The
// owner's lock guards all of it.
type alarm struct {
	clock func() time.Time
	ring  func() // takes the owner's lock and asks whether it is due
	timer *time.Timer
	until time.Time // zero: nothing to watch
	fires time.Time // zero: the timer does not run
}

// set watches what must end by then; zero is never.
func (a *alarm) set(until time.Time) {
	a.until = until
	if until.IsZero() || !a.fires.IsZero() && !until.Before(a.fires) {
		return
	}
	a.fires = until
	left := until.Sub(a.clock())
	if a.timer == nil {
		a.timer = time.AfterFunc(left, a.ring)
	} else {
		a.timer.Reset(left)
	}
}

// due reports, when the timer has fired, whether the time is over.
func (a *alarm) due() bool {
	a.fires = time.Time{}
	if a.until.IsZero() {
		return false
	}
	if a.until.After(a.clock()) {
		a.set(a.until)
		return false
	}
	return true
}

func (a *alarm) stop() {
	a.until, a.fires = time.Time{}, time.Time{}
	if a.timer != nil {
		a.timer.Stop()
	}
}
