package checks

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/forge"
)

// newcomer is somebody who has an account, if the relying party makes accounts without a passkey, and no passkey yet.
func (r *Rig) newcomer(ctx context.Context) (*User, error) {
	u, err := r.visitor()
	if err == nil {
		err = r.enroll(ctx, u)
	}
	return u, err
}

// errNotTaken says that the relying party does not take a kind of passkey, which is its choice.
var errNotTaken = errors.New("the relying party did not take a passkey of that kind")

// ownPasskey registers a passkey of a device with ways of its own. Where users have but one passkey, the user is a new
// one.
func (r *Rig) ownPasskey(ctx context.Context, authenticator func(*virtual.Config)) (*User, *Passkey, error) {
	u, err := r.Prove(ctx, r.loginOperation())
	if err == nil && r.oneKey {
		u, err = r.newcomer(ctx)
	}
	if err != nil {
		return nil, nil, err
	}
	made := r.act(ctx, u, Act{Session: u.Session, Authenticator: authenticator})
	if made.Answer != Accepted {
		return nil, nil, fmt.Errorf("%w: %s", errNotTaken, made.Result.Reason)
	}
	if len(u.Passkeys) == 0 {
		u.Passkeys = []*Passkey{made.Passkey}
	}
	return u, made.Passkey, nil
}

// passkeyOf is ownPasskey, and shows that the passkey signs in.
func (r *Rig) passkeyOf(ctx context.Context, authenticator func(*virtual.Config)) (*User, *Passkey, error) {
	u, key, err := r.ownPasskey(ctx, authenticator)
	if err != nil {
		return nil, nil, err
	}
	login := r.act(ctx, u, Act{Operation: r.loginOperation(), Passkey: key})
	if login.Answer != Accepted || login.WhoKnown && login.Who != u.Identity {
		return nil, nil, fmt.Errorf("control: a legal login with the passkey did not work: %s", login.Result.Reason)
	}
	return u, key, nil
}

// notMade is the finding where there is no passkey to go on with.
func notMade(err error) Finding {
	if errors.Is(err, errNotTaken) {
		return inapplicable("%v", err)
	}
	return untold("%v", err)
}

// withOnePasskey performs cases as logins, in order, with one passkey that is registered for them. It signs in before,
// unless the first case is no other than that.
func withOnePasskey(authenticator func(*virtual.Config), cases ...Case) func(context.Context, *Rig) Finding {
	return func(ctx context.Context, r *Rig) Finding {
		obtain := r.passkeyOf
		if cases[0].Changes == nil {
			obtain = r.ownPasskey
		}
		u, key, err := obtain(ctx, authenticator)
		if err != nil {
			return notMade(err)
		}
		findings := make([]named, 0, len(cases))
		for _, variant := range cases {
			act := Act{Name: variant.Name, Operation: r.loginOperation(), Passkey: key, Changes: variant.Changes}
			f := r.judge(ctx, u, act, r.check.wants())
			if f.kind != kindInapplicable {
				findings = append(findings, named{variant.Name, f})
			}
			if ctx.Err() != nil {
				return untold("interrupted after %s", variant.Name)
			}
		}
		return sum(findings)
	}
}

// copyTo puts a passkey on another device, as syncing does. adjust may change what the copy says of itself.
func (k *Passkey) copyTo(device *virtual.SoftwareDevice, adjust func(*virtual.StoredCredential)) (*Passkey, error) {
	stored, err := k.Device.ExportCredential(k.ID)
	if err != nil {
		return nil, err
	}
	if adjust != nil {
		adjust(&stored)
	}
	if err := device.ImportCredential(stored); err != nil {
		return nil, err
	}
	return &Passkey{Device: device, ID: k.ID}, nil
}

// onAnother is a passkey's copy on a new device.
func (r *Rig) onAnother(k *Passkey, authenticator func(*virtual.Config), adjust func(*virtual.StoredCredential)) (*Passkey, error) {
	device, err := r.device(r.purpose(), authenticator)
	if err != nil {
		return nil, err
	}
	return k.copyTo(device, adjust)
}

// handle is the user handle that the passkey was made for.
func (k *Passkey) handle() []byte {
	for _, c := range k.Device.Credentials() {
		if string(c.ID) == string(k.ID) {
			return c.UserHandle
		}
	}
	return nil
}

// publicKey is the passkey's COSE_Key (WebAuthn L3 §6.5.1).
func (k *Passkey) publicKey() ([]byte, error) {
	stored, err := k.Device.ExportCredential(k.ID)
	if err != nil {
		return nil, err
	}
	private, err := x509.ParsePKCS8PrivateKey(stored.PrivateKey)
	if err != nil {
		return nil, err
	}
	signer, ok := private.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a %T cannot sign", private)
	}
	return webauthn.EncodeCOSEKey(webauthn.Algorithm(stored.Algorithm), signer.Public())
}

// stranger is a passkey for a user that no relying party has heard of.
func (r *Rig) stranger(ctx context.Context, u *User) (*Passkey, error) {
	device, err := r.device(r.purpose(), nil)
	if err != nil {
		return nil, err
	}
	known, err := u.Passkey().Device.ExportCredential(u.Passkey().ID)
	if err != nil {
		return nil, err
	}
	options, err := json.Marshal(map[string]any{
		"rp":        map[string]any{"id": known.RPID, "name": known.RPID},
		"user":      map[string]any{"id": idText(known.UserHandle), "name": known.UserName, "displayName": known.UserDisplayName},
		"challenge": idText(known.ID), "pubKeyCredParams": []any{map[string]any{"type": webauthn.PublicKeyType, "alg": known.Algorithm}},
		"authenticatorSelection": map[string]any{"residentKey": "required"},
	})
	if err != nil {
		return nil, err
	}
	made, err := device.Create(ctx, virtual.CreateRequest{Origin: r.Origin(), Options: options})
	if err != nil {
		return nil, err
	}
	return &Passkey{Device: device, ID: made.CredentialID}, nil
}

// allowAll takes the list of allowed credentials out of the options, so that a hostile client can use any.
func allowAll(options map[string]any) { delete(options, "allowCredentials") }

// allowing has the options allow one credential only, as a client does that knows which it wants.
func allowing(k *Passkey) func(options map[string]any) {
	return func(options map[string]any) {
		options["allowCredentials"] = []any{map[string]any{"type": webauthn.PublicKeyType, "id": k.IDText()}}
	}
}

// identified reports whether the adapter's login names the user, so that the relying party knows before the ceremony
// who signs in: it does if the options allow the user's passkey.
func (r *Rig) identified(ctx context.Context, u *User) (bool, error) {
	if !r.Offers(opLogin) {
		return false, nil
	}
	s := r.NewSession()
	defer r.cfg.Driver.Release(s)
	options, _, err := r.Options(ctx, opLogin, s, u)
	if err != nil {
		return false, err
	}
	return descriptorIDs(options, "allowCredentials")[u.Passkey().IDText()], nil
}

// identifiedUser proves that the login works, and ends the check where it names nobody.
func (r *Rig) identifiedUser(ctx context.Context) (*User, Finding, bool) {
	u, err := r.Prove(ctx, r.loginOperation())
	if err != nil {
		return nil, untold("%v", err), false
	}
	yes, err := r.identified(ctx, u)
	switch {
	case err != nil:
		return nil, untold("%v", err), false
	case !yes:
		return nil, unable("the adapter's login asks for nobody's passkeys in particular; add a login that names the user"), false
	}
	return u, Finding{}, true
}

// signedInAs is a session of its own in which the user is signed in by a legal login.
func (r *Rig) signedInAs(ctx context.Context, u *User) (*rp.Session, error) {
	s := r.NewSession()
	t := r.act(ctx, u, Act{Operation: r.loginOperation(), Session: s})
	if t.Answer != Accepted || t.WhoKnown && t.Who != u.Identity {
		r.cfg.Driver.Release(s)
		return nil, fmt.Errorf("control: a legal login did not work: %s", t.Result.Reason)
	}
	return s, nil
}

// in is the user in another session of theirs.
func (u *User) in(s *rp.Session) *User {
	there := *u
	there.Session = s
	return &there
}

// sign answers options with a passkey, with changes.
func (r *Rig) sign(ctx context.Context, k *Passkey, options json.RawMessage, changes ...forge.Change) (json.RawMessage, error) {
	legal, err := k.Device.Get(ctx, virtual.GetRequest{Origin: r.Origin(), Options: options, CredentialID: k.ID})
	if err != nil {
		return nil, err
	}
	return forge.Assertion(legal, k.Device, changes...)
}

// make answers options with a new passkey on a device, with changes.
func (r *Rig) make(ctx context.Context, device *virtual.SoftwareDevice, options json.RawMessage, changes ...forge.Change) (*Passkey, json.RawMessage, error) {
	legal, err := device.Create(ctx, virtual.CreateRequest{Origin: r.Origin(), Options: options})
	if err != nil {
		return nil, nil, err
	}
	response, err := forge.Registration(legal, device, r.attested(changes)...)
	return &Passkey{Device: device, ID: legal.CredentialID}, response, err
}

// send has an act send a response that was made before.
func send(response json.RawMessage) func(context.Context, rp.Ceremony) (json.RawMessage, error) {
	return func(context.Context, rp.Ceremony) (json.RawMessage, error) { return response, nil }
}

// entry is the user's list entry for a credential. found is false if the list, or the entry, is not there.
func (r *Rig) entry(ctx context.Context, u *User, id string) (entry rp.Entry, found bool, result *rp.Result) {
	if !r.Offers(scenarios.OpList) {
		return rp.Entry{}, false, nil
	}
	result = r.Do(ctx, scenarios.OpList, u.Session, rp.Input{User: u.User, SignedIn: true})
	for _, e := range result.Entries {
		if canonicalID(e.Credential) == id {
			return e, true, result
		}
	}
	return rp.Entry{}, false, result
}
