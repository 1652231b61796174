package matrix

import (
	"cmp"
	"slices"

	"github.com/passrig/passrig/internal/engine"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/virtual/providers"
)

// Name is what the lab is called.
func (l *Lab) Name() string { return cmp.Or(l.cfg.File.Name, "provider matrix") }

// result is what was played, in the order of rows and columns.
func (r *round) result() *report.Run {
	cfg := &r.cfg
	out := &report.Run{
		Schema: report.Schema, Tool: cfg.Tool, Name: r.Name(), Driver: r.Parties[0].Driver, Seed: cfg.Seed, Params: cfg.Params,
		Started: r.started, Target: r.Parties[0].Target,
		Scenarios: []report.Scenario{}, Checks: []report.Check{}, Steps: []report.Step{}, Thresholds: []report.Threshold{},
		Metrics: map[string]report.Metric{}, Matrix: &report.Matrix{File: cfg.File.Path, Only: cfg.Only.flags(), Jobs: r.Jobs, Resumed: r.resumed},
	}
	m := out.Matrix
	for i := range r.Providers {
		m.Providers = append(m.Providers, r.Providers[i].describe())
	}
	for i := range r.Facets {
		f := &r.Facets[i]
		m.Facets = append(m.Facets, report.MatrixFacet{ID: f.ID, Title: cmp.Or(f.Title, f.ID), Description: f.Description, File: f.Path})
	}
	for i := range r.Parties {
		c := &r.Parties[i]
		p := report.MatrixParty{ID: c.ID, Title: c.Title, Target: c.Target, Driver: c.Driver, Problem: r.columns[i].problem, Hint: r.columns[i].hint}
		if c.Driver == engine.DriverBrowser {
			p.Browser, out.Browser = r.Browser, r.Browser
		}
		for j := range r.Providers {
			if rec, ok := r.cells[pair{j, i}]; ok {
				p.Asks = merge(p.Asks, rec.Asks)
			}
		}
		m.Parties = append(m.Parties, p)
	}
	m.Cells = make([]report.MatrixCell, 0, len(r.cells))
	for i := range r.Providers {
		for j := range r.Parties {
			if rec, ok := r.cells[pair{i, j}]; ok {
				m.Cells = append(m.Cells, rec.Cell)
			}
		}
	}
	out.DurationMS = millis(cfg.Clock().Sub(r.started))
	if r.ctx.Err() != nil && len(m.Cells) < r.Cells() {
		out.Partial = true
		out.Aborted = "interrupted: the cells after that were not played"
	}
	out.Summary = out.Summarize()
	return out
}

// describe is the row for reports.
func (r *Row) describe() report.MatrixProvider {
	p := report.MatrixProvider{
		ID: r.ID(), Title: r.Title, Version: r.Version, Syncs: r.Sync != nil, Assumes: r.Assumes, Devices: r.Devices(),
	}
	for _, f := range r.Facts {
		if f.Certainty == providers.Unverified && slices.Contains(visible(), f.Member) {
			p.Unverified = append(p.Unverified, f.Member)
		}
	}
	return p
}

// visible are the members of a provider's data that bear on what a relying party sees, in the order of their table.
func visible() []string {
	return []string{
		"aaguid", "attachment", "transports", "credential-id-length", "algorithms", "backup-eligible", "backed-up", "counter", "counter-start",
		"discoverable", "attestation", "user-presence", "user-verification", "extensions", "quirks", "sync.index-delay",
		"signals.unknown", "signals.all-accepted", "signals.details",
	}
}
