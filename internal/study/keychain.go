package study

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/fabric"
)

// keychain is where a simulated device keeps its passkeys. There is no relying party that would verify a signature, so
// private keys are random bytes of the size that a real one has, and nothing is signed: everything else is the fabric's.
type keychain struct {
	stored     []virtual.StoredCredential // the oldest first
	generation uint64
}

var (
	_ fabric.Keychain = (*keychain)(nil)
	_ fabric.Counted  = (*keychain)(nil)
)

// Credentials implements [fabric.Keychain].
func (k *keychain) Credentials() []virtual.Credential {
	list := make([]virtual.Credential, len(k.stored))
	for i := range k.stored {
		list[i] = k.stored[i].Credential
	}
	return list
}

// Export implements [fabric.Keychain].
func (k *keychain) Export(_ context.Context, id []byte) (virtual.StoredCredential, error) {
	if i := k.index(id); i >= 0 {
		return k.stored[i], nil
	}
	return virtual.StoredCredential{}, fmt.Errorf("export credential %x: %w", id, virtual.ErrUnknownCredential)
}

// Import implements [fabric.Keychain].
func (k *keychain) Import(_ context.Context, stored virtual.StoredCredential) error {
	k.drop(func(c *virtual.StoredCredential) bool { return bytes.Equal(c.ID, stored.ID) })
	k.stored = append(k.stored, stored)
	k.generation++
	return nil
}

// Remove implements [fabric.Keychain].
func (k *keychain) Remove(_ context.Context, id []byte) error {
	k.drop(func(c *virtual.StoredCredential) bool { return bytes.Equal(c.ID, id) })
	return nil
}

// Generation implements [fabric.Counted].
func (k *keychain) Generation() uint64 { return k.generation }

// make stores a new passkey, as an authenticator does: a discoverable one takes the place of another for the same relying
// party and user (CTAP 2.1 §6.1.2).
func (k *keychain) make(stored virtual.StoredCredential) {
	k.drop(func(c *virtual.StoredCredential) bool {
		return c.Discoverable && c.RPID == stored.RPID && bytes.Equal(c.UserHandle, stored.UserHandle)
	})
	k.stored = append(k.stored, stored)
	k.generation++
}

func (k *keychain) drop(unwanted func(*virtual.StoredCredential) bool) {
	before := len(k.stored)
	k.stored = slices.DeleteFunc(k.stored, func(c virtual.StoredCredential) bool { return unwanted(&c) })
	if len(k.stored) != before {
		k.generation++
	}
}

func (k *keychain) index(id []byte) int {
	return slices.IndexFunc(k.stored, func(c virtual.StoredCredential) bool { return bytes.Equal(c.ID, id) })
}
