// Package ndjson writes a run as a stream of events, one JSON object a line, for log collectors and for programs that
// read a line at a time (<https://github.com/ndjson/ndjson-spec>).
//
// Each line can be read without the others: it has the schema, a type, the time and the start of its run. The member that
// is named like the type has the rest, in the words of the result file. The first line is of the type run and the last of
// the type summary, so a stream without a summary was cut off. Evidence (decoded ceremonies, exchanges, pages, histograms)
// stays in the result file: lines are meant to be searched and counted, and collectors cut long ones.
package ndjson

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/passrig/passrig/report"
)

// Schema names the version of the events. Within one version types and members are only added, so a reader has to leave
// out what it does not know.
const Schema = "passrig/events/1"

// event is a line. One of the members at its end is there, the one that is named like the type.
type event struct {
	Schema string `json:"schema"`
	Type   string `json:"type"`
	Time   string `json:"time"`       // RFC 3339: when it ended, of a run when it began; the end of the run where that is not known
	Run    string `json:"runStarted"` // RFC 3339: the same in all lines of a run

	Header    *header               `json:"run,omitempty"`
	Scenario  *report.Scenario      `json:"scenario,omitempty"`
	Step      *report.Step          `json:"step,omitempty"`
	Check     *report.Check         `json:"check,omitempty"`
	Threshold *report.Threshold     `json:"threshold,omitempty"`
	Metric    *metric               `json:"metric,omitempty"`
	Load      *report.LoadRun       `json:"load,omitempty"` // its series is empty: see Second
	Second    *report.LoadSecond    `json:"second,omitempty"`
	Account   *report.FabricAccount `json:"account,omitempty"`
	Study     *report.Study         `json:"study,omitempty"`
	Matrix    *report.Matrix        `json:"matrix,omitempty"` // its cells are empty: see Cell
	Cell      *cell                 `json:"cell,omitempty"`
	Cause     *incompatibility      `json:"incompatibility,omitempty"`
	Summary   *summary              `json:"summary,omitempty"`
}

// header is what the run was.
type header struct {
	Tool    report.Tool   `json:"tool"`
	Name    string        `json:"name,omitempty"`
	Driver  string        `json:"driver"`
	Browser string        `json:"browser,omitempty"`
	Target  report.Target `json:"target"`
	Seed    uint64        `json:"seed"`
	Suite   *report.Suite `json:"suite,omitempty"`
}

// cell is what one facet came to in one cell of a matrix.
type cell struct {
	Provider string `json:"provider"`
	Party    string `json:"party"`
	Seed     uint64 `json:"seed"` // of the cell
	report.MatrixResult
}

// incompatibility is one cause for which cells of a matrix did not pass.
type incompatibility struct {
	Party     string         `json:"party"`
	Facet     string         `json:"facet,omitempty"` // all that was judged, where there is none
	Verdict   report.Verdict `json:"verdict"`
	Sentence  string         `json:"sentence"`
	Providers []string       `json:"providers"`
	Of        int            `json:"of"`
}

// metric has the name that is a key in the result file. Times are in nanoseconds, as the unit says.
type metric struct {
	Name string `json:"name"`
	report.Metric
}

// summary is how the run ended.
type summary struct {
	Verdict    report.Verdict `json:"verdict"`
	Partial    bool           `json:"partial"`
	Aborted    string         `json:"aborted,omitempty"`
	DurationMS float64        `json:"durationMs"`
	Caveats    []string       `json:"caveats,omitempty"`
	report.Summary
}

// Write writes the run as events. Each scenario is followed by its steps and thresholds, in the order they ran.
func Write(w io.Writer, run *report.Run) error {
	enc := json.NewEncoder(w) // it writes no line break but the one after each value
	enc.SetEscapeHTML(false)
	s := stream{run: run, end: run.DurationMS}
	s.header()
	s.results()
	s.metrics()
	s.load()
	s.fabric()
	s.matrix()
	s.add(event{Type: "summary", Summary: &summary{
		Verdict: run.Verdict(), Partial: run.Partial, Aborted: run.Aborted, DurationMS: run.DurationMS, Caveats: run.Caveats(), Summary: run.Summary,
	}}, s.end)
	for i := range s.events {
		if err := enc.Encode(&s.events[i]); err != nil {
			return fmt.Errorf("write event %d (%s): %w", i+1, s.events[i].Type, err)
		}
	}
	return nil
}

// stream collects the events of a run.
type stream struct {
	run    *report.Run
	end    float64 // of the run, in milliseconds since its start
	events []event
}

// add adds an event with what all of them have. It was so many milliseconds after the start of the run.
func (s *stream) add(e event, ms float64) {
	e.Schema, e.Time, e.Run = Schema, s.run.At(ms).Format(time.RFC3339Nano), s.run.At(0).Format(time.RFC3339Nano)
	s.events = append(s.events, e)
}

func (s *stream) header() {
	run := s.run
	s.add(event{Type: "run", Header: &header{
		Tool: run.Tool, Name: run.Name, Driver: run.Driver, Browser: run.Browser, Target: run.Target, Seed: run.Seed, Suite: run.Suite,
	}}, 0)
}

// results are scenarios with what belongs to them, and then what belongs to none.
func (s *stream) results() {
	run := s.run
	placed := map[string]bool{}
	for i := range run.Scenarios {
		sc := &run.Scenarios[i]
		s.add(event{Type: "scenario", Scenario: sc}, sc.StartMS+sc.DurationMS)
		if placed[sc.ID] {
			continue
		}
		placed[sc.ID] = true
		s.of(func(scenario string) bool { return scenario == sc.ID })
	}
	s.of(func(scenario string) bool { return !placed[scenario] })
	for i := range run.Checks {
		c := run.Checks[i]
		c.Evidence = nil
		s.add(event{Type: report.ResultCheck, Check: &c}, s.end)
	}
}

// of adds the steps and thresholds of some scenarios.
func (s *stream) of(belongs func(scenario string) bool) {
	for i := range s.run.Steps {
		if step := s.run.Steps[i]; belongs(step.Scenario) {
			s.add(event{Type: report.ResultStep, Step: withoutEvidence(step)}, step.StartMS+step.DurationMS)
		}
	}
	for i := range s.run.Thresholds {
		if t := &s.run.Thresholds[i]; belongs(t.Scenario) {
			s.add(event{Type: report.ResultThreshold, Threshold: t}, s.end)
		}
	}
}

// withoutEvidence leaves the phases of a step's ceremony and whose credential it was.
func withoutEvidence(step report.Step) *report.Step {
	step.Exchanges, step.Page = nil, nil
	if c := step.Ceremony; c != nil {
		step.Ceremony = &report.Ceremony{Kind: c.Kind, Phases: c.Phases, CredentialID: c.CredentialID, ClientError: c.ClientError}
	}
	return &step
}

func (s *stream) metrics() {
	for _, name := range slices.Sorted(maps.Keys(s.run.Metrics)) {
		m := metric{Name: name, Metric: s.run.Metrics[name]}
		m.Histogram = ""
		s.add(event{Type: "metric", Metric: &m}, s.end)
	}
}

func (s *stream) load() {
	if s.run.Load == nil {
		return
	}
	load := *s.run.Load
	load.Series = []report.LoadSecond{}
	s.add(event{Type: "load", Load: &load}, s.end)
	for i := range s.run.Load.Series {
		second := &s.run.Load.Series[i]
		s.add(event{Type: "second", Second: second}, float64(second.Second+1)*1000)
	}
}

func (s *stream) fabric() {
	if s.run.Fabric == nil {
		return
	}
	for i := range s.run.Fabric.Accounts {
		s.add(event{Type: "account", Account: &s.run.Fabric.Accounts[i]}, s.end)
	}
	if study := s.run.Fabric.Study; study != nil {
		s.add(event{Type: "study", Study: study}, s.end)
	}
}

// matrix is its rows, columns and facets, an event for each facet of each cell, and one for each cause of what did not pass.
func (s *stream) matrix() {
	if s.run.Matrix == nil {
		return
	}
	m := *s.run.Matrix
	m.Cells = []report.MatrixCell{}
	s.add(event{Type: "matrix", Matrix: &m}, s.end)
	for i := range s.run.Matrix.Cells {
		c := &s.run.Matrix.Cells[i]
		for _, r := range c.Facets {
			r.Steps = nil
			s.add(event{Type: report.ResultCell, Cell: &cell{c.Provider, c.Party, c.Seed, r}}, c.StartMS+c.DurationMS)
		}
	}
	for _, i := range s.run.Matrix.Incompatibilities() {
		cause := incompatibility{i.Party, i.Facet, i.Verdict, i.Sentence, i.Providers, i.Of}
		s.add(event{Type: "incompatibility", Cause: &cause}, s.end)
	}
}
