package cli

import (
	"errors"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/passrig/passrig/internal/term"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/report/comparison"
	"github.com/passrig/passrig/report/github"
	"github.com/passrig/passrig/report/markdown"
	"github.com/passrig/passrig/report/terminal"
)

const compareLong = `Compare says what changed between two result files (passrig run --report json): which checks,
steps, thresholds and cells of a matrix have another verdict, and which times and rates are other than
noise explains.

The last file is NEW and those before it are OLD; with --to, all files are OLD and those after a
--to are NEW. Several runs of a side show how much runs of one build differ: five of each are good.

A change comes with the interval in which it lies. Of percentiles it is by order statistics, of means
by Student's t, of rates by Wilson's method; together all of them hold with the --confidence asked
for, and nothing is assumed about how times are distributed. The spread between several runs of a side
is added. With one run of each, it is not known: then what counts is how the load drifted while it ran
(batch means), and a band of --noise, which is wider if passrig's own work took longer or shorter too,
because then the machine was another one. A time changed if its interval leaves out zero.

A regression is a new failure of a check, step or cell, a threshold that is crossed now, a slower time,
or a higher rate of failures. A new warning is not, nor is a failure of what was not there before: the
exit code of the run itself is about those. Where something cannot be told, that is said, and it is
never "no change": few samples, partial runs, a load whose generator could not keep up.

With passrig's docs comes a page about it: docs/compare.md.`

const compareExample = `  passrig compare main.json branch.json
  passrig compare old-1.json old-2.json old-3.json --to new-1.json --to new-2.json --fail-on regression
  passrig compare yesterday.json today.json --report markdown=changes.md --report github
  passrig compare yesterday.json today.json --json`

const failOnRegression = "regression"

type compareOptions struct {
	env               *Env
	to                []string
	failOn            *enum
	force, quiet      bool
	confidence, noise string
	outputs           outputs
	result            *comparison.Comparison // once there is one
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
			"", "had a verdict before could not be told any more, or no figure of a load, or nothing"),
		Args:              atLeastOne("result file"),
		ValidArgsFunction: resultFiles,
		RunE:              func(cmd *cobra.Command, args []string) error { return o.run(cmd, args) },
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&o.to, "to", nil, "a `FILE` of the new side; can be repeated")
	o.failOn.flag(cmd, "fail-on", "what ends with exit code 1")
	flags.StringVar(&o.noise, "noise", report.FormatShare(comparison.DefaultNoise), "times of the same build differ by this `SHARE` between runs")
	flags.StringVar(&o.confidence, "confidence", report.FormatShare(comparison.DefaultConfidence), "`SHARE` of comparisons in which no interval misses")
	flags.BoolVar(&o.force, "force", false, "compare runs of different relying parties, drivers or kinds of load")
	o.outputs.only = o.formats()
	o.outputs.add(cmd)
	flags.BoolVarP(&o.quiet, "quiet", "q", false, "show only what changed")
	completeFlag(cmd, "to", resultFiles)
	completeFlag(cmd, "noise", cobra.NoFileCompletions)
	completeFlag(cmd, "confidence", cobra.NoFileCompletions)
	return cmd
}

// formats are those of a comparison.
func (o *compareOptions) formats() []format {
	return []format{
		{
			name: formatGitHub, title: "the summary of a GitHub Actions step, as Markdown", file: "passrig-comparison.md",
			write: func(w io.Writer, _ *report.Run) error { return github.WriteComparison(w, o.result) },
			within: func(w io.Writer, _ *report.Run, room int) error {
				return github.WriteComparisonWithin(w, o.result, room)
			},
		},
		{
			name: "json", title: "the comparison for programs", file: "passrig-comparison.json",
			write: func(w io.Writer, _ *report.Run) error { return encodeJSON(w, o.result) },
		},
		{
			name: "markdown", title: "what changed, for a merge request", file: "passrig-comparison.md",
			write: func(w io.Writer, _ *report.Run) error {
				return markdown.WriteComparison(w, o.result, markdown.Options{})
			},
		},
	}
}

// resultFiles completes to result files.
func resultFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"json"}, cobra.ShellCompDirectiveFilterFileExt
}

func (o *compareOptions) run(cmd *cobra.Command, args []string) error {
	options := comparison.Options{Force: o.force}
	var err error
	if options.Noise, err = shareOf(o.noise); err != nil {
		return usageError(cmd, `such as "5%"`, "--noise %q: %w", o.noise, err)
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
	if err := o.outputs.check(o.env); err != nil {
		return err
	}
	o.result, err = comparison.Compare(before, after, options)
	if other, ok := errors.AsType[*comparison.IncomparableError](err); ok {
		return couldNot(other.Hint, "not comparable: %w", err)
	} else if err != nil {
		return badFile("it was changed after it was written", "%w", err)
	}
	return o.show(o.result)
}

func (o *compareOptions) show(c *comparison.Comparison) error {
	if _, err := o.outputs.writeReports(o.env, nil); err != nil {
		return err
	}
	summary, tty := o.outputs.summaryTo(o.env)
	options := terminal.Options{Color: o.env.color(tty), Quiet: o.quiet}
	if tty {
		options.Width = term.WidthOf(summary)
	}
	if err := terminal.WriteComparison(summary, c, options); err != nil {
		return couldNot("", "cannot write the comparison: %w", err)
	}
	switch {
	case o.failOn.value != failOnRegression:
		return nil
	case c.Regressed:
		return exitCode(exitFailed)
	case c.Untold:
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
