package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/internal/engine"
	"github.com/passrig/passrig/internal/filelock"
	"github.com/passrig/passrig/internal/matrix"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
)

const matrixLong = `Matrix holds passkey providers against relying parties. Every pair is a cell, in which facets are
played: sign-up, sign-in, a second device, flags, algorithms, counters and more. What each came to,
and why, goes into one report.

FILE is a lab: a scenario file with a matrix section, or - for standard input. Nothing is sent unless
it and its facets are free of mistakes. Cells are played --jobs at a time, in turn from each relying
party; one that does not answer spoils its own column only. Test accounts are made at the relying
parties and are left there.

With --resume, cells are added to a file as soon as they were played. The same command goes on from
there after an interruption, with the same seed; cells of which something could not be told are
played again.`

const matrixExample = `  passrig matrix lab.yaml
  passrig matrix lab.yaml --report html=matrix.html --report csv=matrix.csv
  passrig matrix lab.yaml --jobs 8 --resume lab.journal --json > matrix.json
  passrig matrix lab.yaml --provider bitwarden --relying-party shop --facet counters --verbose
  passrig matrix lab.yaml --driver api --driver browser
  passrig matrix lab.yaml --dry-run`

// newMatrixCommand holds providers against relying parties.
func newMatrixCommand(env *Env) *cobra.Command {
	o := &matrixOptions{env: env, browser: newDriverOptions()}
	cmd := &cobra.Command{
		Use: "matrix FILE", Short: "Hold passkey providers against relying parties", Example: matrixExample,
		Long: matrixLong + exits(
			"0", "every facet that applies passed in every cell",
			"1", "a facet failed in a cell",
			"2", "bad flags, or a mistake in a file, or the journal of another lab: nothing was sent",
			"3", "could not tell: a relying party down, no browser, report or journal not written",
			"130", "interrupted: the reports hold the cells that were played until then"),
		Args:              exactlyOne("lab file"),
		ValidArgsFunction: scenarioWords,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.validate(cmd); err != nil {
				return err
			}
			return o.run(cmd.Context(), cmd.Flags().Changed("seed"), args[0])
		},
	}
	o.addFlags(cmd)
	return cmd
}

type matrixOptions struct {
	env       *Env
	browser   *driverOptions // of columns that have one
	outputs   outputs
	summary   summaryOptions
	params    pairs
	providers providerOptions
	only      matrix.Selection
	mayTest   []string
	resume    string
	jobs      int
	seed      string
	timeout   time.Duration
	dryRun    bool

	seedValue uint64
}

func (o *matrixOptions) addFlags(cmd *cobra.Command) {
	o.params = pairs{}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.IntVar(&o.jobs, "jobs", 0, fmt.Sprintf("how many cells at a time (default: the file's, or %d)", matrix.DefaultJobs))
	flags.StringVar(&o.resume, "resume", "", "add every cell to `FILE` once it was played, and go on from those that are there")
	flags.StringSliceVar(&o.only.Providers, "provider", nil, "only these `PROVIDERS` of the lab")
	flags.StringSliceVar(&o.only.Parties, "relying-party", nil, "only these relying `PARTIES` of the lab")
	flags.StringSliceVar(&o.only.Facets, "facet", nil, "only these `FACETS` of the lab")
	flags.StringSliceVar(&o.only.Drivers, "driver", nil, "drive relying parties by `api, browser` or both, in place of the lab's drivers")
	flags.StringSliceVar(&o.mayTest, "i-may-test", nil, "repeat the `ORIGIN` of a relying party that is not on this machine: its owner agrees")
	flags.StringVar(&o.seed, "seed", "", "`NUMBER` that keys and names are made from, to repeat a run (default: a new one, which is shown)")
	flags.DurationVar(&o.timeout, "timeout", engine.DefaultTimeout, "longest time a step may take, such as 500ms or 1m")
	flags.Var(o.params, "param", "value for one of the file's params; can be repeated")
	o.providers.add(cmd)
	flags.BoolVar(&o.dryRun, "dry-run", false, "show what would be played, and send nothing")
	o.outputs.add(cmd)
	o.summary.add(cmd)
	completeFlag(cmd, "provider", offering(providerNames, cobra.ShellCompDirectiveNoFileComp))
	completeFlag(cmd, "relying-party", o.ofLab(partyWords))
	completeFlag(cmd, "facet", o.ofLab(facetWords))
	completeFlag(cmd, "driver", offering(driverNames, cobra.ShellCompDirectiveNoFileComp))
	for _, name := range []string{"jobs", "i-may-test", "seed", "timeout", "param"} {
		completeFlag(cmd, name, cobra.NoFileCompletions)
	}
}

func driverNames() []string { return []string{engine.DriverAPI, engine.DriverBrowser} }

// ofLab offers words of the lab file that has been typed already.
func (o *matrixOptions) ofLab(words func(*scenarios.File) []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		file, err := scenarios.Load(args[0], scenarios.Options{ReadFile: o.env.readFile, Partial: true})
		if err != nil || file.Matrix == nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return words(file), cobra.ShellCompDirectiveNoFileComp
	}
}

func partyWords(lab *scenarios.File) []string {
	var words []string
	for i := range lab.Matrix.RelyingParties {
		p := &lab.Matrix.RelyingParties[i]
		words = append(words, described(p.Name, p.Caption()))
	}
	return words
}

func facetWords(lab *scenarios.File) []string {
	named := lab.Matrix.Facets
	if len(named) == 0 {
		named = []string{scenarios.All}
	}
	var words []string
	for _, info := range scenarios.Facets() {
		if slices.Contains(named, scenarios.All) || slices.Contains(named, info.Name) {
			words = append(words, described(info.Name, info.Title))
		}
	}
	for _, name := range named {
		if id := scenarios.FacetID(lab.FacetPath(name)); id != name && name != scenarios.All {
			words = append(words, described(id, name))
		}
	}
	return words
}

func (o *matrixOptions) validate(cmd *cobra.Command) (err error) {
	if o.seedValue, err = seedOf(cmd, o.env, o.seed); err != nil {
		return err
	}
	if cmd.Flags().Changed("jobs") && o.jobs < 1 {
		return usageError(cmd, "", "--jobs %d: not a number of 1 or more", o.jobs)
	}
	if o.timeout <= 0 {
		return usageError(cmd, "", "--timeout %s: not a positive duration", o.timeout)
	}
	for _, word := range o.only.Drivers {
		if err := known(cmd, "driver", word, driverNames()); err != nil {
			return err
		}
	}
	slices.Sort(o.only.Drivers)
	o.only.Drivers = slices.Compact(o.only.Drivers)
	return o.summary.validate(cmd)
}

// run plays the lab. seeded says that the seed was given.
func (o *matrixOptions) run(ctx context.Context, seeded bool, path string) (err error) {
	cfg, err := o.config(path)
	if err != nil {
		return err
	}
	journal, done, err := o.openJournal()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	if journal != nil {
		if seed, begun := journal.Seed(); begun && !seeded {
			cfg.Seed = seed
		}
	}
	lab, err := matrix.Open(cfg)
	if err != nil && diag.From(err) == nil {
		return badFile(hintOf(err), "%w", err)
	} else if err != nil {
		return err
	}
	if journal != nil {
		if err := journal.Begin(lab); err != nil {
			return badFile(hintOf(err), "%s: %w", o.resume, err)
		}
	}
	if o.dryRun {
		return o.showPlan(lab, cfg)
	}
	if err := o.mayBeTested(lab); err != nil {
		return err
	}
	if err := o.outputs.check(o.env); err != nil {
		return err
	}
	run, journalErr, err := o.play(ctx, lab, cfg, matrix.Play{Journal: journal})
	if err != nil {
		return err
	}
	if run == nil {
		return couldNot("free some space or choose another file with --resume; nothing was played", "cannot write to %q: %w", o.resume, journalErr)
	}
	if err := o.outputs.write(o.env, run, o.summary); err != nil {
		return err
	}
	if journalErr != nil {
		return couldNot("free some space or choose another file with --resume; the reports are complete", "cannot write to %q: %w", o.resume, journalErr)
	}
	if run.Partial {
		return o.interrupted()
	}
	return exitCode(report.ExitCode(run))
}

// interrupted ends the program after a signal, with what to do to go on.
func (o *matrixOptions) interrupted() error {
	if o.resume == "" {
		return interruption("the reports hold the cells that were played until then; with --resume FILE they need not be played again")
	}
	return interruption("the same command goes on from here")
}

// config reads the lab file, and what it needs.
func (o *matrixOptions) config(path string) (matrix.Config, error) {
	known, err := o.providers.read(o.env)
	if err != nil {
		return matrix.Config{}, err
	}
	facets := loading(o.env, known)
	options := facets
	options.Params = o.params
	file, err := scenarios.Load(path, options)
	if err != nil {
		return matrix.Config{}, err
	}
	if file.Matrix == nil {
		return matrix.Config{}, badFile("passrig run "+path, "%s has no matrix section", path)
	}
	shown := map[string]string{}
	for name, value := range o.params {
		if !file.Params[name].Secret {
			shown[name] = value
		}
	}
	return matrix.Config{
		File: file, Tool: toolOf(o.env), Seed: o.seedValue, Params: shown, Timeout: o.timeout, Clock: o.env.Now, LookupEnv: o.env.LookupEnv,
		ReadFile: o.env.readFile, Providers: known, Loading: facets, Jobs: o.jobs, Only: o.only,
	}, nil
}

// openJournal opens the file of --resume. done closes it.
func (o *matrixOptions) openJournal() (journal *matrix.Journal, done func() error, err error) {
	none := func() error { return nil }
	if o.resume == "" {
		return nil, none, nil
	}
	mode := os.O_RDWR | os.O_CREATE | os.O_APPEND
	if o.dryRun {
		mode = os.O_RDWR | os.O_APPEND // a plan leaves nothing behind
	}
	file, err := os.OpenFile(o.env.path(o.resume), mode, 0o600)
	switch {
	case err != nil && o.dryRun && errors.Is(err, os.ErrNotExist):
		return nil, none, nil
	case err != nil:
		return nil, nil, couldNot("choose another file with --resume", "cannot keep cells: %w", err)
	}
	if journal, err = readJournal(file, o.resume); err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return journal, file.Close, nil
}

// readJournal reads the journal, and keeps other runs off its file.
func readJournal(file *os.File, name string) (*matrix.Journal, error) {
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, couldNot("choose another file with --resume", "cannot keep cells: %w", err)
	case !info.Mode().IsRegular():
		return nil, badFile("choose another file with --resume", "%s: it is not a regular file, so nothing can be read from it later", name)
	}
	if err := filelock.Lock(file); err != nil {
		return nil, couldNot("wait for that run, or keep the cells of this one in another file", "%s: %w", name, err)
	}
	journal, err := matrix.ReadJournal(file)
	if err != nil {
		return nil, badFile(hintOf(err), "%s: %w", name, err)
	}
	return journal, nil
}

// mayBeTested refuses to make accounts on somebody else's machine.
func (o *matrixOptions) mayBeTested(lab *matrix.Lab) error {
	for i := range lab.Parties {
		c := &lab.Parties[i]
		file := &scenarios.File{Target: &c.Party.Target}
		here, err := onThisMachine(file, c.Target)
		if err != nil {
			return err
		}
		if !here && !slices.Contains(o.mayTest, c.Target.Origin) && !consented(file, c.Target, "") {
			return badFile(fmt.Sprintf("if its owner agrees, add i-may-test: %s to the relying party, or give --i-may-test %s", c.Target.Origin, c.Target.Origin),
				"%s is not on this machine: a matrix makes many accounts there", c.Target.Origin)
		}
	}
	return nil
}

// play plays the lab's cells with progress. A journal that could not be written does not take the result away.
func (o *matrixOptions) play(ctx context.Context, lab *matrix.Lab, cfg matrix.Config, play matrix.Play) (run *report.Run, journal, err error) {
	if files := lab.Files(engine.DriverBrowser); len(files) > 0 {
		driven, stop, no := o.browse(ctx, files, cfg)
		if no != nil {
			return nil, nil, no
		}
		defer func() { err = errors.Join(err, stop()) }()
		play.Browser = driven.Browser
		play.Drive = func(driver string, c engine.Config) engine.Config {
			if driver == engine.DriverBrowser {
				c.Driver, c.Browser, c.Drive, c.Authenticators = driven.Driver, driven.Browser, driven.Drive, driven.Authenticators
			}
			return c
		}
	}
	progress := newMatrixProgress(o.env, lab)
	defer progress.finish()
	for i := range lab.Parties {
		c := &lab.Parties[i]
		progress.log(c.ID + ": " + targetLine(c.Target, cfg.Seed))
	}
	play.Events = progress.events()
	run, journal = lab.Run(ctx, play)
	return run, journal, nil
}

// browse starts the one browser of all columns that have one. stop ends it.
func (o *matrixOptions) browse(ctx context.Context, files []*scenarios.File, cfg matrix.Config) (driven engine.Config, stop func() error, err error) {
	d := *o.browser
	d.driver = newEnum(engine.DriverBrowser, driverNames()...)
	return d.drive(ctx, o.env, engine.Config{Files: files, ReadFile: cfg.ReadFile})
}

// showPlan writes what would be played.
func (o *matrixOptions) showPlan(lab *matrix.Lab, cfg matrix.Config) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s)\n", lab.Name(), cfg.File.Path)
	fmt.Fprintf(&b, "  %s: %s × %s, %s each, %d at a time\n", count(lab.Cells(), "cell"), count(len(lab.Providers), "provider"),
		count(len(lab.Parties), "column"), count(len(lab.Facets), "facet"), lab.Jobs)
	for i := range lab.Parties {
		c := &lab.Parties[i]
		fmt.Fprintf(&b, "  column %s (%s): %s, driver %s\n", c.ID, c.Title, targetLine(c.Target, cfg.Seed), c.Driver)
	}
	for i := range lab.Providers {
		r := &lab.Providers[i]
		fmt.Fprintf(&b, "  row %s: %s\n", r.ID(), cmp.Or(strings.Join(r.Devices(), "; "), "any device"))
	}
	for i := range lab.Facets {
		f := &lab.Facets[i]
		fmt.Fprintf(&b, "  facet %s: %s (%s)\n", f.ID, f.Title, f.Path)
	}
	_, err := fmt.Fprintf(o.env.Stdout, "%s\ndry run: nothing was sent\n", b.String())
	return err
}

// notALab refuses files that another command plays.
func notALab(files ...*scenarios.File) error {
	for _, file := range files {
		if file.Matrix != nil {
			return badFile("passrig matrix "+file.Path, "%s is a lab, which holds providers against relying parties", file.Path)
		}
	}
	return nil
}
