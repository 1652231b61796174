package webauthn

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	_ "crypto/sha256" // registers crypto.SHA256
	_ "crypto/sha512" // registers crypto.SHA384 and crypto.SHA512
	"errors"
	"fmt"
)

// ErrBadSignature is returned by [Verify] for a signature that does not fit.
var ErrBadSignature = errors.New("the signature does not verify")

// Hash returns the hash function of an algorithm; zero for EdDSA, which signs the message itself.
func (a Algorithm) Hash() crypto.Hash {
	switch a {
	case ES256, RS256, PS256:
		return crypto.SHA256
	case ES384:
		return crypto.SHA384
	case ES512:
		return crypto.SHA512
	case EdDSA:
	}
	return 0
}

// Digest returns what the algorithm signs for a message: its hash, or for EdDSA the message.
func (a Algorithm) Digest(message []byte) []byte {
	if a.Hash() == 0 {
		return message
	}
	h := a.Hash().New()
	h.Write(message)
	return h.Sum(nil)
}

// Verify checks a signature over message: ECDSA signatures in ASN.1 DER, the others raw
// (WebAuthn L3 §6.5.5). The error wraps [ErrBadSignature] or [ErrUnsupportedAlgorithm], or says
// that the key does not belong to the algorithm.
func Verify(alg Algorithm, public crypto.PublicKey, message, signature []byte) error {
	digest := alg.Digest(message)
	var valid bool
	switch alg {
	case ES256, ES384, ES512:
		key, ok := public.(*ecdsa.PublicKey)
		if !ok || key.Curve != alg.Curve() {
			return fmt.Errorf("verify %s: key is a %T of another kind", alg, public)
		}
		valid = ecdsa.VerifyASN1(key, digest, signature)
	case EdDSA:
		key, ok := public.(ed25519.PublicKey)
		if !ok || len(key) != ed25519.PublicKeySize {
			return fmt.Errorf("verify %s: key is a %T of another kind", alg, public)
		}
		valid = ed25519.Verify(key, message, signature)
	case RS256, PS256:
		key, ok := public.(*rsa.PublicKey)
		if !ok {
			return fmt.Errorf("verify %s: key is a %T of another kind", alg, public)
		}
		if alg == RS256 {
			valid = rsa.VerifyPKCS1v15(key, crypto.SHA256, digest, signature) == nil
		} else {
			opts := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
			valid = rsa.VerifyPSS(key, crypto.SHA256, digest, signature, opts) == nil
		}
	default:
		return fmt.Errorf("verify: algorithm %s: %w", alg, ErrUnsupportedAlgorithm)
	}
	if !valid {
		return fmt.Errorf("verify %s: %w", alg, ErrBadSignature)
	}
	return nil
}

// Verify checks a signature over message with the key, see [Verify].
func (k *COSEKey) Verify(message, signature []byte) error {
	return Verify(k.Algorithm, k.Public, message, signature)
}
