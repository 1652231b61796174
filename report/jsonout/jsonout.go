// Package jsonout writes a run as its result file, the JSON that every other report is made from.
package jsonout

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/passrig/passrig/report"
)

// Write writes the run as indented JSON of schema [report.Schema], with a newline at the end.
// Members stand in the order of the model and map keys are sorted, so equal runs give equal
// bytes. Lists are never null. [report.Load] reads it back.
func Write(w io.Writer, run *report.Run) error {
	out := *run
	out.Schema = report.Schema
	out.Scenarios = orEmpty(out.Scenarios)
	out.Checks = orEmpty(out.Checks)
	out.Steps = orEmpty(out.Steps)
	out.Thresholds = orEmpty(out.Thresholds)
	out.Load, out.Fabric, out.Matrix = loadLists(out.Load), fabricLists(out.Fabric), matrixLists(out.Matrix)
	if out.Metrics == nil {
		out.Metrics = map[string]report.Metric{}
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false) // for people and diff; nothing embeds this in a page unescaped
	enc.SetIndent("", "  ")
	if err := enc.Encode(&out); err != nil {
		return fmt.Errorf("write result file: %w", err)
	}
	return nil
}

// loadLists is the load without lists that are nil.
func loadLists(load *report.LoadRun) *report.LoadRun {
	if load == nil {
		return nil
	}
	out := *load
	out.Phases, out.Outcomes, out.Series = orEmpty(out.Phases), orEmpty(out.Outcomes), orEmpty(out.Series)
	if load.Limit != nil {
		limit := *load.Limit
		limit.Points = orEmpty(limit.Points)
		out.Limit = &limit
	}
	return &out
}

// fabricLists is the fabric without lists that are nil.
func fabricLists(fabric *report.Fabric) *report.Fabric {
	if fabric == nil {
		return nil
	}
	out := report.Fabric{Accounts: orEmpty(slices.Clone(fabric.Accounts))}
	for i := range out.Accounts {
		a := &out.Accounts[i]
		a.Devices, a.Events = orEmpty(a.Devices), orEmpty(a.Events)
		if a.Unlock != nil {
			unlock := *a.Unlock
			unlock.Path = orEmpty(unlock.Path)
			a.Unlock = &unlock
		}
	}
	if fabric.Study != nil {
		study := *fabric.Study
		study.Kinds = orEmpty(study.Kinds)
		out.Study = &study
	}
	return &out
}

// matrixLists is the matrix without lists that are nil.
func matrixLists(matrix *report.Matrix) *report.Matrix {
	if matrix == nil {
		return nil
	}
	out := *matrix
	out.Providers, out.Parties, out.Facets = orEmpty(out.Providers), orEmpty(out.Parties), orEmpty(out.Facets)
	out.Cells = orEmpty(slices.Clone(out.Cells))
	for i := range out.Cells {
		out.Cells[i].Facets = orEmpty(out.Cells[i].Facets)
	}
	return &out
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
