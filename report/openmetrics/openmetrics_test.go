package openmetrics_test

import (
	"bytes"
	"flag"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/passrig/passrig/internal/load/live/livetest"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/report/internal/golden"
	"github.com/passrig/passrig/report/openmetrics"
)

var update = flag.Bool("update", false, "rewrite golden files")

func write(t interface{ Fatal(...any) }, run *report.Run) ([]byte, livetest.Exposition) {
	var out bytes.Buffer
	if err := openmetrics.Write(&out, run); err != nil {
		t.Fatal(err)
	}
	read, err := livetest.Read(out.String())
	if err != nil {
		t.Fatal(err, out.String())
	}
	return out.Bytes(), read
}

func TestGolden(t *testing.T) {
	for name, run := range golden.Each(t) {
		t.Run(name, func(t *testing.T) {
			out, read := write(t, run)
			golden.Check(t, *update, name+".txt", out)
			checkCounts(t, run, read)
		})
	}
}

// checkCounts makes sure that the text tells the same numbers as the run.
func checkCounts(t interface{ Errorf(string, ...any) }, run *report.Run, read livetest.Exposition) {
	want := run.Summarize()
	for word, n := range map[string]int{
		"pass": want.Passed, "fail": want.Failed, "tolerated": want.Tolerated, "warn": want.Warned, "skip": want.Skipped, "error": want.Errored,
	} {
		got := 0.0
		for key, value := range read["passrig_results"] {
			if strings.HasSuffix(key, `,verdict="`+word+`"}`) {
				got += value
			}
		}
		if got != float64(n) {
			t.Errorf("%v of %q, the run has %+v", got, word, want)
		}
	}
	for key, value := range read["passrig_run_verdict"] {
		if is := strings.HasSuffix(key, `,verdict="`+string(run.Verdict())+`"}`); is != (value == 1) {
			t.Errorf("%s is %v, the verdict is %s", key, value, run.Verdict())
		}
	}
}

func TestFigures(t *testing.T) {
	run := golden.Load(t, "mixed")
	_, read := write(t, run)
	for family, samples := range map[string]map[string]float64{
		"passrig_run_complete": {`{target="http://localhost:8080"}`: 1},
		"passrig_threshold_met": {
			`{target="http://localhost:8080",scenario="lifecycle",threshold="login.total.p95 < 300ms"}`: 0,
			`{target="http://localhost:8080",scenario="lifecycle",threshold="register.total.max < 1s"}`: 1,
		},
		"passrig_duration_seconds": {
			`{target="http://localhost:8080",metric="login.total",quantile="0.99"}`: run.Metrics["login.total"].P99 / 1e9,
			`_count{target="http://localhost:8080",metric="login.total"}`:           2,
		},
	} {
		for key, want := range samples {
			if got, ok := read[family][key]; !ok || got != want {
				t.Errorf("%s%s is %v (%v), want %v", family, key, got, ok, want)
			}
		}
	}
	if n := len(read["passrig_threshold_met"]); n != 2 {
		t.Errorf("%d thresholds, but one of three could not be judged", n)
	}
	_, read = write(t, golden.Load(t, "partial"))
	for key, value := range read["passrig_run_complete"] {
		if value != 0 {
			t.Errorf("the partial run is complete: %s", key)
		}
	}
}

// TestLimitedClaimsNothing makes sure that figures of the generator do not pass for those of the relying party.
func TestLimitedClaimsNothing(t *testing.T) {
	_, read := write(t, golden.Load(t, "load-limited"))
	for key := range read["passrig_duration_seconds"] {
		if !strings.Contains(key, `metric="generator.lag"`) {
			t.Errorf("claims %s", key)
		}
	}
	if len(read["passrig_duration_seconds"]) == 0 {
		t.Error("the lag of the generator is missing")
	}
	_, read = write(t, golden.Load(t, "load"))
	if n := read["passrig_iterations_finished"][`_total{target="http://localhost:8080"}`]; n != 1000 {
		t.Errorf("%v iterations finished", n)
	}
}

func TestHostileText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nasty := golden.Texts("# EOF\n", "\"} 1\nx 2", `\n`, "\xff", "\xfe", "\ufffd", strings.Repeat("é", 5_000))
		run := golden.Drawn(t, nasty)
		if rapid.Bool().Draw(t, "load") {
			run.Load = &report.LoadRun{Model: nasty.Draw(t, "model"), Counts: report.LoadCounts{Started: rapid.Int64().Draw(t, "started")}}
			for range run.Steps {
				run.Load.Outcomes = append(run.Load.Outcomes, report.LoadOutcome{
					Operation: nasty.Draw(t, "operation"), Class: nasty.Draw(t, "class"), Expected: rapid.Bool().Draw(t, "expected"), Count: rapid.Int64().Draw(t, "outcomes"),
				})
			}
		}
		_, read := write(t, run)
		checkCounts(t, run, read)
	})
}

// TestOlderReaders makes sure that nothing is in the file that the text format of Prometheus does not have.
func TestOlderReaders(t *testing.T) {
	for _, name := range golden.All() {
		out, _ := write(t, golden.Load(t, name))
		for line := range strings.Lines(string(out)) {
			if kind := strings.Fields(line); kind[0] == "#" && kind[1] == "TYPE" && !slices.Contains([]string{"counter", "gauge", "summary"}, kind[3]) {
				t.Errorf("%s: %s", name, line)
			}
		}
	}
}

func TestWriteErrors(t *testing.T) {
	if err := openmetrics.Write(golden.FullDisk(0), golden.Load(t, "pass")); err == nil {
		t.Error("no error when the disk is full")
	}
}
