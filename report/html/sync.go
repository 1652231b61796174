package html

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/passrig/passrig/report"
)

// syncView is the section about passkeys that travel.
type syncView struct {
	Study    *studyView
	Lag      *chart
	Times    grid // percentiles
	Accounts []*accountView
	Folded   bool // there are many accounts
}

// mostOpen is how many accounts stand open whatever became of them.
const mostOpen = 4

// studyView is a simulation.
type studyView struct {
	Figures []figure
	Facts   []fact
	Kinds   [][]string // name, count, failed, share
}

// accountView is an account at a provider.
type accountView struct {
	Anchor, Title, Scenario string
	Provider, Type          string
	Folded, Open            bool // Open says of a folded one that it needs a look
	Sentences               []string
	Devices                 []deviceRow
	Lanes                   *swimlanes
	Unlock                  *unlockView
	Audit                   *auditView
}

// deviceRow is what the provider lets a device do.
type deviceRow struct {
	report.FabricDevice
	What      string // system, client and verification
	Save, Use eligibility
}

type eligibility struct {
	report.Eligibility
	Look look
}

func newEligibility(e report.Eligibility) eligibility {
	if e.Allowed {
		return eligibility{e, look{"pass", "✓", "yes"}}
	}
	return eligibility{e, look{"fail", "✗", "no"}}
}

// auditView is an account's audit log.
type auditView struct {
	report.FabricAudit
	Look    look
	Entries string
}

func newSyncView(run *report.Run, steps map[string]placedStep) *syncView {
	if run.Fabric == nil {
		return nil
	}
	v := &syncView{Study: newStudyView(run), Lag: newLagChart(run.Metrics["sync.lag"])}
	v.Times = syncTimes(run.Metrics)
	for i := range run.Fabric.Accounts {
		a := newAccountView(run, i, steps)
		a.Folded = len(run.Fabric.Accounts) > mostOpen
		v.Accounts, v.Folded = append(v.Accounts, a), a.Folded
	}
	return v
}

func newAccountView(run *report.Run, i int, steps map[string]placedStep) *accountView {
	a := &run.Fabric.Accounts[i]
	id := "account-" + strconv.Itoa(i+1)
	v := &accountView{
		Anchor: id, Title: a.Account + ", " + cmp.Or(a.Title, a.Provider), Provider: a.Provider, Type: a.Type,
		Lanes: newSwimlanes(id, a, steps), Unlock: newUnlockView(id, a),
	}
	if at := slices.IndexFunc(run.Scenarios, func(s report.Scenario) bool { return s.ID == a.Scenario }); at >= 0 {
		v.Scenario, v.Open = run.Scenarios[at].Name, run.Scenarios[at].Verdict != report.VerdictPass
	}
	if s := a.Arrivals(); s != "" {
		v.Sentences = append(v.Sentences, sentence(s))
	}
	for _, d := range a.Devices {
		var what []string
		for _, s := range []string{d.OS, d.Client, d.Verification} {
			if s != "" {
				what = append(what, s)
			}
		}
		v.Devices = append(v.Devices, deviceRow{d, strings.Join(what, ", "), newEligibility(d.Save), newEligibility(d.Use)})
	}
	if a.Audit != nil {
		v.Audit = &auditView{FabricAudit: *a.Audit, Look: look{"pass", "✓", "intact"}, Entries: formatCount(float64(a.Audit.Entries))}
		if !a.Audit.Intact {
			v.Audit.Look, v.Open = look{"fail", "✗", "damaged"}, true
		}
	}
	return v
}

func newStudyView(run *report.Run) *studyView {
	s := run.Fabric.Study
	if s == nil {
		return nil
	}
	v := &studyView{Figures: []figure{
		{Value: formatCount(float64(s.Accounts)), Name: "accounts"},
		{Value: formatCount(float64(s.Devices)), Name: "devices each"},
		{Value: formatCount(float64(s.Events)), Name: "events"},
		{Value: report.FormatMS(s.VirtualMS), Name: "of virtual time"},
	}}
	if m := run.Metrics["sync.lag"]; m.Count > 0 {
		v.Figures = append(v.Figures, figure{Value: report.FormatDuration(m.P50), Name: "lag, p50"}, figure{Value: report.FormatDuration(m.P99), Name: "lag, p99"})
	}
	if m := run.Metrics["sync.early_login.rejected"]; m.Of > 0 {
		v.Figures = append(v.Figures, figure{Value: formatCount(float64(m.Count)) + " of " + formatCount(float64(m.Of)), Name: "early logins failed"})
	}
	v.Facts = []fact{
		{"Provider", s.Provider},
		{"Delay", s.Delay},
		{"Lost on the way", report.FormatShare(s.Loss)},
		{"Delivered twice", report.FormatShare(s.Duplicates)},
	}
	v.Facts = slices.DeleteFunc(v.Facts, func(f fact) bool { return f.Value == "" })
	for _, k := range s.Kinds {
		row := []string{k.Kind, formatCount(float64(k.Count)), formatCount(float64(k.Failed)), "–"}
		if k.Count > 0 {
			row[3] = report.FormatShare(float64(k.Failed) / float64(k.Count))
		}
		v.Kinds = append(v.Kinds, row)
	}
	return v
}

// studyCommand is a command line that makes the same study again.
func studyCommand(s *report.Study) []string {
	parts := []string{"--simulate", "--accounts", strconv.FormatInt(s.Accounts, 10), "--devices", strconv.Itoa(s.Devices)}
	if s.EventsEach > 0 {
		parts = append(parts, "--events", strconv.Itoa(s.EventsEach))
	}
	if ms, ok := clean(s.VirtualMS); ok && ms > 0 && ms < farthest {
		parts = append(parts, "--for", (time.Duration(ms) * time.Millisecond).String())
	}
	return parts
}

// syncTimes are the percentiles of what the fabric measured.
func syncTimes(metrics map[string]report.Metric) grid {
	var spreads []spread
	for _, name := range slices.Sorted(maps.Keys(metrics)) {
		if !strings.HasPrefix(name, "sync.") && !strings.HasPrefix(name, "unlock.") {
			continue
		}
		if m := metrics[name]; m.Unit == report.UnitNanoseconds && m.Count > 0 {
			d, err := m.Distribution()
			if err != nil {
				d = nil // the percentiles of the result file stand for it
			}
			spreads = append(spreads, spread{name, m, d})
		}
	}
	if len(spreads) == 0 {
		return grid{}
	}
	g := percentileTable("Metric", spreads)
	g.compact()
	return g
}

// compact drops the columns in which nobody has anything, and the note about dashes if none is left.
func (g *grid) compact() {
	for i := range slices.Backward(g.Head) {
		if slices.ContainsFunc(g.Rows, func(row []string) bool { return row[i] != "–" }) {
			continue
		}
		g.Head = slices.Delete(g.Head, i, i+1)
		for j := range g.Rows {
			g.Rows[j] = slices.Delete(g.Rows[j], i, i+1)
		}
	}
	if !slices.ContainsFunc(g.Rows, func(row []string) bool { return slices.Contains(row, "–") }) {
		g.Note = ""
	}
}

// What there have to be of arrivals for a picture of them, and for a 95th percentile.
const (
	fewestDrawn = 5
	fewestTail  = 20
)

// newLagChart draws which share of all arrivals took at most so long.
func newLagChart(m report.Metric) *chart {
	if m.Unit != report.UnitNanoseconds || m.Count < fewestDrawn {
		return nil
	}
	d, err := m.Distribution()
	if err != nil || len(d) == 0 {
		return nil // the table has its percentiles
	}
	const steps = 400
	shares := make([]float64, 0, steps+1)
	for i := range steps + 1 {
		shares = append(shares, float64(i)/steps)
	}
	lags := d.Quantiles(shares...)
	y := axis{scale: scale{high: 100}, ticks: []float64{0, 25, 50, 75, 100}, format: func(v float64) string { return strconv.Itoa(int(v)) + "%" }}
	c := newChart("sync-lag", "Arrivals that took at most so long", 220, durations(lags), y)
	c.Wide = true
	at := 0.0 // a distribution of few samples has steps
	line := []point{{lags[0], 0}}
	for i, lag := range lags {
		if lag > line[len(line)-1].x {
			line = append(line, point{lag, at})
		}
		at = shares[i] * 100
		line = append(line, point{lag, at})
	}
	end := c.x.high
	line = append(line, point{max(end, lags[steps]), 100})
	floor := make([]point, len(line))
	for i, p := range line {
		floor[i] = point{p.x, 0}
	}
	c.fill(key{Class: "f3"}, floor, line)
	c.line(key{Class: "s1", Name: "share of arrivals"}, line)
	c.Ends, c.Legend = nil, nil
	if m.Count >= fewestTail {
		p95 := d.Quantiles(.95)[0]
		c.rule(p95, "p95 "+report.FormatDuration(p95))
	}
	c.XName = "from the moment the cloud had the change to the moment the device could use it"
	c.Note = "Of " + plural(m.Count, "arrival") + "."
	if c.x.log {
		c.Note += " Times are on a logarithmic scale."
	}
	return c
}
