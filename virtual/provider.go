package virtual

import "slices"

// Provider is how the passkeys of one kind of provider behave: who keeps them, and with what flags,
// counters and transports they show up at a relying party.
type Provider struct {
	Name        string
	Title       string
	Description string
	Config      Config // of its devices; Random and Clock are left to the caller
}

// DefaultProvider is the provider of a device that names none.
const DefaultProvider = "device-bound"

// Providers lists the providers that a device can have. They are kinds, not products: what every
// platform passkey, every synced one and every security key has in common.
func Providers() []Provider {
	return []Provider{
		{
			Name: DefaultProvider, Title: "Passkeys that stay on the device",
			Description: "A platform authenticator: BE=0 BS=0, counter 0, internal transport.",
		},
		{
			Name: "synced-generic", Title: "Passkeys that a provider syncs",
			Description: "A platform authenticator whose passkeys are backed up: BE=1 BS=1, counter 0, internal and hybrid transports.",
			Config:      Config{BackupEligible: true, BackedUp: true, Transports: []string{"hybrid", "internal"}},
		},
		{
			Name: "security-key-generic", Title: "Passkeys on a security key",
			Description: "A cross-platform authenticator: BE=0 BS=0, one counter for the whole key, packed attestation when asked, discoverable only when asked, at most 100 passkeys.",
			Config: Config{
				Attachment: attachmentCrossPlatform, Transports: []string{"nfc", "usb"}, Algorithms: []string{"ES256", "EdDSA"},
				Counter: Counter{Policy: CounterGlobal, Start: 1}, Attestation: AttestationPacked,
				ResidentKeys: ResidentKeysWhenAsked, ResidentKeyLimit: 100, UserVerification: VerificationWhenAsked,
				Extensions: []string{ExtensionCredProps, ExtensionPRF, ExtensionCredBlob, ExtensionMinPINLength},
			},
		},
	}
}

// FindProvider returns the provider with the name; "" is the default one.
func FindProvider(name string) (Provider, bool) {
	if name == "" {
		name = DefaultProvider
	}
	all := Providers()
	i := slices.IndexFunc(all, func(p Provider) bool { return p.Name == name })
	if i < 0 {
		return Provider{}, false
	}
	return all[i], true
}
