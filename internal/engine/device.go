package engine

import (
	"fmt"

	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual"
)

// deviceConfig is the provider's way with what the scenario says differently.
func deviceConfig(provider string, a *scenarios.Authenticator) (virtual.Config, error) {
	p, ok := virtual.FindProvider(provider)
	if !ok {
		return virtual.Config{}, fmt.Errorf("unknown provider %q", provider)
	}
	cfg := p.Config
	if a == nil {
		return cfg, nil
	}
	override(&cfg.Algorithms, a.Algorithms, len(a.Algorithms) > 0)
	override(&cfg.Attestation, virtual.Attestation(a.Attestation), a.Attestation != "")
	override(&cfg.Attachment, a.Attachment, a.Attachment != "")
	override(&cfg.Transports, a.Transports, len(a.Transports) > 0)
	override(&cfg.AAGUID, a.AAGUID, a.AAGUID != "")
	override(&cfg.ResidentKeys, virtual.ResidentKeys(a.ResidentKey), a.ResidentKey != "")
	override(&cfg.Counter.Policy, virtual.CounterPolicy(a.Counter), a.Counter != "")
	override(&cfg.Extensions, a.Extensions, a.Extensions != nil)
	override(&cfg.UserPresence, virtual.UserPresence(a.UserPresence), a.UserPresence != "")
	override(&cfg.UserVerification, virtual.UserVerification(a.UserVerification), a.UserVerification != "")
	if a.BackupEligible != nil {
		cfg.BackupEligible = *a.BackupEligible
		cfg.BackedUp = cfg.BackedUp && cfg.BackupEligible
	}
	if a.BackedUp != nil {
		cfg.BackedUp = *a.BackedUp
	}
	return cfg, nil
}

func override[T any](into *T, value T, given bool) {
	if given {
		*into = value
	}
}
