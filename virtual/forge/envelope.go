package forge

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/passrig/passrig/internal/webauthn"
)

// oversize is how large a field is made if it is not said: 4 MiB.
const oversize = 4 << 20

func envelopeKinds() []Kind {
	return append(singleKinds(), wholeKinds()...)
}

// singleKinds are the changes of named members.
func singleKinds() []Kind {
	return []Kind{
		{
			Name: "envelope-set", Ceremonies: both(), Takes: []Shape{Object}, Example: map[string]any{"response.clientDataJSON": 7},
			Doc: "the members at these dotted paths have these values", apply: func(r *response, v value) error {
				return r.setPaths(v.object())
			},
		},
		{
			Name: "envelope-remove", Ceremonies: both(), Takes: []Shape{Text, List}, Example: []any{"id", "rawId"},
			Doc: "the members at these dotted paths are absent", apply: func(r *response, v value) error {
				paths, _ := v.list()
				for _, path := range paths {
					parent, name, err := r.find(path)
					if err != nil {
						return err
					}
					delete(parent, name)
				}
				return nil
			},
		},
		{
			Name: "envelope-id", Ceremonies: both(), Takes: []Shape{JSON}, Words: []string{"other", "other-id", "other-raw-id"}, Example: "other-id",
			Doc: "id and rawId are this value (bytes as base64url text), or absent, or both or one of them that of another credential", apply: changeID,
		},
		memberKind("envelope-type", "type", 7, "type is this value or absent"),
		memberKind("envelope-attachment", "authenticatorAttachment", "foo", "authenticatorAttachment is this value or absent"),
		memberKind("envelope-extensions", "clientExtensionResults", map[string]any{"x-unknown": true}, "clientExtensionResults is this value or absent"),
		memberKind("envelope-response", "response", []any{}, "response is this value or absent"),
		{
			Name: "envelope-transports", Ceremonies: registration(), Takes: []Shape{JSON}, Example: []any{"cable", "x-new", "internal"},
			Doc:   "response.transports is this value or absent",
			apply: func(r *response, v value) error { return setMember(r.inner(), "transports", v) },
		},
		{
			Name: "envelope-attestation-object", Ceremonies: registration(), Takes: []Shape{JSON}, Example: 7,
			Doc: "response.attestationObject is this value or absent, and there are no copies of what it held", apply: func(r *response, v value) error {
				dropCopies(r.inner())
				return setMember(r.inner(), "attestationObject", v)
			},
		},
	}
}

// wholeKinds are the changes of many members at once.
func wholeKinds() []Kind {
	return []Kind{
		{
			Name: "envelope-unknown-members", Ceremonies: both(), Takes: []Shape{Nothing},
			Doc: "there are members that no specification knows, in the credential and in its response", apply: func(r *response, _ value) error {
				return r.setPaths(map[string]any{"x-unknown": map[string]any{"id": "x"}, "response.x-unknown": []any{int64(1)}})
			},
		},
		{
			Name: "envelope-base64", Ceremonies: both(), Words: []string{"padded", "standard", "standard-padded"}, Example: "standard",
			Doc: "binary members are padded, or in the standard alphabet, or both", apply: changeBase64,
		},
		{
			Name: "envelope-oversize", Ceremonies: both(), Takes: []Shape{Nothing, Number, Object}, Example: map[string]any{"response.clientDataJSON": 1 << 20},
			Doc: "an unknown member holds this many letters A (4 MiB if not said), or so many are added to the texts at these dotted paths", apply: changeSize,
		},
		{
			Name: "envelope-copies", Ceremonies: registration(), Words: []string{"drop", "other-key", "other-public-key"}, Example: "drop",
			Doc: "authenticatorData, publicKey and publicKeyAlgorithm beside the attestation object are absent, or of another key, the first or only the others", apply: changeCopies,
		},
		{
			Name: "envelope-swap", Ceremonies: both(), Takes: []Shape{Nothing},
			Doc: "the response is a right one of the other ceremony with the same challenge and credential", apply: swapCeremony,
		},
	}
}

// memberKind is a kind that sets one member of the credential.
func memberKind(kind, name string, example any, doc string) Kind {
	return Kind{
		Name: kind, Ceremonies: both(), Takes: []Shape{JSON}, Doc: doc, Example: example,
		apply: func(r *response, v value) error { return setMember(r.envelope, name, v) },
	}
}

func setMember(parent map[string]any, name string, v value) error {
	if v.raw == nil {
		delete(parent, name)
		return nil
	}
	parent[name] = v.json()
	return nil
}

func (r *response) setPaths(values map[string]any) error {
	for _, path := range slices.Sorted(maps.Keys(values)) {
		parent, name, err := r.find(path)
		if err != nil {
			return err
		}
		parent[name] = values[path]
	}
	return nil
}

// find returns the object that a path leads into, and the last name of the path.
func (r *response) find(path string) (parent map[string]any, name string, err error) {
	parent = r.envelope
	steps := strings.Split(path, ".")
	for _, step := range steps[:len(steps)-1] {
		next, ok := parent[step].(map[string]any)
		if !ok {
			return nil, "", fmt.Errorf("path %q: %q is not an object", path, step)
		}
		parent = next
	}
	return parent, steps[len(steps)-1], nil
}

func changeID(r *response, v value) error {
	other := encode(r.bytes("other-id", max(16, len(r.id))))
	names := []string{"id", "rawId"}
	switch v.raw {
	case "other":
		v.raw = other
	case "other-id":
		v.raw, names = other, names[:1]
	case "other-raw-id":
		v.raw, names = other, names[1:]
	}
	for _, name := range names {
		if err := setMember(r.envelope, name, v); err != nil {
			return err
		}
	}
	return nil
}

func changeBase64(r *response, v value) error {
	encodings := map[string]*base64.Encoding{
		"padded": base64.URLEncoding, "standard": base64.RawStdEncoding, "standard-padded": base64.StdEncoding,
	}
	encoding := encodings[v.word("")]
	recode := func(parent map[string]any, names ...string) {
		for _, name := range names {
			text, ok := parent[name].(string)
			if !ok {
				continue
			}
			if b, err := webauthn.DecodeBase64URL(text); err == nil {
				parent[name] = encoding.EncodeToString(b)
			}
		}
	}
	recode(r.envelope, "id", "rawId")
	recode(r.inner(), "clientDataJSON", "attestationObject", "authenticatorData", "publicKey", "signature", "userHandle")
	return nil
}

func changeSize(r *response, v value) error {
	const most = 1 << 30
	sizes := v.object()
	if sizes == nil {
		if v.raw == nil {
			v.raw = int64(oversize)
		}
		sizes = map[string]any{"x-oversize": v.raw}
	}
	for _, path := range slices.Sorted(maps.Keys(sizes)) {
		n, err := value{sizes[path]}.number(0, most)
		if err != nil {
			return fmt.Errorf("path %q: %w", path, err)
		}
		parent, name, err := r.find(path)
		if err != nil {
			return err
		}
		text, _ := parent[name].(string)
		parent[name] = text + strings.Repeat("A", int(n))
	}
	return nil
}

// dropCopies removes the convenience copies of a registration.
func dropCopies(inner map[string]any) {
	for _, name := range []string{"authenticatorData", "publicKey", "publicKeyAlgorithm"} {
		delete(inner, name)
	}
}

func changeCopies(r *response, v value) error {
	inner := r.inner()
	if v.raw == "drop" {
		dropCopies(inner)
		return nil
	}
	other, err := r.otherKey()
	if err != nil {
		return err
	}
	public, err := other.encoded()
	if err != nil {
		return err
	}
	auth := r.auth.bytes()
	if v.raw == "other-key" {
		if r.auth.Attested == nil {
			return errors.New("no attested credential data left")
		}
		changed, attested := r.auth, *r.auth.Attested
		attested.PublicKey = public
		changed.Attested = &attested
		auth = changed.bytes()
	}
	r.copies(auth, public)
	return nil
}

// otherKey makes another key of the algorithm of the registered one.
func (r *response) otherKey() (*keyPair, error) {
	algorithm, ok := coseAlgorithm(r.auth.publicKey())
	if !ok {
		return nil, errors.New("no public key left")
	}
	return newKeyPair(webauthn.Algorithm(algorithm), r.random("other-key"))
}

// swapCeremony makes the credential sign an assertion for a registration's options, or makes a
// registration of it for an assertion's.
func swapCeremony(r *response, _ value) error {
	other := *r
	other.envelope = maps.Clone(r.envelope)
	other.envelope["response"] = map[string]any{}
	if err := changeType(&other, value{"swap"}); err != nil {
		return err
	}
	if r.ceremony == Create {
		other.ceremony = Get
		other.auth.Flags &^= webauthn.FlagAT
		other.auth.Attested = nil
		other.sign = func() ([]byte, error) { return other.signWithCredential(other.signedMessage()) }
	} else {
		other.ceremony = Create
		if err := addAttested(&other, value{"flagged"}); err != nil {
			return err
		}
		other.attest = attestNone
		other.inner()["transports"] = []any{"internal"}
	}
	if err := other.build(); err != nil {
		return err
	}
	r.envelope = other.envelope
	return nil
}
