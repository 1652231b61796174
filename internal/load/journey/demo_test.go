package journey_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"testing"
	"time"

	"github.com/passrig/passrig/internal/demorp/demorptest"
	"github.com/passrig/passrig/internal/engine"
	"github.com/passrig/passrig/internal/load/fleet"
	"github.com/passrig/passrig/internal/load/journey"
	"github.com/passrig/passrig/internal/load/ledger"
	"github.com/passrig/passrig/internal/load/wire"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual"
)

// wall is the time of a run.
type wall struct{ zero time.Time }

func (w wall) Now() time.Duration { return time.Since(w.zero) }

func (w wall) SleepUntil(ctx context.Context, t time.Duration) error {
	timer := time.NewTimer(t - w.Now())
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// rig is a compiled file with everything that plays it.
type rig struct {
	program *journey.Program
	users   *fleet.Fleet
	player  *journey.Player
	clock   wall
}

const preamble = `passrig: 1
name: test
accounts:
  alice: {devices: {laptop: {}, phone: {}}}
users: {bob: {}, carol: {email: carol@example.test}}
target: {adapter: %s, origin: "%s"}
load:
  users: 100
  concurrency: {vus: 1, iterations: 1}
%s`

func load(tb testing.TB, adapter, origin, journeys string) (*scenarios.File, error) {
	tb.Helper()
	text := fmt.Sprintf(preamble, adapter, origin, journeys)
	return scenarios.Load("load.yaml", scenarios.Options{ReadFile: func(name string) ([]byte, error) {
		if adapter, ok := map[string]string{"odd.yaml": oddAdapter, "lapse.yaml": lapseAdapter}[name]; ok {
			return []byte(adapter), nil
		}
		return []byte(text), nil
	}})
}

func compile(tb testing.TB, adapter, origin, journeys string) (*engine.Target, *journey.Program, error) {
	tb.Helper()
	file, err := load(tb, adapter, origin, journeys)
	if err != nil {
		tb.Fatal(err)
	}
	target, err := engine.Open(engine.Config{
		Files: []*scenarios.File{file}, Seed: 1, Clock: time.Now, LookupEnv: func(string) (string, bool) { return "", false },
	}, file)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(target.Close)
	plan, err := file.LoadPlan(target.Env())
	if err != nil {
		tb.Fatal(err)
	}
	program, err := journey.Compile(target.Party, file, journey.Config{Plan: plan, Env: target.Env()})
	return target, program, err
}

func newRig(t *testing.T, adapter, origin, journeys string, general bool, algorithm string) *rig {
	t.Helper()
	_, program, err := compile(t, adapter, origin, journeys)
	if err != nil {
		t.Fatal(err)
	}
	users, err := fleet.New(fleet.Config{
		Seed: 1, Count: 100, Algorithms: []fleet.Weighted{{Algorithm: algorithm, Weight: 1}}, Signing: fleet.SigningFresh,
		Device: virtual.Config{BackupEligible: true, BackedUp: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = users.Close() })
	newClient := wire.NewFast
	if general {
		newClient = wire.NewGeneral
	}
	client, err := newClient(wire.Config{Mode: report.ConnectionsKeepAlive, Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	r := &rig{program: program, users: users, clock: wall{time.Now()}}
	r.player = program.NewPlayer(0, client, users, r.clock)
	t.Cleanup(r.player.Close)
	return r
}

// play plays one iteration, and wants the classes that the operations end with, all expected.
func (r *rig) play(t *testing.T, chosen int, user int64, want ...string) []ledger.Sample {
	t.Helper()
	it, samples := r.player.Play(t.Context(), chosen, user, r.clock.Now())
	var got []string
	for _, s := range samples {
		got = append(got, fmt.Sprintf("%s %s", r.program.Operations()[s.Operation].Operation, s.Class))
		if !s.Expected {
			t.Errorf("%s was not expected: %s", got[len(got)-1], s.Example)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) || it.Failed || it.Censored {
		t.Errorf("iteration %+v: %q, want %q", it, got, want)
	}
	return samples
}

const demoJourneys = `  journeys:
    newcomer:
      steps:
        - register: {user: alice, on: laptop}
        - whoami: {user: alice, on: laptop}
          expect: {user: alice}
    login:
      steps:
        - login: {user: alice, on: phone}
          expect: {user: alice}
        - wait: 1ms
        - logout: {user: alice}
        - whoami: {user: alice, on: phone}
          expect: {user: nobody}
        - login-discoverable: {user: alice, on: laptop}
        - whoami: {user: alice}
          expect: {user: alice}
    wrong:
      steps:
        - login: {user: alice, on: laptop, tamper: [signature-flip]}
          expect: {outcome: rejected, user: nobody}
        - login: {user: alice, on: laptop, keep-session: true}
        - register: {user: alice, on: laptop}
          expect: {error: InvalidStateError}
    roam:
      steps:
        - login: {user: alice, on: laptop}
        - login: {user: alice, on: phone}
        - logout: {user: alice, on: phone}
        - whoami: {user: alice, on: laptop}
          expect: {user: alice}
    asks:
      steps:
        - login: {user: alice, on: laptop}
        - request: {user: alice, path: /api/whoami, save: {name: body.user.username}}
        - request: {user: alice, path: "/api/whoami?of=${{ vars.name }}", accept: "body.user.username == vars.name && vars.name == users.alice.username"}
        - request: {path: /api/whoami, reject: status == 401}
          expect: {outcome: rejected, status: 401}
`

func TestDemo(t *testing.T) {
	t.Parallel()
	for _, general := range []bool{false, true} {
		for _, algorithm := range []string{"ES256", "EdDSA", "RS256"} {
			t.Run(fmt.Sprintf("%s, general %t", algorithm, general), func(t *testing.T) {
				t.Parallel()
				r := newRig(t, "passrig-demo", demorptest.Start(t, nil), demoJourneys, general, algorithm)
				at := make(map[string]int)
				for i, name := range r.program.Journeys() {
					at[name] = i
				}
				if !r.program.Newcomer(at["newcomer"]) || r.program.Newcomer(at["login"]) {
					t.Error("who is a newcomer is not told")
				}
				for user := range int64(3) {
					r.play(t, at["newcomer"], user, "signup accepted", "register accepted", "whoami accepted")
					samples := r.play(t, at["login"], user, "login accepted", "whoami accepted", "logout accepted", "whoami accepted", "login-discoverable accepted", "whoami accepted")
					for i, s := range samples {
						if s.Ceremony && !(s.Intended <= s.Started && s.Started <= s.Optioned && s.Optioned <= s.Signed && s.Signed <= s.Finished) {
							t.Errorf("operation %d: %+v", i, s)
						}
						if i > 0 && s.Intended < samples[i-1].Finished {
							t.Errorf("operation %d is intended before the one before it has ended: %+v", i, s)
						}
					}
					r.play(t, at["wrong"], user, "login rejected", "whoami accepted", "login accepted", "register refused")
					r.play(t, at["roam"], user, "login accepted", "login accepted", "logout accepted", "whoami accepted")
					r.play(t, at["asks"], user, "login accepted", "request accepted", "request accepted", "request rejected")
				}
				if got := r.users.Enrolled(); got != 3 {
					t.Errorf("%d enrolled", got)
				}
			})
		}
	}
}

func decode(s string) ([]byte, error) { return base64.RawURLEncoding.DecodeString(s) }
