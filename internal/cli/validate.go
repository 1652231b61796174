package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/report/github"
	"github.com/passrig/passrig/scenarios"
)

const validateLong = `Validate reads scenarios, adapters and step lists and shows every mistake in them with its
place, the line and what to do. Nothing is sent.

FILE is a file, a directory (all such files in it), builtin:NAME (a scenario or an adapter),
or - for standard input. Files without a mistake are listed on standard output; mistakes go
to standard error, or with --format github or json to standard output, for other programs.`

const validateExample = `  passrig validate passkeys.yaml my-rp.adapter.yaml
  passrig validate scenarios/ --format github
  passrig validate builtin:simplewebauthn`

// newValidateCommand checks files without running them.
func newValidateCommand(env *Env) *cobra.Command {
	o := &validateOptions{env: env, format: newEnum(formatText, formatText, formatGitHub, formatJSON)}
	cmd := &cobra.Command{
		Use: "validate FILE...", Short: "Check scenarios, adapters and step lists", Example: validateExample,
		Long:              validateLong + exits("0", "no mistakes", "2", "mistakes, or a file that cannot be read"),
		Args:              atLeastOne("file"),
		ValidArgsFunction: scenarioWords,
		RunE:              func(_ *cobra.Command, args []string) error { return o.run(args) },
	}
	o.format.flag(cmd, "format", "how mistakes are written")
	o.providers.add(cmd)
	return cmd
}

const (
	formatText = "text"
	formatJSON = "json"
)

type validateOptions struct {
	env       *Env
	format    *enum
	providers providerOptions
}

func (o *validateOptions) run(args []string) error {
	paths, err := o.env.expand(args, kindScenario, kindAdapter, kindSteps)
	if err != nil {
		return err
	}
	problems := &diag.Errors{}
	known, err := o.providers.read(o.env)
	if err := collect(problems, err); err != nil {
		return err
	}
	if known == nil { // mistakes of scenarios may come of those of the providers that they name
		return o.show(nil, problems)
	}
	var fine []string
	for _, path := range paths {
		before := len(problems.List)
		if err := collect(problems, o.check(path)); err != nil {
			return err
		}
		if len(problems.List) == before {
			fine = append(fine, path)
		}
	}
	return o.show(fine, problems)
}

// check loads one file as what it says it is. A file that says nothing is taken for a scenario.
func (o *validateOptions) check(path string) error {
	options := loading(o.env, o.providers.known)
	options.Partial = true
	if name, ok := strings.CutPrefix(path, builtinPrefix); ok && slices.Contains(adapterNames(), name) {
		_, err := scenarios.LoadAdapter(name, options)
		return err
	}
	data, err := o.env.readFile(path)
	if err == nil {
		switch scenarios.Kind(data) {
		case kindAdapter:
			_, err := scenarios.LoadAdapter(path, options)
			return err
		case kindSteps:
			_, err := scenarios.LoadSteps(path, options)
			return err
		}
	}
	_, err = scenarios.Load(path, options)
	return err
}

func (o *validateOptions) show(fine []string, problems *diag.Errors) error {
	err := problems.Sorted()
	switch o.format.value {
	case formatJSON:
		if err := o.showJSON(problems); err != nil {
			return err
		}
	case formatGitHub:
		if err := github.WriteAnnotations(o.env.Stdout, o.env.annotations(problems)); err != nil {
			return err
		}
	default:
		for _, path := range fine {
			if _, err := fmt.Fprintf(o.env.Stdout, "%s: ok\n", path); err != nil {
				return err
			}
		}
		return err
	}
	if err != nil {
		return exitCode(exitUsage)
	}
	return nil
}

// showJSON writes the mistakes as a JSON array.
func (o *validateOptions) showJSON(problems *diag.Errors) error {
	type problem struct {
		File    string `json:"file"`
		Line    int    `json:"line,omitempty"`
		Column  int    `json:"column,omitempty"`
		Width   int    `json:"width,omitempty"`
		Kind    string `json:"kind"`
		Message string `json:"message"`
		Hint    string `json:"hint,omitempty"`
	}
	list := []problem{}
	for _, d := range problems.List {
		list = append(list, problem{d.File, d.Line, d.Col, d.Width, string(d.Kind), d.Message, d.Hint})
	}
	return writeJSON(o.env, list)
}

// writeJSON writes a value to standard output.
func writeJSON(env *Env, value any) error { return encodeJSON(env.Stdout, value) }

// encodeJSON writes JSON for people and programs.
func encodeJSON(w io.Writer, value any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(value)
}
