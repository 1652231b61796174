package cdp

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"unsafe"
)

// separate hands the pipes over as inherited handles, which Chrome wants named on Windows.
func separate(cmd *exec.Cmd, pipes []*os.File) {
	handles := make([]syscall.Handle, len(pipes))
	for i, p := range pipes {
		handles[i] = syscall.Handle(p.Fd())
		_ = syscall.SetHandleInformation(handles[i], syscall.HANDLE_FLAG_INHERIT, syscall.HANDLE_FLAG_INHERIT)
	}
	cmd.Args = append(cmd.Args, fmt.Sprintf("--remote-debugging-io-pipes=%d,%d", handles[0], handles[1]))
	cmd.SysProcAttr = &syscall.SysProcAttr{AdditionalInheritedHandles: handles, CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// killGroup ends the browser; its other processes end with it.
func killGroup(p *os.Process) { _ = p.Kill() }

var lockFileEx = syscall.NewLazyDLL("kernel32.dll").NewProc("LockFileEx")

// tryLock takes an exclusive lock if nobody has it.
func tryLock(file *os.File) (bool, error) {
	const failImmediately, exclusive, lockViolation = 1, 2, syscall.Errno(33)
	var overlapped syscall.Overlapped
	ok, _, err := lockFileEx.Call(file.Fd(), failImmediately|exclusive, 0, 1, 0, uintptr(unsafe.Pointer(&overlapped)))
	if ok == 0 && err == lockViolation { //nolint:errorlint // Call returns the bare number
		return false, nil
	}
	if ok == 0 {
		return false, err
	}
	return true, nil
}

// superuser reports whether Chrome's sandbox would refuse to run, which it does on Unix only.
func superuser() bool { return false }
