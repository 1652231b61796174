package demorp

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/go-webauthn/webauthn/protocol"
)

// fidoStatus opens every answer of the FIDO conformance REST shape.
type fidoStatus struct {
	Status       string `json:"status"` // "ok" or "failed"
	ErrorMessage string `json:"errorMessage"`
}

func writeFIDOError(w http.ResponseWriter, failure *apiError) {
	_ = writeJSON(w, failure.status, fidoStatus{"failed", failure.message}) // two strings always marshal
}

// fidoAttestationOptions starts a registration for any username that nobody signed up with.
func (s *Server) fidoAttestationOptions(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Username    string `json:"username"`
		DisplayName string `json:"displayName"`
		Selection   struct {
			registrationWish
			RequireResidentKey bool `json:"requireResidentKey"`
		} `json:"authenticatorSelection"`
		Attestation string         `json:"attestation"`
		Extensions  fidoExtensions `json:"extensions"`
	}
	if err := decodeJSON(r, &in); err != nil {
		return err
	}
	wish := in.Selection.registrationWish
	wish.Attestation = in.Attestation
	if wish.ResidentKey == "" && in.Selection.RequireResidentKey {
		wish.ResidentKey = "required"
	}
	setDefault(&in.DisplayName, in.Username)
	if err := errors.Join(checkName("username", in.Username), checkName("display name", in.DisplayName)); err != nil {
		return &apiError{http.StatusBadRequest, "bad_username", err.Error()}
	}
	user, exists, err := s.fidoUser(r, in.Username, in.DisplayName)
	if err != nil {
		return err
	}
	current, err := s.ceremonySession(w, r)
	if err != nil {
		return err
	}
	options, err := s.beginRegistration(r.Context(), current, user, !exists, wish)
	if err != nil {
		return err
	}
	options.Extensions = json.RawMessage(in.Extensions)
	return writeJSON(w, http.StatusOK, struct {
		fidoStatus
		creationOptions
	}{fidoStatus{Status: "ok"}, options})
}

// fidoUser returns the account a username stands for, or the one it would become. Conformance tools add passkeys to
// any name without signing in; an account that somebody signed up for is not theirs to take.
func (s *Server) fidoUser(r *http.Request, name, displayName string) (user User, exists bool, err error) {
	user, err = s.store.UserByName(r.Context(), name)
	switch {
	case errors.Is(err, ErrNotFound):
		return User{
			ID:             s.fidoUserID(name),
			Name:           name,
			DisplayName:    displayName,
			OpenEnrollment: true,
			CreatedAt:      s.now(),
		}, false, nil
	case err != nil:
		return User{}, false, err
	case !user.OpenEnrollment:
		return User{}, false, &apiError{http.StatusConflict, "username_taken", "somebody signed up with this username"}
	}
	return user, true, nil
}

// fidoUserID keeps a name's user handle the same in every session while its account does not exist yet.
func (s *Server) fidoUserID(name string) []byte {
	mac := hmac.New(sha256.New, s.decoys.key)
	mac.Write([]byte("user handle\x00" + nameKey(name)))
	return mac.Sum(nil)
}

// enroll creates the account a first passkey came with. Two sessions may both be first.
func (s *Server) enroll(ctx context.Context, user User) error {
	err := s.store.CreateUser(ctx, user)
	if !errors.Is(err, ErrUsernameTaken) {
		return err
	}
	existing, err := s.store.UserByName(ctx, user.Name)
	if err != nil {
		return err
	}
	if !existing.OpenEnrollment {
		return s.refuseRegistration(ctx, &refusedError{"account", ErrUsernameTaken})
	}
	return nil
}

func (s *Server) fidoAttestationResult(w http.ResponseWriter, r *http.Request) error {
	var in protocol.CredentialCreationResponse
	if err := decodeJSON(r, &in); err != nil {
		return err
	}
	completeRawID(&in.PublicKeyCredential)
	passkey, err := s.finishRegistration(r.Context(), s.session(r), nil, &in, nil, "")
	if err != nil {
		return err
	}
	return s.fidoSignIn(w, r, passkey)
}

// fidoAssertionOptions starts a sign-in for a username.
func (s *Server) fidoAssertionOptions(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Username         string         `json:"username"`
		UserVerification string         `json:"userVerification"`
		Extensions       fidoExtensions `json:"extensions"`
	}
	if err := decodeJSON(r, &in); err != nil {
		return err
	}
	if in.Username == "" {
		return &apiError{http.StatusBadRequest, "bad_username", "username is missing"}
	}
	current, err := s.ceremonySession(w, r)
	if err != nil {
		return err
	}
	options, err := s.beginLogin(r.Context(), current, loginWish{Username: in.Username, UserVerification: in.UserVerification})
	if err != nil {
		return err
	}
	options.Extensions = json.RawMessage(in.Extensions)
	return writeJSON(w, http.StatusOK, struct {
		fidoStatus
		requestOptions
	}{fidoStatus{Status: "ok"}, options})
}

func (s *Server) fidoAssertionResult(w http.ResponseWriter, r *http.Request) error {
	var in protocol.CredentialAssertionResponse
	if err := decodeJSON(r, &in); err != nil {
		return err
	}
	completeRawID(&in.PublicKeyCredential)
	_, passkey, err := s.finishLogin(r.Context(), s.session(r), &in, nil)
	if err != nil {
		return err
	}
	return s.fidoSignIn(w, r, passkey)
}

// fidoSignIn also opens an ordinary session, so that whoami can tell who a conformance ceremony was for.
func (s *Server) fidoSignIn(w http.ResponseWriter, r *http.Request, passkey Passkey) error {
	if err := s.signIn(w, r, passkey.UserID, passkey.ID); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, fidoStatus{Status: "ok"})
}

// completeRawID makes up for conformance clients that send only the id, which is rawId in base64url. An id that is
// not stays without a rawId and is refused as malformed.
func completeRawID(credential *protocol.PublicKeyCredential) {
	if credential.RawID == nil {
		if id, err := base64.RawURLEncoding.DecodeString(credential.ID); err == nil {
			credential.RawID = id
		}
	}
}

// fidoExtensions is the extensions object of a request, echoed as it came.
type fidoExtensions json.RawMessage

// UnmarshalJSON accepts an object only.
func (e *fidoExtensions) UnmarshalJSON(data []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return err
	}
	if members != nil {
		*e = append((*e)[:0], data...)
	}
	return nil
}
