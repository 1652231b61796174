package forge

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/passrig/passrig/internal/webauthn"
)

// Part is the part of a response that a change is about.
type Part string

// The parts.
const (
	PartClientData  Part = "clientdata"
	PartAuthData    Part = "authdata"
	PartKey         Part = "key"
	PartAttestation Part = "attestation"
	PartSignature   Part = "signature"
	PartEnvelope    Part = "envelope"
)

// Parts lists the parts in the order they are changed in.
func Parts() []Part {
	return []Part{PartClientData, PartAuthData, PartKey, PartAttestation, PartSignature, PartEnvelope}
}

// Shape is a form that the value of a change may have.
type Shape string

// The shapes.
const (
	Nothing Shape = "nothing" // no value, or null
	Text    Shape = "text"
	List    Shape = "list" // of texts
	Number  Shape = "number"
	Bytes   Shape = "bytes"  // base64url text
	Object  Shape = "object" // a JSON object
	JSON    Shape = "json"   // anything, written as it is; null leaves the member out
)

// Kind is one row of the table of changes.
type Kind struct {
	Name       string
	Part       Part
	Ceremonies []string // [Create], [Get] or both
	Takes      []Shape  // of the value; empty: one of Words
	Words      []string // texts with a meaning of their own; the first is what Nothing stands for
	Doc        string   // one sentence: what the response is like after the change
	Example    any      // a value that it takes

	apply func(*response, value) error
}

// Kinds lists all changes, in the order of [Parts] and then of the table.
func Kinds() []Kind {
	var all []Kind
	tables := [][]Kind{clientDataKinds(), authDataKinds(), keyKinds(), attestationKinds(), signatureKinds(), envelopeKinds()}
	for i, part := range Parts() {
		for _, kind := range tables[i] {
			kind.Part = part
			all = append(all, kind)
		}
	}
	return all
}

// Lookup returns the kind of that name.
func Lookup(name string) (Kind, bool) {
	kinds := Kinds()
	i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Name == name })
	if i < 0 {
		return Kind{}, false
	}
	return kinds[i], true
}

// Validate reports whether a change can be made in a ceremony, [Create] or [Get]: whether there is
// such a change (if not, the error wraps [ErrUnknown]), and whether it takes the value. A number
// out of range or a word that does not go with the credential shows only when it is made.
func (c Change) Validate(ceremony string) error {
	_, _, err := c.resolve(ceremony)
	return err
}

func (c Change) resolve(ceremony string) (*Kind, value, error) {
	kind, ok := Lookup(c.Name)
	if !ok {
		return nil, value{}, fmt.Errorf("change %q: %w", c.Name, ErrUnknown)
	}
	if !slices.Contains(kind.Ceremonies, ceremony) {
		return nil, value{}, fmt.Errorf("change %q: only for %s, not for %q", c.Name, strings.Join(kind.Ceremonies, " and "), ceremony)
	}
	v, err := normalize(c.Value)
	if err != nil {
		return nil, value{}, fmt.Errorf("change %q: %w", c.Name, err)
	}
	if !kind.takes(v) {
		return nil, value{}, fmt.Errorf("change %q: %s does not fit, want %s", c.Name, v, kind.wanted())
	}
	return &kind, v, nil
}

func (k *Kind) takes(v value) bool {
	if v.raw == nil && len(k.Takes) == 0 {
		return len(k.Words) == 0
	}
	if text, ok := v.raw.(string); ok && slices.Contains(k.Words, text) {
		return true
	}
	return slices.ContainsFunc(k.Takes, v.is)
}

// wanted describes what the kind takes.
func (k *Kind) wanted() string {
	var wanted []string
	for _, shape := range k.Takes {
		wanted = append(wanted, string(shape))
	}
	for _, word := range k.Words {
		wanted = append(wanted, fmt.Sprintf("%q", word))
	}
	if len(wanted) == 0 {
		return string(Nothing)
	}
	return strings.Join(wanted, " or ")
}

// value is the value of a change: nil, bool, int64, float64, string, []byte, []any or
// map[string]any.
type value struct {
	raw any
}

// normalize brings numbers into one type and everything else into JSON's types.
func normalize(raw any) (value, error) {
	switch typed := raw.(type) {
	case nil, bool, string, []byte:
		return value{typed}, nil
	case int:
		return value{int64(typed)}, nil
	case int64:
		return value{typed}, nil
	}
	data, err := json.Marshal(raw)
	if err != nil {
		return value{}, fmt.Errorf("a %T is not a value", raw)
	}
	var plain any
	if err := json.Unmarshal(data, &plain); err != nil {
		return value{}, fmt.Errorf("a %T is not a value", raw)
	}
	return value{integers(plain)}, nil
}

// integers turns whole numbers into int64, which CBOR writes otherwise than fractions.
func integers(plain any) any {
	switch typed := plain.(type) {
	case float64:
		if typed == math.Trunc(typed) && math.Abs(typed) <= 1<<53 {
			return int64(typed)
		}
	case []any:
		for i := range typed {
			typed[i] = integers(typed[i])
		}
	case map[string]any:
		for name := range typed {
			typed[name] = integers(typed[name])
		}
	}
	return plain
}

// is reports whether the value has a shape.
func (v value) is(shape Shape) bool {
	ok := false
	switch shape {
	case Nothing:
		ok = v.raw == nil
	case Text:
		_, ok = v.raw.(string)
	case List:
		_, ok = v.list()
	case Number:
		_, ok = v.raw.(int64)
	case Bytes:
		_, ok = v.bytes()
	case Object:
		_, ok = v.raw.(map[string]any)
	case JSON:
		ok = true
	}
	return ok
}

// word returns the value as a text, or what no value stands for.
func (v value) word(fallback string) string {
	if text, ok := v.raw.(string); ok {
		return text
	}
	return fallback
}

// list returns a list of texts; one text is a list of one.
func (v value) list() ([]string, bool) {
	switch typed := v.raw.(type) {
	case string:
		return []string{typed}, true
	case []any:
		texts := make([]string, len(typed))
		for i, item := range typed {
			text, ok := item.(string)
			if !ok {
				return nil, false
			}
			texts[i] = text
		}
		return texts, true
	}
	return nil, false
}

func (v value) bytes() ([]byte, bool) {
	switch typed := v.raw.(type) {
	case []byte:
		return typed, true
	case string:
		b, err := webauthn.DecodeBase64URL(typed)
		return b, err == nil
	}
	return nil, false
}

// number returns a number within limits.
func (v value) number(low, high int64) (int64, error) {
	n, ok := v.raw.(int64)
	if !ok || n < low || n > high {
		return 0, fmt.Errorf("%s is out of range, want %d to %d", v, low, high)
	}
	return n, nil
}

func (v value) object() map[string]any {
	object, _ := v.raw.(map[string]any)
	return object
}

// json returns what stands for the value in a JSON document: bytes are base64url text there.
func (v value) json() any {
	if b, ok := v.raw.([]byte); ok {
		return encode(b)
	}
	return v.raw
}

// String shows the value in messages, shortened.
func (v value) String() string {
	if v.raw == nil {
		return "no value"
	}
	data, err := json.Marshal(v.json())
	if err != nil {
		return fmt.Sprintf("a %T", v.raw)
	}
	const longest = 60
	if len(data) > longest {
		data = append(data[:longest:longest], "…"...)
	}
	return string(data)
}

// both are the ceremonies of most changes.
func both() []string { return []string{Create, Get} }

func registration() []string { return []string{Create} }

func authentication() []string { return []string{Get} }
