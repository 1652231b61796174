package fleet

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"strings"

	"github.com/passrig/passrig/internal/webauthn"
)

// maxLine is the longest line of a file of users, in bytes.
const maxLine = 64 << 10

// maxMistakes is how many lines of a file of users are complained about.
const maxMistakes = 10

const exampleLine = `a line is like {"username":"alice","credentialId":"…","userHandle":"…",` +
	`"privateKey":"…","algorithm":"ES256","signCount":0}`

// people are imported users. All of them are in flat arrays, which the garbage collector does not look into.
type people struct {
	arena  []byte  // of each user: algorithm, whether plain, then each member after its length
	starts []int64 // where each user begins in arena
	rsa    []*rsa.PrivateKey
	// enrollments are what goes to the state file: of each user the count, the length of the handle and the handle.
	enrollments []byte
	digest      string // SHA-256 of the file, in hexadecimal digits
}

// reading is the state of reading a file of users.
type reading struct {
	people *people
	name   string
	rsa    map[[sha256.Size]byte]uint32 // by PKCS #8 form, places in people.rsa
	seed   maphash.Seed
	lines  map[uint64]int // by hash of what must not be there twice
}

// readPeople reads a file of users. The error names the lines of the first mistakes.
func readPeople(file io.Reader, name string) (*people, error) {
	r := &reading{
		people: &people{}, name: name, seed: maphash.MakeSeed(),
		rsa: map[[sha256.Size]byte]uint32{}, lines: map[uint64]int{},
	}
	digest := sha256.New()
	lines := bufio.NewScanner(io.TeeReader(file, digest))
	lines.Buffer(nil, maxLine)
	var errs []error
	number := 0
	for len(errs) < maxMistakes && lines.Scan() {
		number++
		if line := bytes.TrimSpace(lines.Bytes()); len(line) > 0 {
			if err := r.add(line, number); err != nil {
				errs = append(errs, fmt.Errorf("%s:%d: %w", name, number, err))
			}
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		errs = append(errs, fmt.Errorf("%s:%d: longer than %d bytes", name, number+1, maxLine))
	} else if err != nil {
		errs = append(errs, fmt.Errorf("%s:%d: %w", name, number+1, err))
	}
	if len(errs) == 0 && number == 0 {
		errs = append(errs, fmt.Errorf("%s: no users in it", name))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, &hintedError{err, exampleLine}
	}
	r.people.digest = hex.EncodeToString(digest.Sum(nil))
	return r.people, nil
}

// add takes one line.
func (r *reading) add(line []byte, number int) error {
	passkey, key, err := parsePasskey(line)
	if err != nil {
		return err
	}
	if before := r.seen('u', []byte(passkey.Username), number); before > 0 {
		return fmt.Errorf("username %q is on line %d too", passkey.Username, before)
	}
	if before := r.seen('c', passkey.CredentialID, number); before > 0 {
		return fmt.Errorf("credentialId %q is on line %d too", passkey.CredentialID, before)
	}
	p := r.people
	p.starts = append(p.starts, int64(len(p.arena)))
	secret := key.raw[:]
	if key.rsa != nil {
		secret = binary.BigEndian.AppendUint32(nil, r.shareRSA(passkey.PrivateKey, key.rsa))
	}
	email := cmp.Or(passkey.Email, passkey.Username)
	if !strings.Contains(email, "@") {
		email += mailDomain
	}
	texts := [...]string{passkey.Username, email, cmp.Or(passkey.DisplayName, passkey.Username), passkey.Password}
	p.arena = append(p.arena, byte(place(importable[:], []byte(passkey.Algorithm))), 1) //nolint:gosec // G115: one of three
	for _, text := range texts {
		if strings.ContainsFunc(text, notPlain) {
			p.arena[len(p.arena)-1] = 0
		}
	}
	for _, text := range texts {
		p.arena = append(binary.AppendUvarint(p.arena, uint64(len(text))), text...)
	}
	for _, data := range [...][]byte{passkey.CredentialID, secret} {
		p.arena = append(binary.AppendUvarint(p.arena, uint64(len(data))), data...)
	}
	p.enrollments = binary.BigEndian.AppendUint32(p.enrollments, passkey.SignCount)
	p.enrollments = append(append(p.enrollments, byte(len(passkey.UserHandle))), passkey.UserHandle...) //nolint:gosec // G115: at most maxHandle
	return nil
}

// seen remembers what is on a line, and gives the line where it was before; 0 when nowhere.
func (r *reading) seen(kind byte, what []byte, number int) int {
	var h maphash.Hash
	h.SetSeed(r.seed)
	_ = h.WriteByte(kind)
	_, _ = h.Write(what)
	key := h.Sum64()
	before := r.lines[key]
	if before == 0 {
		r.lines[key] = number
	}
	return before
}

// shareRSA keeps an RSA key once, however many users have it.
func (r *reading) shareRSA(der []byte, key *rsa.PrivateKey) uint32 {
	hash := sha256.Sum256(der)
	at, known := r.rsa[hash]
	if !known {
		at = uint32(len(r.people.rsa)) //nolint:gosec // G115: memory ends before
		r.rsa[hash] = at
		r.people.rsa = append(r.people.rsa, key)
	}
	return at
}

func notPlain(c rune) bool {
	return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '.' || c == '@' || c == '-')
}

// The algorithms of imported users; their places are in people.arena.
var importable = [...]string{webauthn.ES256.String(), webauthn.EdDSA.String(), webauthn.RS256.String()}

// limit is how many of the users take part when count are asked for; 0 is all.
func (p *people) limit(count int64) (int64, error) {
	have := int64(len(p.starts))
	if count > have {
		err := fmt.Errorf("users: %d are wanted, the imported file has %d", count, have)
		return 0, &hintedError{err, "take fewer, or leave the number out"}
	}
	return cmp.Or(count, have), nil
}

// user fills u.
func (p *people) user(i int64, u *User) {
	rest := p.arena[p.starts[i]:]
	u.Imported = true
	u.Algorithm, u.Plain = [...]webauthn.Algorithm{webauthn.ES256, webauthn.EdDSA, webauthn.RS256}[rest[0]], rest[1] == 1
	rest = rest[2:]
	for _, dst := range [...]*[]byte{&u.Username, &u.Email, &u.DisplayName, &u.Password, &u.CredentialID.Bytes} {
		var member []byte
		member, rest = cut(rest)
		*dst = append((*dst)[:0], member...)
	}
}

// cut takes one member off.
func cut(data []byte) (member, rest []byte) {
	n, width := binary.Uvarint(data)
	data = data[width:]
	return data[:n], data[n:]
}

// secret is the last member of a user.
func (p *people) secret(i int64) (secret []byte) {
	rest := p.arena[p.starts[i]+2:]
	for range 6 {
		secret, rest = cut(rest)
	}
	return secret
}

func (p *people) key(i int64) [32]byte { return [32]byte(p.secret(i)) }

func (p *people) rsaKey(i int64) *rsa.PrivateKey { return p.rsa[binary.BigEndian.Uint32(p.secret(i))] }

// merge enrolls imported users, except those that the file has from an earlier run: a counter never goes back.
func (s *state) merge(p *people) error {
	rest := p.enrollments
	for user := range s.count {
		count, length := binary.BigEndian.Uint32(rest), rest[4]
		handle := rest[5:][:length]
		rest = rest[5+int(length):]
		err := s.change(user, func(r *record) {
			if r.enrolled() {
				r.setCount(max(r.count(), count))
			} else {
				r.enroll(handle, length > 0, count)
			}
		})
		if err != nil {
			return err
		}
	}
	p.enrollments = nil
	return nil
}
