package demorp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	Type       string   `json:"type,omitempty"`
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
	Mediation        string   `json:"mediation"` // "conditional" for a creation without a prompt
	Timeout          int64    `json:"timeout"`   // milliseconds

	Challenge string `json:"challenge"` // only read under a fault
}

// resolve fills in the server's configuration, or refuses unknown values.
func (wish registrationWish) resolve(cfg *Config) (registrationWish, error) {
	setDefault(&wish.ResidentKey, cfg.ResidentKey)
	setDefault(&wish.Attestation, cfg.Attestation)
	errs := []error{
		residentKeyValues.check("residentKey", wish.ResidentKey),
		attestationValues.check("attestation", wish.Attestation),
	}
	if wish.Mediation != "" {
		errs = append(errs, mediationValues.check("mediation", wish.Mediation))
	}
	if wish.Attachment == "" {
		wish.Attachment = hintedAttachment(wish.Hints)
	} else {
		errs = append(errs, attachmentValues.check("authenticatorAttachment", wish.Attachment))
	}
	for _, hint := range wish.Hints {
		errs = append(errs, hintValues.check("hints", hint))
	}
	var badUV, badTimeout error
	wish.UserVerification, badUV = resolveUserVerification(cfg, wish.UserVerification)
	wish.Timeout, badTimeout = resolveTimeout(cfg, wish.Timeout)
	if err := errors.Join(append(errs, badUV, badTimeout)...); err != nil {
		return wish, &apiError{http.StatusBadRequest, "bad_request", err.Error()}
	}
	return wish, nil
}

// hintedAttachment is what a client that does not know hints should be told instead (WebAuthn L3 §5.8.7): where the
// most wanted kind of authenticator is attached, unless another hint leads elsewhere.
func hintedAttachment(hints []string) string {
	attachment := ""
	for i, hint := range hints {
		wanted := "cross-platform"
		if hint == "client-device" {
			wanted = "platform"
		}
		if i > 0 && wanted != attachment {
			return ""
		}
		attachment = wanted
	}
	return attachment
}

// loginWish is what a client may ask of a sign-in. Empty members take the server's configuration.
type loginWish struct {
	Username         string `json:"username"` // "" for any passkey
	UserVerification string `json:"userVerification"`
	Timeout          int64  `json:"timeout"` // milliseconds

	Challenge string `json:"challenge"` // only read under a fault
}

// resolve fills in the server's configuration, or refuses unknown values.
func (wish loginWish) resolve(cfg *Config) (loginWish, error) {
	var badUV, badTimeout error
	wish.UserVerification, badUV = resolveUserVerification(cfg, wish.UserVerification)
	wish.Timeout, badTimeout = resolveTimeout(cfg, wish.Timeout)
	if err := errors.Join(badUV, badTimeout); err != nil {
		return wish, &apiError{http.StatusBadRequest, "bad_request", err.Error()}
	}
	return wish, nil
}

// resolveTimeout lets a request give people less time than the challenge has. It does not shorten the challenge's
// life: a client's timeout is a hint (WebAuthn L3 §5.4).
func resolveTimeout(cfg *Config, wanted int64) (int64, error) {
	limit := cfg.ChallengeTTL.Milliseconds()
	if wanted < 0 || wanted > limit {
		return 0, fmt.Errorf("timeout %d: want 1 to %d milliseconds", wanted, limit)
	}
	if wanted == 0 {
		return limit, nil
	}
	return wanted, nil
}

// resolveUserVerification lets a request choose, except below a configured requirement.
func resolveUserVerification(cfg *Config, wanted string) (string, error) {
	if wanted == "" {
		return cfg.UserVerification, nil
	}
	if err := userVerificationValues.check("userVerification", wanted); err != nil {
		return "", err
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
	challenge, err := s.newChallenge(session, protocol.CreateCeremony, wish.Challenge)
	if err != nil {
		return creationOptions{}, err
	}
	offered := offeredAlgorithms()
	now := s.now()
	c := &ceremony{
		kind:             protocol.CreateCeremony,
		challenge:        challenge,
		expires:          now.Add(s.cfg.ChallengeTTL),
		userVerification: wish.UserVerification,
		user:             user,
		newUser:          newUser,
		conditional:      wish.Mediation == "conditional",
		offered:          offered,
	}

	parameters := make([]parameter, len(offered))
	for i, algorithm := range offered {
		parameters[i] = parameter{publicKeyType, algorithm}
	}
	options := creationOptions{
		RP:                 rpEntity{s.cfg.RPID, s.cfg.RPName},
		User:               userEntity{encode(user.ID), user.Name, user.DisplayName},
		Challenge:          challenge,
		Parameters:         parameters,
		Timeout:            wish.Timeout,
		ExcludeCredentials: descriptorsOf(owned),
		AuthenticatorSelection: authenticatorChoice{
			AuthenticatorAttachment: wish.Attachment,
			ResidentKey:             wish.ResidentKey,
			RequireResidentKey:      wish.ResidentKey == "required",
			UserVerification:        wish.UserVerification,
		},
		Hints:       wish.Hints,
		Attestation: wish.Attestation,
	}
	for _, fault := range s.faults {
		if fault.creation != nil {
			fault.creation(s, &options, c)
		}
	}
	s.issue(session, c, now)
	return options, nil
}

// beginLogin issues the challenge of a sign-in: for the passkeys of one username, or, without one, for any passkey.
func (s *Server) beginLogin(ctx context.Context, session *session, wish loginWish) (requestOptions, error) {
	wish, err := wish.resolve(&s.cfg)
	if err != nil {
		return requestOptions{}, err
	}
	c := &ceremony{kind: protocol.AssertCeremony, userVerification: wish.UserVerification, identified: wish.Username != ""}
	descriptors := []descriptor{}
	if c.identified {
		if c.userID, c.allowed, descriptors, err = s.allowedCredentials(ctx, wish.Username); err != nil {
			return requestOptions{}, err
		}
	}
	if c.challenge, err = s.newChallenge(session, c.kind, wish.Challenge); err != nil {
		return requestOptions{}, err
	}
	now := s.now()
	c.expires = now.Add(s.cfg.ChallengeTTL)
	options := requestOptions{
		Challenge:        c.challenge,
		Timeout:          wish.Timeout,
		RPID:             s.cfg.RPID,
		AllowCredentials: descriptors,
		UserVerification: wish.UserVerification,
	}
	for _, fault := range s.faults {
		if fault.request != nil {
			fault.request(s, &options, c)
		}
	}
	s.issue(session, c, now)
	return options, nil
}

// allowedCredentials returns the owner and credential ids behind a username, and their descriptors. A username without
// passkeys, or without a user, gets decoys and no owner: the two look the same (WebAuthn L3 §14.6.2). The decoys are
// made either way, so that they cannot be told by the time they take.
func (s *Server) allowedCredentials(ctx context.Context, username string) (userID []byte, ids [][]byte, shown []descriptor, err error) {
	decoys := s.decoys.forUsername(username)
	user, err := s.store.UserByName(ctx, username)
	if errors.Is(err, ErrNotFound) {
		decoys, err = s.shownForNobody(decoys)
		return nil, nil, decoys, err
	}
	if err != nil {
		return nil, nil, nil, err
	}
	owned, err := s.store.Passkeys(ctx, user.ID)
	if err != nil {
		return nil, nil, nil, err
	}
	if len(owned) == 0 {
		if s.faults.has("no-passkey-told") {
			decoys = []descriptor{}
		}
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
