package study

import "math/rand/v2"

// Kind is something that happens to an account in a study.
type Kind int

// The kinds of events, by the names of [Kinds].
const (
	Create           Kind = iota // a passkey for a relying party that the person has none at
	Login                        // on another device than the one that made the passkey
	Replace                      // a new passkey in place of one, made on any device: the relying party knows only the new one
	Rename                       // at the provider
	Delete                       // at the relying party, which does not tell the provider
	DeleteSignaled               // at the relying party, whose page signals it to the device at hand
	DeleteAtProvider             // by the person; the relying party goes on knowing it
	Unlock                       // a new device in place of an old one, which the person unlocks
	SyncOff                      // turned off on a device
	Rotate                       // new keys for the vault
	kinds                        // how many
)

// Kinds are the names that a mix has for the kinds of events, in the order of the constants.
func Kinds() []string {
	return []string{
		Create: "create", Login: "login", Replace: "replace", Rename: "rename", Delete: "delete", DeleteSignaled: "delete-signaled",
		DeleteAtProvider: "delete-at-provider", Unlock: "unlock", SyncOff: "sync-off", Rotate: "rotate",
	}
}

// String is the name that a mix has for the kind.
func (k Kind) String() string { return Kinds()[k] }

// Mix is the weight of each kind of event.
type Mix [kinds]int

// DefaultMix is what happens when nobody says anything else.
func DefaultMix() Mix {
	return Mix{Create: 4, Login: 10, Replace: 2, Rename: 2, Delete: 1, DeleteSignaled: 1, DeleteAtProvider: 1, Unlock: 1}
}

// pick draws a kind by its weight.
func (m *Mix) pick(r *rand.Rand) Kind {
	total := 0
	for _, weight := range m {
		total += weight
	}
	at := r.IntN(total)
	for k, weight := range m {
		if at < weight {
			return Kind(k)
		}
		at -= weight
	}
	return Login // not reached: the weights add up to more than any draw
}
