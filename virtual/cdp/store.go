package cdp

import (
	"context"
	"fmt"
	"slices"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
)

// Credentials lists the device's credentials in creation order, whether they lie in Chrome at the
// moment or not. Those of [DeviceConfig.Answer] are not known here, nor can they be changed.
func (d *Device) Credentials() []virtual.Credential {
	switch {
	case d.cfg.Software != nil:
		return d.cfg.Software.Credentials()
	case d.cfg.Answer != nil:
		return nil
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

// elsewhere refuses what can be asked only of the device behind Answer.
func elsewhere(what string) error {
	return &UnsupportedError{Road: RoadSoftware, What: what, Instead: "ask the device that answers the ceremonies"}
}

// Export returns a copy of a credential with its secrets. From Chrome's authenticators the PRF secret
// and the credBlob cannot be had.
func (d *Device) Export(id []byte) (virtual.StoredCredential, error) {
	switch {
	case d.cfg.Software != nil:
		return d.cfg.Software.ExportCredential(id)
	case d.cfg.Answer != nil:
		return virtual.StoredCredential{}, elsewhere("export a credential")
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

// Import stores a credential, in place of one with the same ID. Among Chrome's authenticators it goes to
// the first with one of its transports, or else to the first; they take ES256, EdDSA and RS256 only.
func (d *Device) Import(ctx context.Context, stored virtual.StoredCredential) error {
	switch {
	case d.cfg.Software != nil:
		return d.cfg.Software.ImportCredential(stored)
	case d.cfg.Answer != nil:
		return elsewhere("import a credential")
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
	h.authenticator = max(0, slices.IndexFunc(n.authenticators, func(a Authenticator) bool {
		return slices.Contains(stored.Transports, a.Transport)
	}))
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
	switch {
	case d.cfg.Software != nil:
		return d.cfg.Software.RemoveCredential(id), nil
	case d.cfg.Answer != nil:
		return false, elsewhere("remove a credential")
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
	if d.cfg.software() {
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
			ready := i < len(t.native.ids) // else it is about to get them as they are now
			if ready {
				params["authenticatorId"] = t.native.ids[i]
			}
			n.mu.Unlock()
			if !ready {
				continue
			}
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
	if d.cfg.software() {
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
