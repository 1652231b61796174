package webauthn

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Base64URL is a byte string whose JSON form is unpadded base64url, the Base64URLString of
// WebAuthn L3 §5.1. A nil value is absent, an empty non-nil one is the empty string.
type Base64URL []byte

// String returns the unpadded base64url text.
func (b Base64URL) String() string {
	return base64.RawURLEncoding.EncodeToString(b)
}

// MarshalJSON implements [json.Marshaler].
func (b Base64URL) MarshalJSON() ([]byte, error) {
	return []byte(`"` + b.String() + `"`), nil
}

// UnmarshalJSON implements [json.Unmarshaler]; null leaves the value nil.
func (b *Base64URL) UnmarshalJSON(data []byte) error {
	*b = nil
	if string(data) == "null" {
		return nil
	}
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return errors.New("want a base64url string")
	}
	decoded, err := DecodeBase64URL(text)
	if err != nil {
		return err
	}
	*b = decoded
	return nil
}

const base64urlAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

const notBase64URL = 0xff

// base64urlValues are the values of the characters of base64url; notBase64URL for all other bytes.
var base64urlValues = func() (values [256]byte) {
	for i := range values {
		values[i] = notBase64URL
	}
	for i := range len(base64urlAlphabet) {
		values[base64urlAlphabet[i]] = byte(i)
	}
	return values
}()

// Base64URLEnd returns what the last character of unpadded base64url text becomes when the text is decoded as browsers
// do and encoded again: its unused bits are zero (RFC 4648 §3.5). It is 0 for empty text. bad is where the text is
// none, as [DecodeBase64URL] says it; -1 if it is one.
func Base64URLEnd[Text ~string | ~[]byte](text Text) (last byte, bad int) {
	for i := range len(text) {
		if base64urlValues[text[i]] == notBase64URL {
			return 0, i
		}
	}
	if len(text) == 0 {
		return 0, -1
	}
	last = text[len(text)-1]
	switch len(text) % 4 {
	case 1:
		return 0, len(text) - 1
	case 2:
		last = base64urlAlphabet[base64urlValues[last]&^0b1111]
	case 3:
		last = base64urlAlphabet[base64urlValues[last]&^0b11]
	}
	return last, -1
}

// DecodeBase64URL decodes unpadded base64url text. Like browsers it refuses padding and the
// standard alphabet, and ignores the unused low bits of a last character.
func DecodeBase64URL(text string) ([]byte, error) {
	// Package base64 skips line breaks, which are as illegal here as any other foreign byte.
	if i := strings.IndexAny(text, "\r\n"); i >= 0 {
		return nil, fmt.Errorf("illegal base64url at byte %d", i)
	}
	decoded, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		if corrupt, ok := errors.AsType[base64.CorruptInputError](err); ok {
			return nil, fmt.Errorf("illegal base64url at byte %d", int64(corrupt))
		}
		return nil, fmt.Errorf("illegal base64url: %w", err)
	}
	return decoded, nil
}
