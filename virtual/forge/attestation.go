package forge

import (
	"bytes"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/passrig/passrig/internal/webauthn"
)

// attester makes the attestation statement of the changed registration. It runs when everything
// that the statement covers is settled.
type attester func(r *response) (format string, statement []byte, err error)

// statement is the members of an attestation statement.
type statement map[string]any

// conveyed keeps the legal statement while it fits, and else makes one of the same format. What
// was signed by an attestation key is then signed by the forge's own.
func (r *response) conveyed(legal *webauthn.AttestationObject) attester {
	clientData := r.clientData
	return func(r *response) (string, []byte, error) {
		if legal.Format == "none" || bytes.Equal(clientData, r.clientData) && bytes.Equal(legal.AuthData, r.auth.bytes()) {
			return legal.Format, legal.Statement, nil
		}
		var members statement
		if err := webauthn.DecodeCBOR(legal.Statement, &members); err != nil {
			return "", nil, fmt.Errorf("of format %q: %w", legal.Format, err)
		}
		_, certified := members["x5c"]
		switch {
		case legal.Format == "packed" && certified:
			return attestPacked(r)
		case legal.Format == "packed":
			return attestSelf(r)
		case legal.Format == "fido-u2f":
			return attestU2F(r)
		}
		return legal.Format, legal.Statement, nil
	}
}

func attestNone(*response) (string, []byte, error) {
	return "none", webauthn.EmptyStatement(), nil
}

func attestationKinds() []Kind {
	return slices.Concat(objectKinds(), []Kind{
		formatKind("attestation-none", "fmt is none, with an empty statement, or with something in it", noneVariants()),
		formatKind("attestation-packed-self", "the statement is packed, signed by the credential's key: rightly, or with a broken signature, or naming another algorithm", selfVariants()),
		formatKind("attestation-packed-malformed", "the statement is packed self attestation with something missing or of the wrong type", malformedVariants()),
		formatKind("attestation-packed", "the statement is packed, with a certificate under the forge's own root: rightly, or broken in the way of the word", packedVariants()),
		formatKind("attestation-u2f", "the statement is fido-u2f under the forge's own root and the AAGUID zero: rightly, or with a broken signature or an AAGUID", u2fVariants()),
		formatKind("attestation-compound", "the statement is compound: of two statements, of one, of none, or with a broken one", compoundVariants()),
	}, platformKinds())
}

// variant is a way to make a statement, by the word that asks for it.
type variant struct {
	word   string
	attest attester
	aaguid func(*response) webauthn.AAGUID // the AAGUID to register with; nil leaves it
}

// formatKind is a kind that replaces the statement. Without a word it is the first variant.
func formatKind(name, doc string, variants []variant) Kind {
	words := make([]string, len(variants))
	for i, v := range variants {
		words[i] = v.word
	}
	return Kind{
		Name: name, Ceremonies: registration(), Takes: []Shape{Nothing}, Words: words, Doc: doc, Example: words[0],
		apply: func(r *response, v value) error {
			chosen := variants[max(0, slices.Index(words, v.word("")))]
			r.attest = chosen.attest
			if chosen.aaguid == nil {
				return nil
			}
			if r.auth.Attested == nil {
				return errors.New("no attested credential data left")
			}
			r.auth.Attested.AAGUID = chosen.aaguid(r)
			return nil
		},
	}
}

// of encodes the members of a statement in a format.
func (s statement) of(format string, err error) (string, []byte, error) {
	if err != nil {
		return "", nil, err
	}
	encoded, err := webauthn.EncodeCBOR(map[string]any(s))
	return format, encoded, err
}

// broken turns over the lowest bit of the signature.
func (s statement) broken() statement {
	changed := maps.Clone(s)
	if signature, ok := s["sig"].([]byte); ok {
		changed["sig"] = flipBit(signature, 0)
	}
	return changed
}

func noneVariants() []variant {
	return []variant{
		{word: "empty", attest: attestNone},
		{word: "statement", attest: func(r *response) (string, []byte, error) {
			return statement{"sig": r.bytes("none-statement", 32)}.of("none", nil)
		}},
	}
}

// self makes the statement of packed self attestation (WebAuthn L3 §8.2).
func (r *response) self() (statement, error) {
	signature, err := r.signWithCredential(r.signedMessage())
	if err != nil {
		return nil, err
	}
	algorithm, ok := coseAlgorithm(r.auth.publicKey())
	if !ok {
		algorithm = r.claimed // the key does not say
	}
	return statement{"alg": algorithm, "sig": signature}, nil
}

func attestSelf(r *response) (string, []byte, error) {
	s, err := r.self()
	return s.of("packed", err)
}

// changedSelf is self attestation with something changed after signing.
func changedSelf(change func(statement)) attester {
	return func(r *response) (string, []byte, error) {
		s, err := r.self()
		if err != nil {
			return "", nil, err
		}
		change(s)
		return s.of("packed", nil)
	}
}

func selfVariants() []variant {
	return []variant{
		{word: "valid", attest: attestSelf},
		{word: "bad-signature", attest: func(r *response) (string, []byte, error) {
			s, err := r.self()
			return s.broken().of("packed", err)
		}},
		{word: "wrong-algorithm", attest: changedSelf(func(s statement) {
			right := s["alg"]
			s["alg"] = int64(webauthn.ES384)
			if right == s["alg"] {
				s["alg"] = int64(webauthn.ES256)
			}
		})},
	}
}

func malformedVariants() []variant {
	return []variant{
		{word: "empty", attest: changedSelf(func(s statement) { clear(s) })},
		{word: "no-alg", attest: changedSelf(func(s statement) { delete(s, "alg") })},
		{word: "alg-text", attest: changedSelf(func(s statement) { s["alg"] = "-7" })},
		{word: "no-sig", attest: changedSelf(func(s statement) { delete(s, "sig") })},
		{word: "sig-text", attest: changedSelf(func(s statement) { s["sig"] = "signature" })},
		{word: "sig-empty", attest: changedSelf(func(s statement) { s["sig"] = []byte{} })},
		{word: "x5c-empty", attest: changedSelf(func(s statement) { s["x5c"] = [][]byte{} })},
		{word: "x5c-text", attest: changedSelf(func(s statement) { s["x5c"] = "certificate" })},
		{word: "x5c-garbage", attest: changedSelf(func(s statement) { s["x5c"] = [][]byte{{0x30, 0x03, 1, 2, 3}} })},
	}
}

// u2f makes the statement of WebAuthn L3 §8.6.
func (r *response) u2f() (statement, error) {
	key, err := webauthn.ParseCOSEKey(r.auth.publicKey())
	if err != nil {
		return nil, err
	}
	public, ok := key.Public.(*ecdsa.PublicKey)
	if !ok || key.Algorithm != webauthn.ES256 {
		return nil, fmt.Errorf("fido-u2f of a %s key: %w", key.Algorithm, ErrNotApplicable)
	}
	point, err := public.Bytes()
	if err != nil {
		return nil, err
	}
	leaf, err := r.issue(certificate{})
	if err != nil {
		return nil, err
	}
	message := slices.Concat([]byte{0}, r.auth.RPIDHash[:], r.clientDataHash(), r.auth.Attested.CredentialID, point)
	signature, err := leaf.key.sign(message)
	return statement{"x5c": [][]byte{leaf.der}, "sig": signature}, err
}

func attestU2F(r *response) (string, []byte, error) {
	s, err := r.u2f()
	return s.of("fido-u2f", err)
}

func u2fVariants() []variant {
	zero := func(*response) webauthn.AAGUID { return webauthn.AAGUID{} }
	return []variant{
		{word: "valid", attest: attestU2F, aaguid: zero},
		{word: "bad-signature", aaguid: zero, attest: func(r *response) (string, []byte, error) {
			s, err := r.u2f()
			return s.broken().of("fido-u2f", err)
		}},
		{word: "aaguid", attest: attestU2F, aaguid: func(r *response) (a webauthn.AAGUID) {
			copy(a[:], r.bytes("aaguid", len(a)))
			return a
		}},
	}
}

// compoundVariants follow WebAuthn L3 §8.9: an array of statements, each with its format.
func compoundVariants() []variant {
	type item struct {
		Format    string    `cbor:"fmt"`
		Statement statement `cbor:"attStmt"`
	}
	compound := func(make func(self, packed item) []item) attester {
		return func(r *response) (string, []byte, error) {
			self, err := r.self()
			if err != nil {
				return "", nil, err
			}
			packed, err := r.packed(certificate{aaguid: true})
			if err != nil {
				return "", nil, err
			}
			encoded, err := webauthn.EncodeCBOR(make(item{"packed", self}, item{"packed", packed}))
			return "compound", encoded, err
		}
	}
	return []variant{
		{word: "valid", attest: compound(func(self, packed item) []item { return []item{self, packed} })},
		{word: "one", attest: compound(func(self, _ item) []item { return []item{self} })},
		{word: "empty", attest: compound(func(_, _ item) []item { return []item{} })},
		{word: "bad-signature", attest: compound(func(self, packed item) []item {
			return []item{self, {packed.Format, packed.Statement.broken()}}
		})},
	}
}
