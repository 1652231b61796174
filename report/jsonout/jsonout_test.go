package jsonout_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/report/internal/golden"
	"github.com/passrig/passrig/report/jsonout"
)

// What is loaded and written again is the same, byte for byte: the runs are their own golden files.
func TestWriteIsTheResultFile(t *testing.T) {
	for name, run := range golden.Each(t) {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			if err := jsonout.Write(&got, run); err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile("../testdata/runs/" + name + ".json")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWriteHasNoNullLists(t *testing.T) {
	run := &report.Run{Load: &report.LoadRun{Limit: &report.LoadLimit{}}, Fabric: &report.Fabric{Study: &report.Study{}}}
	one := &report.Run{Matrix: &report.Matrix{Cells: []report.MatrixCell{{}}}, Fabric: &report.Fabric{Accounts: []report.FabricAccount{{Unlock: &report.FabricUnlock{}}}}}
	var got bytes.Buffer
	for _, r := range []*report.Run{one, run} {
		if err := jsonout.Write(&got, r); err != nil {
			t.Fatal(err)
		}
	}
	if bytes.Contains(got.Bytes(), []byte("null")) || !bytes.Contains(got.Bytes(), []byte(`"schema": "passrig/run/1"`)) {
		t.Errorf("got %s", &got)
	}
	if run.Schema != "" || run.Steps != nil || run.Load.Phases != nil || run.Load.Limit.Points != nil ||
		run.Fabric.Accounts != nil || run.Fabric.Study.Kinds != nil || one.Fabric.Accounts[0].Events != nil || one.Fabric.Accounts[0].Unlock.Path != nil ||
		one.Matrix.Cells[0].Facets != nil || one.Matrix.Parties != nil {
		t.Error("the run was changed")
	}
}

func TestWriteErrors(t *testing.T) {
	closed, w := io.Pipe()
	closed.Close()
	if err := jsonout.Write(w, &report.Run{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v, want the writer's error", err)
	}
	if err := jsonout.Write(io.Discard, &report.Run{DurationMS: math.NaN()}); err == nil {
		t.Error("a number that JSON cannot hold was written")
	}
}
