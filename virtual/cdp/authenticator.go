package cdp

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Authenticator is one of Chrome's own virtual authenticators, which serve a device of road (a). Its
// zero value is hardly of use; begin with [PlatformAuthenticator] or [SecurityKey].
type Authenticator struct {
	Protocol    string // "ctap2" or "u2f"
	CTAPVersion string // "2.0", "2.1" or "2.2"; ignored for u2f
	// Transport is usb, nfc, ble, cable, hybrid, smart-card or internal. Only internal makes a platform
	// authenticator, and there can be one of those.
	Transport string

	ResidentKey      bool // can keep discoverable credentials
	UserVerification bool // can verify its user
	UserVerified     bool // and the user is who they should be; see [Device.SetUserVerified]
	UserPresent      bool // somebody is there to consent; see [Device.SetUserPresent]

	PRF           bool
	LargeBlob     bool // needs ResidentKey and CTAP 2.1
	CredBlob      bool
	MinPINLength  bool
	HMACSecret    bool // CTAP's form of PRF, for security keys
	HMACSecretMC  bool // with values at registration; needs CTAP 2.2, and crashes Chrome together with PRF
	BackupDefault Backup
}

// Backup is the backup state of new credentials (WebAuthn L3 §6.1.3). Chrome takes illegal pairs too.
type Backup struct{ Eligible, BackedUp bool }

// PlatformAuthenticator is what a laptop or a phone has built in.
func PlatformAuthenticator() Authenticator {
	return Authenticator{
		Protocol: "ctap2", CTAPVersion: "2.1", Transport: "internal",
		ResidentKey: true, UserVerification: true, UserVerified: true, UserPresent: true,
	}
}

// SecurityKey is a key on a USB port.
func SecurityKey() Authenticator {
	a := PlatformAuthenticator()
	a.Transport = "usb"
	return a
}

// validate reports every mistake.
func (a Authenticator) validate() error {
	var errs []error
	check := func(what, value string, allowed ...string) {
		if !slices.Contains(allowed, value) {
			errs = append(errs, fmt.Errorf("%s %q: want one of %q", what, value, allowed))
		}
	}
	check("protocol", a.Protocol, "ctap2", "u2f")
	if a.Protocol == "ctap2" {
		check("ctap version", a.CTAPVersion, "2.0", "2.1", "2.2")
	}
	check("transport", a.Transport, "usb", "nfc", "ble", "cable", "hybrid", "smart-card", "internal")
	if a.Protocol == "u2f" {
		if a.ResidentKey || a.UserVerification || a.PRF || a.LargeBlob || a.CredBlob {
			errs = append(errs, errors.New("u2f has no resident keys, no user verification and no extensions"))
		}
		if a.Transport == "internal" {
			errs = append(errs, errors.New("u2f is for security keys, not for the internal transport"))
		}
	}
	if a.LargeBlob && (!a.ResidentKey || a.CTAPVersion == "2.0") {
		errs = append(errs, errors.New("large blobs need resident keys and ctap 2.1"))
	}
	if a.PRF && a.HMACSecretMC {
		errs = append(errs, errors.New("prf together with hmac-secret-mc crashes Chrome: choose one"))
	}
	if a.HMACSecretMC && a.CTAPVersion != "2.2" {
		errs = append(errs, errors.New("hmac-secret-mc needs ctap 2.2"))
	}
	return errors.Join(errs...)
}

// aaguid is the model that Chrome reports for the authenticator.
func (a Authenticator) aaguid() string {
	switch a.Transport {
	case "internal", "cable", "hybrid":
		if a.Protocol != "u2f" {
			return "01020304-0506-0708-0102-030405060708"
		}
	}
	return "00000000-0000-0000-0000-000000000000"
}

// authenticatorOptions are Chrome's VirtualAuthenticatorOptions, with the members that rod's types
// lack and without omitempty, which would keep false from being sent.
type authenticatorOptions struct {
	Protocol                    string `json:"protocol"`
	CTAPVersion                 string `json:"ctap2Version,omitempty"`
	Transport                   string `json:"transport"`
	HasResidentKey              bool   `json:"hasResidentKey"`
	HasUserVerification         bool   `json:"hasUserVerification"`
	HasLargeBlob                bool   `json:"hasLargeBlob"`
	HasCredBlob                 bool   `json:"hasCredBlob"`
	HasMinPINLength             bool   `json:"hasMinPinLength"`
	HasPRF                      bool   `json:"hasPrf"`
	HasHMACSecret               bool   `json:"hasHmacSecret"`
	HasHMACSecretMC             bool   `json:"hasHmacSecretMc"`
	AutomaticPresenceSimulation bool   `json:"automaticPresenceSimulation"`
	IsUserVerified              bool   `json:"isUserVerified"`
	DefaultBackupEligibility    bool   `json:"defaultBackupEligibility"`
	DefaultBackupState          bool   `json:"defaultBackupState"`
}

func (a Authenticator) options() *authenticatorOptions {
	o := &authenticatorOptions{
		Protocol: a.Protocol, Transport: a.Transport,
		HasResidentKey: a.ResidentKey, HasUserVerification: a.UserVerification,
		HasLargeBlob: a.LargeBlob, HasCredBlob: a.CredBlob, HasMinPINLength: a.MinPINLength,
		HasPRF: a.PRF, HasHMACSecret: a.HMACSecret, HasHMACSecretMC: a.HMACSecretMC,
		AutomaticPresenceSimulation: a.UserPresent, IsUserVerified: a.UserVerified,
		DefaultBackupEligibility: a.BackupDefault.Eligible, DefaultBackupState: a.BackupDefault.BackedUp,
	}
	if a.Protocol != "u2f" {
		o.CTAPVersion = "ctap2_" + a.CTAPVersion[2:]
	}
	return o
}

// addTo makes the authenticator in a page's environment and returns its id.
func (a Authenticator) addTo(ctx context.Context, t *target) (string, error) {
	var made struct {
		AuthenticatorID string `json:"authenticatorId"`
	}
	err := t.session.call(ctx, "WebAuthn.addVirtualAuthenticator", map[string]any{"options": a.options()}, &made)
	if refused(err, codeBadParams) {
		return "", fmt.Errorf("%s refuses this authenticator, it may be too old for it: %w", t.device.browser.Version(), err)
	}
	return made.AuthenticatorID, err
}
