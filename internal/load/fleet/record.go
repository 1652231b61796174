package fleet

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// maxHandle is the longest user handle, in bytes (WebAuthn L3 §5.4.3).
const maxHandle = 64

// The layout of a record. All zeros is a user who never enrolled, so that the file can have holes.
const (
	recordFlags    = 0
	recordLength   = 1 // of the handle
	recordCount    = 4
	recordHandle   = 8
	recordChecksum = recordHandle + maxHandle
	recordSize     = recordChecksum + 4
)

const (
	flagKnown        = 1 << iota // the record was written
	flagEnrolled                 // the relying party has the passkey
	flagDiscoverable             // and the authenticator keeps the user handle
)

// record is what the state file knows of one user.
type record [recordSize]byte

func (r *record) enrolled() bool     { return r[recordFlags]&flagEnrolled != 0 }
func (r *record) discoverable() bool { return r[recordFlags]&flagDiscoverable != 0 }

// count is the last signature counter that was sent.
func (r *record) count() uint32 { return binary.BigEndian.Uint32(r[recordCount:]) }

func (r *record) setCount(n uint32) { binary.BigEndian.PutUint32(r[recordCount:], n) }

func (r *record) handle() []byte { return r[recordHandle:][:r[recordLength]] }

// returnedHandle is the handle as an assertion has it: authenticators do not keep that of a server-side credential.
func (r *record) returnedHandle() []byte {
	if !r.discoverable() {
		return nil
	}
	return r.handle()
}

// enroll makes the record that of an enrolled user.
func (r *record) enroll(handle []byte, discoverable bool, count uint32) {
	*r = record{recordFlags: flagKnown | flagEnrolled, recordLength: byte(len(handle))} //nolint:gosec // G115: at most maxHandle
	if discoverable {
		r[recordFlags] |= flagDiscoverable
	}
	copy(r[recordHandle:], handle)
	r.setCount(count)
}

var (
	checksums        = crc32.MakeTable(crc32.Castagnoli)
	errDamagedRecord = errors.New("damaged record")
)

// checksum depends on the user's index too, so that a record in the wrong place is noticed.
func (r *record) checksum(user int64) uint32 {
	return crc32.Checksum(r[:recordChecksum], checksums) ^ uint32(user) //nolint:gosec // G115: the low half will do
}

// seal makes the record ready to be written.
func (r *record) seal(user int64) {
	binary.BigEndian.PutUint32(r[recordChecksum:], r.checksum(user))
}

// verify says whether the record is as it was written.
func (r *record) verify(user int64) error {
	if *r == (record{}) {
		return nil
	}
	if binary.BigEndian.Uint32(r[recordChecksum:]) != r.checksum(user) || r[recordFlags]&flagKnown == 0 || r[recordLength] > maxHandle {
		return errDamagedRecord
	}
	return nil
}
