package scenarios

import "github.com/passrig/passrig/internal/source"

// ChromeAuthenticator is one of Chrome's own virtual authenticators. Members left out are those of a
// platform authenticator, as far as the protocol has them.
type ChromeAuthenticator struct {
	Pos              Pos    `yaml:"-"`
	Protocol         string `yaml:"protocol" enum:"ctap2,u2f" doc:"Default: ctap2."`
	CTAP             string `yaml:"ctap" enum:"2.0,2.1,2.2" doc:"Version of CTAP 2, in quotes. Default: 2.1." example:"2.1"`
	Transport        string `yaml:"transport" enum:"internal,usb,nfc,ble,cable,hybrid,smart-card" doc:"How it is attached. Only one can be internal. Default: internal; with u2f usb."`
	ResidentKey      *bool  `yaml:"resident-key" doc:"Whether it can keep discoverable credentials. Default: true; with u2f false."`
	UserVerification *bool  `yaml:"user-verification" doc:"Whether it can verify its user. Default: true; with u2f false."`
	UserVerified     *bool  `yaml:"user-verified" doc:"Whether the user is who they should be. Default: true."`
	UserPresent      *bool  `yaml:"user-present" doc:"Whether somebody is there to consent. Default: true."`
	PRF              bool   `yaml:"prf" doc:"Supports the prf extension. The secret stays behind when a fresh session begins."`
	LargeBlob        bool   `yaml:"large-blob" doc:"Supports largeBlob. Needs resident-key and CTAP 2.1."`
	CredBlob         bool   `yaml:"cred-blob" doc:"Supports credBlob."`
	MinPINLength     bool   `yaml:"min-pin-length" doc:"Supports minPinLength."`
	HMACSecret       bool   `yaml:"hmac-secret" doc:"Supports hmac-secret, CTAP's form of prf."`
	HMACSecretMC     bool   `yaml:"hmac-secret-mc" doc:"Supports hmac-secret at registration. Needs CTAP 2.2, and excludes prf."`
	BackupEligible   bool   `yaml:"backup-eligible" doc:"Whether its passkeys may be synced (BE)."`
	BackedUp         bool   `yaml:"backed-up" doc:"Whether they are synced now (BS). Chrome takes it without backup-eligible too, which no relying party may accept."`
}

const (
	protocolU2F       = "u2f"
	transportInternal = "internal"
)

// checkChrome reports what Chrome's authenticators cannot be.
func (c *fileChecker) checkChrome(d *Device, at *source.Node) {
	n := at.Get("chrome")
	if n == nil {
		return
	}
	if at.Get("authenticator") != nil {
		c.fail(at.Key("chrome"), "leave one of them out: chrome is Chrome's, authenticator is passrig's", "a device has either Chrome's authenticators or passrig's")
	}
	c.needsBrowser(at.Key("chrome"), "Chrome's authenticators are asked by pages")
	if at.Get("clock-skew") != nil {
		c.fail(at.Key("clock-skew"), "it is for passrig's authenticator", "Chrome's authenticators go by the clock of this machine")
	}
	if n.Kind == source.List && len(n.Items) == 0 {
		c.fail(n, "write chrome: [{}] for a built-in one", "chrome lists no authenticator")
	}
	internal := false
	for i := range d.Chrome {
		a, item := &d.Chrome[i], n.Item(i)
		isInternal := a.Transport == transportInternal || a.Transport == "" && a.Protocol != protocolU2F
		if isInternal && internal {
			c.fail(item, "write transport: usb, or another one", "a second internal authenticator: a device has only one built in")
		}
		internal = internal || isInternal
		c.checkChromeAuthenticator(a, item)
	}
}

func (c *fileChecker) checkChromeAuthenticator(a *ChromeAuthenticator, n *source.Node) {
	isFalse := func(b *bool) bool { return b != nil && !*b }
	isTrue := func(b *bool) bool { return b != nil && *b }
	if a.Protocol == protocolU2F {
		for name, given := range map[string]bool{
			"ctap": a.CTAP != "", "resident-key": isTrue(a.ResidentKey), "user-verification": isTrue(a.UserVerification),
			"prf": a.PRF, "large-blob": a.LargeBlob, "cred-blob": a.CredBlob, "min-pin-length": a.MinPINLength,
			"hmac-secret": a.HMACSecret, "hmac-secret-mc": a.HMACSecretMC,
		} {
			if given {
				c.fail(n.Key(name), "it needs protocol: ctap2", "u2f has no %s", name)
			}
		}
		if a.Transport == transportInternal {
			c.fail(n.At("transport"), "write transport: usb", "u2f is for security keys, not for what is built in")
		}
		return
	}
	if a.LargeBlob && (isFalse(a.ResidentKey) || a.CTAP == "2.0") {
		c.fail(n.Key("large-blob"), "", "large-blob needs resident-key and CTAP 2.1")
	}
	if a.HMACSecretMC && a.CTAP != "2.2" {
		c.fail(n.Key("hmac-secret-mc"), `add ctap: "2.2"`, "hmac-secret-mc needs CTAP 2.2")
	}
	if a.HMACSecretMC && a.PRF {
		c.fail(n.Key("hmac-secret-mc"), "choose one", "prf together with hmac-secret-mc crashes Chrome")
	}
}

// usesChrome says whether the device has Chrome's own authenticators.
func (d *Device) usesChrome() bool { return len(d.Chrome) > 0 }
