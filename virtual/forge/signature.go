package forge

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

func signatureKinds() []Kind {
	return slices.Concat(signatureValueKinds(), ecdsaKinds(), signatureSchemeKinds())
}

func signatureValueKinds() []Kind {
	return []Kind{
		{
			Name: "signature-flip", Ceremonies: authentication(), Takes: []Shape{Nothing, Number},
			Doc: "one bit of the signature is turned over: the lowest, or the one of that number counted from it", apply: changeSignature(flipSignature),
		},
		{
			Name: "signature-bytes", Ceremonies: authentication(), Takes: []Shape{Bytes}, Words: []string{"empty", "random"}, Example: "empty",
			Doc: "the signature is these bytes, or as many random ones as it has", apply: changeSignature(replaceSignature),
		},
		{
			Name: "signature-other-key", Ceremonies: authentication(), Takes: []Shape{Nothing},
			Doc: "the signature is by another key of the same kind", apply: signWithOtherKey,
		},
		{
			Name: "signature-over", Ceremonies: authentication(), Words: []string{"authdata", "clientdata", "clientdata-hash", "other-clientdata", "nothing"}, Example: "authdata",
			Doc: "the signature is over authenticator data alone, client data or its hash alone, other client data, or nothing", apply: signOver,
		},
		{
			Name: "signature-zero", Ceremonies: authentication(), Takes: []Shape{Nothing}, Words: []string{"zero", "order"}, Example: "order",
			Doc: "r and s of an ECDSA signature are both zero, or both the order of the curve; other signatures are all zero bytes", apply: changeSignature(zeroSignature),
		},
	}
}

// ecdsaKinds write a right ECDSA signature in another way, or make another right one.
func ecdsaKinds() []Kind {
	return []Kind{
		{
			Name: "signature-raw", Ceremonies: authentication(), Takes: []Shape{Nothing},
			Doc: "a right ECDSA signature is r and s one after the other, not DER", apply: changeECDSA(func(s ecdsaSignature, curve elliptic.Curve) ([]byte, error) {
				size := (curve.Params().BitSize + 7) / 8
				return slices.Concat(s.R.FillBytes(make([]byte, size)), s.S.FillBytes(make([]byte, size))), nil
			}),
		},
		{
			Name: "signature-der-trailing", Ceremonies: authentication(), Takes: []Shape{Nothing},
			Doc: "a byte follows a right ECDSA signature", apply: changeECDSA(func(s ecdsaSignature, _ elliptic.Curve) ([]byte, error) {
				der, err := asn1.Marshal(s)
				return append(der, 0), err
			}),
		},
		{
			Name: "signature-der-padded", Ceremonies: authentication(), Takes: []Shape{Nothing},
			Doc: "the numbers of a right ECDSA signature have a leading zero too many", apply: changeECDSA(func(s ecdsaSignature, _ elliptic.Curve) ([]byte, error) {
				return asn1.Marshal(struct{ R, S asn1.RawValue }{paddedInteger(s.R), paddedInteger(s.S)})
			}),
		},
		{
			Name: "signature-high-s", Ceremonies: authentication(), Takes: []Shape{Nothing},
			Doc: "s of a right ECDSA signature is in the upper half of its range, which is legal", apply: changeECDSA(func(s ecdsaSignature, curve elliptic.Curve) ([]byte, error) {
				if order := curve.Params().N; new(big.Int).Lsh(s.S, 1).Cmp(order) < 0 {
					s.S = new(big.Int).Sub(order, s.S)
				}
				return asn1.Marshal(s)
			}),
		},
		{
			Name: "signature-short", Ceremonies: authentication(), Words: []string{"r", "s"}, Example: "r",
			Doc: "that number of a right ECDSA signature is so small that it takes a byte less than usual, which is legal and happens by itself once in 256 times", apply: signShort,
		},
	}
}

func signatureSchemeKinds() []Kind {
	return []Kind{
		{
			Name: "signature-algorithm", Ceremonies: authentication(), Words: schemeNames(), Example: "ES384",
			Doc: "the credential's key signs with another algorithm of its kind", apply: signWithScheme,
		},
		{
			Name: "user-handle", Ceremonies: authentication(), Takes: []Shape{JSON}, Words: []string{"random"}, Example: "random",
			Doc: "userHandle is this value (bytes as base64url text), or absent", apply: changeUserHandle,
		},
	}
}

// ecdsaSignature is Ecdsa-Sig-Value of RFC 3279 §2.2.3.
type ecdsaSignature struct{ R, S *big.Int }

// changeSignature changes the signature that a right response has.
func changeSignature(change func(*response, []byte, value) ([]byte, error)) func(*response, value) error {
	return func(r *response, v value) error {
		right := r.sign
		r.sign = func() ([]byte, error) {
			signature, err := right()
			if err != nil {
				return nil, err
			}
			return change(r, signature, v)
		}
		return nil
	}
}

// changeECDSA writes an ECDSA signature in another way.
func changeECDSA(change func(ecdsaSignature, elliptic.Curve) ([]byte, error)) func(*response, value) error {
	return changeSignature(func(_ *response, signature []byte, _ value) ([]byte, error) {
		numbers, curve, ok := parseECDSA(signature)
		if !ok {
			return nil, fmt.Errorf("the signature is not ECDSA: %w", ErrNotApplicable)
		}
		return change(numbers, curve)
	})
}

// parseECDSA also tells the curve, by the size of the numbers: that they are all shorter than the
// curve makes them is out of the question.
func parseECDSA(der []byte) (ecdsaSignature, elliptic.Curve, bool) {
	var s ecdsaSignature
	rest, err := asn1.Unmarshal(der, &s)
	if err != nil || len(rest) > 0 || s.R.Sign() <= 0 || s.S.Sign() <= 0 {
		return s, nil, false
	}
	bits := max(s.R.BitLen(), s.S.BitLen())
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		if bits <= curve.Params().BitSize {
			return s, curve, true
		}
	}
	return s, nil, false
}

func paddedInteger(n *big.Int) asn1.RawValue {
	// One zero may have to be there, as the sign.
	return asn1.RawValue{Tag: asn1.TagInteger, Bytes: slices.Concat([]byte{0, 0}, n.Bytes())}
}

func flipSignature(_ *response, signature []byte, v value) ([]byte, error) {
	if len(signature) == 0 {
		return nil, errors.New("the signature is empty")
	}
	if v.raw == nil {
		v.raw = int64(0)
	}
	bit, err := v.number(0, int64(len(signature))*8-1)
	if err != nil {
		return nil, err
	}
	return flipBit(signature, int(bit)), nil
}

func replaceSignature(r *response, signature []byte, v value) ([]byte, error) {
	switch v.raw {
	case "empty":
		return []byte{}, nil
	case "random":
		return r.bytes("signature", len(signature)), nil
	}
	replaced, _ := v.bytes()
	return replaced, nil
}

func zeroSignature(_ *response, signature []byte, v value) ([]byte, error) {
	_, curve, ok := parseECDSA(signature)
	number := new(big.Int)
	switch {
	case ok && v.raw == "order":
		number = curve.Params().N
	case v.raw == "order":
		return nil, fmt.Errorf("the signature is not ECDSA: %w", ErrNotApplicable)
	case !ok:
		return make([]byte, len(signature)), nil
	}
	return asn1.Marshal(ecdsaSignature{number, number})
}

func signWithOtherKey(r *response, _ value) error {
	right := r.sign
	r.sign = func() ([]byte, error) {
		signature, err := right()
		if err != nil {
			return nil, err
		}
		other, err := r.lookalike(signature)
		if err != nil {
			return nil, err
		}
		return other.sign(r.signedMessage())
	}
	return nil
}

func signOver(r *response, v value) error {
	r.sign = func() ([]byte, error) {
		var message []byte
		switch v.raw {
		case "authdata":
			message = r.auth.bytes()
		case "clientdata":
			message = r.clientData
		case "clientdata-hash":
			message = r.clientDataHash()
		case "other-clientdata":
			other := *r
			if err := changeChallenge(&other, value{"random"}); err != nil {
				return nil, err
			}
			message = other.signedMessage()
		}
		return r.signWithCredential(message)
	}
	return nil
}

// signShort signs until a number comes out a byte shorter than the curve's.
func signShort(r *response, v value) error {
	key, err := r.export()
	if err != nil {
		return err
	}
	private, ok := key.signer.(*ecdsa.PrivateKey)
	if !ok {
		return fmt.Errorf("a key for %s makes no ECDSA signatures: %w", key.algorithm, ErrNotApplicable)
	}
	size := (private.Curve.Params().BitSize + 7) / 8
	r.sign = func() ([]byte, error) {
		for try := range 1 << 14 { // not once in so many tries is once in 10^27 responses
			signature, err := signWithNonce(private, key.algorithm.Digest(r.signedMessage()), r.bytes(fmt.Sprintf("nonce %d", try), size))
			if err != nil {
				return nil, err
			}
			if number := map[any]*big.Int{"r": signature.R, "s": signature.S}[v.raw]; number.BitLen() <= 8*(size-1) && number.Sign() > 0 {
				return asn1.Marshal(signature)
			}
		}
		return nil, errors.New("no short number came out")
	}
	return nil
}

// signWithNonce is the ECDSA signature of a digest with a nonce made of the bytes (FIPS 186-5 §6.4.1).
func signWithNonce(key *ecdsa.PrivateKey, digest, random []byte) (ecdsaSignature, error) {
	nonce, err := newECDSAKey(key.Curve, bytes.NewReader(random))
	if err != nil {
		return ecdsaSignature{}, err
	}
	scalars := make([]*big.Int, 0, 2)
	for _, k := range []*ecdsa.PrivateKey{nonce, key} {
		raw, err := k.Bytes()
		if err != nil {
			return ecdsaSignature{}, err
		}
		scalars = append(scalars, new(big.Int).SetBytes(raw))
	}
	point, err := nonce.PublicKey.Bytes()
	if err != nil {
		return ecdsaSignature{}, err
	}
	params := key.Params()
	if excess := 8*len(digest) - params.BitSize; excess > 0 {
		return ecdsaSignature{}, fmt.Errorf("a digest of %d bits is longer than the curve's order: %w", 8*len(digest), ErrNotApplicable)
	}
	x := new(big.Int).SetBytes(point[1 : 1+len(point)/2])
	r := x.Mod(x, params.N)
	s := new(big.Int).Mul(r, scalars[1])
	s.Add(s, new(big.Int).SetBytes(digest))
	s.Mul(s, scalars[0].ModInverse(scalars[0], params.N))
	return ecdsaSignature{r, s.Mod(s, params.N)}, nil
}

// scheme is a signature algorithm by name.
type scheme struct {
	name string
	hash crypto.Hash
	pss  bool
}

func schemes() []scheme {
	return []scheme{
		{"ES256", crypto.SHA256, false},
		{"ES384", crypto.SHA384, false},
		{"ES512", crypto.SHA512, false},
		{"RS1", crypto.SHA1, false},
		{"RS256", crypto.SHA256, false},
		{"RS384", crypto.SHA384, false},
		{"RS512", crypto.SHA512, false},
		{"PS256", crypto.SHA256, true},
		{"PS384", crypto.SHA384, true},
		{"PS512", crypto.SHA512, true},
	}
}

func schemeNames() []string {
	var names []string
	for _, s := range schemes() {
		names = append(names, s.name)
	}
	return names
}

func signWithScheme(r *response, v value) error {
	i := slices.IndexFunc(schemes(), func(s scheme) bool { return s.name == v.raw })
	wanted := schemes()[i]
	key, err := r.export()
	if err != nil {
		return err
	}
	if key.ecdsa() != strings.HasPrefix(wanted.name, "ES") || !key.ecdsa() && !key.rsa() {
		return fmt.Errorf("a key for %s cannot sign with %s: %w", key.algorithm, wanted.name, ErrNotApplicable)
	}
	r.sign = func() ([]byte, error) { return key.signScheme(wanted, r.signedMessage()) }
	return nil
}

func changeUserHandle(r *response, v value) error {
	switch v.raw {
	case nil:
		delete(r.inner(), "userHandle")
	case "random":
		r.inner()["userHandle"] = encode(r.bytes("user-handle", 32))
	default:
		r.inner()["userHandle"] = v.json()
	}
	return nil
}
