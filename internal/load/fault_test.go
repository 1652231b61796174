package load_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/passrig/passrig/internal/load"
	"github.com/passrig/passrig/internal/load/live/livetest"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/report/openmetrics"
)

// afterTryOut lets the first login, which tries the load out, through, and answers the options of the others by another handler.
func afterTryOut(instead http.HandlerFunc) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		var logins atomic.Int64
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/api/login/options" && logins.Add(1) > 1 {
				instead(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

func TestFaultsOfTheRelyingParty(t *testing.T) {
	t.Parallel()
	answer := func(status int, retry string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			if retry != "" {
				w.Header().Set("Retry-After", retry)
			}
			w.WriteHeader(status)
		}
	}
	for name, handler := range map[string]http.HandlerFunc{
		"throttled":               answer(http.StatusTooManyRequests, "1"),
		"throttled, as a failure": answer(http.StatusServiceUnavailable, "1"),
		"server-error":            answer(http.StatusServiceUnavailable, ""),
		"timeout": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // only then does the server notice that the client is gone
			<-r.Context().Done()
		},
		"closed": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"publicKey": {"chall`)
			_ = http.NewResponseController(w).Flush()
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			_ = conn.(*net.TCPConn).SetLinger(0) // a reset
			_ = conn.Close()
		},
		"not-json": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<!doctype html><title>Please sign in</title>")
		},
	} {
		for _, client := range []string{load.ClientFast, load.ClientGeneral} {
			t.Run(fmt.Sprintf("%s by the %s client", name, client), func(t *testing.T) {
				t.Parallel()
				class, _, _ := strings.Cut(name, ",")
				cfg := config(t, relyingParty(t, 10, afterTryOut(handler)), oneLogin+`
  users: 10
  arrival: {rate: 40/s, hold: 500ms}
  timeout: 200ms
`)
				cfg.Wishes.Client = client
				run := play(t, t.Context(), cfg)
				if got := outcomes(run); got["login "+class] != 20 || run.Load.Counts.Failed != 20 {
					t.Errorf("outcomes %v, counts %+v", got, run.Load.Counts)
				}
				for _, o := range run.Load.Outcomes {
					if o.Example == "" {
						t.Errorf("no example of %s", o.Class)
					}
					if class == "timeout" && o.P50 < float64(200*time.Millisecond) {
						t.Errorf("a timeout of 200ms counts as %s", report.FormatDuration(o.P50))
					}
				}
				if len(run.Steps) != 2 || run.Steps[1].Verdict != report.VerdictError || report.ExitCode(run) == 0 {
					t.Errorf("steps %+v", run.Steps)
				}
			})
		}
	}
}

func TestTheRelyingPartyIsDown(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	origin := "http://" + strings.Replace(listener.Addr().String(), "127.0.0.1", "localhost", 1)
	_ = listener.Close()
	run := play(t, t.Context(), config(t, origin, oneLogin+"  users: 10\n  arrival: {rate: 40/s, hold: 500ms}\n"))
	if len(run.Steps) != 1 || run.Steps[0].Verdict != report.VerdictError || run.Steps[0].Hint == "" || run.Load.Counts.Scheduled != 0 {
		t.Errorf("steps %+v", run.Steps)
	}
	if !strings.Contains(run.Steps[0].Message, "refused") || report.ExitCode(run) != report.ExitCouldNot {
		t.Errorf("%q, exit code %d", run.Steps[0].Message, report.ExitCode(run))
	}
}

// TestNobodyIsEnrolled asks for users whom the relying party does not know.
func TestNobodyIsEnrolled(t *testing.T) {
	t.Parallel()
	var requests atomic.Int64
	origin := relyingParty(t, 0, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { requests.Add(1); next.ServeHTTP(w, r) })
	})
	run := play(t, t.Context(), config(t, origin, oneLogin+"  users: 10\n  arrival: {rate: 40/s, hold: 500ms}\n"))
	if len(run.Steps) != 1 || run.Steps[0].Verdict != report.VerdictError || !strings.Contains(run.Steps[0].Hint, "prepare") {
		t.Errorf("steps %+v", run.Steps)
	}
	if n := requests.Load(); n > 2 {
		t.Errorf("%d requests, although the first login went wrong", n)
	}
}

// TestUsersWhoCannotBeRegistered must not go through all of them.
func TestUsersWhoCannotBeRegistered(t *testing.T) {
	t.Parallel()
	var requests atomic.Int64
	origin := relyingParty(t, 0, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { requests.Add(1); w.WriteHeader(http.StatusForbidden) })
	})
	run := play(t, t.Context(), config(t, origin, oneLogin+"  users: 5000\n  prepare: register\n  arrival: {rate: 40/s, hold: 500ms}\n"))
	if len(run.Steps) != 1 || run.Steps[0].Verdict != report.VerdictError || !strings.Contains(run.Steps[0].Message, "403") {
		t.Errorf("steps %+v", run.Steps)
	}
	if n := requests.Load(); n > 100 {
		t.Errorf("%d requests", n)
	}
}

// TestIdleConnectionsAreClosed covers a server that ends kept connections between two requests.
func TestIdleConnectionsAreClosed(t *testing.T) {
	t.Parallel()
	var answered atomic.Int64
	cfg := config(t, relyingParty(t, 10, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if answered.Add(1)%3 != 0 {
				next.ServeHTTP(w, r)
				return
			}
			recorded := httptest.NewRecorder()
			next.ServeHTTP(recorded, r)
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			resp := recorded.Result() // a whole answer, without a word of the connection's end
			resp.ContentLength = int64(recorded.Body.Len())
			_ = resp.Write(conn)
			_ = conn.Close()
		})
	}), oneLogin+"  users: 10\n  arrival: {rate: 100/s, hold: 1s}\n")
	run := play(t, t.Context(), cfg)
	if run.Load.Counts.Finished != 100 {
		t.Errorf("%+v, %v", run.Load.Counts, outcomes(run))
	}
}

// slow answers logins late, except the first, which tries the load out.
func slow(late time.Duration, asked chan<- struct{}) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		var results atomic.Int64
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/api/login/result" && results.Add(1) > 1 {
				body, err := io.ReadAll(r.Body) // only then does the server notice that the client is gone
				if err != nil {
					return
				}
				r.Body = io.NopCloser(bytes.NewReader(body))
				select {
				case asked <- struct{}{}:
				default:
				}
				select {
				case <-time.After(late):
				case <-r.Context().Done():
				}
			}
			next.ServeHTTP(w, r)
		})
	}
}

// TestEndedByAPerson covers Ctrl-C once, which waits for what is under way, and twice, which does not.
func TestEndedByAPerson(t *testing.T) {
	t.Parallel()
	const text = oneLogin + "  users: 10\n  arrival: {rate: 50/s, hold: 1m}\n"
	t.Run("once", func(t *testing.T) {
		t.Parallel()
		asked, soft := make(chan struct{}, 1), make(chan struct{})
		cfg := config(t, relyingParty(t, 10, slow(300*time.Millisecond, asked)), text)
		cfg.Soft = soft
		go endAfter(asked, func() { close(soft) })
		run := play(t, t.Context(), cfg)
		if c := run.Load.Counts; c.Started == 0 || c.Finished != c.Started || !run.Partial || run.Aborted == "" {
			t.Errorf("%+v, partial %v: %s", c, run.Partial, run.Aborted)
		}
	})
	t.Run("twice", func(t *testing.T) {
		t.Parallel()
		asked, soft := make(chan struct{}, 1), make(chan struct{})
		cfg := config(t, relyingParty(t, 10, slow(time.Minute, asked)), text+"  timeout: 2m\n  drain: 2m\n")
		cfg.Soft = soft
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		cfg.Events.PhaseStarted = func(p load.Phase) {
			if p.Name == "hold" {
				close(soft)
				cancel()
			}
		}
		began := time.Now()
		_, err := load.Run(ctx, cfg)
		if took := time.Since(began); err != nil || took > 20*time.Second {
			t.Errorf("it took %s: %v", took, err)
		}
	})
	t.Run("at once, with some under way", func(t *testing.T) {
		t.Parallel()
		asked := make(chan struct{}, 1)
		cfg := config(t, relyingParty(t, 10, slow(time.Minute, asked)), text+"  timeout: 2m\n  drain: 2m\n")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go endAfter(asked, cancel)
		run := play(t, ctx, cfg)
		if c := run.Load.Counts; c.Censored == 0 || c.Failed > 0 || !run.Partial {
			t.Errorf("%+v, partial %v", c, run.Partial)
		}
	})
}

// endAfter ends a load soon after its relying party was asked.
func endAfter(asked <-chan struct{}, end func()) {
	<-asked
	<-time.After(500 * time.Millisecond)
	end()
}

func TestAThresholdEndsTheLoad(t *testing.T) {
	t.Parallel()
	cfg := config(t, relyingParty(t, 10, afterTryOut(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })), oneLogin+`
  users: 10
  arrival: {rate: 50/s, hold: 1m}
thresholds:
  - {that: load.failed.rate < 10%, abort: true, after: 1s}
`)
	began := time.Now()
	run := play(t, t.Context(), cfg)
	if took := time.Since(began); took < time.Second || took > 30*time.Second {
		t.Errorf("it took %s", took)
	}
	if !run.Partial || !strings.Contains(run.Aborted, "load.failed.rate") || len(run.Thresholds) != 1 || run.Thresholds[0].Verdict != report.VerdictFail {
		t.Errorf("partial %v, %q, %+v", run.Partial, run.Aborted, run.Thresholds)
	}
}

func TestLiveMetrics(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := config(t, relyingParty(t, 10, nil), oneLogin+"  users: 10\n  arrival: {rate: 50/s, hold: 2s}\n")
	cfg.Live = listener
	seen := livetest.Exposition{}
	cfg.Events.Progress = func(p load.Progress) {
		if p.Done < 20 {
			return
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+listener.Addr().String()+"/metrics", http.NoBody)
		if err != nil {
			t.Error(err)
			return
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Error(err)
			return
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil || resp.Header.Get("Content-Type") != openmetrics.ContentType {
			t.Errorf("%q, %v", resp.Header.Get("Content-Type"), err)
		}
		now, err := livetest.Read(string(text))
		if err != nil {
			t.Errorf("%v\n%s", err, text)
		}
		if now["passrig_phase"][`{passrig_phase="drain"}`] != 1 {
			seen = now
		}
	}
	play(t, t.Context(), cfg)
	if n := seen["passrig_iterations_finished"]["_total{}"]; n < 10 {
		t.Errorf("finished %g: %v", n, seen)
	}
	if seen["passrig_phase"][`{passrig_phase="hold"}`] != 1 || seen["passrig_rate_asked"]["{}"] != 50 {
		t.Errorf("%v", seen)
	}
	if _, err := net.DialTimeout("tcp", listener.Addr().String(), time.Second); err == nil {
		t.Error("it is still served after the load")
	}
}

// TestAThresholdThatAborts ends neither the preparation nor a search, only the rate that is tried.
func TestAThresholdThatAborts(t *testing.T) {
	t.Parallel()
	var logins atomic.Int64
	cfg := config(t, relyingParty(t, 0, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/api/login/options" && logins.Add(1) > 30 {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			next.ServeHTTP(w, r)
		})
	}), oneLogin+`
  users: 10
  prepare: register
  find-limit: {from: 10/s, to: 20/s, hold: 30s}
thresholds: [{that: load.failed.rate < 10%, abort: true}]
`)
	began := time.Now()
	run := play(t, t.Context(), cfg)
	if took := time.Since(began); took > 60*time.Second {
		t.Errorf("it took %s", took)
	}
	if l := run.Load.Limit; run.Partial || l == nil || l.Rate != 0 || len(l.Points) != 2 || !strings.Contains(l.Points[0].Message, "load.failed.rate") {
		t.Errorf("partial %v (%s), %+v", run.Partial, run.Aborted, l)
	}
}
