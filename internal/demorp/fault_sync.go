package demorp

import (
	"context"
	"errors"
	"net/url"

	"github.com/go-webauthn/webauthn/protocol"
)

// syncFaults are mistakes that show when a passkey is on several devices, or on several sites.
func syncFaults() []Fault {
	return []Fault{
		{Name: "backup-eligible-refused", Doc: "passkeys are refused that can be synced but are not yet", minds: func(a *attempt) error {
			if a.attestation != nil && a.authData.Flags.HasBackupEligible() && !a.authData.Flags.HasBackupState() {
				return errors.New("not backed up yet")
			}
			return nil
		}},
		{Name: "device-bound-refused", Doc: "passkeys are refused that stay on their device", minds: func(a *attempt) error {
			if a.attestation != nil && !a.authData.Flags.HasBackupEligible() {
				return errors.New("not backup eligible")
			}
			return nil
		}},
		{Name: "backup-state-fixed", Doc: "a login is refused whose backup state is not that of the registration", minds: func(a *attempt) error {
			if a.attestation == nil && a.authData.Flags.HasBackupState() != a.passkey.BackedUp {
				return errors.New("backup state changed")
			}
			return nil
		}},
		{Name: "backup-state-lost", Doc: "a login is refused of a passkey that is no longer backed up", minds: func(a *attempt) error {
			if a.attestation == nil && !a.authData.Flags.HasBackupState() && a.passkey.BackedUp {
				return errors.New("no longer backed up")
			}
			return nil
		}},
		{Name: "flags-lost-at-logout", Doc: "what is known of a user's passkeys is forgotten when the user signs out"},
		{Name: "challenge-slot-per-user", Doc: "a user has one login challenge: a second login ends the first"},
		{Name: "hybrid-refused", Doc: "a login from another device than the one that holds the page is refused", misread: func(r *received) {
			if r.kind == protocol.AssertCeremony && r.credential["authenticatorAttachment"] == "cross-platform" {
				r.spoil()
			}
		}},
		{Name: "user-verification-sticky", Doc: "who was verified at the registration has to be verified at every login", minds: func(a *attempt) error {
			if a.attestation == nil && a.passkey.UserVerified && !a.authData.Flags.HasUserVerified() {
				return errors.New("not verified this time")
			}
			return nil
		}},
		{Name: "app-origins-unused", Doc: "the origins of its apps are listed and refused", misread: originsUnused(func(u *url.URL) bool { return u.Scheme == "android" || u.Scheme == "ios" })},
		{Name: "related-origins-unused", Doc: "related origins are listed and refused", misread: originsUnused(func(u *url.URL) bool { return u.Scheme == "https" })},
		{Name: "discoverable-refused", Doc: "a login without a username is refused", minds: func(a *attempt) error {
			if a.attestation == nil && !a.ceremony.identified {
				return errors.New("nobody was named")
			}
			return nil
		}},
		{
			Name: "user-handle-per-request", Doc: "a user has another user handle in every registration", drops: []string{"user-handle"},
			creation: func(s *Server, o *creationOptions, _ *ceremony) {
				if handle, err := s.randomToken(tokenSize); err == nil {
					o.User.ID = handle
				}
			},
		},
	}
}

// originsUnused refuses the origins of a kind, other than the first.
func originsUnused(kind func(*url.URL) bool) func(*received) {
	return func(r *received) {
		data, ok := r.clientData()
		origin, _ := data["origin"].(string)
		if u, err := url.Parse(origin); ok && err == nil && origin != r.origin && kind(u) {
			r.spoil()
		}
	}
}

// forget loses what a user's passkeys are like.
func (s *Server) forget(ctx context.Context, userID []byte) error {
	if !s.faults.has("flags-lost-at-logout") {
		return nil
	}
	owned, err := s.store.Passkeys(ctx, userID)
	for _, passkey := range owned {
		passkey.BackupEligible, passkey.BackedUp = false, false
		err = errors.Join(err, s.replace(ctx, passkey))
	}
	return err
}

// slot has a challenge take the place of the user's other one.
func (s *Server) slot(c *ceremony) {
	if s.faults.has("challenge-slot-per-user") && c.userID != nil {
		s.lapses.queue(c)
	}
}

// slotTaken reports whether another challenge has taken this one's place.
func (s *Server) slotTaken(c *ceremony) bool { return c.userID != nil && s.lapses.overtaken(c) }
