package checks

import (
	"slices"
	"strings"
)

// Catalogue is every check, in the order in which they are performed.
func Catalogue() []*Check {
	return slices.Concat(
		optionsChecks(),
		envelopeChecks(),
		clientDataChecks(),
		authenticatorDataChecks(),
		attestationChecks(),
		signatureChecks(),
		identityChecks(),
		lifecycleChecks(),
		syncChecks(),
		browserChecks(),
	)
}

// Find returns the check with an id, or nil.
func Find(id string) *Check {
	all := Catalogue()
	if i := slices.IndexFunc(all, func(c *Check) bool { return c.ID == id }); i >= 0 {
		return all[i]
	}
	return nil
}

// Catching are the ids of the checks that deviate under each fault of the demo relying party, by the fault's name.
func Catching() map[string][]string {
	ids := make(map[string][]string)
	for _, c := range Catalogue() {
		for _, fault := range c.Faults {
			ids[fault] = append(ids[fault], c.ID)
		}
	}
	return ids
}

// Tier is a part of the catalogue.
type Tier string

// The tiers: each holds the one before.
const (
	TierSmoke Tier = "smoke" // what is critical or high, and not merely recorded
	TierCore  Tier = "core"  // and what is medium
	TierAll   Tier = "all"   // everything
)

// Tiers lists them, the smallest first.
func Tiers() []Tier { return []Tier{TierSmoke, TierCore, TierAll} }

// In reports whether the check belongs to a tier.
func (c *Check) In(t Tier) bool {
	binding := c.Level != Info
	switch t {
	case TierSmoke:
		return binding && c.Severity.AtLeast(High)
	case TierCore:
		return binding && c.Severity.AtLeast(Medium) && !slices.ContainsFunc(c.Gates, func(g Gate) bool { return g.Member == "attestation" && !g.Not })
	case TierAll:
	}
	return true
}

// both makes the two checks of a row whose id begins with {reg,auth}. In texts "§7.1 step 7 | §7.2 step 10" the part
// before the bar goes to the registration and the one behind it to the authentication.
func both(row Check, registration, authentication func(*Check)) []*Check {
	pair := make([]*Check, 0, 2)
	for i, prefix := range []string{"reg-", "auth-"} {
		c := row
		c.ID = prefix + row.ID
		c.Ceremony = []Ceremony{Registration, Authentication}[i]
		c.Basis = make([]string, 0, len(row.Basis))
		for _, b := range row.Basis {
			if half := side(b, i); half != "" {
				c.Basis = append(c.Basis, half)
			}
		}
		c.Title, c.Sends, c.Expects, c.Fix = side(row.Title, i), side(row.Sends, i), side(row.Expects, i), side(row.Fix, i)
		if adjust := []func(*Check){registration, authentication}[i]; adjust != nil {
			adjust(&c)
		}
		pair = append(pair, &c)
	}
	return pair
}

// side is one half of a text with a bar in it, or the whole of one without.
func side(text string, i int) string {
	first, second, split := strings.Cut(text, " | ")
	if split && i == 1 {
		return strings.TrimSpace(second)
	}
	return strings.TrimSpace(first)
}
