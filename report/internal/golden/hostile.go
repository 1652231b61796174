package golden

import (
	"fmt"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/passrig/passrig/report"
)

// Hostile draws a run all of whose texts text makes: [Nasty] or something harmless. The shape of the run, its verdicts and
// IDs do not depend on them, so that two runs of the same draws differ in nothing but their texts.
func Hostile(shape *Shape, text func() string) *report.Run {
	run := &report.Run{
		Schema: report.Schema, Name: text(), Driver: "api", Partial: shape.Partial, Tool: report.Tool{Name: "passrig", Version: text()},
		Target: report.Target{Adapter: text(), Origin: text(), RPID: text()}, Started: time.Unix(0, 0).UTC(), Metrics: map[string]report.Metric{},
	}
	if shape.Partial {
		run.Aborted = text()
	}
	for i, v := range shape.Verdicts {
		id := fmt.Sprintf("s%d", i)
		run.Scenarios = append(run.Scenarios, report.Scenario{ID: id, Name: text(), File: text(), Verdict: v})
		run.Steps = append(run.Steps, report.Step{
			ID: id + "/1", Scenario: id, Title: text(), Verdict: v, Message: text(), Hint: text(), Expected: text(), Actual: text(), File: text(), Line: i,
			Cell: &report.Cell{Row: text(), Column: text()},
		})
		run.Checks = append(run.Checks, report.Check{
			ID: text(), Title: text(), Severity: "high", Ceremony: text(), Verdict: v, Message: text(), Basis: []string{text()}, Hint: text(),
		})
		run.Thresholds = append(run.Thresholds, report.Threshold{Text: text(), Actual: text(), Verdict: v, Scenario: id, Hint: text()})
		run.Metrics[fmt.Sprint(i, text())] = report.Metric{Unit: report.UnitNanoseconds, Count: 1, P50: 1e6}
	}
	run.Fabric = &report.Fabric{Accounts: []report.FabricAccount{{
		Account: text(), Provider: text(), Title: text(), Audit: &report.FabricAudit{Problem: text()},
		Devices: []report.FabricDevice{{Name: text(), Save: report.Eligibility{Reason: text()}}},
	}}}
	run.Load = &report.LoadRun{
		Model: report.LoadOpen, Transport: text(), Counts: report.LoadCounts{Scheduled: 1, Started: 1, Finished: 1},
		Outcomes: []report.LoadOutcome{{Journey: text(), Operation: text(), Class: text(), Count: 1, Example: text()}},
	}
	if shape.Matrix {
		run.Matrix = hostileMatrix(shape, text)
	}
	run.Summary = run.Summarize()
	return run
}

// hostileMatrix is one cell. Which facets have one cause does not depend on the texts.
func hostileMatrix(shape *Shape, text func() string) *report.Matrix {
	m := &report.Matrix{
		Providers: []report.MatrixProvider{{ID: "p@1", Title: text(), Version: text(), Assumes: text(), Devices: []string{text()}, Unverified: []string{text()}}},
		Parties: []report.MatrixParty{{
			ID: "r", Title: text(), Driver: "api", Browser: text(), Target: report.Target{Adapter: text(), Origin: text()}, Asks: []report.Asked{{Name: text(), Value: text()}},
		}},
		Cells: []report.MatrixCell{{Provider: "p@1", Party: "r"}},
	}
	for i, v := range shape.Verdicts {
		id := fmt.Sprintf("f%d", i)
		m.Facets = append(m.Facets, report.MatrixFacet{ID: id, Title: text(), Description: text(), File: text()})
		m.Cells[0].Facets = append(m.Cells[0].Facets, report.MatrixResult{
			Facet: id, Verdict: v, Reason: text() + " " + string(rune('a'+i)), Hint: text(), Expected: text(), Actual: text(), File: text(), Line: i,
		})
	}
	return m
}

// Shape is what a hostile run is like apart from its texts.
type Shape struct {
	Verdicts []report.Verdict // of its steps, checks and thresholds
	Partial  bool
	Matrix   bool
}

// DrawShape draws one.
func DrawShape(t *rapid.T) *Shape {
	verdicts := rapid.SampledFrom([]report.Verdict{
		report.VerdictPass, report.VerdictFail, report.VerdictWarn, report.VerdictInfo, report.VerdictSkip, report.VerdictError,
	})
	return &Shape{rapid.SliceOfN(verdicts, 0, 4).Draw(t, "verdicts"), rapid.Bool().Draw(t, "partial"), rapid.Bool().Draw(t, "matrix")}
}

// Nasty draws texts that mean something to some format, or to what shows it. None is empty.
func Nasty(t *rapid.T) func() string {
	texts := rapid.OneOf(
		rapid.String(),
		rapid.SampledFrom([]string{
			"]]>", "</testcase>", "<!--", "&amp;", "&#64;", "\x00\x1b[31mred\x07", "\ufffe", "\xff\xfe", "a\r\nb", `"'`, "<script>alert(1)</script>",
			"a|b", `\|`, `\`, "`code`", "``", "**bold**", "_i_", "# heading", "- item", "+ item", "> quote", "1. one", "1) one", "===", "---", "| a |",
			"[x](javascript:alert(1))", "![x](http://x)", "~~gone~~", "$x$", "@everyone", "/close", "```\n", "</details>", "<summary>", "\n\n# heading\n",
			"::error::x", "\n::error::x", "%0A::error::x", "##[error]x", "::stop-commands::x", ",file=x", "ok 1", "\nnot ok 2\n", "Bail out!", "# SKIP", "# TODO",
			"  ---", "  ...", "1..0", "\u2028", "\u0085", "\u202e", "\ufeff", strings.Repeat("é|<", 33_000), "日本語",
		}),
	)
	return func() string { return texts.Draw(t, "text") + "x" }
}
