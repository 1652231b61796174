// Command k6 is k6 with a thin module for passkeys: a stand-in for xk6-passkeys, which cannot be had from
// the Go module proxy. It makes the same four calls of virtualwebauthn, with the same settings, and is
// imported in scripts under the same name.
//
// k6 is under the AGPL: this program is only ever started, and nothing of passrig is linked with it.
package main

import (
	"github.com/descope/virtualwebauthn"
	"github.com/google/uuid"
	"go.k6.io/k6/cmd"
	"go.k6.io/k6/js/modules"
)

func main() {
	modules.Register("k6/x/passkeys", new(passkeys))
	cmd.Execute()
}

// keychain is iCloud Keychain's AAGUID.
const keychain = "fbfc3007-154e-4ecc-8c0b-6e020557d7bd"

// passkeys is what scripts see: a method is a function of the module, with a small first letter.
type passkeys struct{}

// NewCredential makes an ES256 key pair and an id.
func (*passkeys) NewCredential() virtualwebauthn.Credential {
	return virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
}

// NewRelyingParty puts together what the client knows of a relying party.
func (*passkeys) NewRelyingParty(name, id, origin string) virtualwebauthn.RelyingParty {
	return virtualwebauthn.RelyingParty{Name: name, ID: id, Origin: origin}
}

// CreateAttestationResponse answers the options of a registration, both as JSON.
func (*passkeys) CreateAttestationResponse(rp virtualwebauthn.RelyingParty, credential virtualwebauthn.Credential, options string) (string, error) {
	parsed, err := virtualwebauthn.ParseAttestationOptions(options)
	if err != nil {
		return "", err
	}
	return virtualwebauthn.CreateAttestationResponse(rp, authenticator(""), credential, *parsed), nil
}

// CreateAssertionResponse answers the options of a login, both as JSON. An empty user handle is left out.
func (*passkeys) CreateAssertionResponse(rp virtualwebauthn.RelyingParty, credential virtualwebauthn.Credential, userHandle, options string) (string, error) {
	parsed, err := virtualwebauthn.ParseAssertionOptions(options)
	if err != nil {
		return "", err
	}
	return virtualwebauthn.CreateAssertionResponse(rp, authenticator(userHandle), credential, *parsed), nil
}

// authenticator is a synced passkey's. Like the original it reads the AAGUID each time.
func authenticator(userHandle string) virtualwebauthn.Authenticator {
	a := virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{
		UserHandle: []byte(userHandle), BackupEligible: true, BackupState: true,
	})
	a.Aaguid = uuid.MustParse(keychain)
	return a
}
