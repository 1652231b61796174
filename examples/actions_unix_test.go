//go:build unix

package examples_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/expr-lang/expr"

	"github.com/passrig/passrig/internal/source"
	"github.com/passrig/passrig/report"
)

const actionDir = "../.github/actions/passrig"

// actions is GitHub Actions, as far as the example and the action need it.
type actions struct {
	t         *testing.T
	releases  string // in place of the action's own default
	artifacts string
	caches    map[string]string // directories by key
	event     string
	ref       string
	run       int
}

func newActions(t *testing.T) *actions {
	t.Helper()
	return &actions{t: t, releases: release(t, "v0.1.0", nil), caches: map[string]string{}}
}

// job is a job that runs, or the composite action within it.
type job struct {
	*actions
	machine *machine
	values  map[string]string // of contexts, by their dotted names
	failed  bool
	code    int // of the step that failed
	log     string
	summary string
}

// on begins a job on a machine of its own.
func (a *actions) on(workspace string) *job {
	a.t.Helper()
	m := newMachine(a.t, workspace)
	temp := a.t.TempDir()
	m.env["RUNNER_TEMP"], m.env["RUNNER_OS"], m.env["RUNNER_ARCH"] = temp, "Linux", "X64"
	if runtime.GOOS == "darwin" {
		m.env["RUNNER_OS"] = "macOS"
	}
	if runtime.GOARCH == "arm64" {
		m.env["RUNNER_ARCH"] = "ARM64"
	}
	m.env["GITHUB_ACTIONS"], m.env["GITHUB_WORKSPACE"] = "true", workspace
	m.env["GITHUB_PATH"] = filepath.Join(temp, "path")
	return &job{actions: a, machine: m, values: map[string]string{
		"github.event_name": a.event, "github.ref": a.ref, "github.ref_name": strings.TrimPrefix(strings.TrimPrefix(a.ref, "refs/heads/"), "refs/pull/"),
		"github.event.repository.default_branch": "main", "github.run_id": strconv.Itoa(a.run), "github.run_attempt": "1",
		"github.token": "a-token",
	}}
}

var (
	expression = regexp.MustCompile(`\$\{\{\s*(.*?)\s*\}\}`)
	dotted     = regexp.MustCompile(`\b(?:github|inputs|matrix|steps|strategy)(?:\.[\w-]+)+`)
)

// eval is the value of an expression. A mistake in it fails the test.
func (j *job) eval(text string) any {
	j.t.Helper()
	value := func(name string) string { return j.values[name] }
	for _, name := range dotted.FindAllString(text, -1) {
		if _, ok := j.values[name]; !ok && !strings.HasPrefix(name, "steps.") {
			j.t.Fatalf("%s has no value in %q", name, text)
		}
	}
	result, err := expr.Eval(dotted.ReplaceAllString(text, `context("$0")`), map[string]any{
		"context": value, "always": func() bool { return true }, "failure": func() bool { return j.failed }, "success": func() bool { return !j.failed },
		"cancelled": func() bool { return false }, //nolint:misspell // GitHub's spelling
		"hashFiles": func(name string) string {
			data, err := os.ReadFile(filepath.Join(j.machine.dir, name))
			if err != nil {
				return ""
			}
			return fmt.Sprintf("%x", sha256.Sum256(data))
		},
	})
	if err != nil {
		j.t.Fatalf("%q: %v", text, err)
	}
	return result
}

func (j *job) text(s string) string {
	return expression.ReplaceAllStringFunc(s, func(e string) string { return fmt.Sprint(j.eval(expression.FindStringSubmatch(e)[1])) })
}

// wanted says whether a step or a job runs.
func (j *job) wanted(condition string) bool {
	if m := expression.FindStringSubmatch(condition); m != nil {
		condition = m[1]
	}
	if condition == "" {
		return !j.failed
	}
	if !regexp.MustCompile(`\b(always|failure|success|cancelled)\(`).MatchString(condition) && j.failed { //nolint:misspell // GitHub's spelling
		return false
	}
	return j.eval(condition) == true
}

// steps runs the steps of a job or of the composite action.
func (j *job) steps(list *source.Node) {
	j.t.Helper()
	for _, step := range list.Items {
		if !j.wanted(step.Get("if").Text()) {
			continue
		}
		if uses := step.Get("uses").Text(); uses != "" {
			j.uses(uses, step.Get("with"))
		} else {
			j.shell(step)
		}
	}
}

func (j *job) shell(step *source.Node) {
	j.t.Helper()
	temp := j.t.TempDir()
	env := maps.Clone(j.machine.env)
	defer func() { j.machine.env = env }()
	j.machine.env = maps.Clone(env)
	if paths, err := os.ReadFile(env["GITHUB_PATH"]); err == nil {
		for dir := range strings.Lines(string(paths)) {
			j.machine.env["PATH"] = strings.TrimSpace(dir) + ":" + j.machine.env["PATH"]
		}
	}
	j.machine.env["GITHUB_OUTPUT"], j.machine.env["GITHUB_STEP_SUMMARY"] = filepath.Join(temp, "output"), filepath.Join(temp, "summary")
	for _, name := range step.Get("env").Keys() {
		j.machine.env[name] = j.text(step.Get("env").Get(name).Value)
	}
	shell := []string{"bash", "-e"}
	if step.Get("shell").Text() == "bash" {
		shell = []string{"bash", "--noprofile", "--norc", "-eo", "pipefail"}
	}
	code, out := j.machine.run(j.text(step.Get("run").Value), shell...)
	j.log += out
	if code != 0 {
		if !j.failed {
			j.code = code
		}
		j.failed = true
	}
	if outputs, err := os.ReadFile(filepath.Join(temp, "output")); err == nil {
		for line := range strings.Lines(string(outputs)) {
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
			j.values["steps."+step.Get("id").Text()+".outputs."+name] = value
		}
	}
	if summary, err := os.ReadFile(filepath.Join(temp, "summary")); err == nil {
		j.summary += string(summary)
	}
}

// uses does what an action does.
func (j *job) uses(action string, with *source.Node) {
	j.t.Helper()
	input := func(name string) string { return j.text(with.Get(name).Text()) }
	in := func(name string) string {
		if filepath.IsAbs(name) {
			return name
		}
		return filepath.Join(j.machine.dir, name)
	}
	name, _, _ := strings.Cut(action, "@")
	switch name {
	case "actions/checkout": // the machine has the project
	case "passrig/passrig/.github/actions/passrig":
		inputs := map[string]string{}
		for _, key := range with.Keys() {
			inputs[key] = input(key)
		}
		j.composite(inputs)
	case "actions/upload-artifact":
		j.copy(in(input("path")), filepath.Join(j.artifacts, input("name")))
	case "actions/download-artifact":
		matches, err := filepath.Glob(filepath.Join(j.artifacts, input("pattern")))
		if err != nil || len(matches) == 0 {
			j.t.Fatalf("no artifacts: %v", err)
		}
		for _, dir := range matches {
			j.copy(dir, filepath.Join(in(input("path")), filepath.Base(dir)))
		}
	case "actions/cache/save":
		j.caches[input("key")] = j.t.TempDir()
		j.copy(in(input("path")), j.caches[input("key")])
	case "actions/cache/restore":
		for _, key := range slices.Backward(slices.Sorted(maps.Keys(j.caches))) {
			if strings.HasPrefix(key, input("restore-keys")) {
				j.copy(j.caches[key], in(input("path")))
				break
			}
		}
	default:
		j.t.Fatalf("what is %s?", action)
	}
}

func (j *job) copy(from, to string) {
	j.t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		j.t.Fatal(err)
	}
}

// composite runs passrig's own action with some inputs and returns its outputs.
func (j *job) composite(inputs map[string]string) map[string]string {
	j.t.Helper()
	action := parseYAML(j.t, "action.yml", read(j.t, filepath.Join(actionDir, "action.yml")))
	inner := &job{actions: j.actions, machine: j.machine, values: map[string]string{"github.token": "a-token"}}
	for _, name := range action.Get("inputs").Keys() {
		inner.values["inputs."+name] = action.Get("inputs").Get(name).Get("default").Text()
	}
	if inputs["releases"] == "" {
		inner.values["inputs.releases"] = j.releases
	}
	for name, value := range inputs {
		if _, ok := inner.values["inputs."+name]; !ok {
			j.t.Fatalf("the action has no input %s", name)
		}
		inner.values["inputs."+name] = value
	}
	dir, err := filepath.Abs(actionDir)
	if err != nil {
		j.t.Fatal(err)
	}
	j.machine.env["GITHUB_ACTION_PATH"] = dir
	inner.steps(action.Get("runs").Get("steps"))
	j.log, j.summary = j.log+inner.log, j.summary+inner.summary
	if inner.failed && !j.failed {
		j.failed, j.code = true, inner.code
	}
	outputs := map[string]string{}
	for _, name := range action.Get("outputs").Keys() {
		outputs[name] = inner.text(action.Get("outputs").Get(name).Get("value").Value)
	}
	return outputs
}

// release puts a release of a passrig, which is the one on PATH, into a directory, and returns that directory's URL.
// tamper changes files of it.
func release(t *testing.T, version string, tamper func(dir string)) string {
	t.Helper()
	real, err := exec.LookPath("passrig")
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	dir := filepath.Join(root, version)
	name := fmt.Sprintf("passrig_%s_%s_%s.tar.gz", strings.TrimPrefix(version, "v"), runtime.GOOS, runtime.GOARCH)
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	archive := tar.NewWriter(zipped)
	program := "#!/bin/sh\nexec '" + real + "' \"$@\"\n"
	if err := archive.WriteHeader(&tar.Header{Name: "passrig", Mode: 0o755, Size: int64(len(program))}); err != nil {
		t.Fatal(err)
	}
	_, err = archive.Write([]byte(program))
	if err != nil || archive.Close() != nil || zipped.Close() != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, name), packed.String(), 0o600)
	write(t, filepath.Join(dir, "checksums.txt"), fmt.Sprintf("%064d  another.zip\n%x  %s\n", 0, sha256.Sum256(packed.Bytes()), name), 0o600)
	if tamper != nil {
		tamper(dir)
	}
	return "file://" + root
}

// play runs the example on a project and returns the exit codes of its jobs, the scenarios' first.
func (a *actions) play(dir, event, ref string) (codes []int, logs []string, result *job) {
	a.t.Helper()
	a.event, a.ref, a.artifacts = event, ref, a.t.TempDir()
	a.run++
	workflow := parseYAML(a.t, "github.yml", pipelineFile(a.t, "github.yml"))
	first := workflow.Get("jobs").Get("scenario")
	for i, scenario := range first.Get("strategy").Get("matrix").Get("scenario").Items {
		workspace := a.t.TempDir()
		if err := os.CopyFS(workspace, os.DirFS(dir)); err != nil {
			a.t.Fatal(err)
		}
		j := a.on(workspace)
		j.values["matrix.scenario"], j.values["strategy.job-index"] = scenario.Value, strconv.Itoa(i)
		j.steps(first.Get("steps"))
		j.machine.stop()
		codes, logs = append(codes, j.code), append(logs, j.log)
	}
	result = a.on(a.t.TempDir())
	if !result.wanted(workflow.Get("jobs").Get("result").Get("if").Value) {
		a.t.Fatal("there is no job for the result")
	}
	result.steps(workflow.Get("jobs").Get("result").Get("steps"))
	return append(codes, result.code), append(logs, result.log), result
}

func TestGitHubPipeline(t *testing.T) {
	t.Parallel()
	a := newActions(t)
	codes, logs, result := a.play(project(t), "push", "refs/heads/main")
	if !slices.Equal(codes, []int{0, 0, 0}) {
		t.Fatalf("exit codes %v\n%s", codes, strings.Join(logs, "\n"))
	}
	for i := range pipelineScenarios {
		wantFiles(t, filepath.Join(a.artifacts, fmt.Sprintf("passkeys-%d", i)), "run.json", "junit.xml", "report.html")
	}
	wantFiles(t, filepath.Join(a.artifacts, "passkeys"), "run.json", "report.html", "badge.json")
	wantRun(t, filepath.Join(a.artifacts, "passkeys", "run.json"), report.VerdictPass)
	if !strings.Contains(result.summary, "Sign up, sign in") || strings.Contains(result.log, "\n::") {
		t.Errorf("summary:\n%s\nlog:\n%s", result.summary, result.log)
	}
	if len(a.caches) != 1 {
		t.Errorf("%d results of main are kept", len(a.caches))
	}

	// A pull request that breaks nothing, and one that does.
	codes, logs, result = a.play(project(t), "pull_request", "refs/pull/1/merge")
	if !slices.Equal(codes, []int{0, 0, 0}) || len(a.caches) != 1 {
		t.Fatalf("exit codes %v, %d results of main\n%s", codes, len(a.caches), strings.Join(logs, "\n"))
	}
	wantFiles(t, result.machine.dir, "before/run.json")
	dir := project(t)
	tooSlow(t, dir)
	codes, logs, result = a.play(dir, "pull_request", "refs/pull/2/merge")
	if !slices.Equal(codes, []int{0, 1, 1}) {
		t.Errorf("exit codes %v\n%s", codes, strings.Join(logs, "\n"))
	}
	if !strings.Contains(logs[2], "::error file=examples/quickstart/login.yaml,line=") || !strings.Contains(result.summary, "fail") {
		t.Errorf("summary:\n%s\nlog:\n%s", result.summary, logs[2])
	}
	wantRun(t, filepath.Join(a.artifacts, "passkeys", "run.json"), report.VerdictFail)
}

func TestActionRefusesWhatWasNotReleased(t *testing.T) {
	t.Parallel()
	archive := func(dir string) string {
		found, err := filepath.Glob(filepath.Join(dir, "*.tar.gz"))
		if err != nil || len(found) != 1 {
			t.Fatalf("%v %v", found, err)
		}
		return found[0]
	}
	for name, test := range map[string]struct {
		tamper func(dir string)
		inputs map[string]string
		gh     string // a gh on PATH
		says   string // empty: it is installed
	}{
		"as released":     {},
		"another archive": {tamper: func(dir string) { write(t, archive(dir), "another", 0o600) }, says: "is not what was released"},
		"not listed": {
			tamper: func(dir string) { write(t, filepath.Join(dir, "checksums.txt"), "00  other.tar.gz\n", 0o600) },
			says:   "checksums.txt does not list passrig_0.1.0_",
		},
		"no checksums": {tamper: func(dir string) {
			if err := os.Remove(filepath.Join(dir, "checksums.txt")); err != nil {
				t.Error(err)
			}
		}, says: "cannot fetch file:"},
		"no such release":   {inputs: map[string]string{"version": "v9.9.9"}, says: "cannot fetch file:"},
		"no version":        {inputs: map[string]string{"version": "../v0.1.0"}, says: "is not one such as v1.2.3"},
		"plain http":        {inputs: map[string]string{"releases": "http://localhost:1"}, says: "cannot fetch http:"},
		"attested":          {gh: "exit 0"},
		"not attested":      {gh: `[ "$2" != verify ]`, says: "has no attestation"},
		"attestation off":   {gh: `[ "$2" != verify ]`, inputs: map[string]string{"attestation": "false"}},
		"gh of another age": {gh: "exit 1"},
		"no such binary":    {inputs: map[string]string{"binary": "./absent"}, says: "no program is at ./absent"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := (&actions{t: t, releases: release(t, "v0.1.0", test.tamper)}).on(t.TempDir())
			if test.gh != "" {
				bin := t.TempDir()
				write(t, filepath.Join(bin, "gh"), "#!/bin/sh\n"+test.gh+"\n", 0o700)
				j.machine.env["PATH"] = bin + ":" + j.machine.env["PATH"]
			}
			inputs := map[string]string{"command": "none"}
			maps.Copy(inputs, test.inputs)
			outputs := j.composite(inputs)
			installed, err := filepath.Glob(filepath.Join(j.machine.env["RUNNER_TEMP"], "passrig-*", "passrig"))
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case test.says == "" && (j.failed || len(installed) != 1 || outputs["binary"] != installed[0] || !strings.Contains(j.log, "passrig v0.1.0")):
				t.Errorf("exit code %d, installed %q, outputs %q\n%s", j.code, installed, outputs, j.log)
			case test.says != "" && (j.code != 2 || len(installed) > 0 || !regexp.MustCompile(`(?m)^::error title=passrig::.*`+regexp.QuoteMeta(test.says)).MatchString(j.log)):
				t.Errorf("exit code %d, installed %q, want %q\n%s", j.code, installed, test.says, j.log)
			}
		})
	}
}

// standIn is a passrig that writes down its arguments, one a line, and ends with a code.
func standIn(t *testing.T, code int) (binary string, arguments func() []string) {
	t.Helper()
	dir := t.TempDir()
	binary = filepath.Join(dir, "passrig")
	write(t, binary, fmt.Sprintf("#!/bin/sh\n[ \"$1\" != version ] || exit 0\nprintf '%%s\\n' \"$@\" > '%s/arguments'\nexit %d\n", dir, code), 0o700)
	return binary, func() []string {
		return strings.Split(strings.TrimSuffix(read(t, filepath.Join(dir, "arguments")), "\n"), "\n")
	}
}

func TestActionPassesInputsOn(t *testing.T) {
	t.Parallel()
	a := newActions(t)
	a.artifacts = t.TempDir()
	binary, arguments := standIn(t, 0)
	j := a.on(t.TempDir())
	write(t, filepath.Join(j.machine.dir, "tests", "a.yaml"), "", 0o600)
	outputs := j.composite(map[string]string{
		"binary": binary, "files": "  a.yaml\r\n\n $(touch owned).yaml\n`touch owned`; touch owned\n", "adapter": `"quoted' adapter`,
		"origin": "http://localhost:1", "args": "--param=name=with space\n--tags\n*", "working-directory": "tests",
		"reports": "json=run.json\n  badge=badge.json", "artifact": "kept",
	})
	want := []string{
		"run", "a.yaml", "$(touch owned).yaml", "`touch owned`; touch owned", "--adapter", `"quoted' adapter`, "--origin", "http://localhost:1",
		"--param=name=with space", "--tags", "*", "--report", "json=passrig-out/run.json", "--report", "badge=passrig-out/badge.json", "--report", "github",
	}
	if got := arguments(); !slices.Equal(got, want) || j.failed {
		t.Errorf("exit code %d, got %q\nwant %q\n%s", j.code, got, want, j.log)
	}
	if outputs["verdict"] != "passed" || outputs["exit-code"] != "0" || outputs["reports"] != filepath.Join(j.machine.dir, "tests", "passrig-out") {
		t.Errorf("outputs %q", outputs)
	}
	if owned, _ := filepath.Glob(filepath.Join(j.machine.dir, "*", "owned")); len(owned) > 0 {
		t.Errorf("an input was run: %q", owned)
	}
	if _, err := os.Stat(filepath.Join(a.artifacts, "kept")); err != nil {
		t.Error(err)
	}
}

func TestActionKeepsExitCodesApart(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		code    int
		failOn  string
		verdict string
		ends    int
	}{
		{0, "any", "passed", 0},
		{1, "any", "failed", 1},
		{2, "any", "mistake", 2},
		{3, "any", "untold", 3},
		{130, "any", "interrupted", 130},
		{1, "failed", "failed", 1},
		{3, "failed", "untold", 0},
		{2, "failed", "mistake", 2},
		{1, "never", "failed", 0},
		{3, "never", "untold", 0},
		{2, "never", "mistake", 2},
		{130, "never", "interrupted", 130},
	} {
		t.Run(fmt.Sprintf("%d %s", test.code, test.failOn), func(t *testing.T) {
			t.Parallel()
			a := newActions(t)
			a.artifacts = t.TempDir()
			binary, _ := standIn(t, test.code)
			j := a.on(t.TempDir())
			outputs := j.composite(map[string]string{"binary": binary, "files": "a.yaml", "fail-on": test.failOn})
			if j.code != test.ends || outputs["verdict"] != test.verdict || outputs["exit-code"] != strconv.Itoa(test.code) {
				t.Errorf("ends with %d, outputs %q\n%s", j.code, outputs, j.log)
			}
			if warned := strings.Contains(j.log, "::warning "); warned != (test.code != test.ends) {
				t.Errorf("warned: %v\n%s", warned, j.log)
			}
			wantFiles(t, a.artifacts, "passrig") // kept whatever the code
		})
	}
}

func TestActionRefusesBadInputs(t *testing.T) {
	t.Parallel()
	for name, inputs := range map[string]map[string]string{
		"is none of run":             {"command": "doctor"},
		"is none of any":             {"fail-on": "critical"},
		"is not FORMAT=FILE":         {"reports": "html"},
		"names no file":              {"reports": "html=../report.html"},
		"there is no directory gone": {"working-directory": "gone"},
	} {
		a := newActions(t)
		binary, _ := standIn(t, 0)
		j := a.on(t.TempDir())
		all := map[string]string{"binary": binary}
		maps.Copy(all, inputs)
		if j.composite(all); j.code != 2 || !strings.Contains(j.log, name) || !strings.Contains(j.log, "::error title=passrig::") {
			t.Errorf("%v: exit code %d\n%s", inputs, j.code, j.log)
		}
	}
}
