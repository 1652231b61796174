package golden

import (
	"fmt"
	"time"

	"github.com/passrig/passrig/report"
)

// MatrixRuns are the names of hand-made runs of matrices: one that went well, one of which a part failed, could not be
// told, did not apply or was not played, with a name that is hostile.
func MatrixRuns() []string { return []string{"matrix-pass", "matrix"} }

// Matrix is a finished run of a matrix of any size in which everything passed: providers "p0", …, relying parties "r0", …,
// and facets "f0", …. Result changes what one facet came to in one cell; it may be nil.
func Matrix(providers, parties, facets int, result func(provider, party, facet int, r *report.MatrixResult)) *report.Run {
	m := &report.Matrix{Jobs: 4}
	for i := range providers {
		m.Providers = append(m.Providers, report.MatrixProvider{ID: fmt.Sprintf("p%d@1", i), Title: fmt.Sprintf("Provider %d", i), Version: "1", Syncs: true})
	}
	for i := range parties {
		m.Parties = append(m.Parties, report.MatrixParty{
			ID: fmt.Sprintf("r%d", i), Title: fmt.Sprintf("Party %d", i), Driver: "api",
			Target: report.Target{Adapter: "passrig-demo", Origin: fmt.Sprintf("http://localhost:%d", 8000+i)},
		})
	}
	for i := range facets {
		m.Facets = append(m.Facets, report.MatrixFacet{ID: fmt.Sprintf("f%d", i), Title: fmt.Sprintf("Facet %d", i), File: fmt.Sprintf("builtin:matrix/f%d", i)})
	}
	for i := range providers {
		for j := range parties {
			c := report.MatrixCell{Provider: m.Providers[i].ID, Party: m.Parties[j].ID, DurationMS: float64(10 * facets)}
			for k := range facets {
				r := report.MatrixResult{Facet: m.Facets[k].ID, Verdict: report.VerdictPass, DurationMS: 10, File: m.Facets[k].File, Line: 20 + k}
				if result != nil {
					result(i, j, k, &r)
				}
				c.Facets = append(c.Facets, r)
			}
			m.Cells = append(m.Cells, c)
		}
	}
	run := &report.Run{
		Schema: report.Schema, Name: "matrix", Driver: "api", Tool: report.Tool{Name: "passrig", Version: "0.1.0"}, Started: time.Unix(1_795_339_800, 0).UTC(),
		DurationMS: 1000, Matrix: m, Metrics: map[string]report.Metric{},
	}
	run.Summary = run.Summarize()
	return run
}
