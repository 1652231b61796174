package cli

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/internal/term"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/report/badge"
	"github.com/passrig/passrig/report/csvout"
	"github.com/passrig/passrig/report/github"
	"github.com/passrig/passrig/report/html"
	"github.com/passrig/passrig/report/jsonout"
	"github.com/passrig/passrig/report/junit"
	"github.com/passrig/passrig/report/markdown"
	"github.com/passrig/passrig/report/ndjson"
	"github.com/passrig/passrig/report/openmetrics"
	"github.com/passrig/passrig/report/sarif"
	"github.com/passrig/passrig/report/tap"
	"github.com/passrig/passrig/report/terminal"
)

// format is a way to show a run.
type format struct {
	name, title string
	file        string // where it goes when no path is given
	write       writer
	byExtension map[string]writer                                  // other ways to write it, by what the path ends in
	within      func(w io.Writer, run *report.Run, room int) error // in so many bytes, of what goes to the summary of a step
}

// writer writes a run in some format.
type writer = func(io.Writer, *report.Run) error

const (
	formatTerminal = "terminal"
	formatGitHub   = "github"
)

// formats lists every report format.
func formats() []format {
	plain := func(w io.Writer, run *report.Run) error {
		return terminal.Write(w, run, terminal.Options{Verbose: true})
	}
	return []format{
		{
			name: "badge", title: "a picture for a README, as SVG; for a PATH.json, as shields.io reads it", file: "passrig-badge.svg",
			write: badge.Write, byExtension: map[string]writer{".json": badge.WriteEndpoint},
		},
		{name: "csv", title: "a table for a spreadsheet: every facet of every cell of a matrix, or else every result", file: "passrig-report.csv", write: csvout.Write},
		{name: formatGitHub, title: "the summary of a GitHub Actions step, as Markdown", file: "passrig-summary.md", write: github.Write, within: github.WriteWithin},
		{name: "html", title: "one page to read and to send, that opens anywhere", file: "passrig-report.html", write: html.Write},
		{name: "json", title: "the result file, from which every other report can be made", file: "passrig-report.json", write: jsonout.Write},
		{name: "junit", title: "JUnit XML for CI systems", file: "passrig-report.xml", write: junit.Write},
		{name: "markdown", title: "a document for a wiki or a merge request", file: "passrig-report.md", write: markdown.Write},
		{name: "ndjson", title: "a stream of events, one JSON object a line", file: "-", write: ndjson.Write},
		{name: "openmetrics", title: "figures for Prometheus and what reads its files", file: "passrig-metrics.txt", write: openmetrics.Write},
		{name: "sarif", title: "SARIF 2.1.0 for code scanning, at the lines of the scenario", file: "passrig-report.sarif", write: sarif.Write},
		{name: "tap", title: "TAP 14, a line for each step, check and threshold", file: "-", write: tap.Write},
		{name: formatTerminal, title: "the summary that is shown anyway, as text", file: "-", write: plain},
	}
}

func formatNames(list []format) []string {
	var names []string
	for _, f := range list {
		names = append(names, f.name)
	}
	return names
}

// output is one report that was asked for.
type output struct {
	format
	path  string // "-" is standard output
	given bool   // the path was, by the user
}

// render writes the report as the path's extension says.
func (o *output) render(w io.Writer, run *report.Run) error {
	if other, ok := o.byExtension[filepath.Ext(o.path)]; ok {
		return other(w, run)
	}
	return o.write(w, run)
}

// outputs is the repeated flag --report FORMAT[=PATH].
type outputs struct {
	list []output
	only []format // that there are, unless all of them
}

// formats are those that can be asked for.
func (o *outputs) formats() []format {
	if o.only != nil {
		return o.only
	}
	return formats()
}

// String implements pflag.Value. A default is never shown, because there is none.
func (o *outputs) String() string { return "" }

// Type implements pflag.Value.
func (o *outputs) Type() string { return "FORMAT[=PATH]" }

// Set implements pflag.Value.
func (o *outputs) Set(s string) error {
	name, path, given := strings.Cut(s, "=")
	i := slices.IndexFunc(o.formats(), func(f format) bool { return f.name == name })
	if i < 0 {
		return &valueError{fmt.Sprintf("unknown report format %q", name), diag.Suggest(name, formatNames(o.formats()))}
	}
	f := o.formats()[i]
	switch {
	case !given:
		path = f.file
	case path == "":
		return &valueError{fmt.Sprintf("no path after %q", s), "leave out the = to write " + f.file}
	}
	for _, other := range o.list {
		if other.path != path {
			continue
		}
		if path == "-" {
			return &valueError{fmt.Sprintf("%s and %s cannot both go to standard output", other.name, name), "give one of them a path: --report " + name + "=FILE"}
		}
		return &valueError{fmt.Sprintf("%s and %s cannot both be written to %q", other.name, name, path), "give each its own path"}
	}
	o.list = append(o.list, output{f, path, given})
	return nil
}

// add adds --report and --json to a command.
func (o *outputs) add(cmd *cobra.Command) {
	cmd.Flags().Var(o, "report", "write a report; can be repeated, a PATH of - is standard output")
	cmd.Flags().VarPF(&jsonShorthand{o}, "json", "", "same as --report json=-").NoOptDefVal = "true"
	completeFlag(cmd, "report", func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		if strings.Contains(typed, "=") {
			return nil, cobra.ShellCompDirectiveDefault
		}
		var words []string
		for _, f := range o.formats() {
			words = append(words, described(f.name, f.title))
		}
		return words, cobra.ShellCompDirectiveNoFileComp
	})
}

// jsonShorthand is the flag --json.
type jsonShorthand struct{ outputs *outputs }

// String implements pflag.Value.
func (j *jsonShorthand) String() string { return "false" }

// Type implements pflag.Value.
func (j *jsonShorthand) Type() string { return "bool" }

// IsBoolFlag tells the flag parser that no value follows.
func (j *jsonShorthand) IsBoolFlag() bool { return true }

// Set implements pflag.Value.
func (j *jsonShorthand) Set(s string) error {
	if s != "true" {
		return nil
	}
	return j.outputs.Set("json=-")
}

// stdout is the report that takes standard output, or nil.
func (o *outputs) stdout() *output {
	for i := range o.list {
		if o.list[i].path == "-" {
			return &o.list[i]
		}
	}
	return nil
}

// check finds out before a run whether its reports can be written, each to a file of its own.
func (o *outputs) check(env *Env) error {
	taken := map[string]output{}
	for _, out := range o.list {
		if summary := env.stepSummary(out); summary != "" {
			if err := env.appendable(summary); err != nil {
				return couldNot("give it a path with --report github=PATH", "cannot write to the summary of this step: %w", err)
			}
			continue
		}
		if out.path == "-" {
			continue
		}
		if path, err := filepath.Abs(env.path(out.path)); err == nil {
			if other, ok := taken[path]; ok {
				return badFile("give each its own path", "%s and %s cannot both be written to one file: %q is %q", other.name, out.name, other.path, out.path)
			}
			taken[path] = out
		}
		if err := env.writable(out.path); err != nil {
			return couldNot("choose another path with --report "+out.name+"=PATH", "cannot write the %s report to %q: %w", out.name, out.path, err)
		}
	}
	return nil
}

// summaryOptions say how the summary for a person is shown.
type summaryOptions struct{ quiet, verbose bool }

func (s *summaryOptions) add(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&s.quiet, "quiet", "q", false, "show only what did not pass, and the last line")
	cmd.Flags().BoolVarP(&s.verbose, "verbose", "v", false, "show the phases of every ceremony, notes and answers")
}

func (s *summaryOptions) validate(cmd *cobra.Command) error {
	if s.quiet && s.verbose {
		return usageError(cmd, "", "--quiet and --verbose exclude each other")
	}
	return nil
}

// writeReports writes every report and returns the files that were written. What can be written is written, even if
// something else cannot.
func (o *outputs) writeReports(env *Env, run *report.Run) (written []string, failed error) {
	for _, out := range o.list {
		if summary := env.stepSummary(out); summary != "" {
			if err := env.appendSummary(summary, func(w io.Writer, room int) error { return out.within(w, run, room) }); err != nil {
				failed = couldNot("", "cannot write to the summary of this step: %w", err)
			}
			continue
		}
		if out.path == "-" {
			continue
		}
		if err := env.writeFile(out.path, func(w io.Writer) error { return out.render(w, run) }); err != nil {
			failed = couldNot("free some space or choose another path; the other reports are complete", "cannot write the %s report to %q: %w", out.name, out.path, err)
			continue
		}
		written = append(written, out.path)
	}
	if out := o.stdout(); out != nil && out.name != formatTerminal {
		if err := buffered(env.Stdout, func(w io.Writer) error { return out.render(w, run) }); err != nil {
			failed = couldNot("", "cannot write the %s report to standard output: %w", out.name, err)
		}
	}
	return written, failed
}

// summaryTo is where the summary for a person goes: to standard error when a report for a machine takes standard output.
func (o *outputs) summaryTo(env *Env) (summary io.Writer, tty bool) {
	if out := o.stdout(); out != nil && out.name != formatTerminal {
		return env.Stderr, env.StderrTTY
	}
	if env.inActions() {
		return &inert{to: env.Stdout}, false
	}
	return env.Stdout, env.StdoutTTY
}

// write writes every report and the summary.
func (o *outputs) write(env *Env, run *report.Run, show summaryOptions) error {
	written, failed := o.writeReports(env, run)
	summary, tty := o.summaryTo(env)
	options := terminal.Options{Color: env.color(tty), Verbose: show.verbose, Quiet: show.quiet, Reports: written}
	if tty {
		options.Width = term.WidthOf(summary)
	}
	if err := terminal.Write(summary, run, options); err != nil && failed == nil {
		failed = couldNot("", "cannot write the summary: %w", err)
	}
	if slices.ContainsFunc(o.list, func(out output) bool { return out.name == formatGitHub }) {
		env.annotate(github.Annotations(run))
	}
	return failed
}
