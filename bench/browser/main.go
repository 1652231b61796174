// Command browser measures what a passkey login through passrig's browser driver costs, next to other
// ways to drive the same browser on the same relying party. Each way is a contender: a process of its
// own that is told over its standard input what to do. Rounds of all contenders take turns, so that
// whatever else the machine does meets all of them; what counts is the ratio within a round.
//
// It reads /proc, so it needs Linux. Run it with make bench-browser.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/passrig/passrig/virtual/cdp"
)

// playContender as the first argument makes this program a contender; the second is which.
const playContender = "contender"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// settings are the command line's.
type settings struct {
	self    string // this program, which plays the contenders written in Go
	root    string // of the repository
	browser string // path
	json    string // where the measurements go, if anywhere
	plan    plan
	peers   bool
}

// run is the program; args begin with its path.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	stderr = &shared{w: stderr} // contenders write there too
	if len(args) > 2 && args[1] == playContender {
		if err := play(ctx, args[2], stdin, stdout); err != nil {
			fmt.Fprintf(stderr, "%s: %v\n", args[2], err)
			return 1
		}
		return 0
	}
	s, err := parse(args, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "error:", err)
		return 2
	}
	r, err := measureAll(ctx, s, stderr)
	if err == nil {
		err = errors.Join(r.print(stdout), r.save(s.json))
	}
	if err == nil {
		err = r.faults()
	}
	if err != nil {
		fmt.Fprintln(stderr, "error:", err)
		return 1
	}
	return 0
}

func parse(args []string, stderr io.Writer) (settings, error) {
	s := settings{plan: fullPlan}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.SetOutput(stderr)
	quick := flags.Bool("quick", false, "a few seconds, to see that everything works; the figures mean nothing")
	flags.BoolVar(&s.peers, "peers", true, "Playwright and Puppeteer too; needs Node, and npm ci in bench/browser/peers")
	flags.StringVar(&s.json, "json", "", "write all measurements to this `FILE`")
	flags.StringVar(&s.root, "root", ".", "the repository's root `DIR`")
	if err := flags.Parse(args[1:]); err != nil {
		return s, err
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if *quick {
		s.plan = quickPlan
	}
	var err error
	if s.self, err = filepath.Abs(args[0]); err != nil {
		return s, err
	}
	s.browser, err = cdp.Find(exec.LookPath, os.LookupEnv)
	if missing, ok := errors.AsType[*cdp.MissingError](err); ok {
		return s, fmt.Errorf("%w; %s", err, missing.Hint())
	}
	return s, err
}

// plan is how much is measured.
type plan struct {
	rounds   int           // with each number of contexts
	slice    time.Duration // of one contender in one round
	contexts int           // at once, besides one alone
	setups   int           // contexts set up by each contender, to be timed
	crowd    int           // contexts that have to work at once
	soak     int           // logins that must not leave anything behind
	soakers  int           // contexts they are done in: few, for each to come to many
	weighed  []string      // contenders whose contexts are weighed; nil is all
}

var (
	fullPlan = plan{rounds: 12, slice: 600 * time.Millisecond, contexts: 10, setups: 15, crowd: 50, soak: 10_000, soakers: 2}
	// The smallest that goes through everything.
	quickPlan = plan{rounds: 1, slice: 100 * time.Millisecond, contexts: 2, setups: 1, crowd: 3, soak: 40, soakers: 2, weighed: []string{page}}
)

// shared lets several write to one place.
type shared struct {
	mu sync.Mutex
	w  io.Writer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(p)
}
