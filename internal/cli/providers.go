package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/passrig/passrig/virtual/providers"
)

// providerOptions say which providers there are.
type providerOptions struct {
	dir string

	known *providers.Catalogue // once read
}

func (o *providerOptions) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.dir, "providers", "", "also use the provider files in this `DIR`; they replace built-in ones of the same id")
	completeFlag(cmd, "providers", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveFilterDirs
	})
}

// read is the catalogue. The error holds all mistakes of all provider files.
func (o *providerOptions) read(env *Env) (*providers.Catalogue, error) {
	if o.known != nil {
		return o.known, nil
	}
	known, err := providers.Builtin()
	if err != nil {
		return nil, fmt.Errorf("built-in providers: %w", err)
	}
	if o.dir != "" {
		if known, err = known.With(os.DirFS(env.path(o.dir)), o.dir); err != nil {
			return nil, err
		}
	}
	o.known = known
	return known, nil
}

// rows are those of the catalogue.
func (o *providerOptions) rows(env *Env) ([]*providers.Provider, error) {
	known, err := o.read(env)
	if err != nil {
		return nil, err
	}
	return known.All(), nil
}

// builtinProviders are the providers that passrig comes with.
func builtinProviders() ([]*providers.Provider, error) { return (&providerOptions{}).rows(nil) }

// providerNames are the built-in providers that an account can name.
func providerNames() []string {
	known, err := (&providerOptions{}).read(nil)
	if err != nil {
		return nil // they are embedded and tested
	}
	return known.Names()
}
