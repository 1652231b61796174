package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/passrig/passrig/report"
)

// newVersionCommand says which passrig this is.
func newVersionCommand(env *Env) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "version", Short: "Say which passrig this is",
		Long:    "Version shows the version, the commit it was built from, and the Go version and platform it was built with." + exits("0", "shown"),
		Example: "  passrig version\n  passrig version --json | jq -r .version",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			tool := toolOf(env)
			if asJSON {
				return writeJSON(env, tool)
			}
			commit := ""
			if tool.Commit != "" {
				commit = "commit " + tool.Commit + ", "
			}
			_, err := fmt.Fprintf(env.Stdout, "%s %s (%s%s, %s/%s)\n", tool.Name, tool.Version, commit, tool.Go, tool.OS, tool.Arch)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "write a JSON object")
	return cmd
}

// toolOf describes this program, for results and for version.
func toolOf(env *Env) report.Tool {
	tool := report.Tool{Name: "passrig", Version: env.Version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return tool
	}
	if tool.Version == "" {
		tool.Version = info.Main.Version
	}
	if tool.Version == "" {
		tool.Version = "(devel)"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			tool.Commit = s.Value[:min(len(s.Value), 12)]
		}
	}
	return tool
}
