package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/passrig/passrig/virtual/fabric"
	"github.com/passrig/passrig/virtual/fabric/disk"
)

const syncAuditLong = `Audit reads the audit log of a provider's cloud and checks that it is whole: every line as it was
written, in order, none missing or doubled, and every counter what the tries come to.

LOG is the file beside a cloud's state (its name ends in .ledger), or - for standard input. Whether
its end is missing only a head can tell that somebody remembers, SEQ:HASH: every HTML and JSON
report has it, and passrig run --verbose shows it.`

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
			"3", "the log is damaged, where and how is said; or it has no entries to verify"),
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
		return usageError(cmd, "copy it from a report: 42:9f86d081…, or fabric.accounts[].audit.head in JSON", "--%w", err)
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
		hint := ""
		if errors.Is(err, fs.ErrNotExist) {
			hint = "the audit log of a state file is beside it, and its name ends in .ledger"
		}
		return badFile(hint, "cannot read %q: %w", path, err)
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
		found.Line, found.Damage, found.Problem, found.Hint = damage.Line, damage.Damage, damage.Problem, damage.Hint()
		if damage.Line == 1 && !bytes.HasPrefix(log, []byte("{")) {
			found.Hint = o.otherLog(path)
		}
	}
	if err := o.show(&found); err != nil {
		return couldNot("", "cannot write to standard output: %w", err)
	}
	switch {
	case damaged:
		return couldNot(found.Hint, "%s:%d: the audit log is damaged: %s", path, damage.Line, damage.Problem)
	case found.Entries == 0:
		return couldNot("a log has entries from the first saved passkey on; a --head tells whether they were removed",
			"%s: the audit log is empty: there is nothing to verify", path)
	}
	return nil
}

// otherLog says where the log may be when a file does not look like one: most often it is the state.
func (o *auditOptions) otherLog(path string) string {
	beside := disk.LedgerPath(path)
	if info, err := os.Stat(o.env.path(beside)); path != "-" && err == nil && info.Mode().IsRegular() {
		return "the audit log is beside it: passrig sync audit " + beside
	}
	return "is this an audit log? it is beside the state file, and its name ends in .ledger"
}

// show writes the findings to standard output: as JSON, or as a line of figures when the log is intact.
func (o *auditOptions) show(found *findings) error {
	return buffered(o.env.Stdout, func(w io.Writer) error {
		switch {
		case o.json:
			out := json.NewEncoder(w)
			out.SetIndent("", "  ")
			return out.Encode(found)
		case found.Intact && found.Entries > 0:
			_, err := fmt.Fprintln(w, found.line())
			return err
		}
		return nil
	})
}

// line is what an intact log holds.
func (f *findings) line() string {
	var actions []string
	for _, action := range slices.Sorted(maps.Keys(f.Actions)) {
		actions = append(actions, fmt.Sprintf("%s %d", action, f.Actions[action]))
	}
	return fmt.Sprintf("%s: intact, %d entries of %s from %s to %s: %s; head %s", f.File, f.Entries, count(len(f.Accounts), "account"),
		f.First.Format(time.RFC3339), f.Last.Format(time.RFC3339), strings.Join(actions, ", "), f.Head)
}
