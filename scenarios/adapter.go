package scenarios

// Operation names an adapter may offer. The set is closed: scenarios, checks and drivers rely on it.
const (
	OpSignup            = "signup"
	OpRegister          = "register"
	OpLogin             = "login"
	OpLoginDiscoverable = "login-discoverable"
	OpWhoami            = "whoami"
	OpLogout            = "logout"
	OpList              = "list"
	OpRename            = "rename"
	OpDelete            = "delete"
	OpDeleteAccount     = "delete-account"
	OpLockAccount       = "lock-account"
)

// Adapter says how one kind of relying party is spoken to over HTTP.
type Adapter struct {
	Path string `yaml:"-"` // file path, or "builtin:NAME"

	PassrigAdapter Int                   `yaml:"passrig-adapter,required" enum:"1" doc:"Adapter language version."`
	Name           string                `yaml:"name,required" pattern:"^[a-z][a-z0-9-]*$" doc:"Short name."`
	Title          string                `yaml:"title" doc:"The relying party software's name."`
	Description    string                `yaml:"description" doc:"What it is and what is peculiar about it."`
	Homepage       string                `yaml:"homepage" doc:"Where its documentation is."`
	Tested         string                `yaml:"tested" doc:"What this adapter was run against, with versions; or 'from documentation'."`
	Origin         string                `yaml:"origin" doc:"Default origin."`
	RPID           Text                  `yaml:"rp-id" doc:"RP ID, when the options do not state one and it is not the origin's host."`
	Bases          map[string]Text       `yaml:"bases" names:"label" doc:"Further base URLs by name, for steps with base: NAME."`
	Params         map[string]Param      `yaml:"params" names:"variable" doc:"Values a scenario's target can give by with: NAME."`
	Identity       Text                  `yaml:"identity" doc:"What whoami says of a user. Default: user.username."`
	Headers        map[string]Text       `yaml:"headers" doc:"Headers of every request. One that comes out empty is not sent."`
	Fragments      map[string][]HTTPStep `yaml:"fragments" names:"label" doc:"Lists of steps that operations use by name, such as getting a CSRF token."`
	Operations     map[string]Operation  `yaml:"operations,required" keys:"signup,register,login,login-discoverable,whoami,logout,list,rename,delete,delete-account,lock-account" doc:"What the relying party can do."`
}

// Operation is one thing the RP can do, as HTTP steps.
type Operation struct {
	Pos    Pos             `yaml:"-"`
	SameAs string          `yaml:"same-as" alone:"" doc:"Use the steps and the page of another operation."`
	With   string          `yaml:"with" alone:"" enum:"register" doc:"For signup: the account is made along with the first passkey, so there is nothing to do."`
	Args   map[string]Tree `yaml:"args" names:"variable" doc:"Arguments a scenario's step may give by with: NAME, and their defaults; read as args.NAME."`
	Steps  []HTTPStep      `yaml:"steps" doc:"The requests, in order."`
	Result *ResultSpec     `yaml:"result" doc:"How the last answer is read."`
	Page   *PageSpec       `yaml:"page" doc:"The same operation as a person does it on the relying party's page, for the browser driver. Without it the browser driver sends the steps, in the page's session; without steps only the browser driver can do it."`

	roots map[string]bool // top-level names its expressions mention, fragments included
}

// PageSpec is an operation as a person does it on the RP's own page. The page runs the ceremony, with the
// passkeys of the device that the browser stands for.
type PageSpec struct {
	Pos    Pos        `yaml:"-"`
	Steps  []PageStep `yaml:"steps,required" doc:"What the person does, in order."`
	Accept Text       `yaml:"accept,required" selector:"true" doc:"What the page shows when the answer is yes." example:"text=Welcome"`
	Reject Text       `yaml:"reject" selector:"true" doc:"What the page shows when the answer is no; for whoami, when nobody is signed in. A ceremony that the client refuses is told apart by itself." example:"role=alert"`
	User   Text       `yaml:"user" selector:"true" doc:"whoami: the element whose text is what identity says of the user. Without it the page tells that somebody is signed in, and not who."`

	roots map[string]bool // top-level names its expressions mention
}

// PageStep is one thing a person does on a page, or waits to see. Exactly one action is set.
//
// A selector finds an element by what a person perceives first: role=button[name="Sign in"],
// label=Username, text=Welcome; else it is CSS. It looks into shadow trees. See [Selector].
type PageStep struct {
	Pos     Pos      `yaml:"-"`
	When    *Expr    `yaml:"when" condition:"true" doc:"The step runs only if this is true."`
	Frame   Text     `yaml:"frame" selector:"true" doc:"The iframe to do it in."`
	Timeout Duration `yaml:"timeout" doc:"How long to wait for the element. Default: 5s."`

	Goto       Text          `yaml:"goto" action:"true" doc:"Open a path, or a whole URL." example:"/login"`
	Fill       *PageFill     `yaml:"fill" action:"true" doc:"Type into a field."`
	Click      Text          `yaml:"click" action:"true" selector:"true" doc:"Click an element." example:"role=button[name=\"Sign in\"]"`
	Press      Text          `yaml:"press" action:"true" doc:"Press a key, by its name or character, in the element that has the focus." example:"Enter"`
	Select     *PageSelect   `yaml:"select" action:"true" doc:"Choose an option of a list."`
	WaitFor    Text          `yaml:"wait-for" action:"true" selector:"true" doc:"Wait until an element is visible."`
	ExpectText *PageText     `yaml:"expect-text" action:"true" doc:"Wait until an element shows a text."`
	Evaluate   *PageEvaluate `yaml:"evaluate" action:"true" doc:"Run JavaScript in the page."`
}

// PageFill types into a field, replacing what is there.
type PageFill struct {
	Field Text `yaml:"field,required" selector:"true" doc:"The field." example:"label=Username"`
	With  Text `yaml:"with,required" doc:"What is typed."`
}

// PageSelect chooses an option of a select element by its label or value.
type PageSelect struct {
	Field  Text `yaml:"field,required" selector:"true" doc:"The list." example:"label=Language"`
	Option Text `yaml:"option,required" doc:"The option's label or value."`
}

// PageText is a text that an element shows. As a scalar it is the text, anywhere on the page.
type PageText struct {
	Text Text `yaml:"text,required" scalar:"true" doc:"The text, or a part of it."`
	In   Text `yaml:"in" selector:"true" doc:"The element. Default: the whole page."`
}

// PageEvaluate runs JavaScript; a promise is awaited. As a scalar it is the script.
type PageEvaluate struct {
	Script Text   `yaml:"script,required" scalar:"true" doc:"The body of an async function."`
	Save   string `yaml:"save" pattern:"^[A-Za-z_][A-Za-z0-9_]*$" doc:"Keep what it returns: in an adapter for this session, read as saved.NAME; in a scenario as vars.NAME."`
}

// ResultSpec reads the answer of whoami and list.
type ResultSpec struct {
	Pos        Pos   `yaml:"-"`
	User       *Expr `yaml:"user" scope:"response" doc:"whoami: who is signed in."`
	Entries    *Expr `yaml:"entries" scope:"response" doc:"list: the passkeys, as a list."`
	ID         *Expr `yaml:"id" scope:"entry" doc:"list: what rename and delete call the passkey; entry is one of the entries."`
	Credential *Expr `yaml:"credential" scope:"entry" doc:"list: the credential id in base64url."`
	Name       *Expr `yaml:"name" scope:"entry" doc:"list: the passkey's name."`
}

// HTTP is a request: where it goes and what it carries. At most one body is set.
type HTTP struct {
	Method    string          `yaml:"method" enum:"GET,POST,PUT,PATCH,DELETE,HEAD" doc:"Default: GET without a body, else POST."`
	Path      Text            `yaml:"path,required" doc:"Path, or a whole URL."`
	Base      string          `yaml:"base" doc:"Name of the base URL. Default: the target's."`
	Query     map[string]Text `yaml:"query" doc:"Query parameters. One that comes out empty is left out."`
	Headers   map[string]Text `yaml:"headers" doc:"Request headers. One that comes out empty is not sent."`
	JSON      *Tree           `yaml:"json" body:"body" doc:"JSON body."`
	Form      map[string]Text `yaml:"form" body:"body" doc:"Body as application/x-www-form-urlencoded."`
	Multipart map[string]Text `yaml:"multipart" body:"body" doc:"Body as multipart/form-data."`
	Text      Text            `yaml:"text" body:"body" doc:"Body as it stands."`
	Redirects string          `yaml:"redirects" enum:"keep,follow" doc:"Whether redirects are followed (at most 10). Default: keep."`
}

// HTTPStep is one request of an operation, or a use of a fragment.
type HTTPStep struct {
	Pos        Pos    `yaml:"-"`
	Use        string `yaml:"use" alone:"title,when" doc:"Do the steps of this fragment instead of a request."`
	Title      string `yaml:"title" doc:"What the request is for. Default: the path."`
	When       *Expr  `yaml:"when" condition:"true" doc:"The step runs only if this is true."`
	HTTP       `yaml:",inline"`
	Options    *OptionsSpec    `yaml:"options" doc:"Marks the answer that holds the ceremony's options."`
	Credential *CredentialSpec `yaml:"credential" doc:"Marks the request that carries the credential; the body reads it as credential. Without a body it is the JSON body."`
	Save       map[string]Save `yaml:"save" names:"variable" doc:"Values of the answer to keep for this session, read as saved.NAME."`
	Accept     *Expr           `yaml:"accept" scope:"response" condition:"true" doc:"What a yes looks like. Default: status in 200..299."`
	Reject     *Expr           `yaml:"reject" scope:"response" condition:"true" doc:"What a no looks like. Default: status in 400..499. An answer that is neither is an error."`
	Poll       *Poll           `yaml:"poll" doc:"Ask again while the answer is not accepted."`
}

// Poll repeats a request until it is accepted.
type Poll struct {
	For   Duration `yaml:"for,required" doc:"How long at most."`
	Every Duration `yaml:"every" doc:"Time between two requests. Default: 250ms."`
}

// Encodings of binary values on the wire.
const (
	EncodingBase64URL       = "base64url"
	EncodingBase64URLPadded = "base64url-padded"
	EncodingBase64          = "base64"
	EncodingBase64Unpadded  = "base64-unpadded"
	EncodingHex             = "hex"
	EncodingText            = "text"
)

// OptionsSpec says where the options are in an answer and how they are written. As a scalar it is at.
type OptionsSpec struct {
	Pos      Pos               `yaml:"-"`
	At       *Expr             `yaml:"at" scalar:"true" scope:"response" doc:"The options: an object, or a string of JSON. Default: body.publicKey, else body."`
	Compose  *Tree             `yaml:"compose" scope:"response" doc:"The options as the page puts them together, when the relying party only sends parts."`
	Rename   map[string]string `yaml:"rename" doc:"Members with other names: the standard member's path, by the path it is found at."`
	Encoding map[string]string `yaml:"encoding" keys:"challenge,user.id,excludeCredentials.id,allowCredentials.id,*" enum:"base64url,base64url-padded,base64,base64-unpadded,hex,text" doc:"How binary members are written, by path: challenge, user.id, excludeCredentials.id, allowCredentials.id, or * for all. Default: base64url, padded or not."`
}

// CredentialSpec says how the credential is written on the wire. As a scalar it is the encoding.
type CredentialSpec struct {
	Pos      Pos               `yaml:"-"`
	Encoding string            `yaml:"encoding" scalar:"true" enum:"base64url,base64url-padded,base64,base64-unpadded,hex" doc:"How binary members are written. Default: base64url."`
	Rename   map[string]string `yaml:"rename" doc:"Members under other names: the path it is sent at, by the standard member's path."`
	Omit     []string          `yaml:"omit" doc:"Members that are not sent, by path."`
}

// Save takes one value out of an answer. Exactly one of json, header, cookie, css and regex is set. As
// a scalar it is json.
type Save struct {
	Pos      Pos    `yaml:"-"`
	JSON     *Expr  `yaml:"json" scalar:"true" action:"source" scope:"response" doc:"An expression over the answer, such as body.token."`
	Header   string `yaml:"header" action:"source" doc:"A header's value."`
	Cookie   string `yaml:"cookie" action:"source" doc:"A cookie's value, as the jar has it after the answer."`
	CSS      string `yaml:"css" action:"source" doc:"A CSS selector in an HTML answer."`
	Attr     string `yaml:"attr" doc:"With css: the attribute. Default: value, else content, else the text."`
	Regex    string `yaml:"regex" action:"source" doc:"A regular expression over the body; its first group, else the whole match."`
	Secret   bool   `yaml:"secret" doc:"Never show the value in a report."`
	Optional bool   `yaml:"optional" doc:"No error when there is no such value."`
}
