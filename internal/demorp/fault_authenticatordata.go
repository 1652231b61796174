package demorp

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

// Places in authenticator data (WebAuthn L3 §6.1, §6.5.1).
const (
	rpIDHashSize   = 32
	flagsOffset    = rpIDHashSize
	authDataHead   = rpIDHashSize + 1 + 4
	aaguidSize     = 16
	idLengthOffset = authDataHead + aaguidSize
	idOffset       = idLengthOffset + 2
)

// authenticatorDataFaults are mistakes in reading authenticator data, and the key in it.
func authenticatorDataFaults() []Fault {
	return slices.Concat(flagFaults(), layoutFaults(), idLengthFaults(), keyFaults())
}

func flagFaults() []Fault {
	return []Fault{
		{Name: "rp-id-unchecked", Doc: "the RP ID hash is not looked at", drops: []string{"rp-id-hash"}},
		{Name: "rp-id-related", Doc: "the RP ID hash of a parent or child domain is taken", forgives: func(step string, a *attempt) bool {
			return step == "rp-id-hash" && slices.ContainsFunc(relatedRPIDs(a.client.Origin), func(id string) bool {
				hash := sha256.Sum256([]byte(id))
				return bytes.Equal(hash[:], a.authData.RPIDHash)
			})
		}},
		{Name: "user-presence-unchecked", Doc: "user presence (UP) is not looked at", drops: []string{"user-present"}},
		{Name: "user-presence-always-demanded", Doc: "user presence (UP) is demanded even of a creation without a prompt", minds: func(a *attempt) error {
			if !a.authData.Flags.HasUserPresent() {
				return errors.New("user presence (UP) is not set")
			}
			return nil
		}},
		{Name: "user-verification-unchecked", Doc: "user verification (UV) is not looked at though it is required", drops: []string{"user-verified"}},
		{Name: "user-verification-unchecked-at-login", Doc: "user verification (UV), though required, is looked at in registrations only", forgives: func(step string, a *attempt) bool {
			return step == "user-verified" && a.ceremony.kind == protocol.AssertCeremony
		}},
		{Name: "user-verification-always-demanded", Doc: "user verification (UV) is demanded though the options only prefer it", minds: func(a *attempt) error {
			if !a.authData.Flags.HasUserVerified() && a.ceremony.userVerification == "preferred" {
				return errors.New("user verification (UV) is not set")
			}
			return nil
		}},
		{Name: "user-verification-unwanted", Doc: "user verification (UV) is refused where the options discourage it", minds: func(a *attempt) error {
			if a.ceremony.userVerification == "discouraged" && a.authData.Flags.HasUserVerified() {
				return errors.New("user verification (UV) is set, though it is discouraged")
			}
			return nil
		}},
		{Name: "backup-flags-unchecked", Doc: "backed up (BS) without being backup eligible (BE) is taken", drops: []string{"backup-flags"}},
	}
}

// relatedRPIDs are the parents of an origin's host, and a child of each.
func relatedRPIDs(origin string) []string {
	_, host, _ := strings.Cut(origin, "://")
	host, _, _ = strings.Cut(host, ":")
	var related []string
	for found := true; found; _, host, found = strings.Cut(host, ".") {
		related = append(related, host, "sub."+host)
	}
	return related
}

// layoutFaults are about how the parts follow each other.
func layoutFaults() []Fault {
	return []Fault{
		{Name: "authdata-short", Doc: "authenticator data that is too short is taken for right", forgives: madeUp, misread: func(r *received) {
			if data := r.authData(); len(data) > 0 && len(data) < authDataHead {
				r.makeUp()
			}
		}},
		{Name: "attested-flag-unread", Doc: "whether there is attested credential data is told by the length, not by the flag (AT)", misread: func(r *received) {
			if data := r.authData(); r.kind == protocol.CreateCeremony && len(data) > idOffset {
				data[flagsOffset] |= byte(protocol.FlagAttestedCredentialData)
				r.putAuthData(data)
			}
		}},
		{Name: "attested-optional", Doc: "a registration without attested credential data is stored all the same", forgives: madeUp, misread: func(r *received) {
			if r.kind == protocol.CreateCeremony && len(r.authData()) == authDataHead {
				r.makeUp()
			}
		}},
		{Name: "leftover-ignored", Doc: "bytes behind authenticator data are ignored", misread: func(r *received) {
			if end, ok := announced(r.authData()); ok {
				r.putAuthData(r.authData()[:end])
			}
		}},
		{Name: "extension-flag-unread", Doc: "whether there are extensions is told by the length, not by the flag (ED)", misread: func(r *received) {
			data := r.authData()
			end, ok := attestedEnd(data)
			if !ok {
				return
			}
			data[flagsOffset] &^= byte(protocol.FlagHasExtensions)
			var extensions map[string]any
			if webauthncbor.Unmarshal(data[end:], &extensions) == nil {
				data[flagsOffset] |= byte(protocol.FlagHasExtensions)
			}
			r.putAuthData(data)
		}},
	}
}

// attestedID is the credential id in authenticator data, and where its key begins.
func attestedID(data []byte) (id []byte, key int, ok bool) {
	if len(data) < idOffset {
		return nil, 0, false
	}
	key = idOffset + int(binary.BigEndian.Uint16(data[idLengthOffset:]))
	if key > len(data) {
		return nil, 0, false
	}
	return data[idOffset:key], key, true
}

// attestedEnd is where the head and the attested credential data, if the flag announces it, end.
func attestedEnd(data []byte) (end int, ok bool) {
	if len(data) < authDataHead {
		return 0, false
	}
	if data[flagsOffset]&byte(protocol.FlagAttestedCredentialData) == 0 {
		return authDataHead, true
	}
	_, key, ok := attestedID(data)
	if !ok {
		return 0, false
	}
	var public any
	n, err := webauthncbor.UnmarshalFirst(data[key:], &public)
	return key + n, err == nil
}

// announced is where the parts that the flags announce end.
func announced(data []byte) (end int, ok bool) {
	end, ok = attestedEnd(data)
	if !ok || data[flagsOffset]&byte(protocol.FlagHasExtensions) == 0 {
		return end, ok
	}
	var extensions any
	n, err := webauthncbor.UnmarshalFirst(data[end:], &extensions)
	return end + n, err == nil
}

func idLengthFaults() []Fault {
	const (
		column = 255 // bytes: what a text column often holds
		limit  = 600
	)
	return []Fault{
		{Name: "credential-id-cut", Doc: "credential ids are cut to 255 bytes when they are stored", forgives: otherID, overlook: func(a *attempt) {
			if a.ceremony.kind == protocol.CreateCeremony && len(a.rawID) > column {
				a.authData.AttData.CredentialID = a.rawID[:column]
			}
		}},
		{Name: "credential-id-limit-low", Doc: "credential ids of more than 600 bytes are refused", minds: func(a *attempt) error {
			if len(a.rawID) > limit {
				return errors.New("the credential id is too long")
			}
			return nil
		}},
		{
			Name: "credential-id-unlimited", Doc: "credential ids of more than 1023 bytes are taken",
			misread: func(r *received) {
				const longest = 1023
				id, key, ok := attestedID(r.authData())
				if !ok || r.kind != protocol.CreateCeremony || len(id) <= longest {
					return
				}
				r.identify(id[:longest])
				r.attest(id[:longest], r.authData()[key:])
			},
			overlook: asSent, forgives: otherID,
		},
		{
			Name: "credential-id-empty", Doc: "a credential id of no bytes is taken",
			misread: func(r *received) {
				if id, key, ok := attestedID(r.authData()); ok && r.kind == protocol.CreateCeremony && len(id) == 0 {
					r.identify([]byte{0})
					r.attest([]byte{0}, r.authData()[key:])
				}
			},
			overlook: asSent, forgives: otherID,
		},
		{Name: "credential-id-length-unread", Doc: "a credential id that claims to be longer than the data is taken to be as long as the id beside the response", misread: func(r *received) {
			data := r.authData()
			if id := r.id("rawId"); r.kind == protocol.CreateCeremony && len(data) > idOffset+len(id) {
				if _, _, ok := attestedID(data); !ok {
					r.attest(id, data[idOffset+len(id):])
				}
			}
		}},
	}
}

// attest has attested credential data read with another id, and with what follows the id.
func (r *received) attest(id, rest []byte) {
	data := slices.Clone(r.authData()[:idLengthOffset])
	data = binary.BigEndian.AppendUint16(data, uint16(len(id))) //nolint:gosec // G115: callers keep to 1023 bytes
	r.putAuthData(slices.Concat(data, id, rest))
}

// asSent has a registration store the credential id that was sent, not the one that was read in its place.
func asSent(a *attempt) {
	if a.sent == nil || a.ceremony.kind != protocol.CreateCeremony {
		return
	}
	if id, _, ok := attestedID(a.sent.authData); ok {
		a.authData.AttData.CredentialID = id
	}
}

// keyFaults are mistakes in looking at a new public key.
func keyFaults() []Fault {
	// taken has keys pass that are wrong in one way.
	taken := func(name, doc string, wrong func(*coseKey) bool, steps ...string) Fault {
		return Fault{Name: name, Doc: doc, forgives: func(step string, a *attempt) bool {
			if step != "public-key" && !slices.Contains(steps, step) {
				return false
			}
			key, ok := readKey(a.authData.AttData.CredentialPublicKey)
			return ok && wrong(key)
		}}
	}
	return []Fault{
		{Name: "key-unread", Doc: "of a public key only the algorithm is looked at", drops: []string{"public-key"}},
		{Name: "algorithm-unchecked", Doc: "any algorithm is taken, offered or not", forgives: func(step string, a *attempt) bool {
			key, ok := readKey(a.authData.AttData.CredentialPublicKey)
			return ok && (step == "algorithm" || step == "public-key") && key.Alg != 0 && !slices.Contains(a.ceremony.offered, key.Alg)
		}},
		taken("key-algorithm-assumed", "a public key without an algorithm is taken for one of ES256", func(key *coseKey) bool { return key.Alg == 0 }, "algorithm"),
		taken("key-curve-unchecked", "whether the curve of a public key goes with its algorithm is not looked at", (*coseKey).mismatched),
		taken("key-point-unchecked", "whether the point of a public key is on its curve is not looked at", func(key *coseKey) bool {
			_, whole := key.Y.([]byte)
			return whole && !key.mismatched() && key.parameters == key.required()
		}),
		taken("key-compressed-taken", "a compressed point is taken", func(key *coseKey) bool {
			_, sign := key.Y.(bool)
			return sign
		}),
		taken("key-parameters-unchecked", "a public key may have any parameters beside the required ones", func(key *coseKey) bool { return key.parameters > key.required() }),
		taken("key-weak-rsa-taken", "RSA keys of any strength are taken", func(key *coseKey) bool { return key.Kty == int64(webauthncose.RSAKey) }),
		{Name: "algorithm-broken", Doc: "ES512 is offered, but passkeys with it cannot sign in", minds: func(a *attempt) error {
			if a.passkey.Algorithm == int64(webauthncose.AlgES512) {
				return errors.New("signatures of this algorithm cannot be verified")
			}
			return nil
		}},
	}
}

// coseKey is what faults look at in a COSE_Key (RFC 9052 §7, RFC 9053 §7).
type coseKey struct {
	Kty int64 `cbor:"1,keyasint"`
	Alg int64 `cbor:"3,keyasint"`
	Crv any   `cbor:"-1,keyasint"`
	Y   any   `cbor:"-3,keyasint"`

	parameters int // how many there are
}

func readKey(raw []byte) (*coseKey, bool) {
	var key coseKey
	var members map[int64]webauthncbor.RawMessage
	if webauthncbor.Unmarshal(raw, &key) != nil || webauthncbor.Unmarshal(raw, &members) != nil {
		return nil, false
	}
	key.parameters = len(members)
	return &key, true
}

// required is how many parameters a key of this type has to have.
func (k *coseKey) required() int {
	if k.Kty == int64(webauthncose.EllipticKey) {
		return 5 // kty, alg, crv, x, y
	}
	return 4 // kty, alg, and crv, x or n, e
}

// mismatched reports whether a key's type or curve is not that of its algorithm (WebAuthn L3 §5.8.5).
func (k *coseKey) mismatched() bool {
	type kind struct {
		kty webauthncose.COSEKeyType
		crv any
	}
	want := map[webauthncose.COSEAlgorithmIdentifier]kind{
		webauthncose.AlgES256: {webauthncose.EllipticKey, uint64(webauthncose.P256)},
		webauthncose.AlgES384: {webauthncose.EllipticKey, uint64(webauthncose.P384)},
		webauthncose.AlgES512: {webauthncose.EllipticKey, uint64(webauthncose.P521)},
		webauthncose.AlgEdDSA: {webauthncose.OctetKey, uint64(webauthncose.Ed25519)},
		webauthncose.AlgRS256: {kty: webauthncose.RSAKey},
		webauthncose.AlgPS256: {kty: webauthncose.RSAKey},
	}[webauthncose.COSEAlgorithmIdentifier(k.Alg)]
	return k.Kty != int64(want.kty) || want.crv != nil && k.Crv != want.crv
}
