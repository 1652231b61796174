package browser

import (
	"context"
	"fmt"
	"sync"

	"github.com/passrig/passrig/internal/engine"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/cdp"
)

// chromeDevice is a device with Chrome's own authenticators. Every page has some of its own, so that what
// they hold moves to the page where the device is used. It is a keychain that a provider can sync.
type chromeDevice struct {
	engine.ChromeDevice
	authenticators []cdp.Authenticator
	counts         *counts

	mu    sync.Mutex
	at    *tab                       // the page that has the passkeys now; nil: kept has them
	kept  []virtual.StoredCredential // in creation order
	whole map[string]virtual.StoredCredential
}

// NewDevice implements [engine.PageDriver].
func (d *Driver) NewDevice(spec engine.ChromeDevice) (engine.Device, error) {
	made := &chromeDevice{ChromeDevice: spec, counts: &d.counts, whole: make(map[string]virtual.StoredCredential)}
	for i := range spec.Authenticators {
		made.authenticators = append(made.authenticators, authenticator(&spec.Authenticators[i]))
	}
	if spec.Uncounted {
		d.counts.add(made)
	}
	return made, nil
}

// authenticator is a declared authenticator with its defaults.
func authenticator(spec *scenarios.ChromeAuthenticator) cdp.Authenticator {
	a := cdp.PlatformAuthenticator()
	if spec.Protocol == "u2f" {
		a = cdp.Authenticator{Protocol: "u2f", Transport: "usb", UserVerified: true, UserPresent: true}
	}
	for _, text := range []struct {
		into  *string
		given string
	}{{&a.CTAPVersion, spec.CTAP}, {&a.Transport, spec.Transport}} {
		if text.given != "" {
			*text.into = text.given
		}
	}
	for _, flag := range []struct {
		into  *bool
		given *bool
	}{
		{&a.ResidentKey, spec.ResidentKey},
		{&a.UserVerification, spec.UserVerification},
		{&a.UserVerified, spec.UserVerified},
		{&a.UserPresent, spec.UserPresent},
	} {
		if flag.given != nil {
			*flag.into = *flag.given
		}
	}
	a.PRF, a.LargeBlob, a.CredBlob, a.MinPINLength = spec.PRF, spec.LargeBlob, spec.CredBlob, spec.MinPINLength
	a.HMACSecret, a.HMACSecretMC = spec.HMACSecret, spec.HMACSecretMC
	a.BackupDefault = cdp.Backup{Eligible: spec.BackupEligible, BackedUp: spec.BackedUp}
	return a
}

// Credentials implements [engine.Device].
func (c *chromeDevice) Credentials() []virtual.Credential {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.held()
	c.counts.see(list)
	for i := range list {
		list[i] = c.asMade(list[i])
	}
	return list
}

// held is what lies in Chrome, or did last. It runs under the lock.
func (c *chromeDevice) held() []virtual.Credential {
	if c.at != nil {
		return c.at.device.Credentials()
	}
	list := make([]virtual.Credential, len(c.kept))
	for i := range c.kept {
		list[i] = c.kept[i].Credential
	}
	return list
}

// moveTo gives the page what the device holds, and takes it from the one that had it last.
func (c *chromeDevice) moveTo(ctx context.Context, t *tab) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at == t {
		return nil
	}
	if from := c.at; from != nil {
		c.keep(from)
		for i := range c.kept {
			if _, err := from.device.Remove(ctx, c.kept[i].ID); err != nil {
				return err
			}
		}
	}
	for i := range c.kept {
		if err := t.device.Import(ctx, c.kept[i]); err != nil {
			return fmt.Errorf("a passkey could not be moved to the next page: %w", err)
		}
	}
	c.at, c.kept = t, nil
	return nil
}

// leave keeps what the device holds before its page goes.
func (c *chromeDevice) leave(t *tab) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at == t {
		c.keep(t)
	}
}

// keep runs under the lock.
func (c *chromeDevice) keep(t *tab) {
	for _, held := range t.device.Credentials() {
		if stored, err := t.device.Export(held.ID); err == nil { // one that is gone by now is not held
			c.kept = append(c.kept, stored)
		}
	}
	c.at = nil
}
