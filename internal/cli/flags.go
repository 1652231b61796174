package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/passrig/passrig/internal/diag"
)

// valueError is what is wrong with a flag's value.
type valueError struct{ message, hint string }

// Error implements error.
func (e *valueError) Error() string { return e.message }

// enum is a flag that has one of a few values.
type enum struct {
	value  string
	values []string
}

func newEnum(value string, values ...string) *enum { return &enum{value, values} }

// String implements pflag.Value.
func (e *enum) String() string { return e.value }

// Type implements pflag.Value: it is what the help shows in place of a value.
func (e *enum) Type() string { return strings.Join(e.values, "|") }

// Set implements pflag.Value.
func (e *enum) Set(s string) error {
	if !slices.Contains(e.values, s) {
		return &valueError{fmt.Sprintf("unknown value %q", s), diag.Suggest(s, e.values)}
	}
	e.value = s
	return nil
}

func (e *enum) complete(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return e.values, cobra.ShellCompDirectiveNoFileComp
}

// flag adds the flag to a command.
func (e *enum) flag(cmd *cobra.Command, name, usage string) {
	cmd.Flags().Var(e, name, usage)
	completeFlag(cmd, name, e.complete)
}

// persistent adds the flag to a command and those below it.
func (e *enum) persistent(cmd *cobra.Command, name, usage string) {
	cmd.PersistentFlags().Var(e, name, usage)
	completeFlag(cmd, name, e.complete)
}

// pairs is a repeated flag of the form name=value.
type pairs map[string]string

// String implements pflag.Value. A default is never shown, because there is none.
func (p pairs) String() string { return "" }

// Type implements pflag.Value.
func (p pairs) Type() string { return "NAME=VALUE" }

// Set implements pflag.Value.
func (p pairs) Set(s string) error {
	name, value, ok := strings.Cut(s, "=")
	if !ok || name == "" {
		return &valueError{fmt.Sprintf("%q is not NAME=VALUE", s), ""}
	}
	if _, taken := p[name]; taken {
		return &valueError{fmt.Sprintf("%q is given twice", name), ""}
	}
	p[name] = value
	return nil
}

// completer offers words to the shell for what has been typed so far.
type completer = func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective)

// completeFlag registers what a flag's value can be. It fails only for a flag that does not exist.
func completeFlag(cmd *cobra.Command, name string, offer completer) {
	if err := cmd.RegisterFlagCompletionFunc(name, offer); err != nil {
		panic(err)
	}
}

// offering completes to words that are made when they are wanted.
func offering(words func() []string, directive cobra.ShellCompDirective) completer {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) { return words(), directive }
}

// firstOf completes the first argument only.
func firstOf(words func() []string) completer {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return words(), cobra.ShellCompDirectiveNoFileComp
	}
}

// described is a word with the text that shells show beside it.
func described(word, text string) string { return word + "\t" + text }
