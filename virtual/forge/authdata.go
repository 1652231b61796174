package forge

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/passrig/passrig/internal/webauthn"
)

// authData is authenticator data that need not be well-formed.
type authData struct {
	webauthn.AuthenticatorData

	declared *uint16               // length the credential ID claims to have; nil for its own
	edits    []func([]byte) []byte // made on the bytes, in order
}

// Places in authenticator data (WebAuthn L3 §6.1, §6.5.1).
const (
	flagsOffset = 32
	idOffset    = flagsOffset + 1 + 4 + 16 + 2 // of the credential ID; its length comes before it
)

// bytes lays the structure out. A credential ID that does not fit its length cannot come here:
// the changes refuse one.
func (a *authData) bytes() []byte {
	data, err := a.Marshal()
	if err != nil {
		return nil
	}
	if a.declared != nil && a.Attested != nil {
		binary.BigEndian.PutUint16(data[idOffset-2:], *a.declared)
	}
	for _, edit := range a.edits {
		data = edit(data)
	}
	return data
}

// publicKey returns the COSE_Key that a reader of the bytes finds, nil for none.
func (a *authData) publicKey() []byte {
	data := a.bytes()
	if parsed, err := webauthn.ParseAuthenticatorData(data); err == nil {
		if parsed.Attested == nil {
			return nil
		}
		return parsed.Attested.PublicKey
	}
	// Readers that care less for the end may still find it.
	if a.Attested == nil || len(data) < idOffset || !webauthn.Flags(data[flagsOffset]).Has(webauthn.FlagAT) {
		return nil
	}
	at := idOffset + int(binary.BigEndian.Uint16(data[idOffset-2:]))
	if at > len(data) || !bytes.HasPrefix(data[at:], a.Attested.PublicKey) {
		return nil
	}
	return a.Attested.PublicKey
}

func authDataKinds() []Kind {
	return append(headKinds(), credentialKinds()...)
}

// headKinds are the changes of authenticator data outside the attested credential data.
func headKinds() []Kind {
	return []Kind{
		{
			Name: "authdata-rp-id", Ceremonies: both(), Takes: []Shape{Text}, Example: "evil.example",
			Doc:   "the RP ID hash is that of the given RP ID",
			apply: func(r *response, v value) error { r.auth.RPIDHash = sha256.Sum256([]byte(v.word(""))); return nil },
		},
		{
			Name: "authdata-rp-id-hash", Ceremonies: both(), Takes: []Shape{Bytes}, Words: []string{"random", "zero"}, Example: "random",
			Doc: "the RP ID hash is the given 32 bytes", apply: changeRPIDHash,
		},
		{
			Name: "authdata-flags", Ceremonies: both(), Takes: []Shape{Object, Number}, Example: map[string]any{"up": false},
			Doc: "the named flags (up, uv, be, bs, at, ed, rfu1, rfu2) are set or cleared, or the whole byte is the number; the parts they announce stay", apply: changeFlags,
		},
		{
			Name: "authdata-sign-count", Ceremonies: both(), Takes: []Shape{Number}, Example: 7,
			Doc: "the signature counter has this value", apply: changeSignCount,
		},
		{
			Name: "authdata-raw", Ceremonies: both(), Takes: []Shape{Bytes}, Example: "AAAA",
			Doc: "authenticator data is these bytes, and signed", apply: func(r *response, v value) error {
				raw, _ := v.bytes()
				r.auth.edit(func([]byte) []byte { return raw })
				return nil
			},
		},
		{
			Name: "authdata-truncate", Ceremonies: both(), Takes: []Shape{Number}, Example: 36,
			Doc: "only the first n bytes of authenticator data are left; a negative n leaves the last ones out", apply: func(r *response, v value) error {
				n, err := v.number(-math.MaxInt32, math.MaxInt32)
				r.auth.edit(func(data []byte) []byte { return truncate(data, n) })
				return err
			},
		},
		{
			Name: "authdata-append", Ceremonies: both(), Takes: []Shape{Nothing, Bytes}, Example: "AAAA",
			Doc: "bytes follow authenticator data that no flag announces (four made-up ones if not said)", apply: func(r *response, v value) error {
				tail, ok := v.bytes()
				if !ok {
					tail = r.bytes("authdata-append", 4)
				}
				r.auth.edit(func(data []byte) []byte { return slices.Concat(data, tail) })
				return nil
			},
		},
		{
			Name: "authdata-extensions", Ceremonies: both(), Takes: []Shape{Nothing, Object, Bytes}, Words: []string{"unsolicited", "unflagged"}, Example: map[string]any{"x-unknown": true},
			Doc: "the extension outputs are this map, or this CBOR, or one nobody asked for; unflagged: they are there without the ED flag", apply: changeExtensions,
		},
	}
}

func (a *authData) edit(edit func([]byte) []byte) {
	a.edits = append(a.edits, edit)
}

// truncate keeps the first n bytes, or leaves out the last -n.
func truncate(data []byte, n int64) []byte {
	if n < 0 {
		n = max(0, int64(len(data))+n)
	}
	return data[:min(n, int64(len(data)))]
}

func changeRPIDHash(r *response, v value) error {
	switch v.raw {
	case "random":
		copy(r.auth.RPIDHash[:], r.bytes("rp-id-hash", len(r.auth.RPIDHash)))
		return nil
	case "zero":
		r.auth.RPIDHash = [32]byte{}
		return nil
	}
	hash, _ := v.bytes()
	if len(hash) != len(r.auth.RPIDHash) {
		return fmt.Errorf("%d bytes, want %d", len(hash), len(r.auth.RPIDHash))
	}
	r.auth.RPIDHash = [32]byte(hash)
	return nil
}

func changeFlags(r *response, v value) error {
	if v.is(Number) {
		whole, err := v.number(0, math.MaxUint8)
		r.auth.Flags = webauthn.Flags(whole) //nolint:gosec // G115: in range
		return err
	}
	bits := map[string]webauthn.Flags{
		"up": webauthn.FlagUP, "rfu1": 1 << 1, "uv": webauthn.FlagUV, "be": webauthn.FlagBE,
		"bs": webauthn.FlagBS, "rfu2": 1 << 5, "at": webauthn.FlagAT, "ed": webauthn.FlagED,
	}
	named := v.object()
	for _, name := range slices.Sorted(maps.Keys(named)) {
		bit, known := bits[name]
		set, ok := named[name].(bool)
		if !known {
			return fmt.Errorf("no flag %q, want one of %q", name, slices.Sorted(maps.Keys(bits)))
		}
		if !ok {
			return fmt.Errorf("flag %q: want true or false", name)
		}
		r.auth.Flags = r.auth.Flags.With(bit, set)
	}
	return nil
}

func changeSignCount(r *response, v value) error {
	n, err := v.number(0, math.MaxUint32)
	r.auth.SignCount = uint32(n) //nolint:gosec // G115: in range
	return err
}

func changeExtensions(r *response, v value) error {
	unsolicited := map[string]any{"x-unsolicited": true}
	r.auth.Flags |= webauthn.FlagED
	if object := v.object(); object != nil {
		unsolicited = object
	} else if v.raw == "unflagged" {
		r.auth.Flags &^= webauthn.FlagED
	} else if raw, ok := v.bytes(); ok && v.raw != "unsolicited" {
		r.auth.Extensions = raw
		return nil
	}
	encoded, err := webauthn.EncodeCBOR(unsolicited)
	r.auth.Extensions = encoded
	return err
}
