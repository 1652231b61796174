package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/passrig/passrig/bench/internal/measure"
)

// result is everything that was measured. Its JSON form is the file beside the tables.
type result struct {
	When    time.Time        `json:"when"`
	CPUs    int              `json:"cpus"`
	Workers int              `json:"workers"`
	Window  float64          `json:"window"` // s
	Tables  []*table         `json:"events"`
	Memory  []weight         `json:"memory"`
	Figures []measure.Figure `json:"figures"`

	Studies      []studyRun       `json:"studies"`
	StudyFigures []measure.Figure `json:"studyFigures"`
}

// table is an event's.
type table struct {
	event

	Rows []*row `json:"contestants"`
}

// row is a contestant's.
type row struct {
	Name    string   `json:"name"`
	What    string   `json:"what"`
	Samples []sample `json:"samples"` // one for each round
}

// sample is a round: of a login, or of a registration.
type sample struct {
	ClientCPU float64 `json:"clientCPU"` // µs
	ServerCPU float64 `json:"serverCPU"` // µs
	Rate      float64 `json:"rate"`      // a second
	RSS       float64 `json:"rss"`       // MiB, of the client
	PeakRSS   float64 `json:"peakRSS"`   // MiB, since its start
}

// weight is passrig's memory.
type weight struct {
	Users    int64   `json:"users"`
	InFlight int     `json:"inFlight"`
	RSS      float64 `json:"rss"`     // MiB
	PeakRSS  float64 `json:"peakRSS"` // MiB
}

func (r *result) enter(e event, all []contestant) *table {
	t := &table{event: e}
	for _, c := range all {
		t.Rows = append(t.Rows, &row{Name: c.name, What: c.what})
	}
	r.Tables = append(r.Tables, t)
	return t
}

// table returns nil for an event that has not been.
func (r *result) table(server, what string) *table {
	i := slices.IndexFunc(r.Tables, func(t *table) bool { return t.Server == server && t.What == what })
	if i < 0 {
		return nil
	}
	return r.Tables[i]
}

// row returns nil for who did not take part.
func (t *table) row(name string) *row {
	if t == nil {
		return nil
	}
	i := slices.IndexFunc(t.Rows, func(w *row) bool { return w.Name == name })
	if i < 0 {
		return nil
	}
	return t.Rows[i]
}

// costs are the processor times of a contestant, in µs.
func (w *row) costs() []float64 {
	return measure.Pick(w.Samples, func(s sample) float64 { return s.ClientCPU })
}

// compare puts two contestants' processor times together, round by round.
func (t *table) compare(one, other string, how func(a, b float64) float64) []float64 {
	a, b := t.row(one), t.row(other)
	if a == nil || b == nil {
		return nil
	}
	var out []float64
	for i := range min(len(a.Samples), len(b.Samples)) {
		out = append(out, how(a.Samples[i].ClientCPU, b.Samples[i].ClientCPU))
	}
	return out
}

func ratio(a, b float64) float64      { return a / b }
func difference(a, b float64) float64 { return a - b }

// judge compares with what is promised.
func (r *result) judge() {
	r.Figures = nil
	add := func(what, unit string, values []float64, atLeast, atMost float64) {
		if len(values) > 0 {
			r.Figures = append(r.Figures, measure.NewFigure(what, unit, values, atLeast, atMost))
		}
	}
	logins := r.table(nullServer, login)
	for _, f := range []struct {
		one, other      string
		atLeast, atMost float64
	}{
		{pooled, floorFast, 0, 1.5},
		{fresh, floorFast, 0, 2.2},
		{general, floorHTTP, 0, 1.25},
		{xk6, pooled, 12, 0},
		{xk6Tuned, pooled, 7, 0},
		{library, pooled, 0, 0},
	} {
		add(fmt.Sprintf("%s / %s", f.one, f.other), "x", logins.compare(f.one, f.other, ratio), f.atLeast, f.atMost)
	}
	registrations := r.table(nullServer, registration)
	add("registration above its requests", "µs", registrations.compare(pooled, floorFast, difference), 0, 35)
	if len(r.Memory) == 2 {
		one, more := r.Memory[0], r.Memory[1]
		add(fmt.Sprintf("memory, %d users, %d in flight", one.Users, one.InFlight), "MiB", []float64{one.RSS}, 0, 64)
		add(fmt.Sprintf("memory, each user above those, up to %d", more.Users), "B", []float64{(more.RSS - one.RSS) * (1 << 20) / float64(more.Users-one.Users)}, 0, 8)
	}
	r.judgeStudies()
}

// save writes the JSON form.
func (r *result) save(path string) error {
	if path == "" {
		return nil
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o600) //nolint:gosec // G703: the file the user names
}
