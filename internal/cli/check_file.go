package cli

import (
	"github.com/spf13/cobra"

	"github.com/passrig/passrig/scenarios"
)

// heed takes from the target's file what no flag says.
func (o *checkOptions) heed(cmd *cobra.Command, file *scenarios.Checks) {
	if file == nil {
		return
	}
	open := func(flag string) bool { return !cmd.Flags().Changed(flag) }
	if open("tier") && file.Tier != "" {
		o.tier.value = file.Tier
	}
	if open("fail-on") && file.FailOn != "" {
		o.failOn.value = file.FailOn
	}
	for flag, list := range map[string]struct {
		into *[]string
		file []string
	}{"only": {&o.only, file.Only}, "skip": {&o.skip, file.Skip}, "allow": {&o.allow, file.Allow}} {
		if open(flag) {
			*list.into = list.file
		}
	}
	if open("strict") {
		o.strict = file.Strict
	}
}
