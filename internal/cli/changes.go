package cli

import (
	"slices"

	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual/forge"
)

// changes are the changes of a response that tamper can name.
func changes() map[string]scenarios.Change {
	all := make(map[string]scenarios.Change)
	for _, kind := range forge.Kinds() {
		all[kind.Name] = scenarios.Change{
			Registration: slices.Contains(kind.Ceremonies, forge.Create),
			Login:        slices.Contains(kind.Ceremonies, forge.Get),
			Fits: func(value any) error {
				return forge.Change{Name: kind.Name, Value: value}.Validate(kind.Ceremonies[0])
			},
		}
	}
	return all
}
