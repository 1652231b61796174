package main

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/passrig/passrig/internal/demorp"
	"github.com/passrig/passrig/report"
)

func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"passrig": main}) }

// TestScripts runs the real command line. Every file in testdata/script is a session with it.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			env.Values[askedKey{}] = &hits{}
			env.Setenv("GORACE", "atexit_sleep_ms=0") // under -race, every exit would take a second
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":    exits,
			"demorp":   startDemoRP,
			"faulty":   startFaulty,
			"freeport": freePort,
			"await":    await,
			"asked":    awaitAsked,
			"isjson":   isJSON,
			"runfile":  isRunFile,
		},
	})
}

// exits CODE PROGRAM [ARGS] runs a program that must end with that code.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("%s: exit code %d, want %d\nstdout:\n%s\nstderr:\n%s", strings.Join(args[1:], " "), got, want, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

// demorp serves a demo relying party until the script's end; its origin is $ORIGIN.
func startDemoRP(ts *testscript.TestScript, _ bool, _ []string) {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	ts.Check(err)
	_, port, err := net.SplitHostPort(listener.Addr().String())
	ts.Check(err)
	origin := "http://localhost:" + port
	party, err := demorp.New(demorp.Config{Origins: []string{origin}})
	ts.Check(err)
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: party.Handler(), ReadHeaderTimeout: time.Minute}}
	server.Start()
	ts.Defer(server.Close)
	ts.Setenv("ORIGIN", origin)
}

// freeport NAME sets $NAME to a port that nobody listens on.
func freePort(ts *testscript.TestScript, _ bool, args []string) {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	ts.Check(err)
	_, port, err := net.SplitHostPort(listener.Addr().String())
	ts.Check(err)
	ts.Check(listener.Close())
	ts.Setenv(args[0], port)
}

// await URL waits until something answers there.
func await(ts *testscript.TestScript, _ bool, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, args[0], http.NoBody)
		ts.Check(err)
		if resp, err := http.DefaultClient.Do(req); err == nil {
			ts.Check(resp.Body.Close())
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			ts.Fatalf("nothing answers at %s", args[0])
		}
	}
}

// isjson FILE wants a file, or stdout, that is one JSON value.
func isJSON(ts *testscript.TestScript, neg bool, args []string) {
	if valid := json.Valid([]byte(ts.ReadFile(args[0]))); valid == neg {
		ts.Fatalf("%s: valid JSON: %v", args[0], valid)
	}
}

// runfile FILE VERDICT [partial] wants a complete result file with that verdict.
func isRunFile(ts *testscript.TestScript, _ bool, args []string) {
	run, err := report.Load(strings.NewReader(ts.ReadFile(args[0])))
	ts.Check(err)
	if got := run.Verdict(); string(got) != args[1] {
		ts.Fatalf("%s: verdict %s, want %s", args[0], got, args[1])
	}
	if want := len(args) > 2; run.Partial != want {
		ts.Fatalf("%s: partial is %v", args[0], run.Partial)
	}
	studied := run.Fabric != nil && run.Fabric.Study != nil // which asks no relying party
	if len(run.Steps) == 0 || run.Seed == 0 || (run.Target.Origin == "") != studied || run.Tool.Name != "passrig" {
		ts.Fatalf("%s: not complete", args[0])
	}
}
