package golden

import (
	"strconv"

	"pgregory.net/rapid"

	"github.com/passrig/passrig/report"
)

// Verdicts draws one of the six.
func Verdicts() *rapid.Generator[report.Verdict] {
	return rapid.SampledFrom([]report.Verdict{
		report.VerdictPass, report.VerdictFail, report.VerdictWarn, report.VerdictInfo, report.VerdictSkip, report.VerdictError,
	})
}

// Texts draws any text, and above all those that mean something to a format: what all of them stumble over, and more.
func Texts(more ...string) *rapid.Generator[string] {
	return rapid.OneOf(rapid.String(), rapid.SampledFrom(append(more, "]]>", "</script>", "::error::", "a|b", "\x00\x1b[31mred\x07", "\xff\xfe", "a\r\nb", `"'`, `\`, "\u2028", "")))
}

// Drawn is a run in which every text is drawn, also IDs, so that they may be empty, occur twice and refer to nothing; only
// those of a matrix are unique.
// [Hostile] is one whose shape does not depend on its texts.
func Drawn(t *rapid.T, texts *rapid.Generator[string]) *report.Run {
	text := func() string { return texts.Draw(t, "text") }
	run := &report.Run{
		Name: text(), Partial: rapid.Bool().Draw(t, "partial"), Aborted: text(), DurationMS: rapid.Float64().Draw(t, "duration"),
		Target: report.Target{Adapter: text(), Origin: text()}, Metrics: map[string]report.Metric{},
	}
	for range rapid.IntRange(0, 4).Draw(t, "steps") {
		run.Scenarios = append(run.Scenarios, report.Scenario{
			ID: text(), Name: text(), File: text(), StartMS: rapid.Float64().Draw(t, "start"), Target: report.Target{Origin: text()},
		})
		run.Steps = append(run.Steps, report.Step{
			ID: text(), Scenario: text(), Title: text(), Verdict: Verdicts().Draw(t, "verdict"), Action: text(), Message: text(), Hint: text(), File: text(),
			Line:      rapid.IntRange(-2, 9).Draw(t, "line"),
			Exchanges: []report.Exchange{{Response: &report.Response{Body: text()}, Curl: text()}},
		})
		run.Checks = append(run.Checks, report.Check{
			ID: text(), Title: text(), Ceremony: text(), Severity: text(), Verdict: Verdicts().Draw(t, "verdict"), Basis: []string{text()}, Tolerated: text(),
		})
		run.Thresholds = append(run.Thresholds, report.Threshold{Text: text(), Verdict: Verdicts().Draw(t, "verdict"), Scenario: text()})
		run.Metrics[text()] = report.Metric{
			Unit: rapid.SampledFrom([]string{report.UnitCount, report.UnitNanoseconds}).Draw(t, "unit"), Count: rapid.Int64Range(-1, 1<<53).Draw(t, "count"),
			Of: rapid.Int64().Draw(t, "of"), Mean: rapid.Float64().Draw(t, "mean"), P99: rapid.Float64().Draw(t, "p99"),
		}
	}
	if rapid.Bool().Draw(t, "matrix") {
		run.Matrix = drawnMatrix(t, text)
	}
	run.Summary = run.Summarize()
	return run
}

func drawnMatrix(t *rapid.T, text func() string) *report.Matrix {
	m := &report.Matrix{}
	for i := range rapid.IntRange(0, 3).Draw(t, "size") {
		id := func() string { return strconv.Itoa(i) + text() } // the model says that they are unique
		m.Providers = append(m.Providers, report.MatrixProvider{ID: id(), Title: text(), Version: text(), Assumes: text(), Unverified: []string{text()}})
		m.Parties = append(m.Parties, report.MatrixParty{ID: id(), Title: text(), Driver: text(), Target: report.Target{Adapter: text(), Origin: text()}})
		m.Facets = append(m.Facets, report.MatrixFacet{ID: id(), Title: text(), Description: text(), File: text()})
	}
	if len(m.Parties) > 0 {
		m.Parties[0].Problem, m.Parties[0].Hint = text(), text()
	}
	for i := range m.Providers {
		for j := range m.Parties {
			if rapid.Bool().Draw(t, "played") {
				c := report.MatrixCell{Provider: m.Providers[i].ID, Party: m.Parties[j].ID}
				for k := range m.Facets {
					r := report.MatrixResult{Facet: m.Facets[k].ID, Verdict: Verdicts().Draw(t, "verdict"), Reason: text(), Hint: text(), File: text(), Line: k}
					r.NotApplicable = r.Verdict == report.VerdictSkip && rapid.Bool().Draw(t, "not applicable")
					c.Facets = append(c.Facets, r)
				}
				m.Cells = append(m.Cells, c)
			}
		}
	}
	return m
}
