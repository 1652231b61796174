package cdp

import (
	"bytes"
	"context"
	"time"
)

// user is the person at the device. Its fields are guarded by Device.mu.
type user struct {
	choice  choice
	think   time.Duration
	absent  bool // nobody is there to consent
	ignores bool // what the page offers in form fields
}

type choice struct{ credentialID, userHandle []byte }

// change changes the person, for ceremonies to come and for those that wait for one.
func (d *Device) change(f func(*user)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f(&d.user)
	close(d.moved)
	d.moved = make(chan struct{})
}

// SetChoice says which credential the person picks from now on when several fit, by its id or by its
// user; nil for both is the newest.
func (d *Device) SetChoice(ctx context.Context, credentialID, userHandle []byte) {
	d.change(func(u *user) { u.choice = choice{bytes.Clone(credentialID), bytes.Clone(userHandle)} })
	if credentialID != nil || userHandle != nil {
		d.askFirst(ctx)
	}
}

// SetThinkTime changes [DeviceConfig.ThinkTime] from now on.
func (d *Device) SetThinkTime(ctx context.Context, think time.Duration) {
	d.change(func(u *user) { u.think = think })
	if think > 0 {
		d.askFirst(ctx)
	}
}

// SetIgnoreAutofill changes [DeviceConfig.IgnoreAutofill] from now on. Requests that are waiting are
// answered when it ends.
func (d *Device) SetIgnoreAutofill(ignore bool) {
	d.change(func(u *user) { u.ignores = ignore })
}

// SetUserPresent has somebody there to consent, or nobody: then ceremonies end at the page's timeout.
// With Chrome's authenticators a ceremony that is under way does not notice, unless it is one of
// mediation "conditional".
func (d *Device) SetUserPresent(ctx context.Context, present bool) error {
	var err error
	if !d.cfg.software() {
		err = d.onAuthenticators(ctx, "change user presence", "", "WebAuthn.setAutomaticPresenceSimulation", func(a *Authenticator) map[string]any {
			a.UserPresent = present
			return map[string]any{"enabled": present}
		})
		for _, t := range d.pages() {
			d.native.mu.Lock()
			t.native.used = 0
			d.native.mu.Unlock()
		}
	}
	d.change(func(u *user) { u.absent = !present })
	return err
}

// askFirst has pages of road (a) ask before each ceremony from now on.
func (d *Device) askFirst(ctx context.Context) {
	if d.cfg.software() {
		return
	}
	d.native.mu.Lock()
	asked := d.native.asking
	d.native.asking = true
	d.native.mu.Unlock()
	if !asked {
		d.refreshWrappers(ctx)
	}
}
