package fleet

import (
	"encoding/base64"
	"encoding/binary"
	"strconv"

	"github.com/passrig/passrig/internal/webauthn"
)

// Part is a byte string of a ceremony. Both fields are memory of their owner, which the next call reuses.
type Part struct {
	Bytes []byte // raw
	Text  []byte // the same in unpadded base64url
}

// encode makes Text of Bytes.
func (p *Part) encode() {
	p.Text = base64.RawURLEncoding.AppendEncode(p.Text[:0], p.Bytes)
}

// User is one user of the fleet. A User is a buffer: [Fleet.User] fills it again and again without
// allocating. It is not safe for concurrent use.
type User struct {
	Index    int64
	Imported bool
	// Username is of [a-z0-9-] for derived users.
	Username []byte
	// Email, DisplayName and Password are of [A-Za-z0-9_.@-] for derived users.
	Email, DisplayName, Password []byte
	// Plain says that all four texts are of [A-Za-z0-9_.@-], so that they look the same in JSON, in a form, in a path
	// and in a header. Always true for derived users.
	Plain        bool
	CredentialID Part
	Algorithm    webauthn.Algorithm
}

const mailDomain = "@example.test" // reserved by RFC 2606

// passwordBytes is how much of a password is random.
const passwordBytes = 18

// User fills u with user i of [0, Count).
func (f *Fleet) User(i int64, u *User) {
	u.Index = i
	if f.people != nil {
		f.people.user(i, u)
		u.CredentialID.encode()
		return
	}
	person := f.root.block(forPerson, i, 0)
	u.Imported, u.Plain = false, true
	u.Algorithm = f.pickAlgorithm(binary.BigEndian.Uint64(person[passwordBytes:]))
	u.Username = strconv.AppendInt(append(u.Username[:0], f.userHead...), i, 10)
	u.Email = append(append(u.Email[:0], u.Username...), mailDomain...)
	u.DisplayName = strconv.AppendInt(append(u.DisplayName[:0], f.displayHead...), i, 10)
	// A capital, a small letter, a digit and a sign: what password rules ask for.
	u.Password = base64.RawURLEncoding.AppendEncode(append(u.Password[:0], "Pw-1"...), person[:passwordBytes])
	u.CredentialID.Bytes = f.root.credentialID(u.CredentialID.Bytes[:0], i, f.cfg.Device.CredentialIDLength)
	u.CredentialID.encode()
}

// credentialID appends n bytes.
func (r *root) credentialID(dst []byte, user int64, n int) []byte {
	for block := uint32(0); len(dst) < n; block++ {
		b := r.block(forCredentialID, user, block)
		dst = append(dst, b[:min(len(b), n-len(dst))]...)
	}
	return dst
}

// pickAlgorithm picks by weight.
func (f *Fleet) pickAlgorithm(random uint64) webauthn.Algorithm {
	left := int(random % uint64(f.weights)) //nolint:gosec // G115: a positive number of at most a few million
	for _, w := range f.algorithms {
		if left -= w.weight; left < 0 {
			return w.algorithm
		}
	}
	return webauthn.ES256
}
