package fleet

import (
	"bytes"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"io"
)

// purpose keeps what is derived for one thing apart from what is derived for another.
type purpose byte

const (
	forTag purpose = iota + 1
	forPerson
	forCredentialID
	forP256
	forEd25519
	forRSA
	forAttestation
	forDevice
)

// root is the secret that all users of a fleet are derived from.
type root [sha256.Size]byte

func newRoot(seed uint64, prefix string) *root {
	in := binary.BigEndian.AppendUint64([]byte("passrig users 1\x00"), seed)
	r := root(sha256.Sum256(append(in, prefix...)))
	return &r
}

// block is 32 bytes for one purpose of one user, the n-th of as many as are wanted. The input has one length, which is
// what a plain hash needs to be as good as an HMAC, and fits one block of SHA-256, which makes it twice as fast.
func (r *root) block(p purpose, user int64, n uint32) [sha256.Size]byte {
	var in [len(r) + 1 + 8 + 4]byte
	copy(in[:], r[:])
	in[len(r)] = byte(p)
	binary.BigEndian.PutUint64(in[len(r)+1:], uint64(user)) //nolint:gosec // G115: indexes are not negative
	binary.BigEndian.PutUint32(in[len(r)+9:], n)
	return sha256.Sum256(in[:])
}

// fill fills dst with blocks.
func (r *root) fill(dst []byte, p purpose, user int64) {
	for n := uint32(0); len(dst) > 0; n++ {
		b := r.block(p, user, n)
		dst = dst[copy(dst, b[:]):]
	}
}

// tag is five letters that tell the users of one seed from those of another, at a relying party that keeps both.
func (r *root) tag() string {
	b := r.block(forTag, 0, 0)
	return string(bytes.ToLower([]byte(base32.StdEncoding.EncodeToString(b[:5])[:5])))
}

// p256Order is n, the order of P-256 (SP 800-186 §3.2.1.3), big endian.
var p256Order = [32]byte{
	0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
}

// isScalar says whether b is in [1, n-1].
func isScalar(b *[32]byte) bool {
	return *b != [32]byte{} && bytes.Compare(b[:], p256Order[:]) < 0
}

// p256 is a user's private scalar. A block outside [1, n-1], one in 2^32, makes way for the next, so that every
// scalar is as likely as any other.
func (r *root) p256(user int64) [32]byte {
	return firstScalar(func(n uint32) [32]byte { return r.block(forP256, user, n) })
}

func firstScalar(block func(n uint32) [32]byte) [32]byte {
	for n := uint32(0); ; n++ {
		if b := block(n); isScalar(&b) {
			return b
		}
	}
}

// stream is an endless reader of blocks.
type stream struct {
	root    *root
	purpose purpose
	user    int64
	n       uint32
	rest    []byte
}

var _ io.Reader = (*stream)(nil)

func (s *stream) Read(p []byte) (int, error) {
	for done := 0; done < len(p); {
		if len(s.rest) == 0 {
			b := s.root.block(s.purpose, s.user, s.n)
			s.rest, s.n = b[:], s.n+1
		}
		n := copy(p[done:], s.rest)
		s.rest, done = s.rest[n:], done+n
	}
	return len(p), nil
}
