package study

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/passrig/passrig/virtual/fabric"
)

// conclude looks at what there is when nothing is under way any more: at what the figures of the end are, and at what has
// to be true whatever happened.
func (a *account) conclude(ctx context.Context) error {
	a.now = a.now.Add(a.owner.Provider.Sync.IndexDelay)
	if err := a.deliver(ctx); err != nil {
		return err
	}
	for _, z := range a.zombies {
		a.concludeZombie(z)
	}
	for _, d := range a.devices {
		a.tally.count(unusable, d.replica == nil || !d.machine.Use.Allowed)
		if d.replica == nil {
			continue
		}
		for _, s := range a.accepted() {
			if offered := d.offers(s); !s.accepted.gone && d.machine.Use.Allowed {
				a.tally.count(mismatches, offered != nil && offered != s.accepted)
			}
		}
	}
	return a.verify()
}

func (a *account) concludeZombie(z *zombie) {
	a.tally.count(zombiesLeft, z.offered)
	if z.offered || !z.haunted {
		return
	}
	took := zombieUnsignaled
	if z.signaled {
		took = zombieSignaled
	}
	for _, d := range []duration{zombieTime, took} {
		a.tally.durations[d].observe(z.ended.Sub(z.since))
	}
}

// verify compares what the devices have with what the cloud has, and that with what it has promised to keep.
func (a *account) verify() error {
	i := slices.IndexFunc(a.devices, func(d *device) bool { return d.replica != nil })
	if i < 0 {
		return nil
	}
	records, _, err := a.vault.Pull(a.devices[i].name, 0)
	if err != nil {
		return fmt.Errorf("look at the end: %w", err)
	}
	records = slices.DeleteFunc(records, func(r fabric.Record) bool { return r.State != fabric.Live })
	slices.SortFunc(records, func(x, y fabric.Record) int { return bytes.Compare(x.CredentialID, y.CredentialID) })
	for _, d := range a.devices[i:] {
		if d.replica == nil {
			continue
		}
		if difference := differs(d.replica.Records(), records); difference != "" {
			a.tally.found(diverged, a.number, "%s: %s", d.name, difference)
			break
		}
	}
	a.countDuplicates(a.devices[i].replica.Records())
	a.countLost(records)
	if limit := a.owner.Provider.Unlock.Attempts; limit > 0 && a.mostWrong > limit {
		a.tally.found(overtried, a.number, "%d wrong tries in a row were looked at, of %d that are allowed", a.mostWrong, limit)
	}
	return nil
}

// differs says in what a device's copy is not what the cloud has; records are sorted by credential id.
func differs(copied []fabric.View, records []fabric.Record) string {
	copied = slices.DeleteFunc(copied, func(v fabric.View) bool { return v.State != fabric.Live })
	slices.SortFunc(copied, func(x, y fabric.View) int { return bytes.Compare(x.CredentialID, y.CredentialID) })
	if len(copied) != len(records) {
		return fmt.Sprintf("%d passkeys, %d in the cloud", len(copied), len(records))
	}
	for i := range records {
		v, r := &copied[i], &records[i]
		same := bytes.Equal(v.CredentialID, r.CredentialID) && v.UserName == r.Meta.UserName && v.Hidden == r.Meta.Hidden && v.Version == r.Version
		if !same {
			return fmt.Sprintf("passkey %x is not as in the cloud", r.CredentialID)
		}
	}
	return ""
}

// countDuplicates counts the users of whom more than one passkey is on offer.
func (a *account) countDuplicates(views []fabric.View) {
	live := make(map[string]int, len(a.sites))
	for i := range views {
		if v := &views[i]; v.State == fabric.Live && !v.Hidden && !v.Shadowed {
			live[v.RPID]++
		}
	}
	for _, s := range a.sites {
		a.tally.count(duplicates, live[s.rpID] > 1)
	}
}

// countLost finds passkeys that the cloud had acknowledged, that nothing has deleted, and that it does not have any more.
func (a *account) countLost(records []fabric.Record) {
	var missing *passkey
	for _, p := range a.known {
		if !p.acked || p.gone {
			continue
		}
		_, kept := slices.BinarySearchFunc(records, p.id, func(r fabric.Record, id []byte) int { return bytes.Compare(r.CredentialID, id) })
		if !kept && (missing == nil || cmp.Compare(missing.site.rpID, p.site.rpID) > 0) {
			missing = p
		}
	}
	if missing != nil {
		a.tally.found(lost, a.number, "the passkey for %s, which the cloud had acknowledged, is gone", missing.site.rpID)
	}
}
