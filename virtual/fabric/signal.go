package fabric

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/providers"
)

// Heed does what a signal of a relying party asks (WebAuthn L3 §5.1.10), as the provider does it: it deletes, hides,
// offers again or renames passkeys, on this device and by it on the others. It returns the ids of those that are
// different afterwards.
func (r *Replica) Heed(ctx context.Context, s virtual.Signal) ([][]byte, error) {
	var ids [][]byte
	_, err := r.do(ctx, "signal", func() error {
		if err := r.standing(); err != nil {
			return err
		}
		var touched users
		about := r.users[user{rpID: s.RPID, handle: string(s.UserHandle)}]
		if s.Type == virtual.SignalUnknownCredential {
			about = r.byID[string(s.CredentialID)]
		}
		for _, e := range about {
			if e.RPID == s.RPID && e.State == Live && r.heed(e, &s) {
				ids = append(ids, bytes.Clone(e.CredentialID))
				touched.add(e.user())
			}
		}
		return r.changed(ctx, touched)
	})
	return ids, err
}

// heed applies a signal to one passkey that it is about and reports whether it is different now.
func (r *Replica) heed(e *entry, s *virtual.Signal) bool {
	rules := r.cfg.Provider.Signals
	switch s.Type {
	case virtual.SignalUnknownCredential:
		return r.unwanted(e, rules.Unknown)
	case virtual.SignalAllAcceptedCredentials:
		if !contains(s.Accepted, e.CredentialID) {
			return r.unwanted(e, rules.AllAccepted)
		}
		if !e.Meta.Hidden || rules.AllAccepted != providers.SignalHide {
			return false
		}
		e.Meta.Hidden = false
		r.note(EventUnhidden, e.CredentialID, "the relying party accepts it")
		r.touch(e)
		return true
	case virtual.SignalCurrentUserDetails:
		follows := rules.Details == providers.SignalFollow || rules.Details == providers.SignalUnlessEdited && !e.Meta.Edited
		return follows && r.rename(e, s.Name, s.DisplayName)
	}
	return false
}

// unwanted does to a passkey what the provider does with one that the relying party does not have.
func (r *Replica) unwanted(e *entry, rule string) bool {
	switch {
	case rule == providers.SignalDelete:
		r.discard(e, "the relying party does not have it")
		return true
	case rule == providers.SignalHide && !e.Meta.Hidden:
		e.Meta.Hidden = true
		r.note(EventHidden, e.CredentialID, "the relying party does not have it")
		r.touch(e)
		return true
	}
	return false
}

func (r *Replica) rename(e *entry, name, displayName string) bool {
	if e.Meta.UserName == name && e.Meta.UserDisplayName == displayName {
		return false
	}
	old := e.Meta.UserName
	e.Meta.UserName, e.Meta.UserDisplayName = name, displayName
	r.note(EventRenamed, e.CredentialID, fmt.Sprintf("%q is now called %q", old, name))
	r.touch(e)
	return true
}

// discard puts a passkey into the trash where the provider has one, and deletes it where not, or when it is there
// already.
func (r *Replica) discard(e *entry, text string) {
	kind := EventDeleted
	if e.State == Live && r.cfg.Provider.Sync.Delete == providers.DeleteTrash {
		e.State, kind = Trashed, EventTrashed
	} else {
		e.State = Dead
	}
	r.note(kind, e.CredentialID, text)
	r.touch(e)
}

// Delete deletes a passkey as its owner does in the provider's own list: into the trash where there is one, for good
// when it is there already. With the newest of a chain of shadows goes the chain, where the provider does that. The error
// wraps [virtual.ErrUnknownCredential] when the device does not know of it.
func (r *Replica) Delete(ctx context.Context, id []byte) error {
	return r.edit(ctx, "delete", id, func(e *entry) error {
		for _, link := range r.chain(e) {
			r.discard(link, "")
		}
		return nil
	})
}

// chain returns what a deletion of the passkey takes along, and itself.
func (r *Replica) chain(head *entry) []*entry {
	list := []*entry{head}
	if !r.cfg.Provider.Sync.DeleteChain || r.shadowed(head) {
		return list
	}
	for i := 0; i < len(list); i++ { // what is shadowed may shadow others
		for _, e := range r.users[head.user()] {
			if e.State == head.State && contains(list[i].Shadows, e.CredentialID) && !slices.Contains(list, e) {
				list = append(list, e)
			}
		}
	}
	return list
}

// Restore takes a passkey out of the trash. The error wraps [ErrNotInTrash] when it is not there.
func (r *Replica) Restore(ctx context.Context, id []byte) error {
	return r.edit(ctx, "restore", id, func(e *entry) error {
		if e.State != Trashed {
			return ErrNotInTrash
		}
		e.State = Live
		r.note(EventRestored, e.CredentialID, "")
		r.touch(e)
		return nil
	})
}

// Rename gives a passkey names, as its owner does in the provider's own list.
func (r *Replica) Rename(ctx context.Context, id []byte, name, displayName string) error {
	return r.edit(ctx, "rename", id, func(e *entry) error {
		if r.rename(e, name, displayName) {
			e.Meta.Edited = true
		}
		return nil
	})
}

// Used notes that a passkey was used on this device to sign in, and takes along what the relying party has written into
// its blobs. Scan sees neither: only that a counter has gone up.
func (r *Replica) Used(ctx context.Context, id []byte) error {
	return r.edit(ctx, "note a sign-in", id, func(e *entry) error {
		if e.placed && e.opened {
			if err := r.takeBlobs(ctx, e); err != nil {
				return err
			}
		}
		e.Meta.LastUsed = r.clock()
		r.touch(e)
		return nil
	})
}

// takeBlobs seals a record again if its blobs in the keychain are others.
func (r *Replica) takeBlobs(ctx context.Context, e *entry) error {
	secret := r.secrets[e.Epoch]
	now, err := r.cfg.Keychain.Export(ctx, e.CredentialID)
	switch {
	case errors.Is(err, virtual.ErrUnknownCredential), err == nil && secret == nil:
		return nil // gone since the last scan, or sealed in a vault that is gone
	case err != nil:
		return err
	}
	before, err := openRecord(secret, &e.Record)
	if err != nil || bytes.Equal(before.LargeBlob, now.LargeBlob) && bytes.Equal(before.CredBlob, now.CredBlob) {
		return err
	}
	before.LargeBlob, before.CredBlob = now.LargeBlob, now.CredBlob
	e.Sealed, err = sealRecord(secret, &e.Record, &before, r.cfg.Random)
	return err
}

// edit changes a passkey that is not deleted.
func (r *Replica) edit(ctx context.Context, what string, id []byte, change func(*entry) error) error {
	_, err := r.do(ctx, what, func() error {
		if err := r.standing(); err != nil {
			return err
		}
		var touched users
		for _, e := range r.byID[string(id)] {
			if e.State == Dead {
				continue
			}
			if err := change(e); err != nil {
				return fmt.Errorf("passkey %s: %w", webauthn.Base64URL(id), err)
			}
			touched.add(e.user())
		}
		if len(touched) == 0 {
			return fmt.Errorf("passkey %s: %w", webauthn.Base64URL(id), virtual.ErrUnknownCredential)
		}
		return r.changed(ctx, touched)
	})
	return err
}

// changed brings keychain and cloud in line with what was changed here.
func (r *Replica) changed(ctx context.Context, touched users) error {
	if err := r.settleAll(ctx, touched); err != nil {
		return err
	}
	return r.push(ctx)
}
