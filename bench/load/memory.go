package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/passrig/passrig/internal/load/fleet"
	"github.com/passrig/passrig/virtual/providers"
)

// slow is how long the null server takes for an answer, so that many are waited for.
const slow = 100 * time.Millisecond

// seed is what passrig's users are derived from.
const seed = 1

// memory weighs passrig with many users, and many of them in flight.
func (b *bench) memory(ctx context.Context) error {
	all := contestants()
	c := all[slices.IndexFunc(all, func(c contestant) bool { return c.name == pooled })]
	if b.only != nil && !b.only.MatchString(c.name) {
		return nil
	}
	e := event{Server: nullServer, What: login, delay: slow, enrolled: true}
	for _, users := range []int64{b.plan.users, b.plan.more} {
		b.say("memory: %d users, %d in flight", users, b.plan.crowd)
		m := b.match(e)
		m.Users, m.Workers = users, b.plan.crowd
		s, err := b.play(ctx, c, e, m)
		if err != nil {
			return fmt.Errorf("memory: %w", err)
		}
		b.result.Memory = append(b.result.Memory, weight{Users: users, InFlight: b.plan.crowd, RSS: s.RSS, PeakRSS: s.PeakRSS})
	}
	return nil
}

// enroll writes passrig's state file as it is when all users have been registered.
func enroll(m match) (err error) {
	catalogue, err := providers.Builtin()
	if err != nil {
		return err
	}
	provider, err := catalogue.Find(providerName)
	if err != nil {
		return err
	}
	f, err := fleet.New(fleet.Config{
		Device: provider.Config,
		Seed:   seed, Count: m.Users, Prefix: m.Prefix(), State: stateFile(m), Origin: m.Origin, Adapter: "passrig-demo",
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	handle := make([]byte, 32) // as long as the demo relying party's
	for i := range m.Users {
		if err := f.Enroll(i, handle, true); err != nil {
			return err
		}
	}
	return nil
}
