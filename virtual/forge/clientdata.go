package forge

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/passrig/passrig/internal/webauthn"
)

func clientDataKinds() []Kind {
	return append(clientDataMemberKinds(), clientDataFormKinds()...)
}

// clientDataMemberKinds are the changes of known members.
func clientDataMemberKinds() []Kind {
	return []Kind{
		{
			Name: "clientdata-raw", Ceremonies: both(), Takes: []Shape{Bytes}, Words: slices.Sorted(maps.Keys(notClientData())), Example: "array",
			Doc: "clientDataJSON is these bytes", apply: func(r *response, v value) error {
				r.clientData, _ = v.bytes()
				if text, ok := notClientData()[v.word("")]; ok {
					r.clientData = []byte(text)
				}
				return nil
			},
		},
		{
			Name: "clientdata-type", Ceremonies: both(), Takes: []Shape{JSON}, Words: []string{"swap"}, Example: "swap",
			Doc: "type is this value, absent, or with swap that of the other ceremony", apply: changeType,
		},
		{
			Name: "clientdata-challenge", Ceremonies: both(), Takes: []Shape{JSON}, Words: slices.Sorted(maps.Keys(challenges())), Example: "flip",
			Doc: "challenge is this value, absent, or made from the right one: one bit flipped, one byte of it missing at its end or start, one byte more, padded with =, between characters that are no base64url, with such a one in the place of its first, or all random", apply: changeChallenge,
		},
		{
			Name: "clientdata-origin", Ceremonies: both(), Takes: []Shape{JSON}, Words: originWords(), Example: "foreign",
			Doc: "origin is this value, absent, or derived from the right one", apply: changeOrigin,
		},
		{
			Name: "clientdata-cross-origin", Ceremonies: both(), Takes: []Shape{JSON}, Example: true,
			Doc:   "crossOrigin is this value or absent",
			apply: func(r *response, v value) error { return r.setClientData(false, member{"crossOrigin", v}) },
		},
		{
			Name: "clientdata-top-origin", Ceremonies: both(), Takes: []Shape{JSON}, Example: "https://evil.example",
			Doc: "crossOrigin is true and topOrigin this value or absent", apply: func(r *response, v value) error {
				return r.setClientData(false, member{"crossOrigin", value{true}}, member{"topOrigin", v})
			},
		},
		{
			Name: "clientdata-set", Ceremonies: both(), Takes: []Shape{Object}, Example: map[string]any{"topOrigin": "https://evil.example"},
			Doc: "the named members have these values and the others stay", apply: func(r *response, v value) error {
				return r.setClientData(false, members(v.object())...)
			},
		},
		{
			Name: "clientdata-remove", Ceremonies: both(), Takes: []Shape{Text, List}, Example: "origin",
			Doc: "the named members are absent", apply: func(r *response, v value) error {
				names, _ := v.list()
				return r.editClientData(func(list []webauthn.Member) []webauthn.Member {
					return slices.DeleteFunc(list, func(m webauthn.Member) bool { return slices.Contains(names, m.Name) })
				})
			},
		},
	}
}

// clientDataFormKinds are the changes that leave the known members right.
func clientDataFormKinds() []Kind {
	return []Kind{
		{
			Name: "clientdata-extra", Ceremonies: both(), Takes: []Shape{Nothing, Object}, Example: map[string]any{"x-unknown": 1},
			Doc: "unknown members come after the known ones", apply: func(r *response, v value) error {
				extra := v.object()
				if extra == nil {
					extra = map[string]any{"x_unknown": "clients may add members", "x_object": map[string]any{"origin": "https://evil.example"}}
				}
				return r.setClientData(false, members(extra)...)
			},
		},
		{
			Name: "clientdata-reorder", Ceremonies: both(), Takes: []Shape{Nothing}, Words: []string{"reverse", "whitespace"}, Example: "reverse",
			Doc: "the members come in reverse order, or with white space between them", apply: changeOrder,
		},
		{
			Name: "clientdata-bom", Ceremonies: both(), Takes: []Shape{Nothing},
			Doc: "a byte order mark comes first", apply: func(r *response, _ value) error {
				r.clientData = slices.Concat([]byte("\xef\xbb\xbf"), r.clientData)
				return nil
			},
		},
		{
			Name: "clientdata-duplicate", Ceremonies: both(), Takes: []Shape{Object}, Example: map[string]any{"origin": "https://evil.example"},
			Doc: "the named members are there twice, with these values first",
			apply: func(r *response, v value) error {
				return r.editClientData(func(list []webauthn.Member) []webauthn.Member {
					return slices.Concat(wire(members(v.object())), list)
				})
			},
		},
		{
			Name: "clientdata-duplicate-last", Ceremonies: both(), Takes: []Shape{Object}, Example: map[string]any{"origin": "https://evil.example"},
			Doc:   "the named members are there twice, with these values last",
			apply: func(r *response, v value) error { return r.setClientData(true, members(v.object())...) },
		},
		{
			Name: "clientdata-token-binding", Ceremonies: both(), Takes: []Shape{JSON}, Example: map[string]any{"status": "supported"},
			Doc:   "tokenBinding, which older specifications had, is this value",
			apply: func(r *response, v value) error { return r.setClientData(false, member{"tokenBinding", v}) },
		},
	}
}

// notClientData are the words for bytes that are no client data.
func notClientData() map[string]string {
	return map[string]string{
		"empty": "", "garbage": "this is not JSON", "array": "[]", "null": "null", "invalid-utf8": "{\"type\":\"\xff\xfe",
	}
}

// member is a member to write; a nil value is to be absent.
type member struct {
	name  string
	value value
}

func members(object map[string]any) []member {
	list := make([]member, 0, len(object))
	for _, name := range slices.Sorted(maps.Keys(object)) {
		list = append(list, member{name, value{object[name]}})
	}
	return list
}

// wire encodes members; a nil value is null here.
func wire(list []member) []webauthn.Member {
	encoded := make([]webauthn.Member, len(list))
	for i, m := range list {
		encoded[i] = webauthn.Member{Name: m.name, Value: plainJSON(m.value.json())}
	}
	return encoded
}

// plainJSON is JSON without the escapes that [json.Marshal] adds for HTML. All values come from
// normalize, so that encoding them cannot fail.
func plainJSON(v any) json.RawMessage {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(v)
	return bytes.TrimSpace(b.Bytes())
}

// setClientData writes members in the place of those with their names, or, for new ones and if
// again is set, after all others. Without again a nil value removes.
func (r *response) setClientData(again bool, changed ...member) error {
	return r.editClientData(func(list []webauthn.Member) []webauthn.Member {
		for i, w := range wire(changed) {
			at := slices.IndexFunc(list, func(m webauthn.Member) bool { return m.Name == w.Name })
			switch {
			case !again && changed[i].value.raw == nil:
				list = slices.DeleteFunc(list, func(m webauthn.Member) bool { return m.Name == w.Name })
			case again || at < 0:
				list = append(list, w)
			default:
				list[at] = w
			}
		}
		return list
	})
}

// editClientData takes clientDataJSON apart into its members, and writes it as clients do
// (WebAuthn L3 §5.8.1.1).
func (r *response) editClientData(edit func([]webauthn.Member) []webauthn.Member) error {
	list, err := r.members()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	for i, m := range edit(list) {
		b.WriteByte("{,"[min(i, 1)])
		b.Write(plainJSON(m.Name))
		b.WriteByte(':')
		b.Write(m.Value)
	}
	if b.Len() == 0 {
		b.WriteByte('{')
	}
	b.WriteByte('}')
	r.clientData = b.Bytes()
	return nil
}

// members returns the members of clientDataJSON in order, repeated ones too.
func (r *response) members() ([]webauthn.Member, error) {
	decoder := json.NewDecoder(bytes.NewReader(r.clientData))
	if opening, err := decoder.Token(); err != nil || opening != json.Delim('{') {
		return nil, errors.New("an earlier change has left no JSON object")
	}
	var list []webauthn.Member
	for decoder.More() {
		var m webauthn.Member
		name, err := decoder.Token()
		if err == nil {
			m.Name, _ = name.(string)
			err = decoder.Decode(&m.Value)
		}
		if err != nil {
			return nil, fmt.Errorf("client data: %w", err)
		}
		list = append(list, m)
	}
	return list, nil
}

// text returns a member of clientDataJSON that is a string.
func (r *response) text(name string) (string, error) {
	list, err := r.members()
	if err != nil {
		return "", err
	}
	for _, m := range list {
		var text string
		if m.Name == name && json.Unmarshal(m.Value, &text) == nil {
			return text, nil
		}
	}
	return "", fmt.Errorf("client data has no %s to start from", name)
}

func changeType(r *response, v value) error {
	if v.raw == "swap" {
		v.raw = map[string]string{Create: webauthn.TypeGet, Get: webauthn.TypeCreate}[r.ceremony]
	}
	return r.setClientData(false, member{"type", v})
}

// challenges are the words for what can become of a challenge.
func challenges() map[string]func(r *response, challenge []byte) string {
	return map[string]func(*response, []byte) string{
		"flip":           func(_ *response, c []byte) string { return encode(flipBit(c, 0)) },
		"truncate":       func(_ *response, c []byte) string { return encode(c[:len(c)-1]) },
		"truncate-start": func(_ *response, c []byte) string { return encode(c[1:]) },
		"extend":         func(_ *response, c []byte) string { return encode(slices.Concat(c, []byte{0})) },
		"pad":            func(_ *response, c []byte) string { return padded(encode(c)) },
		"random":         func(r *response, c []byte) string { return encode(r.bytes("challenge", len(c))) },
		"not-base64url":  func(_ *response, c []byte) string { return "!" + encode(c)[1:] + "!" },
		"junk":           func(_ *response, c []byte) string { return "!" + encode(c) + "!" },
	}
}

func changeChallenge(r *response, v value) error {
	if derive, ok := challenges()[v.word("")]; ok {
		text, err := r.text("challenge")
		if err != nil {
			return err
		}
		challenge, err := webauthn.DecodeBase64URL(text)
		if err != nil {
			return fmt.Errorf("challenge: %w", err)
		}
		if len(challenge) == 0 {
			return errors.New("the challenge is empty")
		}
		v.raw = derive(r, challenge)
	}
	return r.setClientData(false, member{"challenge", v})
}

// padded adds the = signs that base64url leaves out here.
func padded(text string) string {
	return text + strings.Repeat("=", (4-len(text)%4)%4)
}

// flipBit returns a copy with one bit turned over; bit 0 is the lowest of the last byte.
func flipBit(b []byte, bit int) []byte {
	flipped := bytes.Clone(b)
	flipped[len(b)-1-bit/8] ^= 1 << (bit % 8)
	return flipped
}

func changeOrder(r *response, v value) error {
	if v.word("reverse") == "reverse" {
		return r.editClientData(func(list []webauthn.Member) []webauthn.Member {
			slices.Reverse(list)
			return list
		})
	}
	var b bytes.Buffer
	if err := json.Indent(&b, r.clientData, "", "  "); err != nil {
		return fmt.Errorf("client data: %w", err)
	}
	r.clientData = b.Bytes()
	return nil
}
