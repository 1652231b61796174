package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/internal/engine"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
)

const runLong = `Run plays scenarios against a relying party, says for every step what happened, and ends
with an exit code that a build can rely on.

FILE is a scenario file, a directory (all scenarios in it, by name; loads, checks and labs, which
have commands of their own, are left out with a note), builtin:NAME, builtin:DIRECTORY/, or - for
standard input. Nothing is sent unless all of them are free of mistakes.

The summary goes to standard output. When a report for a machine takes standard output
(--json), the summary goes to standard error instead.`

const runExample = `  passrig run passkeys.yaml
  passrig run scenarios/ --tags smoke --report junit=passkeys.xml --report html=passkeys.html
  passrig run builtin:smoke --adapter simplewebauthn --origin http://localhost:8080
  passrig run builtin:sync/ --report html=sync.html
  passrig run passkeys.yaml --seed 42 --json | jq .summary
  passrig run passkeys.yaml --driver browser --headed --slow-mo 500ms
  passrig run passkeys.yaml --dry-run`

// newRunCommand runs scenarios.
func newRunCommand(env *Env) *cobra.Command {
	o := &runOptions{env: env, driver: newDriverOptions()}
	cmd := &cobra.Command{
		Use: "run FILE...", Short: "Run scenarios against a relying party", Example: runExample,
		Long: runLong + exits(
			"0", "all steps passed and all thresholds were met",
			"1", "a step failed or a threshold was crossed",
			"2", "bad flags, or a mistake in a file: nothing was sent",
			"3", "could not tell: relying party down, report not written",
			"130", "interrupted: the reports hold what was measured until then"),
		Args:              atLeastOne("scenario file"),
		ValidArgsFunction: scenarioWords,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.validate(cmd); err != nil {
				return err
			}
			return o.run(cmd.Context(), args)
		},
	}
	o.addFlags(cmd)
	return cmd
}

type runOptions struct {
	env        *Env
	target     targetOptions
	outputs    outputs
	summary    summaryOptions
	driver     *driverOptions
	seed       string
	timeout    time.Duration
	tags, skip []string
	dryRun     bool

	seedValue uint64
}

func (o *runOptions) addFlags(cmd *cobra.Command) {
	cmd.Flags().SortFlags = false
	o.target.add(cmd)
	o.driver.add(cmd)
	o.driver.addAuthenticators(cmd)
	cmd.Flags().StringSliceVar(&o.tags, "tags", nil, "run only scenarios with one of these `TAGS`")
	cmd.Flags().StringSliceVar(&o.skip, "skip", nil, "do not run scenarios with one of these `TAGS`")
	cmd.Flags().StringVar(&o.seed, "seed", "", "`NUMBER` that keys and names are made from, to repeat a run (default: a new one, which is shown)")
	cmd.Flags().DurationVar(&o.timeout, "timeout", engine.DefaultTimeout, "longest time a step may take, such as 500ms or 1m")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "show what would be done, and send nothing")
	o.outputs.add(cmd)
	o.summary.add(cmd)
	for _, name := range []string{"tags", "skip"} {
		completeFlag(cmd, name, offering(builtinTags, cobra.ShellCompDirectiveNoFileComp))
	}
	for _, name := range []string{"seed", "timeout"} {
		completeFlag(cmd, name, cobra.NoFileCompletions)
	}
}

func (o *runOptions) validate(cmd *cobra.Command) (err error) {
	if o.seedValue, err = seedOf(cmd, o.env, o.seed); err != nil {
		return err
	}
	if o.timeout <= 0 {
		return usageError(cmd, "", "--timeout %s: not a positive duration", o.timeout)
	}
	if err := o.driver.validate(cmd); err != nil {
		return err
	}
	return o.summary.validate(cmd)
}

func (o *runOptions) run(ctx context.Context, args []string) error {
	paths, err := o.env.expand(args, kindScenario)
	if err != nil {
		return err
	}
	options, err := o.target.load(o.env)
	if err != nil {
		return err
	}
	options.WithoutPages = !o.driver.hasPages()
	files, err := loadAll(paths, options)
	if err != nil {
		return err
	}
	if files, err = o.choose(files); err != nil {
		return err
	}
	files = o.leaveOut(args, files)
	if err := notALab(files...); err != nil {
		return err
	}
	if i := slices.IndexFunc(files, func(f *scenarios.File) bool { return f.Load != nil }); i >= 0 {
		return o.load(ctx, files, files[i])
	}
	for _, file := range files {
		if len(file.Steps) == 0 {
			return badFile("passrig check "+file.Path, "%s has checks and no steps to run", file.Path)
		}
	}
	if o.dryRun {
		return showPlan(ctx, o.env, o.driver.planned(o.env, o.config(files)))
	}
	if err := o.outputs.check(o.env); err != nil {
		return err
	}
	run, err := o.driver.execute(ctx, o.env, o.config(files))
	if err != nil {
		return err
	}
	if err := o.outputs.write(o.env, run, o.summary); err != nil {
		return err
	}
	return verdict(ctx, run)
}

// leaveOut drops, with a note, what stands in a directory among scenarios and is played by another command. What was
// named, or is all there is, stays.
func (o *runOptions) leaveOut(args []string, files []*scenarios.File) []*scenarios.File {
	var kept []*scenarios.File
	var notes []string
	for _, file := range files {
		switch named := slices.Contains(args, file.Path); {
		case !named && file.Load != nil:
			notes = append(notes, fmt.Sprintf("left out %s, a load: passrig load %s", file.Path, file.Path))
		case !named && file.Matrix != nil:
			notes = append(notes, fmt.Sprintf("left out %s, a lab: passrig matrix %s", file.Path, file.Path))
		case !named && len(file.Steps) == 0:
			notes = append(notes, fmt.Sprintf("left out %s, which has checks and no steps: passrig check %s", file.Path, file.Path))
		default:
			kept = append(kept, file)
		}
	}
	if len(kept) == 0 {
		return files
	}
	for _, note := range notes {
		o.env.complain("note", note)
	}
	return kept
}

// load plays the load that one of the files is.
func (o *runOptions) load(ctx context.Context, files []*scenarios.File, file *scenarios.File) error {
	switch {
	case len(files) > 1:
		return badFile("passrig load "+file.Path, "%s is a load, which is run alone", file.Path)
	case o.driver.hasPages():
		return badFile("leave out --driver browser", "%s is a load, which speaks to the relying party directly", file.Path)
	}
	l := newLoadOptions(o.env)
	l.target.providers = o.target.providers
	l.outputs, l.summary, l.seedValue, l.dryRun = o.outputs, o.summary, o.seedValue, o.dryRun
	return l.play(ctx, file)
}

func (o *runOptions) config(files []*scenarios.File) engine.Config {
	return engine.Config{
		Files: files, Tool: toolOf(o.env), Seed: o.seedValue, Params: o.target.params, Timeout: o.timeout,
		Clock: o.env.Now, LookupEnv: o.env.LookupEnv, ReadFile: o.env.readFile, Providers: o.target.providers.known,
	}
}

// choose keeps the scenarios that --tags and --skip leave.
func (o *runOptions) choose(files []*scenarios.File) ([]*scenarios.File, error) {
	var chosen []*scenarios.File
	var tags []string
	for _, file := range files {
		tags = append(tags, file.Tags...)
		if len(o.tags) > 0 && !overlap(o.tags, file.Tags) || overlap(o.skip, file.Tags) {
			continue
		}
		chosen = append(chosen, file)
	}
	if len(chosen) > 0 {
		return chosen, nil
	}
	hint := ""
	if len(o.tags) > 0 {
		hint = diag.Suggest(o.tags[0], tags)
	}
	return nil, badFile(hint, "no scenario is left to run: %d in all, but --tags and --skip exclude every one", len(files))
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

func builtinTags() []string {
	var tags []string
	for _, info := range scenarios.Builtins() {
		tags = append(tags, info.Tags...)
	}
	return slices.Compact(slices.Sorted(slices.Values(tags)))
}

// execute runs scenarios with progress, and names the target before anything is sent.
func execute(ctx context.Context, env *Env, cfg engine.Config) (*report.Run, error) {
	progress := newLateProgress(env)
	defer progress.finish()
	announced := map[report.Target]bool{}
	cfg.Events = engine.Events{
		ScenarioStarted: func(s report.Scenario, steps int) {
			if !announced[s.Target] {
				announced[s.Target] = true
				progress.log(targetLine(s.Target, cfg.Seed))
			}
			progress.start(s.Name, steps)
		},
		StepStarted: progress.next,
		StepDone:    func(report.Step) { progress.step() },
		Waiting:     progress.log,
	}
	return engine.Run(ctx, cfg)
}

func targetLine(t report.Target, seed uint64) string {
	line := "target " + t.Origin
	if t.BaseURL != "" && t.BaseURL != t.Origin {
		line += ", requests to " + t.BaseURL
	}
	return fmt.Sprintf("%s, adapter %s, seed %d", line, t.Adapter, seed)
}

// verdict is the exit code of a run.
func verdict(ctx context.Context, run *report.Run) error {
	if ctx.Err() != nil {
		return interruption("the reports hold what was measured until then")
	}
	return exitCode(report.ExitCode(run))
}
