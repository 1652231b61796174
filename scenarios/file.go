package scenarios

// Version is the language version this package reads.
const Version = 1

// File is one scenario file.
type File struct {
	Path string `yaml:"-"` // as the user typed it

	Passrig     Int                `yaml:"passrig,required" enum:"1" doc:"Language version."`
	Name        string             `yaml:"name" doc:"What the scenario shows, in one line."`
	Description string             `yaml:"description" doc:"Why it matters; shown in reports."`
	Tags        []string           `yaml:"tags" doc:"Words to select scenarios by."`
	Target      *Target            `yaml:"target" doc:"The relying party under test. May be left out and given by --adapter and --origin."`
	Env         []string           `yaml:"env" doc:"Environment variables the file may read as env.NAME; no others can be read. The value of one whose name tells of a secret, token, password or key never shows in a report."`
	Params      map[string]Param   `yaml:"params" names:"variable" doc:"Values that --param NAME=VALUE can change."`
	Accounts    map[string]Account `yaml:"accounts" names:"label" doc:"Provider accounts with their devices. An account also stands for a user of the same name."`
	Sync        *SyncSection       `yaml:"sync" doc:"How passkeys travel between the devices of an account."`
	Users       map[string]User    `yaml:"users" names:"label" doc:"Users at the relying party. Needed only to set more than the name."`
	Steps       []Step             `yaml:"steps" either:"true" doc:"What happens, in order. Required, unless there are checks, a load with journeys, or a matrix."`
	Checks      *Checks            `yaml:"checks" either:"true" doc:"What passrig check does with the target. {} is what it does anyhow."`
	Load        *LoadSpec          `yaml:"load" either:"true" doc:"Makes the scenario a load: its steps are what every iteration does."`
	Matrix      *Matrix            `yaml:"matrix" either:"true" alone:"passrig,name,description,tags,env,params" doc:"Makes the file a lab: passrig matrix holds providers against relying parties. No target, accounts or steps stand beside it."`
	Thresholds  []Threshold        `yaml:"thresholds" doc:"Limits on metrics, such as: login.total.p95 < 300ms"`

	Adapter *Adapter `yaml:"-"` // resolved from Target.Adapter

	lacks []string // operations that a column of a matrix does not offer
}

// Target names the relying party and how it is reached.
type Target struct {
	Pos       Pos               `yaml:"-"`
	Adapter   string            `yaml:"adapter,required" doc:"A built-in adapter's name, or the path of an adapter file (relative to this file)." example:"passrig-demo"`
	Origin    Text              `yaml:"origin" doc:"The origin the client claims, scheme://host[:port]. Default: the adapter's." example:"http://localhost:8080"`
	BaseURL   Text              `yaml:"base-url" doc:"Where requests are sent, when that is not the origin."`
	RPID      Text              `yaml:"rp-id" doc:"The RP ID, when the options do not state one and it is not the origin's host."`
	With      map[string]Text   `yaml:"with" doc:"Values for the adapter's params."`
	CA        string            `yaml:"ca" doc:"PEM file with the certificate authorities to trust for this target, relative to this file."`
	ConnectTo map[string]string `yaml:"connect-to" doc:"host:port to connect to instead, by host:port of the URL."`
	IMayTest  string            `yaml:"i-may-test" doc:"The origin again, as the owner's consent, when the target is not on loopback."`
	Profile   *Profile          `yaml:"profile" doc:"What the target declares about itself, for passrig check."`
}

// Checks say which checks passrig check performs, and what fails it. Flags replace them one by one.
type Checks struct {
	Pos    Pos      `yaml:"-"`
	Tier   string   `yaml:"tier" enum:"smoke,core,all" doc:"smoke is what is critical or high, core also what is medium. Default: core."`
	Only   []string `yaml:"only" doc:"Only checks with these ids; * stands for anything. The tier does not matter then."`
	Skip   []string `yaml:"skip" doc:"No checks with these ids; * stands for anything."`
	Allow  []string `yaml:"allow" enum:"destructive,slow,network" doc:"Also checks that lock or delete accounts, take minutes, or ask third parties."`
	FailOn string   `yaml:"fail-on" enum:"critical,high,medium,low,info" doc:"The least severity whose failure fails the run. Default: low."`
	Strict bool     `yaml:"strict" doc:"What the standard only recommends counts too."`
}

// Param is a value of the file that the command line can change.
type Param struct {
	Description string `yaml:"description" doc:"What it changes."`
	Default     *Tree  `yaml:"default" doc:"Its value when not given. A param without a default is required."`
	Secret      bool   `yaml:"secret" doc:"Never show the value in a report."`
}

// Account is a person's account at a provider.
type Account struct {
	Pos           Pos               `yaml:"-"`
	Provider      string            `yaml:"-"` // what is given, with its expressions evaluated
	Type          string            `yaml:"-"` // likewise
	GivenProvider Text              `yaml:"provider" quoted:"true" doc:"Who keeps the passkeys: a provider's name, with @version where it has several. Default: device-bound."`
	GivenType     Text              `yaml:"type" quoted:"true" enum:"personal,work" doc:"Whose account it is: a person's own, or one that an organization manages. Default: personal."`
	Policies      map[string]string `yaml:"policies" names:"label" doc:"Policies of its platform, by the names that the provider's data has." example:"passkeys: off"`
	PIN           Text              `yaml:"pin" quoted:"true" doc:"The PIN that the person set, in quotes. Default: one derived from the seed, or with a state file (sync.state) from the account's name alone, as runs to come need it too. Never shown in a report."`
	Devices       map[string]Device `yaml:"devices" names:"label" doc:"Devices signed in to the account, by name."`
}

// Device is an OS and client with an authenticator.
type Device struct {
	Pos           Pos            `yaml:"-"`
	OS, Client    string         `yaml:"-"` // what is given, with its expressions evaluated
	GivenOS       Text           `yaml:"os" quoted:"true" doc:"Operating system, as a label." example:"windows 11"`
	GivenClient   Text           `yaml:"client" quoted:"true" doc:"Browser or app, as a label." example:"edge 152"`
	Authenticator *Authenticator `yaml:"authenticator" doc:"How its authenticator behaves, where that differs from the provider's way."`
	ClockSkew     Duration       `yaml:"clock-skew" signed:"true" doc:"How far the device's clock is off; negative is behind."`
	Verification  string         `yaml:"verification" enum:"windows-hello,touch-id,face-id,fingerprint,face,pin,password,screen-lock,none" doc:"How the device makes sure who is at it. Default: somehow."`
	Offline       bool           `yaml:"offline" doc:"It is not on the network when the scenario begins."`
	CacheAge      Duration       `yaml:"cache-age" doc:"How old its copy of the account's passkeys is when the scenario begins. Default: 0s."`

	Chrome []ChromeAuthenticator `yaml:"chrome" doc:"Chrome's own virtual authenticators, in place of passrig's: {} is one that is built in. Needs --driver browser, and excludes authenticator."`
}

// Authenticator overrides how a device's authenticator behaves. Members left out keep the provider's value.
type Authenticator struct {
	Pos              Pos      `yaml:"-"`
	Algorithms       []string `yaml:"algorithms" enum:"ES256,ES384,ES512,RS256,PS256,EdDSA" doc:"Algorithms it can use, most wanted first."`
	Attestation      string   `yaml:"attestation" enum:"none,packed-self,packed,fido-u2f" doc:"Attestation it makes when the relying party asks for one."`
	Attachment       string   `yaml:"attachment" enum:"platform,cross-platform" doc:"How it is attached to the client."`
	Transports       []string `yaml:"transports" doc:"Transports it reports." example:"internal"`
	AAGUID           string   `yaml:"aaguid" pattern:"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$" doc:"Model identifier."`
	ResidentKey      string   `yaml:"resident-key" enum:"always,when-asked,never" doc:"Whether it makes discoverable credentials."`
	UserPresence     string   `yaml:"user-presence" enum:"always,unless-conditional,never" doc:"When it says a person is present (UP). Default: always."`
	UserVerification string   `yaml:"user-verification" enum:"always,when-asked,never,missing" doc:"When it verifies the person (UV); missing: always, and the flag says that it did not. Default: always."`
	BackupEligible   *bool    `yaml:"backup-eligible" doc:"Whether its passkeys may be synced (BE)."`
	BackedUp         *bool    `yaml:"backed-up" doc:"Whether they are synced now (BS)."`
	Counter          string   `yaml:"counter" enum:"zero,per-credential,global,when-counting" doc:"How the signature counter moves; when-counting: only of passkeys that come with a count above zero."`
	Extensions       []string `yaml:"extensions" enum:"credProps,prf,largeBlob,credBlob,minPinLength" doc:"Extensions it supports."`
}

// User is a user at the relying party. Members left out are made up from the seed, different in every run.
type User struct {
	Pos         Pos  `yaml:"-"`
	Username    Text `yaml:"username" doc:"Default: the name with the run's id behind it."`
	DisplayName Text `yaml:"display-name" doc:"Default: the name, capitalized."`
	Email       Text `yaml:"email" doc:"Default: the username at example.test."`
	Password    Text `yaml:"password" doc:"Default: random. Never shown in a report."`
}

// Threshold is one limit on a metric. As a scalar it is the limit alone.
type Threshold struct {
	Pos   Pos      `yaml:"-"`
	Text  string   `yaml:"that,required" scalar:"true" doc:"The limit, such as login.total.p95 < 300ms or login.failed.rate < 1%."`
	Abort bool     `yaml:"abort" doc:"End the load as soon as the limit is crossed. What was measured until then is still reported."`
	After Duration `yaml:"after" doc:"How long a load goes on, ramp and warm-up included, before abort looks at the limit. Default: 0s."`
}
