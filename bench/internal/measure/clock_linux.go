package measure

import (
	"time"

	"golang.org/x/sys/unix"
)

// processorTime reads another process's clock of processor time, which is more exact than /proc (clock_getcpuclockid(3):
// the process in the upper bits, and that of the scheduler in the lower ones).
func processorTime(pid int) (time.Duration, bool) {
	const ofScheduler = 2
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|ofScheduler), &t); err != nil { //nolint:gosec // G115: PIDs have 22 bits
		return 0, false
	}
	return time.Duration(t.Nano()), true
}
