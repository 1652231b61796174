package pace

import (
	"context"
	"time"
)

// NewClock returns the clock of a run whose zero is a time read with its monotonic part, as [time.Now] does. It wakes
// its sleepers within some 100 µs where the system allows it, which the runtime's timers miss by up to a millisecond.
// Not for use under testing/synctest.
func NewClock(zero time.Time) Clock { return &preciseClock{timerClock: timerClock{zero}} }

// NewTimerClock returns a clock that sleeps by the runtime's timers. Under testing/synctest it is exact.
func NewTimerClock(zero time.Time) Clock { return timerClock{zero} }

// timerClock sleeps by the runtime's timers.
type timerClock struct{ zero time.Time }

func (c timerClock) Now() time.Duration { return time.Since(c.zero) }

func (c timerClock) SleepUntil(ctx context.Context, t time.Duration) error {
	wait := t - c.Now()
	if wait <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// preciseClock leaves the last bit of a sleep to an alarm.
type preciseClock struct {
	timerClock
	alarms alarms
}

const (
	// longSleep is what is worth a timer, which is stopped as soon as ctx ends. A shorter sleep is not interrupted: it
	// is over before anybody notices.
	longSleep = 60 * time.Millisecond
	// finalSleep is the part of a long sleep that is left to the alarm.
	finalSleep = 20 * time.Millisecond
)

func (c *preciseClock) SleepUntil(ctx context.Context, t time.Duration) error {
	if t-c.Now() > longSleep {
		if err := c.timerClock.SleepUntil(ctx, t-finalSleep); err != nil {
			return err
		}
	}
	if c.Now() < t && !c.alarms.sleepUntil(c.zero, t) {
		return c.timerClock.SleepUntil(ctx, t)
	}
	return ctx.Err()
}
