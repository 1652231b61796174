//go:build unix

package examples_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/passrig/passrig/internal/cli"
	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/internal/source"
	"github.com/passrig/passrig/report"
)

// TestMain puts a passrig on PATH, which pipelines expect.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"passrig": func() { os.Exit(cli.Main(os.Args[1:], cli.OSEnv("v0.1.0"))) }})
}

// The scenarios that the pipelines of ci run.
var pipelineScenarios = []string{"examples/quickstart/language.yaml", "examples/quickstart/login.yaml"}

// project is a directory with the scenarios of the pipelines.
func project(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "examples", "quickstart"), os.DirFS("quickstart")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// tooSlow has the scenario login of a project fail in its last step.
func tooSlow(t *testing.T, dir string) {
	t.Helper()
	file := filepath.Join(dir, pipelineScenarios[1])
	text := read(t, file)
	changed := strings.Replace(text, "within: 2s", "within: 1ns", 1)
	if changed == text {
		t.Fatal("the scenario has no such line")
	}
	write(t, file, changed, 0o600)
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func write(t *testing.T, name, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// pipelineFile is an example with its relying party on a port that is free.
func pipelineFile(t *testing.T, name string) string {
	t.Helper()
	_, port, _ := strings.Cut(freeAddress(t), ":")
	return strings.ReplaceAll(read(t, filepath.Join("ci", name)), "8080", port)
}

func parseYAML(t *testing.T, name, text string) *source.Node {
	t.Helper()
	errs := &diag.Errors{}
	node := source.Read(source.NewFile(name, []byte(text)), []byte(text), errs)
	if err := errs.Sorted(); err != nil {
		t.Fatal(err)
	}
	return node
}

// A pipeline that stands in examples is the one that passrig writes for the same project.
func TestPipelinesAreWhatInitWrites(t *testing.T) {
	t.Parallel()
	for system, files := range map[string][2]string{
		"github":  {"github.yml", ".github/workflows/passrig.yml"},
		"gitlab":  {"gitlab-ci.yml", ".gitlab-ci.yml"},
		"jenkins": {"Jenkinsfile", "Jenkinsfile"},
	} {
		dir := project(t)
		if code, _, stderr := passrig(t, "init", "ci", dir, "--for", system); code != 0 {
			t.Fatal(stderr)
		}
		if diff := cmp.Diff(read(t, filepath.Join(dir, files[1])), read(t, filepath.Join("ci", files[0]))); diff != "" {
			t.Errorf("examples/ci/%s is not what passrig init ci writes (-written +example):\n%s", files[0], diff)
		}
	}
}

// machine runs the scripts of one job, as the machine does that a CI system starts for it.
type machine struct {
	t      *testing.T
	dir    string
	env    map[string]string
	groups []int // of processes
}

func newMachine(t *testing.T, dir string) *machine {
	t.Helper()
	m := &machine{t: t, dir: dir, env: map[string]string{"PATH": os.Getenv("PATH"), "HOME": t.TempDir(), "TMPDIR": t.TempDir()}}
	t.Cleanup(m.stop)
	return m
}

// run runs a script with a shell and returns its exit code and what it wrote.
func (m *machine) run(script string, shell ...string) (code int, output string) {
	m.t.Helper()
	file := filepath.Join(m.t.TempDir(), "script.sh")
	write(m.t, file, script, 0o600)
	ctx, cancel := context.WithTimeout(m.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, shell[0], append(shell[1:], file)...)
	cmd.Dir = m.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	for name, value := range m.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.groups = append(m.groups, cmd.Process.Pid)
	err := cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), out.String()
	}
	if err != nil {
		m.t.Fatal(err)
	}
	return 0, out.String()
}

// stop ends what the scripts have left running.
func (m *machine) stop() {
	for _, group := range m.groups {
		_ = syscall.Kill(-group, syscall.SIGKILL) // most are gone
	}
	m.groups = nil
}

// wantRun wants the result of all scenarios of the pipelines.
func wantRun(t *testing.T, file string, verdict report.Verdict) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	run, err := report.Load(f)
	if err != nil {
		t.Fatal(err)
	}
	if run.Verdict() != verdict || len(run.Scenarios) != len(pipelineScenarios) {
		t.Errorf("%s: %s, %d scenarios; want %s, %d", file, run.Verdict(), len(run.Scenarios), verdict, len(pipelineScenarios))
	}
}

func wantFiles(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// gitlab runs jobs as GitLab does.
type gitlab struct {
	t    *testing.T
	file *source.Node
	url  string
}

// script runs a job's script in a project's directory.
func (g *gitlab) script(job, dir string, variables map[string]string) (int, string) {
	g.t.Helper()
	var lines []string
	for _, item := range g.file.Get(job).Get("script").Items {
		lines = append(lines, item.Value)
	}
	if len(lines) == 0 {
		g.t.Fatalf("there is no job %s", job)
	}
	m := newMachine(g.t, dir)
	defer m.stop()
	maps.Copy(m.env, variables)
	m.env["CI_API_V4_URL"], m.env["CI_PROJECT_ID"], m.env["CI_DEFAULT_BRANCH"], m.env["CI_JOB_TOKEN"] = g.url, "7", "trunk", "a-token"
	return m.run(strings.Join(lines, "\n"), "bash", "-eo", "pipefail")
}

// play runs the pipeline and returns the exit codes of its scenarios and of its result.
func (g *gitlab) play(dir string) (codes []int, log string) {
	g.t.Helper()
	matrix := g.file.Get("passkeys").Get("parallel").Get("matrix").Item(0).Get("SCENARIO")
	for i, scenario := range matrix.Items {
		code, out := g.script("passkeys", dir, map[string]string{"SCENARIO": scenario.Value, "CI_NODE_INDEX": strconv.Itoa(i + 1)})
		codes, log = append(codes, code), log+out
	}
	code, out := g.script("passkeys-result", dir, nil)
	return append(codes, code), log + out
}

func TestGitLabPipeline(t *testing.T) {
	t.Parallel()
	before := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Job-Token") != "a-token" || r.URL.String() != "/projects/7/jobs/artifacts/trunk/raw/public/run.json?job=passkeys-result" || before == "" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(before))
	}))
	defer server.Close()
	g := &gitlab{t: t, file: parseYAML(t, "gitlab-ci.yml", pipelineFile(t, "gitlab-ci.yml")), url: server.URL}

	dir := project(t)
	codes, log := g.play(dir)
	if !slices.Equal(codes, []int{0, 0, 0}) || !strings.Contains(log, "there is no result of trunk") {
		t.Fatalf("exit codes %v\n%s", codes, log)
	}
	wantFiles(t, dir, "shards/1.xml", "shards/2.xml", "public/index.html", "public/badge.svg")
	wantRun(t, filepath.Join(dir, "public", "run.json"), report.VerdictPass)
	if code, log := g.script("pages", dir, nil); code != 0 {
		t.Error(log)
	}

	before = read(t, filepath.Join(dir, "public", "run.json"))
	dir = project(t)
	tooSlow(t, dir)
	codes, log = g.play(dir)
	if !slices.Equal(codes, []int{0, 1, 1}) {
		t.Errorf("exit codes %v\n%s", codes, log)
	}
	wantRun(t, filepath.Join(dir, "public", "run.json"), report.VerdictFail)
}

func TestJenkinsPipeline(t *testing.T) {
	t.Parallel()
	text := pipelineFile(t, "Jenkinsfile")
	script := regexp.MustCompile(`(?s)script: '''(.*?)'''`).FindStringSubmatch(text)
	if script == nil {
		t.Fatal("there is no script")
	}
	for _, name := range []string{"junit testResults: 'passrig-out/junit.xml'", "archiveArtifacts artifacts: 'passrig-out/**, rp.log'"} {
		if !strings.Contains(text, name) {
			t.Errorf("%s is missing", name)
		}
	}
	if strings.Count(text, "{") != strings.Count(text, "}") {
		t.Error("braces are not balanced")
	}
	for verdict, want := range map[report.Verdict]int{report.VerdictPass: 0, report.VerdictFail: 1} {
		dir := project(t)
		if want != 0 {
			tooSlow(t, dir)
		}
		m := newMachine(t, dir)
		if code, log := m.run(script[1], "sh", "-xe"); code != want {
			t.Fatalf("exit code %d\n%s", code, log)
		}
		m.stop()
		wantFiles(t, dir, "passrig-out/junit.xml", "passrig-out/report.html")
		wantRun(t, filepath.Join(dir, "passrig-out", "run.json"), verdict)
	}
}
