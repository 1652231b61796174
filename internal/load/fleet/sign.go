package fleet

import (
	"crypto/sha256"
	"fmt"

	"github.com/passrig/passrig/internal/webauthn"
)

// sign appends the user's signature of message, in the form of WebAuthn L3 §6.5.5.
func (f *Fleet) sign(dst []byte, u *User, message []byte) ([]byte, error) {
	if u.Algorithm == webauthn.ES256 && f.pool != nil {
		digest := sha256.Sum256(message)
		if signed, ok := f.signPooled(dst, u, &digest); ok {
			return signed, nil
		}
	}
	signer, err := f.keys.signer(u)
	if err != nil {
		return nil, err
	}
	signature, err := signer.Sign(f.cfg.Random, u.Algorithm.Digest(message), u.Algorithm.Hash())
	if err != nil {
		return nil, fmt.Errorf("sign with the %s key of user %d: %w", u.Algorithm, u.Index, err)
	}
	return append(dst, signature...), nil
}

// signPooled signs with a nonce of the pool, unless that is empty. Only derived keys get here: an imported fleet has
// no pool.
func (f *Fleet) signPooled(dst []byte, u *User, digest *[32]byte) ([]byte, bool) {
	var n nonce
	if !f.pool.take(&n) {
		return nil, false
	}
	key := f.keys.raw(u)
	var s [32]byte
	if !n.sign(&s, f.pool.mint.order, &key, digest) {
		return nil, false
	}
	dst = appendDER(dst, &n.r, &s)
	n = nonce{}
	return dst, true
}
