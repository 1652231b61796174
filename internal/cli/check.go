package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/passrig/passrig/internal/checks"
	"github.com/passrig/passrig/internal/engine"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
)

const checkLong = `Check performs ceremonies that a relying party must refuse, and some that it must not, and says
what it got wrong. TARGET is an adapter, by its built-in name or its path, or a scenario file, whose
target is taken.

Every hostile ceremony comes right after a legal one on the same account and differs from it by one
change. It is judged by what happened: who is signed in, which passkeys are listed. What could not
be seen is skipped or an error, never a pass. Test accounts are made at the relying party and are
left there.

A check counts for what the target is: target.profile in a file, or --profile, declares it. Without
a declaration the checks that depend on it only record what happens. passrig explain ID says what a
check sends, why, and what to do; passrig list checks shows them all.`

const checkExample = `  passrig check simplewebauthn --origin http://localhost:8081
  passrig check login.yaml --tier smoke --fail-on critical --report html=checks.html
  passrig check my-rp.adapter.yaml --origin http://localhost:3000 --profile uv=required --profile origins=http://localhost:3000
  passrig check login.yaml --only 'auth-sig-*' --verbose
  passrig check login.yaml --write-baseline known.json   # once; later: --baseline known.json`

// newCheckCommand looks for what a relying party forgets to verify.
func newCheckCommand(env *Env) *cobra.Command {
	o := &checkOptions{
		env: env, driver: newDriverOptions(), profile: profileFlag{}, tier: newEnum(string(checks.TierCore), texts(checks.Tiers())...),
		failOn: newEnum(string(checks.Low), texts(checks.Severities())...),
	}
	cmd := &cobra.Command{
		Use: "check TARGET", Short: "Find what a relying party forgets to verify", Example: checkExample,
		Long: checkLong + exits("0", "no required check failed", "1", "a required check failed", "2", "bad flags or a bad file, nothing was sent",
			"3", "it could not be told", "130", "interrupted: the reports hold what was checked until then"),
		Args: exactlyOne("target"),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return adapterWords(), cobra.ShellCompDirectiveDefault
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.validate(cmd); err != nil {
				return err
			}
			return o.run(cmd, args[0])
		},
	}
	o.addFlags(cmd)
	return cmd
}

type checkOptions struct {
	env      *Env
	target   targetOptions
	driver   *driverOptions
	outputs  outputs
	summary  summaryOptions
	tier     *enum
	failOn   *enum
	only     []string
	skip     []string
	allow    []string
	profile  profileFlag
	baseline string
	writeTo  string
	strict   bool
	jobs     int
	rate     float64
	mayTest  string
	seed     string

	seedValue uint64
}

func (o *checkOptions) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.SortFlags = false
	o.target.add(cmd)
	o.driver.add(cmd)
	o.tier.flag(cmd, "tier", "which checks: smoke is what is critical or high, core also what is medium")
	flags.StringSliceVar(&o.only, "only", nil, "only checks with these `IDS`; * stands for anything")
	flags.StringSliceVar(&o.skip, "skip", nil, "no checks with these `IDS`; * stands for anything")
	flags.Var(o.profile, "profile", "what the target is, such as uv=required; can be repeated")
	flags.StringSliceVar(&o.allow, "allow", nil, "also checks that are `destructive, slow or network`")
	o.failOn.flag(cmd, "fail-on", "the least severity whose failure fails the run")
	flags.BoolVar(&o.strict, "strict", false, "what the standard only recommends counts too")
	flags.StringVar(&o.baseline, "baseline", "", "`FILE` of known failures: only others fail the run")
	flags.StringVar(&o.writeTo, "write-baseline", "", "write the failures of this run to `FILE`, as known ones for later runs")
	flags.IntVar(&o.jobs, "jobs", runtime.NumCPU(), "how many checks at a time; one if the browser is watched or traced")
	flags.Float64Var(&o.rate, "rate", 0, "at most `N` operations per second (default: no limit on loopback, else 5)")
	flags.StringVar(&o.mayTest, "i-may-test", "", "repeat the `ORIGIN` of a target that is not on this machine: its owner agrees")
	flags.StringVar(&o.seed, "seed", "", "`NUMBER` that keys and names are made from, to repeat a run (default: a new one, which is shown)")
	o.outputs.add(cmd)
	o.summary.add(cmd)
	for _, name := range []string{"only", "skip"} {
		completeFlag(cmd, name, offering(checkWords, cobra.ShellCompDirectiveNoFileComp))
	}
	completeFlag(cmd, "profile", offering(profileWords, cobra.ShellCompDirectiveNoFileComp))
	completeFlag(cmd, "allow", offering(func() []string { return texts(consents()) }, cobra.ShellCompDirectiveNoFileComp))
	for _, name := range []string{"jobs", "rate", "i-may-test", "seed"} {
		completeFlag(cmd, name, cobra.NoFileCompletions)
	}
}

func (o *checkOptions) validate(cmd *cobra.Command) (err error) {
	if o.seedValue, err = seedOf(cmd, o.env, o.seed); err != nil {
		return err
	}
	if o.jobs < 1 {
		return usageError(cmd, "", "--jobs %d: not a number of 1 or more", o.jobs)
	}
	if o.rate < 0 {
		return usageError(cmd, "", "--rate %g: not a number above 0", o.rate)
	}
	for _, word := range o.allow {
		if err := known(cmd, "kind of check", word, texts(consents())); err != nil {
			return err
		}
	}
	return errors.Join(o.driver.validate(cmd), o.summary.validate(cmd))
}

func (o *checkOptions) run(cmd *cobra.Command, arg string) (err error) {
	ctx := cmd.Context()
	known, err := o.target.providers.read(o.env)
	if err != nil {
		return err
	}
	file, err := o.load(arg)
	if err != nil {
		return err
	}
	o.heed(cmd, file.Checks)
	list, err := o.choose(cmd)
	if err != nil {
		return err
	}
	terms, err := o.terms()
	if err != nil {
		return err
	}
	if err := o.outputs.check(o.env); err != nil {
		return err
	}
	cfg := engine.Config{
		Files: []*scenarios.File{file}, Tool: toolOf(o.env), Seed: o.seedValue, Clock: o.env.Now, LookupEnv: o.env.LookupEnv, ReadFile: o.env.readFile,
		Providers: known,
	}
	if _, err := engine.Open(cfg, file); err != nil { // before a browser is started for it
		return badFile("", "%w", err)
	}
	cfg, stop, err := o.driver.drive(ctx, o.env, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	target, err := engine.Open(cfg, file)
	if err != nil {
		return badFile("", "%w", err)
	}
	defer target.Close()
	if err := o.mayBeTested(file, target.Report); err != nil {
		return err
	}
	run := o.perform(ctx, cfg, target, list, terms)
	target.Redact(run)
	if err := o.outputs.write(o.env, run, o.summary); err != nil {
		return err
	}
	if o.writeTo != "" && ctx.Err() == nil {
		if err := o.writeBaseline(run); err != nil {
			return err
		}
	}
	return verdict(ctx, run)
}

// load reads the target: a scenario file, or an adapter.
func (o *checkOptions) load(arg string) (*scenarios.File, error) {
	if slices.Contains(adapterNames(), arg) || o.kindOf(arg) == kindAdapter {
		if o.target.adapter != "" {
			return nil, badFile("leave one of them out", "%q is an adapter, and --adapter names another", arg)
		}
		adapter, err := scenarios.LoadAdapter(arg, scenarios.Options{ReadFile: o.env.readFile})
		if err != nil {
			return nil, err
		}
		target := &scenarios.Target{Adapter: arg, Origin: scenarios.NewText(o.target.origin), With: map[string]scenarios.Text{}}
		for name, value := range o.target.params {
			if _, declared := adapter.Params[name]; !declared {
				return nil, badFile("", "adapter %q has no param %q", adapter.Name, name)
			}
			target.With[name] = scenarios.NewText(value)
		}
		return &scenarios.File{Path: arg, Target: target, Adapter: adapter}, nil
	}
	if _, err := o.env.readFile(arg); errors.Is(err, fs.ErrNotExist) && !strings.HasPrefix(arg, builtinPrefix) {
		hint := didYouMean(arg, adapterNames())
		if hint == "" {
			hint = "passrig list adapters shows the built-in ones"
		}
		return nil, badFile(hint, "%q is neither a built-in adapter nor a file", arg)
	}
	options, err := o.target.load(o.env)
	if err != nil {
		return nil, err
	}
	files, err := loadAll([]string{arg}, options)
	if err != nil {
		return nil, err
	}
	if err := notALab(files...); err != nil {
		return nil, err
	}
	return files[0], nil
}

func (o *checkOptions) kindOf(arg string) string {
	data, err := o.env.readFile(arg)
	if err != nil {
		return "" // the loader says what is wrong
	}
	return scenarios.Kind(data)
}

// choose is what is left of the catalogue by --tier, --only and --skip.
func (o *checkOptions) choose(cmd *cobra.Command) ([]*checks.Check, error) {
	all := checks.Catalogue()
	for _, pattern := range slices.Concat(o.only, o.skip) {
		if !slices.ContainsFunc(all, func(c *checks.Check) bool { return matches(pattern, c.ID) }) {
			return nil, usageError(cmd, didYouMean(pattern, checkIDs()), "no check is called %q", pattern)
		}
	}
	tier := checks.Tier(o.tier.value)
	return slices.DeleteFunc(all, func(c *checks.Check) bool {
		named := slices.ContainsFunc(o.only, func(p string) bool { return matches(p, c.ID) })
		return len(o.only) > 0 && !named || len(o.only) == 0 && !c.In(tier) ||
			slices.ContainsFunc(o.skip, func(p string) bool { return matches(p, c.ID) })
	}), nil
}

func matches(pattern, id string) bool {
	ok, err := path.Match(pattern, id)
	return ok && err == nil
}

func (o *checkOptions) terms() (checks.Terms, error) {
	terms := checks.Terms{FailOn: checks.Severity(o.failOn.value)}
	if o.baseline == "" {
		return terms, nil
	}
	data, err := o.env.readFile(o.baseline)
	if err != nil {
		return terms, badFile("--write-baseline makes one", "cannot read the baseline: %w", err)
	}
	terms.Known, err = checks.ParseBaseline(data)
	if err != nil {
		return terms, badFile("--write-baseline makes one", "baseline %q: %w", o.baseline, err)
	}
	return terms, nil
}

// mayBeTested refuses to attack somebody else's logins.
func (o *checkOptions) mayBeTested(file *scenarios.File, target report.Target) error {
	here, err := onThisMachine(file, target)
	if err != nil || here {
		return err
	}
	if !consented(file, target, o.mayTest) {
		return badFile("if its owner agrees, add --i-may-test "+target.Origin, "%s is not on this machine: checks attack logins, and make accounts", target.Origin)
	}
	if o.rate == 0 {
		o.rate = politeRate
	}
	return nil
}

// perform performs the checks, with progress.
func (o *checkOptions) perform(ctx context.Context, cfg engine.Config, target *engine.Target, list []*checks.Check, terms checks.Terms) *report.Run {
	progress := newLateProgress(o.env)
	progress.log(targetLine(target.Report, o.seedValue))
	progress.start("checks", len(list))
	var one sync.Mutex // several checks go on at a time
	suite := checks.Config{
		Party: target.Party, Driver: target.Driver, Where: checks.API, Checks: list, Profile: o.profile.over(target.Profile()), Strict: o.strict,
		Jobs: o.jobs, Seed: o.seedValue, Clock: o.env.Now,
		Done: func(c report.Check) {
			one.Lock()
			defer one.Unlock()
			progress.next(c.ID)
			progress.step()
		},
	}
	if o.driver.hasPages() {
		suite.Where = checks.Browser
	}
	if o.driver.watched() {
		suite.Jobs = 1
	}
	for _, word := range o.allow {
		suite.Consent = append(suite.Consent, checks.Consent(word))
	}
	if o.rate > 0 {
		suite.Pace = time.Duration(float64(time.Second) / o.rate)
	}
	begin := o.env.Now()
	results, profile := checks.Run(ctx, suite)
	progress.finish()
	run := &report.Run{
		Schema: report.Schema, Tool: toolOf(o.env), Name: "checks", Driver: o.driver.driver.value, Browser: cfg.Browser, Target: target.Report,
		Seed: o.seedValue, Started: begin, DurationMS: float64(o.env.Now().Sub(begin).Microseconds()) / 1000,
		Scenarios: []report.Scenario{}, Checks: results, Steps: []report.Step{}, Metrics: map[string]report.Metric{}, Thresholds: []report.Threshold{},
	}
	tier := checks.Tier(o.tier.value)
	run.Suite = &report.Suite{
		Tier: o.tier.value, FailOn: o.failOn.value, Strict: o.strict, Profile: profile, Baseline: o.baseline,
		Fixed: terms.Apply(results), Whole: checks.Whole(tier, results), Catalogue: len(checks.Catalogue()),
	}
	if run.Suite.Whole {
		run.Suite.Grade = checks.Grade(results)
	}
	if ctx.Err() != nil {
		run.Partial, run.Aborted = true, "interrupted: the checks after that did not run"
	}
	run.Summary = run.Summarize()
	return run
}

// writeBaseline keeps the failures of a run as known ones.
func (o *checkOptions) writeBaseline(run *report.Run) error {
	known := checks.NewBaseline(run.Target.Origin, run.Checks)
	err := o.env.writeFile(o.writeTo, func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(known)
	})
	if err != nil {
		return couldNot("", "cannot write the baseline to %q: %w", o.writeTo, err)
	}
	return nil
}
