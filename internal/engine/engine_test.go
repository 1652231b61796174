package engine_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/passrig/passrig/internal/demorp/demorptest"
	"github.com/passrig/passrig/internal/engine"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual/fabric"
	knowledge "github.com/passrig/passrig/virtual/providers"
)

func providers() []string {
	catalogue, err := knowledge.Builtin()
	if err != nil {
		panic(err)
	}
	return catalogue.Names()
}

// load reads a scenario: a builtin's name, or the text itself.
func load(t *testing.T, scenario, origin string) *scenarios.File {
	t.Helper()
	opts := scenarios.Options{Adapter: "passrig-demo", Origin: origin, Providers: providers()}
	name := scenario
	if strings.Contains(scenario, "\n") {
		name = "test.yaml"
		opts.ReadFile = func(string) ([]byte, error) { return []byte(scenario), nil }
	}
	file, err := scenarios.Load(name, opts)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func run(t *testing.T, seed uint64, files ...*scenarios.File) *report.Run {
	t.Helper()
	result, err := engine.Run(t.Context(), engine.Config{
		Files: files, Seed: seed, Clock: time.Now, LookupEnv: os.LookupEnv, ReadFile: os.ReadFile,
		KDF: fabric.KDF{Time: 1, MemoryKiB: 64, Threads: 1}, // nobody guesses these PINs
	})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func explain(r *report.Run) string {
	var b strings.Builder
	for _, s := range r.Steps {
		b.WriteString("\n" + s.ID + " " + string(s.Verdict) + " " + s.Title + ": " + s.Message)
		if s.Verdict != report.VerdictPass {
			b.WriteString(" (expected " + s.Expected + ", actual " + s.Actual + ")")
		}
	}
	for _, t := range r.Thresholds {
		b.WriteString("\n" + t.Text + ": " + string(t.Verdict) + " " + t.Actual)
	}
	return b.String()
}

func TestBuiltinScenariosPassOnTheDemoRP(t *testing.T) {
	t.Parallel()
	for _, info := range scenarios.Builtins() {
		t.Run(info.Name, func(t *testing.T) {
			t.Parallel()
			file := load(t, "builtin:"+info.Name, demorptest.Start(t, nil))
			if file.Load != nil {
				return // a load is played by another package
			}
			result := run(t, 7, file)
			left := slices.ContainsFunc(result.Steps, func(s report.Step) bool {
				return s.Verdict == report.VerdictSkip && !strings.Contains(s.Message, "not run: when")
			})
			if result.Verdict() != report.VerdictPass || left || result.Summary.Errored > 0 {
				t.Errorf("verdict %s, %+v%s", result.Verdict(), result.Summary, explain(result))
			}
			if result.Fabric == nil { // nothing travels
				return
			}
			for _, a := range result.Fabric.Accounts {
				if a.Audit != nil && !a.Audit.Intact {
					t.Errorf("audit log of %s: %s", a.Account, a.Audit.Problem)
				}
			}
		})
	}
}
