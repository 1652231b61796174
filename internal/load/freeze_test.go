//go:build unix

package load_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/passrig/passrig/internal/demorp"
	"github.com/passrig/passrig/internal/load"
)

// serveVariable makes the test's program a relying party, so that there is a process that can be stopped.
const serveVariable = "PASSRIG_TEST_SERVE"

func TestMain(m *testing.M) {
	if os.Getenv(serveVariable) == "" {
		os.Exit(m.Run())
	}
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve serves a relying party that anybody can register at, until standard input ends.
func serve() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	origin := "http://" + strings.Replace(listener.Addr().String(), "127.0.0.1", "localhost", 1)
	party, err := demorp.New(demorp.Config{Origins: []string{origin}})
	if err != nil {
		return err
	}
	fmt.Println(origin)
	server := &http.Server{Handler: party.Handler(), ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// TestTheRelyingPartyIsStopped freezes the relying party's process in the middle of a load. Everybody who comes
// meanwhile waits, and the waits are in the figures.
func TestTheRelyingPartyIsStopped(t *testing.T) {
	t.Parallel()
	const freeze = 2 * time.Second
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), serveVariable+"=1")
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stdin.Close(); _ = child.Wait() })
	origin, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	cfg := config(t, strings.TrimSpace(origin), oneLogin+"  users: 20\n  prepare: register\n  arrival: {rate: 50/s, hold: 4s}\n")
	frozen := make(chan error, 1)
	cfg.Events.PhaseStarted = func(p load.Phase) {
		if p.Name == "hold" {
			go func() { frozen <- freezeFor(child.Process, freeze) }()
		}
	}
	run := play(t, t.Context(), cfg)
	if err := <-frozen; err != nil {
		t.Fatal(err)
	}
	if c := run.Load.Counts; c.Finished != 200 || c.Scheduled != 200 {
		t.Errorf("%+v, %v", c, outcomes(run))
	}
	m := run.Metrics["login.total"]
	if m.Max < float64(freeze)*0.9 || m.P90 < float64(freeze)/2 {
		t.Errorf("half of the arrivals met a freeze of %s, and p90 is %s, the longest %s", freeze, time.Duration(m.P90), time.Duration(m.Max))
	}
}

// freezeFor stops a process for a while, half a second from now.
func freezeFor(p *os.Process, long time.Duration) error {
	<-time.After(500 * time.Millisecond)
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	<-time.After(long)
	return p.Signal(syscall.SIGCONT)
}
