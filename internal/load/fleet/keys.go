package fleet

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"math/big"
	"sync"
	"sync/atomic"

	"github.com/passrig/passrig/internal/webauthn"
)

const (
	rsaKeys     = 4 // shared by all RS256 users
	rsaBits     = 2048
	rsaExponent = 65537
)

// keyring makes the private keys of users into keys that sign. The last ones are kept, as making one costs half as
// much as signing with it.
type keyring struct {
	root   *root
	people *people // nil unless imported
	shared []*rsa.PrivateKey
	recent [1024]atomic.Pointer[recentKey] // by index modulo its length
}

type recentKey struct {
	user   int64
	signer crypto.Signer
}

// signer is a user's private key: *ecdsa.PrivateKey, ed25519.PrivateKey or *rsa.PrivateKey.
func (k *keyring) signer(u *User) (crypto.Signer, error) {
	if u.Algorithm == webauthn.RS256 {
		return k.rsa(u), nil
	}
	place := &k.recent[u.Index%int64(len(k.recent))]
	if known := place.Load(); known != nil && known.user == u.Index {
		return known.signer, nil
	}
	raw := k.raw(u)
	var signer crypto.Signer
	if u.Algorithm == webauthn.ES256 {
		key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw[:])
		if err != nil {
			return nil, fmt.Errorf("private key of user %d: %w", u.Index, err)
		}
		signer = key
	} else {
		signer = ed25519.NewKeyFromSeed(raw[:])
	}
	place.Store(&recentKey{u.Index, signer})
	return signer, nil
}

// raw is the private scalar of an ES256 user, or the seed of an EdDSA one (RFC 8032 §5.1.5).
func (k *keyring) raw(u *User) [32]byte {
	switch {
	case k.people != nil:
		return k.people.key(u.Index)
	case u.Algorithm == webauthn.EdDSA:
		return k.root.block(forEd25519, u.Index, 0)
	}
	return k.root.p256(u.Index)
}

func (k *keyring) rsa(u *User) *rsa.PrivateKey {
	if k.people != nil {
		return k.people.rsaKey(u.Index)
	}
	return k.shared[u.Index%int64(len(k.shared))]
}

// share makes the keys of RS256 users.
func (k *keyring) share() error {
	k.shared = make([]*rsa.PrivateKey, rsaKeys)
	errs := make([]error, rsaKeys)
	var wg sync.WaitGroup
	for i := range k.shared {
		wg.Go(func() { k.shared[i], errs[i] = k.root.rsa(i) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return fmt.Errorf("make a %d-bit RSA key: %w", rsaBits, err)
		}
	}
	return nil
}

// rsa is a key made of two primes that are found from where the seed points to. Package rsa takes no seed.
func (r *root) rsa(number int) (*rsa.PrivateKey, error) {
	one, e := big.NewInt(1), big.NewInt(rsaExponent)
	for attempt := int64(0); ; attempt++ {
		p := r.prime(int64(number)<<32 | attempt<<1)
		q := r.prime(int64(number)<<32 | attempt<<1 | 1)
		phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		d := new(big.Int).ModInverse(e, phi)
		if d == nil || p.Cmp(q) == 0 {
			continue
		}
		key := &rsa.PrivateKey{
			PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: rsaExponent},
			D:         d, Primes: []*big.Int{p, q},
		}
		key.Precompute()
		return key, key.Validate()
	}
}

// prime is the first prime at or after a derived number of half the key's length. Its two highest bits are set, so that
// the product of two has full length.
func (r *root) prime(number int64) *big.Int {
	var raw [rsaBits / 16]byte
	r.fill(raw[:], forRSA, number)
	raw[0] |= 0xc0
	raw[len(raw)-1] |= 1
	p, two := new(big.Int).SetBytes(raw[:]), big.NewInt(2)
	for !p.ProbablyPrime(20) {
		p.Add(p, two)
	}
	return p
}

// pkcs8 is a user's private key as PKCS #8.
func (k *keyring) pkcs8(u *User) ([]byte, error) {
	signer, err := k.signer(u)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(signer)
	if err != nil {
		return nil, fmt.Errorf("private key of user %d: %w", u.Index, err)
	}
	return der, nil
}
