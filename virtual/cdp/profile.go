package cdp

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	profilePrefix = "passrig-chrome-"
	lockSuffix    = ".lock"
)

// profile is the folder a browser keeps its data in, as long as it runs. Beside it lies a file that
// this process holds a lock on, which the operating system drops however the process ends: a folder
// whose lock can be had belongs to no one.
type profile struct {
	dir  string
	lock *os.File
}

// newProfile makes a profile below parent, after removing those that killed runs left there.
func newProfile(parent string) (*profile, error) {
	sweep(parent)
	for {
		lock, err := os.CreateTemp(parent, profilePrefix+"*"+lockSuffix)
		if err != nil {
			return nil, fmt.Errorf("browser profile: %w", err)
		}
		held, err := tryLock(lock)
		if err != nil {
			return nil, fmt.Errorf("browser profile: %w", errors.Join(err, lock.Close(), os.Remove(lock.Name())))
		}
		if !held || !stillThere(lock) {
			_ = lock.Close() // another run's sweep came between making and locking
			continue
		}
		dir := strings.TrimSuffix(lock.Name(), lockSuffix)
		if err := os.Mkdir(dir, 0o700); err != nil {
			return nil, fmt.Errorf("browser profile: %w", errors.Join(err, removeLock(lock)))
		}
		return &profile{dir, lock}, nil
	}
}

// remove deletes the folder, waiting a little for a dying browser to let go of it, and gives up the lock.
func (p *profile) remove() error {
	var err error
	for range 20 {
		if err = os.RemoveAll(p.dir); err == nil {
			return removeLock(p.lock)
		}
		time.Sleep(25 * time.Millisecond)
	}
	return fmt.Errorf("browser profile: %w", errors.Join(err, p.lock.Close())) // the next start removes it
}

// sweep removes the profiles that nobody holds. What cannot be removed now is left to the next start.
func sweep(parent string) {
	locks, err := filepath.Glob(filepath.Join(parent, profilePrefix+"*"+lockSuffix))
	if err != nil {
		return
	}
	for _, name := range locks {
		lock, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			continue
		}
		if held, err := tryLock(lock); err != nil || !held || !stillThere(lock) {
			_ = lock.Close()
			continue
		}
		if err := os.RemoveAll(strings.TrimSuffix(name, lockSuffix)); err != nil {
			_ = lock.Close()
			continue
		}
		_ = removeLock(lock)
	}
}

// stillThere reports whether the open file is the one that its name leads to.
func stillThere(file *os.File) bool {
	open, err := file.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(file.Name())
	return err == nil && os.SameFile(open, named)
}

func removeLock(lock *os.File) error {
	err := os.Remove(lock.Name())
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, lock.Close())
}
