package study

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/passrig/passrig/virtual/fabric"
)

// absence is how long a device is offline on average, each time it is.
const absence = time.Hour

// device is a place in the person's life that one device after the other takes: "the phone".
type device struct {
	account *account
	slot    int // below MaxDevices
	machine *Machine
	made    int    // how many devices have been there
	name    string // of the current one

	replica  *fabric.Replica // nil: none that takes part
	keys     *keychain
	enrolled time.Time

	offline bool
	back    time.Time // when it was online again for the last time
	toggles time.Time // when it goes offline or comes back
}

// eligible says whether the provider works there at all.
func (m *Machine) eligible() bool { return m.Save.Allowed || m.Use.Allowed }

// join has a new device in this place take part: enroll is how it does.
func (d *device) join(enroll func(r *fabric.Replica) error) error {
	a := d.account
	d.made++
	d.name = d.machine.Name + " " + strconv.Itoa(d.slot+1)
	if d.made > 1 {
		d.name += "." + strconv.Itoa(d.made)
	}
	keys := &keychain{}
	replica, err := fabric.NewReplica(fabric.ReplicaConfig{
		Device: d.name, Account: a.vault, Provider: a.owner.Provider, Network: a.network, Keychain: keys,
		Clock:  func() time.Time { return a.now.Add(d.machine.Skew) },
		Random: a.secrets,
		Heard:  func(e fabric.Event) { a.hear(d, e) },
	})
	if err != nil {
		return err
	}
	d.keys, d.enrolled = keys, a.now
	for _, p := range a.known {
		p.seen &^= d.bit()
	}
	if err := enroll(replica); err != nil {
		return err
	}
	if replica.Status().Enrolled {
		d.replica = replica
	}
	return nil
}

func (d *device) bit() uint64 { return 1 << d.slot }

// works says whether the device takes part and reaches the cloud and relying parties.
func (d *device) works() bool { return d.replica != nil && !d.offline }

// leave ends the device's part.
func (d *device) leave() { d.replica, d.keys = nil, nil }

// startSpells begins the device's times online and offline as if they had always gone on.
func (d *device) startSpells() {
	share, random := d.account.plan.Offline, d.account.random
	switch {
	case share <= 0:
	case random.Float64() < share:
		d.toggles = d.account.now
	default:
		d.toggles = d.account.now.Add(d.online())
	}
}

// online draws how long the device is online.
func (d *device) online() time.Duration {
	share := d.account.plan.Offline
	return time.Duration(d.account.random.ExpFloat64() * float64(absence) * (1 - share) / share)
}

// toggle takes the device off the network, or brings it back. After the last event every device comes back to stay.
func (d *device) toggle(ctx context.Context) error {
	a := d.account
	over := a.done == len(a.agenda)
	switch {
	case !d.offline && over:
		d.toggles = never()
		return nil
	case d.offline:
		d.offline, d.back = false, a.now
		d.toggles = a.now.Add(d.online())
	default:
		d.offline = true
		d.toggles = a.now.Add(time.Duration(a.random.ExpFloat64() * float64(absence)))
		if a.plan.Offline >= 1 {
			d.toggles = begin().Add(a.plan.For)
		}
	}
	if d.replica == nil {
		return nil
	}
	if _, err := d.replica.SetOnline(ctx, !d.offline); err != nil {
		return fmt.Errorf("go online or offline: %w", err)
	}
	return nil
}
