package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/passrig/passrig/bench/internal/measure"
)

// result is everything that was measured. Its JSON form is the file beside the table.
type result struct {
	When     time.Time        `json:"when"`
	Browser  string           `json:"browser"`
	CPUs     int              `json:"cpus"`
	Contexts int              `json:"contexts"`
	Crowd    int              `json:"crowd"`
	Rows     []*row           `json:"contenders"`
	Figures  []measure.Figure `json:"figures"`
}

// row is a contender's.
type row struct {
	entry
	Name      string           `json:"name"`
	What      string           `json:"what"`
	Version   string           `json:"browserVersion"`
	Rates     map[int][]sample `json:"rates"`               // by the number of contexts, one for each round
	Memory    float64          `json:"memoryPerContext"`    // MB of PSS for each context added
	Anonymous float64          `json:"anonymousPerContext"` // MB of that which are no file's
	Setups    []float64        `json:"setups"`              // ms
	Soak      *soak            `json:"soak,omitempty"`      // of passrig's
	Failed    int              `json:"failed"`              // logins
	Failure   string           `json:"failure,omitempty"`   // the first
	Left      []string         `json:"left,omitempty"`      // after the end
}

// sample is a round.
type sample struct {
	Rate       float64 `json:"rate"`       // logins a second
	BrowserCPU float64 `json:"browserCPU"` // ms a login
	ClientCPU  float64 `json:"clientCPU"`  // ms a login
	PartyCPU   float64 `json:"partyCPU"`   // ms a login, of the relying party
}

// soak is what a contender held, as its logins went on.
type soak struct {
	Logins    int       `json:"logins"`
	After     []float64 `json:"after"`     // logins
	Memory    []float64 `json:"memory"`    // MB of PSS
	Processes []int     `json:"processes"` // of the browser
	Files     []int     `json:"files"`     // open ones
}

func (s *soak) add(after int, u usage) {
	s.After = append(s.After, float64(after))
	s.Memory = append(s.Memory, u.memory)
	s.Processes = append(s.Processes, u.processes)
	s.Files = append(s.Files, u.files)
}

// settledPart is where heaps have reached their size: what grows after it, grows.
func (s *soak) settledPart() int { return len(s.After) / 2 }

// growth is the slope of memory (Theil-Sen, so that one collection of garbage more or less does not
// count), in kB per thousand logins.
func (s *soak) growth() float64 {
	var slopes []float64
	for i := s.settledPart(); i < len(s.After); i++ {
		for j := i + 1; j < len(s.After); j++ {
			if s.After[j] > s.After[i] {
				slopes = append(slopes, (s.Memory[j]-s.Memory[i])/(s.After[j]-s.After[i]))
			}
		}
	}
	return measure.Median(slopes) * 1024 * 1000
}

func newResult(s settings) *result {
	return &result{When: time.Now().UTC(), Browser: s.browser, CPUs: runtime.NumCPU(), Contexts: s.plan.contexts, Crowd: s.plan.crowd}
}

func (r *result) enter(e entry) {
	r.Rows = append(r.Rows, &row{entry: e, Name: e.name, What: e.what, Rates: make(map[int][]sample)})
}

func (r *result) of(c *contender) *row { return r.row(c.name) }

// row returns nil for who did not take part.
func (r *result) row(name string) *row {
	i := slices.IndexFunc(r.Rows, func(row *row) bool { return row.Name == name })
	if i < 0 {
		return nil
	}
	return r.Rows[i]
}

func (r *result) fail(c *contender, why []string) {
	row := r.of(c)
	row.Failed += len(why)
	if row.Failure == "" && len(why) > 0 {
		row.Failure = why[0]
	}
}

func (w *row) add(contexts int, r reply, used usage) {
	n := float64(max(1, r.Logins))
	w.Rates[contexts] = append(w.Rates[contexts], sample{
		Rate: float64(r.Logins) / r.Took * 1000, BrowserCPU: milliseconds(used.browser) / n, ClientCPU: milliseconds(used.client) / n,
		PartyCPU: milliseconds(used.party) / n,
	})
}

// faults are what makes the measurement fail: a login that did, or something left behind.
func (r *result) faults() error {
	var errs []error
	for _, row := range r.Rows {
		if row.Failed > 0 {
			errs = append(errs, fmt.Errorf("%s: %d logins failed, the first: %s", row.Name, row.Failed, row.Failure))
		}
		if len(row.Left) > 0 && row.Soak != nil {
			errs = append(errs, fmt.Errorf("%s: left behind: %q", row.Name, row.Left))
		}
		if s := row.Soak; s != nil {
			if first, last := s.Processes[s.settledPart()], s.Processes[len(s.Processes)-1]; last > first {
				errs = append(errs, fmt.Errorf("%s: the browser had %d processes, and %d at the end of %d logins", row.Name, first, last, s.Logins))
			}
		}
	}
	return errors.Join(errs...)
}

// ratios are those of one contender's rates to another's, round by round.
func (r *result) ratios(one, other string, contexts int) []float64 {
	a, b := r.row(one), r.row(other)
	if a == nil || b == nil {
		return nil
	}
	var out []float64
	for i := range min(len(a.Rates[contexts]), len(b.Rates[contexts])) {
		out = append(out, a.Rates[contexts][i].Rate/b.Rates[contexts][i].Rate)
	}
	return out
}

// judge compares with what is promised.
func (r *result) judge() {
	n := r.Contexts
	r.Figures = nil
	add := func(what, unit string, values []float64, atLeast, atMost float64) {
		if len(values) == 0 {
			return
		}
		r.Figures = append(r.Figures, measure.NewFigure(what, unit, values, atLeast, atMost))
	}
	at := fmt.Sprintf(", %d contexts", n)
	add("page login / bare DevTools client"+at, "x", r.ratios(page, rival, n), 0.9, 0)
	add("page login / Playwright"+at, "x", r.ratios(page, pw, n), 1.7, 0)
	add("page login / Puppeteer"+at, "x", r.ratios(page, pptr, n), 0, 0)
	add("split login / page login"+at, "x", r.ratios(splitUp, page, n), 4, 0)
	add("software authenticator / Chrome's"+at, "x", r.ratios(software, page, n), 0, 0)
	add("bare client with wrapper / without"+at, "x", r.ratios(wrapped, rival, n), 0, 0)
	add("bare client with wrapper / without, 1 context", "x", r.ratios(wrapped, rival, 1), 0, 0)
	row := r.row(page)
	add("memory per context (PSS)", "MB", []float64{row.Memory}, 0, 16)
	add("set-up p50", "ms", row.Setups, 0, 150)
	add(fmt.Sprintf("page login, %d contexts", r.Crowd), "/s", rates(row.Rates[r.Crowd]), 0, 0)
	for _, name := range []string{page, splitUp} {
		s := r.row(name).Soak
		add(fmt.Sprintf("%s: growth per 1000 of %d logins", name, s.Logins), "kB", []float64{s.growth()}, 0, 500)
	}
}

func rates(samples []sample) []float64 {
	return measure.Pick(samples, func(s sample) float64 { return s.Rate })
}

// print writes the table.
func (r *result) print(w io.Writer) error {
	r.judge()
	n := r.Contexts
	fmt.Fprintf(w, "%s, %s, %d CPUs; medians [range over rounds]\n\n", r.Rows[0].Version, r.Browser, r.CPUs)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "contender\tlogins/s, 1 context\tlogins/s, %d contexts\tof bare\tbrowser CPU ms/login\tclient CPU ms/login\tRP CPU ms/login\tMB/context\tset-up p50 ms\n", n)
	for _, row := range r.Rows {
		many := row.Rates[n]
		fmt.Fprintf(t, "%s\t%s\t%s\t%.2f\t%.1f\t%.2f\t%.2f\t%.1f\t%.0f\n", row.Name, measure.Spread(rates(row.Rates[1]), "%.0f"), measure.Spread(rates(many), "%.0f"),
			measure.Median(r.ratios(row.Name, rival, n)), measure.Median(measure.Pick(many, func(s sample) float64 { return s.BrowserCPU })),
			measure.Median(measure.Pick(many, func(s sample) float64 { return s.ClientCPU })), measure.Median(measure.Pick(many, func(s sample) float64 { return s.PartyCPU })), row.Memory, measure.Median(row.Setups))
	}
	fmt.Fprintln(t, "\nfigure\tmeasured\twanted")
	for _, f := range r.Figures {
		fmt.Fprintf(t, "%s\t%s\t%s\n", f.What, f.Measured(), f.Wanted())
	}
	return t.Flush()
}

// save writes the JSON form.
func (r *result) save(path string) error {
	if path == "" {
		return nil
	}
	r.judge()
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o600) //nolint:gosec // G703: the file the user names
}
