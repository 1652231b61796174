package openmetrics_test

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/passrig/passrig/report/internal/golden"
)

// TestPrometheusReadsIt has every recorded run read by the parser and the linter of Prometheus itself. They are in a module
// of their own, so that nobody who builds passrig needs them.
func TestPrometheusReadsIt(t *testing.T) {
	reader := filepath.Join(t.TempDir(), "promparse")
	build := exec.CommandContext(t.Context(), "go", "build", "-C", filepath.Join("testdata", "promparse"), "-o", reader, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the reader: %v\n%s", err, out)
	}
	read := func(t *testing.T, text []byte) (complaint string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), reader)
		cmd.Stdin = bytes.NewReader(text)
		out, err := cmd.CombinedOutput()
		if (err == nil) != (len(out) == 0) {
			t.Fatalf("%v, %q", err, out)
		}
		return string(out)
	}

	for name, run := range golden.Each(t) {
		t.Run(name, func(t *testing.T) {
			out, _ := write(t, run)
			if complaint := read(t, out); complaint != "" {
				t.Error(complaint)
			}
		})
	}

	good, _ := write(t, golden.Load(t, "load"))
	for name, plant := range map[string]struct{ old, replacement, complaint string }{
		"no end":               {"# EOF\n", "", "data does not end with # EOF"},
		"something after":      {"# EOF\n", "# EOF\na 1\n", "openmetrics:"},
		"quote in a label":     {`adapter="`, `adapter="a"b`, "openmetrics:"},
		"no escape":            {`adapter="`, `adapter="\x`, "text format:"},
		"line break":           {`adapter="`, "adapter=\"a\n", "openmetrics:"},
		"not a number":         {"passrig_run_complete{target=\"http://localhost:8080\"} 1", "passrig_run_complete{target=\"http://localhost:8080\"} yes", "openmetrics:"},
		"unknown type":         {"# TYPE passrig_run_complete gauge", "# TYPE passrig_run_complete meter", "openmetrics:"},
		"unit not in the name": {"# UNIT passrig_run_duration_seconds seconds", "# UNIT passrig_run_duration_seconds bytes", "openmetrics:"},
		"no total":             {"passrig_iterations_failed_total", "passrig_iterations_failed", "lint: passrig_iterations_failed"},
		"no help":              {"# HELP passrig_run_complete 1 when the run came to its end, 0 when it is partial.\n", "", "no help text"},
		"unit of thousandths":  {"passrig_run_duration_seconds", "passrig_run_duration_milliseconds", "openmetrics:"},
		"empty line":           {"# TYPE passrig_run_complete", "\n# TYPE passrig_run_complete", "openmetrics:"},
		"twice": {
			"# TYPE passrig_run_start_time_seconds", "passrig_run_complete{target=\"http://localhost:8080\"} 1\n# TYPE passrig_run_start_time_seconds", "twice",
		},
	} {
		t.Run("planted/"+name, func(t *testing.T) {
			bad := bytes.ReplaceAll(good, []byte(plant.old), []byte(plant.replacement))
			if bytes.Equal(bad, good) {
				t.Fatal("nothing was planted")
			}
			if complaint := read(t, bad); !strings.Contains(complaint, plant.complaint) {
				t.Errorf("got %q, want %q", complaint, plant.complaint)
			}
		})
	}
}
