package cli

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/report/github"
)

// inStep has a pretended process run as a step of GitHub Actions.
func inStep(t *testing.T) (p *process, summary string) {
	t.Helper()
	p = newProcess(t)
	p.env.color, p.env.commands = func(bool) bool { return false }, p.env.Stderr
	summary = filepath.Join(p.env.Dir, "summary.md")
	p.env.LookupEnv = func(name string) (string, bool) {
		v, ok := map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": summary, "GITHUB_WORKSPACE": filepath.Dir(p.env.Dir)}[name]
		return v, ok
	}
	return p, summary
}

// TestSummaryStaysWithinWhatGitHubTakes covers a step that has written much: what is there stays, and what is added fits.
func TestSummaryStaysWithinWhatGitHubTakes(t *testing.T) {
	t.Parallel()
	run := &report.Run{}
	for range 1200 {
		run.Steps = append(run.Steps, report.Step{ID: "s", Scenario: "s", Title: "log in", Verdict: report.VerdictFail, Message: strings.Repeat("x", 1000)})
	}
	run.Summary = run.Summarize()
	for name, test := range map[string]struct {
		before int
		added  bool
	}{
		"nothing":      {0, true},
		"half":         {github.SummaryLimit / 2, true},
		"all but some": {github.SummaryLimit - github.LeastRoom - 2, true},
		"all but less": {github.SummaryLimit - github.LeastRoom - 1, false},
		"everything":   {github.SummaryLimit, false},
		"more":         {2 * github.SummaryLimit, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, summary := inStep(t)
			before := strings.Repeat("b", test.before)
			p.write(t, "summary.md", before)
			if err := p.env.appendSummary(summary, func(w io.Writer, room int) error { return github.WriteWithin(w, run, room) }); err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(summary)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(string(data), before) || len(data) > test.before && len(data) > github.SummaryLimit {
				t.Errorf("%d bytes, %d before", len(data), test.before)
			}
			if added := len(data) > test.before; added != test.added || strings.Contains(p.stderr.String(), "is full") == added {
				t.Errorf("added %v\n%s", added, p.stderr.String())
			}
		})
	}
}

// TestAnnotatedFiles covers that GitHub is told of files by their names in the repository.
func TestAnnotatedFiles(t *testing.T) {
	t.Parallel()
	p, _ := inStep(t)
	within := filepath.Base(p.env.Dir)
	for name, want := range map[string]string{
		"a.yaml": within + "/a.yaml", "sub/a.yaml": within + "/sub/a.yaml", "../a.yaml": "a.yaml",
		filepath.Join(p.env.Dir, "a.yaml"): within + "/a.yaml", "../../a.yaml": "../../a.yaml",
		"-": "", "": "", "builtin:smoke": "",
	} {
		if got := p.env.inRepository(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	p.env.annotate([]github.Annotation{{Level: github.LevelError, File: "builtin:smoke", Line: 3, Message: "m"}})
	if got := p.stderr.String(); got != "::error ::m\n" {
		t.Errorf("got %q", got)
	}
}

// TestNoWorkflowCommandInText covers text that a scenario or a relying party has a say in.
func TestNoWorkflowCommandInText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"::error::a\n \t::add-mask::b\r::c":   ":\\:error::a\n \t:\\:add-mask::b\r:\\:c",
		"\u00a0::a\n\u2003::b":                "\u00a0:\\:a\n\u2003:\\:b",
		"a ::b\n: :c\nd: ::1\n鍵::x":           "a ::b\n: :c\nd: ::1\n鍵:\\:x",
		"says ##[error]x, #[a], ###[b], # #[": "says ##\\[error]x, #[a], ###\\[b], # #[",
		"✓ pass\n\n":                          "✓ pass\n\n",
	} {
		for size := 1; size <= len(text); size++ { // however it is cut into pieces
			var out strings.Builder
			w := &inert{to: &out}
			for rest := text; rest != ""; {
				n, err := w.Write([]byte(rest[:min(size, len(rest))]))
				if err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			if out.String() != want {
				t.Fatalf("%q in pieces of %d: %q, want %q", text, size, out.String(), want)
			}
		}
	}
}
