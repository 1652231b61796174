package markdown_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/report/comparison"
	"github.com/passrig/passrig/report/internal/golden"
	"github.com/passrig/passrig/report/markdown"
)

func compared(t *testing.T, old, recent *report.Run) *comparison.Comparison {
	t.Helper()
	c, err := comparison.Compare([]comparison.Input{{Name: "old.json", Run: old}}, []comparison.Input{{Name: "new|<b>.json", Run: recent}},
		comparison.Options{Confidence: comparison.DefaultConfidence, Noise: comparison.DefaultNoise, Force: true})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// comparisons are of a load that got worse, of a matrix in which something happened, and of runs that are the same.
func comparisons(t *testing.T) map[string]*comparison.Comparison {
	t.Helper()
	slow := golden.Load(t, "load")
	slow.Metrics["login.failed"] = report.Metric{Unit: report.UnitCount, Count: 90, Of: 1000}
	slow.Thresholds[1].Verdict, slow.Thresholds[1].Actual = report.VerdictFail, "9%"
	matrix := golden.Load(t, "matrix")
	for i := range matrix.Matrix.Cells {
		c := &matrix.Matrix.Cells[i]
		if r := &c.Facets[1]; c.Party == "demo/api" {
			r.Verdict, r.Reason = report.VerdictFail, "the RP said <script>no</script> | `x`"
		}
	}
	matrix.Matrix.Providers = matrix.Matrix.Providers[1:]
	return map[string]*comparison.Comparison{
		"load":   compared(t, golden.Load(t, "load"), slow),
		"matrix": compared(t, golden.Load(t, "matrix"), matrix),
		"same":   compared(t, golden.Load(t, "load"), golden.Load(t, "load")),
	}
}

func TestComparisonGolden(t *testing.T) {
	for name, c := range comparisons(t) {
		for variant, opts := range map[string]markdown.Options{"": {}, ".folded": {Heading: 3, Folded: true}} {
			var out bytes.Buffer
			if err := markdown.WriteComparison(&out, c, opts); err != nil {
				t.Fatal(err)
			}
			if bare := strings.ReplaceAll(out.String(), `\<`, ""); strings.Contains(bare, "<script>") || strings.Contains(bare, "<b>") {
				t.Errorf("%s: markup", name)
			}
			golden.Check(t, *update, "compare-"+name+variant+".md", out.Bytes())
		}
	}
}

func TestComparisonKeepsToItsLimit(t *testing.T) {
	t.Parallel()
	for name, c := range comparisons(t) {
		for limit := 2 << 10; limit < 12<<10; limit += 1 << 10 {
			var out bytes.Buffer
			if err := markdown.WriteComparison(&out, c, markdown.Options{Limit: limit, Folded: true}); err != nil {
				t.Fatal(err)
			}
			if out.Len() > limit || !strings.Contains(out.String(), c.Headline()) || strings.Count(out.String(), "<details>") != strings.Count(out.String(), "</details>") {
				t.Errorf("%s: %d bytes of %d", name, out.Len(), limit)
			}
		}
	}
}
