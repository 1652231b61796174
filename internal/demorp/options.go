package demorp

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

const publicKeyType = "public-key"

// creationOptions is PublicKeyCredentialCreationOptionsJSON (WebAuthn L3 §5.1.8).
type creationOptions struct {
	RP                     rpEntity            `json:"rp"`
	User                   userEntity          `json:"user"`
	Challenge              string              `json:"challenge"`
	Parameters             []parameter         `json:"pubKeyCredParams"`
	Timeout                int64               `json:"timeout"` // milliseconds
	ExcludeCredentials     []descriptor        `json:"excludeCredentials"`
	AuthenticatorSelection authenticatorChoice `json:"authenticatorSelection"`
	Hints                  []string            `json:"hints,omitempty"`
	Attestation            string              `json:"attestation"`
	Extensions             json.RawMessage     `json:"extensions,omitempty"`
}

// requestOptions is PublicKeyCredentialRequestOptionsJSON (WebAuthn L3 §5.1.9).
type requestOptions struct {
	Challenge        string          `json:"challenge"`
	Timeout          int64           `json:"timeout"` // milliseconds
	RPID             string          `json:"rpId"`
	AllowCredentials []descriptor    `json:"allowCredentials"`
	UserVerification string          `json:"userVerification"`
	Extensions       json.RawMessage `json:"extensions,omitempty"`
}

type rpEntity struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type userEntity struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	DisplayName string `json:"displayName"`
}

type parameter struct {
	Type      string `json:"type"`
	Algorithm int64  `json:"alg"`
}

type descriptor struct {
	Type       string   `json:"type"`
	ID         string   `json:"id"`
	Transports []string `json:"transports,omitempty"`
}

type authenticatorChoice struct {
	AuthenticatorAttachment string `json:"authenticatorAttachment,omitempty"`
	ResidentKey             string `json:"residentKey"`
	RequireResidentKey      bool   `json:"requireResidentKey"`
	UserVerification        string `json:"userVerification"`
}

// registrationWish is what a client may ask of a registration. Empty members take the server's configuration.
type registrationWish struct {
	Attachment       string   `json:"authenticatorAttachment"`
	ResidentKey      string   `json:"residentKey"`
	UserVerification string   `json:"userVerification"`
	Attestation      string   `json:"attestation"`
	Hints            []string `json:"hints"`
}

// resolve fills in the server's configuration, or refuses unknown values.
func (wish registrationWish) resolve(cfg *Config) (registrationWish, error) {
	setDefault(&wish.ResidentKey, cfg.ResidentKey)
	setDefault(&wish.Attestation, cfg.Attestation)
	errs := []error{
		residentKeyValues.check("residentKey", wish.ResidentKey),
		attestationValues.check("attestation", wish.Attestation),
	}
	if wish.Attachment != "" {
		errs = append(errs, attachmentValues.check("authenticatorAttachment", wish.Attachment))
	}
	for _, hint := range wish.Hints {
		errs = append(errs, hintValues.check("hints", hint))
	}
	var err error
	wish.UserVerification, err = resolveUserVerification(cfg, wish.UserVerification)
	if err := errors.Join(append(errs, err)...); err != nil {
		return wish, &apiError{http.StatusBadRequest, "bad_request", err.Error()}
	}
	return wish, nil
}

// resolveUserVerification lets a request choose, except below a configured requirement.
func resolveUserVerification(cfg *Config, wanted string) (string, error) {
	if wanted == "" {
		return cfg.UserVerification, nil
	}
	if err := userVerificationValues.check("userVerification", wanted); err != nil {
		return "", &apiError{http.StatusBadRequest, "bad_request", err.Error()}
	}
	if cfg.UserVerification == "required" {
		return cfg.UserVerification, nil
	}
	return wanted, nil
}

// offeredAlgorithms are the COSE algorithms of new passkeys, most wanted first (WebAuthn L3 §5.4).
func offeredAlgorithms() []int64 {
	return []int64{
		int64(webauthncose.AlgEdDSA), int64(webauthncose.AlgES256), int64(webauthncose.AlgRS256),
		int64(webauthncose.AlgES384), int64(webauthncose.AlgES512), int64(webauthncose.AlgPS256),
	}
}

// beginRegistration issues the challenge under which the session may add one passkey to the user.
func (s *Server) beginRegistration(ctx context.Context, session *session, user User, newUser bool, wish registrationWish) (creationOptions, error) {
	wish, err := wish.resolve(&s.cfg)
	if err != nil {
		return creationOptions{}, err
	}
	owned, err := s.store.Passkeys(ctx, user.ID)
	if err != nil {
		return creationOptions{}, err
	}
	challenge, err := s.randomToken(tokenSize)
	if err != nil {
		return creationOptions{}, err
	}
	offered := offeredAlgorithms()
	now := s.now()
	session.issue(&ceremony{
		kind:             protocol.CreateCeremony,
		challenge:        challenge,
		expires:          now.Add(s.cfg.ChallengeTTL),
		userVerification: wish.UserVerification,
		user:             user,
		newUser:          newUser,
		offered:          offered,
	}, now)

	parameters := make([]parameter, len(offered))
	for i, algorithm := range offered {
		parameters[i] = parameter{publicKeyType, algorithm}
	}
	return creationOptions{
		RP:                 rpEntity{s.cfg.RPID, s.cfg.RPName},
		User:               userEntity{encode(user.ID), user.Name, user.DisplayName},
		Challenge:          challenge,
		Parameters:         parameters,
		Timeout:            s.cfg.ChallengeTTL.Milliseconds(),
		ExcludeCredentials: descriptorsOf(owned),
		AuthenticatorSelection: authenticatorChoice{
			AuthenticatorAttachment: wish.Attachment,
			ResidentKey:             wish.ResidentKey,
			RequireResidentKey:      wish.ResidentKey == "required",
			UserVerification:        wish.UserVerification,
		},
		Hints:       wish.Hints,
		Attestation: wish.Attestation,
	}, nil
}

// beginLogin issues the challenge of a sign-in: for the passkeys of one username, or, without one, for any passkey.
func (s *Server) beginLogin(ctx context.Context, session *session, username, userVerification string) (requestOptions, error) {
	c := &ceremony{kind: protocol.AssertCeremony, userVerification: userVerification, identified: username != ""}
	descriptors := []descriptor{}
	if c.identified {
		var err error
		if c.userID, c.allowed, descriptors, err = s.allowedCredentials(ctx, username); err != nil {
			return requestOptions{}, err
		}
	}
	var err error
	if c.challenge, err = s.randomToken(tokenSize); err != nil {
		return requestOptions{}, err
	}
	now := s.now()
	c.expires = now.Add(s.cfg.ChallengeTTL)
	session.issue(c, now)
	return requestOptions{
		Challenge:        c.challenge,
		Timeout:          s.cfg.ChallengeTTL.Milliseconds(),
		RPID:             s.cfg.RPID,
		AllowCredentials: descriptors,
		UserVerification: userVerification,
	}, nil
}

// allowedCredentials returns the owner and credential ids behind a username, and their descriptors. A username without
// passkeys, or without a user, gets decoys and no owner: the two look the same (WebAuthn L3 §14.6.2). The decoys are
// made either way, so that they cannot be told by the time they take.
func (s *Server) allowedCredentials(ctx context.Context, username string) (userID []byte, ids [][]byte, shown []descriptor, err error) {
	decoys := s.decoys.forUsername(username)
	user, err := s.store.UserByName(ctx, username)
	if errors.Is(err, ErrNotFound) {
		return nil, nil, decoys, nil
	}
	if err != nil {
		return nil, nil, nil, err
	}
	owned, err := s.store.Passkeys(ctx, user.ID)
	if err != nil {
		return nil, nil, nil, err
	}
	if len(owned) == 0 {
		return nil, nil, decoys, nil
	}
	for _, passkey := range owned {
		ids = append(ids, passkey.CredentialID)
	}
	return user.ID, ids, descriptorsOf(owned), nil
}

func descriptorsOf(passkeys []Passkey) []descriptor {
	all := make([]descriptor, len(passkeys))
	for i, passkey := range passkeys {
		all[i] = descriptor{publicKeyType, encode(passkey.CredentialID), passkey.Transports}
	}
	return all
}
