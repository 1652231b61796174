// Package csvout writes a run as CSV, for a spreadsheet or a database: of a matrix a row for each facet of each cell, and
// of any other run a row for each result.
//
// The format is RFC 4180 in UTF-8 without a byte order mark: a header, lines that end in CRLF, a comma between fields, and
// quotes around those that need them. A spreadsheet takes a cell that begins with =, +, -, @ or a tab for a formula, and the
// texts are what relying parties answered; so such a cell has an apostrophe before its first character, which a program
// that reads the file takes off again. Control characters are written out, as \u001b.
package csvout

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/passrig/passrig/report"
)

// longest is how many bytes of one text are shown: a spreadsheet's cell holds 32767 characters.
const longest = 16 << 10

// Write writes the run. The rows of a matrix are by provider, relying party and facet, in the order of the run; a cell that
// was not played has rows too, without a verdict, or with the verdict error where nothing could be told of its column. Other
// runs have their results in the order of [report.Run.Results].
func Write(w io.Writer, run *report.Run) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	rows := results(run)
	if run.Matrix != nil {
		rows = cells(run.Matrix)
	}
	for _, row := range rows {
		for i := range row {
			row[i] = Cell(row[i])
		}
		if err := out.Write(row); err != nil {
			return fmt.Errorf("write CSV report: %w", err)
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("write CSV report: %w", err)
	}
	return nil
}

// Cell is a text as it stands in a field, apart from its quotes: no spreadsheet takes it for a formula.
func Cell(s string) string {
	s = report.Visible(report.Shorten(s, longest))
	if first := strings.TrimSpace(s); first != "" && strings.ContainsAny(first[:1], "=+-@") || strings.HasPrefix(first, "＝") ||
		strings.HasPrefix(first, "＋") || strings.HasPrefix(first, "－") || strings.HasPrefix(first, "＠") {
		return "'" + s
	}
	return s
}

func cells(m *report.Matrix) [][]string {
	rows := [][]string{{
		"provider", "version", "title", "party", "adapter", "origin", "driver", "browser", "facet", "verdict", "not_applicable", "reason", "expected",
		"actual", "where", "duration_ms",
	}}
	type key struct{ provider, party string }
	played := make(map[key]*report.MatrixCell)
	for i := range m.Cells {
		played[key{m.Cells[i].Provider, m.Cells[i].Party}] = &m.Cells[i]
	}
	for i := range m.Providers {
		for j := range m.Parties {
			p, at := &m.Providers[i], &m.Parties[j]
			c := played[key{p.ID, at.ID}]
			for k := range m.Facets {
				row := []string{p.ID, p.Version, p.Title, at.ID, at.Target.Adapter, at.Target.Origin, at.Driver, at.Browser, m.Facets[k].ID}
				rows = append(rows, append(row, cell(at, &m.Facets[k], m.Result(c, m.Facets[k].ID))...))
			}
		}
	}
	return rows
}

// cell is what a facet came to, from the verdict on.
func cell(at *report.MatrixParty, facet *report.MatrixFacet, r *report.MatrixResult) []string {
	switch {
	case r != nil:
		place := report.Result{File: r.File, Line: r.Line}
		if r.File == "" {
			place.File = facet.File
		}
		return []string{string(r.Verdict), strconv.FormatBool(r.NotApplicable), r.Reason, r.Expected, r.Actual, place.Where(), milliseconds(r.DurationMS)}
	case at.Problem != "":
		return []string{string(report.VerdictError), "false", at.Problem, "", "", facet.File, ""}
	}
	return []string{"", "false", "not played", "", "", facet.File, ""}
}

func results(run *report.Run) [][]string {
	rows := [][]string{{
		"kind", "id", "title", "group", "severity", "verdict", "not_applicable", "tolerated", "reason", "expected", "actual", "basis", "where", "duration_ms",
	}}
	list := run.Results()
	for i := range list {
		r := &list[i]
		rows = append(rows, []string{
			r.Kind, r.ID, r.Title, r.Group, r.Severity, string(r.Verdict), strconv.FormatBool(r.NotApplicable), r.Tolerated, r.Message, r.Expected, r.Actual,
			strings.Join(r.Basis, "; "), r.Where(), milliseconds(r.DurationMS),
		})
	}
	return rows
}

func milliseconds(ms float64) string { return strconv.FormatFloat(max(ms, 0), 'f', 3, 64) }
