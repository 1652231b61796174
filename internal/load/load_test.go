package load_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/passrig/passrig/internal/demorp"
	"github.com/passrig/passrig/internal/demorp/demorptest"
	"github.com/passrig/passrig/internal/load"
	"github.com/passrig/passrig/internal/load/pace"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
)

const seed = 7

// relyingParty serves a demo relying party that knows the users of the seed.
func relyingParty(t *testing.T, users int64, around func(http.Handler) http.Handler) (origin string) {
	t.Helper()
	store := demorp.NewMemoryStore()
	if users > 0 {
		roster, err := load.NewRoster(seed, users, "")
		if err != nil {
			t.Fatal(err)
		}
		defer roster.Close()
		members := func(yield func(demorp.Enrolled, error) bool) {
			for m, err := range roster.Members() {
				e := demorp.Enrolled{
					Username: m.Username, DisplayName: m.DisplayName, Handle: m.Handle, CredentialID: m.CredentialID, PublicKey: m.PublicKey,
					Algorithm: m.Algorithm, AAGUID: m.AAGUID, SignCount: m.SignCount, BackupEligible: m.BackupEligible, BackedUp: m.BackedUp,
				}
				if !yield(e, err) {
					return
				}
			}
		}
		if n, err := demorp.Enroll(t.Context(), store, members, time.Now()); err != nil || n != users {
			t.Fatalf("enrolled %d: %v", n, err)
		}
	}
	return demorptest.StartWith(t, demorp.Config{Store: store}, around)
}

const oneLogin = `
accounts: {someone: {devices: {phone: {}}}}
steps:
  - login: {user: someone, on: phone}
load:
`

// config is a load on a relying party, from what a file has beside its target.
func config(t *testing.T, origin, text string) load.Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.yaml")
	text = "passrig: 1\ntarget: {adapter: passrig-demo}\n" + text
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := scenarios.Load(path, scenarios.Options{Origin: origin})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return load.Config{
		File: file, Seed: seed, Clock: time.Now, LookupEnv: func(string) (string, bool) { return "", false }, ReadFile: os.ReadFile,
		Tool: report.Tool{Name: "passrig"},
	}
}

// play runs a load and checks what is true of every load.
func play(t *testing.T, ctx context.Context, cfg load.Config) *report.Run { //nolint:revive // the test comes first in tests
	t.Helper()
	run, err := load.Run(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	sound(t, run)
	return run
}

// sound checks that no iteration is lost or counted twice.
func sound(t *testing.T, run *report.Run) {
	t.Helper()
	var sum report.LoadCounts
	for _, p := range run.Load.Phases {
		if p.Counts.Lost() != 0 {
			t.Errorf("phase %q: %+v", p.Name, p.Counts)
		}
		if !p.Measured {
			continue
		}
		sum.Scheduled, sum.Started, sum.Finished = sum.Scheduled+p.Counts.Scheduled, sum.Started+p.Counts.Started, sum.Finished+p.Counts.Finished
		sum.Failed, sum.Censored = sum.Failed+p.Counts.Failed, sum.Censored+p.Counts.Censored
	}
	if sum != run.Load.Counts || run.Load.Counts.Lost() != 0 {
		t.Errorf("counts %+v, of the phases %+v", run.Load.Counts, sum)
	}
	for i, s := range run.Load.Series {
		if i > 0 && s.Second <= run.Load.Series[i-1].Second {
			t.Errorf("second %d comes after %d", s.Second, run.Load.Series[i-1].Second)
		}
	}
	for _, s := range run.Steps {
		if s.Verdict == report.VerdictFail && run.Load.Limit == nil {
			t.Errorf("only a search fails by itself, otherwise thresholds do: %s: %s", s.Title, s.Message)
		}
	}
}

// outcomes counts operations by how they ended.
func outcomes(run *report.Run) map[string]int64 {
	count := make(map[string]int64)
	for _, o := range run.Load.Outcomes {
		count[strings.TrimPrefix(o.Journey+"."+o.Operation+" "+o.Class, ".")] += o.Count
	}
	return count
}

func phaseNames(run *report.Run) []string {
	var names []string
	for _, p := range run.Load.Phases {
		if p.Name != "drain" { // there only if something took long
			names = append(names, p.Name)
		}
	}
	return names
}

func TestOpenModel(t *testing.T) {
	t.Parallel()
	origin := relyingParty(t, 50, nil)
	cfg := config(t, origin, oneLogin+`
  users: 50
  arrival: {rate: 100/s, ramp: 500ms, hold: 1s}
  warm-up: 500ms
thresholds: [login.total.p99 < 1m]
`)
	run := play(t, t.Context(), cfg)
	if got := outcomes(run); got["login accepted"] != 100 || len(got) != 1 {
		t.Errorf("outcomes %v", got)
	}
	if got, want := phaseNames(run), []string{"ramp", "warm-up", "hold"}; !slices.Equal(got, want) {
		t.Errorf("phases %v", got)
	}
	for i, want := range []int64{25, 50, 100} {
		if p := run.Load.Phases[i]; p.Counts.Finished < want-1 || p.Counts.Finished > want+1 {
			t.Errorf("%s: %+v, want about %d", p.Name, p.Counts, want)
		}
	}
	for _, name := range []string{"login.total", "login.options", "login.client", "login.result", "iteration.total", "generator.lag"} {
		if run.Metrics[name].Count != 100 {
			t.Errorf("%s: %d samples", name, run.Metrics[name].Count)
		}
	}
	l := run.Load
	if l.Model != "open" || l.Transport != "HTTP/1.1" || l.Connections != "keep-alive" || l.Users.Source != "derived" || l.Generator.CPUSeconds <= 0 || l.Generator.PeakRSS < 1<<20 {
		t.Errorf("%+v", l)
	}
	// The machine may be too busy for a load of any size. Then nothing is claimed.
	want := report.VerdictPass
	if l.Limited() {
		want = report.VerdictError
	}
	texts := make([]string, 0, 2)
	for _, th := range run.Thresholds {
		texts = append(texts, th.Text)
		if strings.HasPrefix(th.Text, "login") && th.Verdict != want {
			t.Errorf("%+v, want %s", th, want)
		}
	}
	if run.Verdict() != want || !slices.Equal(texts, []string{"login.total.p99 < 1m", "load.failed.rate < 1%"}) {
		t.Errorf("verdict %s, thresholds %v", run.Verdict(), texts)
	}
}

func TestClosedModel(t *testing.T) {
	t.Parallel()
	cfg := config(t, relyingParty(t, 20, nil), oneLogin+`
  users: 20
  concurrency: {vus: 3, iterations: 40}
  warm-up: 200ms
`)
	run := play(t, t.Context(), cfg)
	if run.Load.Counts.Finished != 40 || run.Load.Model != "closed" {
		t.Errorf("%+v", run.Load.Counts)
	}
	if got := phaseNames(run); !slices.Equal(got, []string{"warm-up", "hold"}) || run.Load.Phases[0].Counts.Finished == 0 || run.Load.Phases[1].VUs != 3 {
		t.Errorf("phases %+v", run.Load.Phases)
	}
}

// TestJourneys also plays the same load again: newcomers must be new ones, although the seed is the same.
func TestJourneys(t *testing.T) {
	t.Parallel()
	cfg := config(t, relyingParty(t, 30, nil), `
accounts: {someone: {devices: {laptop: {}, phone: {}}}}
load:
  users: 30
  concurrency: {vus: 4, iterations: 200}
  journeys:
    login: {weight: 6, steps: [{login: {user: someone, on: laptop}}, {wait: 1ms}, {whoami: {user: someone}, expect: {user: someone}}]}
    roam: {weight: 2, steps: [{login: {user: someone, on: laptop}}, {login-discoverable: {user: someone, on: phone}}]}
    newcomer: {weight: 1, steps: [{register: {user: someone, on: laptop}}, {login: {user: someone, on: phone}}]}
    thief: {weight: 1, steps: [{login: {user: someone, on: laptop, tamper: [signature-flip]}, expect: {outcome: rejected}}]}
    never: {weight: 0, steps: [{login: {user: someone, on: laptop}}]}
`)
	var before map[string]int64
	for range 2 {
		run := play(t, t.Context(), cfg)
		if run.Load.Counts.Finished != 200 {
			t.Fatalf("%+v\n%+v", run.Load.Counts, run.Load.Outcomes)
		}
		got := outcomes(run)
		for _, name := range []string{"login.login accepted", "login.whoami accepted", "roam.login-discoverable accepted", "newcomer.register accepted", "newcomer.login accepted", "thief.login rejected"} {
			if got[name] == 0 {
				t.Errorf("%s: none of %v", name, got)
			}
		}
		if before != nil && got["login.login accepted"] != before["login.login accepted"] {
			t.Errorf("the same seed chose %v and %v", before, got)
		}
		before = got
	}
	if share := float64(before["login.login accepted"]) / 200; share < 0.5 || share > 0.7 {
		t.Errorf("%.0f%% of the iterations with a weight of 6 in 10", 100*share)
	}
}

func TestPrepareResumes(t *testing.T) {
	t.Parallel()
	soft := make(chan struct{})
	var asked sync.Once
	count := 0
	var counting sync.Mutex
	origin := relyingParty(t, 0, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r)
			if r.URL.Path != "/api/register/result" {
				return
			}
			counting.Lock()
			defer counting.Unlock()
			if count++; count == 20 {
				asked.Do(func() { close(soft) })
			}
		})
	})
	state := filepath.Join(t.TempDir(), "users.state")
	text := oneLogin + `
  users: 60
  prepare: {with: register, vus: 4}
  concurrency: {vus: 4, iterations: 60}
`
	first := config(t, origin, text)
	first.Soft, first.Wishes = soft, load.Wishes{State: state}
	run := play(t, t.Context(), first)
	registered := run.Load.Users.Enrolled
	if !run.Partial || registered < 20 || registered >= 60 || len(run.Steps) != 1 || run.Load.Counts.Started != 0 {
		t.Fatalf("ended early: %d registered, steps %+v", registered, run.Steps)
	}

	second := config(t, origin, text)
	second.Wishes = load.Wishes{State: state, PrepareOnly: true}
	run = play(t, t.Context(), second)
	if got := run.Load.Users; got.Reused != registered || got.Enrolled != 60-registered || run.Verdict() != report.VerdictPass || run.Load.Counts.Started != 0 {
		t.Errorf("prepare only: %+v, verdict %s", got, run.Verdict())
	}
	if m := run.Metrics["prepare.register.total"]; m.Count != 60-registered {
		t.Errorf("prepare.register.total: %d samples", m.Count)
	}

	second.Wishes.PrepareOnly = false
	run = play(t, t.Context(), second)
	if got := run.Load.Users; got.Reused != 60 || got.Enrolled != 0 || run.Load.Counts.Finished != 60 {
		t.Errorf("the load: %+v, %+v", got, run.Load.Counts)
	}

	other := config(t, origin, text)
	other.Seed, other.Wishes = 8, load.Wishes{State: state}
	_, err := load.Run(t.Context(), other)
	if hinted, ok := errors.AsType[interface {
		error
		Hint() string
	}](err); !ok || hinted.Hint() == "" || !strings.Contains(err.Error(), "seed") {
		t.Errorf("another seed's state file: %v", err)
	}
}

// TestSegments plays a load in parts, which together have to be the whole.
func TestSegments(t *testing.T) {
	t.Parallel()
	origin := relyingParty(t, 10, nil)
	var total int64
	for i := range 3 {
		cfg := config(t, origin, oneLogin+"  users: 10\n  arrival: {rate: 100/s, hold: 500ms}\n")
		cfg.Wishes.Segment = pace.Segment{Index: i, Of: 3}
		run := play(t, t.Context(), cfg)
		if want := fmt.Sprintf("%d/3", i+1); run.Load.Segment != want {
			t.Errorf("segment %q, want %q", run.Load.Segment, want)
		}
		total += run.Load.Counts.Finished
	}
	if total != 50 {
		t.Errorf("all segments together: %d iterations, want 50", total)
	}
}

func TestSearchForTheLimit(t *testing.T) {
	t.Parallel()
	cfg := config(t, relyingParty(t, 10, nil), oneLogin+`
  users: 10
  find-limit: {from: 10/s, to: 30/s, hold: 1s}
thresholds: [login.total.p99 < 1m]
`)
	run := play(t, t.Context(), cfg)
	limit := run.Load.Limit
	if limit == nil || limit.Rate != 30 || run.Load.Counts.Scheduled != 30 {
		t.Fatalf("limit %+v, counts %+v", limit, run.Load.Counts)
	}
	var rates []float64
	for _, p := range limit.Points {
		rates = append(rates, p.Rate)
	}
	if !slices.Equal(rates, []float64{10, 20, 30}) {
		t.Errorf("tried %v", rates)
	}
}

func TestExportIsWhatAnImportReads(t *testing.T) {
	t.Parallel()
	origin := relyingParty(t, 12, nil)
	roster, err := load.NewRoster(seed, 12, "")
	if err != nil {
		t.Fatal(err)
	}
	defer roster.Close()
	path := filepath.Join(t.TempDir(), "users.ndjson")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(roster.Export(f), f.Close()); err != nil {
		t.Fatal(err)
	}
	cfg := config(t, origin, oneLogin+"  users: {import: "+path+"}\n  concurrency: {vus: 2, iterations: 24}\n")
	cfg.Seed = 99 // has nothing to do with imported users
	run := play(t, t.Context(), cfg)
	if run.Load.Counts.Finished != 24 || run.Load.Users.Source != "imported" || run.Load.Users.Count != 12 || strings.Contains(run.Load.Signing, "pool") {
		t.Errorf("%+v, %+v, %q", run.Load.Counts, run.Load.Users, run.Load.Signing)
	}
}

// TestALimitOnOneJourney is none on the others.
func TestALimitOnOneJourney(t *testing.T) {
	t.Parallel()
	var logins atomic.Int64
	cfg := config(t, relyingParty(t, 10, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/api/login/result" && logins.Add(1) > 6 { // both journeys are tried out before
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r)
		})
	}), `
accounts: {someone: {devices: {laptop: {}}}}
load:
  users: 10
  concurrency: {vus: 2, iterations: 60}
  journeys:
    returning: {steps: [{login: {user: someone, on: laptop}}]}
    impostor: {steps: [{login: {user: someone, on: laptop, tamper: [signature-flip]}, expect: {outcome: rejected}}]}
thresholds: [impostor.login.failed == 0]
`)
	run := play(t, t.Context(), cfg)
	if len(run.Thresholds) != 2 || run.Thresholds[0].Verdict != report.VerdictPass || run.Thresholds[1].Text != report.DefaultLoadThreshold {
		t.Errorf("%+v", run.Thresholds)
	}
	if report.ExitCode(run) != report.ExitFailed {
		t.Errorf("exit code %d, %v", report.ExitCode(run), outcomes(run))
	}
}

// TestACrossedThresholdIsNotMendedLater has the first logins fail at once and the others succeed when the load has been
// ended for it.
func TestACrossedThresholdIsNotMendedLater(t *testing.T) {
	t.Parallel()
	var logins atomic.Int64
	cfg := config(t, relyingParty(t, 10, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/api/login/options" {
				switch n := logins.Add(1); {
				case n > 3:
					<-time.After(2 * time.Second)
				case n > 1: // the first tries the load out
					w.WriteHeader(http.StatusTeapot)
					return
				}
			}
			next.ServeHTTP(w, r)
		})
	}), oneLogin+`
  users: 10
  arrival: {rate: 50/s, hold: 1m}
thresholds: [{that: login.failed.rate < 10%, abort: true}]
`)
	run := play(t, t.Context(), cfg)
	if c := run.Load.Counts; !run.Partial || c.Failed != 2 || c.Finished < 20 {
		t.Fatalf("partial %v (%s), %+v", run.Partial, run.Aborted, c)
	}
	if len(run.Thresholds) != 1 || run.Thresholds[0].Verdict != report.VerdictFail || run.Thresholds[0].Hint == "" || report.ExitCode(run) != report.ExitFailed {
		t.Errorf("exit code %d, %+v", report.ExitCode(run), run.Thresholds)
	}
}

// TestAnInterruptedSearch claims nothing about the rate that was under way.
func TestAnInterruptedSearch(t *testing.T) {
	t.Parallel()
	soft := make(chan struct{})
	cfg := config(t, relyingParty(t, 10, nil), oneLogin+`
  users: 10
  find-limit: {from: 10/s, to: 30/s, hold: 30s}
`)
	cfg.Soft = soft
	cfg.Events.PhaseStarted = func(p load.Phase) {
		if p.Name == "probe 1" {
			close(soft)
		}
	}
	run := play(t, t.Context(), cfg)
	step := run.Steps[len(run.Steps)-1]
	if l := run.Load.Limit; l == nil || len(l.Points) != 1 || l.Points[0].Verdict != report.VerdictSkip || step.Verdict != report.VerdictSkip {
		t.Fatalf("%+v, %+v", run.Load.Limit, step)
	}
	if got, want := run.Load.Verdict(), "Whether it bears even the lowest rate could not be told."; !strings.HasPrefix(got, want) {
		t.Errorf("it says %q", got)
	}
}
