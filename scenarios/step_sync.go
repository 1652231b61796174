package scenarios

// SyncStep brings a device up to date. As a scalar it is the device.
type SyncStep struct {
	To      string   `yaml:"to,required" scalar:"true" ref:"device" doc:"The device. It is unlocked if it has to be."`
	Account string   `yaml:"account" ref:"account" doc:"Whose device, where several accounts have one of this name."`
	PIN     Text     `yaml:"pin" quoted:"true" doc:"What the person types if it has to be unlocked, in quotes. Default: the account's PIN."`
	Within  Duration `yaml:"within" doc:"How long what is under way is waited for. Default: as long as the step may take."`
}

// UnlockStep opens the account's passkeys on a device. As a scalar it is the device.
type UnlockStep struct {
	On    string `yaml:"on,required" scalar:"true" ref:"device" doc:"Which device."`
	PIN   Text   `yaml:"pin" quoted:"true" doc:"What the person types, in quotes. Default: the account's PIN."`
	Tries Int    `yaml:"tries" min:"1" max:"10000" doc:"That many tries at the same time, as of so many devices. Default: 1."`
}

// EnrolDevice lets a device into the account by another one.
type EnrolDevice struct {
	On         string `yaml:"on,required" ref:"device" doc:"The new device, which asks."`
	ApprovedBy string `yaml:"approved-by" ref:"device" doc:"The device on which the person says yes. Default: nobody does yet."`
}

// RevokeDevice shuts a device out of the account.
type RevokeDevice struct {
	On string `yaml:"on,required" ref:"device" doc:"The device that is shut out."`
	By string `yaml:"by" ref:"device" doc:"The device on which the person does that. Default: any other device that is in."`
}

// OnDevice is an action that only needs a device. As a scalar it is the device.
type OnDevice struct {
	On string `yaml:"on,required" scalar:"true" ref:"device" doc:"Which device."`
}

// Wipe removes passkeys: from one device, or from the account and so from everywhere.
type Wipe struct {
	On      string `yaml:"on" ref:"device" action:"thing to wipe" doc:"Turn sync off on this device."`
	Account string `yaml:"account" ref:"account" action:"thing to wipe" doc:"Forget all passkeys of this account."`
}

// PolicyStep changes the policies of an account's platform.
type PolicyStep struct {
	Account string            `yaml:"account,required" ref:"account" doc:"Whose."`
	Set     map[string]string `yaml:"set,required" names:"label" doc:"The policies that change, by the names that the provider's data has, as for accounts."`
}

// ResetPIN gives the account another PIN on a device.
type ResetPIN struct {
	On string `yaml:"on,required" ref:"device" doc:"The device on which the person does that."`
	To Text   `yaml:"to,required" quoted:"true" doc:"The new PIN, in quotes."`
}

// Restore takes a passkey back out of the provider's trash.
type Restore struct {
	On         string `yaml:"on,required" ref:"device" doc:"The device on which the person does that."`
	Credential string `yaml:"credential,required" ref:"credential" doc:"Which passkey: the id of the step that made it, or a device."`
}

// SignalStep tells a device's provider what a page would tell it about a user's passkeys (WebAuthn L3 §5.1.10).
type SignalStep struct {
	On          string   `yaml:"on,required" ref:"device" doc:"The device that is told."`
	User        string   `yaml:"user,required" ref:"user" doc:"Whose passkeys."`
	Unknown     string   `yaml:"unknown" ref:"credential" action:"signal" doc:"The relying party does not know this passkey (signalUnknownCredential)."`
	Accepted    []string `yaml:"accepted" ref:"credential" action:"signal" doc:"It accepts these passkeys and no others (signalAllAcceptedCredentials)."`
	Name        Text     `yaml:"name" action:"signal" doc:"The user is called so now (signalCurrentUserDetails)."`
	DisplayName Text     `yaml:"display-name" doc:"With name: the display name. Default: the user's."`
}

// ExportStep writes a device's passkeys as a file for another provider, which is kept in memory.
type ExportStep struct {
	On     string `yaml:"on,required" ref:"device" doc:"Which device."`
	Format string `yaml:"format,required" enum:"cxf,bitwarden,keepassxc" doc:"The format: that of FIDO, Bitwarden's JSON, or KeePassXC's passkey file."`
	As     string `yaml:"as,required" pattern:"^[a-z][a-z0-9-]*$" doc:"The name by which import finds it."`
}

// ImportStep reads what was exported into a device.
type ImportStep struct {
	On     string `yaml:"on,required" ref:"device" doc:"Which device."`
	From   string `yaml:"from,required" doc:"The name that an earlier export gave it."`
	Format string `yaml:"format" enum:"cxf,bitwarden,keepassxc" doc:"The format that it is read as. Default: the one it was written in."`
}

// FabricStep does something to the provider's cloud as passrig plays it.
type FabricStep struct {
	Account string `yaml:"account,required" ref:"account" doc:"The account whose cloud it is."`
	Do      string `yaml:"do,required" enum:"snapshot,restore,crash,audit" doc:"snapshot: copy its state. restore: go back to the copy. crash: begin again from what was kept. audit: verify its log."`
}

// Cell places a step's verdict in the table of its scenario.
type Cell struct {
	Row    Text `yaml:"row,required" doc:"What the row is called."`
	Column Text `yaml:"column,required" doc:"What the column is called."`
}
