// Command client logs in, or registers users, for a while in one of several ways, to be compared with
// passrig. What it did is its last line, as JSON.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// settings are the command line's.
type settings struct {
	way, what, origin, recording, name string
	workers                            int
	duration                           time.Duration
}

// work is something done over and over. The names that it is given are all different.
type work func(name string) error

// open returns what makes the work of each worker.
func open(s settings) (func(name string) (work, error), error) {
	switch s.way {
	case "virtualwebauthn":
		return ceremonies(s, overNetHTTP(s)), nil
	case "floor-nethttp":
		return replay(s, overNetHTTP(s))
	case "floor-fasthttp":
		return replay(s, overFastHTTP(s))
	}
	return nil, fmt.Errorf("no way %q", s.way)
}

func run(args []string, stdout io.Writer) error {
	var s settings
	flags := flag.NewFlagSet("client", flag.ContinueOnError)
	flags.StringVar(&s.way, "way", "", "virtualwebauthn, floor-nethttp or floor-fasthttp")
	flags.StringVar(&s.what, "what", "login", "login or registration")
	flags.StringVar(&s.origin, "origin", "", "the relying party's `ORIGIN`")
	flags.StringVar(&s.recording, "recording", "", "`FILE` with the requests of the floors")
	flags.StringVar(&s.name, "name", "user", "what usernames begin with")
	flags.IntVar(&s.workers, "workers", 16, "how many at a time")
	flags.DurationVar(&s.duration, "for", time.Second, "how long")
	if err := flags.Parse(args); err != nil {
		return err
	}
	hire, err := open(s)
	if err != nil {
		return err
	}
	t := &tally{}
	end := time.Now().Add(s.duration)
	var all sync.WaitGroup
	for i := range s.workers {
		name := fmt.Sprintf("%s-%d", s.name, i)
		do, err := hire(name)
		if err != nil {
			return err
		}
		all.Go(func() { t.add(repeat(do, name, end)) })
	}
	all.Wait()
	return json.NewEncoder(stdout).Encode(t)
}

// repeat works until the end, and returns how often, and why it stopped before that.
func repeat(do work, name string, end time.Time) (done int64, err error) {
	for time.Now().Before(end) {
		if err := do(fmt.Sprintf("%s-%d", name, done)); err != nil {
			return done, err
		}
		done++
	}
	return done, nil
}

// tally is what was done.
type tally struct {
	mu      sync.Mutex
	Done    int64  `json:"done"`
	Failed  int64  `json:"failed"`
	Failure string `json:"failure,omitempty"` // the first
}

func (t *tally) add(done int64, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Done += done
	if err != nil {
		t.Failed++
		if t.Failure == "" {
			t.Failure = err.Error()
		}
	}
}
