//go:build !linux

package pace

import (
	"runtime"
	"sync"
	"time"
)

// alarms sleep by a timer, and spin through what that may miss by. One sleeper at a time spins.
type alarms struct{ spinning sync.Mutex }

// spin is how early the timer is set.
const spin = 200 * time.Microsecond

// sleepUntil sleeps until t after zero and reports whether it could.
func (a *alarms) sleepUntil(zero time.Time, t time.Duration) bool {
	if !a.spinning.TryLock() {
		return false
	}
	defer a.spinning.Unlock()
	time.Sleep(t - time.Since(zero) - spin)
	for time.Since(zero) < t {
		runtime.Gosched()
	}
	return true
}
