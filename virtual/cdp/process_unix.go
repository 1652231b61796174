//go:build unix

package cdp

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// separate gives the browser a process group of its own, so that an interrupt from the keyboard
// reaches it through us and all of its processes can be killed at once.
func separate(cmd *exec.Cmd, pipes []*os.File) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.ExtraFiles = pipes // descriptors 3 and 4
}

// killGroup ends the browser and everything it started.
func killGroup(p *os.Process) {
	_ = syscall.Kill(-p.Pid, syscall.SIGKILL)
}

// tryLock takes an exclusive lock if nobody has it.
func tryLock(file *os.File) (bool, error) {
	err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

// superuser reports whether Chrome's sandbox would refuse to run.
func superuser() bool { return os.Geteuid() == 0 }
