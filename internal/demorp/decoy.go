package demorp

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"strings"
)

// decoys makes up the credentials shown for usernames that have none. They are a function of the key and the
// username, so that asking twice gives the same answer, as it does for a real user.
type decoys struct{ key []byte }

// decoyShape is how one kind of provider's credentials look from outside, and how many in a hundred users have it.
type decoyShape struct {
	percent    byte
	idSize     int // bytes
	transports string
}

// decoyShapes follows what the common providers register: platform passkeys that sync, platform passkeys that do not,
// and security keys.
func decoyShapes() []decoyShape {
	return []decoyShape{
		{percent: 45, idSize: 32, transports: "internal"},
		{percent: 25, idSize: 20, transports: "hybrid internal"},
		{percent: 20, idSize: 16, transports: "hybrid internal"},
		{percent: 10, idSize: 48, transports: "usb"},
	}
}

// secondPasskeyPercent is how many in a hundred users have a second passkey.
const secondPasskeyPercent = 10

func (d *decoys) forUsername(username string) []descriptor {
	name := nameKey(username)
	count := 1
	if d.draw("count", name, 0)[0]%100 < secondPasskeyPercent {
		count = 2
	}
	made := make([]descriptor, count)
	for i := range made {
		made[i] = d.one(name, uint32(i))
	}
	return made
}

func (d *decoys) one(name string, index uint32) descriptor {
	roll := d.draw("shape", name, index)[0] % 100
	var shape decoyShape
	for _, shape = range decoyShapes() {
		if roll < shape.percent {
			break
		}
		roll -= shape.percent
	}
	id := append(d.draw("id", name, index), d.draw("id, continued", name, index)...)
	return descriptor{publicKeyType, encode(id[:shape.idSize]), strings.Fields(shape.transports)}
}

// draw returns 32 bytes that only the key's holder can predict.
func (d *decoys) draw(purpose, name string, index uint32) []byte {
	mac := hmac.New(sha256.New, d.key)
	mac.Write(binary.BigEndian.AppendUint32(nil, index))
	mac.Write([]byte(purpose))
	mac.Write([]byte{0})
	mac.Write([]byte(name))
	return mac.Sum(nil)
}
