package demorp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/go-webauthn/webauthn/protocol"
)

func (s *Server) loginOptions(w http.ResponseWriter, r *http.Request) error {
	s.optionsHeader(w.Header())
	var wish loginWish
	if err := decodeJSON(r, &wish); err != nil {
		return s.optionsFailure(err)
	}
	current, err := s.ceremonySession(w, r)
	if err != nil {
		return err
	}
	options, err := s.beginLogin(r.Context(), current, wish)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, struct {
		PublicKey requestOptions `json:"publicKey"`
	}{options})
}

func (s *Server) loginResult(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Credential json.RawMessage `json:"credential"`
	}
	if err := decodeJSON(r, &in); err != nil {
		return err
	}
	var credential protocol.CredentialAssertionResponse
	as, err := s.read(s.session(r), protocol.AssertCeremony, in.Credential, &credential)
	if err != nil {
		return err
	}
	user, passkey, err := s.finishLogin(r.Context(), s.session(r), &credential, as)
	if err != nil {
		return err
	}
	if current := s.session(r); s.faults.has("reauth-any-user") && current != nil && !current.anonymous() {
		return writeJSON(w, http.StatusOK, struct{}{}) // whoever it was, the session goes on
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
// as is what was sent, if faults had it misread.
func (s *Server) finishLogin(ctx context.Context, session *session, response *protocol.CredentialAssertionResponse, as *sent) (User, Passkey, error) {
	outerID := response.ID
	if s.faults.has("credential-id-split") {
		response.ID = encode(response.RawID)
	}
	parsed, err := response.Parse()
	if err != nil {
		return User{}, Passkey{}, malformed(err)
	}
	c, err := s.spend(ctx, session, protocol.AssertCeremony, parsed.Response.CollectedClientData.Challenge, nil)
	if err != nil {
		return User{}, Passkey{}, s.refuseLogin(ctx, &refusedError{"challenge", err})
	}
	stored, err := s.known(ctx, parsed.RawID)
	if errors.Is(err, ErrNotFound) {
		if user, passkey, ok := s.takenUnseen(ctx, c, parsed); ok {
			return user, passkey, nil
		}
		return User{}, Passkey{}, s.refuseUnknown(ctx, c, err)
	}
	if err != nil {
		return User{}, Passkey{}, err
	}
	if s.faults.has("credential-id-split") {
		s.split(ctx, outerID, parsed, &stored)
	}
	if err := s.judge(s.verifier.authentication, &attempt{
		ceremony:       c,
		rawID:          parsed.RawID,
		clientDataJSON: as.clientDataOr(response.AssertionResponse.ClientDataJSON),
		client:         &parsed.Response.CollectedClientData,
		rawAuthData:    as.authDataOr(response.AssertionResponse.AuthenticatorData),
		authData:       &parsed.Response.AuthenticatorData,
		userHandle:     parsed.Response.UserHandle,
		signature:      parsed.Response.Signature,
		passkey:        stored,
		sent:           as,
	}); err != nil {
		return User{}, Passkey{}, s.refuseLogin(ctx, err)
	}
	user, err := s.admit(ctx, s.whose(c, parsed.Response.UserHandle, stored))
	if err != nil {
		return User{}, Passkey{}, err
	}
	passkey, err := s.recordUse(ctx, stored.CredentialID, &parsed.Response.AuthenticatorData)
	return user, passkey, err
}

// admit is the user whom a verified assertion signs in, unless their account is locked.
func (s *Server) admit(ctx context.Context, id []byte) (User, error) {
	user, err := s.store.User(ctx, id)
	switch {
	case err != nil:
		return User{}, fmt.Errorf("user of a passkey: %w", err)
	case user.Locked && !s.faults.has("locked-account-open"):
		return User{}, s.refuseLogin(ctx, &refusedError{"account", errors.New("account is locked")})
	}
	return user, nil
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
		if kept, ok := s.lapses.passkey(credentialID); ok {
			return kept, nil
		}
		return Passkey{}, s.refuseLogin(ctx, &refusedError{"known-credential", err})
	case err != nil:
		return Passkey{}, err
	case refused:
		return Passkey{}, s.refuseLogin(ctx, &refusedError{"counter", errors.New("signature counter did not grow")})
	}
	return passkey, nil
}

// refuseUnknown also tells that the credential is unknown, so that the page can signal it to the authenticator
// (WebAuthn L3 §5.1.10.1). Who named a user must not learn it: the decoys would give themselves away.
func (s *Server) refuseUnknown(ctx context.Context, c *ceremony, err error) error {
	refused := s.refuseLogin(ctx, &refusedError{"known-credential", err})
	if c.identified {
		return refused
	}
	return &apiError{http.StatusUnauthorized, "unknown_credential", "this passkey is not known here"}
}

// refuseLogin tells the visitor nothing but no: which credentials exist is nobody's business (WebAuthn L3 §14.6.2).
func (s *Server) refuseLogin(ctx context.Context, err error) error {
	s.log.InfoContext(ctx, "sign-in refused", "reason", err)
	if s.faults.has("login-refusals-telling") {
		return &apiError{http.StatusUnauthorized, "login_refused", err.Error()}
	}
	return &apiError{http.StatusUnauthorized, "login_refused", "this passkey cannot be used to sign in"}
}
