package demorp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

// maxTransports bounds what is kept of a client's claim. Unknown transports are kept too (WebAuthn L3 §5.2.1).
const maxTransports = 16

func (s *Server) registerOptions(w http.ResponseWriter, r *http.Request) error {
	current, user, err := s.enrolling(w, r)
	if err != nil {
		return err
	}
	s.optionsHeader(w.Header())
	var wish registrationWish
	if err := decodeJSON(r, &wish); err != nil {
		return s.optionsFailure(err)
	}
	options, err := s.beginRegistration(r.Context(), current, user, false, wish)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, struct {
		PublicKey creationOptions `json:"publicKey"`
	}{options})
}

func (s *Server) registerResult(w http.ResponseWriter, r *http.Request) error {
	current, user, err := s.enrolling(w, r)
	if err != nil {
		return err
	}
	var in struct {
		Name       string          `json:"name"`
		Username   string          `json:"username"` // nobody's business here, see account-from-body
		Credential json.RawMessage `json:"credential"`
	}
	if err := decodeJSON(r, &in); err != nil {
		return err
	}
	var credential protocol.CredentialCreationResponse
	as, err := s.read(current, protocol.CreateCeremony, in.Credential, &credential)
	if err != nil {
		return err
	}
	if in.Name != "" {
		if err := checkName("passkey name", in.Name); err != nil {
			return &apiError{http.StatusBadRequest, "bad_name", err.Error()}
		}
	}
	passkey, err := s.finishRegistration(r.Context(), current, user.ID, &credential, as, in.Name)
	if err != nil {
		return err
	}
	if passkey, err = s.reassigned(r.Context(), passkey, in.Username); err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, struct {
		Passkey passkeyJSON `json:"passkey"`
	}{showPasskey(passkey)})
}

// finishRegistration judges the answer to a registration challenge and stores the new passkey (WebAuthn L3 §7.1). The
// passkey goes to the user the challenge was issued for, who has to be owner, unless that is nil. as is what was
// sent, if faults had it misread.
func (s *Server) finishRegistration(ctx context.Context, session *session, owner []byte, response *protocol.CredentialCreationResponse, as *sent, name string) (Passkey, error) {
	parsed, err := response.Parse()
	if err != nil {
		if s.faults.has("attestation-object-crash") && undecodable(response.AttestationResponse.AttestationObject) {
			return Passkey{}, err
		}
		return Passkey{}, malformed(err)
	}
	attestation := &parsed.Response.AttestationObject
	c, err := s.spend(ctx, session, protocol.CreateCeremony, parsed.Response.CollectedClientData.Challenge, owner)
	if err != nil {
		return Passkey{}, s.refuseRegistration(ctx, &refusedError{"challenge", err})
	}
	if owner != nil && !bytes.Equal(c.user.ID, owner) {
		return Passkey{}, s.refuseRegistration(ctx, &refusedError{"account", errors.New("challenge was issued for another user")})
	}
	if err := s.judge(s.verifier.registration, &attempt{
		ceremony:          c,
		rawID:             parsed.RawID,
		clientDataJSON:    as.clientDataOr(response.AttestationResponse.ClientDataJSON),
		client:            &parsed.Response.CollectedClientData,
		rawAuthData:       attestation.RawAuthData,
		authData:          &attestation.AuthData,
		attestationObject: response.AttestationResponse.AttestationObject,
		attestation:       attestation,
		sent:              as,
	}); err != nil {
		s.keepRefused(ctx, c.user, parsed)
		return Passkey{}, s.refuseRegistration(ctx, err)
	}
	passkey, err := s.newPasskey(ctx, c.user, parsed, name)
	if err != nil {
		return Passkey{}, err
	}
	if c.newUser {
		if err := s.enroll(ctx, c.user); err != nil {
			return Passkey{}, err
		}
	}
	if err := s.add(ctx, passkey); errors.Is(err, ErrCredentialTaken) {
		return Passkey{}, s.refuseRegistration(ctx, &refusedError{"unique-credential", err})
	} else if err != nil {
		return Passkey{}, err
	}
	return passkey, nil
}

// newPasskey makes the credential record of a verified registration (WebAuthn L3 §7.1 step 27).
func (s *Server) newPasskey(ctx context.Context, user User, parsed *protocol.ParsedCredentialCreationData, name string) (Passkey, error) {
	id, err := s.randomToken(passkeyIDSize)
	if err != nil {
		return Passkey{}, err
	}
	if name == "" {
		owned, err := s.store.Passkeys(ctx, user.ID)
		if err != nil {
			return Passkey{}, err
		}
		name = fmt.Sprintf("Passkey %d", len(owned)+1)
	}
	authData := &parsed.Response.AttestationObject.AuthData
	var key webauthncose.PublicKeyData
	if err := webauthncbor.Unmarshal(authData.AttData.CredentialPublicKey, &key); err != nil {
		return Passkey{}, fmt.Errorf("verified public key: %w", err)
	}
	transports := parsed.Raw.AttestationResponse.Transports
	return Passkey{
		ID:             id,
		UserID:         user.ID,
		CredentialID:   authData.AttData.CredentialID,
		PublicKey:      authData.AttData.CredentialPublicKey,
		Name:           name,
		Algorithm:      key.Algorithm,
		Transports:     slices.Clone(transports[:min(len(transports), maxTransports)]),
		AAGUID:         authData.AttData.AAGUID,
		Attestation:    parsed.Response.AttestationObject.Format,
		SignCount:      authData.Counter,
		UserVerified:   authData.Flags.HasUserVerified(),
		BackupEligible: authData.Flags.HasBackupEligible(),
		BackedUp:       authData.Flags.HasBackupState(),
		CreatedAt:      s.now(),
	}, nil
}

// refuseRegistration tells the visitor why; all of it is about what they sent themselves.
func (s *Server) refuseRegistration(ctx context.Context, err error) error {
	s.log.InfoContext(ctx, "registration refused", "reason", err)
	return &apiError{http.StatusBadRequest, "registration_refused", err.Error()}
}

// malformed is an answer that cannot even be decoded.
func malformed(err error) error {
	return &apiError{http.StatusBadRequest, "malformed_credential", "the credential cannot be decoded: " + err.Error()}
}
