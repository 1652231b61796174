package browser

import (
	"context"
	"fmt"

	"github.com/passrig/passrig/internal/engine"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/cdp"
)

// chromeDevice is a device with Chrome's own authenticators. Every page has some of its own, so that what
// they hold moves to the page where the device is used.
type chromeDevice struct {
	authenticators []cdp.Authenticator
	at             *tab                       // the page that has the passkeys now; nil: kept has them
	kept           []virtual.StoredCredential // in creation order
}

// NewDevice implements [engine.PageDriver].
func (d *Driver) NewDevice(specs []scenarios.ChromeAuthenticator) (engine.Device, error) {
	made := &chromeDevice{}
	for i := range specs {
		made.authenticators = append(made.authenticators, authenticator(&specs[i]))
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
	if c.at == t {
		return nil
	}
	if from := c.at; from != nil {
		c.leave(from)
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
	if c.at != t {
		return
	}
	for _, held := range t.device.Credentials() {
		if stored, err := t.device.Export(held.ID); err == nil { // one that is gone by now is not held
			c.kept = append(c.kept, stored)
		}
	}
	c.at = nil
}
