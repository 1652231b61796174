package cli

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/passrig/passrig/report"
)

const reportLong = `Report makes reports from the result file of an earlier run (passrig run --report json).
Nothing is sent. RUN.json may be - for standard input.

Without --report, the summary is shown.`

const reportExample = `  passrig report passrig-report.json
  passrig report run.json --report html=run.html --report junit=run.xml
  passrig run passkeys.yaml --json | passrig report - --report html`

// newReportCommand renders a result file again.
func newReportCommand(env *Env) *cobra.Command {
	o := &reportOptions{env: env}
	cmd := &cobra.Command{
		Use: "report RUN.json", Short: "Make reports from the result of an earlier run", Example: reportExample,
		Long: reportLong + exits(
			"0", "the reports were made, whatever the run's verdict",
			"2", "bad flags, or not a result file",
			"3", "a report could not be written"),
		Args:              exactlyOne("result file"),
		ValidArgsFunction: resultFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.summary.validate(cmd); err != nil {
				return err
			}
			return o.run(args[0])
		},
	}
	o.outputs.add(cmd)
	o.summary.add(cmd)
	return cmd
}

type reportOptions struct {
	env     *Env
	outputs outputs
	summary summaryOptions
}

func (o *reportOptions) run(path string) error {
	run, err := o.env.loadRun(path)
	if err != nil {
		return err
	}
	if err := o.outputs.check(o.env); err != nil {
		return err
	}
	return o.outputs.write(o.env, run, o.summary)
}

// loadRun reads one result file.
func (e *Env) loadRun(path string) (*report.Run, error) {
	in, err := e.openRun(path)
	if err != nil {
		hint := ""
		if errors.Is(err, fs.ErrNotExist) {
			hint = "a result file is what passrig writes with --report json=FILE"
		}
		return nil, badFile(hint, "cannot read the result file: %w", err)
	}
	defer in.Close()
	run, err := report.Load(in)
	if load, ok := errors.AsType[*report.LoadError](err); ok {
		return nil, badFile(load.Hint, "%q: %w", path, load)
	} else if err != nil {
		return nil, badFile("name a result file, not its folder", "%q: %w", path, err)
	}
	return run, nil
}

// openRun opens a result file, so that no more of it is read than can be one.
func (e *Env) openRun(path string) (io.ReadCloser, error) {
	if path != "-" {
		return os.Open(e.path(path))
	}
	data, err := e.stdin()
	return io.NopCloser(bytes.NewReader(data)), err
}
