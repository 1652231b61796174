package terminal_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mattn/go-runewidth"
	"pgregory.net/rapid"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/report/comparison"
	"github.com/passrig/passrig/report/internal/golden"
	"github.com/passrig/passrig/report/terminal"
)

func compared(t *testing.T, old, recent []*report.Run) *comparison.Comparison {
	t.Helper()
	side := func(name string, runs []*report.Run) (list []comparison.Input) {
		for _, run := range runs {
			list = append(list, comparison.Input{Name: name + ".json", Run: run})
		}
		return list
	}
	c, err := comparison.Compare(side("old", old), side("new", recent),
		comparison.Options{Confidence: comparison.DefaultConfidence, Noise: comparison.DefaultNoise, Force: true})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// slower is a run whose logins take twice as long and fail more often, and whose sign-ups are the same.
func slower(t *testing.T) *report.Run {
	t.Helper()
	run := golden.Load(t, "load")
	for _, name := range []string{"login.total", "login.result"} {
		d, err := run.Metrics[name].Distribution()
		if err != nil {
			t.Fatal(err)
		}
		h := report.NewHistogram()
		for _, b := range d {
			for range b.Count {
				h.Observe(2 * time.Duration(b.To))
			}
		}
		run.Metrics[name] = h.Metric()
	}
	for _, name := range []string{"load.failed", "login.failed"} {
		run.Metrics[name] = report.Metric{Unit: report.UnitCount, Count: 40, Of: 1000}
	}
	run.Thresholds[1].Verdict, run.Thresholds[1].Actual = report.VerdictFail, "4%"
	return run
}

// comparisons are what the views are tested with: everything that can happen to a verdict, figures that got worse (and
// better, looked at the other way round), nothing, and several runs of a side.
func comparisons(t *testing.T) map[string]*comparison.Comparison {
	t.Helper()
	mixed := golden.Load(t, "mixed")
	other := golden.Load(t, "mixed")
	for i := range other.Steps {
		s := &other.Steps[i]
		switch s.Verdict {
		case report.VerdictFail, report.VerdictError:
			s.Verdict, s.Message, s.Hint = report.VerdictPass, "", ""
		case report.VerdictPass:
			s.Verdict, s.Message, s.Hint = report.VerdictFail, "not any more", "see what the RP logged"
			if s.Action == "delete" {
				s.Verdict, s.Message = report.VerdictError, "no answer \x1b[31m within 5s"
			}
		case report.VerdictWarn:
			s.Verdict = report.VerdictSkip
		case report.VerdictSkip, report.VerdictInfo:
		}
	}
	other.Checks = other.Checks[1:]
	runs := func(names ...string) (list []*report.Run) {
		for _, name := range names {
			list = append(list, golden.Load(t, name))
		}
		return list
	}
	matrix := golden.Load(t, "matrix")
	for i := range matrix.Matrix.Cells {
		c := &matrix.Matrix.Cells[i]
		for j := range c.Facets {
			switch r := &c.Facets[j]; {
			case c.Party == "passport" && r.Facet == "deletion":
				r.Verdict, r.Reason, r.Hint = report.VerdictPass, "", ""
			case c.Party == "demo/api" && r.Facet == "login":
				r.Verdict, r.Reason, r.Hint = report.VerdictFail, "the RP said no \x1b[31m: status 400", "see what the RP logged"
			}
		}
	}
	matrix.Matrix.Providers = matrix.Matrix.Providers[1:]
	return map[string]*comparison.Comparison{
		"matrix":   compared(t, runs("matrix"), []*report.Run{matrix}),
		"verdicts": compared(t, []*report.Run{mixed}, []*report.Run{other}),
		"slower":   compared(t, runs("load"), []*report.Run{slower(t)}),
		"faster":   compared(t, []*report.Run{slower(t)}, runs("load")),
		"same":     compared(t, runs("load"), runs("load")),
		"several":  compared(t, runs("pass", "pass", "pass"), runs("pass", "partial")),
	}
}

func writeComparison(t *testing.T, c *comparison.Comparison, opts terminal.Options) string {
	t.Helper()
	var out bytes.Buffer
	if err := terminal.WriteComparison(&out, c, opts); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestComparisonGolden(t *testing.T) {
	for name, c := range comparisons(t) {
		for variant, opts := range map[string]terminal.Options{
			"plain": {Width: 100}, "color": {Width: 100, Color: true}, "narrow": {Width: 48}, "quiet": {Width: 100, Quiet: true},
		} {
			t.Run(name+"/"+variant, func(t *testing.T) {
				golden.Check(t, *update, "compare-"+name+"."+variant+".txt", []byte(writeComparison(t, c, opts)))
			})
		}
	}
}

func TestComparisonFitsAndColorSaysNothing(t *testing.T) {
	for name, c := range comparisons(t) {
		for columns := 40; columns <= 120; columns += 8 {
			bare := writeComparison(t, c, terminal.Options{Width: columns})
			lines := strings.Split(strings.TrimSpace(bare), "\n")
			for _, line := range lines[:len(lines)-1] {
				if w := (&runewidth.Condition{StrictEmojiNeutral: true}).StringWidth(line); w > columns {
					t.Errorf("%s: %d columns wide, limit %d: %q", name, w, columns, line)
				}
			}
			colored := writeComparison(t, c, terminal.Options{Width: columns, Color: true})
			if diff := cmp.Diff(bare, sgr.ReplaceAllString(colored, "")); diff != "" {
				t.Error(diff)
			}
		}
	}
}

func TestHostileComparison(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.StringMatching("[\\x00-\\x1f\u202e<>&\\]|:a-z ]{0,40}")
		c := &comparison.Comparison{
			Old:     []comparison.Side{{File: text.Draw(rt, "file"), Name: text.Draw(rt, "name")}},
			New:     []comparison.Side{{File: "new.json", Verdict: report.VerdictPass}},
			Notes:   []string{text.Draw(rt, "note")},
			Changes: []comparison.Change{{Of: comparison.OfStep, ID: text.Draw(rt, "id"), Title: text.Draw(rt, "title"), Change: comparison.Gone, Message: text.Draw(rt, "message"), Mixed: text.Draw(rt, "mixed")}},
			Metrics: []comparison.Metric{{Name: text.Draw(rt, "metric"), Unit: report.UnitNanoseconds, Statistics: []comparison.Statistic{{Name: "p50", Verdict: comparison.Slower}}}},
		}
		var out bytes.Buffer
		if err := terminal.WriteComparison(&out, c, terminal.Options{Width: 80}); err != nil {
			rt.Fatal(err)
		}
		if strings.ContainsAny(strings.ReplaceAll(out.String(), "\n", ""), "\x00\x07\x08\x1b\r\u202e") {
			rt.Errorf("%q", out.String())
		}
	})
}
