package forge

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
)

// keyPair is a private key with the algorithm it claims to be for.
type keyPair struct {
	algorithm webauthn.Algorithm
	signer    crypto.Signer // *ecdsa.PrivateKey, ed25519.PrivateKey, *rsa.PrivateKey; nil: cannot sign
}

func parseKey(stored virtual.StoredCredential) (*keyPair, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(stored.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("private key: %w", err)
	}
	signer, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("private key: a %T cannot sign", parsed)
	}
	return &keyPair{algorithm: webauthn.Algorithm(stored.Algorithm), signer: signer}, nil
}

// newKeyPair makes a key of an algorithm out of random; unlike the standard library's, the same
// bytes give the same key.
func newKeyPair(algorithm webauthn.Algorithm, random io.Reader) (*keyPair, error) {
	var signer crypto.Signer
	var err error
	switch algorithm {
	case webauthn.ES256, webauthn.ES384, webauthn.ES512:
		signer, err = newECDSAKey(algorithm.Curve(), random)
	case webauthn.RS256, webauthn.PS256:
		signer, err = newRSAKey(2048, 65537, random)
	case webauthn.EdDSA:
		seed := make([]byte, ed25519.SeedSize)
		_, err = io.ReadFull(random, seed)
		signer = ed25519.NewKeyFromSeed(seed)
	default:
		err = webauthn.ErrUnsupportedAlgorithm
	}
	if err != nil {
		return nil, fmt.Errorf("make %s key: %w", algorithm, err)
	}
	return &keyPair{algorithm: algorithm, signer: signer}, nil
}

func newECDSAKey(curve elliptic.Curve, random io.Reader) (*ecdsa.PrivateKey, error) {
	order := curve.Params().N
	draw := make([]byte, (order.BitLen()+7)/8)
	if _, err := io.ReadFull(random, draw); err != nil {
		return nil, err
	}
	// Into [1, n-1]; that it is not quite uniform does not matter for a key that is no secret.
	one := big.NewInt(1)
	scalar := new(big.Int).SetBytes(draw)
	scalar.Mod(scalar, new(big.Int).Sub(order, one)).Add(scalar, one)
	return ecdsa.ParseRawPrivateKey(curve, scalar.FillBytes(draw))
}

func (k *keyPair) signs() bool { return k.signer != nil }

func (k *keyPair) ecdsa() bool {
	_, ok := k.signer.(*ecdsa.PrivateKey)
	return ok
}

func (k *keyPair) rsa() bool {
	_, ok := k.signer.(*rsa.PrivateKey)
	return ok
}

// sign signs in the form of WebAuthn L3 §6.5.5.
func (k *keyPair) sign(message []byte) ([]byte, error) {
	if key, ok := k.signer.(ed25519.PrivateKey); ok {
		return ed25519.Sign(key, message), nil
	}
	return k.signScheme(scheme{hash: k.algorithm.Hash(), pss: k.algorithm == webauthn.PS256}, message)
}

// signScheme signs with a hash and a padding that need not be those of the algorithm.
func (k *keyPair) signScheme(s scheme, message []byte) ([]byte, error) {
	hash := s.hash.New()
	hash.Write(message)
	digest := hash.Sum(nil)
	switch key := k.signer.(type) {
	case *ecdsa.PrivateKey:
		return key.Sign(nil, digest, s.hash)
	case *rsa.PrivateKey:
		if s.pss {
			return signPSS(key, s.hash, digest)
		}
		return signPKCS1(key, s.hash, digest)
	default:
		return nil, fmt.Errorf("a %T cannot sign", k.signer)
	}
}

// pkcs8 returns the private key.
func (k *keyPair) pkcs8() ([]byte, error) {
	if !k.signs() {
		return nil, fmt.Errorf("nobody has a private key for this public key: %w", ErrNotApplicable)
	}
	return x509.MarshalPKCS8PrivateKey(k.signer)
}

// encoded returns the public key as a COSE_Key.
func (k *keyPair) encoded() ([]byte, error) {
	return webauthn.EncodeCOSEKey(k.algorithm, k.signer.Public())
}

// cose returns the members of the public key's COSE_Key.
func (k *keyPair) cose() (coseKey, error) {
	encoded, err := k.encoded()
	if err != nil {
		return nil, err
	}
	return parseCOSE(encoded)
}

// coseKey is the members of a COSE_Key by label.
type coseKey map[int64]any

// COSE_Key labels and values (RFC 9052 §7, RFC 9053 §7, RFC 8230 §4).
const (
	labelKty    = 1
	labelKid    = 2
	labelAlg    = 3
	labelKeyOps = 4
	labelCrv    = -1
	labelX      = -2
	labelY      = -3
	labelEC2D   = -4
	labelN      = -1
	labelE      = -2

	ktyOKP = 1
	ktyEC2 = 2
	ktyRSA = 3

	crvP384   = 2
	crvX25519 = 4
	crvEd448  = 7
)

func parseCOSE(encoded []byte) (coseKey, error) {
	var members coseKey
	if err := webauthn.DecodeCBOR(encoded, &members); err != nil {
		return nil, fmt.Errorf("cose key: %w", err)
	}
	return members, nil
}

// coseAlgorithm reads the algorithm of a COSE_Key, if it has one.
func coseAlgorithm(encoded []byte) (int64, bool) {
	members, err := parseCOSE(encoded)
	if err != nil {
		return 0, false
	}
	algorithm, ok := members[labelAlg].(int64)
	return algorithm, ok
}

// subjectPublicKeyInfo returns the DER form of a COSE_Key, nil where there is none.
func subjectPublicKeyInfo(encoded []byte) []byte {
	key, err := webauthn.ParseCOSEKey(encoded)
	if err != nil {
		return nil
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public)
	if err != nil {
		return nil
	}
	return der
}

// lookalike makes another key of the kind that made the signature.
func (r *response) lookalike(signature []byte) (*keyPair, error) {
	random := r.random("other-key")
	_, curve, ok := parseECDSA(signature)
	switch {
	case ok:
		for _, algorithm := range webauthn.Algorithms() {
			if algorithm.Curve() == curve {
				return newKeyPair(algorithm, random)
			}
		}
		return nil, errors.New("no algorithm for the signature's curve")
	case len(signature) == ed25519.SignatureSize:
		return newKeyPair(webauthn.EdDSA, random)
	default:
		return newKeyPair(webauthn.RS256, random)
	}
}

// newX25519 returns a public key that is for key agreement, not for signing.
func newX25519(random io.Reader) ([]byte, error) {
	secret := make([]byte, 32)
	if _, err := io.ReadFull(random, secret); err != nil {
		return nil, err
	}
	key, err := ecdh.X25519().NewPrivateKey(secret)
	if err != nil {
		return nil, err
	}
	return key.PublicKey().Bytes(), nil
}
