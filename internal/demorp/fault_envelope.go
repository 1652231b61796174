package demorp

import (
	"context"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
)

// envelopeFaults are mistakes in reading the JSON around a response.
func envelopeFaults() []Fault {
	return slices.Concat(credentialIDFaults(), missingPartFaults(), closedFaults(), []Fault{
		{Name: "credential-type-unchecked", Doc: "the type of the credential is not looked at", misread: func(r *received) { r.credential["type"] = publicKeyType }},
		{Name: "user-handle-unread", Doc: "a user handle that is no text is taken for none", misread: func(r *received) {
			if _, text := r.response()["userHandle"].(string); !text {
				delete(r.response(), "userHandle")
			}
		}},
		{Name: "body-unlimited", Doc: "a request's body may have any size"},
	})
}

// credentialIDFaults are about id and rawId.
func credentialIDFaults() []Fault {
	return []Fault{
		{
			Name: "credential-id-outer", Doc: "a passkey is stored under the id beside the response, whatever was attested, and without one under a made-up one",
			misread: func(r *received) {
				if id, _, ok := attestedID(r.authData()); ok && r.kind == protocol.CreateCeremony {
					r.identify(id)
				}
			},
			overlook: func(a *attempt) {
				if a.sent == nil || a.ceremony.kind != protocol.CreateCeremony {
					return
				}
				made := sha256.Sum256(a.clientDataJSON)
				a.authData.AttData.CredentialID = made[:]
				if len(a.sent.id) > 0 {
					a.authData.AttData.CredentialID = a.sent.id
				}
			},
			forgives: otherID,
		},
		{Name: "credential-id-optional", Doc: "without an id the one is taken that was attested, or the first that is allowed", misread: func(r *received) {
			if len(r.id("id")) > 0 || len(r.id("rawId")) > 0 {
				return
			}
			if id, _, ok := attestedID(r.authData()); ok && r.kind == protocol.CreateCeremony {
				r.identify(id)
			} else if c := r.latest(); c != nil && len(c.allowed) > 0 {
				r.identify(c.allowed[0])
			}
		}},
		{Name: "credential-id-either", Doc: "id and rawId may differ at a sign-in, if one of them is allowed", misread: func(r *received) {
			c := r.latest()
			if c == nil || r.kind != protocol.AssertCeremony {
				return
			}
			for _, id := range c.allowed {
				if string(id) == string(r.id("id")) || string(id) == string(r.id("rawId")) {
					r.identify(id)
					return
				}
			}
		}},
		{Name: "credential-id-split", Doc: "at a sign-in the account is found by id, and the key by rawId"},
	}
}

// split has a sign-in be for the account that the outer id leads to, with the key of the inner one.
func (s *Server) split(ctx context.Context, outerID string, parsed *protocol.ParsedCredentialAssertionData, stored *Passkey) {
	id, err := base64.RawURLEncoding.DecodeString(outerID)
	if err != nil {
		return
	}
	if outer, err := s.store.Passkey(ctx, id); err == nil {
		parsed.RawID, stored.UserID = id, outer.UserID
	}
}

// missingPartFaults take what is not there for right.
func missingPartFaults() []Fault {
	return []Fault{
		{Name: "response-optional", Doc: "a credential without a response is taken by its id", forgives: madeUp, misread: func(r *received) {
			if _, ok := r.credential["response"].(map[string]any); !ok {
				r.believe()
				r.makeUp()
			}
		}},
		{Name: "response-of-either-ceremony", Doc: "a response of the other ceremony is taken for one of this", forgives: madeUp, misread: func(r *received) {
			if alien := map[protocol.CeremonyType]string{protocol.CreateCeremony: "signature", protocol.AssertCeremony: "attestationObject"}[r.kind]; len(r.bytes(alien)) > 0 {
				r.readAs("type", string(r.kind))
				r.makeUp()
			}
		}},
		{Name: "clientdata-optional", Doc: "client data that is not there, or cannot be decoded, is taken for right", misread: func(r *received) {
			if len(r.bytes("clientDataJSON")) == 0 {
				r.believe()
			}
		}},
		{Name: "authdata-optional", Doc: "authenticator data or an attestation object that is not there, or cannot be decoded, is taken for right", forgives: madeUp, misread: func(r *received) {
			member := map[protocol.CeremonyType]string{protocol.CreateCeremony: "attestationObject", protocol.AssertCeremony: "authenticatorData"}[r.kind]
			if len(r.bytes(member)) == 0 {
				r.makeUp()
			}
		}},
		{
			Name: "signature-optional", Doc: "a signature that is not there, or cannot be decoded, is taken for right",
			misread: func(r *received) {
				if len(r.bytes("signature")) == 0 {
					delete(r.response(), "signature")
				}
			},
			forgives: func(step string, a *attempt) bool { return step == "signature" && len(a.signature) == 0 },
		},
	}
}

// closedFaults refuse what clients may send.
func closedFaults() []Fault {
	return []Fault{
		{Name: "attachment-closed", Doc: "an attachment that is not one of the two known ones is refused", misread: func(r *received) {
			if text, ok := r.credential["authenticatorAttachment"].(string); ok && text != "platform" && text != "cross-platform" {
				r.spoil()
			}
		}},
		{Name: "attachment-platform-only", Doc: "a registration from another device than the one that holds the page is refused", misread: func(r *received) {
			if r.kind == protocol.CreateCeremony && r.credential["authenticatorAttachment"] == "cross-platform" {
				r.spoil()
			}
		}},
		{Name: "members-closed", Doc: "a credential with members that are not known is refused", misread: func(r *received) {
			outer := []string{"id", "rawId", "type", "response", "authenticatorAttachment", "clientExtensionResults"}
			inner := []string{
				"clientDataJSON", "attestationObject", "authenticatorData", "publicKey", "publicKeyAlgorithm", "transports", "signature", "userHandle",
			}
			if !within(r.credential, outer) || !within(r.response(), inner) {
				r.spoil()
			}
		}},
		{Name: "transports-closed", Doc: "transports that are not known are refused", misread: transports(func(list []any) bool {
			known := []any{"usb", "nfc", "ble", "smart-card", "hybrid", "internal"}
			return !slices.ContainsFunc(list, func(t any) bool { return !slices.Contains(known, t) })
		})},
		{Name: "transports-demanded", Doc: "a registration without transports is refused", misread: transports(func(list []any) bool { return len(list) > 0 })},
	}
}

// transports spoils registrations with transports that are not fine.
func transports(fine func([]any) bool) func(*received) {
	return func(r *received) {
		if list, _ := r.response()["transports"].([]any); r.kind == protocol.CreateCeremony && !fine(list) {
			r.spoil()
		}
	}
}

// within reports whether an object has no members but these.
func within(object map[string]any, names []string) bool {
	for name := range object {
		if !slices.Contains(names, name) {
			return false
		}
	}
	return true
}

// makeUp has authenticator data read that nobody made: of the passkey with the answer's id, in a registration with a
// key that nobody holds. [madeUp] has it pass.
func (r *received) makeUp() {
	data := make([]byte, authDataHead)
	if r.kind == protocol.CreateCeremony {
		data[flagsOffset] = byte(protocol.FlagAttestedCredentialData)
		data = append(data, make([]byte, aaguidSize)...)
		id := r.id("rawId")
		data = binary.BigEndian.AppendUint16(data, uint16(len(id))) //nolint:gosec // G115: a request's body is shorter than that
		data = append(append(data, id...), generator()...)
	}
	r.putAuthData(data)
}

// madeUp forgives what made-up authenticator data fails.
func madeUp(step string, a *attempt) bool {
	steps := []string{"rp-id-hash", "user-present", "user-verified", "backup-flags", "credential-id", "signature", "backup-eligibility"}
	return slices.Contains(steps, step) && string(a.authData.RPIDHash) == string(make([]byte, rpIDHashSize)) &&
		a.authData.Flags&^protocol.FlagAttestedCredentialData == 0
}

// otherID forgives a credential id that is not the attested one.
func otherID(step string, _ *attempt) bool { return step == "credential-id" }

// generator is the COSE_Key of the point that P-256 is generated from: a sound one.
func generator() []byte {
	params := elliptic.P256().Params()
	const size = 32
	key, err := webauthncbor.Marshal(map[int]any{
		1: 2, 3: -7, -1: 1, -2: params.Gx.FillBytes(make([]byte, size)), -3: params.Gy.FillBytes(make([]byte, size)),
	})
	if err != nil {
		return nil // numbers and bytes always encode
	}
	return key
}
