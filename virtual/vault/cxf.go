package vault

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
)

// The parts of CXF 1.0 that passrig writes (§2 and §3).
type cxfHeader struct {
	Version             cxfVersion   `json:"version"`
	ExporterRPID        string       `json:"exporterRpId"`
	ExporterDisplayName string       `json:"exporterDisplayName"`
	Timestamp           int64        `json:"timestamp"` // seconds since 1970
	Accounts            []cxfAccount `json:"accounts"`
}

type cxfVersion struct {
	Major int `json:"major"`
	Minor int `json:"minor"`
}

type cxfAccount struct {
	ID          webauthn.Base64URL `json:"id"`
	Username    string             `json:"username"`
	Email       string             `json:"email"`
	Collections []struct{}         `json:"collections"`
	Items       []cxfItem          `json:"items"`
}

type cxfItem struct {
	ID          webauthn.Base64URL `json:"id"`
	CreationAt  *int64             `json:"creationAt,omitempty"` // seconds since 1970
	Title       string             `json:"title"`
	Scope       cxfScope           `json:"scope"`
	Credentials []cxfPasskey       `json:"credentials"`
}

type cxfScope struct {
	URLs        []string   `json:"urls"`
	AndroidApps []struct{} `json:"androidApps"`
}

type cxfPasskey struct {
	Type            string             `json:"type"`
	CredentialID    webauthn.Base64URL `json:"credentialId"`
	RPID            string             `json:"rpId"`
	Username        string             `json:"username"`
	UserDisplayName string             `json:"userDisplayName"`
	UserHandle      webauthn.Base64URL `json:"userHandle"`
	Key             webauthn.Base64URL `json:"key"` // PKCS #8
	Extensions      *cxfExtensions     `json:"fido2Extensions,omitempty"`
}

type cxfExtensions struct {
	HMACCredentials *cxfHMAC           `json:"hmacCredentials,omitempty"`
	CredBlob        webauthn.Base64URL `json:"credBlob,omitzero"`
	LargeBlob       *cxfLargeBlob      `json:"largeBlob,omitempty"`
}

// cxfHMAC has the two secrets of CTAP's hmac-secret (CTAP 2.1 §12.7): one for assertions with user verification, one for
// those without. A WebAuthn client evaluates prf with user verification only (WebAuthn L3 §10.1.4), so what a page gets
// comes from CredWithUV. A [virtual.StoredCredential] has one secret for both: it is written into both, and read
// from CredWithUV; another CredWithoutUV is reported as lost, though no page could tell.
type cxfHMAC struct {
	Algorithm     string             `json:"algorithm"`
	CredWithUV    webauthn.Base64URL `json:"credWithUV"`
	CredWithoutUV webauthn.Base64URL `json:"credWithoutUV"`
}

type cxfLargeBlob struct {
	UncompressedSize int                `json:"uncompressedSize"`
	Data             webauthn.Base64URL `json:"data"`
}

const (
	typePasskey   = "passkey"
	hmacAlgorithm = "hmac-sha256"
	prfSecretSize = 32 // bytes
)

func spoiltPRF(p *virtual.StoredCredential) string {
	if n := len(p.PRFSecret); p.PRFSecret != nil && n != prfSecretSize {
		return fmt.Sprintf("the secret has %d bytes, want %d", n, prfSecretSize)
	}
	return ""
}

// identifier makes an opaque ID, the same each time, so that equal exports are equal files.
func identifier(parts ...string) []byte {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return sum[:16]
}

func writeCXF(passkeys []virtual.StoredCredential, o *ExportOptions) ([]byte, error) {
	account := cxfAccount{
		ID:          identifier("account", o.ExporterRPID, o.Account),
		Username:    o.Account,
		Collections: []struct{}{},
		Items:       []cxfItem{},
	}
	if strings.Contains(o.Account, "@") {
		account.Email = o.Account
	}
	for i := range passkeys {
		item, err := cxfItemOf(&passkeys[i])
		if err != nil {
			return nil, err
		}
		account.Items = append(account.Items, item)
	}
	if o.AccountOnly {
		return marshal(account)
	}
	return marshal(cxfHeader{
		Version:             cxfVersion{Major: cxfMajor},
		ExporterRPID:        o.ExporterRPID,
		ExporterDisplayName: o.ExporterName,
		Timestamp:           max(0, o.Now.Unix()),
		Accounts:            []cxfAccount{account},
	})
}

// cxfItemOf gives every passkey an item of its own: importers exist that lose the second of one.
func cxfItemOf(p *virtual.StoredCredential) (cxfItem, error) {
	extensions := cxfExtensions{CredBlob: p.CredBlob}
	if p.PRFSecret != nil && spoiltPRF(p) == "" {
		extensions.HMACCredentials = &cxfHMAC{Algorithm: hmacAlgorithm, CredWithUV: p.PRFSecret, CredWithoutUV: p.PRFSecret}
	}
	if p.LargeBlob != nil && spoiltLargeBlob(p) == "" {
		data, err := compress(p.LargeBlob)
		if err != nil {
			return cxfItem{}, err
		}
		extensions.LargeBlob = &cxfLargeBlob{UncompressedSize: len(p.LargeBlob), Data: data}
	}
	passkey := cxfPasskey{
		Type:         typePasskey,
		CredentialID: p.ID,
		RPID:         p.RPID,
		Username:     p.UserName, UserDisplayName: p.UserDisplayName,
		UserHandle: p.UserHandle,
		Key:        p.PrivateKey,
	}
	if extensions.HMACCredentials != nil || extensions.CredBlob != nil || extensions.LargeBlob != nil {
		passkey.Extensions = &extensions
	}
	item := cxfItem{
		ID:          identifier("item", p.RPID, string(p.ID)),
		Title:       p.RPID,
		Scope:       cxfScope{URLs: []string{"https://" + p.RPID}, AndroidApps: []struct{}{}},
		Credentials: []cxfPasskey{passkey},
	}
	if at := created(p); !at.IsZero() {
		item.CreationAt = new(at.Unix())
	}
	return item, nil
}

// marshal writes indented JSON with a line break at its end.
func marshal(v any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(v); err != nil {
		return nil, fmt.Errorf("write JSON: %w", err)
	}
	return out.Bytes(), nil
}
