package load_test

import (
	"net/http"
	"sync"
	"testing"
	"time"
)

// TestOverload asks for three times what a relying party bears, which answers one request at a time. What ends in the
// drain was not done at the rate that was asked for.
func TestOverload(t *testing.T) {
	t.Parallel()
	var busy sync.Mutex
	origin := relyingParty(t, 50, func(inner http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			busy.Lock()
			defer busy.Unlock()
			time.Sleep(5 * time.Millisecond)
			inner.ServeHTTP(w, r)
		})
	})
	for name, text := range map[string]string{
		"open":   "  arrival: {rate: 300/s, hold: 1s}\n  drain: 20s\n",
		"closed": "  concurrency: {vus: 40, for: 1s}\n  drain: 20s\n",
	} {
		run := play(t, t.Context(), config(t, origin, oneLogin+"  users: 50\n"+text))
		asked, done := run.Load.Rates()
		if done > 105 || done <= 0 { // 100 at most, in a second that may be a little longer
			t.Errorf("%s: %g/s done, of %g/s: at most 100/s can be", name, done, asked)
		}
		if n := run.Load.Counts; n.Censored == 0 && n.Finished != n.Started {
			t.Errorf("%s: %+v", name, n)
		}
		if last := run.Load.Phases[len(run.Load.Phases)-1]; last.Name != "drain" || last.Measured {
			t.Errorf("%s: the last phase is %+v", name, last)
		}
	}
}

// TestTheLastStageLasts asks for one iteration in a while: the rate is that of the while.
func TestTheLastStageLasts(t *testing.T) {
	t.Parallel()
	cfg := config(t, relyingParty(t, 1, nil), oneLogin+"  users: 1\n  arrival: {rate: 1/s, hold: 1500ms}\n")
	begin := time.Now()
	run := play(t, t.Context(), cfg)
	if took := time.Since(begin); took < 1500*time.Millisecond {
		t.Errorf("it took %v", took)
	}
	if asked, done := run.Load.Rates(); asked > 2 || done > 2 {
		t.Errorf("%g/s of %g/s", done, asked)
	}
}

// TestNewcomersAreNew lets newcomers register in a warm-up and in the measured loop: none may be asked to sign up twice.
func TestNewcomersAreNew(t *testing.T) {
	t.Parallel()
	cfg := config(t, relyingParty(t, 0, nil), `
accounts: {someone: {devices: {phone: {}}}}
steps:
  - signup: {user: someone}
  - register: {user: someone, on: phone}
load:
  users: 5
  concurrency: {vus: 2, for: 500ms}
  warm-up: 500ms
`)
	run := play(t, t.Context(), cfg)
	if n := run.Load.Counts; n.Failed > 0 || n.Finished == 0 {
		t.Errorf("%+v: %+v", n, run.Load.Outcomes)
	}
}
