package report

// Fabric is what the providers' clouds did in a run: who could save and use passkeys, what traveled when, and what
// became of PIN tries.
type Fabric struct {
	Accounts []FabricAccount `json:"accounts"`
	Study    *Study          `json:"study,omitempty"` // when it was a simulation
}

// FabricAccount is one account at a provider, of one scenario.
type FabricAccount struct {
	Scenario string         `json:"scenario"` // Scenario.ID
	Account  string         `json:"account"`
	Provider string         `json:"provider" redact:"-"`       // with its version: "microsoft-password-manager@152"
	Title    string         `json:"title"`                     // the provider's name as people write it
	Type     string         `json:"type,omitempty" redact:"-"` // "personal" or "work"
	Devices  []FabricDevice `json:"devices"`
	Events   []FabricEvent  `json:"events"` // in order of time
	Unlock   *FabricUnlock  `json:"unlock,omitempty"`
	Audit    *FabricAudit   `json:"audit,omitempty"`
}

// FabricDevice is a device of the account, and what the provider lets it do.
type FabricDevice struct {
	Name         string      `json:"name"`
	OS           string      `json:"os,omitempty"`
	Client       string      `json:"client,omitempty"`
	Verification string      `json:"verification,omitempty" redact:"-"` // "windows-hello", …, "none"
	Save         Eligibility `json:"save"`
	Use          Eligibility `json:"use"`
}

// Eligibility says whether a provider works on a device, and by which of its rules not.
type Eligibility struct {
	Allowed bool   `json:"allowed"`
	Reason  string `json:"reason,omitempty"` // one sentence
	Rule    string `json:"rule,omitempty" redact:"-"`
	Assumed string `json:"assumed,omitempty"` // what was taken for granted, as the file does not say
}

// FabricEvent is something that happened to a passkey or to a device. From and To are names of devices; empty is the
// provider's cloud. What happens on one device has the device in To, and in From who caused it, if somebody else did.
type FabricEvent struct {
	AtMS float64 `json:"atMs"` // since Run.Started
	// Kind is "pushed", "queued", "arrived", "lost", "duplicated", "conflict", "hidden", "unhidden", "deleted", "trashed",
	// "restored", "renamed", "shadowed", "resurrected", "undecryptable", "founded", "unlocked", "refused", "locked",
	// "enrolled", "revoked", "wiped", "rotated", "offline", "online", "register", "login".
	Kind    string  `json:"kind" redact:"-"`
	From    string  `json:"from,omitempty"`
	To      string  `json:"to,omitempty"`
	SentMS  float64 `json:"sentMs,omitempty"`  // of an arrival: when the cloud acknowledged the change, since Run.Started
	Passkey string  `json:"passkey,omitempty"` // its label in the scenario
	Step    string  `json:"step,omitempty"`    // Step.ID
	Text    string  `json:"text,omitempty"`    // one sentence
	Verdict Verdict `json:"verdict,omitempty"` // of a register or login
}

// FabricUnlock is the path of the account's unlock state machine.
type FabricUnlock struct {
	Method   string       `json:"method" redact:"-"` // "provider-pin", …
	Attempts int          `json:"attempts"`          // how many tries in a row are allowed; 0: any number
	Path     []UnlockMark `json:"path"`              // in order of time
}

// UnlockMark is one transition of the unlock state machine.
type UnlockMark struct {
	AtMS     float64 `json:"atMs"`
	Device   string  `json:"device,omitempty"`
	Action   string  `json:"action" redact:"-"` // "pin-set", "unlock-tried", "unlocked", "refused", "locked", "destroyed", "pin-reset", …
	Failures int     `json:"failures"`          // in a row, afterwards
}

// FabricAudit is the audit log of the account's cloud at the end of the run. All accounts of a scenario at one provider
// share it.
type FabricAudit struct {
	Entries int    `json:"entries"`
	Head    string `json:"head" redact:"-"`   // "SEQ:HASH", for passrig sync audit --head
	Intact  bool   `json:"intact"`            // the chain was verified
	Problem string `json:"problem,omitempty"` // in one sentence, if not
	File    string `json:"file,omitempty"`    // where it is kept, if it is
}

// Study is a simulation of many accounts in virtual time. Its figures are in [Run.Metrics].
type Study struct {
	Accounts   int64        `json:"accounts"`
	Devices    int          `json:"devices"`              // of each account
	EventsEach int          `json:"eventsEach,omitempty"` // of each account, as asked for
	Events     int64        `json:"events"`               // that took place, all accounts
	VirtualMS  float64      `json:"virtualMs"`
	Provider   string       `json:"provider" redact:"-"`
	Delay      string       `json:"delay" redact:"-"` // the distribution in words
	Loss       float64      `json:"loss"`             // 0 to 1
	Duplicates float64      `json:"duplicates"`
	Kinds      []StudyCount `json:"kinds"` // events by kind, and how they ended
}

// StudyCount counts the events of one kind.
type StudyCount struct {
	Kind   string `json:"kind" redact:"-"` // "create", "login", …
	Count  int64  `json:"count"`
	Failed int64  `json:"failed"`
}

// Cell places a step's verdict in a table of its scenario.
type Cell struct {
	Row    string `json:"row"`
	Column string `json:"column"`
}
