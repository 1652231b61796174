package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"time"
)

// The servers that there are.
const (
	nullServer = "null" // canned answers
	demoServer = "demo" // the demo relying party
)

// state is what the process of a server says, once at its start and then for every line it is sent.
type state struct {
	Origin        string `json:"origin"`
	Logins        int64  `json:"logins"`
	Registrations int64  `json:"registrations"`
}

// of is how often something was done.
func (s state) of(what string) int64 {
	if what == login {
		return s.Logins
	}
	return s.Registrations
}

// serve is a process that is a server until its input ends.
func serve(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer) error {
	flags := flag.NewFlagSet(playServer, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the error says it
	kind := flags.String("kind", nullServer, "")
	recorded := flags.String("recording", "", "")
	delay := flags.Duration("delay", 0, "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	s, err := serveKind(ctx, *kind, *recorded, *delay)
	if err != nil {
		return err
	}
	defer s.stop()
	said := json.NewEncoder(stdout)
	for asked := bufio.NewScanner(stdin); ; {
		if err := said.Encode(state{s.origin, s.counts.Logins.Load(), s.counts.Registrations.Load()}); err != nil {
			return err
		}
		if !asked.Scan() {
			return asked.Err()
		}
	}
}

// serveKind serves one of the servers. The null server answers what was recorded, each time after a delay.
func serveKind(ctx context.Context, kind, recorded string, delay time.Duration) (*server, error) {
	switch kind {
	case demoServer:
		return serveDemo(ctx)
	case nullServer:
		return serveNull(ctx, recorded, delay)
	}
	return nil, fmt.Errorf("no server %q", kind)
}
