package fleet

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lockFile keeps every other run off the file until it is closed. A locked range cannot be read or written by others,
// so it lies far behind the records.
func lockFile(file *os.File) error {
	const far = 1 << 30 // times 2^32
	err := windows.LockFileEx(windows.Handle(file.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY,
		0, 1, 0, &windows.Overlapped{OffsetHigh: far})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return errLocked
	}
	return err
}
