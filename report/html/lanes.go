package html

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/passrig/passrig/report"
)

// swimlanes is a drawing of what happened to the passkeys of an account: a lane for each device and one for the
// provider's cloud, time from top to bottom, a row for each event. So every event has room for its words at any width;
// the distance of rows says nothing about time, and the times stand beside them.
type swimlanes struct {
	ID, Title, Desc string
	Height, Top     int // pixels: of all, and where the lanes begin
	Foot            int // where they end
	Lanes           []swimlane
	Spans           []span
	Rows            []laneRow
	Legend          []laneKey
	Note            string
	Table           []eventRow
	Many            bool // the table is longer than what it stands beside
	TableNote       string

	account *report.FabricAccount
	events  []report.FabricEvent
	steps   map[string]placedStep // by their ID
	row     []int                 // of each event, the row it is in; that of the gap if it is not drawn
	y       []float64             // of each row
	drawn   int                   // events that are in a row of their own or in one with their like
	strange int                   // and those that are not because their device has no lane
}

// Length is how long the lanes are.
func (l *swimlanes) Length() int { return l.Foot - l.Top }

// swimlane is a device, or the cloud.
type swimlane struct {
	Name, Device string // Name is cut to the room there is
	Cloud        bool
	HeadY        int
	at           float64 // share of the width
}

// X is where the lane is.
func (l swimlane) X() string { return percent(l.at) }

// laneRow is an event, several events alike, or a gap.
type laneRow struct {
	Y          string
	Time       string
	Gap        int // events that are not drawn
	Arrow      *laneArrow
	Mark       *laneMark
	TextX      string
	TextDX     int
	TextDY     int // the words of an arrow are below it
	TextAnchor string
	Text       string
	Short      string // where there is little room; empty if Text is short enough

	first, count int // events
}

// laneArrow is a change on its way between a device and the cloud.
type laneArrow struct {
	X1, Y1, X2, Y2 string
	Class          string // "sent", "far", "twice" or "lost"
	LostX, LostY   string
}

// laneMark is something that happened in one place.
type laneMark struct {
	X     string
	Shape string // "register", "login", "passkey" or "device"
	Class string // of the verdict
	Sign  string // of the verdict
}

// laneKey is an entry of the legend.
type laneKey struct {
	Shape, Class, Sign string
	Arrow, Span        string
	Name               string
}

const (
	mostRowsDrawn = 60
	mostEvents    = 300 // rows of the table
	mostDevices   = 6   // lanes beside the cloud's
	laneRowHeight = 30
	laneHead      = 34
	laneHeadLevel = 16  // pixels between the two heights of names
	narrowLanes   = 280 // pixels of all lanes on a telephone
	shortText     = 19  // letters that fit into half of that
	longText      = 44
	lostAfter     = .35 // share of the way: never on another lane
	farRows       = 6   // an arrow across more rows would be lost among the others
)

func newSwimlanes(id string, a *report.FabricAccount, steps map[string]placedStep) *swimlanes {
	if len(a.Events) == 0 {
		return nil
	}
	l := &swimlanes{ID: id + "-lanes", Title: "What happened on the devices of " + a.Account, account: a, steps: steps}
	l.events = slices.Clone(a.Events)
	slices.SortStableFunc(l.events, func(x, y report.FabricEvent) int { return cmp.Compare(millis(x.AtMS), millis(y.AtMS)) })
	l.lanes()
	l.rows()
	l.place()
	l.spans()
	for i := range l.Rows {
		l.draw(&l.Rows[i])
	}
	l.legend()
	l.say()
	l.table()
	return l
}

// millis is a time that can be drawn.
func millis(ms float64) float64 {
	ms, _ = clean(ms)
	return ms
}

// lanes gives the cloud the middle, so that most arrows have a short way.
func (l *swimlanes) lanes() {
	var devices []string
	add := func(name string) {
		if name != "" && !slices.Contains(devices, name) {
			devices = append(devices, name)
		}
	}
	for _, d := range l.account.Devices {
		add(d.Name)
	}
	for i := range l.events {
		add(l.events[i].From)
		add(l.events[i].To)
	}
	devices = devices[:min(len(devices), mostDevices)]
	names := slices.Insert(slices.Clone(devices), (len(devices)+1)/2, "")
	staggered := len(names) > 3
	room := narrowLanes / len(names)
	if staggered {
		room *= 2
	}
	l.Top = laneHead
	if staggered {
		l.Top += laneHeadLevel
	}
	for i, name := range names {
		lane := swimlane{Device: name, Name: short(name, max(int(float64(room)/letterWidth)-1, 4)), Cloud: name == "", at: (float64(i) + .5) / float64(len(names)), HeadY: laneHeadLevel}
		if staggered && i%2 == 1 {
			lane.HeadY += laneHeadLevel
		}
		if lane.Cloud {
			lane.Name = "cloud"
		}
		l.Lanes = append(l.Lanes, lane)
	}
}

// short cuts a text to n letters.
func short(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return strings.TrimRight(string([]rune(text)[:n-1]), " ") + "…"
}

// lane is the index of a device's lane, or -1.
func (l *swimlanes) lane(device string) int {
	return slices.IndexFunc(l.Lanes, func(lane swimlane) bool { return lane.Device == device })
}

// rows decides which events are drawn. All are, if there are not too many; else those alike that follow one another
// share a row, and if there still are too many, those that a reader looks for come first.
func (l *swimlanes) rows() {
	var rows []laneRow
	for i := range l.events {
		e := &l.events[i]
		if l.lane(e.From) < 0 || l.lane(e.To) < 0 {
			l.strange++
			continue
		}
		if n := len(rows); n > 0 && len(l.events) > mostRowsDrawn && rows[n-1].first+rows[n-1].count == i && l.alike(&l.events[i-1], e) {
			rows[n-1].count++
			continue
		}
		rows = append(rows, laneRow{first: i, count: 1})
	}
	if len(rows) > mostRowsDrawn {
		slices.SortStableFunc(rows, func(a, b laneRow) int { return cmp.Compare(l.weight(a), l.weight(b)) })
		rows = rows[:mostRowsDrawn]
		slices.SortFunc(rows, func(a, b laneRow) int { return cmp.Compare(a.first, b.first) })
	}
	l.row = make([]int, len(l.events))
	next := 0
	gap := func(to int) {
		if to > next {
			l.Rows = append(l.Rows, laneRow{Gap: to - next, first: next, count: to - next})
		}
	}
	for _, r := range rows {
		gap(r.first)
		l.Rows = append(l.Rows, r)
		l.drawn += r.count
		next = r.first + r.count
	}
	gap(len(l.events))
	for i, r := range l.Rows {
		for j := range r.count {
			l.row[r.first+j] = i
		}
	}
}

func (l *swimlanes) alike(a, b *report.FabricEvent) bool {
	return l.word(a) == l.word(b) && a.From == b.From && a.To == b.To && a.Verdict == b.Verdict
}

// weight orders what is drawn: what went wrong, then what changed, ceremonies, and last what only traveled.
func (l *swimlanes) weight(r laneRow) int {
	e := &l.events[r.first]
	switch e.Verdict {
	case report.VerdictFail, report.VerdictError, report.VerdictWarn:
		return 0
	case report.VerdictPass, report.VerdictInfo, report.VerdictSkip:
	}
	return happeningOf(e.Kind).weight
}

// place gives each row its height.
func (l *swimlanes) place() {
	for i := range l.Rows {
		y := float64(l.Top + laneRowHeight*i + laneRowHeight/2)
		l.y = append(l.y, y)
		l.Rows[i].Y, l.Rows[i].TextDY = pixels(y), 4
		if l.Rows[i].Gap == 0 {
			l.Rows[i].Time = report.FormatMS(millis(l.events[l.Rows[i].first].AtMS))
			if i > 0 && l.Rows[i-1].Time == l.Rows[i].Time {
				l.Rows[i].Time = ""
			}
		}
	}
	l.Foot = l.Top + laneRowHeight*len(l.Rows) + 4
	l.Height = l.Foot + 4
}

// atTime is the height of a moment before a row; that of the last row if it is after all of them.
func (l *swimlanes) atTime(ms float64, before int) float64 {
	for i := before - 1; i >= 0; i-- {
		r := &l.Rows[i]
		if from := millis(l.events[r.first].AtMS); from <= ms {
			if i+1 == len(l.Rows) {
				return l.y[i]
			}
			share := 0.0
			if to := millis(l.events[l.Rows[i+1].first].AtMS); to > from {
				share = min((ms-from)/(to-from), 1)
			}
			return l.y[i] + share*(l.y[i+1]-l.y[i])
		}
	}
	return float64(l.Top)
}

func (l *swimlanes) draw(r *laneRow) {
	if r.Gap > 0 {
		return
	}
	e := &l.events[r.first]
	h := happeningOf(e.Kind)
	before, what, after := l.word(e)+" ", e.Passkey, ""
	if h.arrow == "" {
		l.mark(r, e, h)
	} else {
		l.arrow(r, e, h)
	}
	if h.arrow == "sent" && what != "" {
		before = ""
	}
	if ms, known := e.Lag(); known {
		after = " +" + report.FormatMS(ms)
	}
	if r.count > 1 {
		before, what, after = fmt.Sprintf("%d × ", r.count), l.word(e), ""
	}
	in := func(letters int) string {
		room := max(letters-utf8.RuneCountInString(before)-utf8.RuneCountInString(after), 2)
		return short(strings.TrimSpace(before+short(what, room)), letters) + after
	}
	r.Text = in(longText)
	if s := in(shortText); s != r.Text {
		r.Short = s
	}
}

// arrow goes from the device to the cloud, or from the cloud, where the change was since it was acknowledged, to the
// device.
func (l *swimlanes) arrow(r *laneRow, e *report.FabricEvent, h happening) {
	device, cloud := &l.Lanes[l.lane(e.Device())], &l.Lanes[l.lane("")]
	from, to := cloud, device
	at := l.row[r.first]
	y1, y2, class := l.y[at], l.y[at], h.arrow
	if e.Kind == report.EventPushed {
		from, to = device, cloud
	} else if _, known := e.Lag(); known {
		if y := l.atTime(e.SentMS, at); y2-y <= farRows*laneRowHeight {
			y1 = y
		} else if class == "sent" {
			class = "far"
		}
	}
	r.TextDY = 14
	x2 := to.at
	a := &laneArrow{X1: percent(from.at), Y1: pixels(y1), Y2: pixels(y2), Class: class}
	if class == "lost" {
		x2 = from.at + lostAfter*(to.at-from.at)
		a.LostX, a.LostY = percent(x2), pixels(y2)
	}
	a.X2 = percent(x2)
	r.Arrow = a
	r.TextX, r.TextDX, r.TextAnchor = percent(x2), -14, "end"
	if to.at < from.at {
		r.TextDX, r.TextAnchor = 14, "start"
	}
}

func (l *swimlanes) mark(r *laneRow, e *report.FabricEvent, h happening) {
	lane := &l.Lanes[l.lane(e.Device())]
	r.Mark = &laneMark{X: lane.X(), Shape: h.shape}
	if e.Verdict != "" {
		look := lookOf(e.Verdict)
		r.Mark.Class, r.Mark.Sign = look.Class, look.Mark
	}
	r.TextX, r.TextDX, r.TextAnchor = lane.X(), 15, "start"
	if lane.at > .5+1e-9 {
		r.TextDX, r.TextAnchor = -15, "end"
	}
}
