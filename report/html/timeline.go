package html

import (
	"fmt"
	"math"
	"net/url"
	"strings"

	"github.com/passrig/passrig/report"
)

// timeline is a drawing of where the time of a step went: a lane for each phase, and under it a
// lane for each exchange of that phase, split into its segments. Positions across are percent,
// so that the drawing fits any width while its text keeps its size; heights are pixels.
type timeline struct {
	ID     string // for aria-labelledby; unique in the document
	Title  string
	Desc   string // the same as the table, as one sentence, for who cannot see the drawing
	Height int
	Lanes  []lane
	Ticks  []tick
	AxisY  int
	Rows   []timelineRow
	Legend []segment // the kinds of segments that occur
}

type lane struct {
	Label     string
	LabelY, Y int
	Class     string // "phase" or "exchange"
	X, W      string // percent
	Segments  []segment
	BarH      int
}

type segment struct {
	Class, Name string
	X, W        string // percent
	Duration    string
}

type tick struct {
	X, Label, Anchor string
}

// timelineRow is a line of the table that says the same as the drawing.
type timelineRow struct {
	Name            string
	Inner           bool
	Start, Duration string
	Parts           string
}

const (
	labelHeight    = 18
	phaseHeight    = 14
	exchangeHeight = 10
	laneGap        = 9
	axisHeight     = 22
)

func newTimeline(step *report.Step, i int) *timeline {
	var phases []report.Phase
	if step.Ceremony != nil {
		for _, ph := range step.Ceremony.Phases {
			if ph.Name != report.PhaseTotal {
				phases = append(phases, ph)
			}
		}
	}
	if len(phases) == 0 && len(step.Exchanges) == 0 {
		return nil
	}
	t := &timeline{ID: fmt.Sprintf("timeline-%d", i+1), Title: "Where the time of “" + step.Title + "” went"}
	d := drawing{timeline: t, total: extent(step, phases)}
	drawn := make([]bool, len(step.Exchanges))
	for _, ph := range phases {
		d.phase(ph)
		for j := range step.Exchanges {
			if x := &step.Exchanges[j]; x.Phase == ph.Name && !drawn[j] {
				drawn[j] = true
				d.exchange(x)
			}
		}
	}
	for j := range step.Exchanges {
		if !drawn[j] {
			d.exchange(&step.Exchanges[j])
		}
	}
	d.axis()
	return t
}

// extent is the time the drawing covers, in milliseconds.
func extent(step *report.Step, phases []report.Phase) float64 {
	total := step.DurationMS
	for _, ph := range phases {
		total = max(total, ph.StartMS+ph.DurationMS)
	}
	for i := range step.Exchanges {
		total = max(total, step.Exchanges[i].StartMS+step.Exchanges[i].Timing.TotalMS)
	}
	if total <= 0 || math.IsNaN(total) || math.IsInf(total, 0) {
		return 1
	}
	return total
}

type drawing struct {
	*timeline
	total float64
	y     int
	kinds map[string]bool
	said  []string
}

// Bars are at least this many percent wide, so that one that exists can be seen.
const thinnest = 0.4

func (d *drawing) percent(ms float64) string { return fmt.Sprintf("%.2f%%", d.share(ms)) }

// share is where a moment stands in the drawing, in percent.
func (d *drawing) share(ms float64) float64 { return min(max(ms/d.total*100, 0), 100) }

// bar is where a bar starts and how wide it is, in percent.
func (d *drawing) bar(start, ms float64) (x, w string) {
	from := min(d.share(start), 100-thinnest)
	to := max(d.share(start+ms), from+thinnest)
	return fmt.Sprintf("%.2f%%", from), fmt.Sprintf("%.2f%%", to-from)
}

func (d *drawing) lane(label, class string, height int, start, ms float64) *lane {
	l := lane{Label: label, LabelY: d.y + labelHeight - 5, Y: d.y + labelHeight, BarH: height, Class: class}
	l.X, l.W = d.bar(start, ms)
	d.Lanes = append(d.Lanes, l)
	d.y += labelHeight + height + laneGap
	return &d.Lanes[len(d.Lanes)-1]
}

func (d *drawing) phase(ph report.Phase) {
	length := report.FormatMS(ph.DurationMS)
	d.lane(ph.Name+"  "+length, "phase", phaseHeight, ph.StartMS, ph.DurationMS)
	d.Rows = append(d.Rows, timelineRow{Name: ph.Name, Start: report.FormatMS(ph.StartMS), Duration: length})
	d.said = append(d.said, ph.Name+" "+length)
}

func (d *drawing) exchange(x *report.Exchange) {
	name, length := x.Request.Method+" "+pathOf(x.Request.URL), report.FormatMS(x.Timing.TotalMS)
	l := d.lane(name+"  "+length, "exchange", exchangeHeight, x.StartMS, x.Timing.TotalMS)
	at, end := x.StartMS, x.StartMS+x.Timing.TotalMS
	var parts []string
	for _, s := range segmentsOf(x.Timing) {
		ms := min(s.ms, end-at)
		if ms <= 0 {
			continue
		}
		seg := segment{Class: s.class, Name: s.name, Duration: report.FormatMS(ms)}
		seg.X, seg.W = d.bar(at, ms)
		l.Segments = append(l.Segments, seg)
		parts = append(parts, s.name+" "+seg.Duration)
		d.legend(seg)
		at += ms
	}
	if x.Timing.ReusedConn {
		parts = append(parts, "connection reused")
	}
	row := timelineRow{Name: name, Inner: true, Start: report.FormatMS(x.StartMS), Duration: length, Parts: strings.Join(parts, ", ")}
	d.Rows = append(d.Rows, row)
	d.said = append(d.said, name+" "+length)
}

type timed struct {
	class, name string
	ms          float64
}

// segmentsOf splits an exchange into what follows one another in it. What is left after the
// known parts is sending the request and reading the answer.
func segmentsOf(t report.Timing) []timed {
	return []timed{
		{"dns", "DNS", t.DNSMS},
		{"connect", "connect", t.ConnectMS},
		{"tls", "TLS", t.TLSMS},
		{"wait", "wait for first byte", t.TTFBMS},
		{"transfer", "transfer", t.TotalMS - t.DNSMS - t.ConnectMS - t.TLSMS - t.TTFBMS},
	}
}

func (d *drawing) legend(s segment) {
	if d.kinds == nil {
		d.kinds = make(map[string]bool)
	}
	if !d.kinds[s.Class] {
		d.kinds[s.Class] = true
		d.Legend = append(d.Legend, segment{Class: s.Class, Name: s.Name})
	}
}

func (d *drawing) axis() {
	d.AxisY = d.y
	d.Height = d.y + axisHeight
	d.Desc = "From start to end: " + strings.Join(d.said, ", ") + ". The table says the same."
	for i := range 5 {
		anchor := "middle"
		switch i {
		case 0:
			anchor = "start"
		case 4:
			anchor = "end"
		}
		at := d.total * float64(i) / 4
		d.Ticks = append(d.Ticks, tick{X: d.percent(at), Label: report.FormatMS(at), Anchor: anchor})
	}
}

// pathOf is the path and query of a URL: the rest is the same for all of a run.
func pathOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Path == "" {
		return raw
	}
	return u.RequestURI()
}
