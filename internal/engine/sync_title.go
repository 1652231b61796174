package engine

import (
	"fmt"

	"github.com/passrig/passrig/scenarios"
)

// providerTitle is the title of a step between a device and its provider.
func providerTitle(s *scenarios.Step) string {
	_, on := whereAtProvider(s)
	switch {
	case s.Sync != nil:
		return "bring " + on + " up to date"
	case s.Unlock != nil && !s.Unlock.Tries.IsZero():
		return "unlock " + on + ", with several tries at once"
	case s.Unlock != nil:
		return "unlock " + on
	case s.EnrolDevice != nil && s.EnrolDevice.ApprovedBy == "":
		return "ask to let " + on + " in"
	case s.EnrolDevice != nil:
		return "let " + on + " in, approved by " + s.EnrolDevice.ApprovedBy
	case s.RevokeDevice != nil:
		return "remove " + on + " from its account"
	case s.SignOut != nil:
		return "sign " + on + " out of its account"
	case s.GoOffline != nil:
		return "take " + on + " offline"
	case s.GoOnline != nil:
		return "bring " + on + " online"
	case s.Wipe != nil && on != "":
		return "turn sync off on " + on
	case s.Wipe != nil:
		return "forget all passkeys of " + s.Wipe.Account + "'s account"
	default:
		return otherProviderTitle(s, on)
	}
}

func otherProviderTitle(s *scenarios.Step, on string) string {
	switch {
	case s.Policy != nil:
		return "change the policies of " + s.Policy.Account + "'s account"
	case s.ResetPIN != nil:
		return "set another PIN on " + on
	case s.RotateKeys != nil:
		return "rotate the account's keys on " + on
	case s.Restore != nil:
		return "take the passkey " + s.Restore.Credential + " out of the trash on " + on
	case s.Signal != nil:
		return fmt.Sprintf("signal about %s's passkeys to %s", s.Signal.User, on)
	case s.Export != nil:
		return fmt.Sprintf("export the passkeys of %s as %s", on, s.Export.Format)
	case s.Import != nil:
		return fmt.Sprintf("import %s on %s", s.Import.From, on)
	case s.Fabric != nil:
		return fmt.Sprintf("the cloud of %s's account: %s", s.Fabric.Account, s.Fabric.Do)
	default:
		return s.Action()
	}
}

// whereAt names the provider, where something happens that otherwise happens at the relying party.
func whereAt(at, on string) string {
	if at != scenarios.AtProvider {
		return ""
	}
	return " at the provider, on " + on
}

// whereAtProvider is the device of a step between a device and its provider.
func whereAtProvider(s *scenarios.Step) (user, device string) {
	switch {
	case s.Sync != nil:
		return "", s.Sync.To
	case s.Unlock != nil:
		return "", s.Unlock.On
	case s.EnrolDevice != nil:
		return "", s.EnrolDevice.On
	case s.RevokeDevice != nil:
		return "", s.RevokeDevice.On
	case s.SignOut != nil:
		return "", s.SignOut.On
	case s.GoOffline != nil:
		return "", s.GoOffline.On
	case s.GoOnline != nil:
		return "", s.GoOnline.On
	case s.Wipe != nil:
		return "", s.Wipe.On
	case s.ResetPIN != nil:
		return "", s.ResetPIN.On
	case s.RotateKeys != nil:
		return "", s.RotateKeys.On
	case s.Restore != nil:
		return "", s.Restore.On
	case s.Signal != nil:
		return s.Signal.User, s.Signal.On
	case s.Export != nil:
		return "", s.Export.On
	case s.Import != nil:
		return "", s.Import.On
	default:
		return "", ""
	}
}
