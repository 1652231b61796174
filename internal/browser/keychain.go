package browser

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/cdp"
)

// What Chrome cannot say of a passkey that was made elsewhere, or keeps to itself, is remembered here, so that
// a passkey is the same on every device that it travels to.

// asMade is a credential of Chrome's as whoever made it would show it. It runs under the lock.
func (c *chromeDevice) asMade(held virtual.Credential) virtual.Credential {
	if known, ok := c.whole[string(held.ID)]; ok {
		held.AAGUID, held.Transports, held.Created = known.AAGUID, slices.Clone(known.Transports), known.Created
	}
	if c.Uncounted {
		held.SignCount = 0
	}
	return held
}

// Export returns a copy of a passkey with its secrets.
func (c *chromeDevice) Export(_ context.Context, id []byte) (virtual.StoredCredential, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	stored, err := c.export(id)
	if err != nil {
		return stored, err
	}
	stored.Credential = c.asMade(stored.Credential)
	if known, ok := c.whole[string(id)]; ok {
		stored.PRFSecret, stored.CredBlob = known.PRFSecret, known.CredBlob
	}
	if stored.Discoverable {
		c.forgetOverwritten(&stored.Credential)
	}
	c.whole[string(id)] = stored
	return stored, nil
}

// forgetOverwritten forgets what Chrome has dropped for a passkey: a discoverable one takes the place of another for the
// same relying party and user (CTAP 2.1 §6.1.2). It runs under the lock.
func (c *chromeDevice) forgetOverwritten(by *virtual.Credential) {
	held := c.held()
	maps.DeleteFunc(c.whole, func(id string, known virtual.StoredCredential) bool {
		gone := !slices.ContainsFunc(held, func(one virtual.Credential) bool { return string(one.ID) == id })
		return gone && known.Discoverable && known.RPID == by.RPID && bytes.Equal(known.UserHandle, by.UserHandle)
	})
}

// export runs under the lock.
func (c *chromeDevice) export(id []byte) (virtual.StoredCredential, error) {
	if c.at != nil {
		return c.at.device.Export(id)
	}
	if i := c.index(id); i >= 0 {
		return c.kept[i], nil
	}
	return virtual.StoredCredential{}, fmt.Errorf("export credential: %w", virtual.ErrUnknownCredential)
}

// Import stores a passkey, in place of one with the same id.
func (c *chromeDevice) Import(ctx context.Context, stored virtual.StoredCredential) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.put(ctx, stored)
}

// put runs under the lock.
func (c *chromeDevice) put(ctx context.Context, stored virtual.StoredCredential) error {
	fitting := stored
	fitting.PRFSecret, fitting.CredBlob = nil, nil // Chrome does not take them
	if c.Uncounted {
		fitting.SignCount = c.counts.of(stored.ID)
	}
	if c.at != nil {
		if err := c.at.device.Import(ctx, fitting); err != nil {
			return err
		}
	} else {
		if i := c.index(stored.ID); i >= 0 {
			c.kept = slices.Delete(c.kept, i, i+1)
		}
		c.kept = append(c.kept, fitting)
	}
	c.whole[string(stored.ID)] = stored
	return nil
}

// Remove deletes a passkey, if it is there.
func (c *chromeDevice) Remove(ctx context.Context, id []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts.see(c.held())
	delete(c.whole, string(id))
	if c.at != nil {
		_, err := c.at.device.Remove(ctx, id)
		return err
	}
	if i := c.index(id); i >= 0 {
		c.kept = slices.Delete(c.kept, i, i+1)
	}
	return nil
}

func (c *chromeDevice) index(id []byte) int {
	return slices.IndexFunc(c.kept, func(s virtual.StoredCredential) bool { return string(s.ID) == string(id) })
}

// permit is asked by pages before Chrome's authenticators answer a ceremony.
func (c *chromeDevice) permit(ctx context.Context, kind string, req virtual.GetRequest) error {
	if err := c.Permit(ctx, kind, req); err != nil || kind != rp.KindGet || !c.Uncounted {
		return err
	}
	for _, copies := range c.counts.all() {
		copies.count()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.level(ctx)
}

// count tells how far the device's passkeys have counted.
func (c *chromeDevice) count() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts.see(c.held())
}

// level brings the counters of the device's passkeys to the highest that any copy of them has reached: Chrome
// counts where providers do not, and a counter that went back would look like a cloned passkey. It runs under
// the lock.
func (c *chromeDevice) level(ctx context.Context) error {
	if c.at == nil {
		return nil
	}
	for _, one := range c.held() {
		highest := c.counts.of(one.ID)
		if highest <= one.SignCount {
			continue
		}
		if err := c.at.device.SetProperties(ctx, one.ID, cdp.Properties{SignCount: &highest}); err != nil {
			return err
		}
	}
	return nil
}

// restore gives back what Chrome did on a page's signal by its own lights: what a signal does is the provider's way.
func (c *chromeDevice) restore(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	held := make(map[string]virtual.Credential)
	for _, one := range c.held() {
		held[string(one.ID)] = one
	}
	for _, id := range slices.SortedFunc(maps.Keys(c.whole), func(a, b string) int {
		if d := c.whole[a].Created.Compare(c.whole[b].Created); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	}) {
		known, is := c.whole[id], held[id]
		if is.ID != nil && is.UserName == known.UserName && is.UserDisplayName == known.UserDisplayName {
			continue
		}
		if err := c.put(ctx, known); err != nil {
			return err
		}
	}
	return nil
}

// counts are the highest signature counters that copies of passkeys have reached.
type counts struct {
	mu      sync.Mutex
	devices []*chromeDevice
	highest map[string]uint32 // by credential id
}

// add has a device's passkeys count along.
func (n *counts) add(c *chromeDevice) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.devices = append(n.devices, c)
}

func (n *counts) all() []*chromeDevice {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.devices)
}

func (n *counts) see(held []virtual.Credential) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.highest == nil {
		n.highest = make(map[string]uint32)
	}
	for _, c := range held {
		n.highest[string(c.ID)] = max(n.highest[string(c.ID)], c.SignCount)
	}
}

func (n *counts) of(id []byte) uint32 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.highest[string(id)]
}
