package cli

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/passrig/passrig/internal/term"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/report/comparison"
	"github.com/passrig/passrig/report/terminal"
)

const compareLong = `Compare says what changed between two result files (passrig run --report json): which checks,
steps and thresholds have another verdict, and which times and rates are other than noise explains.

The last file is NEW and those before it are OLD; with --to, all files are OLD and those after a
--to are NEW. Several runs of a side also tell how much runs differ by themselves: give some if you can.

Times are compared by p50, p95, p99 and mean, each with the interval in which its change lies. The
intervals of percentiles come from order statistics, those of means from Student's distribution, those
of rates from Wilson's interval; they hold all together with the confidence asked for, and make no
assumption about how times are distributed. A time changed when its interval leaves out zero and the
change is not below --margin. Where there are too few samples, that is said.

A regression is a new failure of a check or step, a threshold that is crossed now, a slower time, or a
higher rate of failures. A new warning is not, nor is a failure of what was not there before: the exit
code of the run itself is about those.`

const compareExample = `  passrig compare main.json branch.json
  passrig compare old-1.json old-2.json old-3.json --to new-1.json --to new-2.json --fail-on regression
  passrig compare yesterday.json today.json --json`

const failOnRegression = "regression"

type compareOptions struct {
	env                *Env
	to                 []string
	failOn             *enum
	json, force        bool
	confidence, margin string
	quiet              bool
}

// newCompareCommand compares result files.
func newCompareCommand(env *Env) *cobra.Command {
	o := &compareOptions{env: env, failOn: newEnum("none", "none", failOnRegression)}
	cmd := &cobra.Command{
		Use: "compare OLD... NEW", Short: "Say what changed between runs, and what is only noise", Example: compareExample,
		Long: compareLong + exits(
			"0", "compared; with --fail-on regression, nothing got worse",
			"1", "something got worse (--fail-on regression)",
			"2", "bad flags, or not a result file",
			"3", "not comparable, as of different relying parties; or, with --fail-on regression, what",
			"", "had a verdict before could not be told any more"),
		Args:              atLeastOne("result file"),
		ValidArgsFunction: resultFiles,
		RunE:              func(cmd *cobra.Command, args []string) error { return o.run(cmd, args) },
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&o.to, "to", nil, "a `FILE` of the new side; can be repeated")
	o.failOn.flag(cmd, "fail-on", "what ends with exit code 1")
	flags.StringVar(&o.margin, "margin", report.FormatShare(comparison.DefaultMargin), "take a time that changed by a smaller `SHARE` as unchanged")
	flags.StringVar(&o.confidence, "confidence", report.FormatShare(comparison.DefaultConfidence), "`SHARE` of comparisons in which no interval misses")
	flags.BoolVar(&o.force, "force", false, "compare runs of different relying parties, drivers or kinds of load")
	flags.BoolVar(&o.json, "json", false, "write the comparison as JSON")
	flags.BoolVarP(&o.quiet, "quiet", "q", false, "show only what changed")
	completeFlag(cmd, "to", resultFiles)
	completeFlag(cmd, "margin", cobra.NoFileCompletions)
	completeFlag(cmd, "confidence", cobra.NoFileCompletions)
	return cmd
}

// resultFiles completes to result files.
func resultFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"json"}, cobra.ShellCompDirectiveFilterFileExt
}

func (o *compareOptions) run(cmd *cobra.Command, args []string) error {
	options := comparison.Options{Force: o.force}
	var err error
	if options.Margin, err = shareOf(o.margin); err != nil {
		return usageError(cmd, `such as "5%"`, "--margin %q: %w", o.margin, err)
	}
	if options.Confidence, err = shareOf(o.confidence); err != nil || options.Confidence < 0.5 || options.Confidence > 0.9999 {
		return usageError(cmd, `such as "95%"`, "--confidence %q: not a share from 50%% to 99.99%%", o.confidence)
	}
	old, recent := args, o.to
	if len(o.to) == 0 {
		if len(args) < 2 {
			return usageError(cmd, "the last file is compared with those before it", "only one result file given")
		}
		old, recent = args[:len(args)-1], args[len(args)-1:]
	}
	if all := slices.Concat(old, recent); len(slices.Compact(slices.Sorted(slices.Values(all)))) < len(all) {
		return usageError(cmd, "", "the same file is given twice")
	}
	before, err := o.env.inputs(old)
	if err != nil {
		return err
	}
	after, err := o.env.inputs(recent)
	if err != nil {
		return err
	}
	c, err := comparison.Compare(before, after, options)
	if other, ok := errors.AsType[*comparison.IncomparableError](err); ok {
		return couldNot(other.Hint, "not comparable: %w", err)
	} else if err != nil {
		return badFile("it was changed after it was written", "%w", err)
	}
	return o.show(c)
}

func (o *compareOptions) show(c *comparison.Comparison) error {
	if o.json {
		if err := writeJSON(o.env, c); err != nil {
			return couldNot("", "cannot write the comparison: %w", err)
		}
	} else {
		options := terminal.Options{Color: o.env.color(o.env.StdoutTTY), Quiet: o.quiet}
		if o.env.StdoutTTY {
			options.Width = term.WidthOf(o.env.Stdout)
		}
		if err := terminal.WriteComparison(o.env.Stdout, c, options); err != nil {
			return couldNot("", "cannot write the comparison: %w", err)
		}
	}
	switch {
	case o.failOn.value != failOnRegression:
		return nil
	case c.Regressed:
		return exitCode(exitFailed)
	case c.Untold():
		return exitCode(exitCouldNot)
	}
	return nil
}

// inputs reads result files.
func (e *Env) inputs(paths []string) ([]comparison.Input, error) {
	var all []comparison.Input
	for _, path := range paths {
		run, err := e.loadRun(path)
		if err != nil {
			return nil, err
		}
		all = append(all, comparison.Input{Name: path, Run: run})
	}
	return all, nil
}

// loadRun reads one result file.
func (e *Env) loadRun(path string) (*report.Run, error) {
	data, err := e.readFile(path)
	if err != nil {
		return nil, badFile("", "cannot read the result file: %w", err)
	}
	run, err := report.Load(bytes.NewReader(data))
	if err != nil {
		hint := ""
		if load, ok := errors.AsType[*report.LoadError](err); ok {
			hint = load.Hint
		}
		return nil, badFile(hint, "%q: %w", path, err)
	}
	return run, nil
}

// shareOf reads a share of 1: "5%" or "0.05".
func shareOf(text string) (float64, error) {
	number, percent := strings.CutSuffix(text, "%")
	share, err := strconv.ParseFloat(number, 64)
	if percent {
		share /= 100
	}
	if err != nil || math.IsNaN(share) || share < 0 || share > 1 {
		return 0, errors.New("not a share from 0% to 100%")
	}
	return share, nil
}
