package load

import (
	"bytes"
	"os"
	"runtime/metrics"
	"strconv"
)

// peakRSS is the most memory, in bytes, that this process has had at a time. Where the system does not tell it, it is
// what Go has asked for.
func peakRSS() int64 {
	// Not ru_maxrss: on Linux it begins with the size of whatever program this one was started from.
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		if n, ok := kibibytes(status, "VmHWM:"); ok {
			return n << 10
		}
	}
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64()) //nolint:gosec // far below 2^63
}

// kibibytes finds a line such as "VmHWM:	   14532 kB".
func kibibytes(status []byte, name string) (int64, bool) {
	for line := range bytes.Lines(status) {
		if rest, ok := bytes.CutPrefix(line, []byte(name)); ok {
			fields := bytes.Fields(rest)
			if len(fields) == 0 {
				return 0, false
			}
			n, err := strconv.ParseInt(string(fields[0]), 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}
