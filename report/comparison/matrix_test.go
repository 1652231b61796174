package comparison_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/report/comparison"
	"github.com/passrig/passrig/report/internal/golden"
)

// cellOf is a facet of a cell, to be changed.
func cellOf(run *report.Run, provider, party, facet string) *report.MatrixResult {
	return run.Matrix.Result(run.Matrix.Cell(provider, party), facet)
}

func comparedMatrices(t *testing.T, old, recent *report.Run) *comparison.Comparison {
	t.Helper()
	c, err := comparison.Compare([]comparison.Input{input("old.json", old)}, []comparison.Input{input("new.json", recent)}, options())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func sentences(c *comparison.Comparison) (list []string) {
	for _, g := range c.Groups {
		list = append(list, g.Change+" | "+g.Sentence)
	}
	return list
}

func TestMatrixComparedWithItself(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"matrix", "matrix-pass"} {
		c := comparedMatrices(t, golden.Load(t, name), golden.Load(t, name))
		untold := golden.Load(t, name).Summary.Errored > 0 // which is never "no change"
		other := slices.ContainsFunc(c.Changes, func(ch comparison.Change) bool { return ch.Change != comparison.StillUntold })
		if other || (len(c.Groups) > 0) != untold || c.Regressed || c.Untold {
			t.Errorf("%s: %v %v", name, c.Changes, sentences(c))
		}
	}
}

// TestNewFailuresAreGroupedByCause covers causes that several providers have in common, and those that only one has.
func TestNewFailuresAreGroupedByCause(t *testing.T) {
	t.Parallel()
	recent := golden.Load(t, "matrix-pass")
	m := recent.Matrix
	fail := func(provider int, facet, reason string) {
		r := cellOf(recent, m.Providers[provider].ID, m.Parties[0].ID, facet)
		r.Verdict, r.NotApplicable, r.Reason = report.VerdictFail, false, reason
	}
	fail(0, "login", "the RP said no: credential k3Vn0x2hTzWm")
	fail(1, "login", "the RP said no: credential Qm81xZpLw03d")
	fail(2, "login", "no answer")
	c := comparedMatrices(t, golden.Load(t, "matrix-pass"), recent)
	want := []string{
		"new-failure | passrig demo (api): 2 providers no longer pass login (Bitwarden 2024.1, Bitwarden 2026.3): the RP said no: credential k3Vn0x2hTzWm",
		"new-failure | passrig demo (api): 1 provider no longer passes login (YubiKey 5): no answer",
	}
	if got := sentences(c); !slices.Equal(got, want) {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if !c.Regressed || len(c.Changes) != 3 || c.Changes[0].Of != comparison.OfCell {
		t.Errorf("%+v", c.Changes)
	}
	back := comparedMatrices(t, recent, golden.Load(t, "matrix-pass"))
	if got := sentences(back); back.Regressed || len(got) != 2 || !strings.Contains(got[0], "2 providers no longer fail at login") || !strings.Contains(got[0], "; before: the RP said no") {
		t.Errorf("%q", got)
	}
}

// TestWhatWasNotPlayedCouldNotBeTold covers a relying party that was down, and cells that an interruption left out.
func TestWhatWasNotPlayedCouldNotBeTold(t *testing.T) {
	t.Parallel()
	recent := golden.Load(t, "matrix-pass")
	m := recent.Matrix
	m.Parties[1].Problem = "GET http://localhost:8080/: connection refused"
	m.Cells = slices.DeleteFunc(m.Cells, func(c report.MatrixCell) bool { return c.Party == m.Parties[1].ID })
	c := comparedMatrices(t, golden.Load(t, "matrix-pass"), recent)
	got := sentences(c)
	if c.Regressed || !c.Untold || len(got) != 1 || !strings.Contains(got[0], "3 providers could not be judged at anything") || !strings.Contains(got[0], "connection refused") {
		t.Errorf("%q", got)
	}
	recent = golden.Load(t, "matrix-pass")
	recent.Matrix.Cells, recent.Partial = recent.Matrix.Cells[:5], true
	c = comparedMatrices(t, golden.Load(t, "matrix-pass"), recent)
	if got := sentences(c); c.Regressed || !c.Untold || len(got) != 1 || !strings.Contains(got[0], "it was not played") {
		t.Errorf("%q", got)
	}
}

// TestRowsAndColumnsThatCameAndWent are one change each, and no regression.
func TestRowsAndColumnsThatCameAndWent(t *testing.T) {
	t.Parallel()
	recent := golden.Load(t, "matrix-pass")
	m := recent.Matrix
	gone := m.Providers[0].ID
	m.Cells = slices.DeleteFunc(m.Cells, func(c report.MatrixCell) bool { return c.Provider == gone })
	m.Providers = m.Providers[1:]
	m.Facets = m.Facets[:len(m.Facets)-1]
	for i := range m.Cells {
		m.Cells[i].Facets = m.Cells[i].Facets[:len(m.Facets)]
	}
	m.Parties[1].ID = "demo/other"
	for i := range m.Cells {
		if m.Cells[i].Party == "demo/browser" {
			m.Cells[i].Party = "demo/other"
		}
	}
	c := comparedMatrices(t, golden.Load(t, "matrix-pass"), recent)
	var got []string
	for _, ch := range c.Changes {
		got = append(got, ch.Change+" "+ch.Of+" "+ch.ID)
	}
	want := []string{"gone provider " + gone, "gone relying party demo/browser", "gone facet signals", "appeared relying party demo/other"}
	if !slices.Equal(got, want) || c.Regressed || c.Untold {
		t.Errorf("got %q\nwant %q", got, want)
	}
}
