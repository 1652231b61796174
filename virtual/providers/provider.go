// Package providers knows how the passkeys of each provider behave: who keeps them, with what flags and
// counters they show up at a relying party, who may save and use them where, and how they travel. It
// is data, a YAML file for each provider, in which every fact says how certain it is and who says so.
package providers

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/passrig/passrig/virtual"
)

// Default is the provider of an account or device that names none.
const Default = "device-bound"

// Provider is one row of what is known: a provider as it was from one version on. It must not be changed.
type Provider struct {
	Name    string // "microsoft-password-manager"
	Version string // "152"; empty where a provider has one row only
	Title   string // its name as people write it
	Summary string // one sentence
	Since   string // a date, or what is known of it, as text; may be empty
	Changed string // what this version changed against the one before; empty for the first
	Assumes string // the assumption under which the row holds; empty for one that claims to be how things are

	Config virtual.Config // of its devices; Random and Clock are left to the caller

	Save, Use    []Rule // who may save a new passkey and who may use one: every rule has to hold; empty: everybody
	Verification bool   // a device that cannot verify its user cannot use a passkey

	Claims  Claims // what the user verified flag (UV) is worth
	Unlock  Unlock
	Sync    *Sync // nil: passkeys stay on the device that made them
	Signals Signals
	Export  Export
	Quirks  []string // names of what it does that is unusual, see [Quirks]

	Facts []Fact // everything that is said of it, with its certainty, in the order of [Members]

	stated []statement
	names  *spelling
}

// ID is the name with the version: "microsoft-password-manager@152".
func (p *Provider) ID() string {
	if p.Version == "" {
		return p.Name
	}
	return p.Name + "@" + p.Version
}

// Certainty is how sure a fact is.
type Certainty string

// The certainties, the surest first.
const (
	Read       Certainty = "read"       // in code or in a real sample
	Documented Certainty = "documented" // by who makes it, or by who tried it and said so publicly
	Unverified Certainty = "unverified" // memory, inference, or disputed: not to be shown as a fact
)

// Fact is one thing that is said of a provider.
type Fact struct {
	Member    string    `json:"member"` // of a provider file: "unlock.attempts"
	Value     string    `json:"value"`
	Certainty Certainty `json:"certainty"`
	Source    string    `json:"source"` // who says so
}

// String is the fact as it is shown: one that is not certain says so.
func (f Fact) String() string {
	text := f.Member + ": " + f.Value
	if f.Certainty == Unverified {
		text += " (unverified)"
	}
	return text
}

// Claims says what the user verified flag (UV) of a provider is worth.
type Claims string

// What a UV flag is worth.
const (
	ClaimsUnknown  Claims = ""         // nobody has looked
	ClaimsAccurate Claims = "accurate" // UV=1 says that the user was verified
	ClaimsAlways   Claims = "always"   // UV=1 is sent without verifying anybody
)

// UnlockMethod is what opens a provider's passkeys on a new device.
type UnlockMethod string

// The unlock methods.
const (
	UnlockNone            UnlockMethod = "none" // signing in to the account is enough
	UnlockProviderPIN     UnlockMethod = "provider-pin"
	UnlockAccountPassword UnlockMethod = "account-password"
	UnlockDeviceApproval  UnlockMethod = "device-approval" // by a device that has them
	UnlockScreenLock      UnlockMethod = "screen-lock"     // of a device that has them
)

// What wrong tries come to.
const (
	ExhaustedLock    = "lock"    // nobody gets in any more, nothing is lost
	ExhaustedDestroy = "destroy" // the record that opens the passkeys is gone
)

// How a PIN is set anew.
const (
	ResetRegisteredDevice = "registered-device" // by a device that has the passkeys; they stay
	ResetWipe             = "wipe"              // all passkeys go
	ResetNever            = "never"
)

// Unlock is how the passkeys of an account come to a new device.
type Unlock struct {
	Method          UnlockMethod
	Attempts        int    // wrong tries in a row; 0: unlimited
	OnExhausted     string // "lock" or "destroy"
	ResetsOnSuccess bool   // a right try sets the counter to zero
	Reset           string // "registered-device", "wipe" or "never"
	PIN             PINRules
}

// PINRules is what a PIN, or whatever the person types to unlock, has to look like.
type PINRules struct {
	MinLength, MaxLength int  // in characters; 0: no limit
	Digits               bool // nothing but the digits 0 to 9
}

// How two changes of one passkey on different devices become one.
const (
	MergeServerWins = "server-wins"
	MergeLastWriter = "last-writer-wins"
)

// What becomes of a passkey when a new one for the same relying party and user is made.
const (
	ReplaceShadow    = "shadow"    // kept, but no longer offered
	ReplaceOverwrite = "overwrite" // gone
	ReplaceKeepBoth  = "keep-both"
)

// What deleting does.
const (
	DeleteAtOnce = "at-once"
	DeleteTrash  = "trash" // it can be restored for a while
)

// What becomes of a deletion on the other devices.
const (
	TombstonesWin       = "win"       // it is final: a late change does nothing
	TombstonesResurrect = "resurrect" // a late change brings the passkey back
	TombstonesIgnored   = "ignored"   // it is not heeded: a device that still has the passkey brings it back
)

// What turning sync off on a device does to the passkeys there.
const (
	SyncOffWipes = "wipes"
	SyncOffKeeps = "keeps"
)

// Sync is how passkeys travel between the devices of an account.
type Sync struct {
	Merge       string        // "server-wins" or "last-writer-wins"
	Replace     string        // "shadow", "overwrite" or "keep-both"
	Delete      string        // "at-once" or "trash"
	TrashFor    time.Duration // how long what is in the trash can be restored
	Tombstones  string        // "win", "resurrect" or "ignored"
	SyncOff     string        // "wipes" or "keeps"
	DeleteChain bool          // deleting the newest of a chain of shadows deletes the chain

	RefreshBeforeCreate time.Duration // before making a passkey, a copy older than this is refreshed; 0: never
	RefreshWhenMissing  bool          // a sign-in that finds nothing refreshes and looks again
	IndexDelay          time.Duration // a passkey that was just made is not offered before
}

// What a signal of the relying party does.
const (
	SignalHide         = "hide" // no longer offered, and offered again when a later signal names it
	SignalDelete       = "delete"
	SignalIgnore       = "ignore"
	SignalFollow       = "follow"
	SignalUnlessEdited = "unless-edited" // followed, unless the person has chosen a name
)

// Signals is what the Signal API does (WebAuthn L3 §5.1.10).
type Signals struct {
	Unknown, AllAccepted string // "hide", "delete" or "ignore"
	Details              string // "follow", "unless-edited" or "ignore"
}

// Export is how passkeys leave the provider and come in from others.
type Export struct {
	Formats         []string // "cxf", "bitwarden", "keepassxc"
	CountersLeftOut bool     // a passkey whose counter is not zero stays behind
}

// String names the provider for people: its title, and the version if it has one.
func (p *Provider) String() string {
	if p.Version == "" {
		return p.Title
	}
	return fmt.Sprintf("%s @%s", p.Title, p.Version)
}

// Fact returns what is said of a member of a provider file, as "unlock.attempts".
func (p *Provider) Fact(member string) (Fact, bool) {
	for _, f := range p.Facts {
		if f.Member == member {
			return f, true
		}
	}
	return Fact{}, false
}

// Unknown are the members that one would ask about and of which nothing is said. What passrig plays there is the
// default of [virtual.Config].
func (p *Provider) Unknown() []Member {
	return slices.DeleteFunc(Members(), func(m Member) bool {
		_, said := p.Fact(m.Name)
		return said || m.asked == nil || !m.asked(p)
	})
}

// splitID takes a provider's id apart.
func splitID(id string) (name, version string) {
	name, version, _ = strings.Cut(id, "@")
	return name, version
}
