package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/passrig/passrig/virtual/fabric"
)

const syncAuditLong = `Audit reads the audit log of a provider's cloud and checks that it is whole: every line as it was
written, in order, none missing or doubled, and every counter what the tries come to.

LOG is a file beside a fabric's state (its name ends in .ledger), or - for standard input. That its end is not
missing takes a head that somebody remembers, SEQ:HASH, as every report has it.`

const syncAuditExample = `  passrig sync audit fabric.db.ledger
  passrig sync audit fabric.db.ledger --head 42:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
  passrig sync audit fabric.db.ledger --json`

// newSyncAuditCommand verifies an audit log.
func newSyncAuditCommand(env *Env) *cobra.Command {
	o := &auditOptions{env: env}
	cmd := &cobra.Command{
		Use: "audit LOG", Short: "Verify the audit log of a provider's cloud", Example: syncAuditExample,
		Long: syncAuditLong + exits(
			"0", "the log is intact",
			"2", "bad flags, or no such file",
			"3", "the log is damaged: where and how is said"),
		Args: exactlyOne("audit log"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.validate(cmd); err != nil {
				return err
			}
			return o.run(args[0])
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&o.head, "head", "", "`SEQ:HASH` of an entry that has been seen: the log has to contain it")
	cmd.Flags().BoolVar(&o.json, "json", false, "write the findings as JSON")
	completeFlag(cmd, "head", cobra.NoFileCompletions)
	return cmd
}

type auditOptions struct {
	env  *Env
	head string
	json bool

	want *fabric.LedgerHead
}

func (o *auditOptions) validate(cmd *cobra.Command) error {
	if o.head == "" {
		return nil
	}
	head, err := fabric.ParseLedgerHead(o.head)
	if err != nil {
		return usageError(cmd, "copy it from a report: fabric.accounts.audit.head", "--%w", err)
	}
	o.want = &head
	return nil
}

// findings are what is said of an audit log, as JSON.
type findings struct {
	File     string                `json:"file"`
	Intact   bool                  `json:"intact"`
	Entries  int                   `json:"entries"` // up to the damage, if there is any
	Head     string                `json:"head,omitempty"`
	First    *time.Time            `json:"first,omitempty"`
	Last     *time.Time            `json:"last,omitempty"`
	Actions  map[fabric.Action]int `json:"actions"`
	Accounts map[string]int        `json:"accounts"`
	Line     int                   `json:"line,omitempty"` // where the damage is, from 1
	Damage   fabric.Damage         `json:"damage,omitempty"`
	Problem  string                `json:"problem,omitempty"`
	Hint     string                `json:"hint,omitempty"`
}

func (o *auditOptions) run(path string) error {
	log, err := o.env.readFile(path)
	if err != nil {
		return badFile("", "cannot read %q: %w", path, err)
	}
	summary, err := fabric.VerifyLedger(bytes.NewReader(log), o.want)
	damage, damaged := errors.AsType[*fabric.LedgerError](err)
	if err != nil && !damaged {
		return couldNot("", "%s: %w", path, err)
	}
	found := findings{File: path, Intact: !damaged, Entries: summary.Entries, Actions: summary.Actions, Accounts: summary.Accounts}
	if summary.Entries > 0 {
		found.Head, found.First, found.Last = summary.Head.String(), &summary.First, &summary.Last
	}
	if damaged {
		found.Line, found.Damage, found.Problem, found.Hint = damage.Line, damage.Damage, damage.Problem, damage.Hint
	}
	if err := o.show(&found); err != nil {
		return couldNot("", "cannot write to standard output: %w", err)
	}
	if damaged {
		return couldNot(damage.Hint, "%s:%d: the audit log is damaged: %s", path, damage.Line, damage.Problem)
	}
	return nil
}

// show writes the findings to standard output: as JSON, or as a line of figures when the log is intact.
func (o *auditOptions) show(found *findings) error {
	return buffered(o.env.Stdout, func(w io.Writer) error {
		switch {
		case o.json:
			out := json.NewEncoder(w)
			out.SetIndent("", "  ")
			return out.Encode(found)
		case found.Intact:
			_, err := fmt.Fprintln(w, found.line())
			return err
		}
		return nil
	})
}

// line is what an intact log holds.
func (f *findings) line() string {
	if f.Entries == 0 {
		return f.File + ": intact, and empty"
	}
	var actions []string
	for _, action := range slices.Sorted(maps.Keys(f.Actions)) {
		actions = append(actions, fmt.Sprintf("%s %d", action, f.Actions[action]))
	}
	return fmt.Sprintf("%s: intact, %d entries of %d accounts from %s to %s: %s; head %s", f.File, f.Entries, len(f.Accounts),
		f.First.Format(time.RFC3339), f.Last.Format(time.RFC3339), strings.Join(actions, ", "), f.Head)
}
