package forge

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/passrig/passrig/internal/webauthn"
)

// object is an attestation object that need not be well-formed.
type object struct {
	members []objectMember
	edits   []func([]byte) []byte // made on the bytes, in order
}

type objectMember struct {
	name  string
	value []byte // CBOR
}

// CBOR major types.
const (
	majorUnsigned = 0
	majorBytes    = 2
	majorText     = 3
	majorArray    = 4
	majorMap      = 5
)

const indefinite = 31 // additional information of an item that ends with a break

// attestationObject puts the attestation object together.
func (r *response) attestationObject() ([]byte, error) {
	format, statement, err := r.attest(r)
	if err != nil {
		return nil, fmt.Errorf("attestation statement: %w", err)
	}
	auth := r.auth.bytes()
	o := &object{members: []objectMember{
		{"fmt", slices.Concat(cborHead(majorText, len(format)), []byte(format))},
		{"attStmt", statement},
		{"authData", slices.Concat(cborHead(majorBytes, len(auth)), auth)},
	}}
	for _, rewrite := range r.rewrite {
		if err := rewrite(o); err != nil {
			return nil, fmt.Errorf("attestation object: %w", err)
		}
	}
	return o.bytes(), nil
}

func (o *object) bytes() []byte {
	data := cborHead(majorMap, len(o.members))
	for _, m := range o.members {
		data = slices.Concat(data, cborHead(majorText, len(m.name)), []byte(m.name), m.value)
	}
	for _, edit := range o.edits {
		data = edit(data)
	}
	return data
}

// member returns a member, nil if it is absent.
func (o *object) member(name string) *objectMember {
	for i := range o.members {
		if o.members[i].name == name {
			return &o.members[i]
		}
	}
	return nil
}

// objectKinds are the changes of the attestation object around the statement.
func objectKinds() []Kind {
	return []Kind{
		{
			Name: "attestation-object-raw", Ceremonies: registration(), Takes: []Shape{Bytes}, Words: []string{"empty", "array", "text", "garbage"}, Example: "array",
			Doc: "attestationObject is these bytes, or nothing, another CBOR item, or no CBOR", apply: changeObject(replaceObject),
		},
		{
			Name: "attestation-object-truncate", Ceremonies: registration(), Takes: []Shape{Number}, Example: -1,
			Doc: "only the first n bytes of attestationObject are left; a negative n leaves the last ones out", apply: func(r *response, v value) error {
				n, err := v.number(-math.MaxInt32, math.MaxInt32)
				r.editObject(func(data []byte) []byte { return truncate(data, n) })
				return err
			},
		},
		{
			Name: "attestation-object-trailing", Ceremonies: registration(), Takes: []Shape{Nothing, Bytes}, Example: "AAAA",
			Doc: "bytes follow the attestation object (a zero byte if not said)", apply: changeObject(func(data []byte, v value) []byte {
				tail, ok := v.bytes()
				if !ok {
					tail = []byte{0}
				}
				return slices.Concat(data, tail)
			}),
		},
		{
			Name: "attestation-object-noncanonical", Ceremonies: registration(), Words: []string{"duplicate-keys", "duplicate-format", "long-lengths", "indefinite-map", "indefinite-bytes", "key-order"}, Example: "indefinite-map",
			Doc: "attestationObject is CBOR, but not in the canonical form: authData or fmt is there twice, lengths are longer than necessary or left open, or members are in another order", apply: changeForm,
		},
		{
			Name: "attestation-object-bomb", Ceremonies: registration(), Words: []string{"nesting", "array-length", "map-length", "bytes-length", "text-length"}, Example: "nesting",
			Doc: "attStmt is nested 100,000 levels deep, or claims 2^63-1 elements or bytes", apply: changeToBomb,
		},
		{
			Name: "attestation-object-remove", Ceremonies: registration(), Takes: []Shape{Text, List}, Example: "attStmt",
			Doc: "the named members of the attestation object are absent", apply: func(r *response, v value) error {
				names, _ := v.list()
				r.rewriteObject(func(o *object) error {
					o.members = slices.DeleteFunc(o.members, func(m objectMember) bool { return slices.Contains(names, m.name) })
					return nil
				})
				return nil
			},
		},
		{
			Name: "attestation-object-set", Ceremonies: registration(), Takes: []Shape{Object}, Example: map[string]any{"fmt": 7},
			Doc: "the named members of the attestation object have these values; {bytes: base64url} is a byte string", apply: setObjectMembers,
		},
		{
			Name: "attestation-format", Ceremonies: registration(), Takes: []Shape{Text}, Example: "x-unknown",
			Doc: "fmt is this text, whatever the statement is", apply: func(r *response, v value) error {
				return setObjectMembers(r, value{map[string]any{"fmt": v.raw}})
			},
		},
	}
}

func (r *response) rewriteObject(rewrite func(*object) error) {
	r.rewrite = append(r.rewrite, rewrite)
}

// editObject edits the bytes of the attestation object.
func (r *response) editObject(edit func([]byte) []byte) {
	r.rewriteObject(func(o *object) error {
		o.edits = append(o.edits, edit)
		return nil
	})
}

func changeObject(change func([]byte, value) []byte) func(*response, value) error {
	return func(r *response, v value) error {
		r.editObject(func(data []byte) []byte { return change(data, v) })
		return nil
	}
}

func replaceObject(data []byte, v value) []byte {
	switch v.raw {
	case "empty":
		return []byte{}
	case "array":
		return slices.Concat(cborHead(majorArray, 1), data)
	case "text":
		return slices.Concat(cborHead(majorText, 4), []byte("none"))
	case "garbage":
		return []byte{0xff, 0xff, 0xff, 0xff} // breaks without anything to end
	}
	raw, _ := v.bytes()
	return raw
}

func changeForm(r *response, v value) error {
	r.rewriteObject(func(o *object) error {
		switch v.raw {
		case "duplicate-keys":
			o.members = append(o.members, *o.member("authData"))
		case "duplicate-format":
			o.members = slices.Insert(o.members, 1, o.members[0])
		case "key-order":
			slices.Reverse(o.members)
		case "long-lengths":
			o.edits = append(o.edits, func(data []byte) []byte {
				return slices.Concat([]byte{majorMap<<5 | 24, data[0] & 0x1f}, data[1:])
			})
		case "indefinite-map":
			o.edits = append(o.edits, func(data []byte) []byte {
				return slices.Concat([]byte{majorMap<<5 | indefinite}, data[1:], []byte{0xff})
			})
		case "indefinite-bytes":
			auth := o.member("authData")
			auth.value = slices.Concat([]byte{majorBytes<<5 | indefinite}, auth.value, []byte{0xff})
		}
		return nil
	})
	return nil
}

func changeToBomb(r *response, v value) error {
	const levels = 20_000
	majors := map[any]byte{"array-length": majorArray, "map-length": majorMap, "bytes-length": majorBytes, "text-length": majorText}
	r.rewriteObject(func(o *object) error {
		statement := o.member("attStmt")
		if v.raw == "nesting" {
			statement.value = slices.Concat(slices.Repeat([]byte{majorArray<<5 | 1}, levels), []byte{majorUnsigned})
		} else {
			statement.value = cborHead(majors[v.raw], math.MaxInt64)
		}
		return nil
	})
	return nil
}

func setObjectMembers(r *response, v value) error {
	values := v.object()
	encoded := make([]objectMember, 0, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		item, err := cborValue(values[name])
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		data, err := webauthn.EncodeCBOR(item)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		encoded = append(encoded, objectMember{name, data})
	}
	r.rewriteObject(func(o *object) error {
		for _, m := range encoded {
			if known := o.member(m.name); known != nil {
				known.value = m.value
			} else {
				o.members = append(o.members, m)
			}
		}
		return nil
	})
	return nil
}

// cborHead is the head of a CBOR item in its shortest form (RFC 8949 §3).
func cborHead(major byte, n int) []byte {
	m := major << 5
	switch {
	case n < 24:
		return []byte{m | byte(n)} //nolint:gosec // G115: in range
	case n <= math.MaxUint8:
		return []byte{m | 24, byte(n)}
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16([]byte{m | 25}, uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32([]byte{m | 26}, uint32(n))
	}
	return binary.BigEndian.AppendUint64([]byte{m | 27}, uint64(n))
}

// cborValue turns a value into what is encoded as CBOR: {bytes: text} is a byte string.
func cborValue(plain any) (any, error) {
	switch typed := plain.(type) {
	case []any:
		list := make([]any, len(typed))
		for i, item := range typed {
			var err error
			if list[i], err = cborValue(item); err != nil {
				return nil, err
			}
		}
		return list, nil
	case map[string]any:
		if text, ok := typed["bytes"].(string); ok && len(typed) == 1 {
			return webauthn.DecodeBase64URL(text)
		}
		object := make(map[string]any, len(typed))
		for name, item := range typed {
			var err error
			if object[name], err = cborValue(item); err != nil {
				return nil, err
			}
		}
		return object, nil
	}
	return plain, nil
}
