package vault

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
)

// codec is a format as data: what it has no place for, and how it is written and read.
type codec struct {
	format Format
	named  string // in sentences
	// lacks are the members of a passkey that the format has no place for, by their names of [Loss.Member].
	lacks []string
	// algorithms are those of passkeys that its readers can use.
	algorithms []webauthn.Algorithm
	// uncounted leaves out passkeys whose counter is above zero.
	uncounted bool
	single    bool // there is place for one passkey
	write     func([]virtual.StoredCredential, *ExportOptions) ([]byte, error)
	read      func(*reader, *node) error
}

func codecOf(format Format) *codec {
	switch format {
	case CXF:
		return &codec{
			format: format, named: "CXF",
			lacks:      []string{LossAlgorithm, LossDiscoverable, LossAAGUID, LossTransports, LossBackupState},
			algorithms: webauthn.Algorithms(),
			uncounted:  true,
			write:      writeCXF, read: (*reader).readCXF,
		}
	case Bitwarden:
		return &codec{
			format: format, named: "Bitwarden's JSON",
			lacks:      []string{LossPRF, LossCredBlob, LossLargeBlob, LossAAGUID, LossTransports, LossBackupState},
			algorithms: []webauthn.Algorithm{webauthn.ES256},
			write:      writeBitwarden, read: (*reader).readBitwarden,
		}
	case KeePassXC:
		return &codec{
			format: format, named: "a .passkey file",
			lacks: []string{
				LossPRF, LossCredBlob, LossLargeBlob, LossCounter, LossDiscoverable, LossDisplayName, LossCreated,
				LossAAGUID, LossTransports, LossBackupState,
			},
			algorithms: []webauthn.Algorithm{webauthn.ES256, webauthn.EdDSA, webauthn.RS256},
			single:     true,
			write:      writeKeePassXC, read: (*reader).readKeePassXC,
		}
	}
	return nil
}

// refuses tells why the format cannot hold a passkey at all, when it holds so many already; empty if it can.
func (c *codec) refuses(p *virtual.StoredCredential, held int) string {
	alg := webauthn.Algorithm(p.Algorithm)
	found, err := algorithmOf(p.PrivateKey)
	switch {
	case len(p.ID) == 0 || len(p.ID) > webauthn.MaxCredentialID:
		return fmt.Sprintf("its credential ID has %d bytes, want 1 to %d", len(p.ID), webauthn.MaxCredentialID)
	case p.RPID == "":
		return "it has no RP ID"
	case !utf8.ValidString(p.RPID):
		return "its RP ID is not UTF-8"
	case err != nil:
		return err.Error()
	case found != alg && (found != webauthn.RS256 || alg != webauthn.PS256):
		return fmt.Sprintf("its algorithm is %s, but its key is one for %s", alg, found)
	case !slices.Contains(c.algorithms, alg):
		return fmt.Sprintf("its algorithm is %s, and %s has place for %s only", alg, c.named, names(c.algorithms))
	case c.uncounted && p.SignCount > 0:
		return fmt.Sprintf("its signature counter is %d, and %s leaves out passkeys that count", p.SignCount, c.named)
	case c.single && held > 0:
		return c.named + " has place for one, and another stands before it"
	}
	return ""
}

// losses lists what of a passkey the format does not carry.
func (c *codec) losses(p *virtual.StoredCredential) []Loss {
	var lost []Loss
	for _, m := range members() {
		why := m.damaged(c, p)
		if why == "" && slices.Contains(c.lacks, m.name) && m.has(p) {
			why = c.named + " has no place for it"
			if m.becomes != "" {
				why += ": " + m.becomes
			}
		}
		if why != "" {
			lost = append(lost, Loss{CredentialID: bytes.Clone(p.ID), RPID: p.RPID, Member: m.name, Why: why, Renewed: m.renewed})
		}
	}
	return lost
}

// member is a part of a passkey that a format may lack.
type member struct {
	name    string
	renewed bool   // see [Loss.Renewed]
	becomes string // what becomes of it without a place
	has     func(*virtual.StoredCredential) bool
	// spoilt tells why a value of it cannot be written where there is a place; may be nil.
	spoilt func(*virtual.StoredCredential) string
}

func (m *member) damaged(c *codec, p *virtual.StoredCredential) string {
	if m.spoilt == nil || slices.Contains(c.lacks, m.name) {
		return ""
	}
	return m.spoilt(p)
}

func members() []member {
	type credential = virtual.StoredCredential
	notUTF8 := func(text func(*credential) string) func(*credential) string {
		return func(p *credential) string {
			if utf8.ValidString(text(p)) {
				return ""
			}
			return "it is not UTF-8: the bytes that are not are replaced"
		}
	}
	userName := func(p *credential) string { return p.UserName }
	displayName := func(p *credential) string { return p.UserDisplayName }
	return []member{
		{
			name: LossPRF, becomes: "what was encrypted by its outputs can no longer be opened",
			has:    func(p *credential) bool { return p.PRFSecret != nil },
			spoilt: spoiltPRF,
		},
		{name: LossCredBlob, has: func(p *credential) bool { return p.CredBlob != nil }},
		{name: LossLargeBlob, has: func(p *credential) bool { return p.LargeBlob != nil }, spoilt: spoiltLargeBlob},
		{name: LossCounter, becomes: "it starts at 0 again", has: func(p *credential) bool { return p.SignCount > 0 }},
		{
			name: LossAlgorithm, becomes: "an RSA key is read as one for RS256",
			has: func(p *credential) bool { return webauthn.Algorithm(p.Algorithm) == webauthn.PS256 },
		},
		{name: LossDiscoverable, becomes: "it becomes discoverable", has: func(p *credential) bool { return !p.Discoverable }},
		{name: LossUserName, has: func(p *credential) bool { return p.UserName != "" }, spoilt: notUTF8(userName)},
		{name: LossDisplayName, has: func(p *credential) bool { return p.UserDisplayName != "" }, spoilt: notUTF8(displayName)},
		{name: LossCreated, has: func(p *credential) bool { return !p.Created.IsZero() }, spoilt: spoiltTime},
		{name: LossAAGUID, renewed: true, has: func(p *credential) bool { return p.AAGUID != "" && p.AAGUID != noAAGUID() }},
		{name: LossTransports, renewed: true, has: func(p *credential) bool { return len(p.Transports) > 0 }},
		{name: LossBackupState, renewed: true, has: func(*credential) bool { return true }},
	}
}

// spoiltTime tells of a time that formats cannot write: CXF counts seconds from 1970, Bitwarden's years have four digits.
func spoiltTime(p *virtual.StoredCredential) string {
	if p.Created.IsZero() || p.Created.Unix() >= 0 && p.Created.UTC().Year() <= 9999 {
		return ""
	}
	return "it is not between the years 1970 and 9999"
}

// created returns the time of [spoiltTime]'s range, the zero time for others.
func created(p *virtual.StoredCredential) time.Time {
	if spoiltTime(p) != "" {
		return time.Time{}
	}
	return p.Created.UTC()
}

func noAAGUID() string { return webauthn.AAGUID{}.String() }

func names(algorithms []webauthn.Algorithm) string {
	all := make([]string, len(algorithms))
	for i, alg := range algorithms {
		all[i] = alg.String()
	}
	return strings.Join(all, ", ")
}
