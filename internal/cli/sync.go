package cli

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/passrig/passrig/internal/engine"
	"github.com/passrig/passrig/internal/study"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
)

const syncLong = `Sync plays a scenario in which passkeys travel between devices, as passrig run does.

With --simulate no relying party is asked anything: many accounts like those of the file live for
a day of virtual time, on the same clouds and devices' copies. passrig says how long passkeys were
under way, which logins came too early, what was on offer twice or too long, and who was locked
out. The same --seed gives the same report, byte for byte.

FILE is a scenario file, builtin:NAME, or - for standard input. Of a simulation it gives accounts
and devices, and what happens to them (study, in its sync section): create, login, replace,
rename, delete (at the relying party), delete-signaled, delete-at-provider, unlock (a new device),
sync-off and rotate. By default that is login 10, create 4, replace 2, rename 2, and 1 each of
delete, delete-signaled, delete-at-provider and unlock. Without a delay in the file passkeys take
3s in the median and 1m at the 99th percentile, which nobody has measured.`

const syncExample = `  passrig sync builtin:sync/basic-roam --origin http://localhost:8080
  passrig sync roam.yaml --driver browser --authenticators chrome
  passrig sync roam.yaml --simulate --dry-run
  passrig sync roam.yaml --simulate --accounts 100000 --devices 3 --seed 7 --report html=study.html
  passrig sync audit fabric.db.ledger`

// newSyncCommand plays scenarios in which passkeys travel, or simulates many accounts.
func newSyncCommand(env *Env) *cobra.Command {
	o := &syncOptions{run: &runOptions{env: env, driver: newDriverOptions()}}
	cmd := &cobra.Command{
		Use: "sync FILE", Short: "Let passkeys travel between devices, or simulate many accounts", Example: syncExample,
		Long: syncLong + exits(
			"0", "all steps passed and all thresholds were met",
			"1", "a step failed or a threshold was crossed",
			"2", "bad flags, or a mistake in a file: nothing was done",
			"3", "could not tell: relying party down, report not written",
			"130", "interrupted: the reports hold what was measured until then"),
		Args:              exactlyOne("scenario file"),
		ValidArgsFunction: scenarioWords,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.validate(cmd); err != nil {
				return err
			}
			if o.simulated {
				return o.simulate(cmd.Context(), args[0])
			}
			return o.run.run(cmd.Context(), args)
		},
	}
	o.addFlags(cmd)
	cmd.AddCommand(newSyncAuditCommand(env))
	return cmd
}

// syncOptions are those of a run, and what a study takes instead of what its file says.
type syncOptions struct {
	run       *runOptions
	simulated bool
	wishes    study.Wishes
}

// The flags that make sense only with, or only without, --simulate.
func studyFlags() []string { return []string{"accounts", "devices", "events", "for"} }

func playFlags() []string {
	return []string{"driver", "headed", "slow-mo", "trace", "authenticators", "tags", "skip", "timeout"}
}

func (o *syncOptions) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.BoolVar(&o.simulated, "simulate", false, "play many accounts in virtual time, without a relying party")
	flags.Int64Var(&o.wishes.Accounts, "accounts", 0, fmt.Sprintf("with --simulate: `N` accounts (default: the file's, or %d)", study.DefaultAccounts))
	flags.IntVar(&o.wishes.Devices, "devices", 0, "with --simulate: `N` devices of each account (default: the file's)")
	flags.IntVar(&o.wishes.Events, "events", 0, fmt.Sprintf("with --simulate: `N` events in each account (default: the file's, or %d)", study.DefaultEvents))
	flags.DurationVar(&o.wishes.For, "for", 0, fmt.Sprintf("with --simulate: virtual time, such as 72h (default: the file's, or %s)", report.FormatDuration(float64(study.DefaultFor))))
	for _, name := range studyFlags() {
		completeFlag(cmd, name, cobra.NoFileCompletions)
	}
	o.run.addFlags(cmd)
}

func (o *syncOptions) validate(cmd *cobra.Command) error {
	wrong, hint, why := playFlags(), "leave it out", "a simulation asks no relying party"
	if !o.simulated {
		wrong, hint, why = studyFlags(), "add --simulate", "only a simulation has many accounts and virtual time"
	}
	for _, name := range wrong {
		if cmd.Flags().Changed(name) {
			return usageError(cmd, hint, "--%s: %s", name, why)
		}
	}
	for _, f := range []struct {
		name  string
		value int64
	}{{"accounts", o.wishes.Accounts}, {"devices", int64(o.wishes.Devices)}, {"events", int64(o.wishes.Events)}, {"for", int64(o.wishes.For)}} {
		if cmd.Flags().Changed(f.name) && f.value <= 0 {
			return usageError(cmd, "leave it out for the file's own, or give a number above 0", "--%s %s: not above 0", f.name, cmd.Flags().Lookup(f.name).Value)
		}
	}
	return o.run.validate(cmd)
}

// simulate plays the file's study.
func (o *syncOptions) simulate(ctx context.Context, path string) error {
	env := o.run.env
	options, err := o.run.target.load(env)
	if err != nil {
		return err
	}
	options.WithoutPages = true
	file, err := scenarios.Load(path, options)
	if err != nil {
		return err
	}
	if err := notALab(file); err != nil {
		return err
	}
	target, err := engine.Open(o.run.config([]*scenarios.File{file}), file) //nolint:contextcheck // nothing in it waits
	if err != nil {
		return badFile(hintOf(err), "%w", err)
	}
	defer target.Close()
	plan, err := o.plan(file, target)
	if err != nil {
		return err
	}
	if o.run.dryRun {
		return o.showPlan(plan)
	}
	if err := o.run.outputs.check(env); err != nil {
		return err
	}
	run, err := o.play(ctx, plan)
	if err != nil {
		return couldNot("", "the simulation went wrong: %w", err)
	}
	run.Params = target.Params()
	target.Redact(run)
	if err := o.run.outputs.write(env, run, o.run.summary); err != nil {
		return err
	}
	return verdict(ctx, run)
}

// plan is the file's study with what the flags say instead.
func (o *syncOptions) plan(file *scenarios.File, target *engine.Target) (*study.Plan, error) {
	catalogue, err := o.run.target.providers.read(o.run.env)
	if err != nil {
		return nil, err
	}
	if err := engine.CheckProviders(file, catalogue, target.Env()); err != nil {
		return nil, badFile(hintOf(err), "%w", err)
	}
	name := file.Name
	if name == "" {
		name = target.ID()
	}
	plan, err := study.Resolve(study.Source{
		File: file, Env: target.Env(), Catalogue: catalogue, ReadFile: o.run.env.readFile, Wishes: o.wishes,
		Scenario: report.Scenario{
			ID: target.ID(), Name: name, Description: file.Description, File: file.Path, Tags: file.Tags,
		},
	})
	if err != nil {
		return nil, badFile(hintOf(err), "%w", err)
	}
	return plan, nil
}

// showPlan writes what would be simulated.
func (o *syncOptions) showPlan(plan *study.Plan) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s)\n  %s, seed %d\n  %s\n", plan.Scenario.Name, plan.Scenario.File, plan.Title(), o.run.seedValue, plan.Terms())
	for _, owner := range plan.Owners {
		fmt.Fprintf(&b, "  like %s, %s, %s account\n", owner.Name, owner.Provider.ID(), owner.Type)
	}
	for _, t := range plan.Thresholds {
		fmt.Fprintf(&b, "  threshold %s\n", t.Rule.Text)
	}
	_, err := fmt.Fprintf(o.run.env.Stdout, "%s\ndry run: nothing was simulated\n", b.String())
	return err
}

// play simulates, with progress.
func (o *syncOptions) play(ctx context.Context, plan *study.Plan) (*report.Run, error) {
	env := o.run.env
	progress := newLateProgress(env)
	defer progress.finish()
	progress.log(fmt.Sprintf("%s, seed %d", plan.Title(), o.run.seedValue))
	progress.start("simulate", int(plan.Accounts))
	defer collectRarely(env)()
	began, played := env.Now(), int64(0)
	run, err := study.Run(ctx, study.Config{
		Plan: plan, Seed: o.run.seedValue, Tool: toolOf(env),
		Progress: func(accounts, events int64) {
			played = events
			progress.reach(int(accounts), speed(plan.Accounts-accounts, accounts, events, env.Now().Sub(began)))
		},
	})
	if took := env.Now().Sub(began); took > patience {
		progress.log(fmt.Sprintf("%d events in %s, %s", played, report.FormatDuration(float64(took)), report.FormatRate(float64(played)/took.Seconds())))
	}
	return run, err
}

// collectRarely has garbage collected less often until the returned function is called, unless the user has said how often:
// a study makes much of it and keeps next to nothing, so that some 100 MB save a fifth of its time.
func collectRarely(env *Env) func() {
	const percent = 1600
	if env.getenv("GOGC") != "" {
		return func() {}
	}
	before := debug.SetGCPercent(percent)
	return func() { debug.SetGCPercent(before) }
}

// speed says how fast a study goes, and how long it still takes.
func speed(left, accounts, events int64, took time.Duration) string {
	if took <= 0 || accounts == 0 {
		return ""
	}
	rest := float64(took) / float64(accounts) * float64(left)
	return fmt.Sprintf("%s, %s left", report.FormatRate(float64(events)/took.Seconds()), report.FormatDuration(rest))
}

// reach shows how many steps of a task with many at a time are done.
func (p *lateProgress) reach(done int, label string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done, p.label = done, label
	if p.task != nil {
		p.task.Set(done, label)
	}
}
