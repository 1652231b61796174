package demorp

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"
)

const maxNameLength = 64 // characters, of usernames, display names and passkey names

// userJSON is a user as the API shows it. The id is the user handle in unpadded base64url.
type userJSON struct {
	ID          string `json:"id"`
	Username    string `json:"username"`
	DisplayName string `json:"displayName"`
}

func showUser(user User) userJSON { return userJSON{encode(user.ID), user.Name, user.DisplayName} }

// signup makes a user without a passkey and signs them in, so that they can add one.
func (s *Server) signup(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Username    string `json:"username"`
		DisplayName string `json:"displayName"`
	}
	if err := decodeJSON(r, &in); err != nil {
		return err
	}
	setDefault(&in.DisplayName, in.Username)
	if err := errors.Join(checkName("username", in.Username), checkName("display name", in.DisplayName)); err != nil {
		return &apiError{http.StatusBadRequest, "bad_username", err.Error()}
	}
	id, err := s.newUserID(in.Username)
	if err != nil {
		return err
	}
	user := User{ID: id, Name: in.Username, DisplayName: in.DisplayName, CreatedAt: s.now()}
	if err := s.store.CreateUser(r.Context(), user); errors.Is(err, ErrUsernameTaken) {
		return usernameTaken(in.Username)
	} else if err != nil {
		return err
	}
	if err := s.inherit(r.Context(), user); err != nil {
		return err
	}
	if err := s.signIn(w, r, user.ID, ""); err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, struct {
		User userJSON `json:"user"`
	}{showUser(user)})
}

// whoami tells who is signed in, with which passkey, and the RP ID a page needs to signal to authenticators.
func (s *Server) whoami(w http.ResponseWriter, r *http.Request) error {
	current, user, err := s.signedIn(r)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, struct {
		User    userJSON `json:"user"`
		Passkey string   `json:"passkey,omitempty"`
		RPID    string   `json:"rpId"`
	}{showUser(user), current.passkeyID, s.cfg.RPID})
}

// renameUser changes the signed-in user's names. The user handle stays, and so do the passkeys.
func (s *Server) renameUser(w http.ResponseWriter, r *http.Request) error {
	_, user, err := s.signedIn(r)
	if err != nil {
		return err
	}
	in := struct {
		Username    string `json:"username"`
		DisplayName string `json:"displayName"`
	}{user.Name, user.DisplayName} // what is not sent stays
	if err := decodeJSON(r, &in); err != nil {
		return err
	}
	if err := errors.Join(checkName("username", in.Username), checkName("display name", in.DisplayName)); err != nil {
		return &apiError{http.StatusBadRequest, "bad_username", err.Error()}
	}
	user, err = s.store.UpdateUser(r.Context(), user.ID, func(u *User) { u.Name, u.DisplayName = in.Username, in.DisplayName })
	if errors.Is(err, ErrUsernameTaken) {
		return usernameTaken(in.Username)
	}
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, struct {
		User userJSON `json:"user"`
	}{showUser(user)})
}

// deleteUser removes the signed-in user with their passkeys and sessions. The name is free again.
func (s *Server) deleteUser(w http.ResponseWriter, r *http.Request) error {
	return s.leave(w, r, func(user User) error {
		if err := s.keepAccount(r.Context(), user); err != nil {
			return err
		}
		return s.store.DeleteUser(r.Context(), user.ID)
	})
}

// lockUser keeps the signed-in user from signing in from now on.
func (s *Server) lockUser(w http.ResponseWriter, r *http.Request) error {
	return s.leave(w, r, func(user User) error {
		_, err := s.store.UpdateUser(r.Context(), user.ID, func(u *User) { u.Locked = true })
		return err
	})
}

// leave does something to the signed-in user after which none of their sessions goes on.
func (s *Server) leave(w http.ResponseWriter, r *http.Request, do func(User) error) error {
	_, user, err := s.signedIn(r)
	if err != nil {
		return err
	}
	if err := do(user); err != nil {
		return err
	}
	s.sessions.removeAll(user.ID)
	s.setSessionCookie(w, r, "", -1)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func usernameTaken(name string) error {
	return &apiError{http.StatusConflict, "username_taken", fmt.Sprintf("username %q is taken", name)}
}

func (s *Server) logout(w http.ResponseWriter, r *http.Request) error {
	if current := s.session(r); current != nil {
		if err := s.forget(r.Context(), current.userID); err != nil {
			return err
		}
		s.sessions.remove(current)
		s.setSessionCookie(w, r, "", -1)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// signedIn returns the session and user a request acts for, or a 401.
func (s *Server) signedIn(r *http.Request) (*session, User, error) {
	current := s.session(r)
	if current == nil || current.anonymous() {
		return nil, User{}, &apiError{http.StatusUnauthorized, "not_signed_in", "sign in first"}
	}
	user, err := s.store.User(r.Context(), current.userID)
	if errors.Is(err, ErrNotFound) { // deleted at this moment
		return nil, User{}, &apiError{http.StatusUnauthorized, "not_signed_in", "this account is no more"}
	}
	if err != nil {
		return nil, User{}, fmt.Errorf("user of a session: %w", err)
	}
	return current, user, nil
}

// checkName accepts 1 to 64 printable characters, spaces only inside.
func checkName(what, name string) error {
	switch length := utf8.RuneCountInString(name); {
	case length == 0 || length > maxNameLength:
		return fmt.Errorf("%s has %d characters, want 1 to %d", what, length, maxNameLength)
	case strings.TrimSpace(name) != name:
		return fmt.Errorf("%s starts or ends with a space", what)
	case strings.ContainsFunc(name, func(c rune) bool { return c == utf8.RuneError || !unicode.IsPrint(c) }):
		return fmt.Errorf("%s has characters that cannot be shown", what)
	}
	return nil
}
