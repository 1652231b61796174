package matrix

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/providers"
)

// param is one thing that a facet can be told of a provider.
type param struct {
	value  func(*Row) string // as a YAML scalar
	none   string            // the value of a provider that has nothing of the kind; empty: there is none
	absent string            // what that means, as the reason why a facet does not apply to it
}

// paramTable are the params of facets, by name. A facet declares those that it wants to know.
func paramTable() map[string]param {
	home := func(n int, of func(providers.Circumstances) string) func(*Row) string {
		return func(r *Row) string {
			if len(r.Homes) == 0 {
				return ""
			}
			return of(r.Homes[min(n, len(r.Homes)-1)])
		}
	}
	system := func(c providers.Circumstances) string { return quoted(c.OS.Text) }
	client := func(c providers.Circumstances) string { return quoted(c.Client.Text) }
	return map[string]param{
		"provider":     {value: func(r *Row) string { return quoted(r.ID()) }},
		"account_type": {value: home(0, func(c providers.Circumstances) string { return quoted(c.AccountType) })},
		"os":           {value: home(0, system)},
		"client":       {value: home(0, client)},
		"other_os":     {value: home(1, system)},
		"other_client": {value: home(1, client)},
		"syncs":        {value: yes(func(r *Row) bool { return r.Sync != nil }), none: "false", absent: "its passkeys stay on the device that made them"},
		"algorithms":   {value: func(r *Row) string { return quoted(strings.Join(algorithms(r.Config), ",")) }},
		"backup_eligible": {
			value: yes(func(r *Row) bool { return r.Config.BackupEligible }), none: "false", absent: "its passkeys are not backup eligible",
		},
		"backed_up": {value: yes(func(r *Row) bool { return r.Config.BackedUp }), none: "false", absent: "its passkeys are not backed up"},
		"counts": {
			value: yes(func(r *Row) bool { return counts(r.Config.Counter.Policy) }),
			none:  "false", absent: "its passkeys do not count their signatures",
		},
		"attestation":  {value: func(r *Row) string { return cmp.Or(string(r.Config.Attestation), "none") }},
		"discoverable": {value: func(r *Row) string { return cmp.Or(string(r.Config.ResidentKeys), "always") }},
		"signals_unknown": {
			value: func(r *Row) string { return cmp.Or(r.Signals.Unknown, providers.SignalIgnore) },
			none:  providers.SignalIgnore, absent: "it does not heed what pages signal",
		},
	}
}

// quoted is a text as a YAML scalar that is nothing but that text.
func quoted(text string) string { return strconv.Quote(text) }

func yes(is func(*Row) bool) func(*Row) string {
	return func(r *Row) string { return strconv.FormatBool(is(r)) }
}

// algorithms are those that the authenticator has; see [virtual.Config] for one of which nothing is said.
func algorithms(c virtual.Config) []string {
	if len(c.Algorithms) > 0 {
		return c.Algorithms
	}
	return []string{"ES256", "EdDSA", "RS256"}
}

// counts says whether the counter of a passkey that is made now moves.
func counts(p virtual.CounterPolicy) bool {
	return p == virtual.CounterPerCredential || p == virtual.CounterGlobal
}
