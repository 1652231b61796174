package virtual

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"

	"github.com/passrig/passrig/internal/webauthn"
)

const rsaBits = 2048

// privateKey is a credential or attestation key with the algorithm it signs for.
type privateKey struct {
	algorithm webauthn.Algorithm
	signer    crypto.Signer // *ecdsa.PrivateKey, ed25519.PrivateKey or *rsa.PrivateKey
}

// newPrivateKey makes a key from random. RSA keys come from the system's randomness instead:
// crypto/rsa takes no other source.
func newPrivateKey(alg webauthn.Algorithm, random io.Reader) (privateKey, error) {
	var signer crypto.Signer
	var err error
	switch alg {
	case webauthn.ES256, webauthn.ES384, webauthn.ES512:
		signer, err = newECDSAKey(alg.Curve(), random)
	case webauthn.EdDSA:
		var seed []byte
		if seed, err = readRandom(random, ed25519.SeedSize); err == nil {
			signer = ed25519.NewKeyFromSeed(seed)
		}
	case webauthn.RS256, webauthn.PS256:
		signer, err = rsa.GenerateKey(rand.Reader, rsaBits)
	default:
		err = webauthn.ErrUnsupportedAlgorithm
	}
	if err != nil {
		return privateKey{}, fmt.Errorf("make %s key: %w", alg, err)
	}
	return privateKey{algorithm: alg, signer: signer}, nil
}

// newECDSAKey draws the private scalar itself, because ecdsa.GenerateKey does not give the same
// key for the same random bytes.
func newECDSAKey(curve elliptic.Curve, random io.Reader) (*ecdsa.PrivateKey, error) {
	const attempts = 128 // a draw fits at least every other time
	bits := curve.Params().N.BitLen()
	for range attempts {
		scalar, err := readRandom(random, (bits+7)/8)
		if err != nil {
			return nil, err
		}
		scalar[0] &= 0xff >> ((8 - bits%8) % 8)
		// Scalars outside [1, n-1] are refused here and drawn again.
		if key, err := ecdsa.ParseRawPrivateKey(curve, scalar); err == nil {
			return key, nil
		}
	}
	return nil, errors.New("the random source gives no usable scalar")
}

func readRandom(random io.Reader, n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(random, b); err != nil {
		return nil, fmt.Errorf("read random source: %w", err)
	}
	return b, nil
}

// parsePrivateKey reads a PKCS #8 key and checks that it belongs to the algorithm.
func parsePrivateKey(alg webauthn.Algorithm, pkcs8 []byte) (privateKey, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(pkcs8)
	if err != nil {
		return privateKey{}, fmt.Errorf("private key: %w", err)
	}
	signer, ok := parsed.(crypto.Signer)
	if !ok {
		return privateKey{}, fmt.Errorf("private key: a %T cannot sign", parsed)
	}
	key := privateKey{algorithm: alg, signer: signer}
	if _, err := key.cose(); err != nil {
		return privateKey{}, fmt.Errorf("private key: %w", err)
	}
	return key, nil
}

func (k privateKey) pkcs8() ([]byte, error) {
	return x509.MarshalPKCS8PrivateKey(k.signer)
}

func (k privateKey) cose() ([]byte, error) {
	return webauthn.EncodeCOSEKey(k.algorithm, k.signer.Public())
}

// sign signs message in the form of WebAuthn L3 §6.5.5. All but PS256 signatures are
// deterministic, ECDSA after RFC 6979.
func (k privateKey) sign(message []byte) ([]byte, error) { return k.signWith(nil, message) }

func (k privateKey) signWith(random io.Reader, message []byte) ([]byte, error) {
	var opts crypto.SignerOpts = k.algorithm.Hash()
	if k.algorithm == webauthn.PS256 {
		random = rand.Reader
		opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: k.algorithm.Hash()}
	}
	signature, err := k.signer.Sign(random, k.algorithm.Digest(message), opts)
	if err != nil {
		return nil, fmt.Errorf("sign with %s key: %w", k.algorithm, err)
	}
	return signature, nil
}

// sign is the key's signature, or with FullSignatures another one where a number of it is short.
func (cfg *settings) sign(key privateKey, message []byte) ([]byte, error) {
	signature, err := key.sign(message)
	for err == nil && cfg.FullSignatures && shortNumber(key.algorithm, signature) {
		signature, err = key.signWith(rand.Reader, message)
	}
	return signature, err
}

// shortNumber says whether a number of an ECDSA signature takes fewer bytes than the curve's order.
func shortNumber(algorithm webauthn.Algorithm, signature []byte) bool {
	curve := algorithm.Curve()
	if curve == nil {
		return false
	}
	var numbers struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(signature, &numbers); err != nil {
		return false
	}
	size := (curve.Params().BitSize + 7) / 8
	return min(numbers.R.BitLen(), numbers.S.BitLen()) <= 8*(size-1)
}
