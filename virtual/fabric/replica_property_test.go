package fabric_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/fabric"
	"github.com/passrig/passrig/virtual/providers"
)

// purse is a keychain without cryptography.
type purse struct {
	list       []virtual.StoredCredential
	generation uint64
}

var _ fabric.Counted = (*purse)(nil)

func (p *purse) Generation() uint64 { return p.generation }

func (p *purse) Credentials() []virtual.Credential {
	list := make([]virtual.Credential, len(p.list))
	for i := range p.list {
		list[i] = p.list[i].Credential
	}
	return list
}

func (p *purse) find(id []byte) int {
	return slices.IndexFunc(p.list, func(c virtual.StoredCredential) bool { return bytes.Equal(c.ID, id) })
}

func (p *purse) Export(_ context.Context, id []byte) (virtual.StoredCredential, error) {
	i := p.find(id)
	if i < 0 {
		return virtual.StoredCredential{}, virtual.ErrUnknownCredential
	}
	return p.list[i], nil
}

func (p *purse) Import(_ context.Context, stored virtual.StoredCredential) error {
	if i := p.find(stored.ID); i >= 0 {
		p.list = slices.Delete(p.list, i, i+1)
	}
	p.list = append(p.list, stored)
	p.generation++
	return nil
}

func (p *purse) Remove(_ context.Context, id []byte) error {
	if i := p.find(id); i >= 0 {
		p.list = slices.Delete(p.list, i, i+1)
		p.generation++
	}
	return nil
}

// make is a ceremony: the new passkey takes the place of the discoverable one of its user.
func (p *purse) make(number uint64, user string, created time.Time) {
	p.list = slices.DeleteFunc(p.list, func(c virtual.StoredCredential) bool {
		return c.Discoverable && string(c.UserHandle) == user
	})
	id := binary.BigEndian.AppendUint64([]byte("credential-"), number)
	p.list = append(p.list, virtual.StoredCredential{
		Credential: virtual.Credential{
			ID: id, RPID: rpID, UserHandle: []byte(user), UserName: user, Discoverable: true, BackupEligible: true, BackedUp: true, Created: created,
		},
		PrivateKey: append([]byte("key of "), id...),
	})
	p.generation++
}

// society is an account whose devices do anything in any order.
type society struct {
	*rapid.T
	ctx       context.Context
	now       time.Time
	provider  *providers.Provider
	account   *fabric.Account
	network   *fabric.Network
	devices   []*citizen
	made      uint64
	pushed    map[string]bool // credential ids that the cloud has acknowledged
	condemned map[string]bool // those that somebody has deleted, or put into the trash
	wiped     map[string]bool // those that the cloud had when the account was wiped
	dead      map[fabric.SyncID]bool
	late      int // changes of passkeys that were deleted meanwhile
}

type citizen struct {
	*fabric.Replica
	name  string
	purse *purse
	clock func() time.Time
	away  bool
	cut   bool
}

func newSociety(ctx context.Context, t *rapid.T) *society {
	s := &society{T: t, ctx: ctx, now: noon, pushed: map[string]bool{}, condemned: map[string]bool{}, wiped: map[string]bool{}, dead: map[fabric.SyncID]bool{}}
	clock := func() time.Time { return s.now }
	draw := func(label string, values ...string) string { return rapid.SampledFrom(values).Draw(t, label) }
	s.provider = shadowing(func(p *providers.Provider) {
		p.Sync.Merge = draw("merge", providers.MergeServerWins, providers.MergeLastWriter)
		p.Sync.Replace = draw("replace", providers.ReplaceShadow, providers.ReplaceOverwrite, providers.ReplaceKeepBoth)
		p.Sync.Delete = draw("delete", providers.DeleteAtOnce, providers.DeleteTrash)
		p.Sync.Tombstones = draw("tombstones", providers.TombstonesWin, providers.TombstonesResurrect, providers.TombstonesIgnored)
		p.Sync.DeleteChain = rapid.Bool().Draw(t, "chain")
		p.Signals.AllAccepted = draw("signals", providers.SignalHide, providers.SignalDelete)
		if rapid.Bool().Draw(t, "index") {
			p.Sync.IndexDelay = 5 * time.Second
		}
	})
	s.network = fabric.NewNetwork(fabric.NetworkConfig{
		Delay: fabric.LogNormal(time.Second, time.Minute), Clock: clock, Seed: rapid.Uint64().Draw(t, "seed"),
		Loss: rapid.Float64Range(0, 0.5).Draw(t, "loss"), Duplicates: rapid.Float64Range(0, 0.5).Draw(t, "duplicates"),
	})
	cloud, err := fabric.Open(fabric.CloudConfig{Provider: s.provider, Clock: clock, KDF: fabric.KDF{Time: 1, MemoryKiB: 8, Threads: 1}})
	s.must(err)
	s.account = cloud.Account("alice")
	for i := range rapid.IntRange(2, 4).Draw(t, "devices") {
		skew := time.Duration(rapid.IntRange(-600, 600).Draw(t, "skew")) * time.Second
		c := &citizen{name: fmt.Sprintf("device-%d", i), purse: &purse{}, clock: func() time.Time { return s.now.Add(skew) }}
		c.Replica, err = fabric.NewReplica(fabric.ReplicaConfig{
			Device: c.name, Account: s.account, Provider: s.provider, Network: s.network, Keychain: c.purse, Clock: c.clock, Heard: s.heard,
		})
		s.must(err)
		s.devices = append(s.devices, c)
	}
	s.must(s.devices[0].Found(ctx, pin))
	for _, c := range s.devices[1:] {
		s.must(c.Unlock(ctx, pin))
	}
	return s
}

func (s *society) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *society) heard(e fabric.Event) {
	switch e.Kind {
	case fabric.EventPushed:
		s.pushed[string(e.CredentialID)] = true
	case fabric.EventDeleted, fabric.EventTrashed:
		s.condemned[string(e.CredentialID)] = true
	default:
	}
}

func (s *society) someone() *citizen { return rapid.SampledFrom(s.devices).Draw(s.T, "device") }

// something is a passkey that the device knows and that is not deleted; nil if there is none.
func (s *society) something(c *citizen, state fabric.State) []byte {
	var ids [][]byte
	for _, v := range c.Records() {
		if v.State == state {
			ids = append(ids, v.CredentialID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return rapid.SampledFrom(ids).Draw(s.T, "passkey")
}

func (s *society) scan(c *citizen) {
	_, err := c.Scan(s.ctx)
	s.must(err)
}

// with does something to a passkey of a device in a state.
func (s *society) with(state fabric.State, act func(c *citizen, id []byte) error) func(*rapid.T) {
	return func(*rapid.T) {
		c := s.someone()
		if id := s.something(c, state); id != nil {
			s.must(act(c, id))
		}
	}
}

func (s *society) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"save": func(t *rapid.T) {
			c := s.someone()
			s.made++
			c.purse.make(s.made, rapid.SampledFrom([]string{"alice", "bob"}).Draw(t, "user"), c.clock())
			if rapid.IntRange(0, 9).Draw(t, "scan") > 0 {
				s.scan(c)
			}
		},
		"scan": func(*rapid.T) { s.scan(s.someone()) },
		"rename": s.with(fabric.Live, func(c *citizen, id []byte) error {
			return c.Rename(s.ctx, id, rapid.StringN(1, 5, -1).Draw(s.T, "name"), "")
		}),
		"use":     s.with(fabric.Live, func(c *citizen, id []byte) error { return c.Used(s.ctx, id) }),
		"delete":  s.with(fabric.Live, func(c *citizen, id []byte) error { return c.Delete(s.ctx, id) }),
		"empty":   s.with(fabric.Trashed, func(c *citizen, id []byte) error { return c.Delete(s.ctx, id) }),
		"restore": s.with(fabric.Trashed, func(c *citizen, id []byte) error { return c.Restore(s.ctx, id) }),
		"count": s.with(fabric.Live, func(c *citizen, id []byte) error {
			if i := c.purse.find(id); i >= 0 {
				c.purse.list[i].SignCount++
				c.purse.generation++
			}
			s.scan(c)
			return nil
		}),
		"remove": s.with(fabric.Live, func(c *citizen, id []byte) error {
			err := c.purse.Remove(s.ctx, id)
			s.scan(c)
			return err
		}),
		"signal": func(t *rapid.T) {
			c := s.someone()
			var accepted [][]byte
			for _, v := range c.Records() {
				if rapid.Bool().Draw(t, "accepted") {
					accepted = append(accepted, v.CredentialID)
				}
			}
			_, err := c.Heed(s.ctx, virtual.Signal{
				Type: virtual.SignalAllAcceptedCredentials, RPID: rpID, UserHandle: []byte("alice"), Accepted: accepted,
			})
			s.must(err)
		},
		"offline": func(*rapid.T) {
			s.toggle(s.someone())
		},
		"partition": func(*rapid.T) {
			c := s.someone()
			c.cut = !c.cut
			s.network.Partition(c.name, c.cut)
		},
		"rotate": func(*rapid.T) {
			if c := s.someone(); !c.away && !c.cut {
				s.must(c.Rotate(s.ctx))
			}
		},
		"pull": func(*rapid.T) {
			if c := s.someone(); !c.away && !c.cut {
				_, err := c.Pull(s.ctx)
				s.must(err)
			}
		},
		"leave": func(*rapid.T) {
			if c := s.someone(); !c.away && !c.cut {
				s.scan(c)
				s.must(c.SignOut(s.ctx))
				s.must(c.Unlock(s.ctx, pin))
			}
		},
		"wipe": func(*rapid.T) {
			if c := s.someone(); !c.away && !c.cut && rapid.IntRange(0, 4).Draw(s.T, "really") == 0 {
				s.wipe(c)
			}
		},
		"wait": func(t *rapid.T) {
			s.now = s.now.Add(time.Duration(rapid.IntRange(1, 120_000).Draw(t, "ms")) * time.Millisecond)
			if rapid.Bool().Draw(t, "advance") {
				s.advance()
			}
		},
		"": s.check,
	}
}

// wipe deletes all that the cloud has, whatever the others are doing, and begins a new vault, which all then join.
func (s *society) wipe(c *citizen) {
	for _, rec := range s.records() {
		s.wiped[string(rec.CredentialID)] = true
	}
	s.must(c.WipeAccount(s.ctx))
	s.must(c.Found(s.ctx, pin))
	for _, c := range s.devices {
		c.away, c.cut = false, false
		s.network.Partition(c.name, false)
		_, err := c.SetOnline(s.ctx, true)
		s.must(err)
		if _, err = c.Pull(s.ctx); errors.Is(err, fabric.ErrNotEnrolled) {
			err = c.Unlock(s.ctx, pin)
		}
		s.must(err)
	}
}

// toggle takes a device offline or brings it back. What it changed meanwhile of a passkey that others have deleted, comes
// to nothing or brings it back, as the provider has it.
func (s *society) toggle(c *citizen) {
	var late []fabric.SyncID
	c.away = !c.away
	if !c.away && !c.cut && s.provider.Sync.Delete == providers.DeleteAtOnce {
		dead := map[fabric.SyncID]bool{}
		for _, rec := range s.records() {
			dead[rec.SyncID] = rec.State == fabric.Dead
		}
		for _, v := range c.Records() {
			if v.Queued && v.State == fabric.Live && dead[v.SyncID] {
				late = append(late, v.SyncID)
			}
		}
	}
	_, err := c.SetOnline(s.ctx, !c.away)
	s.must(err)
	want := fabric.Dead
	if s.provider.Sync.Tombstones != providers.TombstonesWin {
		want = fabric.Live
	}
	for _, id := range late {
		s.late++
		for _, rec := range s.records() {
			if rec.SyncID == id && rec.State != want {
				s.Fatalf("a late change of a deleted passkey left it %s, want %s", rec.State, want)
			}
		}
		for _, v := range c.Records() {
			if v.SyncID == id && v.State != want {
				s.Fatalf("%s has %+v, want it %s", c.name, v, want)
			}
		}
	}
}

func (s *society) advance() {
	for _, c := range s.devices {
		_, err := c.Advance(s.ctx)
		s.must(err)
	}
}

func (s *society) records() []fabric.Record {
	for _, m := range s.account.Members() {
		if m.State == fabric.MemberEnrolled {
			records, _, err := s.account.Pull(m.Device, 0)
			s.must(err)
			return records
		}
	}
	s.Fatal("nobody is enrolled")
	return nil
}

// check is true at any time: what the cloud has acknowledged is there, and where tombstones win the dead stay dead.
func (s *society) check(*rapid.T) {
	s.now = s.now.Add(time.Millisecond)
	there := map[string]bool{}
	for _, rec := range s.records() {
		there[string(rec.CredentialID)] = true
		if s.dead[rec.SyncID] && rec.State != fabric.Dead && s.provider.Sync.Tombstones == providers.TombstonesWin {
			s.Fatalf("%x came back from the dead", rec.CredentialID)
		}
		s.dead[rec.SyncID] = rec.State == fabric.Dead
	}
	for id := range s.pushed {
		if !there[id] {
			s.Fatalf("the cloud has acknowledged %q and does not have it", id)
		}
	}
}

// heal brings everybody back and lets everything arrive.
func (s *society) heal() {
	for _, c := range s.devices {
		s.network.Partition(c.name, false)
		c.away, c.cut = false, false
		_, err := c.SetOnline(s.ctx, true)
		s.must(err)
	}
	for range 8 {
		for _, c := range s.devices {
			s.scan(c)
		}
		s.advance()
		s.now = s.now.Add(time.Hour)
	}
	if at, ok := s.network.Next(); ok {
		s.Fatalf("something is under way until %s, now is %s", at, s.now)
	}
}

// agree checks that every device has what the cloud has, and that keychains have what they should.
func (s *society) agree() {
	truth := map[fabric.SyncID]fabric.Record{}
	for _, rec := range s.records() {
		truth[rec.SyncID] = rec
	}
	first := s.devices[0].purse.content()
	for _, c := range s.devices {
		if got := c.Status(); got.Queued != 0 || !got.Enrolled || got.Epoch != s.account.Epoch() {
			s.Fatalf("%s: %+v, the vault is at epoch %d", c.name, got, s.account.Epoch())
		}
		seen := 0
		for _, v := range c.Records() {
			rec, known := truth[v.SyncID]
			if !known && v.State == fabric.Dead {
				continue // made and deleted before the cloud heard of it
			}
			seen++
			if v.Version != rec.Version || v.State != rec.State || v.Hidden != rec.Meta.Hidden || v.UserName != rec.Meta.UserName || v.Epoch != rec.Epoch {
				s.Fatalf("%s has %+v\nthe cloud has %+v", c.name, v, rec)
			}
			twin := slices.ContainsFunc(c.Records(), func(w View) bool {
				return w.SyncID != v.SyncID && bytes.Equal(w.CredentialID, v.CredentialID) && w.Usable
			})
			if want := v.State == fabric.Live && !v.Hidden; v.Usable != want && !twin {
				s.Fatalf("%s: usable %t, want %t: %+v", c.name, v.Usable, want, v)
			}
			if s.pushed[string(v.CredentialID)] && !s.condemned[string(v.CredentialID)] && v.State != fabric.Live {
				s.Fatalf("%s: nobody has deleted %+v", c.name, v)
			}
		}
		for id := range s.wiped {
			if c.purse.find([]byte(id)) >= 0 {
				s.Fatalf("%s has %q, which was wiped", c.name, id)
			}
		}
		for _, rec := range truth {
			if rec.State != fabric.Dead && !slices.ContainsFunc(c.Records(), func(v View) bool { return v.SyncID == rec.SyncID }) {
				s.Fatalf("%s has never heard of %+v", c.name, rec)
			}
		}
		if diff := cmp.Diff(first, c.purse.content()); diff != "" {
			s.Fatalf("keychains of %s and %s (-first +other):\n%s", s.devices[0].name, c.name, diff)
		}
		offered := map[string]int{}
		for _, credential := range c.purse.list {
			if credential.Discoverable {
				offered[string(credential.UserHandle)]++
			}
		}
		for user, n := range offered {
			if n > 1 && s.provider.Sync.Replace != providers.ReplaceKeepBoth {
				s.Fatalf("%s offers %d passkeys of %s", c.name, n, user)
			}
		}
	}
}

type View = fabric.View

// content is what a keychain has, whatever its order.
func (p *purse) content() map[string]virtual.StoredCredential {
	all := map[string]virtual.StoredCredential{}
	for _, c := range p.list {
		all[string(c.ID)] = c
	}
	return all
}

// Whatever happens in whatever order: when all are back, all have the same, it is what the cloud has, and nothing that it
// acknowledged is lost.
func TestConvergence(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newSociety(t.Context(), rt)
		rt.Repeat(s.actions())
		s.heal()
		s.agree()
	})
}

// The same for what is rare in disorder: deleted here, changed there meanwhile, in random numbers and orders.
func TestLateChanges(t *testing.T) {
	late := 0
	rapid.Check(t, func(rt *rapid.T) {
		s := newSociety(t.Context(), rt)
		for range 3 {
			s.made++
			s.devices[0].purse.make(s.made, fmt.Sprintf("user-%d", s.made), s.devices[0].clock())
			s.scan(s.devices[0])
		}
		s.heal()
		actions := s.actions()
		for range 4 {
			for _, name := range rapid.Permutation([]string{"offline", "delete", "use", "rename", "wait"}).Draw(rt, "order") {
				actions[name](rt)
				s.check(rt)
			}
		}
		s.heal()
		s.agree()
		late += s.late
	})
	if late == 0 {
		t.Error("nothing was ever late")
	}
}
