package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/internal/term"
	"github.com/passrig/passrig/report"
)

const rootLong = `passrig tests how a relying party (any site or service that signs people in with passkeys)
deals with passkeys. It reads scenarios from YAML files, plays the people, devices and
authenticators in them, and says for every step what happened and what should have.`

// usageTemplate is the part of the help below a command's description.
const usageTemplate = `Usage:
  {{.UseLine}}
{{- if .HasExample}}

Examples:
{{.Example}}
{{- end}}
{{- range $group := .Groups}}

{{$group.Title}}
{{- range $.Commands}}{{if eq .GroupID $group.ID}}
  {{rpad .Name .NamePadding}} {{.Short}}
{{- end}}{{end}}
{{- end}}
{{- if .HasHelpSubCommands}}

Topics:
{{- range .Commands}}{{if .IsAdditionalHelpTopicCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}
{{- end}}{{end}}
{{- end}}
{{- if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}
{{- end}}
{{- if .HasAvailableInheritedFlags}}
{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}
{{- end}}
{{- if .HasAvailableSubCommands}}

passrig help COMMAND says more about a command or topic.
{{- end}}
`

const rootExample = `  passrig demo                                   # the whole tour on a built-in relying party
  passrig init && passrig run passkeys.yaml      # test your own
  passrig run builtin:smoke --adapter simplewebauthn --origin http://localhost:8080
  passrig explain InvalidStateError              # what went wrong, and what to do`

// Main runs one command line and returns its exit code.
func Main(args []string, env *Env) int {
	e := *env // with what belongs to this one command line
	env = &e
	env.stdin = sync.OnceValues(func() ([]byte, error) { return io.ReadAll(io.LimitReader(env.Stdin, report.MaxFileSize+1)) })
	env.commands = env.Stderr
	if env.inActions() {
		env.Stderr = &inert{to: env.Stderr}
	}
	ctx, stop := env.interruptible(context.Background())
	defer stop()
	root := newRootCommand(env)
	root.SetArgs(args)
	return env.conclude(ctx, root.ExecuteContext(ctx))
}

func newRootCommand(env *Env) *cobra.Command {
	color := newEnum(term.ColorAuto, term.ColorAuto, term.ColorAlways, term.ColorNever)
	root := &cobra.Command{
		Use: "passrig COMMAND", Short: "A test rig for passkeys", Long: rootLong, Example: rootExample,
		Version:       toolOf(env).Version,
		SilenceErrors: true, SilenceUsage: true, DisableAutoGenTag: true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return usageError(cmd, didYouMean(args[0], commandNames(cmd)), "unknown command %q", args[0])
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	env.color = func(tty bool) bool { return term.Colors(color.value, env.getenv, tty) }
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	root.SetFlagErrorFunc(flagError)
	root.SetUsageTemplate(usageTemplate)
	root.SetVersionTemplate("passrig {{.Version}}\n")
	root.PersistentFlags().SortFlags = false
	color.persistent(root, "color", "when to use color")
	root.AddGroup(&cobra.Group{ID: groupTest, Title: "Testing:"}, &cobra.Group{ID: groupLearn, Title: "Finding out:"},
		&cobra.Group{ID: groupSetup, Title: "Setting up:"})
	grouped := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	grouped(groupTest, newRunCommand(env), newValidateCommand(env), newCheckCommand(env), newLoadCommand(env), newSyncCommand(env), newMatrixCommand(env), newReportCommand(env), newCompareCommand(env), newMergeCommand(env), newDemoCommand(env), newRPCommand(env))
	grouped(groupLearn, newListCommand(env), newExplainCommand(env), newDoctorCommand(env))
	grouped(groupSetup, newInitCommand(env), newSchemaCommand(env), newCompletionCommand(env), newManCommand(env), newVersionCommand(env))
	root.AddCommand(newHelpTopics()...)
	help := newHelpCommand()
	help.GroupID = groupSetup
	root.SetHelpCommand(help)
	return root
}

// The groups of commands in the help.
const (
	groupTest  = "test"
	groupLearn = "learn"
	groupSetup = "setup"
)

func commandNames(cmd *cobra.Command) []string {
	var names []string
	for _, c := range cmd.Commands() {
		names = append(names, c.Name())
	}
	return names
}

// exits is the part of a command's help about its exit codes: pairs of a code and what it means.
func exits(pairs ...string) string {
	var b strings.Builder
	b.WriteString("\n\nEXIT STATUS\n===========\n")
	for i := 0; i+1 < len(pairs); i += 2 {
		fmt.Fprintf(&b, "    %-4s %s\n", pairs[i], pairs[i+1])
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// noArgs refuses arguments.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError(cmd, "", "unexpected argument %q", args[0])
	}
	return nil
}

// atLeastOne wants one argument or more, called what.
func atLeastOne(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usageError(cmd, "", "no %s given", what)
		}
		return nil
	}
}

// exactlyOne wants one argument, called what.
func exactlyOne(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 1 {
			return usageError(cmd, "", "unexpected argument %q: there can be only one %s", args[1], what)
		}
		return atLeastOne(what)(cmd, args)
	}
}

// oneOf wants one argument of a few, called what.
func oneOf(what string, values ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := exactlyOne(what)(cmd, args); err != nil {
			return err
		}
		return known(cmd, what, args[0], values)
	}
}

// known refuses a word that is none of the values.
func known(cmd *cobra.Command, what, word string, values []string) error {
	if slices.Contains(values, word) {
		return nil
	}
	return usageError(cmd, diag.Suggest(word, values), "unknown %s %q", what, word)
}
