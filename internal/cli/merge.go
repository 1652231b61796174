package cli

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/passrig/passrig/report"
)

const mergeLong = `Merge joins the result files of the shards of one test into one, as if one process had run it all:
scenarios that were spread over several machines, the segments of a load (passrig load --segment), or
matrices of which each has other providers or other relying parties.

Histograms and counters are added without loss, so percentiles are those of all samples; the thresholds
of a load are judged anew with them. Scenarios that are there twice get an id of their own. The summary
is counted anew, and the result is partial if any shard is. Result files of different relying parties
or versions of passrig are refused, and so are matrices that have a cell in common.

Without --report, the summary is shown.`

const mergeExample = `  passrig merge shard-*.json --report json=all.json --report html=all.html
  passrig load login.yaml --segment 1/2 --seed 7 --report json=part-1.json   # and 2/2 elsewhere
  passrig merge part-1.json part-2.json --json | passrig compare main.json -`

type mergeOptions struct {
	env     *Env
	outputs outputs
	summary summaryOptions
}

// newMergeCommand joins result files.
func newMergeCommand(env *Env) *cobra.Command {
	o := &mergeOptions{env: env}
	cmd := &cobra.Command{
		Use: "merge RUN.json...", Short: "Join the results of shards into one", Example: mergeExample,
		Long: mergeLong + exits(
			"0", "merged, whatever the verdict",
			"2", "bad flags, or not a result file",
			"3", "not shards of one test, or a report could not be written"),
		Args:              atLeastOne("result file"),
		ValidArgsFunction: resultFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.summary.validate(cmd); err != nil {
				return err
			}
			if len(slices.Compact(slices.Sorted(slices.Values(args)))) < len(args) {
				return usageError(cmd, "", "the same file is given twice")
			}
			return o.run(args)
		},
	}
	o.outputs.add(cmd)
	o.summary.add(cmd)
	return cmd
}

func (o *mergeOptions) run(paths []string) error {
	var runs []*report.Run
	for _, path := range paths {
		run, err := o.env.loadRun(path)
		if err != nil {
			return err
		}
		runs = append(runs, run)
	}
	if err := o.outputs.check(o.env); err != nil {
		return err
	}
	merged, err := report.Merge(runs...)
	if other, ok := errors.AsType[*report.MergeError](err); ok {
		return couldNot(other.Hint, "%q cannot be merged with the others: %w", paths[other.Index], err)
	} else if err != nil {
		return fmt.Errorf("merge: %w", err)
	}
	return o.outputs.write(o.env, merged, o.summary)
}
