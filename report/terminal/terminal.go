// Package terminal writes a run as the summary a person reads where the run was started.
package terminal

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/passrig/passrig/report"
)

// Options say how the summary is shown. The zero value is plain text of any width.
type Options struct {
	Color   bool     // use ANSI colors; they only repeat what words and marks say
	Width   int      // columns to wrap and cut at, at least 40; 0 means no limit
	Verbose bool     // phases of every ceremony, notes, and messages of what passed
	Quiet   bool     // only what did not pass, and the last line
	Reports []string // paths of reports written, named before the last line
}

// Below this many columns there is no telling the parts of a line from each other.
const minWidth = 40

// A ceremony slower than this shows where the time went without being asked.
const slowMS = 1000

// Write writes the summary: a line per step, what went wrong below the step it went wrong in,
// then checks, the load, how passkeys traveled, the matrix, thresholds, latencies, caveats, and the counts as the last line. Control
// characters, which an RP could have put into an answer, are shown and not sent to the terminal.
func Write(w io.Writer, run *report.Run, opts Options) error {
	if opts.Width > 0 {
		opts.Width = max(opts.Width, minWidth)
	}
	p := &printer{out: bufio.NewWriter(w), run: run, opts: opts}
	p.header()
	p.scenarios()
	p.checks()
	p.load()
	p.fabric()
	p.matrix()
	p.thresholds()
	p.latencies()
	p.footer()
	if err := p.out.Flush(); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}

type printer struct {
	out  *bufio.Writer // keeps the first error for Flush
	run  *report.Run
	opts Options

	audited report.FabricAudit // the last one that was shown
}

// line writes one line without the white space at its end.
func (p *printer) line(parts ...string) {
	_, _ = p.out.WriteString(strings.TrimRight(strings.Join(parts, ""), " ") + "\n")
}

func (p *printer) header() {
	if p.opts.Quiet {
		return
	}
	run, target := p.run, p.run.Subject()
	parts := []string{strings.TrimSpace(run.Tool.Name + " " + run.Tool.Version), run.Driver, target.Origin}
	parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" }) // a study has no target
	var details []string
	if target.Adapter != "" {
		details = append(details, "adapter "+target.Adapter)
	}
	if target.BaseURL != "" && target.BaseURL != target.Origin {
		details = append(details, "requests to "+target.BaseURL)
	}
	if target.RPID != "" {
		details = append(details, "rp.id "+target.RPID)
	}
	if m := run.Matrix; m != nil {
		details = append(details, fmt.Sprintf("providers × relying parties × facets: %d × %d × %d", len(m.Providers), len(m.Parties), len(m.Facets)))
		if m.Resumed > 0 {
			details = append(details, fmt.Sprintf("cells from an interrupted run: %d", m.Resumed))
		}
	}
	details = append(details, fmt.Sprintf("seed %d", run.Seed))
	p.line(p.paint(bold, p.fit(oneLine(strings.Join(parts, "  ")))))
	p.wrapped("", "", clean(strings.Join(details, ", ")), dim)
}

func (p *printer) scenarios() {
	placed := make(map[string]bool)
	for i := range p.run.Scenarios {
		sc := &p.run.Scenarios[i]
		if placed[sc.ID] {
			continue
		}
		placed[sc.ID] = true
		p.section(sc.Name, sc.File, stepRows(p.run.StepsOf(sc.ID)))
		p.cells(sc.ID)
	}
	var stray []*report.Step
	for i := range p.run.Steps {
		if !placed[p.run.Steps[i].Scenario] {
			stray = append(stray, &p.run.Steps[i])
		}
	}
	p.section("Other steps", "", stepRows(stray))
}

func (p *printer) thresholds() {
	rows := make([]row, len(p.run.Thresholds))
	for i := range p.run.Thresholds {
		th := &p.run.Thresholds[i]
		rows[i] = row{verdict: th.Verdict, title: th.Text, side: th.Actual, hint: th.Hint}
		if th.File != "" {
			rows[i].at = fmt.Sprintf("%s:%d", th.File, th.Line)
		}
	}
	p.section("Thresholds", "", rows)
}

// row is one line of a section and what may stand below it.
type row struct {
	verdict                                    report.Verdict
	title                                      string
	duration                                   float64 // ms
	side                                       string  // shown instead of the duration
	message, expected, actual, hint, basis, at string
	phases                                     string
	slow                                       bool
	notes                                      []string
}

func stepRows(steps []*report.Step) []row {
	rows := make([]row, len(steps))
	for i, s := range steps {
		rows[i] = row{
			verdict: s.Verdict, title: s.Title, duration: s.DurationMS, message: s.Message,
			expected: s.Expected, actual: s.Actual, hint: s.Hint, notes: s.Notes, slow: s.DurationMS >= slowMS,
		}
		if s.File != "" {
			rows[i].at = fmt.Sprintf("%s:%d", s.File, s.Line)
		}
		if s.Ceremony != nil {
			rows[i].phases = phases(s.Ceremony)
		}
	}
	return rows
}

// phases writes "options 17ms, client 1.7ms, result 23ms".
func phases(c *report.Ceremony) string {
	var parts []string
	for _, ph := range c.Phases {
		if ph.Name != report.PhaseTotal {
			parts = append(parts, ph.Name+" "+report.FormatMS(ph.DurationMS))
		}
	}
	if c.ClientError != "" {
		parts = append(parts, "client error "+c.ClientError)
	}
	return strings.Join(parts, ", ")
}

// section writes rows under a heading. With Quiet only rows that did not pass are left.
func (p *printer) section(name, file string, rows []row) {
	if p.opts.Quiet {
		rows = notable(rows)
	}
	if len(rows) == 0 {
		return
	}
	heading := oneLine(name)
	if file = oneLine(file); file != "" {
		file = "  " + file
	}
	p.line()
	if p.opts.Width > 0 && width(heading)+width(file) > p.opts.Width {
		p.line(p.paint(bold, p.fit(heading)))
		p.line(p.paint(dim, p.fit(file)))
	} else {
		p.line(p.paint(bold, heading), p.paint(dim, file))
	}
	layout := p.layout(rows)
	for i := range rows {
		p.row(&rows[i], layout)
	}
}

func notable(rows []row) []row {
	var left []row
	for i := range rows {
		switch rows[i].verdict {
		case report.VerdictFail, report.VerdictError, report.VerdictWarn:
			left = append(left, rows[i])
		case report.VerdictPass, report.VerdictInfo, report.VerdictSkip:
		}
	}
	return left
}

// The parts of a row left of the title: two spaces, mark, space, the longest word, two spaces.
const (
	wordWidth = len("ERROR")
	indent    = 2 + 1 + 1 + wordWidth + 2
)

// layout is how wide the titles and the sides of a section are, so that sides stand below each other.
type layout struct{ title, side int }

func (p *printer) layout(rows []row) layout {
	var l layout
	for i := range rows {
		l.title = max(l.title, width(oneLine(rows[i].title)))
		l.side = max(l.side, width(rows[i].sideText()))
	}
	if p.opts.Width > 0 {
		l.side = min(l.side, p.opts.Width/3)
		l.title = min(l.title, p.opts.Width-indent-2-l.side)
	}
	return l
}

func (r *row) sideText() string {
	switch {
	case r.side != "":
		return clean(r.side)
	case r.verdict == report.VerdictSkip || r.verdict == report.VerdictInfo:
		return "" // there was nothing to time
	}
	return report.FormatMS(r.duration)
}

func (p *printer) row(r *row, l layout) {
	mark, word, color := look(r.verdict)
	title, side := oneLine(r.title), padLeft(cut(oneLine(r.sideText()), l.side), l.side)
	p.line("  ", p.paint(color, mark+" "+pad(word, wordWidth)), "  ", pad(cut(title, l.title), l.title), "  ", p.paint(dim, side))
	details := r.verdict != report.VerdictPass
	if details || p.opts.Verbose {
		p.below("", r.message, color)
	}
	if details && r.verdict != report.VerdictSkip || p.opts.Verbose {
		p.below("expected", r.expected, plain)
		p.below("actual", r.actual, plain)
		p.below("hint", r.hint, plain)
		p.below("basis", r.basis, plain)
	}
	troubled := r.verdict == report.VerdictFail || r.verdict == report.VerdictError
	if troubled || r.slow || p.opts.Verbose {
		p.below("phases", r.phases, dim)
	}
	if p.opts.Verbose {
		for _, note := range r.notes {
			p.below("note", note, dim)
		}
	}
	if troubled || r.verdict == report.VerdictWarn {
		p.below("at", r.at, dim)
	}
}

// below writes a labeled detail under a row, wrapped within its own column.
func (p *printer) below(label, text string, color string) {
	if text == "" {
		return
	}
	lead := strings.Repeat(" ", indent)
	if label != "" {
		label = pad(label, len("expected")+2)
	}
	p.wrapped(lead+label, strings.Repeat(" ", indent+len(label)), clean(text), color)
}
