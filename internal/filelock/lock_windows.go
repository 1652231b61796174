package filelock

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// Lock keeps every other run off the file until it is closed, or the program ends, however it does. It does not wait: of a
// file that is locked the error is [ErrInUse]. A locked range cannot be read or written by others, so it lies far behind
// what is written there.
func Lock(file *os.File) error {
	const far = 1 << 30 // times 2^32
	err := windows.LockFileEx(windows.Handle(file.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY,
		0, 1, 0, &windows.Overlapped{OffsetHigh: far})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return ErrInUse
	}
	return err
}
