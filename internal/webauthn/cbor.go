package webauthn

import (
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// Nesting and size limits of decoded CBOR. CTAP2 messages nest four levels deep; compound
// attestation adds two.
const (
	maxNesting  = 8
	maxElements = 1024
)

var (
	encMode = newEncMode()
	decMode = newDecMode()
)

func newEncMode() cbor.EncMode {
	mode, err := cbor.CTAP2EncOptions().EncMode()
	if err != nil {
		panic(err) // constant options: a failure is a defect of this file
	}
	return mode
}

func newDecMode() cbor.DecMode {
	mode, err := cbor.DecOptions{
		DupMapKey:        cbor.DupMapKeyEnforcedAPF,
		IndefLength:      cbor.IndefLengthForbidden,
		TagsMd:           cbor.TagsForbidden,
		IntDec:           cbor.IntDecConvertSignedOrBigInt,
		MaxNestedLevels:  maxNesting,
		MaxArrayElements: maxElements,
		MaxMapPairs:      maxElements,
	}.DecMode()
	if err != nil {
		panic(err) // constant options: a failure is a defect of this file
	}
	return mode
}

// EncodeCBOR returns v in the CTAP2 canonical CBOR form.
func EncodeCBOR(v any) ([]byte, error) {
	data, err := encMode.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode cbor: %w", err)
	}
	return data, nil
}

// DecodeCBOR reads exactly one CBOR item into v. Tags, indefinite lengths, duplicate map keys
// and bytes after the item are errors (WebAuthn L3 §2.4); key order is not looked at, see
// [CanonicalCBOR].
func DecodeCBOR(data []byte, v any) error {
	if err := decMode.Unmarshal(data, v); err != nil {
		return fmt.Errorf("decode cbor: %w", err)
	}
	return nil
}

// CanonicalCBOR reports whether data is one item in the CTAP2 canonical form.
func CanonicalCBOR(data []byte) bool {
	var v any
	if err := decMode.Unmarshal(data, &v); err != nil {
		return false
	}
	again, err := encMode.Marshal(v)
	return err == nil && string(again) == string(data)
}

// firstMap splits off the leading CBOR map of data.
func firstMap(data []byte) (item, rest []byte, err error) {
	if len(data) == 0 || data[0]>>5 != 5 {
		return nil, nil, fmt.Errorf("want a cbor map in %d bytes", len(data))
	}
	var raw cbor.RawMessage
	rest, err = decMode.UnmarshalFirst(data, &raw)
	if err != nil {
		return nil, nil, fmt.Errorf("decode cbor: %w", err)
	}
	return raw, rest, nil
}
