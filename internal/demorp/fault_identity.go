package demorp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/go-webauthn/webauthn/protocol"
)

// identityFaults are mistakes in whose credential an answer is, and whose account it opens.
func identityFaults() []Fault {
	return []Fault{
		{
			Name: "identity-from-options", Doc: "any user's credential signs in the user that the options were asked for",
			drops: []string{"allowed-credential", "owner", "user-handle"},
		},
		{Name: "identity-from-user-handle", Doc: "the user handle says who is signed in, whoever owns the credential", drops: []string{"user-handle"}},
		{Name: "allow-list-unchecked", Doc: "a login that begins with one user may end with another", drops: []string{"allowed-credential", "owner"}},
		{Name: "allow-list-by-owner", Doc: "of the allowed credentials only the owner is compared", drops: []string{"allowed-credential"}},
		{Name: "user-handle-unchecked", Doc: "the user handle is not looked at", drops: []string{"user-handle"}},
		{Name: "user-handle-demanded", Doc: "a login with a username is refused if the answer has no user handle", minds: func(a *attempt) error {
			if a.attestation == nil && a.ceremony.identified && len(a.userHandle) == 0 {
				return errors.New("no user handle")
			}
			return nil
		}},
		{Name: "reauth-any-user", Doc: "a signed-in user is confirmed by anybody's credential"},
		{Name: "unknown-credential-taken", Doc: "a credential that is not stored signs in the user it names"},
		{Name: "login-refusals-telling", Doc: "a refused login says why"},
		{Name: "account-from-body", Doc: "a registration's body says whose the passkey is"},
		{Name: "enrollment-open", Doc: "without signing in, a registration's body says whose the passkey is"},
	}
}

// whose is whom a verified assertion signs in: the user that the passkey belongs to.
func (s *Server) whose(c *ceremony, userHandle []byte, passkey Passkey) []byte {
	switch {
	case s.faults.has("identity-from-options") && c.userID != nil:
		return c.userID
	case s.faults.has("identity-from-user-handle") && len(userHandle) > 0:
		return userHandle
	}
	return passkey.UserID
}

// takenUnseen is whom a credential that nobody knows signs in: nobody, without the fault.
func (s *Server) takenUnseen(ctx context.Context, c *ceremony, parsed *protocol.ParsedCredentialAssertionData) (User, Passkey, bool) {
	if !s.faults.has("unknown-credential-taken") {
		return User{}, Passkey{}, false
	}
	id := c.userID
	if id == nil {
		id = parsed.Response.UserHandle
	}
	user, err := s.store.User(ctx, id)
	return user, Passkey{UserID: id, CredentialID: parsed.RawID, AAGUID: make([]byte, 16)}, err == nil
}

// reassigned is a passkey after the registration's body has had its say in whose it is: none, without the fault.
func (s *Server) reassigned(ctx context.Context, passkey Passkey, username string) (Passkey, error) {
	if !s.faults.has("account-from-body") || username == "" {
		return passkey, nil
	}
	user, err := s.store.UserByName(ctx, username)
	if err != nil {
		return passkey, noSuchPasskey()
	}
	passkey.UserID = user.ID
	return passkey, s.replace(ctx, passkey)
}

// replace stores a passkey in place of one with its credential id, whosever that is.
func (s *Server) replace(ctx context.Context, passkey Passkey) error {
	if err := s.store.DeletePasskey(ctx, passkey.CredentialID); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	return s.store.AddPasskey(ctx, passkey)
}

// enrolling returns the session and the user that a passkey is being added to: who is signed in.
func (s *Server) enrolling(w http.ResponseWriter, r *http.Request) (*session, User, error) {
	current, user, err := s.signedIn(r)
	if err == nil || !s.faults.has("enrollment-open") {
		return current, user, err
	}
	body, unread := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if unread != nil {
		return nil, User{}, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	var named struct {
		Username string `json:"username"`
	}
	if json.Unmarshal(body, &named) != nil {
		return nil, User{}, err
	}
	owner, unknown := s.store.UserByName(r.Context(), named.Username)
	if unknown != nil {
		return nil, User{}, err
	}
	current, err = s.ceremonySession(w, r)
	return current, owner, err
}
