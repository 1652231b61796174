package forge

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"

	"github.com/passrig/passrig/internal/webauthn"
)

func keyKinds() []Kind {
	var algorithms []string
	for _, algorithm := range webauthn.Algorithms() {
		algorithms = append(algorithms, algorithm.String())
	}
	return []Kind{
		{
			Name: "key-algorithm", Ceremonies: registration(), Words: algorithms, Example: "ES384",
			Doc: "the public key is a legal one of this algorithm, whatever the options offered", apply: changeAlgorithm,
		},
		{
			Name: "key-curve-mismatch", Ceremonies: registration(), Words: []string{"ES256-P384", "EdDSA-X25519", "EdDSA-Ed448", "RS256-EC2"}, Example: "ES256-P384",
			Doc: "the public key claims an algorithm that does not go with its curve or type", apply: changeCurve,
		},
		{
			Name: "key-off-curve", Ceremonies: registration(), Takes: []Shape{Nothing},
			Doc: "the point of the public key is not on its curve", apply: changeEC2(func(r *response, key coseKey, y []byte) {
				key[labelY] = flipBit(y, 0)
				r.key = &keyPair{}
			}),
		},
		{
			Name: "key-compressed", Ceremonies: registration(), Takes: []Shape{Nothing},
			Doc: "the point of the public key is compressed: y is only its sign", apply: changeEC2(func(_ *response, key coseKey, y []byte) {
				key[labelY] = y[len(y)-1]&1 == 1
			}),
		},
		{
			Name: "key-missing-alg", Ceremonies: registration(), Takes: []Shape{Nothing},
			Doc: "the public key does not say its algorithm", apply: changeKeyMembers(func(_ *response, key coseKey, _ value) error {
				delete(key, labelAlg)
				return nil
			}),
		},
		{
			Name: "key-extra-params", Ceremonies: registration(), Takes: []Shape{Nothing}, Words: []string{"kid", "key-ops", "private"}, Example: "private",
			Doc: "the public key has a parameter too many: a key ID, key operations, or (made-up) private bytes", apply: changeKeyMembers(addParameter),
		},
		{
			Name: "key-weak-rsa", Ceremonies: registration(), Takes: []Shape{Number}, Words: []string{"exponent-1"}, Example: 512,
			Doc: "the public key is RSA with so few bits, or with 2048 and exponent 1, for which anybody can sign", apply: changeToWeakRSA,
		},
		{
			Name: "key-set", Ceremonies: registration(), Takes: []Shape{Object}, Example: map[string]any{"3": -7},
			Doc: "the members of the public key with these labels have these values; null removes, {bytes: base64url} is a byte string", apply: changeKeyMembers(setKeyMembers),
		},
		{
			Name: "key-raw", Ceremonies: registration(), Takes: []Shape{Bytes}, Example: "oA",
			Doc: "these bytes stand in the place of the public key", apply: func(r *response, v value) error {
				raw, _ := v.bytes()
				return r.setPublicKey(raw, &keyPair{})
			},
		},
	}
}

// setPublicKey puts a public key into the attested credential data. A nil key leaves the private
// key as it is.
func (r *response) setPublicKey(public []byte, key *keyPair) error {
	if r.auth.Attested == nil {
		return errors.New("no attested credential data left")
	}
	r.auth.Attested.PublicKey = public
	if key != nil {
		r.key = key
	}
	return nil
}

// setCOSE is setPublicKey for members.
func (r *response) setCOSE(members coseKey, key *keyPair) error {
	encoded, err := webauthn.EncodeCBOR(members)
	if err != nil {
		return err
	}
	return r.setPublicKey(encoded, key)
}

func changeAlgorithm(r *response, v value) error {
	algorithm, err := webauthn.ParseAlgorithm(v.word(""))
	if err != nil {
		return err
	}
	key, err := newKeyPair(algorithm, r.random("key"))
	if err != nil {
		return err
	}
	members, err := key.cose()
	if err != nil {
		return err
	}
	return r.setCOSE(members, key)
}

func changeCurve(r *response, v value) error {
	random := r.random("key")
	switch v.raw {
	case "EdDSA-X25519":
		x, err := newX25519(random)
		if err != nil {
			return err
		}
		return r.setCOSE(coseKey{labelKty: ktyOKP, labelAlg: webauthn.EdDSA, labelCrv: crvX25519, labelX: x}, &keyPair{})
	case "EdDSA-Ed448":
		const size = 57
		return r.setCOSE(coseKey{labelKty: ktyOKP, labelAlg: webauthn.EdDSA, labelCrv: crvEd448, labelX: r.bytes("ed448", size)}, &keyPair{})
	}
	real, claimed := webauthn.ES384, webauthn.ES256
	if v.raw == "RS256-EC2" {
		real, claimed = webauthn.ES256, webauthn.RS256
	}
	key, err := newKeyPair(real, random)
	if err != nil {
		return err
	}
	members, err := key.cose()
	if err != nil {
		return err
	}
	members[labelAlg] = int64(claimed)
	key.algorithm = claimed
	return r.setCOSE(members, key)
}

// ec2Key returns an elliptic curve key: the credential's, or, for another kind of credential, a
// made-up one.
func (r *response) ec2Key() (coseKey, *keyPair, error) {
	if r.auth.Attested == nil {
		return nil, nil, errors.New("no attested credential data left")
	}
	members, err := parseCOSE(r.auth.Attested.PublicKey)
	if err != nil {
		return nil, nil, err
	}
	if y, ok := members[labelY].([]byte); ok && len(y) > 0 {
		return members, nil, nil
	}
	key, err := newKeyPair(webauthn.ES256, r.random("key"))
	if err != nil {
		return nil, nil, err
	}
	members, err = key.cose()
	return members, key, err
}

// changeEC2 changes the y coordinate of an elliptic curve key.
func changeEC2(change func(r *response, key coseKey, y []byte)) func(*response, value) error {
	return func(r *response, _ value) error {
		members, key, err := r.ec2Key()
		if err != nil {
			return err
		}
		if key != nil {
			r.key = key
		}
		y, _ := members[labelY].([]byte)
		change(r, members, y)
		return r.setCOSE(members, nil)
	}
}

// changeKeyMembers changes members of the credential's public key.
func changeKeyMembers(change func(*response, coseKey, value) error) func(*response, value) error {
	return func(r *response, v value) error {
		if r.auth.Attested == nil {
			return errors.New("no attested credential data left")
		}
		members, err := parseCOSE(r.auth.Attested.PublicKey)
		if err != nil {
			return err
		}
		if err := change(r, members, v); err != nil {
			return err
		}
		return r.setCOSE(members, nil)
	}
}

func addParameter(r *response, key coseKey, v value) error {
	const verify = 2 // of key_ops, RFC 9052 §7.1
	switch v.word("kid") {
	case "kid":
		key[labelKid] = []byte("passrig")
	case "key-ops":
		key[labelKeyOps] = []int{verify}
	case "private":
		label := int64(labelEC2D) // d of EC2 and OKP keys
		if key[labelKty] == int64(ktyRSA) {
			label = labelY // d of RSA keys has the same label (RFC 8230 §4)
		}
		key[label] = r.bytes("private", 32)
	}
	return nil
}

func changeToWeakRSA(r *response, v value) error {
	bits, exponent := int64(2048), 1
	if v.raw != "exponent-1" {
		var err error
		if bits, err = v.number(512, 2048); err != nil {
			return err
		}
		exponent = 65537
	}
	key, err := newRSAKey(int(bits), exponent, r.random("key"))
	if err != nil {
		return err
	}
	return r.setCOSE(rsaCOSE(&key.PublicKey), &keyPair{algorithm: webauthn.RS256, signer: key})
}

func rsaCOSE(key *rsa.PublicKey) coseKey {
	return coseKey{labelKty: ktyRSA, labelAlg: webauthn.RS256, labelN: key.N.Bytes(), labelE: big.NewInt(int64(key.E)).Bytes()}
}

func setKeyMembers(_ *response, key coseKey, v value) error {
	object := v.object()
	for _, name := range slices.Sorted(maps.Keys(object)) {
		label, err := strconv.ParseInt(name, 10, 64)
		if err != nil {
			return fmt.Errorf("label %q: want a number", name)
		}
		if object[name] == nil {
			delete(key, label)
			continue
		}
		if key[label], err = cborValue(object[name]); err != nil {
			return fmt.Errorf("label %q: %w", name, err)
		}
	}
	return nil
}
