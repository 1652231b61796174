package cli

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/passrig/passrig/internal/diag"
)

//go:embed starter/ci/github.yml
var starterGitHub string

//go:embed starter/ci/gitlab-ci.yml
var starterGitLab string

//go:embed starter/ci/Jenkinsfile
var starterJenkins string

// waiting is the command that waits for the relying party in every pipeline: two minutes at most, whether nothing listens
// or nothing answers.
const waiting = `[[define "wait"]]curl --silent --show-error --output rp.answer --max-time 5 --retry 120 --retry-delay 1 --retry-max-time 120 --retry-connrefused [[.Origin]][[end]]`

const initCILong = `Ci writes the pipeline that runs a project's scenarios on every push: for GitHub Actions into
.github/workflows/passrig.yml, for GitLab into .gitlab-ci.yml, for Jenkins into Jenkinsfile. Which
of them is told from the files in DIR, the project's root (default: this directory), and from the
host of its git remote, or by --for. A file that is there already is never changed: a pipeline for
GitLab or Jenkins then gets a file beside it, and a hint says how to have it used.

The scenarios are those that are found in DIR, or those of --scenario. Loads and checks are left
out. The pipeline starts the demo relying party if that is the scenarios' target, or what --start
says; otherwise it takes the relying party at --origin to be there.`

const initCIExample = `  passrig init ci
  passrig init ci --for gitlab --scenario tests/passkeys.yaml --origin https://staging.example.test
  passrig init ci --for github --start 'npm start' --origin http://localhost:3000`

// pipeline is a CI system that init ci writes for.
type pipeline struct {
	name, title string
	sign        string // a file or directory of a project that uses it
	host        string // is a part of the name of a host that has it; or empty
	file        string // what is written
	beside      string // what is written if file is there already; or empty
	join        string // how that is put to use
	place       string // where a command that starts the relying party runs, and what to do about it
	text        string
}

// inContainer is where jobs of the other systems run.
const inContainer = "passrig's image, which has Chromium and no Node: put passrig into an image that has what it needs (docs/ci.md, Containers)"

func pipelines() []pipeline {
	return []pipeline{
		{
			name: "github", title: "GitHub Actions", sign: ".github", host: "github",
			place: "a fresh checkout on Ubuntu: let it install what it needs, as in 'npm ci && npm start'",
			file:  ".github/workflows/passrig.yml", text: starterGitHub,
		},
		{
			name: "gitlab", title: "GitLab CI/CD", sign: ".gitlab-ci.yml", host: "gitlab", place: inContainer,
			file: ".gitlab-ci.yml", beside: ".gitlab/passrig.gitlab-ci.yml", text: starterGitLab,
			join: "include it in .gitlab-ci.yml: include: .gitlab/passrig.gitlab-ci.yml",
		},
		{
			name: "jenkins", title: "Jenkins", sign: "Jenkinsfile", place: inContainer,
			file: "Jenkinsfile", beside: "passrig.Jenkinsfile", text: starterJenkins,
			join: "make a pipeline job whose script path is passrig.Jenkinsfile",
		},
	}
}

func pipelineNames() []string {
	var names []string
	for _, p := range pipelines() {
		names = append(names, p.name)
	}
	return names
}

// newInitCICommand writes the pipeline of a CI system.
func newInitCICommand(env *Env) *cobra.Command {
	o := &initCIOptions{env: env, system: newEnum("", pipelineNames()...)}
	cmd := &cobra.Command{
		Use: "ci [DIR]", Short: "Write the pipeline that runs scenarios on every push", Example: initCIExample,
		Long: initCILong + exits("0", "written", "2", "bad flags, a mistake in a scenario, or a file is there already", "3", "the file could not be written"),
		Args: atMostDirectory, ValidArgsFunction: completeDirectory,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.validate(cmd); err != nil {
				return err
			}
			return o.run(append(args, ".")[0])
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	o.system.flag(cmd, "for", "the CI system (default: the one that the project uses)")
	flags.StringArrayVar(&o.scenarios, "scenario", nil, "scenario `FILE` or directory to run, or builtin:NAME; can be repeated (default: all in DIR)")
	flags.StringVar(&o.adapter, "adapter", "", "`ADAPTER` to use, a built-in name or a path from DIR (default: the scenarios' own)")
	flags.StringVar(&o.origin, "origin", "", "`ORIGIN` of the relying party (default: the scenarios' own)")
	flags.StringVar(&o.start, "start", "", "`COMMAND` that starts the relying party in the pipeline")
	completeFlag(cmd, "scenario", scenarioWords)
	completeFlag(cmd, "adapter", offering(adapterWords, cobra.ShellCompDirectiveDefault))
	completeFlag(cmd, "origin", cobra.NoFileCompletions)
	completeFlag(cmd, "start", cobra.NoFileCompletions)
	return cmd
}

type initCIOptions struct {
	env                    *Env
	system                 *enum
	scenarios              []string
	adapter, origin, start string
}

// validate refuses what cannot stand in a pipeline, which is a shell command within YAML or Groovy.
func (o *initCIOptions) validate(cmd *cobra.Command) error {
	switch {
	case o.adapter != "" && !plainPath(o.adapter):
		return usageError(cmd, "rename it", "--adapter %q: only letters, digits and ._/:@+- can stand in a pipeline", o.adapter)
	case o.adapter != "" && filepath.Ext(o.adapter) == "" && !slices.Contains(adapterNames(), o.adapter):
		return usageError(cmd, diag.Suggest(o.adapter, adapterNames()), "no built-in adapter %q", o.adapter)
	case o.origin != "" && !originPattern().MatchString(o.origin):
		return usageError(cmd, "such as http://localhost:8080", "--origin %q: not scheme://host[:port]", o.origin)
	case strings.ContainsFunc(o.start, unicode.IsControl) || strings.ContainsAny(o.start, "\\#") || strings.Contains(o.start, "'''") || strings.Contains(o.start, "${{"):
		return usageError(cmd, "put it into a script, and give that", "--start %q: cannot stand in a pipeline", o.start)
	case cmd.Flags().Changed("start") && strings.TrimSpace(o.start) == "":
		return usageError(cmd, "such as --start 'npm ci && npm start'", "--start: no command given")
	}
	return nil
}

// originPattern is what an origin that is written into a file looks like.
func originPattern() *regexp.Regexp { return regexp.MustCompile(`^https?://[A-Za-z0-9.\-\[\]:]+$`) }

// plainPath says whether a path means itself in YAML, Groovy and a shell.
func plainPath(path string) bool {
	return regexp.MustCompile(`^[A-Za-z0-9._/][A-Za-z0-9._/:@+-]*$`).MatchString(path)
}

func (o *initCIOptions) run(dir string) error {
	if info, err := os.Stat(o.env.path(dir)); err != nil || !info.IsDir() {
		return badFile("DIR is the project's root", "there is no directory %q", dir)
	}
	system, err := o.choose(dir)
	if err != nil {
		return err
	}
	fields, err := o.fields(dir)
	if err != nil {
		return err
	}
	data, err := fillIn(waiting+system.text, fields)
	if err != nil {
		return err
	}
	file, joined := system.file, true
	if system.beside != "" && o.exists(filepath.Join(dir, file)) {
		file, joined = system.beside, false
	}
	name := filepath.Join(dir, filepath.FromSlash(file))
	if o.exists(name) {
		return badFile("remove it, or take from it what you need", "%s is there already, and nothing was written", name)
	}
	if err := os.MkdirAll(o.env.path(filepath.Dir(name)), 0o755); err != nil { //nolint:gosec // as open as what is beside it
		return couldNot("", "cannot make the directory: %w", err)
	}
	if err := o.env.create(name, data); err != nil {
		return couldNot("", "cannot write %q: %w", name, err)
	}
	if _, err := fmt.Fprintf(o.env.Stdout, "wrote %s, for %s\n", name, system.title); err != nil {
		return err
	}
	if !joined {
		o.env.complain("hint", system.join)
	}
	if o.start != "" {
		o.env.complain("hint", fmt.Sprintf("%q runs in %s", o.start, system.place))
	}
	if fields.Start == "" && local(fields.Origin) {
		o.env.complain("hint", fmt.Sprintf("nothing in it starts the relying party at %s: say how with --start COMMAND", fields.Origin))
	}
	return nil
}

func (o *initCIOptions) exists(name string) bool {
	_, err := os.Lstat(o.env.path(name))
	return !errors.Is(err, fs.ErrNotExist)
}

// choose finds out which CI system the project uses: by its files, or else by where it is hosted.
func (o *initCIOptions) choose(dir string) (pipeline, error) {
	known := pipelines()
	if o.system.value != "" {
		return known[slices.IndexFunc(known, func(p pipeline) bool { return p.name == o.system.value })], nil
	}
	var found []pipeline
	for _, p := range known {
		if o.exists(filepath.Join(dir, p.sign)) {
			found = append(found, p)
		}
	}
	if host := o.host(dir); len(found) != 1 && host != "" {
		for _, p := range known {
			if p.host != "" && strings.Contains(host, p.host) {
				return p, nil
			}
		}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	hint := "choose with --for " + strings.Join(o.system.values, "|")
	if len(found) > 1 {
		return pipeline{}, badFile(hint, "the project uses both %s and %s", found[0].title, found[1].title)
	}
	return pipeline{}, badFile(hint, "cannot tell which CI system the project in %q uses", dir)
}

// host is that of the project's git remote called origin, or empty.
func (o *initCIOptions) host(dir string) string {
	config, err := o.env.readFile(filepath.Join(dir, ".git", "config"))
	if err != nil {
		return "" // no clone, or a linked one
	}
	section := regexp.MustCompile(`(?ms)^\s*\[remote "origin"\](.*?)(?:^\s*\[|\z)`).FindSubmatch(config)
	if section == nil {
		return ""
	}
	remote := regexp.MustCompile(`(?m)^\s*url\s*=\s*(?:\w+://)?(?:[^@/\s]*@)?([^:/\s]+)`).FindSubmatch(section[1])
	if remote == nil {
		return ""
	}
	return string(remote[1])
}

// local says whether an origin is on this machine.
func local(origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && loopback(u.Hostname())
}
