package cdp

import (
	"bytes"
	"context"
	"slices"
	"sync"
)

// roomy is how many discoverable credentials may lie in a Chrome authenticator before the page has
// to ask for room: create() fails, as if the person had said no, once there are three.
const roomy = 2

// native is road (a): Chrome's authenticators and, kept here, all credentials of the device. Every
// page has authenticators of its own, into which credentials are copied, or swapped when they are too
// many to lie there together.
type native struct {
	device         *Device
	authenticators []Authenticator

	mu          sync.Mutex
	credentials []*held // in creation order
	asking      bool    // pages ask before each ceremony
	jobs        int     // changes that pages have yet to hear of
	idle        chan struct{}
	swapping    sync.Mutex
}

// environment is a page's virtual authenticators. Its fields are guarded by native.mu.
type environment struct {
	ids    []string        // as Chrome calls them, in the device's order
	inside map[string]bool // credential ids in Chrome
	moving map[string]int  // deletions of ours that Chrome will report
	used   int             // the only authenticator that somebody touches, counted from 1; 0 is all
}

// attach makes the device's authenticators in a new page and gives it the credentials.
func (n *native) attach(ctx context.Context, t *target) error {
	if len(n.authenticators) == 0 {
		return nil
	}
	if err := t.session.call(ctx, "WebAuthn.enable", map[string]any{"enableUI": false}, nil); err != nil {
		return err
	}
	env := environment{inside: make(map[string]bool), moving: make(map[string]int)}
	for _, a := range n.authenticators {
		id, err := a.addTo(ctx, t)
		if err != nil {
			return err
		}
		env.ids = append(env.ids, id)
	}
	n.mu.Lock()
	t.native = env
	copies := slices.Clone(n.credentials)
	n.mu.Unlock()
	for _, h := range copies {
		if h.IsResidentCredential && n.mustAsk() {
			continue // it is fetched when it is needed
		}
		if err := n.put(ctx, t, h); err != nil {
			return err
		}
	}
	return nil
}

func (n *native) mustAsk() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asking
}

// put copies a credential into Chrome.
func (n *native) put(ctx context.Context, t *target, h *held) error {
	n.mu.Lock()
	there := t.native.inside[string(h.CredentialID)]
	if there || t.native.ids == nil { // a page without authenticators yet takes it when it gets them
		n.mu.Unlock()
		return nil
	}
	authenticator := t.native.ids[h.authenticator]
	credential := h.chromeCredential
	n.mu.Unlock()
	err := t.session.call(ctx, "WebAuthn.addCredential",
		map[string]any{"authenticatorId": authenticator, "credential": &credential}, nil)
	if err != nil {
		return t.explain(err)
	}
	n.mu.Lock()
	t.native.inside[string(h.CredentialID)] = true
	n.mu.Unlock()
	return nil
}

// take removes a credential from Chrome and keeps it here.
func (n *native) take(ctx context.Context, t *target, h *held) error {
	id := string(h.CredentialID)
	n.mu.Lock()
	if !t.native.inside[id] {
		n.mu.Unlock()
		return nil
	}
	t.native.moving[id]++
	delete(t.native.inside, id)
	authenticator := t.native.ids[h.authenticator]
	n.mu.Unlock()
	return t.session.call(ctx, "WebAuthn.removeCredential",
		map[string]any{"authenticatorId": authenticator, "credentialId": h.CredentialID}, nil)
}

// renew has Chrome hold a credential as it is now, if it holds it.
func (n *native) renew(ctx context.Context, t *target, h *held) error {
	n.mu.Lock()
	there := t.native.inside[string(h.CredentialID)]
	n.mu.Unlock()
	if !there {
		return nil
	}
	if err := n.take(ctx, t, h); err != nil {
		return err
	}
	return n.put(ctx, t, h)
}

// hear keeps the list up with what Chrome's authenticators do.
func (n *native) hear(t *target, e event) {
	v, ok := read[struct {
		AuthenticatorID string           `json:"authenticatorId"`
		Credential      chromeCredential `json:"credential"`
		CredentialID    []byte           `json:"credentialId"`
	}](e)
	if !ok {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	at := slices.Index(t.native.ids, v.AuthenticatorID)
	if at < 0 {
		return
	}
	switch e.method {
	case "WebAuthn.credentialAdded":
		n.added(t, at, v.Credential)
	case "WebAuthn.credentialDeleted":
		n.deleted(t, v.CredentialID)
	default:
		if h := n.find(v.Credential.CredentialID); h != nil {
			h.chromeCredential = v.Credential
			n.elsewhere(t, func(ctx context.Context, other *target) error { return n.renew(ctx, other, h) })
		}
	}
}

// added takes in what create() made. It runs under the lock.
func (n *native) added(t *target, at int, c chromeCredential) {
	t.native.inside[string(c.CredentialID)] = true
	if h := n.find(c.CredentialID); h != nil {
		h.chromeCredential = c
		return
	}
	if c.IsResidentCredential { // it takes the place of the user's old one (CTAP 2.1 §6.1.2)
		n.credentials = slices.DeleteFunc(n.credentials, func(h *held) bool {
			return h.authenticator == at && h.IsResidentCredential && h.RPID == c.RPID && bytes.Equal(h.UserHandle, c.UserHandle)
		})
	}
	h := &held{chromeCredential: c, authenticator: at, algorithm: keyAlgorithm(c.PrivateKey), created: n.device.browser.cfg.Clock()}
	n.credentials = append(n.credentials, h)
	n.share(t, h)
	n.askIfFull()
}

// deleted hears that a credential left Chrome: on our order, or because the RP signaled so. It runs
// under the lock.
func (n *native) deleted(t *target, id []byte) {
	if t.native.moving[string(id)] > 0 {
		t.native.moving[string(id)]--
		return
	}
	delete(t.native.inside, string(id))
	h := n.find(id)
	if h == nil {
		return
	}
	n.credentials = slices.DeleteFunc(n.credentials, func(other *held) bool { return other == h })
	n.elsewhere(t, func(ctx context.Context, other *target) error { return n.take(ctx, other, h) })
}

// share has the device's other pages know a new credential too. It runs under the lock.
func (n *native) share(t *target, h *held) {
	n.elsewhere(t, func(ctx context.Context, other *target) error {
		if h.IsResidentCredential && n.mustAsk() {
			return nil // it is fetched when it is needed
		}
		return n.put(ctx, other, h)
	})
}

// elsewhere runs f for the device's other pages.
func (n *native) elsewhere(t *target, f func(context.Context, *target) error) {
	for _, other := range n.device.pages() {
		if other == t {
			continue
		}
		n.job(func(ctx context.Context) {
			ctx, release := other.living(ctx)
			defer release()
			n.swapping.Lock()
			defer n.swapping.Unlock()
			_ = f(ctx, other) // a page that is closing needs it no more
		})
	}
}

// job runs f in the background, and settle waits for it. It runs under the lock.
func (n *native) job(f func(ctx context.Context)) {
	if n.jobs == 0 {
		n.idle = make(chan struct{})
	}
	n.jobs++
	n.device.browser.background(func(ctx context.Context) {
		f(ctx)
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.jobs--; n.jobs == 0 {
			close(n.idle)
		}
	})
}

// settle waits until every page has what the device has.
func (n *native) settle(ctx context.Context) error {
	n.mu.Lock()
	jobs, idle := n.jobs, n.idle
	n.mu.Unlock()
	if jobs == 0 {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// askIfFull has pages ask before each ceremony from now on, if an authenticator's room gets scarce.
// It runs under the lock.
func (n *native) askIfFull() {
	if n.asking {
		return
	}
	count := make([]int, len(n.authenticators))
	for _, h := range n.credentials {
		if h.IsResidentCredential {
			count[h.authenticator]++
		}
	}
	if slices.Max(count) < roomy {
		return
	}
	n.asking = true
	n.job(n.device.refreshWrappers)
}

// drop forgets a credential.
func (n *native) drop(h *held) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.credentials = slices.DeleteFunc(n.credentials, func(other *held) bool { return other == h })
}

// find runs under the lock.
func (n *native) find(id []byte) *held {
	i := slices.IndexFunc(n.credentials, func(h *held) bool { return bytes.Equal(h.CredentialID, id) })
	if i < 0 {
		return nil
	}
	return n.credentials[i]
}
