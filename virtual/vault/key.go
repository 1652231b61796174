package vault

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/passrig/passrig/internal/webauthn"
)

var errNoKey = errors.New("its key is not PKCS #8")

// maxKey bounds the bytes of a key, as checking one takes time. An RSA key of 8192 bits has below 5000.
const maxKey = 16 << 10

// minRSABits is the size below which RSA keys no longer sign.
const minRSABits = 1024

// algorithmOf reads a PKCS #8 key and tells what it signs by. The formats name no algorithm, so an RSA key, which could
// sign by RS256 or PS256, is taken for the one that nearly all RPs ask for.
func algorithmOf(pkcs8 []byte) (webauthn.Algorithm, error) {
	if len(pkcs8) > maxKey {
		return 0, fmt.Errorf("its key has %d bytes, want at most %d", len(pkcs8), maxKey)
	}
	key, err := x509.ParsePKCS8PrivateKey(pkcs8)
	if err != nil {
		return 0, errNoKey // the parser's own words are about ASN.1
	}
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		for _, alg := range webauthn.Algorithms() {
			if alg.Curve() == key.Curve {
				return alg, nil
			}
		}
		return 0, fmt.Errorf("its key is on %s, a curve that no passkey uses", key.Curve.Params().Name)
	case ed25519.PrivateKey:
		return webauthn.EdDSA, nil
	case *rsa.PrivateKey:
		if bits := key.N.BitLen(); bits < minRSABits {
			return 0, fmt.Errorf("its RSA key of %d bits is too short to sign", bits)
		}
		return webauthn.RS256, nil
	}
	return 0, fmt.Errorf("its key is a %T, which cannot sign", key)
}
