package webauthn

import (
	"fmt"
	"strings"
)

// Flags is the flags byte of authenticator data (WebAuthn L3 §6.1).
type Flags byte

// The flag bits; bits 1 and 5 are reserved.
const (
	FlagUP Flags = 1 << 0 // user present
	FlagUV Flags = 1 << 2 // user verified
	FlagBE Flags = 1 << 3 // backup eligible
	FlagBS Flags = 1 << 4 // backed up at the moment
	FlagAT Flags = 1 << 6 // attested credential data follows
	FlagED Flags = 1 << 7 // extension data follows
)

// Has reports whether all bits of mask are set.
func (f Flags) Has(mask Flags) bool {
	return f&mask == mask
}

// With returns f with the bits of mask set or cleared.
func (f Flags) With(mask Flags, set bool) Flags {
	if set {
		return f | mask
	}
	return f &^ mask
}

// Names lists the set bits in bit order: UP RFU1 UV BE BS RFU2 AT ED.
func (f Flags) Names() []string {
	names := []string{}
	for bit, name := range [...]string{"UP", "RFU1", "UV", "BE", "BS", "RFU2", "AT", "ED"} {
		if f.Has(1 << bit) {
			names = append(names, name)
		}
	}
	return names
}

// String renders the byte and its names: "0x45 UP UV AT".
func (f Flags) String() string {
	return strings.TrimSpace(fmt.Sprintf("0x%02x %s", byte(f), strings.Join(f.Names(), " ")))
}
