package checks

import (
	"slices"
	"strings"
)

// Profile is what a target declares about itself: the values of members such as uv, embedding, attestation, origins.
// The members are those of a scenario's target.profile.
type Profile map[string][]string

// Gate ties a check to what the target declares.
type Gate struct {
	Member string   // of the profile
	Values []string // one of them has to be declared, or with a colon at its end the beginning of one; none: any value does
	Not    bool     // it is the other way round, and no declaration is fine
}

// gate is a gate that wants a member to have one of the values.
func gate(member string, values ...string) Gate { return Gate{Member: member, Values: values} }

// unless is a gate that wants a member not to have any of the values.
func unless(member string, values ...string) Gate {
	return Gate{Member: member, Values: values, Not: true}
}

// String is the gate as it is written in lists: "uv=required", "preset≠fido".
func (g Gate) String() string {
	sign := "="
	if g.Not {
		sign = "≠"
	}
	if len(g.Values) == 0 {
		return g.Member
	}
	return g.Member + sign + strings.Join(g.Values, "|")
}

// standing is how a target stands to a gate.
type standing int

const (
	open       standing = iota // the check counts
	undeclared                 // nobody said: it is performed, and what happens is only recorded
	closed                     // the target is otherwise: there is nothing to check
)

// names reports whether a declared value is one of the gate's.
func (g Gate) names(declared string) bool {
	return slices.ContainsFunc(g.Values, func(v string) bool {
		return v == declared || strings.HasSuffix(v, ":") && strings.HasPrefix(declared, v)
	})
}

func (g Gate) standing(p Profile) standing {
	declared, ok := p[g.Member]
	match := ok && (len(g.Values) == 0 || slices.ContainsFunc(declared, g.names))
	switch {
	case g.Not && match:
		return closed
	case g.Not, match:
		return open
	case ok:
		return closed
	}
	return undeclared
}

// standingOf is the worst standing of the check's gates, and the gate that decides.
func (c *Check) standingOf(p Profile) (worst standing, decides Gate) {
	for _, g := range c.Gates {
		if s := g.standing(p); s > worst {
			worst, decides = s, g
		}
	}
	return worst, decides
}
