package demorp

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"slices"
	"strings"

	"github.com/fxamacker/cbor/v2"
	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

// attestationFaults are mistakes in reading attestation objects, and in verifying the statements in them.
func attestationFaults() []Fault {
	return slices.Concat(attestationObjectFaults(), selfAttestationFaults(), certificateFaults(), attestationPolicyFaults())
}

func attestationObjectFaults() []Fault {
	return []Fault{
		{Name: "attestation-object-unread", Doc: "an attestation object that cannot be decoded is taken for right", forgives: madeUp, misread: func(r *received) {
			if len(r.bytes("attestationObject")) > 0 && r.attestation() == nil {
				r.makeUp()
			}
		}},
		{Name: "attestation-object-crash", Doc: "an attestation object that cannot be decoded ends in an error of the server"},
		{Name: "attestation-members-unchecked", Doc: "a format or statement that is not there, or of the wrong type, is taken for that of no attestation", misread: func(r *received) {
			members := r.attestation()
			_, format := members["fmt"].(string)
			_, statement := members["attStmt"].(map[any]any)
			_, compound := members["attStmt"].([]any)
			if members != nil && (!format || !statement && !(compound && members["fmt"] == string(protocol.AttestationFormatCompound))) {
				members["fmt"], members["attStmt"] = string(protocol.AttestationFormatNone), map[string]any{}
				r.putAttestation(members)
			}
		}},
		{Name: "attestation-trailing-ignored", Doc: "bytes behind the attestation object are ignored", misread: func(r *received) {
			raw := r.bytes("attestationObject")
			var members map[string]any
			if n, err := webauthncbor.UnmarshalFirst(raw, &members); err == nil {
				r.put("attestationObject", raw[:n])
			}
		}},
		{Name: "attestation-cbor-lenient", Doc: "attestation objects are decoded that are not in CTAP2 canonical form", misread: func(r *received) {
			decoder, err := cbor.DecOptions{IndefLength: cbor.IndefLengthAllowed, DupMapKey: cbor.DupMapKeyQuiet}.DecMode()
			var members map[string]any
			if err == nil && decoder.Unmarshal(r.bytes("attestationObject"), &members) == nil {
				r.putAttestation(members)
			}
		}},
	}
}

// putAttestation has the attestation object read as one of these members.
func (r *received) putAttestation(members map[string]any) {
	if object, err := webauthncbor.Marshal(members); err == nil {
		r.put("attestationObject", object)
	}
}

// undecodable reports whether there is an attestation object that is none.
func undecodable(object []byte) bool {
	var decoded protocol.AttestationObject
	return len(object) > 0 && webauthncbor.Unmarshal(object, &decoded) != nil
}

// forgiving has some statements pass that do not verify.
func forgiving(name, doc string, forgiven func(a *attempt) bool) Fault {
	return Fault{Name: name, Doc: doc, forgives: func(step string, a *attempt) bool { return step == "attestation-statement" && forgiven(a) }}
}

// packed are the members of a packed statement that can be read (WebAuthn L3 §8.2).
type packed struct {
	alg   int64
	sig   []byte
	chain []*x509.Certificate // leaf first; none for self attestation
}

// packedOf reads a packed statement. ok is false for other formats, and for a statement that is malformed.
func packedOf(a *attempt) (p packed, ok bool) {
	statement := a.attestation.AttStatement
	if a.attestation.Format != string(protocol.AttestationFormatPacked) {
		return packed{}, false
	}
	alg, hasAlg := statement["alg"].(int64)
	sig, hasSig := statement["sig"].([]byte)
	chain, err := chainOf(a.attestation)
	_, certified := statement["x5c"]
	return packed{alg, sig, chain}, hasAlg && hasSig && len(sig) > 0 && err == nil && certified == (len(chain) > 0)
}

// signed is what a packed statement's signature covers.
func (a *attempt) signed() []byte {
	hash := sha256.Sum256(a.clientDataJSON)
	return slices.Concat(a.rawAuthData, hash[:])
}

// signedByLeaf reports whether the certificate's key made the signature.
func (p packed) signedByLeaf(a *attempt) bool {
	algorithm := webauthncose.SigAlgFromCOSEAlg(webauthncose.COSEAlgorithmIdentifier(p.alg))
	return len(p.chain) > 0 && p.chain[0].CheckSignature(algorithm, a.signed(), p.sig) == nil
}

// byCredential is the algorithm of the new key, and whether that key made the signature.
func (p packed) byCredential(a *attempt) (algorithm int64, signed bool) {
	raw := a.authData.AttData.CredentialPublicKey
	var head webauthncose.PublicKeyData
	key, err := webauthncose.ParsePublicKey(raw)
	if err != nil || webauthncbor.Unmarshal(raw, &head) != nil {
		return 0, false
	}
	signed, err = webauthncose.VerifySignature(key, a.signed(), p.sig)
	return head.Algorithm, signed && err == nil
}

func selfAttestationFaults() []Fault {
	self := func(a *attempt) (packed, bool) {
		p, ok := packedOf(a)
		return p, ok && len(p.chain) == 0
	}
	return []Fault{
		refusing("self-attestation-refused", "self attestation is refused though no attestation was asked for", func(a *attempt) bool {
			_, ok := self(a)
			return ok
		}),
		forgiving("self-signature-unchecked", "the signature of self attestation is not verified", func(a *attempt) bool {
			p, ok := self(a)
			algorithm, _ := p.byCredential(a)
			return ok && p.alg == algorithm
		}),
		forgiving("self-algorithm-unchecked", "self attestation may name another algorithm than the key's", func(a *attempt) bool {
			p, ok := self(a)
			_, signed := p.byCredential(a)
			return ok && signed
		}),
		forgiving("packed-malformed-taken", "a packed statement that cannot be read is taken for none", func(a *attempt) bool {
			_, ok := packedOf(a)
			return !ok && a.attestation.Format == string(protocol.AttestationFormatPacked)
		}),
	}
}

func certificateFaults() []Fault {
	certified := func(a *attempt) (packed, bool) {
		p, ok := packedOf(a)
		return p, ok && len(p.chain) > 0
	}
	return []Fault{
		forgiving("attestation-signature-unchecked", "the signature of an attestation certificate's key is not verified", func(a *attempt) bool {
			p, ok := certified(a)
			return ok && !p.signedByLeaf(a)
		}),
		forgiving("attestation-key-ignored", "attestation with a certificate may be signed with the credential's key", func(a *attempt) bool {
			p, ok := certified(a)
			_, signed := p.byCredential(a)
			return ok && signed
		}),
		forgiving("certificate-rules-unchecked", "what is in an attestation certificate is not looked at", func(a *attempt) bool {
			p, ok := certified(a)
			return ok && p.signedByLeaf(a)
		}),
		forgiving("certificate-expiry-unchecked", "an attestation certificate may have expired", func(a *attempt) bool {
			p, ok := certified(a)
			return ok && p.signedByLeaf(a) && p.chain[0].NotAfter.Before(a.ceremony.expires)
		}),
		forgiving("certificate-aaguid-unchecked", "the AAGUID in an attestation certificate is not compared", func(a *attempt) bool {
			p, ok := certified(a)
			return ok && p.signedByLeaf(a) && !bytes.Equal(aaguidOf(p.chain[0]), a.authData.AttData.AAGUID)
		}),
		forgiving("u2f-signature-unchecked", "the signature of fido-u2f attestation is not verified", func(a *attempt) bool {
			return a.attestation.Format == string(protocol.AttestationFormatFIDOUniversalSecondFactor)
		}),
		refusing("u2f-refused", "attestation of U2F security keys (fido-u2f) is refused", func(a *attempt) bool {
			return a.attestation.Format == string(protocol.AttestationFormatFIDOUniversalSecondFactor)
		}),
	}
}

// aaguidOf is what id-fido-gen-ce-aaguid says (WebAuthn L3 §8.2.1), or nil.
func aaguidOf(c *x509.Certificate) (aaguid []byte) {
	for _, extension := range c.Extensions {
		if extension.Id.Equal(asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 45724, 1, 1, 4}) {
			if _, err := asn1.Unmarshal(extension.Value, &aaguid); err != nil {
				return nil
			}
		}
	}
	return aaguid
}

// refusing has a registration refused that is right.
func refusing(name, doc string, refused func(a *attempt) bool) Fault {
	return Fault{Name: name, Doc: doc, minds: func(a *attempt) error {
		if a.ceremony.kind == protocol.CreateCeremony && refused(a) {
			return errors.New("this relying party takes no such attestation")
		}
		return nil
	}}
}

// attestationPolicyFaults are about which statements are wanted.
func attestationPolicyFaults() []Fault {
	none := string(protocol.AttestationFormatNone)
	known := []string{"none", "packed", "tpm", "android-key", "apple", "fido-u2f", "android-safetynet", "compound"}
	trust := func(name, doc string, forgiven func(chain []*x509.Certificate) bool) Fault {
		return Fault{Name: name, Doc: doc, forgives: func(step string, a *attempt) bool {
			if step != "attestation-trust" {
				return false
			}
			chain, err := chainOf(a.attestation)
			return err == nil && forgiven(chain)
		}}
	}
	return []Fault{
		{Name: "attestation-unverified", Doc: "attestation statements are not looked at, whatever their format", drops: []string{"attestation-statement"}},
		forgiving("none-statement-ignored", "no attestation may have a statement with something in it", func(a *attempt) bool { return a.attestation.Format == none }),
		forgiving("attestation-format-unknown-taken", "an attestation of an unknown format is taken for none", func(a *attempt) bool {
			return !slices.Contains(known, strings.ToLower(a.attestation.Format))
		}),
		forgiving("attestation-format-any-case", "the name of an attestation format may be in upper case", func(a *attempt) bool {
			return a.attestation.Format != strings.ToLower(a.attestation.Format) && slices.Contains(known, strings.ToLower(a.attestation.Format))
		}),
		refusing("aaguid-unattested-refused", "an AAGUID is refused that no attestation vouches for, though none was asked for", func(a *attempt) bool {
			return a.attestation.Format == none && !bytes.Equal(a.authData.AttData.AAGUID, make([]byte, aaguidSize))
		}),
		{Name: "attestation-demanded-of-phones", Doc: "passkeys that can be reached over hybrid only are refused without attestation, though none was asked for", misread: func(r *received) {
			transports, _ := r.response()["transports"].([]any)
			if len(transports) == 1 && transports[0] == "hybrid" && r.attestation()["fmt"] == none {
				r.spoil()
			}
		}},
		trust("attestation-not-demanded", "what comes without an attestation certificate is taken though attestation is required", func(chain []*x509.Certificate) bool {
			return len(chain) == 0
		}),
		trust("attestation-trust-unchecked", "whether an attestation certificate leads to a trusted root is not looked at", func(chain []*x509.Certificate) bool {
			return len(chain) > 0
		}),
		trust("attestation-root-from-chain", "a root certificate is trusted because the statement brings it along", func(chain []*x509.Certificate) bool {
			return len(chain) > 1 && chain[0].CheckSignatureFrom(chain[len(chain)-1]) == nil
		}),
	}
}
