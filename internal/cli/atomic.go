package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// writeFile writes a file that is either there as a whole or not at all: what stood there before
// stays until everything is on disk. What is not a regular file, such as a pipe, is written to directly.
func (e *Env) writeFile(name string, write func(io.Writer) error) error {
	return e.write(name, 0o666, write) // the user's mask decides
}

// writePrivateFile is writeFile for a file that nobody else may read.
func (e *Env) writePrivateFile(name string, write func(io.Writer) error) error {
	return e.write(name, 0o600, write)
}

func (e *Env) write(name string, mode fs.FileMode, write func(io.Writer) error) error {
	path, regular, err := destination(e.path(name))
	if err != nil {
		return err
	}
	if !regular {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(buffered(f, write), f.Close())
	}
	f, err := besides(path, mode)
	if err != nil {
		return err
	}
	err = buffered(f, write)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

func buffered(w io.Writer, write func(io.Writer) error) error {
	b := bufio.NewWriter(w)
	if err := write(b); err != nil {
		return err
	}
	return b.Flush()
}

// writable finds out, before any work is done, whether writeFile will be able to write there.
func (e *Env) writable(name string) error {
	path, regular, err := destination(e.path(name))
	if err != nil || !regular {
		return err
	}
	f, err := besides(path, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// destination follows symbolic links, so that a rename does not replace one, and says whether a
// regular file is or can be there.
func destination(path string) (string, bool, error) {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return path, true, nil
	case err != nil:
		return path, false, err
	case info.IsDir():
		return path, false, fmt.Errorf("%q is a directory", path)
	}
	return path, info.Mode().IsRegular(), nil
}

// besides makes a new file in the folder of path, with the permissions that the user's mask leaves of mode.
func besides(path string, mode fs.FileMode) (*os.File, error) {
	dir := filepath.Dir(path)
	for n := os.Getpid(); ; n++ {
		f, err := os.OpenFile(filepath.Join(dir, fmt.Sprintf(".%s.%d.tmp", filepath.Base(path), n)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("there is no folder %q", dir)
		}
		return f, err
	}
}
