package providers

// Action is what a person wants to do with a passkey.
type Action string

// The actions.
const (
	Save Action = "save" // make a new one
	Use  Action = "use"  // sign in with one
)

// Rule is one condition under which a provider saves or offers passkeys.
type Rule struct {
	ID        string // "account", "os", "client", "policy", "verification", or what the row calls it
	Text      string // what it says, to come after a colon: "… needs Edge 142 or later"
	Certainty Certainty
	Source    string

	Account      []string      // the account is of one of these types; empty: of any
	OS, Client   []Requirement // the device meets one of these; empty: any will do
	Policy       *Policy       // nil: no policy has a say
	Verification bool          // the device can verify its user
}

// Requirement is one release from which on something works: "Edge >= 142 on Windows".
type Requirement struct {
	Name string // as people write it; [Any] is every name
	From []int  // the first version that will do; empty: any
	On   string // for clients: only on this OS; empty: on any
}

// Any is the name of a requirement that every name meets.
const Any = "any"

// Policy is a switch that an administrator, or the account's owner, can turn off.
type Policy struct {
	Name    string   // "PasswordManagerPasskeysEnabled"
	Short   string   // a word a scenario can use for it: "passkeys"
	Account []string // only for accounts of these types; empty: for all
}

// Circumstances are those in which somebody wants to save or use a passkey. What is empty is not known,
// and then taken to be as it should.
type Circumstances struct {
	AccountType  string // "personal" or "work"; empty is personal
	OS, Client   Release
	Policies     map[string]string // by name: "off" or anything else
	Verification string            // how the device verifies its user: "windows-hello", "touch-id", "pin", …; "none": it cannot
}

// Release is a version of an operating system or a client, as somebody wrote it.
type Release struct {
	Name    string // in lower case: "windows"
	Version []int  // 11 or 26, 1; empty: not said
	Text    string // as written: "windows 11"
}

// Eligibility says whether something may be done, and why not.
type Eligibility struct {
	Allowed bool
	Reason  string // one sentence without a full stop; empty when allowed
	Rule    string // the id of the rule that does not hold
	Assumed string // what was taken for granted, e.g. that a device without a version is current, or an unverified rule
}
