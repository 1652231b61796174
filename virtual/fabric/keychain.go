package fabric

import (
	"context"

	"github.com/passrig/passrig/virtual"
)

// Keychain is where a device keeps its passkeys, and what a [Replica] keeps equal to the account's records.
type Keychain interface {
	// Credentials lists what is there, the oldest first.
	Credentials() []virtual.Credential
	// Export returns a credential with its secrets. The error wraps [virtual.ErrUnknownCredential] when it is not there.
	Export(ctx context.Context, id []byte) (virtual.StoredCredential, error)
	// Import stores a credential as the most recent one, in place of one with the same id.
	Import(ctx context.Context, stored virtual.StoredCredential) error
	// Remove deletes a credential. One that is not there is no error.
	Remove(ctx context.Context, id []byte) error
}

// Counted is a [Keychain] that says cheaply whether anything in it is different from before: [Replica.Scan] then
// looks only when there is something to see.
type Counted interface {
	// Generation goes up by one with every change, also by Import and Remove.
	Generation() uint64
}

// SoftwareKeychain is the keychain of a software device.
func SoftwareKeychain(d *virtual.SoftwareDevice) Keychain {
	return softwareKeychain{d}
}

type softwareKeychain struct{ device *virtual.SoftwareDevice }

func (k softwareKeychain) Credentials() []virtual.Credential { return k.device.Credentials() }

func (k softwareKeychain) Export(_ context.Context, id []byte) (virtual.StoredCredential, error) {
	return k.device.ExportCredential(id)
}

func (k softwareKeychain) Import(_ context.Context, stored virtual.StoredCredential) error {
	return k.device.ImportCredential(stored)
}

func (k softwareKeychain) Remove(_ context.Context, id []byte) error {
	k.device.RemoveCredential(id)
	return nil
}
