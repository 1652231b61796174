package cli

import (
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// newManCommand writes manual pages.
func newManCommand(env *Env) *cobra.Command {
	return &cobra.Command{
		Use: "man [DIR]", Short: "Write the manual pages",
		Long: `Man writes a manual page for every command into a directory, or without one passrig(1) to
standard output.` + exits("0", "written", "2", "bad flags", "3", "the directory cannot be written"),
		Example: "  passrig man | man -l -\n  passrig man /usr/local/share/man/man1",
		Args:    atMostDirectory, ValidArgsFunction: completeDirectory,
		RunE: func(cmd *cobra.Command, args []string) error {
			// The same source must give the same bytes, so the date is not today's.
			date := time.Date(2026, time.November, 22, 0, 0, 0, 0, time.UTC)
			header := &doc.GenManHeader{Title: "PASSRIG", Section: "1", Date: &date, Source: "passrig", Manual: "passrig manual"}
			if len(args) == 0 {
				return doc.GenMan(cmd.Root(), header, env.Stdout)
			}
			if err := os.MkdirAll(env.path(args[0]), 0o755); err != nil { //nolint:gosec // manual pages are for everybody
				return couldNot("", "cannot make the directory: %w", err)
			}
			header.Title = ""
			if err := doc.GenManTree(cmd.Root(), header, env.path(args[0])); err != nil {
				return couldNot("", "cannot write the manual pages: %w", err)
			}
			return nil
		},
	}
}
