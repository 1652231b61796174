package journey_test

import (
	"sync"
	"testing"
	"time"

	"github.com/passrig/passrig/internal/demorp/demorptest"
	"github.com/passrig/passrig/internal/load/wire"
)

// Players share a program, and none of them disturbs another.
func TestCrowd(t *testing.T) {
	t.Parallel()
	const players, users = 8, 5
	r := newRig(t, "passrig-demo", demorptest.Start(t, nil), demoJourneys, false, "ES256")
	client, err := wire.NewFast(wire.Config{Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	at := make(map[string]int)
	for i, name := range r.program.Journeys() {
		at[name] = i
	}
	var playing sync.WaitGroup
	for worker := range players {
		playing.Go(func() {
			player := r.program.NewPlayer(worker, client, r.users, r.clock)
			defer player.Close()
			for i := range users {
				user := int64(worker*users + i)
				for _, name := range []string{"newcomer", "login", "roam"} {
					if it, samples := player.Play(t.Context(), at[name], user, r.clock.Now()); it.Failed || it.Bytes == 0 {
						t.Errorf("user %d, %s: %+v", user, name, samples)
					}
				}
			}
		})
	}
	playing.Wait()
	if got := r.users.Enrolled(); got != players*users {
		t.Errorf("%d enrolled, want %d", got, players*users)
	}
}
