package checks

import (
	"context"
	"slices"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/forge"
)

// Ceremony says what a check is about.
type Ceremony string

// The ceremonies, in the order in which they are checked.
const (
	Options        Ceremony = "options"
	Registration   Ceremony = "registration"
	Authentication Ceremony = "authentication"
	Lifecycle      Ceremony = "lifecycle"
	Sync           Ceremony = "sync"
)

// Level says how binding an expectation is.
type Level string

// The levels.
const (
	Must         Level = "MUST"    // has to refuse, or to send: a deviation fails
	Should       Level = "SHOULD"  // ought to: a deviation is a warning, in strict mode a failure
	Info         Level = "INFO"    // the relying party's choice: what it does is recorded
	Accept       Level = "ACCEPT"  // has to take what is legal: a deviation fails
	ShouldAccept Level = "ACCEPT~" // ought to take it: a warning, in strict mode a failure
)

// Severity is how bad a confirmed deviation is.
type Severity string

// The severities, worst first.
const (
	Critical Severity = "critical"
	High     Severity = "high"
	Medium   Severity = "medium"
	Low      Severity = "low"
	Note     Severity = "info"
)

// Severities lists them, worst first.
func Severities() []Severity { return []Severity{Critical, High, Medium, Low, Note} }

// AtLeast reports whether s is as bad as limit, or worse.
func (s Severity) AtLeast(limit Severity) bool {
	return slices.Index(Severities(), s) <= slices.Index(Severities(), limit)
}

// Where a check can be performed.
type Where string

// The places.
const (
	Anywhere Where = ""        // over the API and on the page
	API      Where = "api"     // over the API only
	Browser  Where = "browser" // on the page only
)

// Consent is what somebody has to agree to before a check is performed.
type Consent string

// The kinds of consent; the empty one is none.
const (
	Destructive Consent = "destructive" // deletes or locks accounts
	Slow        Consent = "slow"        // takes minutes
	Network     Consent = "network"     // asks third parties
)

// Check is one row of the catalogue.
type Check struct {
	ID       string // stable, such as "auth-sig-flipped"
	Title    string
	Ceremony Ceremony
	Level    Level
	Severity Severity
	Gates    []Gate    // what the target has to be for a deviation to count
	Basis    []string  // "WebAuthn L3 §7.2 step 21", "FIDO MC-Resp-3 F-1 (1.9.2)", "CVE-2022-21449"
	Sends    string    // what is sent or observed
	Expects  string    // what has to happen
	Fix      string    // what to do when it does not
	Faults   []string  // the demo relying party's faults under which it deviates, and no others
	Where    Where     // where it can be performed
	Consent  Consent   // what has to be agreed to
	Needs    []Ability // what the adapter has to offer besides the ceremony

	// Cases are variants of one ceremony, each with one change to a legal response; the level says whether they
	// have to be refused (MUST, SHOULD) or taken (ACCEPT).
	Cases []Case
	// Perform is for what is more than one ceremony. Either it or Cases is set.
	Perform func(ctx context.Context, r *Rig) Finding
}

// Case is one variant of a ceremony.
type Case struct {
	Name string
	// Changes turn the legal response into what is sent; nil sends it as it is. They may depend on the target. No
	// change at all from a function that is not nil means that the case does not apply here.
	Changes func(s Scene) []forge.Change
	// Authenticator changes how the device behaves; nil keeps it: a synced platform passkey with ES256.
	Authenticator func(*virtual.Config)
}

// Scene is what a case's changes can depend on.
type Scene struct {
	Origin  string         // the client's
	RPID    string         // as the options have it
	Options map[string]any // the relying party's, as the client sees them
	User    *User
}

// change is the one change of most cases.
func change(name string, value any) func(Scene) []forge.Change {
	return func(Scene) []forge.Change { return []forge.Change{{Name: name, Value: value}} }
}

// Ability is an operation of the adapter that a check needs.
type Ability string

// The abilities.
const (
	CanWhoami       Ability = "whoami"
	CanList         Ability = "list"
	CanDelete       Ability = "delete"
	CanRename       Ability = "rename"
	CanLogout       Ability = "logout"
	CanDiscoverable Ability = "login-discoverable"
	CanLogin        Ability = "login" // username first
	CanDeleteUser   Ability = scenarios.OpDeleteAccount
	CanLock         Ability = scenarios.OpLockAccount
)

// wants is what has to happen to what a check sends.
type wants int

const (
	toBeRefused wants = iota
	toBeTaken
	eitherWay
)

func (c *Check) wants() wants {
	switch c.Level {
	case Accept, ShouldAccept:
		return toBeTaken
	case Info:
		return eitherWay
	case Must, Should:
	}
	return toBeRefused
}

// operation is what the check's cases are variants of.
func (c *Check) operation(r *Rig) string {
	if c.Ceremony == Registration {
		return opRegister
	}
	return r.loginOperation()
}

// Driver performs the adapter's operations. [rp.Party] is one, the browser driver another.
type Driver interface {
	Do(ctx context.Context, operation string, s *rp.Session, in rp.Input) *rp.Result
	Release(s *rp.Session)
}
