package load_test

import (
	"testing"
	"time"

	"github.com/passrig/passrig/report"
)

// TestTryingOutEndsInTime asks for the end while a journey that is tried out thinks for ten minutes.
func TestTryingOutEndsInTime(t *testing.T) {
	t.Parallel()
	cfg := config(t, relyingParty(t, 1, nil), `
accounts: {someone: {devices: {phone: {}}}}
steps:
  - login: {user: someone, on: phone}
  - wait: 10m
load:
  users: 1
  arrival: {rate: 1/s, hold: 1s}
  drain: 200ms
`)
	soft := make(chan struct{})
	cfg.Soft = soft
	time.AfterFunc(300*time.Millisecond, func() { close(soft) })
	begin := time.Now()
	run := play(t, t.Context(), cfg)
	if took := time.Since(begin); took > time.Minute {
		t.Errorf("it took %v", took)
	}
	if last := run.Steps[len(run.Steps)-1]; last.Verdict != report.VerdictSkip || last.Message != "interrupted" {
		t.Errorf("%s: %s %s", last.Title, last.Verdict, last.Message)
	}
	if code := report.ExitCode(run); code != report.ExitCouldNot || !run.Partial {
		t.Errorf("exit code %d, partial %t", code, run.Partial)
	}
}
