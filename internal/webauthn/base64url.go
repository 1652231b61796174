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
