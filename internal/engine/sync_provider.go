package engine

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/providers"
	"github.com/passrig/passrig/virtual/vault"
)

// What people do in their provider's own list of passkeys, what relying parties signal to it, and what leaves it.

// atProvider finds the passkey and the device of a step in the provider's list. Without a device it is the one that
// made the passkey.
func (w *world) atProvider(ref, user, on string) (*passkey, *device, error) {
	key, err := w.passkey(ref, user)
	if err != nil {
		return nil, nil, err
	}
	if on == "" {
		return key, key.device, nil
	}
	d, err := w.device(on, user)
	return key, d, err
}

// renameAtProvider gives a passkey another user name in the provider's list.
func (w *world) renameAtProvider(ctx context.Context, spec *scenarios.Rename) (*outcome, error) {
	key, d, err := w.atProvider(spec.Credential, spec.User, spec.On)
	if err != nil {
		return nil, err
	}
	to, err := spec.To.String(w.env)
	if err != nil {
		return nil, err
	}
	done := fmt.Sprintf("%s shows the passkey as %q", d.name, to)
	display := w.displayName(d, key)
	if d.replica != nil {
		return provided(d.replica.Rename(ctx, key.id, to, display), done)
	}
	chain := d.keychain()
	stored, err := chain.Export(ctx, key.id)
	if err == nil {
		stored.UserName = to
		err = chain.Import(ctx, stored)
	}
	return provided(err, done)
}

// displayName is the display name that a device shows for a passkey.
func (w *world) displayName(d *device, key *passkey) string {
	for _, c := range d.Credentials() {
		if bytes.Equal(c.ID, key.id) {
			return c.UserDisplayName
		}
	}
	return ""
}

// deleteAtProvider deletes a passkey in the provider's list; the relying party does not hear of it.
func (w *world) deleteAtProvider(ctx context.Context, spec *scenarios.Delete) (*outcome, error) {
	key, d, err := w.atProvider(spec.Credential, spec.User, spec.On)
	if err != nil {
		return nil, err
	}
	done := "the passkey is deleted on " + d.name
	if d.replica != nil {
		return provided(d.replica.Delete(ctx, key.id), done)
	}
	if !d.holds(key.id) {
		return provided(virtual.ErrUnknownCredential, "")
	}
	return provided(d.keychain().Remove(ctx, key.id), done)
}

func (w *world) restore(ctx context.Context, spec *scenarios.Restore) (*outcome, error) {
	key, err := w.passkey(spec.Credential, "")
	if err != nil {
		return nil, err
	}
	d, err := w.synced(spec.On, "")
	if err != nil {
		return nil, err
	}
	return provided(d.replica.Restore(ctx, key.id), "the passkey is back on "+d.name)
}

// signal tells a device's provider what a page would.
func (w *world) signal(ctx context.Context, spec *scenarios.SignalStep) (*outcome, error) {
	d, err := w.device(spec.On, spec.User)
	if err != nil {
		return nil, err
	}
	s, err := w.signalOf(spec)
	if err != nil {
		return nil, err
	}
	touched, err := w.tell(ctx, d, s)
	o, err := provided(err, fmt.Sprintf("%s was told %s: %d of its passkeys changed by it", d.name, s.Type, len(touched)))
	if o != nil {
		for _, id := range touched {
			text := webauthn.Base64URL(id).String()
			o.entries = append(o.entries, rp.Entry{ID: text, Credential: text, Name: w.labelOf(id)})
		}
	}
	return o, err
}

// tell has a device do what a relying party signals.
func (w *world) tell(ctx context.Context, d *device, s virtual.Signal) ([][]byte, error) {
	if d.replica != nil && d.replica.Status().Enrolled {
		return d.replica.Heed(ctx, s)
	}
	if own, ok := d.Device.(*software); ok {
		return own.SoftwareDevice.Heed(s), nil
	}
	return nil, fmt.Errorf("device %s has Chrome's authenticators, which only a page can signal to", d.name)
}

// signalOf is the call of the Signal API that a step stands for.
func (w *world) signalOf(spec *scenarios.SignalStep) (virtual.Signal, error) {
	s := virtual.Signal{RPID: w.party.RPID()}
	if s.RPID == "" {
		s.RPID = hostOf(w.origin)
	}
	for _, k := range w.keys {
		if k.user == spec.User && k.rpID != "" {
			s.RPID, s.UserHandle = k.rpID, k.handle
		}
	}
	if spec.Unknown != "" {
		key, err := w.passkey(spec.Unknown, spec.User)
		if err != nil {
			return s, err
		}
		s.Type, s.CredentialID = virtual.SignalUnknownCredential, key.id
		return s, nil
	}
	if s.UserHandle == nil {
		return s, fmt.Errorf("no passkey of %s says by which user handle the relying party knows them", spec.User)
	}
	if spec.Name.IsZero() {
		s.Type, s.Accepted = virtual.SignalAllAcceptedCredentials, [][]byte{}
		for _, ref := range spec.Accepted {
			key, err := w.passkey(ref, spec.User)
			if err != nil {
				return s, err
			}
			s.Accepted = append(s.Accepted, key.id)
		}
		return s, nil
	}
	var err error
	s.Type = virtual.SignalCurrentUserDetails
	if s.Name, err = spec.Name.String(w.env); err != nil {
		return s, err
	}
	s.DisplayName = w.users[spec.User].DisplayName
	if !spec.DisplayName.IsZero() {
		s.DisplayName, err = spec.DisplayName.String(w.env)
	}
	return s, err
}

// exported is what an export wrote. It is kept in memory only.
type exported struct {
	format vault.Format
	data   []byte
}

// export writes a device's passkeys for another provider.
func (w *world) export(ctx context.Context, spec *scenarios.ExportStep) (*outcome, error) {
	d, err := w.device(spec.On, "")
	if err != nil {
		return nil, err
	}
	chain := d.keychain()
	var passkeys []virtual.StoredCredential
	var left []vault.Loss
	for _, held := range d.Credentials() {
		stored, err := chain.Export(ctx, held.ID)
		if err != nil {
			return nil, err
		}
		if held.SignCount > 0 && d.account.provider.Export.CountersLeftOut {
			left = append(left, vault.Loss{
				CredentialID: held.ID, RPID: held.RPID, Member: vault.LossPasskey,
				Why: fmt.Sprintf("its signature counter is %d, and %s leaves out passkeys that count", held.SignCount, d.account.provider.Title),
			})
			continue
		}
		passkeys = append(passkeys, stored)
	}
	format := vault.Format(spec.Format)
	data, lost, err := vault.Export(format, passkeys, vault.ExportOptions{
		ExporterName: d.account.provider.Title, Account: d.account.name, Now: d.clock(), Random: random(w.cfg.Seed, "export "+w.id+"/"+spec.As),
	})
	if err != nil {
		return nil, err
	}
	w.traveling.exported[spec.As] = exported{format, data}
	lost = append(left, lost...)
	o, err := provided(nil, fmt.Sprintf("%s exported %s as %s", d.name, passkeyCount(len(passkeys)-whole(lost[len(left):])), format))
	if o != nil && !slices.Contains(d.account.provider.Export.Formats, spec.Format) {
		o.notes = append(o.notes, fmt.Sprintf("%s is not known to write %s: this is as if another tool had done it", d.account.provider.Title, spec.Format))
	}
	return w.losing(o, lost), err
}

// importPasskeys reads what was exported into a device, whose provider gives them its own marks.
func (w *world) importPasskeys(ctx context.Context, spec *scenarios.ImportStep) (*outcome, error) {
	d, err := w.device(spec.On, "")
	if err != nil {
		return nil, err
	}
	from, ok := w.traveling.exported[spec.From]
	if !ok {
		return nil, fmt.Errorf("nothing was exported as %q", spec.From)
	}
	format := from.format
	if spec.Format != "" {
		format = vault.Format(spec.Format)
	}
	passkeys, lost, err := vault.Import(format, from.data, vault.ImportOptions{
		AAGUID: d.config.AAGUID, BackupEligible: d.config.BackupEligible, BackedUp: d.config.BackedUp, Transports: d.config.Transports,
		Algorithms: d.config.Algorithms, Extensions: d.config.Extensions, Now: d.clock(),
	})
	if err != nil {
		return nil, err
	}
	if no := d.barred(providers.Save); no.reason != "" {
		return refused(no), nil
	}
	if d.replica != nil {
		if no, err := w.admit(ctx, d, providers.Save); err != nil || no.reason != "" {
			return refused(no), err
		}
	}
	chain := d.keychain()
	for i := range passkeys {
		if err := chain.Import(ctx, passkeys[i]); err != nil {
			return nil, err
		}
	}
	o, err := provided(nil, fmt.Sprintf("%s imported %s from %s", d.name, passkeyCount(len(passkeys)), format))
	if o != nil {
		for i := range passkeys {
			id := webauthn.Base64URL(passkeys[i].ID).String()
			o.entries = append(o.entries, rp.Entry{ID: id, Credential: id, Name: passkeys[i].UserName})
		}
	}
	return w.losing(o, lost), err
}

// losing lists what did not survive, but for what every importer replaces.
func (w *world) losing(o *outcome, lost []vault.Loss) *outcome {
	if o == nil {
		return nil
	}
	list := make([]any, 0, len(lost))
	for i := range lost {
		l := &lost[i]
		if l.Renewed {
			continue
		}
		label := w.labelOf(l.CredentialID)
		list = append(list, map[string]any{
			"credential": webauthn.Base64URL(l.CredentialID).String(), "rpId": l.RPID, "member": l.Member, "why": l.Why, "passkey": label,
		})
		o.notes = append(o.notes, fmt.Sprintf("lost: %s of %s: %s", l.Member, label, l.Why))
	}
	o.seen = map[string]any{"lost": list}
	return o
}

// whole counts the passkeys among what was lost.
func whole(lost []vault.Loss) int {
	n := 0
	for i := range lost {
		if lost[i].Member == vault.LossPasskey {
			n++
		}
	}
	return n
}

func passkeyCount(n int) string {
	if n == 1 {
		return "1 passkey"
	}
	return fmt.Sprintf("%d passkeys", n)
}

// labelOf is what the scenario calls a passkey: the id of the step that made it, or its label.
func (w *world) labelOf(id []byte) string {
	for _, k := range w.keys {
		if bytes.Equal(k.id, id) {
			if k.step != "" {
				return k.step
			}
			return k.label
		}
	}
	return webauthn.Base64URL(id).String()
}
