// Package markdown writes a run as a document for a wiki, a merge request or a ticket.
//
// It keeps to GitHub Flavored Markdown (https://github.github.com/gfm/), which GitLab, Gitea and most wikis read too. What
// went wrong comes first. Every text of the run is shown as it is and cannot become markup.
package markdown

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/passrig/passrig/report"
)

// Options fit a document to the place where it is shown. The zero value is a document of its own.
type Options struct {
	Heading int  // level of the first heading, from 1, which 0 means too
	Limit   int  // bytes; 0 is no limit. What comes last is left out first, and a note says so.
	Folded  bool // what is long stands in details elements, which are opened by a click
}

// leastLimit is room for the verdict and the note that the rest was left out.
const leastLimit = 2 << 10

// Write writes the whole document.
func Write(w io.Writer, run *report.Run) error { return WriteTo(w, run, Options{}) }

// WriteTo is [Write] for a certain place. A limit below 2 KiB is taken as 2 KiB. A matrix without a limit has just under
// 1 MiB: its tables grow with its rows times its columns.
func WriteTo(w io.Writer, run *report.Run, opts Options) error {
	if run.Matrix != nil && opts.Limit == 0 {
		opts.Limit = matrixLimit
	}
	if opts.Limit > 0 {
		opts.Limit = max(opts.Limit, leastLimit)
	}
	d := &writer{document: document{opts: opts}, run: run, results: run.Results()}
	d.verdict()
	d.target()
	d.matrix()
	d.trouble()
	d.checks()
	d.thresholds()
	d.latency()
	d.load()
	d.fabric()
	d.tables()
	d.steps()
	if d.full {
		d.text.WriteString(cutNote)
	}
	if _, err := io.WriteString(w, strings.TrimRight(d.text.String(), "\n")+"\n"); err != nil {
		return fmt.Errorf("write Markdown report: %w", err)
	}
	return nil
}

type writer struct {
	document
	run     *report.Run
	results []report.Result
}

func (d *writer) verdict() {
	head, standfirst := d.run.Headline()
	mark := d.run.Verdict().Mark()
	if d.run.Partial && d.run.Verdict() != report.VerdictFail {
		mark = report.VerdictError.Mark() // a pass so far must not look like a pass
	}
	d.heading(0, strings.TrimSuffix(mark+" "+d.run.Name, " ")+": "+head)
	d.paragraph(standfirst)
	s := d.run.Summary
	var parts []string
	for _, c := range []struct {
		n    int
		what string
	}{
		{s.Passed, "passed"},
		{s.Failed, "failed"},
		{s.Errored, "could not be told"},
		{s.Warned, "warned"},
		{s.Skipped, "skipped"},
		{s.Tolerated, "tolerated"},
	} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	if len(parts) > 0 {
		d.paragraph(strings.Join(parts, ", ") + " in " + report.FormatMS(d.run.DurationMS) + ".")
	}
	d.items(d.run.Caveats())
}

func (d *writer) target() {
	run, target := d.run, d.run.Subject()
	rows := [][]string{
		{"Relying party", target.Origin},
		{"Requests to", target.BaseURL},
		{"rp.id", target.RPID},
		{"Adapter", target.Adapter},
		{"Driver", strings.TrimSuffix(run.Driver+", "+run.Browser, ", ")},
		{"Started", run.Started.UTC().Format(time.RFC3339)},
		{"Seed", strconv.FormatUint(run.Seed, 10)},
		{"Tool", strings.TrimSpace(run.Tool.Name + " " + run.Tool.Version)},
	}
	d.heading(1, map[bool]string{false: "Target", true: "Run"}[run.Matrix != nil])
	d.table([]string{"", ""}, 2, slices.DeleteFunc(rows, func(row []string) bool { return row[1] == "" }))
}

// trouble shows in full what failed, what could not be told, and what to look at.
func (d *writer) trouble() {
	results := slices.Clone(d.results)
	place := func(r report.Result) int { return slices.Index(report.Severities(), r.Severity) }
	slices.SortStableFunc(results, func(a, b report.Result) int { return place(a) - place(b) })
	for _, part := range []struct {
		verdict report.Verdict
		title   string
	}{
		{report.VerdictFail, "What failed"},
		{report.VerdictError, "What could not be told"},
		{report.VerdictWarn, "Warnings"},
	} {
		first := true
		for i := range results {
			r := &results[i]
			if r.Verdict != part.verdict || r.Tolerated != "" || r.Kind == report.ResultCell || d.run.Matrix != nil && r.Kind == report.ResultRun { // see causes and verdict
				continue
			}
			if first {
				d.heading(1, part.title)
				first = false
			}
			d.section(2, r.Verdict.Mark()+" "+r.Name(), func() { d.result(r) })
		}
	}
}

func (d *writer) result(r *report.Result) {
	d.paragraph(r.Message)
	d.put(item("Expected", r.Expected) + item("Actual", r.Actual) + item("Hint", r.Hint) + item("Severity", r.Severity) +
		item("Basis", strings.Join(r.Basis, "; ")) + item("At", r.Where()) + "\n")
}

// checks are a table for each severity, the worst first, and in each what needs a look first.
func (d *writer) checks() {
	if len(d.run.Checks) == 0 {
		return
	}
	d.heading(1, "Checks")
	d.suite()
	bySeverity := make(map[string][]report.Result)
	for _, r := range d.results {
		if r.Kind == report.ResultCheck {
			bySeverity[r.Severity] = append(bySeverity[r.Severity], r)
		}
	}
	others := slices.DeleteFunc(slices.Sorted(maps.Keys(bySeverity)), func(s string) bool { return slices.Contains(report.Severities(), s) })
	for _, severity := range slices.Concat(report.Severities(), others) {
		list := bySeverity[severity]
		if len(list) == 0 {
			continue
		}
		slices.SortStableFunc(list, func(a, b report.Result) int {
			switch {
			case a.Verdict.Worse(b.Verdict):
				return -1
			case b.Verdict.Worse(a.Verdict):
				return 1
			}
			return 0
		})
		var rows [][]string
		failed := 0
		for i := range list {
			r := &list[i]
			if r.Failed() {
				failed++
			}
			seen := r.Message
			if seen == "" {
				seen = r.Actual
			}
			rows = append(rows, []string{r.Verdict.Mark() + " " + r.Words(), r.ID, r.Title, r.Group, seen})
		}
		if severity == "" {
			severity = "no severity"
		}
		d.section(2, fmt.Sprintf("%s: %d of %d failed", severity, failed, len(list)), func() {
			d.table([]string{"Verdict", "Check", "", "Ceremony", "What was seen"}, 5, rows)
		})
	}
}

func (d *writer) suite() {
	s := d.run.Suite
	if s == nil {
		return
	}
	if s.Grade != "" {
		d.paragraph("Grade " + s.Grade + " for the whole tier " + s.Tier + ".")
	} else {
		d.paragraph("No grade: not every check of the tier " + s.Tier + " came to a verdict.")
	}
	if len(s.Fixed) > 0 {
		d.paragraph("Known failures that passed this time: " + strings.Join(s.Fixed, ", ") + ".")
	}
}

func (d *writer) thresholds() {
	var rows [][]string
	for _, th := range d.run.Thresholds {
		rows = append(rows, []string{th.Verdict.Mark() + " " + th.Verdict.Words(), th.Text, th.Actual})
	}
	if len(rows) > 0 {
		d.heading(1, "Thresholds")
		d.table([]string{"Verdict", "Threshold", "Actual"}, 2, rows)
	}
}

// latency is a table of the distributions, and one of the counters. Where the generator of a load could not keep up, the
// times are not the relying party's.
func (d *writer) latency() {
	var times, counts [][]string
	for _, name := range slices.Sorted(maps.Keys(d.run.Metrics)) {
		m := d.run.Metrics[name]
		if m.Unit == report.UnitCount {
			share := ""
			if m.Of > 0 {
				share = report.FormatShare(float64(m.Count) / float64(m.Of))
			}
			counts = append(counts, []string{name, strconv.FormatInt(m.Count, 10), share})
			continue
		}
		row := []string{name, strconv.FormatInt(m.Count, 10)}
		for _, ns := range []float64{m.P50, m.P90, m.P95, m.P99, m.Max} {
			cell := "–" // nobody came to be measured
			if m.Count > 0 {
				cell = report.FormatDuration(ns)
			}
			row = append(row, cell)
		}
		times = append(times, row)
	}
	if len(times) > 0 {
		d.heading(1, "Latency")
		if d.run.Load.Limited() {
			d.paragraph("Not claimed: " + d.run.Load.Generator.Limited)
		} else {
			d.table([]string{"Metric", "Count", "p50", "p90", "p95", "p99", "Max"}, 1, times)
		}
	}
	if len(counts) > 0 {
		d.heading(1, "Counts")
		d.table([]string{"Metric", "Count", "Share"}, 1, counts)
	}
}
