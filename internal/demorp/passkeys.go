package demorp

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"time"
)

// passkeyJSON is a passkey as the API shows it.
type passkeyJSON struct {
	ID             string     `json:"id"`
	CredentialID   string     `json:"credentialId"` // unpadded base64url
	Name           string     `json:"name"`
	CreatedAt      time.Time  `json:"createdAt"`
	LastUsedAt     *time.Time `json:"lastUsedAt"` // null until the first sign-in
	Algorithm      int64      `json:"algorithm"`  // COSE identifier
	Transports     []string   `json:"transports"`
	AAGUID         string     `json:"aaguid"` // as a UUID
	SignCount      uint32     `json:"signCount"`
	UserVerified   bool       `json:"userVerified"` // by the latest ceremony
	BackupEligible bool       `json:"backupEligible"`
	BackedUp       bool       `json:"backedUp"`
	CloneWarning   bool       `json:"cloneWarning"`
	Attestation    string     `json:"attestation"` // attestation statement format
}

func showPasskey(p Passkey) passkeyJSON {
	shown := passkeyJSON{
		ID:             p.ID,
		CredentialID:   encode(p.CredentialID),
		Name:           p.Name,
		CreatedAt:      p.CreatedAt,
		Algorithm:      p.Algorithm,
		Transports:     p.Transports,
		AAGUID:         uuid(p.AAGUID),
		SignCount:      p.SignCount,
		UserVerified:   p.UserVerified,
		BackupEligible: p.BackupEligible,
		BackedUp:       p.BackedUp,
		CloneWarning:   p.CloneWarning,
		Attestation:    p.Attestation,
	}
	if shown.Transports == nil {
		shown.Transports = []string{}
	}
	if !p.LastUsedAt.IsZero() {
		shown.LastUsedAt = &p.LastUsedAt
	}
	return shown
}

// uuid writes 16 bytes in the 8-4-4-4-12 form.
func uuid(b []byte) string {
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

func (s *Server) listPasskeys(w http.ResponseWriter, r *http.Request) error {
	_, user, err := s.signedIn(r)
	if err != nil {
		return err
	}
	owned, err := s.store.Passkeys(r.Context(), user.ID)
	if err != nil {
		return err
	}
	shown := make([]passkeyJSON, len(owned))
	for i, passkey := range owned {
		shown[i] = showPasskey(passkey)
	}
	return writeJSON(w, http.StatusOK, struct {
		Passkeys []passkeyJSON `json:"passkeys"`
	}{shown})
}

func (s *Server) renamePasskey(w http.ResponseWriter, r *http.Request) error {
	passkey, err := s.requestedPasskey(r)
	if err != nil {
		return err
	}
	var in struct {
		Name string `json:"name"`
	}
	if err := decodeJSON(r, &in); err != nil {
		return err
	}
	if err := checkName("passkey name", in.Name); err != nil {
		return &apiError{http.StatusBadRequest, "bad_name", err.Error()}
	}
	passkey, err = s.store.UpdatePasskey(r.Context(), passkey.CredentialID, func(p *Passkey) { p.Name = in.Name })
	if errors.Is(err, ErrNotFound) {
		return noSuchPasskey()
	}
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, struct {
		Passkey passkeyJSON `json:"passkey"`
	}{showPasskey(passkey)})
}

// deletePasskey takes effect at once for sign-ins; sessions it opened go on.
func (s *Server) deletePasskey(w http.ResponseWriter, r *http.Request) error {
	passkey, err := s.requestedPasskey(r)
	if err != nil {
		return err
	}
	if err := s.store.DeletePasskey(r.Context(), passkey.CredentialID); errors.Is(err, ErrNotFound) {
		return noSuchPasskey()
	} else if err != nil {
		return err
	}
	s.keepDeleted(passkey)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// requestedPasskey returns the passkey a request's path names, for its signed-in owner.
func (s *Server) requestedPasskey(r *http.Request) (Passkey, error) {
	_, user, err := s.signedIn(r)
	if err != nil {
		return Passkey{}, err
	}
	return s.ownPasskey(r.Context(), user.ID, r.PathValue("id"))
}

// ownPasskey finds a passkey among its owner's only: somebody else's does not exist.
func (s *Server) ownPasskey(ctx context.Context, userID []byte, id string) (Passkey, error) {
	owned, err := s.store.Passkeys(ctx, userID)
	if err != nil {
		return Passkey{}, err
	}
	for _, passkey := range owned {
		if passkey.ID == id {
			return passkey, nil
		}
	}
	if passkey, ok := s.anybodys(ctx, id); ok {
		return passkey, nil
	}
	return Passkey{}, noSuchPasskey()
}

func noSuchPasskey() error {
	return &apiError{http.StatusNotFound, "no_such_passkey", "you have no such passkey"}
}
