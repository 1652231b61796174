package matrix

import (
	"slices"
	"strings"
	"time"

	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/internal/engine"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
)

// record is a cell that was played, with what else is to be known of it.
type record struct {
	Cell report.MatrixCell `json:"cell"`
	Asks []report.Asked    `json:"asks,omitempty"` // what the relying party's options asked for
}

// untold says whether something of the cell could not be told.
func (r *record) untold() bool {
	for i := range r.Cell.Facets {
		if r.Cell.Facets[i].Verdict == report.VerdictError {
			return true
		}
	}
	return false
}

// engine is how a column's scenarios are played.
func (l *Lab) engine(c *Column, seed uint64) engine.Config {
	cfg := engine.Config{
		Tool: l.cfg.Tool, Seed: seed, Timeout: l.cfg.Timeout, Clock: l.cfg.Clock, LookupEnv: l.cfg.LookupEnv, ReadFile: l.cfg.ReadFile,
		Providers: l.cfg.Providers, Driver: c.Driver, Unmeasured: true,
	}
	// Nobody guesses these PINs: their clouds live in memory, for as long as a facet. What a real one costs to try would
	// be most of the run.
	cfg.KDF.Time, cfg.KDF.MemoryKiB, cfg.KDF.Threads = 1, 64, 1
	return cfg
}

// cell plays a cell. It is not complete when the run ended meanwhile, or nobody answers.
func (r *round) cell(at pair) (rec record, complete bool) {
	row, column := &r.Providers[at.provider], &r.Parties[at.party]
	began := r.cfg.Clock()
	rec = record{Cell: report.MatrixCell{
		Provider: row.ID(), Party: column.ID, Seed: r.seed(at), StartMS: millis(began.Sub(r.started)),
	}}
	barren := ""  // the facet in which no passkey could be made
	made := false // one was made in a facet before
	for i := range r.Facets {
		f := &r.Facets[i]
		if len(row.Homes) == 0 {
			rec.Cell.Facets = append(rec.Cell.Facets, report.MatrixResult{
				Facet: f.ID, Verdict: report.VerdictSkip, NotApplicable: true, Reason: "its own rules allow passkeys on no device",
			})
			continue
		}
		if barren != "" {
			rec.Cell.Facets = append(rec.Cell.Facets, report.MatrixResult{
				Facet: f.ID, Verdict: report.VerdictSkip, Reason: "not played: no passkey could be made, see " + barren, File: f.Path,
			})
			continue
		}
		result, run, none := r.facet(f, column, row, facetSeed(rec.Cell.Seed, f.ID))
		if r.ctx.Err() != nil {
			return rec, false
		}
		if run != nil {
			if !r.heard(at.party, run.Steps) {
				return rec, false
			}
			rec.Asks = merge(rec.Asks, asked(run.Steps))
			made = made || slices.ContainsFunc(run.Steps, func(s report.Step) bool {
				return s.Action == scenarios.OpRegister && s.Outcome == "accepted"
			})
		}
		rec.Cell.Facets = append(rec.Cell.Facets, result)
		if none && !made {
			barren = report.FacetName(f.ID)
		}
	}
	rec.Cell.DurationMS = millis(r.cfg.Clock().Sub(began))
	return rec, true
}

// facet plays one facet of a cell. run is nil when nothing was played; none says that no passkey can be made.
func (r *round) facet(f *Facet, c *Column, row *Row, seed uint64) (result report.MatrixResult, run *report.Run, none bool) {
	result = report.MatrixResult{Facet: f.ID, Verdict: report.VerdictError, File: f.Path}
	began := r.cfg.Clock()
	defer func() { result.DurationMS = millis(r.cfg.Clock().Sub(began)) }()
	file, err := r.load(f, c, row)
	if err != nil {
		result.Reason = firstOf(err)
		return result, nil, false
	}
	if lacks := file.Lacks(); len(lacks) > 0 {
		result.Verdict, result.Reason = report.VerdictSkip, notOffered(lacks...)
		return result, nil, false
	}
	cfg := r.engine(c, seed)
	if r.Drive != nil {
		cfg = r.Drive(c.Driver, cfg)
	}
	cfg.Files = []*scenarios.File{file}
	if run, err = engine.Run(r.ctx, cfg); err != nil {
		result.Reason = firstOf(err)
		return result, nil, false
	}
	judge(&result, row, file, run, seed)
	return result, run, fruitless(file, run.Steps)
}

// fruitless says whether a facet began with a plain registration that failed, so that all others would fail for its reason.
func fruitless(file *scenarios.File, steps []report.Step) bool {
	first := &file.Steps[0]
	return first.Register != nil && len(first.Register.Tamper) == 0 && first.Expect == nil &&
		slices.ContainsFunc(steps, func(s report.Step) bool {
			return s.Line == first.Pos.Line && s.Action == scenarios.OpRegister && s.Verdict == report.VerdictFail
		})
}

// notOffered is why a facet says nothing of a relying party.
func notOffered(operations ...string) string {
	return "not offered by the adapter: " + strings.Join(operations, ", ")
}

// firstOf is the first mistake of an error that may hold several, with its place.
func firstOf(err error) string {
	if found := diag.From(err); found != nil && len(found.List) > 0 {
		return found.List[0].String()
	}
	return err.Error()
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
