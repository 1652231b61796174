package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

func TestLoadErrors(t *testing.T) {
	tests := []struct{ name, in, want, hint string }{
		{"empty", " \n", "run file is empty", "--report json=FILE"},
		{"not JSON", "passrig: 1", "not a passrig run file: it is not a JSON object", "--report json=FILE"},
		{"array", "[]", "not a passrig run file: it is not a JSON object", "--report json=FILE"},
		{"no schema", "{}", "not a passrig run file: it has no schema", `"passrig/run/1"`},
		{"other schema", `{"schema":"sarif"}`, `not a passrig run file: schema is "sarif", want "passrig/run/1"`, ""},
		{"schema number", `{"schema":1}`, `not a passrig run file: schema is "1", want "passrig/run/1"`, ""},
		{"version zero", `{"schema":"passrig/run/0"}`, `not a passrig run file: schema is "passrig/run/0", want "passrig/run/1"`, ""},
		{"newer", `{"schema":"passrig/run/2"}`, "made by a newer passrig: schema passrig/run/2", "update it"},
		{"truncated", `{"schema":"passrig/run/1","tool":{"na`, "run file is truncated at line 1, column 38", "cut off"},
		{"newer, and says which", `{"schema":"passrig/run/2","tool":{"version":"3.1.0"}}`, "made by a newer passrig: schema passrig/run/2", "3.1.0"},
		{"bad JSON", `{"schema":x}`, "not a passrig run file: bad JSON at line 1, column 11: invalid character 'x' looking for beginning of value", "--report"},
		{"two results", `{"schema":"passrig/run/1"} {}`, "not a passrig run file: something follows the result at line 1, column 27", ""},
		{"wrong type", `{"schema":"passrig/run/1","seed":"x"}`, "run file: seed is a string at line 1, column 34, which does not fit", "changed"},
		{"not a number", "{\"schema\":\"passrig/run/1\",\n \"durationMs\": NaN}", "not a passrig run file: bad JSON at line 2, column 16: invalid character 'N' looking for beginning of value", "--report"},
		{"number too large", "{\"schema\":\"passrig/run/1\",\n \"steps\":[{},{\"durationMs\": 1e999}]}", "run file: steps[1].durationMs is a number 1e999 at line 2, column 29, which does not fit", "changed"},
		{"wrong type within", "{\"schema\":\"passrig/run/1\",\n\"matrix\":{\"cells\":[{\"facets\":[{},{\"steps\":7}]}]}}", "run file: matrix.cells[0].facets[1].steps is a number at line 2, column 43, which does not fit", "changed"},
		{"twice", "{\"schema\":\"passrig/run/1\",\n\"seed\":1,\n \"seed\":2}", "run file: seed is there twice, again at line 3, column 2", "changed"},
		{"twice, in other letters", `{"schema":"passrig/run/1","steps":[{"id":"é","\u0069d":"b"}]}`, "run file: steps[0].id is there twice, again at line 1, column 46", "changed"},
		{"schema twice", `{"schema":"passrig/run/1","schema":"passrig/run/1"}`, "run file: schema is there twice, again at line 1, column 27", "changed"},
		{"bad verdict of a cell", `{"schema":"passrig/run/1","matrix":{"cells":[{"facets":[{"verdict":"pass"},{"verdict":"x"}]}]}}`, `run file: matrix.cells[0].facets[1] has verdict "x"`, "pass, fail"},
		{"very deep", strings.Repeat(`{"a":[`, 5000), "not a passrig run file: nested deeper than 100 levels at line 1, column 301", "--report"},
		{"list of tools", `{"schema":"passrig/run/1","tool":[1]}`, "run file: tool is an array at line 1, column 34, which does not fit", "changed"},
		{"bad verdict", `{"schema":"passrig/run/1","steps":[{"verdict":"pass"},{"verdict":"green"}]}`, `run file: steps[1] has verdict "green"`, "pass, fail"},
		{"deep", `{"schema":"passrig/run/1","x":` + strings.Repeat("[", 200), "not a passrig run file: nested deeper than 100 levels at line 1, column 130", "--report"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			run, err := Load(strings.NewReader(tt.in))
			got, ok := errors.AsType[*LoadError](err)
			if !ok || run != nil {
				t.Fatalf("got run %v, error %v", run, err)
			}
			if got.Error() != tt.want || !strings.Contains(got.Hint, tt.hint) {
				t.Errorf("got %q (hint %q), want %q (hint with %q)", got, got.Hint, tt.want, tt.hint)
			}
		})
	}
}

func TestLoadLimitsSize(t *testing.T) {
	in := `{"schema":"passrig/run/1"}` + strings.Repeat(" ", 1<<20)
	if _, err := load(strings.NewReader(in), 1<<20); err == nil || err.Error() != "run file is larger than 1 MiB" {
		t.Errorf("got error %v", err)
	}
	if _, err := load(strings.NewReader(in), int64(len(in))); err != nil {
		t.Error(err)
	}
}

// TestLoadKnowsEveryCut cuts a result after each of its bytes.
func TestLoadKnowsEveryCut(t *testing.T) {
	data, err := os.ReadFile("testdata/runs/pass.json")
	if err != nil {
		t.Fatal(err)
	}
	whole := len(bytes.TrimSpace(data))
	for n := range whole {
		run, err := Load(bytes.NewReader(data[:n]))
		got, ok := errors.AsType[*LoadError](err)
		if !ok || run != nil {
			t.Fatalf("cut at %d: run %v, error %v", n, run, err)
		}
		want := "run file is truncated at " + place(data, int64(n))
		if n == 0 {
			want = "run file is empty"
		}
		if got.Error() != want || got.Hint == "" {
			t.Fatalf("cut at %d: got %q (hint %q), want %q", n, got, got.Hint, want)
		}
	}
}

// TestOthersMayRepeatNames accepts what a relying party sent with a name in it twice.
func TestOthersMayRepeatNames(t *testing.T) {
	in := `{"schema":"passrig/run/1","checks":[{"verdict":"fail","evidence":{"cases":[{"response":{"a":{"b":1,"b":2}}}]}}]}`
	if _, err := Load(strings.NewReader(in)); err != nil {
		t.Error(err)
	}
}

func TestLoadPassesReadErrorsOn(t *testing.T) {
	if _, err := Load(iotest.ErrReader(io.ErrClosedPipe)); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got error %v", err)
	}
}

func TestLoadIsLenientWhereTheSchemaGrows(t *testing.T) {
	run, err := Load(strings.NewReader("\xef\xbb\xbf" + `{"schema":"passrig/run/1","later":{"a":[1]},"steps":[{"verdict":"fail","new":1}]}` + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	if run.Summary.Failed != 1 || ExitCode(run) != ExitFailed {
		t.Errorf("summary was not counted: %+v", run.Summary)
	}
}

func TestLoadCountsAnew(t *testing.T) {
	run, err := Load(strings.NewReader(`{"schema":"passrig/run/1","steps":[{"verdict":"fail"}],"summary":{"passed":1}}`))
	if err != nil {
		t.Fatal(err)
	}
	if run.Summary != (Summary{Failed: 1}) || run.Verdict() != VerdictFail {
		t.Errorf("summary %+v, verdict %s", run.Summary, run.Verdict())
	}
}

func FuzzLoad(f *testing.F) {
	files, err := filepath.Glob("testdata/runs/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"schema":"passrig/run/1","steps":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		run, err := Load(bytes.NewReader(data))
		if (run == nil) == (err == nil) {
			t.Fatalf("run %v with error %v", run, err)
		}
		if err != nil {
			return
		}
		out, err := json.Marshal(run)
		if err != nil {
			t.Fatalf("what was loaded cannot be written: %v", err)
		}
		if _, err := Load(bytes.NewReader(out)); err != nil {
			t.Fatalf("what was written cannot be loaded: %v", err)
		}
	})
}

func TestExitCode(t *testing.T) {
	tests := []struct {
		name    string
		summary Summary
		want    int
	}{
		{"passed", Summary{Passed: 3, Skipped: 1}, 0},
		{"warned", Summary{Passed: 3, Warned: 1}, 0},
		{"failed", Summary{Passed: 3, Failed: 1}, 1},
		{"failed and errored", Summary{Failed: 1, Errored: 5}, 1},
		{"errored", Summary{Passed: 3, Errored: 1}, 3},
		{"only skipped", Summary{Skipped: 4}, 3},
		{"nothing", Summary{}, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, partial := range []bool{false, true} {
				if got := ExitCode(&Run{Summary: tt.summary, Partial: partial}); got != tt.want {
					t.Errorf("partial %v: got %d, want %d", partial, got, tt.want)
				}
			}
		})
	}
}
