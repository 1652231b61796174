package main

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/descope/virtualwebauthn"
	"github.com/google/uuid"
)

// visitor is how a Go program would go about it: virtualwebauthn for the ceremony.
type visitor struct {
	send       sender
	rp         virtualwebauthn.RelyingParty
	device     virtualwebauthn.Authenticator
	credential virtualwebauthn.Credential
	user       []byte // as the body of a request
}

func ceremonies(s settings, transport func() sender) func(name string) (work, error) {
	return func(name string) (work, error) {
		v := &visitor{
			send:   transport(),
			rp:     virtualwebauthn.RelyingParty{Name: "passrig demo", ID: "localhost", Origin: s.origin},
			device: virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{BackupEligible: true, BackupState: true}),
		}
		v.device.Aaguid = uuid.MustParse("fbfc3007-154e-4ecc-8c0b-6e020557d7bd") // iCloud Keychain
		if s.what == "registration" {
			return v.register, nil
		}
		return v.login, v.register(name)
	}
}

// register makes a user with a passkey.
func (v *visitor) register(name string) error {
	var err error
	if v.user, err = json.Marshal(map[string]string{"username": name}); err != nil {
		return err
	}
	a, err := v.post("/api/signup", "", v.user, http.StatusCreated)
	if err != nil {
		return err
	}
	cookie := a.cookie
	// About one credential in 137 is malformed, and a relying party is right to refuse it.
	for range 5 {
		if err = v.add(cookie); err == nil {
			return nil
		}
	}
	return err
}

// add gives the user who is signed in a passkey.
func (v *visitor) add(cookie string) error {
	a, err := v.post("/api/register/options", cookie, []byte("{}"), http.StatusOK)
	if err != nil {
		return err
	}
	options, err := virtualwebauthn.ParseAttestationOptions(string(a.body))
	if err != nil {
		return err
	}
	v.credential = virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
	_, err = v.post("/api/register/result", cookie, wrap(virtualwebauthn.CreateAttestationResponse(v.rp, v.device, v.credential, *options)), http.StatusCreated)
	return err
}

func (v *visitor) login(string) error {
	a, err := v.post("/api/login/options", "", v.user, http.StatusOK)
	if err != nil {
		return err
	}
	options, err := virtualwebauthn.ParseAssertionOptions(string(a.body))
	if err != nil {
		return err
	}
	_, err = v.post("/api/login/result", a.cookie, wrap(virtualwebauthn.CreateAssertionResponse(v.rp, v.device, v.credential, *options)), http.StatusOK)
	return err
}

func wrap(response string) []byte { return []byte(`{"credential":` + response + `}`) }

func (v *visitor) post(path, cookie string, body []byte, status int) (answer, error) {
	a, err := v.send(path, cookie, body)
	if err == nil {
		err = a.must(status)
	}
	if err != nil {
		return a, fmt.Errorf("%s: %w", path, err)
	}
	return a, nil
}
