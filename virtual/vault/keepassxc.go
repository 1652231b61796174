package vault

import (
	"encoding/pem"
	"strings"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
)

// pemKey is the PEM type of an unencrypted PKCS #8 key (RFC 7468 §10).
const pemKey = "PRIVATE KEY"

type keepassxcPasskey struct {
	CredentialID webauthn.Base64URL `json:"credentialId"`
	PrivateKey   string             `json:"privateKey"` // PEM of PKCS #8
	RelyingParty string             `json:"relyingParty"`
	URL          string             `json:"url"`
	UserHandle   webauthn.Base64URL `json:"userHandle"`
	Username     string             `json:"username"`
}

func writeKeePassXC(passkeys []virtual.StoredCredential, _ *ExportOptions) ([]byte, error) {
	if len(passkeys) == 0 {
		return nil, nil
	}
	p := &passkeys[0]
	return marshal(keepassxcPasskey{
		CredentialID: p.ID,
		PrivateKey:   string(pem.EncodeToMemory(&pem.Block{Type: pemKey, Bytes: p.PrivateKey})),
		RelyingParty: p.RPID,
		URL:          "https://" + p.RPID,
		UserHandle:   p.UserHandle,
		Username:     p.UserName,
	})
}

func (r *reader) readKeePassXC(doc *node) error {
	d := r.draft(doc)
	d.ID = d.requiredBytes("credentialId")
	d.UserHandle = d.requiredBytes("userHandle")
	if rpID := d.required("relyingParty"); rpID != nil {
		d.RPID = rpID.value
	}
	d.UserName = d.text(LossUserName, "username")
	if key := d.required("privateKey"); key != nil {
		block, rest := pem.Decode([]byte(key.value))
		switch {
		case block == nil:
			d.abandon(key, "its key is not PEM")
		case block.Type != pemKey:
			d.abandon(key, "its key is PEM of type "+block.Type+", want "+pemKey)
		case strings.TrimSpace(string(rest)) != "":
			d.abandon(key, "something follows its key")
		default:
			d.PrivateKey = block.Bytes
		}
	}
	d.unknown(doc, "credentialId", "userHandle", "relyingParty", "username", "privateKey", "url")
	d.finish()
	return nil
}
