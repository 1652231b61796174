package fleet

import (
	"fmt"
	"io"
	"math/bits"

	"filippo.io/bigmod"
	"filippo.io/nistec"
)

// batchSize is how many nonces are made at a time. One inversion, the dearest step but one, is shared by all of them.
const batchSize = 256

// nonce is everything of an ECDSA signature on P-256 that depends on neither message nor key: for a random k, it is
// r = x(k·G) mod n and the inverse of k (FIPS 186-5 §6.4.1). It must be used once.
type nonce struct {
	r, inverse [32]byte // big endian
}

// mint makes nonces. It is not safe for concurrent use.
type mint struct {
	random   io.Reader
	order    *bigmod.Modulus
	ks       [batchSize][32]byte
	products [batchSize]*bigmod.Nat // of all ks up to this one; memory to work in
	batch    [batchSize]nonce
}

func newMint(random io.Reader) (*mint, error) {
	order, err := bigmod.NewModulus(p256Order[:])
	if err != nil {
		return nil, fmt.Errorf("order of P-256: %w", err)
	}
	m := &mint{random: random, order: order}
	for i := range m.products {
		m.products[i] = bigmod.NewNat()
	}
	return m, nil
}

// make fills the batch. It calls yield after each costly step, and leaves nothing of any k behind.
func (m *mint) make(yield func()) error {
	defer func() { m.ks = [batchSize][32]byte{} }()
	for i := range m.batch {
		if err := m.draw(i); err != nil {
			return err
		}
		yield()
	}
	return m.invert()
}

// draw takes a k, of which all in [1, n-1] are as likely, and computes its r.
func (m *mint) draw(i int) error {
	k, n := &m.ks[i], &m.batch[i]
	for {
		if _, err := io.ReadFull(m.random, k[:]); err != nil {
			return fmt.Errorf("random numbers for signatures: %w", err)
		}
		if !isScalar(k) {
			continue
		}
		point, err := nistec.NewP256Point().ScalarBaseMult(k[:])
		if err != nil {
			return fmt.Errorf("nonce: %w", err)
		}
		x, err := point.BytesX()
		if err != nil {
			return fmt.Errorf("nonce: %w", err)
		}
		r, err := bigmod.NewNat().SetOverflowingBytes(x, m.order)
		if err != nil {
			return fmt.Errorf("nonce: %w", err)
		}
		if r.IsZero() == 1 {
			continue
		}
		putNat(&n.r, r)
		return nil
	}
}

// invert inverts all k by Montgomery's trick: from the inverse of their product, walking back.
func (m *mint) invert() error {
	for i, product := range m.products {
		if _, err := product.SetBytes(m.ks[i][:], m.order); err != nil {
			return fmt.Errorf("nonce: %w", err)
		}
		if i > 0 {
			product.Mul(m.products[i-1], m.order)
		}
	}
	inverse, ok := bigmod.NewNat().InverseVarTime(m.products[batchSize-1], m.order)
	if !ok {
		return fmt.Errorf("nonce: a product of %d numbers below a prime has no inverse", batchSize)
	}
	k := bigmod.NewNat()
	for i := batchSize - 1; i > 0; i-- {
		putNat(&m.batch[i].inverse, m.products[i-1].Mul(inverse, m.order))
		if _, err := k.SetBytes(m.ks[i][:], m.order); err != nil {
			return fmt.Errorf("nonce: %w", err)
		}
		inverse.Mul(k, m.order)
	}
	putNat(&m.batch[0].inverse, inverse)
	return nil
}

// sign computes s = k⁻¹·(digest + r·d) mod n. It is false for a digest and key that make s zero.
func (n *nonce) sign(s *[32]byte, order *bigmod.Modulus, d, digest *[32]byte) bool {
	r, errR := bigmod.NewNat().SetBytes(n.r[:], order)
	key, errD := bigmod.NewNat().SetBytes(d[:], order)
	e, errE := bigmod.NewNat().SetOverflowingBytes(digest[:], order)
	inverse, errK := bigmod.NewNat().SetBytes(n.inverse[:], order)
	if errR != nil || errD != nil || errE != nil || errK != nil {
		return false
	}
	sum := r.Mul(key, order).Add(e, order).Mul(inverse, order)
	putNat(s, sum)
	return sum.IsZero() == 0
}

// putNat writes x, which is below 2^256, big endian.
func putNat(dst *[32]byte, x *bigmod.Nat) {
	const size = bits.UintSize / 8
	for i, limb := range x.Bits() {
		for j := range size {
			dst[len(dst)-1-i*size-j] = byte(limb >> (8 * j)) //nolint:gosec // G115: one byte of it is meant
		}
	}
}

// appendDER appends an ECDSA signature, as Ecdsa-Sig-Value of RFC 3279 §2.2.3, which is what WebAuthn L3 §6.5.5 wants.
func appendDER(dst []byte, r, s *[32]byte) []byte {
	const tagSequence = 0x30
	start := len(dst)
	dst = append(dst, tagSequence, 0)
	dst = appendInteger(appendInteger(dst, r), s)
	dst[start+1] = byte(len(dst) - start - 2) //nolint:gosec // G115: at most 70
	return dst
}

// appendInteger appends a DER INTEGER: without leading zeros, but never negative.
func appendInteger(dst []byte, x *[32]byte) []byte {
	const tagInteger = 2
	digits := x[:]
	for len(digits) > 1 && digits[0] == 0 {
		digits = digits[1:]
	}
	length := byte(len(digits)) //nolint:gosec // G115: at most 32
	if digits[0] >= 0x80 {
		dst = append(dst, tagInteger, length+1, 0)
	} else {
		dst = append(dst, tagInteger, length)
	}
	return append(dst, digits...)
}
