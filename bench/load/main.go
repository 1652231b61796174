// Command load measures what a passkey login costs the program that makes it: passrig load, and others that
// make the same two requests, on the same relying party. Each is a process of its own on a processor of its
// own, the relying party has another, and they take turns, so that whatever else the machine does meets all of
// them. What counts is the ratio within a round.
//
// It also measures what a simulation of passrig sync costs.
//
// It reads /proc, so it needs Linux. Run it with make bench.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
	"time"
)

// playServer as the first argument makes this program a server; see serve.
const playServer = "server"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// settings are the command line's.
type settings struct {
	self     string         // this program, which plays the servers
	passrig  []string       // the command
	peers    string         // folder of their programs
	scripts  string         // folder of k6's
	only     *regexp.Regexp // names of contestants; nil: all
	json     string         // where the measurements go, if anywhere
	markdown string         // the file whose tables are rewritten, if any
	plan     plan
}

// run is the program; args begin with its path.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) > 1 && args[1] == playServer {
		if err := serve(ctx, args[2:], stdin, stdout); err != nil {
			fmt.Fprintln(stderr, "server:", err)
			return 1
		}
		return 0
	}
	s, err := parse(args, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "error:", err)
		return 2
	}
	return report(ctx, s, stdout, stderr)
}

// report measures, and says and writes what came out.
func report(ctx context.Context, s settings, stdout, stderr io.Writer) int {
	r, err := measureAll(ctx, s, stderr)
	if r != nil { // what was measured before an error is worth minutes
		r.judge()
		err = errors.Join(err, r.print(stdout), r.save(s.json))
	}
	if err == nil {
		err = r.insert(s.markdown)
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
	bin := flags.String("bin", "bin", "`DIR` with passrig, peers/client and peers/k6")
	flags.StringVar(&s.scripts, "scripts", filepath.Join("bench", "peers", "k6"), "`DIR` with k6's scripts")
	flags.Func("only", "only contestants whose name this `REGEXP` matches", func(text string) (err error) {
		s.only, err = regexp.Compile(text)
		return err
	})
	flags.StringVar(&s.json, "json", "", "write all measurements to this `FILE`")
	flags.StringVar(&s.markdown, "markdown", "", "put the tables into this `FILE`, between its marks")
	if err := flags.Parse(args[1:]); err != nil {
		return s, err
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if *quick {
		s.plan = quickPlan
	}
	s.passrig, s.peers = []string{filepath.Join(*bin, "passrig")}, filepath.Join(*bin, "peers")
	var err error
	s.self, err = os.Executable()
	return s, err
}

// plan is how much is measured.
type plan struct {
	workers       int           // at a time, each with a connection
	rounds        int           // on the null server
	demo          int           // on the demo relying party
	registrations int           // rounds of them
	warmUp        time.Duration // of a contestant, after its first login
	window        time.Duration // in which it is measured
	slack         time.Duration // that it goes on for
	users         int64         // derived, when memory is measured
	more          int64         // and when its growth is
	crowd         int           // in flight then
	studies       []int64       // accounts of each simulation
}

var (
	fullPlan = plan{
		workers: 16, rounds: 5, demo: 3, registrations: 3, warmUp: 1500 * time.Millisecond, window: 3 * time.Second, slack: time.Second,
		users: 1_000_000, more: 3_000_000, crowd: 1000, studies: []int64{1000, 10_000, 100_000},
	}
	// The smallest that goes through everything.
	quickPlan = plan{
		workers: 4, rounds: 1, demo: 1, registrations: 1, warmUp: 50 * time.Millisecond, window: 200 * time.Millisecond, slack: time.Second,
		users: 1000, more: 5000, crowd: 20, studies: []int64{10, 100},
	}
)

// lasts is how long a contestant works, of its own accord.
func (p plan) lasts() time.Duration { return p.warmUp + p.window + p.slack }
