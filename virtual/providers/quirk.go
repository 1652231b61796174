package providers

import "github.com/passrig/passrig/virtual"

// Quirk is something unusual that some provider does, or is said to do.
type Quirk struct {
	Name string
	Doc  string // what a relying party sees
	Play string // what a scenario says of a device to have it; empty when only a row can
	set  func(*virtual.Config)
}

// Quirks are the quirks that a row can name.
func Quirks() []Quirk {
	return []Quirk{
		{
			Name: "uv-missing", Doc: "the UV flag is 0 although the relying party asked for verification and the user was verified",
			Play: "authenticator: {user-verification: missing}",
			set:  func(c *virtual.Config) { c.UserVerification = virtual.VerificationMissing },
		},
		{
			Name: "empty-extension-map", Doc: "registrations have the ED flag set and an empty map of extensions",
			set: func(c *virtual.Config) { c.EmptyExtensionMap = true },
		},
	}
}

func quirkNames() []string {
	var names []string
	for _, q := range Quirks() {
		names = append(names, q.Name)
	}
	return names
}
