package engine

import (
	"slices"

	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual"
)

// chromeFor is how Chrome's own authenticators play a device: those that it declares, or with
// [AuthenticatorsChrome] those that are like its provider's. Nil: passrig's authenticator does.
func (w *world) chromeFor(d *device) *ChromeDevice {
	travels := w.travels(d.account)
	made := &ChromeDevice{Uncounted: travels && countsNothing(d.config)}
	switch {
	case len(d.spec.Chrome) > 0:
		made.Authenticators = slices.Clone(d.spec.Chrome)
		for i := range made.Authenticators {
			if a := &made.Authenticators[i]; travels && !a.BackupEligible && !a.BackedUp {
				a.BackupEligible, a.BackedUp = d.config.BackupEligible, d.config.BackedUp
			}
		}
	case w.cfg.Authenticators == AuthenticatorsChrome && w.pages != nil && d.spec.Authenticator == nil && d.spec.ClockSkew.IsZero() && chromeHolds(d.config):
		made.Authenticators = []scenarios.ChromeAuthenticator{asChrome(d.config)}
	default:
		return nil
	}
	return made
}

func countsNothing(cfg virtual.Config) bool {
	return cfg.Counter.Policy == "" || cfg.Counter.Policy == virtual.CounterZero
}

// chromeHolds says whether Chrome's authenticators can hold passkeys that are made like this: they have the common
// algorithms only, and what they attest is their own.
func chromeHolds(cfg virtual.Config) bool {
	common := func(name string) bool { return slices.Contains([]string{"ES256", "EdDSA", "RS256"}, name) }
	return (len(cfg.Algorithms) == 0 || slices.ContainsFunc(cfg.Algorithms, common)) &&
		(cfg.Attestation == "" || cfg.Attestation == virtual.AttestationNone)
}

// asChrome is the authenticator of Chrome's that comes closest.
func asChrome(cfg virtual.Config) scenarios.ChromeAuthenticator {
	resident, verifies := cfg.ResidentKeys != virtual.ResidentKeysNever, cfg.UserVerification != virtual.VerificationNever
	a := scenarios.ChromeAuthenticator{
		Transport: "internal", ResidentKey: &resident, UserVerification: &verifies, UserVerified: &verifies,
		BackupEligible: cfg.BackupEligible, BackedUp: cfg.BackedUp,
		PRF: slices.Contains(cfg.Extensions, virtual.ExtensionPRF), LargeBlob: resident && slices.Contains(cfg.Extensions, virtual.ExtensionLargeBlob),
		CredBlob: slices.Contains(cfg.Extensions, virtual.ExtensionCredBlob), MinPINLength: slices.Contains(cfg.Extensions, virtual.ExtensionMinPINLength),
	}
	if cfg.Attachment == "cross-platform" {
		a.Transport = "usb"
	}
	return a
}
