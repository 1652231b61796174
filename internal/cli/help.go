package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// newHelpCommand shows the help of a command or topic. It refuses a name that it does not know,
// where cobra's own says so and exits with 0.
func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND|TOPIC]", Short: "Show the help of a command or topic",
		Long: `Help shows what a command does, its flags and its exit codes. The topics exit-codes,
environment and reports are about passrig as a whole.` + exits("0", "shown", "2", "there is no such command or topic"),
		Example: "  passrig help run\n  passrig help exit-codes",
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var words []string
			for _, c := range cmd.Root().Commands() {
				if len(args) == 0 && !c.Hidden {
					words = append(words, described(c.Name(), c.Short))
				}
			}
			return words, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			if len(args) == 0 {
				return root.Help()
			}
			found, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 || found == root {
				return usageError(cmd, didYouMean(args[0], commandNames(root)), "no command or topic %q", strings.Join(args, " "))
			}
			return found.Help()
		},
	}
}

// newHelpTopics are commands that only have a help.
func newHelpTopics() []*cobra.Command {
	return []*cobra.Command{
		{Use: "exit-codes", Short: "What the exit codes mean", Long: exitCodesHelp},
		{Use: "environment", Short: "Which environment variables are read", Long: environmentHelp},
		{Use: "reports", Short: "Which reports there are, and where they go", Long: reportsHelp()},
	}
}

const exitCodesHelp = `passrig ends with one of these codes, whichever the command:

    0    everything required passed
    1    a step failed or a threshold was crossed
    2    bad flags or a bad file; nothing was sent
    3    could not tell: relying party down, a report not written, nothing judged
    130  interrupted; the reports hold what was measured until then

Failed (1) and could not tell (3) never share a code: the first is about the relying party, the
second is not. When some steps failed and others could not be judged, the code is 1.
passrig explain exit-3 says more about each.`

const environmentHelp = `passrig reads these environment variables:

    NO_COLOR                     not empty: no colors
    CLICOLOR_FORCE, FORCE_COLOR  not empty and not 0: colors even where there is no terminal
    TERM                         dumb: no colors
    HTTP_PROXY, HTTPS_PROXY      proxy for targets that are not on loopback
    NO_PROXY                     hosts that are reached without it
    SSL_CERT_FILE, SSL_CERT_DIR  certificate authorities to trust, in place of the system's
    GITHUB_ACTIONS               true: mistakes and failures are annotated, as this is a step there
    GITHUB_STEP_SUMMARY          where --report github goes in such a step
    GITHUB_WORKSPACE             the repository, to which annotations name files

The flag --color beats the variables about colors. A scenario reads a variable only if its env
list names it, so a file from somebody else cannot look around.`

func reportsHelp() string {
	var b strings.Builder
	b.WriteString("A run has one result, and every report is made from it:\n\n")
	for _, f := range formats() {
		file := f.file
		if file == "-" {
			file = "standard output"
		}
		fmt.Fprintf(&b, "    %-9s %s (default: %s)\n", f.name, f.title, file)
	}
	b.WriteString(`
    --report FORMAT        writes to the default file
    --report FORMAT=PATH   writes to PATH; - is standard output, for one report at most
    --json                 is --report json=-

In a step of GitHub Actions, --report github writes behind the step's summary so far, unless it is
given a path, and has GitHub show every failure at the line of the scenario.

The summary goes to standard output, or to standard error when a report takes standard output.
A report file is complete or not there: an old one is replaced only by a whole new one. Whether
all of them can be written is checked before anything is sent. Passwords, cookies, tokens and
keys are taken out of the result before any report is made.

passrig report RUN.json makes any report from an earlier result.`)
	return b.String()
}
