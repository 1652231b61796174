package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

const completionLong = `Completion writes a script that teaches a shell to complete passrig's commands, flags, report
formats, adapters, built-in scenarios and topics.`

const completionExample = `  # bash, for this session; or once, into /etc/bash_completion.d/passrig
  source <(passrig completion bash)
  # zsh
  passrig completion zsh > "${fpath[1]}/_passrig"
  # fish
  passrig completion fish > ~/.config/fish/completions/passrig.fish
  # PowerShell
  passrig completion powershell | Out-String | Invoke-Expression`

// newCompletionCommand writes a shell's completion script.
func newCompletionCommand(env *Env) *cobra.Command {
	shells := []string{"bash", "fish", "powershell", "zsh"}
	return &cobra.Command{
		Use: "completion bash|zsh|fish|powershell", Short: "Write a shell's completion script", Example: completionExample,
		Long: completionLong + exits("0", "written", "2", "there is no such shell"),
		Args: oneOf("shell", shells...), ValidArgs: shells,
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(env.Stdout, true)
			case "zsh":
				return root.GenZshCompletion(env.Stdout)
			case "fish":
				return root.GenFishCompletion(env.Stdout, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(env.Stdout)
			}
			return fmt.Errorf("no completion for shell %q", args[0])
		},
	}
}
