package cdp

import (
	"context"
	"fmt"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
)

// Credentials lists the device's credentials in creation order, whether they lie in Chrome at the
// moment or not.
func (d *Device) Credentials() []virtual.Credential {
	if d.cfg.Software != nil {
		return d.cfg.Software.Credentials()
	}
	n := d.native
	n.mu.Lock()
	defer n.mu.Unlock()
	list := make([]virtual.Credential, len(n.credentials))
	for i, h := range n.credentials {
		list[i] = h.stored(n.authenticators[h.authenticator]).Credential
	}
	return list
}

// Export returns a copy of a credential with its secrets. From Chrome's authenticators the PRF secret
// and the credBlob cannot be had.
func (d *Device) Export(id []byte) (virtual.StoredCredential, error) {
	if d.cfg.Software != nil {
		return d.cfg.Software.ExportCredential(id)
	}
	n := d.native
	n.mu.Lock()
	defer n.mu.Unlock()
	h := n.find(id)
	if h == nil {
		return virtual.StoredCredential{}, fmt.Errorf("export credential %s: %w", webauthn.Base64URL(id), virtual.ErrUnknownCredential)
	}
	return h.stored(n.authenticators[h.authenticator]), nil
}

// Import stores a credential, in place of one with the same ID. On Chrome's authenticators it goes to
// the first one, and takes ES256, EdDSA and RS256 only.
func (d *Device) Import(ctx context.Context, stored virtual.StoredCredential) error {
	if d.cfg.Software != nil {
		return d.cfg.Software.ImportCredential(stored)
	}
	fail := func(err error) error {
		return fmt.Errorf("import credential %s: %w", webauthn.Base64URL(stored.ID), err)
	}
	h, err := fromStored(stored)
	if err != nil {
		return fail(err)
	}
	if len(stored.PRFSecret) > 0 || len(stored.CredBlob) > 0 {
		d.browser.cfg.Notice(fmt.Sprintf("credential %s: its prf secret and credBlob do not go into Chrome, only a software device takes them", webauthn.Base64URL(stored.ID)))
	}
	ctx, cancel := d.browser.bounded(ctx, "a credential to be stored")
	defer cancel()
	if _, err := d.Remove(ctx, stored.ID); err != nil {
		return fail(err)
	}
	n := d.native
	n.mu.Lock()
	n.credentials = append(n.credentials, h)
	n.askIfFull()
	asking := n.asking
	n.mu.Unlock()
	if asking && h.IsResidentCredential {
		return nil // it is fetched when it is needed
	}
	for _, t := range d.pages() {
		if err := n.put(ctx, t, h); err != nil {
			return fail(err)
		}
	}
	return nil
}

// Remove deletes a credential and reports whether it was there.
func (d *Device) Remove(ctx context.Context, id []byte) (bool, error) {
	if d.cfg.Software != nil {
		return d.cfg.Software.RemoveCredential(id), nil
	}
	n := d.native
	n.swapping.Lock()
	defer n.swapping.Unlock()
	n.mu.Lock()
	h := n.find(id)
	n.mu.Unlock()
	if h == nil {
		return false, nil
	}
	for _, t := range d.pages() {
		if err := n.take(ctx, t, h); err != nil {
			return true, fmt.Errorf("remove credential %s: %w", webauthn.Base64URL(id), t.explain(err))
		}
	}
	n.drop(h)
	return true, nil
}

// SetUserVerified has Chrome's authenticators recognize their user, or not.
func (d *Device) SetUserVerified(ctx context.Context, verified bool) error {
	return d.onAuthenticators(ctx, "change user verification", "use a virtual.Config with UserVerification", "WebAuthn.setUserVerified", func(a *Authenticator) map[string]any {
		a.UserVerified = verified
		return map[string]any{"isUserVerified": verified}
	})
}

// SetUserPresent has somebody there to consent, or nobody: then ceremonies end at the page's timeout.
// A ceremony that is under way does not notice.
func (d *Device) SetUserPresent(ctx context.Context, present bool) error {
	d.mu.Lock()
	d.absent = !present
	d.mu.Unlock()
	if d.cfg.Software != nil {
		return nil
	}
	return d.onAuthenticators(ctx, "change user presence", "", "WebAuthn.setAutomaticPresenceSimulation", func(a *Authenticator) map[string]any {
		a.UserPresent = present
		return map[string]any{"enabled": present}
	})
}

// Override makes Chrome's authenticators lie in every response, until it is changed.
type Override struct {
	BogusSignature bool // one byte, 0
	BadUV, BadUP   bool // the flag is not set
}

// SetOverride sets the lies.
func (d *Device) SetOverride(ctx context.Context, o Override) error {
	return d.onAuthenticators(ctx, "override response bits", "use DeviceConfig.Tamper", "WebAuthn.setResponseOverrideBits", func(*Authenticator) map[string]any {
		return map[string]any{"isBogusSignature": o.BogusSignature, "isBadUV": o.BadUV, "isBadUP": o.BadUP}
	})
}

// onAuthenticators sends a command to every authenticator on every page.
func (d *Device) onAuthenticators(ctx context.Context, what, instead, method string, change func(*Authenticator) map[string]any) error {
	if d.cfg.Software != nil {
		return &UnsupportedError{Road: RoadSoftware, What: what, Instead: instead}
	}
	ctx, cancel := d.browser.bounded(ctx, what)
	defer cancel()
	n := d.native
	for i := range n.authenticators {
		n.mu.Lock()
		params := change(&n.authenticators[i]) // for pages to come
		n.mu.Unlock()
		for _, t := range d.pages() {
			n.mu.Lock()
			params["authenticatorId"] = t.native.ids[i]
			n.mu.Unlock()
			if err := t.session.call(ctx, method, params, nil); err != nil {
				return fmt.Errorf("%s: %w", what, t.explain(err))
			}
		}
	}
	return nil
}

// Properties are what can be changed about a stored credential; nil leaves it.
type Properties struct {
	BackupEligible, BackedUp *bool
	SignCount                *uint32
}

// SetProperties changes a credential of Chrome's authenticators.
func (d *Device) SetProperties(ctx context.Context, id []byte, p Properties) error {
	if d.cfg.Software != nil {
		return &UnsupportedError{Road: RoadSoftware, What: "change a stored credential", Instead: "export it, change it, and import it"}
	}
	ctx, cancel := d.browser.bounded(ctx, "a credential to be changed")
	defer cancel()
	n := d.native
	n.swapping.Lock()
	defer n.swapping.Unlock()
	n.mu.Lock()
	h := n.find(id)
	if h == nil {
		n.mu.Unlock()
		return fmt.Errorf("change credential %s: %w", webauthn.Base64URL(id), virtual.ErrUnknownCredential)
	}
	if p.BackupEligible != nil {
		h.BackupEligibility = new(*p.BackupEligible)
	}
	if p.BackedUp != nil {
		h.BackupState = new(*p.BackedUp)
	}
	if p.SignCount != nil {
		h.SignCount = int64(*p.SignCount)
	}
	n.mu.Unlock()
	for _, t := range d.pages() {
		if err := n.renew(ctx, t, h); err != nil {
			return fmt.Errorf("change credential %s: %w", webauthn.Base64URL(id), t.explain(err))
		}
	}
	return nil
}
