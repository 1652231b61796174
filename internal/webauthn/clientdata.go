package webauthn

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// The two values of [ClientData.Type].
const (
	TypeCreate = "webauthn.create"
	TypeGet    = "webauthn.get"
)

// ClientData is the CollectedClientData of WebAuthn L3 §5.8.1.
type ClientData struct {
	Type        string
	Challenge   string // unpadded base64url text, verbatim
	Origin      string // serialized origin, such as "https://example.org"
	CrossOrigin bool
	TopOrigin   string   // written only when CrossOrigin is true; empty is absent
	Extra       []Member // further members in order of appearance
}

// Member is one JSON member that the specification does not name.
type Member struct {
	Name  string
	Value json.RawMessage
}

// Marshal serializes the client data byte for byte as WebAuthn L3 §5.8.1.1 prescribes. That is
// not what [json.Marshal] does: the key order is fixed, crossOrigin is always written, and only
// the quotation mark, the backslash and control characters are escaped.
func (c *ClientData) Marshal() []byte {
	var b strings.Builder
	b.WriteString(`{"type":`)
	writeCCDString(&b, c.Type)
	b.WriteString(`,"challenge":`)
	writeCCDString(&b, c.Challenge)
	b.WriteString(`,"origin":`)
	writeCCDString(&b, c.Origin)
	b.WriteString(`,"crossOrigin":`)
	if c.CrossOrigin {
		b.WriteString("true")
	} else {
		b.WriteString("false")
	}
	if c.CrossOrigin && c.TopOrigin != "" {
		b.WriteString(`,"topOrigin":`)
		writeCCDString(&b, c.TopOrigin)
	}
	for _, m := range c.Extra {
		b.WriteByte(',')
		writeCCDString(&b, m.Name)
		b.WriteByte(':')
		b.Write(m.Value)
	}
	b.WriteByte('}')
	return []byte(b.String())
}

// writeCCDString is CCDToString of WebAuthn L3 §5.8.1.1.
func writeCCDString(b *strings.Builder, s string) {
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < 0x20:
			fmt.Fprintf(b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
}

// ParseClientData reads clientDataJSON the way an RP does (WebAuthn L3 §7.1 steps 5 and 6): UTF-8
// decode, which drops a byte order mark and replaces ill-formed sequences, then any JSON parser.
// Member order is free and members may be missing; a known member of the wrong type is an error.
// Of a repeated member the last one counts.
func ParseClientData(data []byte) (*ClientData, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(data) {
		data = bytes.ToValidUTF8(data, []byte("\uFFFD"))
	}
	members, err := orderedMembers(data)
	if err != nil {
		return nil, fmt.Errorf("client data: %w", err)
	}
	c := &ClientData{}
	for _, m := range members {
		var target any
		switch m.Name {
		case "type":
			target = &c.Type
		case "challenge":
			target = &c.Challenge
		case "origin":
			target = &c.Origin
		case "crossOrigin":
			target = &c.CrossOrigin
		case "topOrigin":
			target = &c.TopOrigin
		default:
			c.Extra = append(c.Extra, m)
			continue
		}
		if err := json.Unmarshal(m.Value, target); err != nil {
			return nil, fmt.Errorf("client data: %s: want a %s", m.Name, kindWanted(target))
		}
	}
	return c, nil
}

// ChallengeBytes decodes the challenge.
func (c *ClientData) ChallengeBytes() ([]byte, error) {
	b, err := DecodeBase64URL(c.Challenge)
	if err != nil {
		return nil, fmt.Errorf("client data: challenge: %w", err)
	}
	return b, nil
}

func kindWanted(target any) string {
	if _, ok := target.(*bool); ok {
		return "boolean"
	}
	return "string"
}

// orderedMembers reads one JSON object, keeping the order of its members; a repeated name keeps
// its first place and its last value.
func orderedMembers(data []byte) ([]Member, error) {
	if !json.Valid(data) {
		return nil, errors.New("not valid JSON")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return nil, errors.New("want a JSON object")
	}
	var members []Member
	place := map[string]int{}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, fmt.Errorf("read member name: %w", err)
		}
		name, _ := key.(string)
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if i, seen := place[name]; seen {
			members[i].Value = value
			continue
		}
		place[name] = len(members)
		members = append(members, Member{Name: name, Value: value})
	}
	return members, nil
}
