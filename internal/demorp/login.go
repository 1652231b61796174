package demorp

import (
	"context"
	"errors"
	"net/http"

	"github.com/go-webauthn/webauthn/protocol"
)

func (s *Server) loginOptions(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Username string `json:"username"`
	}
	if err := decodeJSON(w, r, &in); err != nil {
		return err
	}
	current, err := s.ceremonySession(w, r)
	if err != nil {
		return err
	}
	options, err := s.beginLogin(r.Context(), current, in.Username, s.cfg.UserVerification)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, struct {
		PublicKey requestOptions `json:"publicKey"`
	}{options})
}

func (s *Server) loginResult(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Credential protocol.CredentialAssertionResponse `json:"credential"`
	}
	if err := decodeJSON(w, r, &in); err != nil {
		return err
	}
	user, passkey, err := s.finishLogin(r.Context(), s.session(r), &in.Credential)
	if err != nil {
		return err
	}
	if err := s.signIn(w, r, user.ID, passkey.ID); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, struct {
		User    userJSON    `json:"user"`
		Passkey passkeyJSON `json:"passkey"`
	}{showUser(user), showPasskey(passkey)})
}

// finishLogin judges the answer to a sign-in challenge (WebAuthn L3 §7.2) and returns who may be signed in.
func (s *Server) finishLogin(ctx context.Context, session *session, response *protocol.CredentialAssertionResponse) (User, Passkey, error) {
	parsed, err := response.Parse()
	if err != nil {
		return User{}, Passkey{}, malformed(err)
	}
	c, err := session.take(protocol.AssertCeremony, parsed.Response.CollectedClientData.Challenge, s.now())
	if err != nil {
		return User{}, Passkey{}, s.refuseLogin(ctx, &refusedError{"challenge", err})
	}
	stored, err := s.store.Passkey(ctx, parsed.RawID)
	if errors.Is(err, ErrNotFound) {
		return User{}, Passkey{}, s.refuseLogin(ctx, &refusedError{"known-credential", err})
	}
	if err != nil {
		return User{}, Passkey{}, err
	}
	if err := s.verifier.verify(s.verifier.authentication, &attempt{
		ceremony:       c,
		rawID:          parsed.RawID,
		clientDataJSON: response.AssertionResponse.ClientDataJSON,
		client:         &parsed.Response.CollectedClientData,
		rawAuthData:    response.AssertionResponse.AuthenticatorData,
		authData:       &parsed.Response.AuthenticatorData,
		userHandle:     parsed.Response.UserHandle,
		signature:      parsed.Response.Signature,
		passkey:        stored,
	}); err != nil {
		return User{}, Passkey{}, s.refuseLogin(ctx, err)
	}
	passkey, err := s.recordUse(ctx, stored.CredentialID, &parsed.Response.AuthenticatorData)
	if err != nil {
		return User{}, Passkey{}, err
	}
	user, err := s.store.User(ctx, passkey.UserID)
	return user, passkey, err
}

// recordUse stores what a verified assertion says about its passkey (WebAuthn L3 §7.2 step 24). The counter is judged
// in the same breath, so that of two clones signing in at once one is noticed.
func (s *Server) recordUse(ctx context.Context, credentialID []byte, authData *protocol.AuthenticatorData) (Passkey, error) {
	now := s.now()
	var refused bool
	passkey, err := s.store.UpdatePasskey(ctx, credentialID, func(p *Passkey) {
		var suspicious bool
		suspicious, refused = s.verifier.counter(p.SignCount, authData.Counter)
		p.CloneWarning = p.CloneWarning || suspicious
		if refused {
			return
		}
		p.SignCount = max(p.SignCount, authData.Counter)
		p.UserVerified = authData.Flags.HasUserVerified()
		p.BackedUp = authData.Flags.HasBackupState()
		p.LastUsedAt = now
	})
	switch {
	case errors.Is(err, ErrNotFound): // deleted since it was looked up
		return Passkey{}, s.refuseLogin(ctx, &refusedError{"known-credential", err})
	case err != nil:
		return Passkey{}, err
	case refused:
		return Passkey{}, s.refuseLogin(ctx, &refusedError{"counter", errors.New("signature counter did not grow")})
	}
	return passkey, nil
}

// refuseLogin tells the visitor nothing but no: which credentials exist is nobody's business (WebAuthn L3 §14.6.2).
func (s *Server) refuseLogin(ctx context.Context, err error) error {
	s.log.InfoContext(ctx, "sign-in refused", "reason", err)
	return &apiError{http.StatusUnauthorized, "login_refused", "this passkey cannot be used to sign in"}
}
