package webauthn

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// AAGUID names an authenticator model: 16 bytes, written as a UUID. All zeros means "not said".
type AAGUID [16]byte

// ParseAAGUID reads the UUID text form, in either letter case.
func ParseAAGUID(text string) (AAGUID, error) {
	var a AAGUID
	digits := strings.ReplaceAll(text, "-", "")
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' || len(digits) != 32 {
		return AAGUID{}, fmt.Errorf("aaguid %q: want 8-4-4-4-12 hexadecimal digits", text)
	}
	if _, err := hex.Decode(a[:], []byte(digits)); err != nil {
		return AAGUID{}, fmt.Errorf("aaguid %q: want 8-4-4-4-12 hexadecimal digits", text)
	}
	return a, nil
}

// String returns the lower-case UUID form.
func (a AAGUID) String() string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", a[:4], a[4:6], a[6:8], a[8:10], a[10:])
}

// IsZero reports whether all bytes are zero.
func (a AAGUID) IsZero() bool {
	return a == AAGUID{}
}

// MarshalText implements [encoding.TextMarshaler].
func (a AAGUID) MarshalText() ([]byte, error) {
	return []byte(a.String()), nil
}

// UnmarshalText implements [encoding.TextUnmarshaler].
func (a *AAGUID) UnmarshalText(text []byte) error {
	parsed, err := ParseAAGUID(string(text))
	*a = parsed
	return err
}
