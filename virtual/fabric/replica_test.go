package fabric_test

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/fabric"
	"github.com/passrig/passrig/virtual/providers"
)

// A passkey made on one device is the same on the other: key, PRF secret, names.
func TestRoam(t *testing.T) {
	r := newRig(t, fabric.NetworkConfig{})
	laptop, phone := r.pair()
	id := laptop.save("alice")
	laptop.expect("pushed")
	r.wait(0, phone)
	phone.expect("arrived")
	mine, err := laptop.soft.ExportCredential(id)
	r.must(err)
	theirs, err := phone.soft.ExportCredential(id)
	r.must(err)
	if diff := cmp.Diff(mine, theirs); diff != "" {
		t.Errorf("the phone's passkey (-laptop +phone):\n%s", diff)
	}
	if got := phone.Status(); !got.Enrolled || !got.Online || got.Epoch != 1 || got.Queued != 0 || !got.LastPull.Equal(noon) {
		t.Errorf("status %+v", got)
	}
}

// What was there before a device was enrolled, it has from the beginning.
func TestEnrolledLater(t *testing.T) {
	r := newRig(t, fabric.NetworkConfig{Manual: true})
	laptop := r.device("laptop", 0)
	r.must(laptop.Found(t.Context(), pin))
	id := laptop.save("alice")
	r.now = r.now.Add(time.Hour)
	phone := r.device("phone", 0)
	r.must(phone.Unlock(t.Context(), pin))
	if !phone.has(id) {
		t.Error("the phone has nothing")
	}
	arrived := phone.event(fabric.EventArrived)
	if !arrived.Sent.Equal(noon) || !arrived.At.Equal(r.now) || arrived.From != "laptop" {
		t.Errorf("arrival %+v", arrived)
	}
	phone.expect("unlocked enrolled arrived")
}

// A delivery takes effect when it was due, however late it is looked at.
func TestDue(t *testing.T) {
	r := newRig(t, fabric.NetworkConfig{Delay: fabric.Constant(10 * time.Second)})
	laptop, phone := r.pair()
	id := laptop.save("alice")
	if at, n := phone.Due(); n != 1 || !at.Equal(noon.Add(10*time.Second)) {
		t.Errorf("due at %s, %d under way", at, n)
	}
	if at, ok := r.network.Next(); !ok || !at.Equal(noon.Add(10*time.Second)) {
		t.Errorf("the next one at %s, %t", at, ok)
	}
	r.wait(10*time.Second-1, phone)
	if phone.has(id) {
		t.Error("it arrived early")
	}
	r.wait(time.Hour, phone)
	arrived := phone.event(fabric.EventArrived)
	if !phone.has(id) || !arrived.At.Equal(noon.Add(10*time.Second)) || !arrived.Sent.Equal(noon) || arrived.From != "laptop" {
		t.Errorf("arrival %+v", arrived)
	}
	if _, ok := r.network.Next(); ok {
		t.Error("something is under way still")
	}
}

// What was pulled does not arrive once more.
func TestPullOvertakesDeliveries(t *testing.T) {
	r := newRig(t, fabric.NetworkConfig{Delay: fabric.Constant(time.Minute), Duplicates: 1})
	laptop, phone := r.pair()
	id := laptop.save("alice")
	r.now = r.now.Add(time.Second)
	_, err := phone.Pull(t.Context())
	r.must(err)
	arrived := phone.event(fabric.EventArrived)
	if _, n := phone.Due(); n != 0 || !phone.has(id) || !arrived.At.Equal(r.now) || !arrived.Sent.Equal(noon) {
		t.Errorf("%d under way, arrival %+v", n, arrived)
	}
	r.wait(time.Hour, phone)
	phone.expect("arrived")
}

// What a device sees is what the cloud announced at that time, not what is there when it is looked at.
func TestDeliveriesAreOfTheirTime(t *testing.T) {
	r := newRig(t, fabric.NetworkConfig{Delay: fabric.Constant(time.Minute)})
	laptop, phone := r.pair()
	id := laptop.save("alice")
	r.now = noon.Add(59 * time.Second)
	r.must(laptop.Delete(t.Context(), id))
	r.wait(2*time.Second, phone)
	if !phone.has(id) {
		t.Error("the phone heard of the deletion before it arrived")
	}
	r.wait(time.Minute, phone)
	if phone.has(id) {
		t.Error("the passkey is still there")
	}
	phone.expect("arrived arrived deleted")
}

func TestOfflineQueue(t *testing.T) {
	r := newRig(t, fabric.NetworkConfig{})
	laptop, phone := r.pair()
	both := func(online bool, devices ...*device) {
		for _, d := range devices {
			_, err := d.SetOnline(t.Context(), online)
			r.must(err)
		}
	}
	both(false, laptop, phone)
	id := laptop.save("alice")
	r.must(laptop.Rename(t.Context(), id, "al", "Al"))
	trashed := laptop.save("bob")
	r.must(laptop.Delete(t.Context(), trashed)) // the cloud never hears of it
	laptop.expect("offline queued renamed queued deleted")
	if got := laptop.Status(); got.Online || got.Queued != 2 {
		t.Errorf("status %+v", got)
	}
	r.wait(time.Minute, laptop, phone)
	_, err := laptop.Pull(t.Context())
	wantError(t, err, fabric.ErrOffline)
	both(true, laptop)
	laptop.expect("online pushed")
	r.wait(time.Minute, phone)
	if phone.has(id) {
		t.Error("the phone is offline, and has it")
	}
	both(true, phone)
	if v := phone.view(id); !v.Usable || v.UserName != "al" {
		t.Errorf("on the phone: %+v", v)
	}
	if records, _, _ := r.account().Pull("phone", 0); len(records) != 1 {
		t.Errorf("the cloud has %d records", len(records))
	}
	phone.expect("offline online arrived")
}

// A partitioned device thinks that it is online. What was due before the cut has arrived; the rest comes when it heals.
func TestPartition(t *testing.T) {
	r := newRig(t, fabric.NetworkConfig{Delay: fabric.Constant(10 * time.Second)})
	laptop, phone := r.pair()
	before := laptop.save("alice")
	r.now = r.now.Add(5 * time.Second)
	held := laptop.save("bob")
	r.now = r.now.Add(6 * time.Second)
	r.network.Partition("phone", true)
	during := laptop.save("carol")
	mine := phone.save("dave")
	r.wait(time.Hour, phone, laptop)
	if !phone.has(before) || phone.has(held) || phone.has(during) || laptop.has(mine) {
		t.Error("the cut is not where it should be")
	}
	if !phone.Status().Online {
		t.Error("the phone knows of the partition")
	}
	r.must(phone.Rename(t.Context(), before, "al", "Al"))
	healed := r.now
	r.network.Partition("phone", false)
	r.wait(time.Minute, phone, laptop)
	r.wait(time.Minute, phone, laptop)
	if !phone.has(held) || !phone.has(during) || !laptop.has(mine) || laptop.view(before).UserName != "al" {
		t.Error("something is missing after the healing")
	}
	for _, e := range phone.events {
		if e.Kind == fabric.EventArrived && !bytes.Equal(e.CredentialID, before) && !e.At.Equal(healed) {
			t.Errorf("arrival %+v, want at %s", e, healed)
		}
	}
}

// A lost delivery is sent again, and one that comes twice does nothing the second time.
func TestLossAndDuplicates(t *testing.T) {
	r := newRig(t, fabric.NetworkConfig{Loss: 0.5, Duplicates: 0.5, Delay: fabric.LogNormal(time.Second, time.Minute), Seed: 7})
	laptop, phone := r.pair()
	for range 200 {
		laptop.save("alice")
	}
	r.wait(24*time.Hour, phone)
	count := map[fabric.EventKind]int{}
	for _, e := range phone.events {
		count[e.Kind]++
		if e.Kind == fabric.EventLost && e.At.Sub(e.Sent)%(30*time.Second) != 0 {
			t.Errorf("sent again after %s", e.At.Sub(e.Sent))
		}
	}
	if n := count[fabric.EventArrived]; n != 200 {
		t.Errorf("%d arrivals", n)
	}
	if n := count[fabric.EventLost]; n < 130 || n > 280 {
		t.Errorf("%d lost", n)
	}
	if n := count[fabric.EventDuplicated]; n < 60 || n > 140 {
		t.Errorf("%d duplicates", n)
	}
	if got, want := phone.offered("alice"), laptop.offered("alice"); !bytes.Equal(got, want) || want == nil {
		t.Errorf("the phone offers %x, the laptop %x", got, want)
	}
}

func TestNothingArrivesByItself(t *testing.T) {
	for name, config := range map[string]fabric.NetworkConfig{"manual": {Manual: true}, "all is lost": {Loss: 1}} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, config)
			laptop, phone := r.pair()
			id := laptop.save("alice")
			r.wait(24*time.Hour, phone)
			if _, n := phone.Due(); n != 0 || phone.has(id) {
				t.Errorf("%d under way, arrived: %t", n, phone.has(id))
			}
			events, err := phone.Pull(t.Context())
			r.must(err)
			if len(events) != 1 || events[0].Kind != fabric.EventArrived || !events[0].Sent.Equal(noon) || !phone.has(id) {
				t.Errorf("pull: %+v", events)
			}
		})
	}
}

func TestNotEnrolled(t *testing.T) {
	r := newRig(t, fabric.NetworkConfig{})
	d := r.device("laptop", 0)
	ctx := t.Context()
	if _, err := d.Scan(ctx); err != nil {
		t.Errorf("a scan that finds nothing: %v", err)
	}
	id := d.create("alice")
	_, scanned := d.Scan(ctx)
	_, pulled := d.Pull(ctx)
	_, heeded := d.Heed(ctx, virtual.Signal{Type: virtual.SignalUnknownCredential, RPID: rpID, CredentialID: id})
	for _, err := range []error{
		scanned, pulled, heeded, d.Delete(ctx, id), d.Restore(ctx, id), d.Rename(ctx, id, "a", "b"), d.Used(ctx, id), d.Rotate(ctx),
		d.ResetPIN(ctx, pin), d.Revoke(ctx, "phone"), d.Approve(ctx, "phone"), d.Wipe(ctx), d.SignOut(ctx),
	} {
		wantError(t, err, fabric.ErrNotEnrolled)
	}
	if events, err := d.Advance(ctx); err != nil || events != nil {
		t.Errorf("advance: %v, %v", events, err)
	}
	wantError(t, d.Unlock(ctx, pin), fabric.ErrNotFounded)
	r.must(d.Found(ctx, pin))
	_, err := d.Scan(ctx) // what was made before is not lost
	r.must(err)
	d.expect("founded enrolled pushed")
	wantError(t, d.Found(ctx, pin), fabric.ErrFounded)
	wantError(t, d.Delete(ctx, []byte("never heard of")), virtual.ErrUnknownCredential)
	wantError(t, d.Restore(ctx, id), fabric.ErrNotInTrash)
}

func TestPINFormat(t *testing.T) {
	r := newRig(t, fabric.NetworkConfig{})
	laptop, phone := r.device("laptop", 0), r.device("phone", 0)
	for _, wrong := range []string{"", "12345", "1234567", "12345a", "１２３４５６"} {
		err := laptop.Found(t.Context(), wrong)
		format, ok := errors.AsType[*fabric.PINFormatError](err)
		if !ok || format.Hint() != "use 6 digits" {
			t.Errorf("PIN %q: %v", wrong, err)
		}
	}
	r.must(laptop.Found(t.Context(), pin))
	if err := phone.Unlock(t.Context(), "48291"); err == nil {
		t.Error("a PIN that is too short unlocked")
	}
	if tries := r.account().UnlockState().Tries; tries != 0 {
		t.Errorf("wrong formats took %d tries", tries)
	}
}

// Wrong tries are counted for the account, not for the device; a device that is in stays in.
func TestLockout(t *testing.T) {
	r := newRig(t, fabric.NetworkConfig{})
	laptop, phone := r.pair()
	thief := r.device("thief", 0)
	for left := 9; left >= 0; left-- {
		err := thief.Unlock(t.Context(), "000000")
		refusal, ok := errors.AsType[*fabric.UnlockError](err)
		if !ok || refusal.Remaining != left {
			t.Fatalf("with %d left: %v", left, err)
		}
	}
	another := r.device("another", 0)
	if err := another.Unlock(t.Context(), pin); err == nil {
		t.Error("the right PIN unlocks a locked vault")
	}
	another.expect("refused")
	thief.expect("refused refused refused refused refused refused refused refused refused locked")
	id := laptop.save("alice")
	r.wait(0, phone)
	if !phone.has(id) {
		t.Error("the lock shut out an enrolled device")
	}
	r.must(phone.ResetPIN(t.Context(), "111111"))
	if err := another.Unlock(t.Context(), pin); err == nil {
		t.Error("the old PIN still works")
	}
	r.must(another.Unlock(t.Context(), "111111"))
	if !another.has(id) {
		t.Error("the reset lost a passkey")
	}
}

func TestApproval(t *testing.T) {
	r := newRig(t, fabric.NetworkConfig{}, func(p *providers.Provider) {
		p.Unlock = providers.Unlock{Method: providers.UnlockDeviceApproval}
	})
	laptop, phone := r.device("laptop", 0), r.device("phone", 0)
	r.must(laptop.Found(t.Context(), ""))
	id := laptop.save("alice")
	wantError(t, phone.Unlock(t.Context(), ""), fabric.ErrNoRecovery)
	wantError(t, laptop.Approve(t.Context(), "phone"), fabric.ErrNoRequest)
	r.must(phone.Ask(t.Context()))
	r.wait(time.Minute, phone)
	if phone.Status().Enrolled {
		t.Error("nobody has approved")
	}
	r.must(laptop.Approve(t.Context(), "phone"))
	r.wait(time.Minute, phone)
	phone.expect("enrolled arrived")
	if !phone.has(id) {
		t.Error("the phone has nothing")
	}
}

// A revoked device is refused, and keeps what it has; the right PIN lets it in again.
func TestRevoke(t *testing.T) {
	r := newRig(t, fabric.NetworkConfig{})
	laptop, phone := r.pair()
	id := laptop.save("alice")
	r.wait(0, phone)
	r.must(laptop.Revoke(t.Context(), "phone"))
	r.must(laptop.Rotate(t.Context()))
	later := laptop.save("bob")
	phone.kinds()
	r.wait(0, phone)
	phone.expect("revoked")
	if got := phone.Status(); !got.Revoked || got.Enrolled || !phone.has(id) || phone.has(later) {
		t.Errorf("status %+v", got)
	}
	_, err := phone.Pull(t.Context())
	wantError(t, err, fabric.ErrRevoked)
	phone.create("carol")
	_, err = phone.Scan(t.Context())
	wantError(t, err, fabric.ErrRevoked)
	wantError(t, phone.Rename(t.Context(), id, "a", "b"), fabric.ErrRevoked)
	r.must(phone.Unlock(t.Context(), pin))
	_, err = phone.Scan(t.Context())
	r.must(err)
	if got := phone.Status(); got.Revoked || !got.Enrolled || !phone.has(later) {
		t.Errorf("status %+v", got)
	}
}

// A device that was offline hears of its revocation when it is back.
func TestRevokeOffline(t *testing.T) {
	r := newRig(t, fabric.NetworkConfig{})
	laptop, phone := r.pair()
	_, err := phone.SetOnline(t.Context(), false)
	r.must(err)
	phone.save("alice")
	r.must(laptop.Revoke(t.Context(), "phone"))
	_, err = phone.SetOnline(t.Context(), true)
	r.must(err)
	phone.expect("offline queued online revoked")
	if records, _, _ := r.account().Pull("laptop", 0); len(records) != 0 {
		t.Errorf("the cloud took %d records of a revoked device", len(records))
	}
	r.must(phone.Unlock(t.Context(), pin)) // and what waited is not lost
	if records, _, _ := r.account().Pull("laptop", 0); len(records) != 1 {
		t.Errorf("the cloud has %d records", len(records))
	}
}

func TestSplitView(t *testing.T) {
	r := newRig(t, fabric.NetworkConfig{})
	laptop, phone := r.pair()
	old := r.ledger.Clone()
	thief := r.device("thief", 0)
	_ = thief.Unlock(t.Context(), "000000")
	_ = phone.Unlock(t.Context(), "000000")
	r.cloud = r.open(old) // the cloud shows a log without these tries
	for _, d := range []*device{thief, phone, laptop} {
		d.Reconnect(r.account())
	}
	before := r.account().UnlockState().Tries
	wantError(t, thief.Unlock(t.Context(), pin), fabric.ErrSplitView)
	wantError(t, phone.Unlock(t.Context(), pin), fabric.ErrSplitView)
	_, err := phone.Pull(t.Context())
	wantError(t, err, fabric.ErrSplitView)
	if tries := r.account().UnlockState().Tries; tries != before {
		t.Error("a try was made on a log that is not the one")
	}
	r.must(laptop.ResetPIN(t.Context(), pin)) // it has not seen the tries, and the log goes on from what it knows
	wantError(t, thief.Unlock(t.Context(), pin), fabric.ErrSplitView)
}

// A record that overtakes the keys it is sealed with waits for them, and is not lost.
func TestRotate(t *testing.T) {
	r := newRig(t, fabric.NetworkConfig{Manual: true})
	laptop, phone := r.pair()
	before := laptop.save("alice")
	_, err := phone.SetOnline(t.Context(), false)
	r.must(err)
	r.must(laptop.Rotate(t.Context()))
	after := laptop.save("bob")
	records, err := r.account().Fetch("laptop", []fabric.SyncID{recordOf(t, r, after).SyncID})
	r.must(err)
	mine := phone.save("carol") // with the old keys
	_, err = phone.SetOnline(t.Context(), true)
	r.must(err)
	if got := phone.Status(); got.Epoch != 2 || !phone.has(before) || !phone.has(after) {
		t.Errorf("status %+v", got)
	}
	phone.expect("offline queued online pushed rotated arrived arrived")
	_, err = laptop.Pull(t.Context())
	r.must(err)
	if !laptop.has(mine) || records[0].Epoch != 2 || laptop.view(mine).Epoch != 1 {
		t.Errorf("epochs %d and %d", records[0].Epoch, laptop.view(mine).Epoch)
	}
	newest := r.device("tablet", 0)
	r.must(newest.Unlock(t.Context(), pin)) // the PIN opens all epochs
	if !newest.has(before) || !newest.has(after) || !newest.has(mine) {
		t.Error("the new device lacks something")
	}
}

func recordOf(t *testing.T, r *rig, id []byte) fabric.Record {
	t.Helper()
	records, _, err := r.account().Pull("laptop", 0)
	r.must(err)
	for _, rec := range records {
		if bytes.Equal(rec.CredentialID, id) {
			return rec
		}
	}
	t.Fatal("no record")
	return fabric.Record{}
}

func TestUndecryptable(t *testing.T) {
	r := newRig(t, fabric.NetworkConfig{})
	laptop, phone := r.pair()
	known := laptop.save("alice")
	// The keys take another road than the record, a longer one.
	road := fabric.NewNetwork(fabric.NetworkConfig{Clock: r.clock})
	tablet := r.device("tablet", 0, func(cfg *fabric.ReplicaConfig) { cfg.Network = road })
	r.must(tablet.Unlock(t.Context(), pin))
	r.must(tablet.Rotate(t.Context()))
	id := tablet.save("bob")
	r.network.Announce("tablet", []fabric.Record{recordOf(t, r, id)})
	r.wait(0, phone)
	phone.expect("arrived undecryptable")
	if v := phone.view(id); v.Usable || v.Why == "" || v.State != fabric.Live || phone.has(id) {
		t.Errorf("without keys: %+v", v)
	}
	r.must(phone.Rename(t.Context(), known, "al", "Al")) // everything else goes on
	_, err := phone.Pull(t.Context())
	r.must(err)
	phone.expect("renamed pushed rotated arrived")
	if v := phone.view(id); !v.Usable || v.Why != "" || !phone.has(id) {
		t.Errorf("with keys: %+v", v)
	}
}

func TestSyncOff(t *testing.T) {
	for _, c := range []struct {
		name  string
		rule  string
		leave func(*device) error
		kept  bool
	}{
		{"wiped", providers.SyncOffWipes, func(d *device) error { return d.Wipe(d.rig.t.Context()) }, false},
		{"kept", providers.SyncOffKeeps, func(d *device) error { return d.Wipe(d.rig.t.Context()) }, true},
		{"signed out", providers.SyncOffWipes, func(d *device) error { return d.SignOut(d.rig.t.Context()) }, false},
		{"offline", providers.SyncOffWipes, func(d *device) error {
			_, err := d.SetOnline(d.rig.t.Context(), false)
			return errors.Join(err, d.SignOut(d.rig.t.Context()))
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, fabric.NetworkConfig{}, func(p *providers.Provider) { p.Sync.SyncOff = c.rule })
			laptop, phone := r.pair()
			id := laptop.save("alice")
			r.wait(0, phone)
			r.must(c.leave(phone))
			if phone.has(id) != c.kept || !laptop.has(id) || phone.Status().Enrolled || len(phone.Records()) != 0 {
				t.Errorf("kept on the phone: %t, on the laptop: %t", phone.has(id), laptop.has(id))
			}
			if c.kept && phone.soft.Credentials()[0].BackedUp {
				t.Error("what is kept says that it is backed up")
			}
			phone.create("bob") // stays on the phone
			_, err := phone.Scan(t.Context())
			r.must(err)
			r.must(laptop.Rename(t.Context(), id, "al", "Al"))
			_, err = phone.SetOnline(t.Context(), true)
			r.must(err)
			r.wait(time.Hour, phone, laptop)
			if members := r.account().Members(); members[1].State != fabric.MemberSignedOut || laptop.offered("bob") != nil {
				t.Errorf("members %+v", members)
			}
			r.must(phone.Unlock(t.Context(), pin))
			_, err = phone.Scan(t.Context())
			r.must(err)
			r.wait(0, laptop)
			if v := phone.view(id); !v.Usable || v.UserName != "al" || laptop.offered("bob") == nil {
				t.Errorf("back in: %+v", v)
			}
		})
	}
}

// Wiping the account reaches every device, and a new vault has nothing to do with the old one.
func TestWipeAccount(t *testing.T) {
	for _, reset := range []bool{false, true} {
		r := newRig(t, fabric.NetworkConfig{}, func(p *providers.Provider) { p.Unlock.Reset = providers.ResetWipe })
		laptop, phone := r.pair()
		id := laptop.save("alice")
		r.wait(0, phone)
		stranger := r.device("stranger", 0)
		if reset {
			r.must(stranger.ResetPIN(t.Context(), "111111"))
		} else {
			r.must(laptop.WipeAccount(t.Context()))
		}
		r.wait(0, laptop, phone)
		if laptop.has(id) || phone.has(id) || laptop.Status().Enrolled || phone.Status().Enrolled {
			t.Error("the passkey is still there")
		}
		phone.create("bob")
		_, err := phone.Scan(t.Context())
		wantError(t, err, fabric.ErrNotEnrolled)
		r.must(phone.Found(t.Context(), "111111"))
		_, err = phone.Scan(t.Context())
		r.must(err)
		if err := laptop.Unlock(t.Context(), pin); err == nil {
			t.Error("the old PIN unlocks the new vault")
		}
		r.must(laptop.Unlock(t.Context(), "111111"))
		if laptop.offered("bob") == nil || laptop.has(id) {
			t.Error("the laptop has the wrong passkeys")
		}
	}
}

// A device that was offline while the account was wiped and founded again loses what was deleted, not what it made.
func TestWipedWhileOffline(t *testing.T) {
	r := newRig(t, fabric.NetworkConfig{})
	laptop, phone := r.pair()
	old := laptop.save("alice")
	r.wait(0, phone)
	_, err := phone.SetOnline(t.Context(), false)
	r.must(err)
	mine := phone.save("bob")
	r.must(laptop.WipeAccount(t.Context()))
	r.must(laptop.Found(t.Context(), pin))
	_, err = phone.SetOnline(t.Context(), true)
	r.must(err)
	if phone.Status().Enrolled {
		t.Error("the phone is in a vault that it has not unlocked")
	}
	r.must(phone.Unlock(t.Context(), pin))
	r.wait(0, laptop)
	if phone.has(old) || laptop.has(old) || !phone.has(mine) || !laptop.has(mine) {
		t.Errorf("old: %t %t, new: %t %t", phone.has(old), laptop.has(old), phone.has(mine), laptop.has(mine))
	}
}

// When the cloud comes back from an older copy of its state, the devices bring it up to date.
func TestReconnect(t *testing.T) {
	r := newRig(t, fabric.NetworkConfig{})
	laptop, phone := r.pair()
	deleted, renamed := laptop.save("alice"), laptop.save("bob")
	older, err := r.cloud.Snapshot()
	r.must(err)
	r.must(laptop.Delete(t.Context(), deleted))
	r.must(laptop.Rename(t.Context(), renamed, "rob", "Rob"))
	added := laptop.save("carol")
	r.wait(time.Second, phone)
	r.must(r.cloud.Restart(older))
	for _, d := range []*device{laptop, phone} {
		d.Reconnect(r.account())
		_, err := d.Pull(t.Context())
		r.must(err)
	}
	r.wait(time.Second, laptop, phone)
	tablet := r.device("tablet", 0)
	r.must(tablet.Unlock(t.Context(), pin))
	for _, d := range []*device{laptop, phone, tablet} {
		if d.has(deleted) || !d.has(added) || d.view(renamed).UserName != "rob" {
			t.Errorf("%s: deleted %t, added %t, renamed %q", d.name, d.has(deleted), d.has(added), d.view(renamed).UserName)
		}
	}
}

func TestRefresh(t *testing.T) {
	r := newRig(t, fabric.NetworkConfig{Manual: true}, func(p *providers.Provider) {
		p.Sync.RefreshBeforeCreate, p.Sync.RefreshWhenMissing = 30*time.Minute, true
	})
	laptop := r.device("laptop", 0)
	phone := r.device("phone", 0, func(cfg *fabric.ReplicaConfig) { cfg.CacheAge = 45 * time.Minute })
	r.must(laptop.Found(t.Context(), pin))
	r.must(phone.Unlock(t.Context(), pin))
	before := func(kind string, allow ...[]byte) {
		t.Helper()
		_, err := phone.Before(t.Context(), kind, rpID, allow)
		r.must(err)
	}
	first := laptop.save("alice")
	before(fabric.CeremonyCreate) // the copy is 45 minutes old
	if !phone.has(first) {
		t.Error("an old copy was not refreshed before create")
	}
	second := laptop.save("bob")
	before(fabric.CeremonyCreate)
	before(fabric.CeremonyGet)
	before(fabric.CeremonyGet, first)
	if phone.has(second) {
		t.Error("a fresh copy was refreshed")
	}
	before(fabric.CeremonyGet, second)
	if !phone.has(second) {
		t.Error("what was missing was not asked for")
	}
	r.now = r.now.Add(31 * time.Minute)
	third := laptop.save("carol")
	_, err := phone.SetOnline(t.Context(), false)
	r.must(err)
	before(fabric.CeremonyCreate)
	if phone.has(third) {
		t.Error("an offline device was refreshed")
	}
}

func TestIndexDelay(t *testing.T) {
	r := newRig(t, fabric.NetworkConfig{}, func(p *providers.Provider) { p.Sync.IndexDelay = 5 * time.Second })
	laptop, phone := r.pair()
	id := laptop.save("alice")
	r.wait(0, laptop, phone)
	if laptop.offered("alice") != nil || !laptop.has(id) || phone.offered("alice") == nil {
		t.Error("a passkey that was just made is offered, or not there")
	}
	if at, n := laptop.Due(); n != 1 || !at.Equal(noon.Add(5*time.Second)) {
		t.Errorf("due at %s, %d", at, n)
	}
	r.wait(5*time.Second, laptop)
	if laptop.offered("alice") == nil {
		t.Error("it is not offered after the delay")
	}
}

// What a relying party writes into a passkey's large blob travels with the next sign-in.
func TestLargeBlob(t *testing.T) {
	r := newRig(t, fabric.NetworkConfig{})
	laptop, phone := r.pair()
	id := laptop.save("alice")
	r.wait(0, phone)
	stored, err := laptop.soft.ExportCredential(id)
	r.must(err)
	stored.LargeBlob = []byte("written on the laptop")
	r.must(laptop.soft.ImportCredential(stored))
	r.must(laptop.Used(t.Context(), id))
	r.wait(0, phone)
	theirs, err := phone.soft.ExportCredential(id)
	r.must(err)
	if string(theirs.LargeBlob) != "written on the laptop" || !bytes.Equal(theirs.PrivateKey, stored.PrivateKey) {
		t.Errorf("on the phone: %q", theirs.LargeBlob)
	}
}

// However many devices try at the same time, no more tries are looked at than the provider allows.
func TestParallelUnlocks(t *testing.T) {
	r := newRig(t, fabric.NetworkConfig{})
	laptop, _ := r.pair()
	var group sync.WaitGroup
	var counted, refused atomic.Int64
	for i := range 64 {
		d := r.device(fmt.Sprintf("device-%d", i), 0)
		group.Go(func() {
			err := d.Unlock(t.Context(), "000000")
			refusal, ok := errors.AsType[*fabric.UnlockError](err)
			switch {
			case !ok:
				t.Errorf("unlock: %v", err)
			case refusal.Counted:
				counted.Add(1)
			default:
				refused.Add(1)
			}
		})
	}
	group.Wait()
	if counted.Load() != 10 || refused.Load() != 54 {
		t.Errorf("%d tries were looked at, %d were not", counted.Load(), refused.Load())
	}
	laptop.save("alice")
}

// Devices of one account, and several callers of one device, at the same time.
func TestParallelUse(t *testing.T) {
	r := newRig(t, fabric.NetworkConfig{Loss: 0.2, Duplicates: 0.2})
	laptop, phone := r.pair()
	laptop.events, phone.events = nil, nil
	var group sync.WaitGroup
	for i := range 4 {
		d := []*device{laptop, phone}[i%2]
		user := fmt.Sprintf("user-%d", i)
		group.Go(func() {
			for range 10 {
				d.save(user)
				_, err := d.Advance(t.Context())
				if err == nil {
					_, err = d.Pull(t.Context())
				}
				if err != nil {
					t.Error(err)
				}
				d.Records()
				d.Due()
				d.Status()
			}
		})
	}
	group.Wait()
	for range 2 {
		for _, d := range []*device{laptop, phone} {
			_, err := d.Pull(t.Context())
			r.must(err)
		}
	}
	for i := range 4 {
		user := fmt.Sprintf("user-%d", i)
		if mine, theirs := laptop.offered(user), phone.offered(user); mine == nil || !bytes.Equal(mine, theirs) {
			t.Errorf("%s: %x and %x", user, mine, theirs)
		}
	}
}
