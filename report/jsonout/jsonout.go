// Package jsonout writes a run as its result file, the JSON that every other report is made from.
package jsonout

import (
	"encoding/json"
	"fmt"
	"io"

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
	out.Load = loadLists(out.Load)
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

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
