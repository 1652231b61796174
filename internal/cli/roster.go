package cli

import (
	"context"
	"errors"
	"io"
	"iter"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/passrig/passrig/internal/demorp"
	"github.com/passrig/passrig/internal/load"
)

// rosterOptions are the flags about users whom the demo relying party knows from the beginning.
type rosterOptions struct {
	count     int
	seed      string
	provider  string
	export    string
	plaintext bool

	seedValue uint64
}

func (o *rosterOptions) add(cmd *cobra.Command) {
	cmd.Flags().IntVar(&o.count, "enrolled", 0, "know `N` users with a passkey each from the beginning")
	cmd.Flags().StringVar(&o.seed, "enrolled-seed", "1", "`NUMBER` that they are made from: the --seed of the load")
	cmd.Flags().StringVar(&o.provider, "enrolled-provider", "", "`NAME` of who keeps their passkeys: the provider of the load's account")
	cmd.Flags().StringVar(&o.export, "export", "", "write them with their private keys to this `FILE`, for load.users.import; needs --plaintext")
	cmd.Flags().BoolVar(&o.plaintext, "plaintext", false, "agree that the exported private keys are not encrypted")
	completeFlag(cmd, "enrolled-provider", offering(providerNames, cobra.ShellCompDirectiveNoFileComp))
	for _, name := range []string{"enrolled", "enrolled-seed"} {
		completeFlag(cmd, name, cobra.NoFileCompletions)
	}
}

func (o *rosterOptions) validate(cmd *cobra.Command) error {
	var err error
	if o.seedValue, err = strconv.ParseUint(o.seed, 10, 64); err != nil {
		return usageError(cmd, "", "--enrolled-seed %q: not a whole number of 0 or more, below 2^64", o.seed)
	}
	if o.provider != "" {
		if err := known(cmd, "provider", o.provider, providerNames()); err != nil {
			return err
		}
	}
	switch {
	case o.count < 0:
		return usageError(cmd, "", "--enrolled %d: not above 0", o.count)
	case o.count == 0 && (o.export != "" || o.provider != "" || cmd.Flags().Changed("enrolled-seed")):
		return usageError(cmd, "add --enrolled N", "nobody is enrolled")
	case o.export != "" && !o.plaintext:
		return usageError(cmd, "add --plaintext if that is what you want; the file is readable by you alone",
			"--export %q: whoever has the file can sign in as these users", o.export)
	}
	return nil
}

// enroll puts the users into a store, and writes them to the file that was asked for.
func (o *rosterOptions) enroll(ctx context.Context, env *Env, store demorp.Store) (err error) {
	if o.count == 0 {
		return nil
	}
	roster, err := load.NewRoster(o.seedValue, int64(o.count), o.provider) //nolint:contextcheck // nothing in it waits
	if err != nil {
		return badFile(hintOf(err), "%w", err)
	}
	defer func() { err = errors.Join(err, roster.Close()) }()
	progress := newLateProgress(env)
	defer progress.finish()
	progress.start("enroll", o.count)
	members := func(yield func(demorp.Enrolled, error) bool) {
		for m, err := range roster.Members() {
			progress.next("")
			if !yield(enrolled(m), err) {
				return
			}
			progress.step()
		}
	}
	if _, err := demorp.Enroll(ctx, store, iter.Seq2[demorp.Enrolled, error](members), env.Now()); err != nil {
		return couldNot("another --db has other users", "%w", err)
	}
	if o.export == "" {
		return nil
	}
	if err := env.writePrivateFile(o.export, func(w io.Writer) error { return roster.Export(w) }); err != nil {
		return couldNot("", "cannot write the users to %q: %w", o.export, err)
	}
	return nil
}

// enrolled is a member as the demo relying party has it.
func enrolled(m load.Member) demorp.Enrolled {
	return demorp.Enrolled{
		Username: m.Username, DisplayName: m.DisplayName, Handle: m.Handle, CredentialID: m.CredentialID, PublicKey: m.PublicKey,
		Algorithm: m.Algorithm, AAGUID: m.AAGUID, SignCount: m.SignCount, BackupEligible: m.BackupEligible, BackedUp: m.BackedUp,
	}
}
