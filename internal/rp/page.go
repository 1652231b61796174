package rp

import (
	"encoding/json"
	"time"
)

// Kinds of a [PageCeremony], as navigator.credentials calls them.
const (
	KindCreate = "create"
	KindGet    = "get"
)

// PageCeremony is one call of navigator.credentials by a page.
type PageCeremony struct {
	Kind      string // KindCreate or KindGet
	Mediation string
	UIMode    string
	Origin    string          // the calling document's
	TopOrigin string          // not empty in a cross-origin iframe
	Questions []string        // names of the methods by which the page had asked before what the client can do
	Options   json.RawMessage // in the JSON form of WebAuthn L3 §5.1.8 and §5.1.9
	Response  json.RawMessage // in the JSON form of WebAuthn L3 §5.1; nil unless it was resolved
	Error     string          // name of the exception that the page got, such as NotAllowedError
	Message   string          // and its message
	Pending   bool            // the page was still waiting
	Start     time.Time
	Duration  time.Duration // zero while pending
}

// Signal is a call of the Signal API by a page (WebAuthn L3 §5.1.10). Byte fields hold raw bytes, not text.
type Signal struct {
	Type         string // unknown-credential, all-accepted-credentials or current-user-details
	RPID         string
	CredentialID []byte   // unknown-credential
	Accepted     [][]byte // all-accepted-credentials
	UserHandle   []byte   // all-accepted-credentials and current-user-details
	Name         string   // current-user-details
	DisplayName  string
	Error        string // name of the exception that the page got: such a signal has no effect
}

// PageAnswer is what a script of a page was answered.
type PageAnswer struct {
	URL  string
	Body []byte
}
