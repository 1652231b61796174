package providers

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/passrig/passrig/virtual"
)

// MemberKind is what kind of value a member of a provider file has.
type MemberKind string

// The kinds of values.
const (
	KindBool     MemberKind = "true or false"
	KindInt      MemberKind = "a whole number"
	KindText     MemberKind = "text"
	KindTexts    MemberKind = "a list"
	KindDuration MemberKind = "a duration"
)

// Member is something that a provider file can say of a provider.
type Member struct {
	Name   string // "unlock.attempts" is attempts inside unlock
	Kind   MemberKind
	Values []string // the values, or items, that there are; nil: any
	Doc    string

	zero  string               // how 0 is shown, where it is no number; empty: as it is
	own   bool                 // of one version: the next does not inherit it
	check func(value) error    // what its kind and values do not say; may be nil
	asked func(*Provider) bool // whether a row that does not say it leaves a question open; nil: it does not
	set   func(*Provider, value)
}

func always(*Provider) bool    { return true }
func travels(p *Provider) bool { return p.Sync != nil }
func stays(p *Provider) bool   { return p.Sync == nil }

// value is what a member is said to be; only what goes with its kind is set.
type value struct {
	yes      bool
	number   int
	text     string
	texts    []string
	duration time.Duration
}

// shown is the member's value as text.
func (m *Member) shown(v value) string {
	switch m.Kind {
	case KindBool:
		return strconv.FormatBool(v.yes)
	case KindInt:
		if v.number == 0 && m.zero != "" {
			return m.zero
		}
		return strconv.Itoa(v.number)
	case KindTexts:
		if len(v.texts) == 0 {
			return "none"
		}
		return strings.Join(v.texts, ", ")
	case KindDuration:
		return shortDuration(v.duration)
	case KindText:
	}
	return v.text
}

// shortDuration leaves out the zeros of 30m0s and 720h0m0s.
func shortDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// Members are the members of a provider file's facts, in the order in which they are shown. Besides them
// there are rules and notes.
func Members() []Member {
	return slices.Concat(passkeyMembers(), ceremonyMembers(), unlockMembers(), syncMembers(), signalMembers())
}

// passkeyMembers say what a passkey is like at a relying party.
func passkeyMembers() []Member {
	return []Member{
		{Name: "since", Kind: KindText, own: true, Doc: "Since when it is so: a date, or what is known of it.", set: func(p *Provider, v value) { p.Since = v.text }},
		{Name: "changed", Kind: KindText, own: true, Doc: "What this version changed.", set: func(p *Provider, v value) { p.Changed = v.text }},
		{Name: "aaguid", Kind: KindText, check: checkAAGUID, asked: always, Doc: "The authenticator model, as UUID text.", set: func(p *Provider, v value) { p.Config.AAGUID = v.text }},
		{Name: "other-aaguids", Kind: KindTexts, Doc: "Models of its other forms, each with what it is in brackets.", set: func(*Provider, value) {}},
		{Name: "attachment", Kind: KindText, Values: []string{"platform", "cross-platform"}, Doc: "How the authenticator is attached.", set: func(p *Provider, v value) { p.Config.Attachment = v.text }},
		{Name: "transports", Kind: KindTexts, Values: []string{"ble", "hybrid", "internal", "nfc", "smart-card", "usb"}, Doc: "The transports that the relying party is told.", set: func(p *Provider, v value) { p.Config.Transports = v.texts }},
		{Name: "credential-id-length", Kind: KindInt, asked: always, Doc: "Bytes of a credential ID.", set: func(p *Provider, v value) { p.Config.CredentialIDLength = v.number }},
		{Name: "algorithms", Kind: KindTexts, Values: []string{"ES256", "ES384", "ES512", "EdDSA", "RS256", "PS256"}, asked: always, Doc: "The algorithms it has.", set: func(p *Provider, v value) { p.Config.Algorithms = v.texts }},
		{Name: "other-algorithms", Kind: KindTexts, Doc: "Algorithms that it has and passrig does not play.", set: func(*Provider, value) {}},
		{Name: "backup-eligible", Kind: KindBool, Doc: "The BE flag of new passkeys.", set: func(p *Provider, v value) { p.Config.BackupEligible = v.yes }},
		{Name: "backed-up", Kind: KindBool, Doc: "The BS flag of new passkeys.", set: func(p *Provider, v value) { p.Config.BackedUp = v.yes }},
		{Name: "counter", Kind: KindText, Values: []string{string(virtual.CounterZero), string(virtual.CounterPerCredential), string(virtual.CounterGlobal), string(virtual.CounterWhenCounting)}, Doc: "How signature counters move.", set: func(p *Provider, v value) { p.Config.Counter.Policy = virtual.CounterPolicy(v.text) }},
		{Name: "counter-start", Kind: KindInt, Doc: "The first count.", set: func(p *Provider, v value) { p.Config.Counter.Start = uint32(min(max(v.number, 0), 1<<31)) }},
		{Name: "discoverable", Kind: KindText, Values: []string{"always", "when-asked", "never"}, Doc: "Which passkeys need no allow list.", set: func(p *Provider, v value) { p.Config.ResidentKeys = virtual.ResidentKeys(v.text) }},
		{Name: "slots", Kind: KindInt, zero: "any", asked: stays, Doc: "How many discoverable passkeys fit; 0: any number.", set: func(p *Provider, v value) { p.Config.ResidentKeyLimit = v.number }},
	}
}

func checkAAGUID(v value) error {
	if err := (virtual.Config{AAGUID: v.text}).Validate(); err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "device config: "))
	}
	return nil
}

// ceremonyMembers say what ceremonies are like.
func ceremonyMembers() []Member {
	return []Member{
		{Name: "attestation", Kind: KindText, Values: []string{"none", "packed-self", "packed", "fido-u2f"}, Doc: "The attestation, when the relying party asks for one, as passrig plays it.", set: func(p *Provider, v value) { p.Config.Attestation = virtual.Attestation(v.text) }},
		{Name: "user-presence", Kind: KindText, Values: []string{"always", "unless-conditional", "never"}, Doc: "When the UP flag is set.", set: func(p *Provider, v value) { p.Config.UserPresence = virtual.UserPresence(v.text) }},
		{Name: "user-verification", Kind: KindText, Values: []string{"always", "when-asked", "never", "missing"}, Doc: "When the UV flag is set.", set: func(p *Provider, v value) { p.Config.UserVerification = virtual.UserVerification(v.text) }},
		{Name: "claims", Kind: KindText, Values: []string{string(ClaimsAccurate), string(ClaimsAlways)}, asked: always, Doc: "What UV=1 is worth: accurate, or always set without verifying anybody.", set: func(p *Provider, v value) { p.Claims = Claims(v.text) }},
		{Name: "extensions", Kind: KindTexts, Values: []string{"credProps", "prf", "largeBlob", "credBlob", "minPinLength"}, asked: always, Doc: "The WebAuthn extensions it has; credProps is the client's own doing.", set: func(p *Provider, v value) { p.Config.Extensions = append([]string{}, v.texts...) }},
		{Name: "quirks", Kind: KindTexts, Values: quirkNames(), Doc: "What it does that is unusual.", set: setQuirks},
		{Name: "reported", Kind: KindTexts, Values: quirkNames(), Doc: "Quirks that somebody has seen, and that passrig plays only when a scenario says so.", set: func(*Provider, value) {}},
		{Name: "verification", Kind: KindText, Doc: "How a device verifies its user, in words.", set: func(*Provider, value) {}},
	}
}

func setQuirks(p *Provider, v value) {
	p.Quirks = v.texts
	for _, q := range Quirks() {
		if slices.Contains(v.texts, q.Name) {
			q.set(&p.Config)
		}
	}
}

// unlockMembers say how the passkeys of an account come to a new device.
func unlockMembers() []Member {
	return []Member{
		{
			Name: "unlock.method", Kind: KindText,
			Values: []string{string(UnlockNone), string(UnlockProviderPIN), string(UnlockAccountPassword), string(UnlockDeviceApproval), string(UnlockScreenLock)},
			Doc:    "What opens the passkeys on a new device.", set: func(p *Provider, v value) { p.Unlock.Method = UnlockMethod(v.text) },
		},
		{Name: "unlock.attempts", Kind: KindInt, zero: "any", asked: travels, Doc: "Wrong tries in a row; 0: any number.", set: func(p *Provider, v value) { p.Unlock.Attempts = v.number }},
		{Name: "unlock.on-exhausted", Kind: KindText, Values: []string{ExhaustedLock, ExhaustedDestroy}, Doc: "What the last wrong try does.", set: func(p *Provider, v value) { p.Unlock.OnExhausted = v.text }},
		{Name: "unlock.resets-on-success", Kind: KindBool, Doc: "A right try sets the counter to zero.", set: func(p *Provider, v value) { p.Unlock.ResetsOnSuccess = v.yes }},
		{Name: "unlock.reset", Kind: KindText, Values: []string{ResetRegisteredDevice, ResetWipe, ResetNever}, asked: travels, Doc: "How it is set anew: by a device that has the passkeys, at the price of all passkeys, or not at all.", set: func(p *Provider, v value) { p.Unlock.Reset = v.text }},
		{Name: "unlock.min-length", Kind: KindInt, Doc: "The shortest PIN, in characters.", set: func(p *Provider, v value) { p.Unlock.PIN.MinLength = v.number }},
		{Name: "unlock.max-length", Kind: KindInt, zero: "any", Doc: "The longest PIN, in characters; 0: any.", set: func(p *Provider, v value) { p.Unlock.PIN.MaxLength = v.number }},
		{Name: "unlock.digits", Kind: KindBool, Doc: "A PIN is digits only.", set: func(p *Provider, v value) { p.Unlock.PIN.Digits = v.yes }},
	}
}

// syncMembers say how passkeys travel. One of them makes a provider one that syncs.
func syncMembers() []Member {
	text := func(name, doc string, field func(*Sync) *string, values ...string) Member {
		return Member{Name: "sync." + name, Kind: KindText, Values: values, Doc: doc, set: func(p *Provider, v value) { *field(p.syncing()) = v.text }}
	}
	yes := func(name, doc string, field func(*Sync) *bool) Member {
		return Member{Name: "sync." + name, Kind: KindBool, Doc: doc, set: func(p *Provider, v value) { *field(p.syncing()) = v.yes }}
	}
	span := func(name, doc string, field func(*Sync) *time.Duration) Member {
		return Member{Name: "sync." + name, Kind: KindDuration, Doc: doc, set: func(p *Provider, v value) { *field(p.syncing()) = v.duration }}
	}
	return []Member{
		text("merge", "How two changes of one passkey become one.", func(s *Sync) *string { return &s.Merge }, MergeServerWins, MergeLastWriter),
		text("replace", "What becomes of a passkey when a new one for the same user is made.", func(s *Sync) *string { return &s.Replace }, ReplaceShadow, ReplaceOverwrite, ReplaceKeepBoth),
		text("delete", "What deleting does.", func(s *Sync) *string { return &s.Delete }, DeleteAtOnce, DeleteTrash),
		span("trash-for", "How long what is in the trash can be restored.", func(s *Sync) *time.Duration { return &s.TrashFor }),
		text("tombstones", "What becomes of a deletion on other devices: it wins over late changes, a late change brings the passkey back, or it is ignored, so that a device that still has the passkey does.", func(s *Sync) *string { return &s.Tombstones }, TombstonesWin, TombstonesResurrect, TombstonesIgnored),
		text("sync-off", "What turning sync off on a device does to the passkeys there.", func(s *Sync) *string { return &s.SyncOff }, SyncOffWipes, SyncOffKeeps),
		yes("delete-chain", "Deleting the newest of a chain of shadows deletes the chain.", func(s *Sync) *bool { return &s.DeleteChain }),
		span("refresh-before-create", "Before making a passkey, a copy older than this is refreshed.", func(s *Sync) *time.Duration { return &s.RefreshBeforeCreate }),
		yes("refresh-when-missing", "A sign-in that finds nothing refreshes and looks again.", func(s *Sync) *bool { return &s.RefreshWhenMissing }),
		span("index-delay", "A passkey that was just made is not offered before.", func(s *Sync) *time.Duration { return &s.IndexDelay }),
	}
}

func (p *Provider) syncing() *Sync {
	if p.Sync == nil {
		p.Sync = &Sync{}
	}
	return p.Sync
}

// signalMembers say what signals do and how passkeys leave.
func signalMembers() []Member {
	return []Member{
		{Name: "signals.unknown", Kind: KindText, Values: []string{SignalHide, SignalDelete, SignalIgnore}, Doc: "What signalUnknownCredential does.", set: func(p *Provider, v value) { p.Signals.Unknown = v.text }},
		{Name: "signals.all-accepted", Kind: KindText, Values: []string{SignalHide, SignalDelete, SignalIgnore}, Doc: "What signalAllAcceptedCredentials does to those that are not named.", set: func(p *Provider, v value) { p.Signals.AllAccepted = v.text }},
		{Name: "signals.details", Kind: KindText, Values: []string{SignalFollow, SignalUnlessEdited, SignalIgnore}, Doc: "What signalCurrentUserDetails does.", set: func(p *Provider, v value) { p.Signals.Details = v.text }},
		{Name: "export.formats", Kind: KindTexts, Values: []string{"cxf", "bitwarden", "keepassxc"}, asked: travels, Doc: "The formats in which passkeys leave it.", set: func(p *Provider, v value) { p.Export.Formats = v.texts }},
		{Name: "export.counters-left-out", Kind: KindBool, Doc: "A passkey whose counter is not zero stays behind in every format; CXF leaves it out of itself.", set: func(p *Provider, v value) { p.Export.CountersLeftOut = v.yes }},
	}
}
