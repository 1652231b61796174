package fabric_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/passrig/passrig/virtual/fabric"
	"github.com/passrig/passrig/virtual/providers"
)

// Where nothing stays deleted, a wiped account does: not what devices still have, not what they change before they learn of
// it, and not what only an older copy of the cloud's state knows nothing of.
func TestWipedForGood(t *testing.T) {
	for _, rule := range []string{providers.TombstonesWin, providers.TombstonesResurrect, providers.TombstonesIgnored} {
		for _, older := range []bool{false, true} {
			t.Run(rule, func(t *testing.T) {
				r := newRig(t, fabric.NetworkConfig{}, func(p *providers.Provider) { p.Sync.Tombstones = rule })
				laptop, phone := r.pair()
				tablet := r.device("tablet", 0)
				r.must(tablet.Unlock(t.Context(), pin))
				snapshot, err := r.cloud.Snapshot()
				r.must(err)
				changed, untouched := laptop.save("alice"), laptop.save("bob")
				r.wait(time.Second, phone, tablet)
				_, err = phone.SetOnline(t.Context(), false)
				r.must(err)
				r.now = r.now.Add(time.Second)
				r.must(phone.Rename(t.Context(), changed, "changed", ""))
				mine := phone.save("carol")
				r.must(laptop.WipeAccount(t.Context()))
				if older {
					r.must(r.cloud.Restart(snapshot))
					for _, d := range []*device{laptop, phone, tablet} {
						d.Reconnect(r.account())
					}
				}
				r.wait(time.Second, laptop, tablet)
				r.must(laptop.Found(t.Context(), pin))
				_, err = phone.SetOnline(t.Context(), true)
				r.must(err)
				r.must(phone.Unlock(t.Context(), pin))
				r.must(tablet.Unlock(t.Context(), pin))
				for range 3 {
					r.wait(time.Second, laptop, phone, tablet)
				}
				for _, d := range []*device{laptop, phone, tablet} {
					if d.has(changed) || d.has(untouched) || !d.has(mine) || d.Status().Queued != 0 {
						t.Errorf("%s (older copy: %t): changed %t, untouched %t, never in the wiped vault %t, %+v",
							d.name, older, d.has(changed), d.has(untouched), d.has(mine), d.Status())
					}
				}
			})
		}
	}
}

// What overtakes the deletion of what it took the place of was made with it known, and is no conflict.
func TestOvertakenReplacement(t *testing.T) {
	for seed := range uint64(30) {
		r := newRig(t, fabric.NetworkConfig{Delay: fabric.LogNormal(time.Second, time.Minute), Seed: seed}, func(p *providers.Provider) {
			p.Sync.Replace = providers.ReplaceOverwrite
		})
		laptop, phone := r.pair()
		tablet := r.device("tablet", 0)
		r.must(tablet.Unlock(t.Context(), pin))
		laptop.save("alice")
		_, err := phone.Pull(t.Context())
		r.must(err)
		phone.save("alice") // over that of another device
		r.now = r.now.Add(time.Second)
		phone.save("alice") // and over its own
		for range 100 {
			r.wait(time.Second, laptop, phone, tablet)
		}
		for _, d := range []*device{laptop, phone, tablet} {
			for _, e := range d.events {
				if e.Kind == fabric.EventConflict {
					t.Errorf("seed %d: %s: %s", seed, d.name, e.Text)
				}
			}
		}
	}
}

// A history that is longer than the one a device knows, but another one, is seen by whatever the device does next.
func TestLongerSplitView(t *testing.T) {
	for more := range 3 {
		r := newRig(t, fabric.NetworkConfig{})
		laptop, phone := r.pair()
		old := r.ledger.Clone()
		id := laptop.save("alice")
		_ = r.device("thief", 0).Unlock(t.Context(), "000000")
		_, err := laptop.Pull(t.Context())
		r.must(err)
		r.cloud = r.open(old)
		for range more + 1 {
			_ = r.device("other", 0).Unlock(t.Context(), "000000")
		}
		for _, d := range []*device{laptop, phone} {
			d.Reconnect(r.account())
		}
		_, err = phone.Pull(t.Context()) // it has not seen the try of the thief
		r.must(err)
		for what, act := range map[string]func() error{
			"rename":    func() error { return laptop.Rename(t.Context(), id, "new", "") },
			"pull":      func() error { _, err := laptop.Pull(t.Context()); return err },
			"rotate":    func() error { return laptop.Rotate(t.Context()) },
			"reset PIN": func() error { return laptop.ResetPIN(t.Context(), pin) },
			"wipe":      func() error { return laptop.WipeAccount(t.Context()) },
		} {
			t.Run(what, func(t *testing.T) { wantError(t, act(), fabric.ErrSplitView) })
		}
	}
}

// A passkey in the trash is in the trash again when the cloud has come back from a copy older than the passkey.
func TestTrashedAfterOlderCopy(t *testing.T) {
	r := newRig(t, fabric.NetworkConfig{}, func(p *providers.Provider) { p.Sync.Delete = providers.DeleteTrash })
	laptop, phone := r.pair()
	older, err := r.cloud.Snapshot()
	r.must(err)
	id := laptop.save("alice")
	r.must(laptop.Delete(t.Context(), id))
	r.wait(time.Second, phone)
	r.must(r.cloud.Restart(older))
	for _, d := range []*device{laptop, phone} {
		d.Reconnect(r.account())
		_, err := d.Pull(t.Context())
		r.must(err)
	}
	r.wait(time.Second, laptop, phone)
	records, _, err := r.account().Pull("laptop", 0)
	r.must(err)
	if len(records) != 1 || records[0].State != fabric.Trashed {
		t.Errorf("the cloud has %+v", records)
	}
	r.must(phone.Restore(t.Context(), id))
	r.wait(time.Second, laptop, phone)
	if !laptop.has(id) || !phone.has(id) {
		t.Errorf("on the laptop %t, on the phone %t", laptop.has(id), phone.has(id))
	}
}

// A cloud that has come back from a copy older than its keys gets what was sealed with them again, and devices have the same
// keys after the next rotation.
func TestRotatedAfterOlderCopy(t *testing.T) {
	for _, away := range []bool{false, true} {
		r := newRig(t, fabric.NetworkConfig{}, func(p *providers.Provider) { p.Sync.DeleteChain = false })
		laptop, phone := r.pair()
		before := laptop.save("alice")
		older, err := r.cloud.Snapshot()
		r.must(err)
		r.must(laptop.Rotate(t.Context()))
		r.wait(time.Second, phone)
		replaced, theirs := laptop.save("bob"), phone.save("carol")
		mine := laptop.save("bob")
		r.wait(time.Second, laptop, phone)
		r.must(r.cloud.Restart(older))
		for _, d := range []*device{laptop, phone} {
			d.Reconnect(r.account())
		}
		if away {
			_, err := phone.SetOnline(t.Context(), false)
			r.must(err)
		}
		_, err = laptop.Pull(t.Context())
		r.must(err)
		r.must(laptop.Rotate(t.Context()))
		last := laptop.save("dave")
		_, err = phone.SetOnline(t.Context(), true)
		r.must(err)
		_, err = phone.Pull(t.Context())
		r.must(err)
		r.wait(time.Second, laptop, phone)
		tablet := r.device("tablet", 0)
		r.must(tablet.Unlock(t.Context(), pin))
		for _, d := range []*device{laptop, phone, tablet} {
			for _, id := range [][]byte{before, replaced, mine, theirs, last} {
				if v := d.view(id); !d.has(id) {
					t.Errorf("away %t: %s lacks %x: %+v", away, d.name, id[:4], v)
				}
			}
		}
		r.must(phone.Delete(t.Context(), mine))
		r.wait(time.Second, laptop, tablet)
		for _, d := range []*device{laptop, phone, tablet} { // as discoverable as it was made
			if got := d.offered("bob"); !bytes.Equal(got, replaced) {
				t.Errorf("away %t: %s offers %x, want what was replaced", away, d.name, got)
			}
		}
	}
}

// What a device made and replaced while it was away is sealed with keys of a vault that is gone: it is sealed again for the
// next one.
func TestMadeForAnotherVault(t *testing.T) {
	r := newRig(t, fabric.NetworkConfig{})
	laptop, phone := r.pair()
	_, err := phone.SetOnline(t.Context(), false)
	r.must(err)
	first := phone.save("bob")
	second := phone.create("bob") // which drops the first from the keychain, and no scan has put it back
	r.must(laptop.WipeAccount(t.Context()))
	r.must(laptop.Found(t.Context(), pin))
	_, err = phone.SetOnline(t.Context(), true)
	r.must(err)
	r.must(phone.Unlock(t.Context(), pin))
	_, err = phone.Scan(t.Context())
	r.must(err)
	r.wait(time.Second, laptop)
	for _, d := range []*device{laptop, phone} {
		if !d.has(first) || !bytes.Equal(d.offered("bob"), second) {
			t.Errorf("%s has the first: %t, offers %x, want %x", d.name, d.has(first), d.offered("bob"), second)
		}
	}
}
