package study

import (
	"bytes"
	"slices"
	"time"

	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/fabric"
)

// site is a relying party where the person has a user, and what it knows of passkeys: it accepts one.
type site struct {
	rpID     string
	user     []byte   // handle
	accepted *passkey // nil: the relying party has deleted it
}

// passkey is one that the person has made, as somebody sees it who knows everything.
type passkey struct {
	id    []byte
	site  *site
	maker int    // slot of the device
	seen  uint64 // slots of the devices that have had it
	acked bool   // the cloud has it
	gone  bool   // the provider need not have it any more
}

// zombie is a passkey that the relying party has deleted, and that devices may still offer.
type zombie struct {
	passkey  *passkey
	since    time.Time // the relying party deleted it
	ended    time.Time // it was offered for the last time
	signaled bool
	offered  bool
	haunted  bool // it was offered after all
}

// accepted lists the sites where the person can sign in.
func (a *account) accepted() []*site {
	var sites []*site
	for _, s := range a.sites {
		if s.accepted != nil {
			sites = append(sites, s)
		}
	}
	return sites
}

// offers is the passkey that the device offers on its own for a user at a relying party: nil for none.
func (d *device) offers(s *site) *passkey {
	if d.replica == nil || !d.machine.Use.Allowed {
		return nil
	}
	for i := len(d.keys.stored) - 1; i >= 0; i-- {
		if c := &d.keys.stored[i]; c.Discoverable && c.RPID == s.rpID && bytes.Equal(c.UserHandle, s.user) {
			return d.account.known[string(c.ID)]
		}
	}
	return nil
}

// holds says whether the device's provider keeps the passkey there, offered or not.
func (d *device) holds(p *passkey) bool {
	return d.replica != nil && d.keys.index(p.id) >= 0
}

// stillOffers says whether the device offers that very passkey, maybe next to others.
func (d *device) stillOffers(p *passkey) bool {
	if d.replica == nil || !d.machine.Use.Allowed {
		return false
	}
	i := d.keys.index(p.id)
	return i >= 0 && d.keys.stored[i].Discoverable
}

// watch looks whether passkeys that their relying party has deleted are still offered. It is called whenever anything
// has happened, so that the times are exact.
func (a *account) watch() {
	for _, z := range a.zombies {
		offered := slices.ContainsFunc(a.devices, func(d *device) bool { return d.stillOffers(z.passkey) })
		if z.offered && !offered {
			z.ended = a.now
		}
		z.offered, z.haunted = offered, z.haunted || offered
	}
}

// bury begins to watch a passkey that its relying party has just deleted.
func (a *account) bury(s *site, signaled bool) *passkey {
	p := s.accepted
	s.accepted = nil
	a.zombies = append(a.zombies, &zombie{passkey: p, since: a.now, ended: a.now, signaled: signaled})
	a.watch()
	return p
}

// hear takes notice of what a device's replica has done.
func (a *account) hear(d *device, e fabric.Event) {
	t := a.tally
	switch e.Kind {
	case fabric.EventArrived:
		t.counts[losses].of++
		t.counts[repeats].of++
		if p := a.known[string(e.CredentialID)]; p != nil {
			a.arrived(d, p, e)
		}
	case fabric.EventLost:
		t.count(losses, true)
	case fabric.EventDuplicated:
		t.count(repeats, true)
	case fabric.EventPushed:
		t.counts[conflicts].of++
		if p := a.known[string(e.CredentialID)]; p != nil {
			p.acked = true
		}
	case fabric.EventConflict:
		if e.From == "" { // the cloud has refused a change; the others are known without looking, see save
			t.count(conflicts, true)
		}
	default:
	}
}

// arrived measures how long a new passkey took to a device that was there to take it.
func (a *account) arrived(d *device, p *passkey, e fabric.Event) {
	if p.seen&d.bit() != 0 {
		return
	}
	p.seen |= d.bit()
	if e.Sent.IsZero() || e.Sent.Before(d.enrolled) {
		return
	}
	took := lag
	if d.back.After(e.Sent) || d.back.Equal(e.Sent) && !d.back.IsZero() {
		took = lagAbsent
	}
	a.tally.durations[took].observe(e.At.Sub(e.Sent))
}

// mint is a new passkey of a user, with bytes of the size of a P-256 key in place of one.
func (a *account) mint(d *device, s *site) virtual.StoredCredential {
	const idSize, keySize = 16, 138
	secret := make([]byte, idSize+keySize)
	_, _ = a.secrets.Read(secret) // never fails
	cfg := &a.owner.Provider.Config
	return virtual.StoredCredential{
		Credential: virtual.Credential{
			ID: secret[:idSize:idSize], RPID: s.rpID, UserHandle: s.user, UserName: "someone", UserDisplayName: "Someone", Algorithm: -7,
			Discoverable: true, BackupEligible: cfg.BackupEligible, BackedUp: cfg.BackedUp, AAGUID: cfg.AAGUID, Transports: cfg.Transports,
			Created: a.now.Add(d.machine.Skew),
		},
		PrivateKey: secret[idSize:],
	}
}
