package fabric_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/fabric"
	"github.com/passrig/passrig/virtual/providers"
)

// What becomes of a passkey when its user makes another one, on the device and on the others.
func TestReplace(t *testing.T) {
	for _, c := range []struct {
		rule         string
		kept         bool // it can still sign when it is named
		discoverable bool
	}{
		{providers.ReplaceShadow, true, false},
		{providers.ReplaceOverwrite, false, false},
		{providers.ReplaceKeepBoth, true, true},
	} {
		t.Run(c.rule, func(t *testing.T) {
			r := newRig(t, fabric.NetworkConfig{}, func(p *providers.Provider) { p.Sync.Replace = c.rule })
			laptop, phone := r.pair()
			first := laptop.save("alice")
			r.now = r.now.Add(time.Minute)
			second := laptop.save("alice")
			r.wait(0, phone)
			for _, d := range []*device{laptop, phone} {
				if d.has(first) != c.kept || !bytes.Equal(d.offered("alice"), second) {
					t.Errorf("%s: kept %t, offers %x", d.name, d.has(first), d.offered("alice"))
				}
				for _, credential := range d.soft.Credentials() {
					if bytes.Equal(credential.ID, first) && credential.Discoverable != c.discoverable {
						t.Errorf("%s: the first one is discoverable: %t", d.name, credential.Discoverable)
					}
				}
				if got := d.view(first); got.Shadowed != (c.rule == providers.ReplaceShadow) {
					t.Errorf("%s: %+v", d.name, got)
				}
			}
			r.now = r.now.Add(time.Minute)
			_, err := laptop.Scan(t.Context())
			r.must(err)
			if laptop.has(first) != c.kept || laptop.Status().Queued != 0 {
				t.Error("the next scan changes something")
			}
		})
	}
}

// A chain of shadows goes with its newest, and without that rule gives its place back.
func TestDeleteChain(t *testing.T) {
	for _, whole := range []bool{true, false} {
		r := newRig(t, fabric.NetworkConfig{}, func(p *providers.Provider) { p.Sync.DeleteChain = whole })
		laptop, phone := r.pair()
		first, second, third := laptop.save("alice"), laptop.save("alice"), laptop.save("alice")
		r.wait(0, phone)
		r.must(phone.Delete(t.Context(), third))
		r.wait(0, laptop)
		for _, d := range []*device{laptop, phone} {
			if d.has(third) || d.has(second) == whole || d.has(first) == whole {
				t.Errorf("whole chain %t, %s: %t %t %t", whole, d.name, d.has(first), d.has(second), d.has(third))
			}
			if offered := d.offered("alice"); !whole && !bytes.Equal(offered, second) {
				t.Errorf("%s offers %x, want the second", d.name, offered)
			}
		}
	}
	r := newRig(t, fabric.NetworkConfig{})
	laptop, _ := r.pair()
	first, second, third := laptop.save("alice"), laptop.save("alice"), laptop.save("alice")
	r.must(laptop.Delete(t.Context(), second)) // not the newest: only it
	if !laptop.has(first) || laptop.has(second) || !laptop.has(third) {
		t.Error("deleting an older one of a chain took others along")
	}
}

// Two devices make a passkey for one user without knowing of each other: the one that says it is newer is offered, also
// when its clock is wrong. The other can still sign when it is named.
func TestRacingReplacement(t *testing.T) {
	for _, skew := range []time.Duration{-10 * time.Minute, 0, 10 * time.Minute} {
		r := newRig(t, fabric.NetworkConfig{Delay: fabric.Constant(time.Minute)})
		laptop, phone := r.device("laptop", 0), r.device("phone", skew)
		r.must(laptop.Found(t.Context(), pin))
		r.must(phone.Unlock(t.Context(), pin))
		mine := laptop.save("alice")
		r.now = r.now.Add(5 * time.Second)
		theirs := phone.save("alice")
		r.wait(time.Hour, laptop, phone)
		winner, loser := theirs, mine
		if skew < 0 {
			winner, loser = mine, theirs
		}
		for _, d := range []*device{laptop, phone} {
			if !bytes.Equal(d.offered("alice"), winner) || !d.has(loser) {
				t.Errorf("skew %s, %s: offers %x, has the other: %t", skew, d.name, d.offered("alice"), d.has(loser))
			}
			d.event(fabric.EventConflict)
		}
		third := laptop.save("alice") // takes the place of both
		r.wait(time.Hour, phone)
		if v := phone.view(winner); !v.Shadowed || !bytes.Equal(phone.offered("alice"), third) {
			t.Errorf("skew %s: %+v", skew, v)
		}
	}
}

// Who changed last wins, or who came first to the cloud: as the provider has it.
func TestConflictingNames(t *testing.T) {
	for _, c := range []struct {
		merge string
		skew  time.Duration // of the phone's clock
		want  string
	}{
		{providers.MergeServerWins, 0, "laptop"},
		{providers.MergeLastWriter, 0, "phone"},
		{providers.MergeLastWriter, -10 * time.Minute, "laptop"},
	} {
		r := newRig(t, fabric.NetworkConfig{}, func(p *providers.Provider) { p.Sync.Merge = c.merge })
		laptop, phone := r.device("laptop", 0), r.device("phone", c.skew)
		r.must(laptop.Found(t.Context(), pin))
		r.must(phone.Unlock(t.Context(), pin))
		id := laptop.save("alice")
		r.wait(time.Second, phone)
		_, err := phone.SetOnline(t.Context(), false)
		r.must(err)
		r.must(laptop.Rename(t.Context(), id, "laptop", ""))
		r.now = r.now.Add(time.Second)
		r.must(phone.Rename(t.Context(), id, "phone", ""))
		_, err = phone.SetOnline(t.Context(), true)
		r.must(err)
		r.wait(time.Second, laptop, phone)
		for _, d := range []*device{laptop, phone} {
			if got := d.view(id).UserName; got != c.want || d.soft.Credentials()[0].UserName != c.want {
				t.Errorf("%s, skew %s: on the %s it is called %q, want %q", c.merge, c.skew, d.name, got, c.want)
			}
		}
		if c.want == "laptop" {
			phone.event(fabric.EventConflict)
		}
	}
}

// What arrives late does not undo what was changed on the device meanwhile: that is for the cloud to decide.
func TestArrivalLeavesLocalChange(t *testing.T) {
	r := newRig(t, fabric.NetworkConfig{Delay: fabric.Constant(time.Second)}, func(p *providers.Provider) { p.Sync.Merge = providers.MergeLastWriter })
	laptop, phone := r.pair()
	id := laptop.save("alice")
	r.wait(time.Second, phone)
	r.must(laptop.Rename(t.Context(), id, "laptop", ""))
	r.now = r.now.Add(2 * time.Second)
	r.network.Partition("phone", true) // the name has arrived before, and nobody has looked
	r.must(phone.Rename(t.Context(), id, "phone", ""))
	r.wait(0, phone)
	if got := phone.view(id).UserName; got != "phone" {
		t.Errorf("on the phone it is called %q", got)
	}
	r.network.Partition("phone", false)
	r.wait(time.Second, phone)
	r.wait(time.Second, laptop)
	if got := laptop.view(id).UserName; got != "phone" {
		t.Errorf("on the laptop it is called %q", got)
	}
}

// Two changes of one passkey, of which the cloud takes one at a time, both get there.
func TestRestoreAndRename(t *testing.T) {
	r := newRig(t, fabric.NetworkConfig{}, func(p *providers.Provider) { p.Sync.Delete = providers.DeleteTrash })
	laptop, phone := r.pair()
	id := laptop.save("alice")
	r.must(laptop.Delete(t.Context(), id))
	r.wait(0, phone)
	_, err := phone.SetOnline(t.Context(), false)
	r.must(err)
	r.must(phone.Restore(t.Context(), id))
	r.must(phone.Rename(t.Context(), id, "al", "Al"))
	_, err = phone.SetOnline(t.Context(), true)
	r.must(err)
	r.wait(0, laptop)
	if v := laptop.view(id); !v.Usable || v.UserName != "al" {
		t.Errorf("on the laptop: %+v", v)
	}
}

// A device that signs in with a passkey that was deleted meanwhile loses it, or brings it back.
func TestTombstones(t *testing.T) {
	for rule, back := range map[string]bool{providers.TombstonesWin: false, providers.TombstonesResurrect: true} {
		r := newRig(t, fabric.NetworkConfig{}, func(p *providers.Provider) { p.Sync.Tombstones = rule })
		laptop, phone := r.pair()
		id := laptop.save("alice")
		r.wait(time.Second, phone)
		_, err := phone.SetOnline(t.Context(), false)
		r.must(err)
		r.must(laptop.Delete(t.Context(), id))
		r.now = r.now.Add(time.Second)
		r.must(phone.Used(t.Context(), id))
		laptop.kinds()
		_, err = phone.SetOnline(t.Context(), true)
		r.must(err)
		r.wait(time.Second, laptop, phone)
		if laptop.has(id) != back || phone.has(id) != back {
			t.Errorf("tombstones %s: on the laptop %t, on the phone %t", rule, laptop.has(id), phone.has(id))
		}
		if back {
			laptop.expect("arrived resurrected")
			continue
		}
		phone.event(fabric.EventConflict)
		phone.event(fabric.EventDeleted)
	}
}

// Where deletions are ignored, whoever still has the passkey brings it back, without having changed anything.
func TestIgnoredTombstones(t *testing.T) {
	r := newRig(t, fabric.NetworkConfig{}, func(p *providers.Provider) { p.Sync.Tombstones = providers.TombstonesIgnored })
	laptop, phone := r.pair()
	id := laptop.save("alice")
	r.wait(time.Second, phone)
	r.must(laptop.Delete(t.Context(), id))
	if laptop.has(id) {
		t.Error("it is still on the laptop")
	}
	laptop.kinds()
	r.wait(time.Second, phone, laptop)
	if !laptop.has(id) || !phone.has(id) {
		t.Errorf("on the laptop %t, on the phone %t", laptop.has(id), phone.has(id))
	}
	laptop.expect("arrived resurrected")
}

func TestTrash(t *testing.T) {
	r := newRig(t, fabric.NetworkConfig{}, func(p *providers.Provider) {
		p.Sync.Delete, p.Sync.TrashFor = providers.DeleteTrash, 30*24*time.Hour
	})
	laptop, phone := r.pair()
	id := laptop.save("alice")
	r.wait(0, phone)
	before, err := phone.soft.ExportCredential(id)
	r.must(err)
	r.must(laptop.Delete(t.Context(), id))
	r.wait(0, phone)
	if v := phone.view(id); phone.has(id) || v.State != fabric.Trashed || v.Why == "" {
		t.Errorf("in the trash: %+v", v)
	}
	r.must(phone.Restore(t.Context(), id))
	r.wait(0, laptop)
	after, err := phone.soft.ExportCredential(id)
	r.must(err)
	if !bytes.Equal(before.PrivateKey, after.PrivateKey) || !laptop.has(id) {
		t.Error("what is restored is not what it was")
	}
	r.must(laptop.Delete(t.Context(), id))
	r.must(laptop.Delete(t.Context(), id)) // for good
	r.wait(0, phone)
	wantError(t, phone.Restore(t.Context(), id), virtual.ErrUnknownCredential)
	other := laptop.save("bob")
	r.must(laptop.Delete(t.Context(), other))
	r.now = r.now.Add(31 * 24 * time.Hour)
	_, err = phone.Pull(t.Context())
	r.must(err)
	if v := phone.view(other); v.State != fabric.Dead {
		t.Errorf("after its time in the trash: %+v", v)
	}
	phone.expect("arrived arrived trashed restored pushed arrived trashed arrived deleted")
	_, err = laptop.SetOnline(t.Context(), false)
	r.must(err)
	offline := laptop.save("carol")
	r.must(laptop.Delete(t.Context(), offline)) // trashed before the cloud has heard of it
	_, err = laptop.SetOnline(t.Context(), true)
	r.must(err)
	r.wait(0, phone)
	r.must(phone.Restore(t.Context(), offline))
	if !phone.has(offline) {
		t.Error("it cannot be restored")
	}
}

// What is deleted on the device itself is deleted everywhere; what comes back there is back everywhere.
func TestKeychainChanges(t *testing.T) {
	r := newRig(t, fabric.NetworkConfig{}, func(p *providers.Provider) { p.Sync.Delete = providers.DeleteTrash })
	laptop, phone := r.pair()
	id := laptop.save("alice")
	r.wait(0, phone)
	stored, err := laptop.soft.ExportCredential(id)
	r.must(err)
	scan := func() {
		t.Helper()
		_, err := laptop.Scan(t.Context())
		r.must(err)
		r.wait(0, phone)
	}
	laptop.soft.RemoveCredential(id)
	scan()
	if phone.has(id) {
		t.Error("it is still on the phone")
	}
	r.must(laptop.soft.ImportCredential(stored))
	scan()
	if !phone.has(id) {
		t.Error("it is not back on the phone")
	}
	laptop.soft.Heed(virtual.Signal{Type: virtual.SignalCurrentUserDetails, RPID: rpID, UserHandle: stored.UserHandle, Name: "al", DisplayName: "Al"})
	stored.SignCount = 7
	stored.UserName, stored.UserDisplayName = "al", "Al"
	r.must(laptop.soft.ImportCredential(stored))
	scan()
	if c := phone.soft.Credentials()[0]; c.UserName != "al" || c.SignCount != 7 {
		t.Errorf("on the phone: %+v", c)
	}
	laptop.expect("pushed trashed pushed restored pushed renamed pushed")
}

// A counter never goes back, whoever counted.
func TestCounters(t *testing.T) {
	r := newRig(t, fabric.NetworkConfig{Delay: fabric.Constant(time.Minute)})
	laptop, phone := r.pair()
	id := laptop.save("alice")
	r.wait(time.Minute, phone)
	count := func(d *device, n uint32) {
		t.Helper()
		stored, err := d.soft.ExportCredential(id)
		r.must(err)
		stored.SignCount = n
		r.must(d.soft.ImportCredential(stored))
		_, err = d.Scan(t.Context())
		r.must(err)
	}
	count(laptop, 3)
	count(phone, 5) // refused: the cloud has a change that the phone did not know
	for range 4 {
		r.wait(time.Minute, laptop, phone)
	}
	for _, d := range []*device{laptop, phone} {
		if c := d.soft.Credentials()[0]; c.SignCount != 5 {
			t.Errorf("%s: counter %d, want 5", d.name, c.SignCount)
		}
	}
}

// The same passkey, imported on two devices: there are two records of it, and deleting it deletes both.
func TestTwins(t *testing.T) {
	r := newRig(t, fabric.NetworkConfig{Delay: fabric.Constant(time.Minute)})
	laptop, phone := r.pair()
	stranger := r.device("stranger", 0)
	id := stranger.create("alice")
	stored, err := stranger.soft.ExportCredential(id)
	r.must(err)
	for _, d := range []*device{laptop, phone} {
		r.must(d.soft.ImportCredential(stored))
		_, err := d.Scan(t.Context())
		r.must(err)
	}
	r.wait(time.Hour, laptop, phone)
	for _, d := range []*device{laptop, phone} {
		if n := len(d.soft.Credentials()); n != 1 || !bytes.Equal(d.offered("alice"), id) || len(d.Records()) != 2 {
			t.Errorf("%s: %d passkeys, %d records", d.name, n, len(d.Records()))
		}
	}
	r.must(phone.Delete(t.Context(), id))
	r.wait(time.Hour, laptop, phone)
	if laptop.has(id) || phone.has(id) {
		t.Error("it is still there")
	}
}
