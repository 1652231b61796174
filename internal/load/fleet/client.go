package fleet

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/passrig/passrig/internal/webauthn"
)

// clientData makes clientDataJSON. What is around the challenge is kept, as it rarely changes.
type clientData struct {
	kind, origin, topOrigin string
	cross                   bool
	head, tail              []byte
}

// write writes the client data of a ceremony (WebAuthn L3 §5.8.1.1).
func (c *clientData) write(dst *Part, kind, origin string, o *Options) error {
	if c.head == nil || c.kind != kind || c.origin != origin || c.topOrigin != o.TopOrigin || c.cross != o.CrossOrigin {
		c.prepare(kind, origin, o)
	}
	var err error
	if dst.Bytes, err = appendChallenge(append(dst.Bytes[:0], c.head...), o.Challenge); err != nil {
		return err
	}
	dst.Bytes = append(dst.Bytes, c.tail...)
	dst.encode()
	return nil
}

func (c *clientData) prepare(kind, origin string, o *Options) {
	*c = clientData{kind: kind, origin: origin, topOrigin: o.TopOrigin, cross: o.CrossOrigin}
	data := &webauthn.ClientData{Type: kind, Origin: origin}
	if o.TopOrigin != "" && (o.CrossOrigin || o.TopOrigin != origin) {
		data.CrossOrigin, data.TopOrigin = true, o.TopOrigin
	}
	const before = `"challenge":"`
	marshaled := data.Marshal()
	middle := bytes.Index(marshaled, []byte(before)) + len(before)
	c.head, c.tail = marshaled[:middle], marshaled[middle:]
}

// appendChallenge appends a challenge as a browser does, which decodes and encodes it: only unpadded base64url passes,
// and unused bits of its last character are dropped.
func appendChallenge(dst, challenge []byte) ([]byte, error) {
	last, bad := webauthn.Base64URLEnd(challenge)
	if bad >= 0 {
		return dst, fmt.Errorf("challenge: illegal base64url at byte %d", bad)
	}
	dst = append(dst, challenge...)
	if len(challenge) > 0 {
		dst[len(dst)-1] = last
	}
	return dst, nil
}

var errNoRPID = errors.New("the options name no rp id")

// authData makes the part of authenticator data that both ceremonies have (WebAuthn L3 §6.1). The hash of the RP ID is
// kept, as that rarely changes.
type authData struct {
	rpID []byte
	hash [sha256.Size]byte
}

func (a *authData) append(dst, rpID []byte, flags webauthn.Flags, count uint32) ([]byte, error) {
	if len(rpID) == 0 {
		return dst, errNoRPID
	}
	if !bytes.Equal(a.rpID, rpID) {
		a.rpID, a.hash = append(a.rpID[:0], rpID...), sha256.Sum256(rpID)
	}
	dst = append(append(dst, a.hash[:]...), byte(flags))
	return binary.BigEndian.AppendUint32(dst, count), nil
}
