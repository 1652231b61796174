package pace

import (
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// alarms are kernel timers that the runtime's poller waits for. The poller rounds its own timers to milliseconds, but
// wakes at once for a descriptor that becomes readable. A thread of its own in clock_nanosleep would be as precise while
// there is nothing to do, but has to win back a processor from the runtime, and does not give one up while it sleeps:
// with one processor and 20 000 arrivals a second, workers then start 8 ms late instead of 30 µs.
type alarms struct {
	mu   sync.Mutex
	free []*alarm
	made int
}

// maxAlarms bounds the descriptors in use; who finds none sleeps by a timer.
const maxAlarms = 64

// sleepUntil sleeps until t after zero and reports whether it could.
func (a *alarms) sleepUntil(zero time.Time, t time.Duration) bool {
	one := a.take()
	if one == nil {
		return false
	}
	err := one.sleepUntil(zero, t)
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil {
		a.made--
		_ = one.file.Close() // the error that counts is the one before
		return false
	}
	a.free = append(a.free, one)
	return true
}

func (a *alarms) take() *alarm {
	a.mu.Lock()
	defer a.mu.Unlock()
	if n := len(a.free); n > 0 {
		one := a.free[n-1]
		a.free = a.free[:n-1]
		return one
	}
	if a.made == maxAlarms {
		return nil
	}
	one, err := newAlarm()
	if err != nil {
		return nil // such as out of descriptors
	}
	a.made++
	return one
}

// alarm is a timerfd. Its file closes it when it is garbage.
type alarm struct {
	file  *os.File
	conn  syscall.RawConn
	until time.Time
	fired func(fd uintptr) bool // made once, so that a sleep does not allocate
}

func newAlarm() (*alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "timerfd")
	conn, err := file.SyscallConn()
	if err != nil {
		_ = file.Close() // the error that counts is the one before
		return nil, err
	}
	a := &alarm{file: file, conn: conn}
	a.fired = a.fire
	return a, nil
}

func (a *alarm) sleepUntil(zero time.Time, t time.Duration) error {
	a.until = zero.Add(t)
	return a.conn.Read(a.fired)
}

// fire reports whether the time has come; if not, it arms the timer, and the poller calls it again when that has expired.
// Arming resets the timer, so that nothing has to be read from it.
func (a *alarm) fire(fd uintptr) bool {
	wait := time.Until(a.until)
	if wait <= 0 {
		return true
	}
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(wait))}
	// Without the timer the sleep ends too early, which is noticed, instead of never.
	return unix.TimerfdSettime(int(fd), 0, &spec, nil) != nil
}
