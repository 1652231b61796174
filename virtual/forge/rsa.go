package forge

import (
	"crypto"
	"crypto/rsa"
	_ "crypto/sha1" //nolint:gosec // G505: registers crypto.SHA1, for a signature that has to be refused
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
)

// Package crypto/rsa takes no source of randomness, and neither makes nor uses keys that are too
// weak, which is what these keys are for.

// newRSAKey makes a key of a number of bits out of random.
func newRSAKey(bits, exponent int, random io.Reader) (*rsa.PrivateKey, error) {
	e, one := big.NewInt(int64(exponent)), big.NewInt(1)
	const attempts = 64 // the exponent has an inverse nearly every time
	for range attempts {
		p, err := prime(bits-bits/2, random)
		if err != nil {
			return nil, err
		}
		q, err := prime(bits/2, random)
		if err != nil {
			return nil, err
		}
		totient := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		d := new(big.Int).ModInverse(e, totient)
		if d == nil || p.Cmp(q) == 0 {
			continue
		}
		return &rsa.PrivateKey{
			PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: exponent},
			D:         d,
			Primes:    []*big.Int{p, q},
		}, nil
	}
	return nil, errors.New("the random source gives no usable primes")
}

// prime draws a number of the given length with its two highest bits set, so that a product of two
// has full length, and takes the next prime.
func prime(bits int, random io.Reader) (*big.Int, error) {
	draw := make([]byte, (bits+7)/8)
	if _, err := io.ReadFull(random, draw); err != nil {
		return nil, err
	}
	n := new(big.Int).SetBytes(draw)
	n.Rsh(n, uint(len(draw)*8-bits))
	n.SetBit(n, bits-1, 1).SetBit(n, bits-2, 1).SetBit(n, 0, 1)
	for two := big.NewInt(2); !n.ProbablyPrime(0); {
		n.Add(n, two)
	}
	return n, nil
}

// signPKCS1 is RSASSA-PKCS1-v1_5 (RFC 8017 §8.2.1) for keys of any strength.
func signPKCS1(key *rsa.PrivateKey, hash crypto.Hash, digest []byte) ([]byte, error) {
	oids := map[crypto.Hash]asn1.ObjectIdentifier{
		crypto.SHA1:   {1, 3, 14, 3, 2, 26},
		crypto.SHA256: {2, 16, 840, 1, 101, 3, 4, 2, 1},
		crypto.SHA384: {2, 16, 840, 1, 101, 3, 4, 2, 2},
		crypto.SHA512: {2, 16, 840, 1, 101, 3, 4, 2, 3},
	}
	info, err := asn1.Marshal(struct {
		Algorithm pkix.AlgorithmIdentifier
		Digest    []byte
	}{pkix.AlgorithmIdentifier{Algorithm: oids[hash], Parameters: asn1.NullRawValue}, digest})
	if err != nil {
		return nil, fmt.Errorf("sign with rsa key: %w", err)
	}
	size := key.Size()
	const frame = 3 + 8 // the least padding
	if len(info)+frame > size {
		return nil, fmt.Errorf("sign with rsa key of %d bytes: too short for %s", size, hash)
	}
	message := slices.Concat([]byte{0, 1}, slices.Repeat([]byte{0xff}, size-len(info)-3), []byte{0}, info)
	m := new(big.Int).SetBytes(message)
	return m.Exp(m, key.D, key.N).FillBytes(message), nil
}

// signPSS is RSASSA-PSS with a salt as long as the hash, made from the digest.
func signPSS(key *rsa.PrivateKey, hash crypto.Hash, digest []byte) ([]byte, error) {
	return rsa.SignPSS(newStream(digest, "salt"), key, hash, digest, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
}
