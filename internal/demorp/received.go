package demorp

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"slices"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
)

// sent is what a client sent, before faults had it misread. A nil one says that it is what was decoded.
type sent struct {
	id         []byte // rawId
	clientData []byte // which signatures cover
	authData   []byte // which signatures cover; in a registration that of the attestation object
}

func (s *sent) clientDataOr(decoded []byte) []byte {
	if s == nil || len(s.clientData) == 0 {
		return decoded
	}
	return s.clientData
}

func (s *sent) authDataOr(decoded []byte) []byte {
	if s == nil || len(s.authData) == 0 {
		return decoded
	}
	return s.authData
}

// received is what a client sent, before anything is decoded, for faults to misread.
type received struct {
	kind       protocol.CeremonyType
	origin     string         // the one this relying party expects
	pending    []*ceremony    // of the session, oldest first
	credential map[string]any // as JSON has it
}

// latest is the newest pending ceremony of the answer's kind, or nil.
func (r *received) latest() *ceremony {
	for _, c := range slices.Backward(r.pending) {
		if c.kind == r.kind {
			return c
		}
	}
	return nil
}

// response is the response member; one that is not there, or no object, is made.
func (r *received) response() map[string]any {
	response, ok := r.credential["response"].(map[string]any)
	if !ok {
		response = make(map[string]any)
		r.credential["response"] = response
	}
	return response
}

// bytes is a member of the response that is base64url text, decoded; nil if it is anything else.
func (r *received) bytes(name string) []byte {
	response, _ := r.credential["response"].(map[string]any)
	text, _ := response[name].(string)
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil
	}
	return raw
}

// put writes a member of the response.
func (r *received) put(name string, raw []byte) { r.response()[name] = encode(raw) }

// sent is what has been sent, as far as it can be decoded.
func (r *received) sent() *sent {
	return &sent{id: r.id("rawId"), clientData: r.bytes("clientDataJSON"), authData: r.authData()}
}

// id is the id or the rawId; nil if it is not there, or no base64url text.
func (r *received) id(member string) []byte {
	text, _ := r.credential[member].(string)
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil
	}
	return raw
}

// identify has both id and rawId read as this one.
func (r *received) identify(id []byte) {
	r.credential["id"], r.credential["rawId"] = encode(id), encode(id)
}

// authData is the authenticator data, in a registration that of the attestation object; nil if it cannot be decoded.
func (r *received) authData() []byte {
	if r.kind == protocol.AssertCeremony {
		return r.bytes("authenticatorData")
	}
	raw, _ := r.attestation()["authData"].([]byte)
	return raw
}

// attestation are the members of the attestation object; none if it cannot be decoded.
func (r *received) attestation() map[string]any {
	var members map[string]any
	if webauthncbor.Unmarshal(r.bytes("attestationObject"), &members) != nil {
		return nil
	}
	return members
}

// putAuthData has the authenticator data read as something else.
func (r *received) putAuthData(raw []byte) {
	if bytes.Equal(raw, r.authData()) {
		return // an attestation object is not to be written anew for nothing
	}
	if r.kind == protocol.AssertCeremony {
		r.put("authenticatorData", raw)
		return
	}
	members := r.attestation()
	if members == nil {
		members = map[string]any{"fmt": "none", "attStmt": map[string]any{}}
	}
	members["authData"] = raw
	if object, err := webauthncbor.Marshal(members); err == nil {
		r.put("attestationObject", object)
	}
}

// clientData are the members of the client data, if it is a JSON object.
func (r *received) clientData() (members map[string]any, ok bool) {
	err := json.Unmarshal(r.bytes("clientDataJSON"), &members)
	return members, err == nil && members != nil
}

// readAs has one member of the client data read as something else.
func (r *received) readAs(name string, value any) {
	members, ok := r.clientData()
	if !ok {
		return
	}
	members[name] = value
	if raw, err := json.Marshal(members); err == nil {
		r.put("clientDataJSON", raw)
	}
}

// believe has the client data read as what a client would have sent for the latest ceremony, byte for byte
// (WebAuthn L3 §5.8.1.1).
func (r *received) believe() {
	if c := r.latest(); c != nil {
		r.put("clientDataJSON", []byte(`{"type":"`+string(r.kind)+`","challenge":"`+c.challenge+`","origin":"`+r.origin+`","crossOrigin":false}`))
	}
}

// spoil makes the answer one that is refused.
func (r *received) spoil() { r.response()["clientDataJSON"] = "" }
