// Package cli is the command line: it turns arguments into calls of the other packages, and what
// comes back into output and an exit code. It is the only package that knows the process.
package cli

import (
	"context"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/passrig/passrig/internal/term"
)

// Env is everything the command line takes from the process it runs in. A test makes its own.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	StdoutTTY      bool
	StderrTTY      bool
	LookupEnv      func(string) (string, bool)
	Now            func() time.Time
	Dir            string           // where relative paths start; empty: the process's directory
	Signals        <-chan os.Signal // interrupts; the last of two or three calls Exit
	Exit           func(code int)
	Seed           func() uint64 // a seed for a run that was given none
	Version        string        // overrides the one the Go tool recorded

	color    func(tty bool) bool // asked when something is written, since a flag decides
	stdin    func() ([]byte, error)
	commands io.Writer // standard error as it is, for workflow commands
	ask      *request  // to end by itself, if a command can
}

// request is how a command is asked to end by itself: the first signal does, instead of ending its context.
type request struct {
	mu   sync.Mutex
	made chan struct{} // nil: nobody listens
}

// listen makes the next signal close the channel that it returns.
func (r *request) listen() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.made = make(chan struct{})
	return r.made
}

// make makes the request, and says whether somebody listened who had not been asked yet.
func (r *request) make() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.made == nil {
		return false
	}
	close(r.made)
	r.made = nil
	return true
}

// seedLimit keeps a made-up seed short enough to retype and exact in every JSON reader.
const seedLimit = 1 << 40

// OSEnv is the real process. version is that of a release build, or empty.
func OSEnv(version string) *Env {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	return &Env{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		StdoutTTY: term.IsTerminal(os.Stdout), StderrTTY: term.IsTerminal(os.Stderr),
		LookupEnv: os.LookupEnv, Now: time.Now, Signals: signals, Exit: os.Exit,
		Seed: func() uint64 { return rand.Uint64N(seedLimit) }, Version: version, //nolint:gosec // a seed is printed: it is no secret
	}
}

// interruptible returns a context that the first signal ends, unless the command that runs has asked to be told first.
// The signal after that exits at once.
func (e *Env) interruptible(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(parent)
	e.ask = &request{}
	done := make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() {
		for {
			select {
			case <-e.Signals:
				switch {
				case e.ask.make():
				case ctx.Err() != nil:
					e.Exit(exitInterrupted)
				default:
					cancel()
				}
			case <-done:
				return
			}
		}
	})
	return ctx, func() {
		close(done)
		watcher.Wait()
		cancel()
	}
}

// getenv is LookupEnv for a variable whose absence means the same as emptiness.
func (e *Env) getenv(name string) string {
	v, _ := e.LookupEnv(name)
	return v
}

// path is the place of a file that the user named.
func (e *Env) path(name string) string {
	if e.Dir == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(e.Dir, name)
}

// readFile reads a file that the user named; "-" is standard input, which can be named repeatedly.
func (e *Env) readFile(name string) ([]byte, error) {
	if name == "-" {
		return e.stdin()
	}
	return os.ReadFile(e.path(name))
}
