package journey_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/passrig/passrig/internal/load/fleet"
	"github.com/passrig/passrig/internal/load/journey"
	"github.com/passrig/passrig/internal/load/wire"
	"github.com/passrig/passrig/virtual"
)

// mute is a client whose lines answer from memory.
type mute struct {
	wire.Client
	answers map[string][]byte // by target
}

func (m *mute) NewLine() wire.Line { return &muteLine{m} }

type muteLine struct{ client *mute }

func (l *muteLine) Do(_ context.Context, req *wire.Request, resp *wire.Response, _ time.Duration) error {
	resp.Status, resp.Body = 200, l.client.answers[string(req.Target)]
	return nil
}

func (*muteLine) Ceremony() {}
func (*muteLine) Reset()    {}
func (*muteLine) Close()    {}

// still is a player of the demo's logins without a network, with that many nonces ready.
func still(tb testing.TB, nonces int, journeys string) (*journey.Player, wall) {
	tb.Helper()
	_, program, err := compile(tb, "passrig-demo", "http://localhost:8080", journeys)
	if err != nil {
		tb.Fatal(err)
	}
	users, err := fleet.New(fleet.Config{Seed: 1, Count: 10, PoolSize: nonces, Device: virtual.Config{BackupEligible: true, BackedUp: true}})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = users.Close() })
	if err := users.Enroll(0, []byte("handle"), true); err != nil {
		tb.Fatal(err)
	}
	if err := users.Fill(tb.Context(), nonces, nil); err != nil {
		tb.Fatal(err)
	}
	var user fleet.User
	users.User(0, &user)
	base, err := wire.NewFast(wire.Config{Clock: time.Now})
	if err != nil {
		tb.Fatal(err)
	}
	options := plays()["passrig-demo"]["POST /api/login/options"]
	_, options, _ = strings.Cut(options, "\n\n")
	client := &mute{Client: base, answers: map[string][]byte{
		"/api/login/options": []byte(strings.ReplaceAll(options, "CREDENTIAL", string(user.CredentialID.Text))),
		"/api/login/result":  []byte(`{"ok":true}`),
		"/api/whoami":        []byte(`{"user":{"username":"` + string(user.Username) + `"}}`),
	}}
	clock := wall{time.Now()}
	player := program.NewPlayer(0, client, users, clock)
	tb.Cleanup(player.Close)
	return player, clock
}

const loginOnly = "  journeys:\n    login:\n      steps:\n        - login: {user: alice, on: laptop}\n"

// A login on the fast path takes no memory, whatever the clients and the signatures take.
func TestLoginAllocates(t *testing.T) {
	player, clock := still(t, 1<<12, loginOnly)
	ctx := t.Context()
	failed := 0
	got := testing.AllocsPerRun(1000, func() {
		if it, _ := player.Play(ctx, 0, 0, clock.Now()); it.Failed {
			failed++
		}
	})
	if failed > 0 || got > 1 {
		t.Errorf("%d failed, %v allocations per login", failed, got)
	}
}

func BenchmarkLogin(b *testing.B) {
	player, clock := still(b, 1<<18, loginOnly)
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if it, s := player.Play(ctx, 0, 0, clock.Now()); it.Failed {
			b.Fatal(s)
		}
	}
}
