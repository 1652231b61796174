package vault

import (
	"strconv"
	"time"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
)

// The parts of Bitwarden's JSON that passrig writes. Its importers want every member of an item, so those are there.
type bitwardenVault struct {
	Encrypted bool            `json:"encrypted"`
	Folders   []struct{}      `json:"folders"`
	Items     []bitwardenItem `json:"items"`
}

type bitwardenItem struct {
	PasswordHistory []struct{}     `json:"passwordHistory"`
	RevisionDate    string         `json:"revisionDate"`
	CreationDate    string         `json:"creationDate"`
	DeletedDate     *string        `json:"deletedDate"`
	ID              string         `json:"id"` // GUID
	OrganizationID  *string        `json:"organizationId"`
	FolderID        *string        `json:"folderId"`
	Type            int            `json:"type"`
	Reprompt        int            `json:"reprompt"`
	Name            string         `json:"name"`
	Notes           *string        `json:"notes"`
	Favorite        bool           `json:"favorite"`
	Login           bitwardenLogin `json:"login"`
	CollectionIDs   []string       `json:"collectionIds"`
}

type bitwardenLogin struct {
	URIs             []bitwardenURI     `json:"uris"`
	Fido2Credentials []bitwardenPasskey `json:"fido2Credentials"`
	Username         *string            `json:"username"`
	Password         *string            `json:"password"`
	TOTP             *string            `json:"totp"`
}

type bitwardenURI struct {
	Match *int   `json:"match"`
	URI   string `json:"uri"`
}

// bitwardenPasskey has text everywhere, for numbers and booleans too.
type bitwardenPasskey struct {
	CredentialID    string             `json:"credentialId"` // GUID of 16 bytes; "b64." and base64url of any other number
	KeyType         string             `json:"keyType"`
	KeyAlgorithm    string             `json:"keyAlgorithm"`
	KeyCurve        string             `json:"keyCurve"`
	KeyValue        webauthn.Base64URL `json:"keyValue"` // PKCS #8
	RPID            string             `json:"rpId"`
	UserHandle      webauthn.Base64URL `json:"userHandle"`
	UserName        string             `json:"userName"`
	Counter         string             `json:"counter"`
	RPName          string             `json:"rpName"`
	UserDisplayName string             `json:"userDisplayName"`
	Discoverable    string             `json:"discoverable"`
	CreationDate    string             `json:"creationDate"`
}

const (
	bitwardenTypeLogin = 1
	bitwardenIDPrefix  = "b64." // of credential IDs that are no GUID
	bitwardenTime      = "2006-01-02T15:04:05.000Z"
)

func writeBitwarden(passkeys []virtual.StoredCredential, o *ExportOptions) ([]byte, error) {
	vault := bitwardenVault{Folders: []struct{}{}, Items: []bitwardenItem{}}
	for i := range passkeys {
		vault.Items = append(vault.Items, bitwardenItemOf(&passkeys[i], o.Now))
	}
	data, err := marshal(vault)
	if err != nil || o.Password == "" {
		return data, err
	}
	return protect(data, o.Password, pbkdf2Iterations, o.Random)
}

func bitwardenItemOf(p *virtual.StoredCredential, now time.Time) bitwardenItem {
	date := now.UTC().Format(bitwardenTime) // readers want one
	if at := created(p); !at.IsZero() {
		date = at.Format(bitwardenTime)
	}
	return bitwardenItem{
		RevisionDate: date,
		CreationDate: date,
		ID:           webauthn.AAGUID(identifier("item", p.RPID, string(p.ID))).String(),
		Type:         bitwardenTypeLogin,
		Name:         p.RPID,
		Login: bitwardenLogin{
			URIs: []bitwardenURI{{URI: "https://" + p.RPID}},
			Fido2Credentials: []bitwardenPasskey{{
				CredentialID:    bitwardenID(p.ID),
				KeyType:         webauthn.PublicKeyType,
				KeyAlgorithm:    "ECDSA",
				KeyCurve:        "P-256",
				KeyValue:        p.PrivateKey,
				RPID:            p.RPID,
				UserHandle:      p.UserHandle,
				UserName:        p.UserName,
				Counter:         strconv.FormatUint(uint64(p.SignCount), 10),
				RPName:          p.RPID,
				UserDisplayName: p.UserDisplayName,
				Discoverable:    strconv.FormatBool(p.Discoverable),
				CreationDate:    date,
			}},
			Username: &p.UserName,
		},
	}
}

// bitwardenID writes a credential ID. GUIDs have the text form of AAGUIDs, bytes in order.
func bitwardenID(id []byte) string {
	if len(id) == len(webauthn.AAGUID{}) {
		return webauthn.AAGUID(id).String()
	}
	return bitwardenIDPrefix + webauthn.Base64URL(id).String()
}
