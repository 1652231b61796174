package matrix

import (
	"sync"
	"testing"
	"testing/synctest"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/virtual/providers"
)

// newRound is a round of some rows and columns, of which nothing has been played.
func newRound(t *testing.T, rows, columns int) *round {
	t.Helper()
	r := &round{Lab: &Lab{}, ctx: t.Context(), columns: make([]column, columns), cells: make(map[pair]record)}
	r.wake = sync.NewCond(&r.mu)
	for range rows {
		r.Providers = append(r.Providers, Row{Provider: &providers.Provider{}})
	}
	r.Parties = make([]Column, columns)
	return r
}

// Columns take turns, and one that has not answered yet has one cell under way.
func TestTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRound(t, 3, 2)
		for _, want := range []pair{{0, 0}, {0, 1}} {
			if at, ok := r.take(); !ok || at != want {
				t.Errorf("%v %v, want %v", at, ok, want)
			}
		}
		taken := make(chan pair, 1)
		go func() {
			at, _ := r.take()
			taken <- at
		}()
		synctest.Wait()
		select {
		case at := <-taken:
			t.Errorf("%v is played before anybody answered", at)
		default:
		}
		r.answer(1)
		if at := <-taken; at != (pair{1, 1}) {
			t.Errorf("%v after the second column answered", at)
		}
		r.answer(0)
		for _, want := range []pair{{1, 0}, {2, 1}, {2, 0}} {
			if at, ok := r.take(); !ok || at != want {
				t.Errorf("%v %v, want %v", at, ok, want)
			}
		}
		if at, ok := r.take(); ok {
			t.Errorf("%v: there is nothing left", at)
		}
	})
}

// A column is given up when too much of it is left unanswered, and when it is not what its adapter speaks to.
func TestTrust(t *testing.T) {
	t.Parallel()
	response := &report.Response{Status: 200}
	answered := []report.Step{{Verdict: report.VerdictPass, Exchanges: []report.Exchange{{Response: response}}}}
	silent := []report.Step{{Verdict: report.VerdictError, Exchanges: []report.Exchange{{Response: response}, {Error: "too late"}}}}
	foreign := []report.Step{{Verdict: report.VerdictFail, Exchanges: []report.Exchange{{Response: &report.Response{Status: 404}}}}}
	for name, tt := range map[string]struct {
		facets [][]report.Step
		gone   bool
	}{
		"three in a row":              {[][]report.Step{answered, silent, silent, silent}, true},
		"now and then":                {[][]report.Step{silent, answered, answered, answered, answered, silent, answered, answered, answered, answered, silent}, false},
		"every other one":             {[][]report.Step{silent, answered, silent, answered, silent, answered, silent}, true},
		"not what the adapter knows":  {[][]report.Step{foreign}, true},
		"one address that is missing": {[][]report.Step{answered, foreign}, false},
	} {
		r := newRound(t, 1, 1)
		gone := false
		for _, steps := range tt.facets {
			gone = gone || !r.heard(0, steps)
		}
		if gone != tt.gone || gone != (r.columns[0].problem != "") {
			t.Errorf("%s: given up %v, %q", name, gone, r.columns[0].problem)
		}
	}
}

// No two facets of a cell make the same names.
func TestSeedsOfFacets(t *testing.T) {
	t.Parallel()
	if facetSeed(1, "login") == facetSeed(1, "roam") || facetSeed(1, "login") == facetSeed(2, "login") {
		t.Error("one seed for two facets")
	}
}

// The worst step decides, and of several the first.
func TestWorstStepDecides(t *testing.T) {
	t.Parallel()
	steps := []report.Step{
		{ID: "pass", Verdict: report.VerdictPass},
		{ID: "warn", Verdict: report.VerdictWarn},
		{ID: "fail", Verdict: report.VerdictFail},
		{ID: "again", Verdict: report.VerdictFail},
		{ID: "left", Verdict: report.VerdictSkip},
	}
	if got := (&view{}).decide(steps); got == nil || got.ID != "fail" {
		t.Errorf("%+v", got)
	}
}
