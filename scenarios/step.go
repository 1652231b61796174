package scenarios

// Step is one thing that happens. Exactly one action is set.
type Step struct {
	Pos       Pos      `yaml:"-"`
	ID        string   `yaml:"id" pattern:"^[a-z][a-z0-9-]*$" doc:"A name by which later steps refer to this step's result (steps.ID) or to the passkey it made."`
	Title     Text     `yaml:"title" doc:"Shown in reports instead of the generated title."`
	When      *Expr    `yaml:"when" condition:"true" doc:"The step runs only if this is true."`
	Timeout   Duration `yaml:"timeout" doc:"How long the step may take. Default: 30s, or --timeout."`
	OnFailure string   `yaml:"on-failure" enum:"stop,continue,warn" doc:"Whether the scenario goes on after this step failed; warn: it does, and the failure is a warning. Default: stop."`
	Always    bool     `yaml:"always" doc:"Run even after an earlier step failed: for tidying up."`
	Expect    *Expect  `yaml:"expect" doc:"What must be true afterwards. Default: the step is accepted."`
	Cell      *Cell    `yaml:"cell" doc:"Where reports show the step's verdict in a table of the scenario."`

	Signup            *Signup            `yaml:"signup" action:"true" doc:"Make the user's account at the relying party."`
	Register          *Register          `yaml:"register" action:"true" doc:"Register a passkey made on a device."`
	Login             *Login             `yaml:"login" action:"true" doc:"Sign a user in with a passkey, in a fresh session."`
	LoginDiscoverable *LoginDiscoverable `yaml:"login-discoverable" action:"true" doc:"Sign in without saying who, by a discoverable credential."`
	Logout            *Visit             `yaml:"logout" action:"true" doc:"End the session."`
	Whoami            *Visit             `yaml:"whoami" action:"true" doc:"Ask the relying party who is signed in."`
	List              *Visit             `yaml:"list" action:"true" doc:"List the user's passkeys at the relying party."`
	Rename            *Rename            `yaml:"rename" action:"true" doc:"Rename a passkey at the relying party, or at the provider."`
	Delete            *Delete            `yaml:"delete" action:"true" doc:"Delete a passkey at the relying party, or at the provider."`
	Request           *Request           `yaml:"request" action:"true" doc:"Send one HTTP request."`
	Wait              *Wait              `yaml:"wait" action:"true" doc:"Wait for a time, such as 500ms, or until a request's answer is as wanted."`
	Repeat            *Repeat            `yaml:"repeat" action:"true" doc:"Do steps several times."`
	Assert            *Assert            `yaml:"assert" action:"true" doc:"Expressions that must be true."`
	Page              *Page              `yaml:"page" action:"true" doc:"Do page steps in a device's browser. Needs --driver browser."`
	Device            *DeviceStep        `yaml:"device" action:"true" doc:"Change a device, or the person at it, from here on."`
	Passkeys          *Passkeys          `yaml:"passkeys" action:"true" doc:"Look at the passkeys that a device itself holds."`
	Set               map[string]Tree    `yaml:"set" action:"true" names:"variable" doc:"Set variables, read as vars.NAME."`
	Include           *Include           `yaml:"include" action:"true" doc:"Do the steps of another file."`

	Sync         *SyncStep     `yaml:"sync" action:"true" doc:"Bring a device up to date with its account's passkeys."`
	Unlock       *UnlockStep   `yaml:"unlock" action:"true" doc:"Open the account's passkeys on a device, by the PIN or whatever the provider asks for."`
	EnrolDevice  *EnrolDevice  `yaml:"enrol-device" action:"true" doc:"Let a device into its account by another one."`
	RevokeDevice *RevokeDevice `yaml:"revoke-device" action:"true" doc:"Shut a device out of its account."`
	SignOut      *OnDevice     `yaml:"sign-out" action:"true" doc:"Sign a device out of its account."`
	GoOffline    *OnDevice     `yaml:"go-offline" action:"true" doc:"Take a device off the network."`
	GoOnline     *OnDevice     `yaml:"go-online" action:"true" doc:"Bring a device back to the network: what waited there is sent, and what it missed arrives."`
	Wipe         *Wipe         `yaml:"wipe" action:"true" doc:"Turn sync off on a device, or forget all passkeys of an account."`
	Policy       *PolicyStep   `yaml:"policy" action:"true" doc:"Change the policies of an account's platform."`
	ResetPIN     *ResetPIN     `yaml:"reset-pin" action:"true" doc:"Give an account another PIN."`
	RotateKeys   *OnDevice     `yaml:"rotate-keys" action:"true" doc:"Begin a new epoch of the account's vault key on a device."`
	Restore      *Restore      `yaml:"restore" action:"true" doc:"Take a passkey back out of the provider's trash."`
	Signal       *SignalStep   `yaml:"signal" action:"true" doc:"Tell a device's provider what a page would tell it about a user's passkeys."`
	Export       *ExportStep   `yaml:"export" action:"true" doc:"Write a device's passkeys for another provider."`
	Import       *ImportStep   `yaml:"import" action:"true" doc:"Read into a device what was exported."`
	Fabric       *FabricStep   `yaml:"fabric" action:"true" doc:"Do something to the provider's cloud as passrig plays it."`
}

// Warn is the value of [Step.OnFailure] by which a failure is only a warning.
const Warn = "warn"

// GoesOn says whether the scenario goes on after the step failed.
func (s *Step) GoesOn() bool { return s.OnFailure == "continue" || s.OnFailure == Warn }

// Signup makes the user's account at the RP.
type Signup struct {
	User string          `yaml:"user,required" ref:"user" doc:"Who."`
	On   string          `yaml:"on" ref:"device" doc:"The device whose browser is used. Default: one of no device."`
	With map[string]Tree `yaml:"with" doc:"Arguments for the adapter's operation."`
}

// Register registers a passkey.
type Register struct {
	User    string          `yaml:"user,required" ref:"user" doc:"Who."`
	On      string          `yaml:"on,required" ref:"device" doc:"The device that makes the passkey."`
	Session string          `yaml:"session" ref:"device" doc:"The device whose signed-in session is used. Default: the same device's; else the user's newest."`
	Label   Text            `yaml:"label" doc:"Name for the passkey, where the relying party takes one. Default: the device's name."`
	Tamper  []Tamper        `yaml:"tamper" doc:"Changes of the response on its way to the relying party: a list of names, each with its value if it takes one. Not for devices with chrome."`
	With    map[string]Tree `yaml:"with" doc:"Arguments for the adapter's operation."`
}

// Login signs in username-first, or however the adapter's login operation does.
type Login struct {
	User            string          `yaml:"user,required" ref:"user" doc:"Who."`
	On              string          `yaml:"on,required" ref:"device" doc:"The device whose passkey is used."`
	Discoverable    bool            `yaml:"discoverable" doc:"Use the adapter's login-discoverable operation."`
	Credential      string          `yaml:"credential" ref:"credential" doc:"Which passkey the person picks: the id of the step that made it, or a device."`
	KeepSession     bool            `yaml:"keep-session" doc:"Go on in the device's session instead of a fresh one."`
	IgnoreAllowList bool            `yaml:"ignore-allow-list" doc:"Sign even with a passkey that the relying party does not list, as a hostile client would."`
	Tamper          []Tamper        `yaml:"tamper" doc:"Changes of the response on its way to the relying party: a list of names, each with its value if it takes one. Not for devices with chrome."`
	With            map[string]Tree `yaml:"with" doc:"Arguments for the adapter's operation."`
}

// LoginDiscoverable signs in without a username.
type LoginDiscoverable struct {
	On          string          `yaml:"on,required" ref:"device" doc:"The device whose passkey is used."`
	User        string          `yaml:"user" ref:"user" doc:"Whose passkey the person picks, when the device holds several."`
	Credential  string          `yaml:"credential" ref:"credential" doc:"Which passkey the person picks: the id of the step that made it, or a device."`
	KeepSession bool            `yaml:"keep-session" doc:"Go on in the device's session instead of a fresh one."`
	Tamper      []Tamper        `yaml:"tamper" doc:"Changes of the response on its way to the relying party: a list of names, each with its value if it takes one. Not for devices with chrome."`
	With        map[string]Tree `yaml:"with" doc:"Arguments for the adapter's operation."`
}

// Visit is an operation that only needs a session.
type Visit struct {
	User string          `yaml:"user,required" ref:"user" doc:"Who."`
	On   string          `yaml:"on" ref:"device" doc:"The device whose session is used. Default: the user's newest."`
	With map[string]Tree `yaml:"with" doc:"Arguments for the adapter's operation."`
}

// Rename gives a passkey another name at the RP, or at the provider.
type Rename struct {
	User       string          `yaml:"user,required" ref:"user" doc:"Who."`
	At         string          `yaml:"at" enum:"relying-party,provider" doc:"Where. At the provider it is the user name that the device shows. Default: relying-party."`
	On         string          `yaml:"on" ref:"device" doc:"The device whose session is used. Default: the user's newest. At the provider: the device on which the person does that."`
	Credential string          `yaml:"credential,required" ref:"credential" doc:"Which passkey: the id of the step that made it, or a device."`
	To         Text            `yaml:"to,required" doc:"The new name."`
	With       map[string]Tree `yaml:"with" doc:"Arguments for the adapter's operation."`
}

// Delete deletes a passkey at the RP, where the device keeps its key, or at the provider, where the RP does not hear
// of it.
type Delete struct {
	User       string          `yaml:"user,required" ref:"user" doc:"Who."`
	At         string          `yaml:"at" enum:"relying-party,provider" doc:"Where. Default: relying-party."`
	On         string          `yaml:"on" ref:"device" doc:"The device whose session is used. Default: the user's newest. At the provider: the device on which the person does that."`
	Credential string          `yaml:"credential,required" ref:"credential" doc:"Which passkey: the id of the step that made it, or a device."`
	With       map[string]Tree `yaml:"with" doc:"Arguments for the adapter's operation."`
}

// Page does page steps without any operation of the adapter.
type Page struct {
	On    string     `yaml:"on,required" ref:"device" doc:"The device whose browser is used, and whose passkeys answer."`
	User  string     `yaml:"user" ref:"user" doc:"Whose session. Default: the device's browser of no user."`
	Fresh bool       `yaml:"fresh" doc:"Begin without cookies. Default: go on in the session."`
	Steps []PageStep `yaml:"steps,required" doc:"What the person does, in order. What evaluate saves is read as vars.NAME."`
}

// DeviceStep changes a device, or the person at it. Members left out stay as they are.
type DeviceStep struct {
	On        string   `yaml:"on,required" ref:"device" doc:"Which device."`
	Present   *bool    `yaml:"present" doc:"Whether somebody is there to consent. A page then waits until its own timeout."`
	Verified  *bool    `yaml:"verified" doc:"Whether the user is who they should be. For devices with chrome."`
	ThinkTime Duration `yaml:"think-time" doc:"How long the person takes to consent. Default: no time."`
	Autofill  string   `yaml:"autofill" enum:"pick,ignore" doc:"Whether the person picks a passkey that a form field offers (mediation conditional). Needs --driver browser. Default: ignore."`
	Answers   []string `yaml:"answers" enum:"bogus-signature,bad-uv,bad-up" doc:"How the authenticator lies in every answer; an empty list ends it. For devices with chrome."`
}

// Passkeys looks at what a device holds. As a scalar it is the device.
type Passkeys struct {
	On string `yaml:"on,required" scalar:"true" ref:"device" doc:"Which device."`
}

// Request is one HTTP request of the scenario itself.
type Request struct {
	User   string `yaml:"user" ref:"user" doc:"Send it in this user's newest session. Default: no session."`
	On     string `yaml:"on" ref:"device" doc:"The device whose session is used."`
	HTTP   `yaml:",inline"`
	Save   map[string]Save `yaml:"save" names:"variable" doc:"Values of the answer to keep, read as vars.NAME."`
	Accept *Expr           `yaml:"accept" scope:"response" condition:"true" doc:"What a yes looks like. Default: status in 200..299."`
	Reject *Expr           `yaml:"reject" scope:"response" condition:"true" doc:"What a no looks like. Default: status in 400..499."`
}

// Wait pauses the scenario, or polls. As a scalar it is a duration.
type Wait struct {
	For     Duration `yaml:"for,required" scalar:"true" doc:"How long, or with request how long at most."`
	Request *Request `yaml:"request" doc:"Ask again and again until the answer is accepted."`
	Every   Duration `yaml:"every" doc:"Time between two requests. Default: 250ms."`
}

// Repeat runs steps several times.
type Repeat struct {
	Times Int    `yaml:"times,required" min:"1" max:"100000" doc:"How often."`
	Steps []Step `yaml:"steps,required" doc:"What; loop.index counts from 0."`
}

// Assert is a list of expressions. As a scalar or list it is the expressions alone.
type Assert struct {
	That    []*Expr `yaml:"that,required" scalar:"true" condition:"true" doc:"Expressions that must be true."`
	Message Text    `yaml:"message" doc:"Said when one is not."`
}

// Include splices in the steps of another file. As a scalar it is the path.
type Include struct {
	File  string          `yaml:"file,required" scalar:"true" doc:"A step-list file, relative to this file, or builtin:NAME."`
	With  map[string]Tree `yaml:"with" doc:"Values for the included file's params."`
	Steps []Step          `yaml:"-"` // the included steps, filled by Load

	Params map[string]Param `yaml:"-"` // what the included file declares, filled by Load
}

// Nobody is what [Expect.User] says when no one is signed in. No user is called so.
const Nobody = "nobody"

// Somebody is what result.user says when someone is signed in and the relying party's page does not name them. No
// user is called so.
const Somebody = "somebody"

// Expect is what must be true after a step. Members left out are not looked at, except that outcome
// defaults to accepted.
type Expect struct {
	Pos     Pos      `yaml:"-"`
	Outcome string   `yaml:"outcome" enum:"accepted,rejected,refused" doc:"accepted: the relying party said yes; rejected: it said no; refused: the client or authenticator did, before a credential was sent."`
	Error   string   `yaml:"error" pattern:"^[A-Z][A-Za-z]*Error$" doc:"The DOMException the client refused with, such as InvalidStateError. Implies outcome: refused. After page, that of its last ceremony."`
	User    string   `yaml:"user" ref:"user-or-nobody" doc:"Who the relying party then says is signed in, or nobody."`
	Within  Duration `yaml:"within" doc:"The longest the step may take."`
	Status  Int      `yaml:"status" min:"100" max:"599" doc:"The HTTP status of the deciding answer."`
	Count   *Int     `yaml:"count" min:"0" doc:"How many passkeys list or passkeys shows."`
	Names   []Text   `yaml:"names" doc:"Names that list shows, or the user names that passkeys shows, in any order."`
	That    []*Expr  `yaml:"that" scope:"result" condition:"true" doc:"Expressions over result that must be true."`
}
