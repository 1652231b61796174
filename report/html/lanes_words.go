package html

import (
	"fmt"
	"slices"
	"strings"

	"github.com/passrig/passrig/report"
)

// happening is how a kind of event is drawn and told.
type happening struct {
	kind   string
	word   string // beside the mark
	arrow  string // class of an arrow between device and cloud; empty for a mark
	shape  string // of a mark
	weight int    // 0 is drawn first where there are too many
}

// happenings are all kinds of events, in the order of the legend.
func happenings() []happening {
	return []happening{
		{kind: report.EventRegister, word: "register", shape: "register", weight: 2},
		{kind: report.EventLogin, word: "login", shape: "login", weight: 2},
		{kind: report.EventPushed, word: "pushed", arrow: "sent", weight: 3},
		{kind: report.EventArrived, word: "arrived", arrow: "sent", weight: 3},
		{kind: "duplicated", word: "again", arrow: "twice", weight: 2},
		{kind: "lost", word: "lost", arrow: "lost", weight: 1},
		{kind: "conflict", word: "conflict", shape: "passkey"},
		{kind: "undecryptable", word: "undecryptable", shape: "passkey"},
		{kind: "resurrected", word: "resurrected", shape: "passkey"},
		{kind: "queued", word: "queued", shape: "passkey", weight: 3},
		{kind: "hidden", word: "hidden", shape: "passkey", weight: 1},
		{kind: "unhidden", word: "unhidden", shape: "passkey", weight: 1},
		{kind: "deleted", word: "deleted", shape: "passkey", weight: 1},
		{kind: "trashed", word: "in the trash", shape: "passkey", weight: 1},
		{kind: "restored", word: "restored", shape: "passkey", weight: 1},
		{kind: "renamed", word: "renamed", shape: "passkey", weight: 2},
		{kind: "shadowed", word: "shadowed", shape: "passkey", weight: 2},
		{kind: report.EventLocked, word: "locked", shape: "device"},
		{kind: "refused", word: "refused", shape: "device", weight: 1},
		{kind: "founded", word: "vault made", shape: "device", weight: 1},
		{kind: "unlocked", word: "unlocked", shape: "device", weight: 1},
		{kind: "enrolled", word: "enrolled", shape: "device", weight: 1},
		{kind: "revoked", word: "revoked", shape: "device", weight: 1},
		{kind: "wiped", word: "wiped", shape: "device", weight: 1},
		{kind: "rotated", word: "keys rotated", shape: "device", weight: 1},
		{kind: "offline", word: "offline", shape: "device", weight: 2},
		{kind: "online", word: "online", shape: "device", weight: 2},
	}
}

// happeningOf is how a kind is drawn; one that is not known yet is a mark with its own name.
func happeningOf(kind string) happening {
	all := happenings()
	if i := slices.IndexFunc(all, func(h happening) bool { return h.kind == kind }); i >= 0 {
		return all[i]
	}
	return happening{kind: kind, word: kind, shape: "device", weight: 2}
}

// word is what an event is called. A ceremony that was not accepted says so, because its mark is the verdict: of a login
// that had to fail, it is a pass.
func (l *swimlanes) word(e *report.FabricEvent) string {
	word := happeningOf(e.Kind).word
	if outcome := l.steps[e.Step].Outcome; (e.Kind == report.EventRegister || e.Kind == report.EventLogin) && outcome != "" && outcome != accepted {
		word += " " + outcome
	}
	return word
}

// accepted is the outcome that goes without saying.
const accepted = "accepted"

// span is a stretch of a lane in which something holds.
type span struct {
	X, Y, H string
	DX      int // pixels beside the lane
	W       int
	Class   string
}

// spanning says which kind of event begins a stretch and which ones end it.
type spanning struct {
	class, name string
	begin, end  []string
	passkey     bool // it is about one passkey, and stands beside the lane
	cloud       bool // it is about the account, and stands on the cloud's lane
}

func spannings() []spanning {
	return []spanning{
		{class: "open", name: "unlocked: the device can use what it has", begin: []string{"founded", "unlocked", "enrolled"}, end: []string{"revoked", "wiped"}},
		{class: "offline", name: "offline", begin: []string{"offline"}, end: []string{"online"}},
		{class: "locked", name: "no PIN is accepted", begin: []string{report.EventLocked}, end: []string{"unlocked", "founded"}, cloud: true},
		{class: "hidden", name: "a passkey is hidden", begin: []string{"hidden"}, end: []string{"unhidden", "deleted"}, passkey: true},
		{class: "deleted", name: "a passkey is deleted or in the trash", begin: []string{"deleted", "trashed"}, end: []string{"restored", "resurrected"}, passkey: true},
	}
}

// Stretches beside a lane are so many pixels apart, and at most so many stand side by side.
const (
	spanApart = 7
	spanWidth = 5
	mostSpans = 3
)

// spans draws the stretches below the marks and arrows.
func (l *swimlanes) spans() {
	beside := make(map[int][]float64) // of a lane, where each stretch beside it ends
	for _, s := range spannings() {
		if s.cloud && l.account.Unlock != nil {
			l.locks(s, beside)
			continue
		}
		began := make(map[string]float64)
		for i := range l.events {
			e := &l.events[i]
			key, y := s.key(e), l.y[l.row[i]]
			from, open := began[key]
			switch {
			case !open && slices.Contains(s.begin, e.Kind):
				began[key] = y
			case open && slices.Contains(s.end, e.Kind):
				delete(began, key)
				l.span(s, key, from, y, beside)
			}
		}
		for i := range l.events { // in the order of events: a map has none
			key := s.key(&l.events[i])
			if from, open := began[key]; open {
				delete(began, key)
				l.span(s, key, from, float64(l.Foot), beside)
			}
		}
	}
}

// locks draws when no PIN was accepted. The audit log knows it better than the devices do.
func (l *swimlanes) locks(s spanning, beside map[int][]float64) {
	from := -1.0
	for _, m := range l.account.Unlock.Path {
		y := l.atTime(millis(m.AtMS), len(l.Rows))
		switch m.Action {
		case report.UnlockLocked, report.UnlockDestroyed:
			if from < 0 {
				from = y
			}
		case "unlocked", "pin-set", "pin-reset", "wiped":
			if from >= 0 {
				l.span(s, "", from, y, beside)
			}
			from = -1
		}
	}
	if from >= 0 {
		l.span(s, "", from, float64(l.Foot), beside)
	}
}

// key is what a stretch is about: a device, a passkey on it, or the account.
func (s spanning) key(e *report.FabricEvent) string {
	switch {
	case s.cloud:
		return ""
	case s.passkey:
		return e.Device() + "\x00" + e.Passkey
	}
	return e.Device()
}

func (l *swimlanes) span(s spanning, key string, from, to float64, beside map[int][]float64) {
	device, _, _ := strings.Cut(key, "\x00")
	lane := l.lane(device)
	if lane < 0 || to <= from {
		return
	}
	out := span{X: l.Lanes[lane].X(), Y: pixels(from), H: pixels(to - from), Class: s.class}
	switch s.class {
	case "open":
		out.W = 4
	case "offline", "locked":
		out.W = 12
	default:
		out.W = spanWidth
	}
	out.DX = -out.W / 2
	if s.passkey {
		slot := slices.IndexFunc(beside[lane], func(end float64) bool { return end <= from })
		if slot < 0 {
			slot = len(beside[lane])
			beside[lane] = append(beside[lane], 0)
		}
		beside[lane][slot] = to
		out.DX = 5 + spanApart*(min(slot, mostSpans-1)+1)
		if l.Lanes[lane].at < .5 {
			out.DX = -out.DX - spanWidth
		}
	}
	l.Spans = append(l.Spans, out)
}

// legend explains what occurs.
func (l *swimlanes) legend() {
	shapes, arrows := make(map[string]bool), make(map[string]bool)
	signs := make(map[report.Verdict]bool)
	for i := range l.Rows {
		switch r := &l.Rows[i]; {
		case r.Arrow != nil:
			arrows[r.Arrow.Class] = true
		case r.Mark != nil:
			shapes[r.Mark.Shape] = true
			signs[l.events[r.first].Verdict] = true
		}
	}
	for _, f := range []fact{{"register", "registration"}, {"login", "login"}, {"passkey", "a passkey changed"}, {"device", "a device or the vault changed"}} {
		if shapes[f.Name] {
			l.Legend = append(l.Legend, laneKey{Shape: f.Name, Name: f.Value})
		}
	}
	for _, v := range []report.Verdict{report.VerdictPass, report.VerdictFail, report.VerdictWarn, report.VerdictError, report.VerdictSkip, report.VerdictInfo} {
		if look := lookOf(v); signs[v] {
			l.Legend = append(l.Legend, laneKey{Shape: "login", Class: look.Class, Sign: look.Mark, Name: look.Word})
		}
	}
	for _, f := range []fact{
		{"sent", "a change on its way; + says how long after the cloud had it"},
		{"far", fmt.Sprintf("it left the cloud more than %d lines earlier", farRows)},
		{"twice", "delivered once more"},
		{"lost", "lost on the way"},
	} {
		if arrows[f.Name] {
			l.Legend = append(l.Legend, laneKey{Arrow: f.Name, Name: f.Value})
		}
	}
	for _, s := range spannings() {
		if slices.ContainsFunc(l.Spans, func(x span) bool { return x.Class == s.class }) {
			l.Legend = append(l.Legend, laneKey{Span: s.class, Name: s.name})
		}
	}
}

// say is the drawing in words, and what is not in it.
func (l *swimlanes) say() {
	counts := make(map[string]int)
	var kinds, names, parts []string
	for i := range l.events {
		kind := l.events[i].Kind
		if counts[kind] == 0 {
			kinds = append(kinds, kind)
		}
		counts[kind]++
	}
	for _, kind := range kinds {
		parts = append(parts, fmt.Sprintf("%d %s", counts[kind], happeningOf(kind).word))
	}
	for _, lane := range l.Lanes {
		if lane.Cloud {
			names = append(names, "the cloud")
		} else {
			names = append(names, lane.Device)
		}
	}
	l.Many = len(l.events) > mostRowsDrawn
	l.Desc = fmt.Sprintf("From top to bottom, lanes for %s. %s: %s. The table says the same.", strings.Join(names, ", "), plural(int64(len(l.events)), "event"), strings.Join(parts, ", "))
	l.Note = "From top to bottom in order of time, which is counted from the start of the run and not drawn to scale."
	if left := len(l.events) - l.drawn; left > 0 {
		l.Note += fmt.Sprintf(" %d of %d events are drawn, those alike in one row; %d are not drawn", l.drawn, len(l.events), left)
		if l.strange > 0 {
			l.Note += fmt.Sprintf(", %d of them because their device has no lane", l.strange)
		}
		l.Note += "."
	} else if len(l.Rows) < len(l.events) {
		l.Note += fmt.Sprintf(" All %d events are drawn, those alike that follow one another in one row.", len(l.events))
	}
}

// eventRow is a line of the table that says the same as the drawing.
type eventRow struct {
	Time, What, Where, Text string
	Look                    look
	Step                    link
}

func (l *swimlanes) table() {
	for i := range l.events[:min(len(l.events), mostEvents)] {
		e := &l.events[i]
		r := eventRow{Time: report.FormatMS(millis(e.AtMS)), What: strings.TrimSpace(l.word(e) + " " + e.Passkey), Where: route(e), Text: e.Text}
		if ms, known := e.Lag(); known {
			r.Where += ", " + report.FormatMS(ms) + " after the cloud had it"
		}
		if e.Verdict != "" {
			r.Look = lookOf(e.Verdict)
		}
		r.Step = l.steps[e.Step].link
		if r.Text == l.steps[e.Step].Outcome {
			r.Text = "" // the word says so
		}
		l.Table = append(l.Table, r)
	}
	if left := len(l.events) - len(l.Table); left > 0 {
		l.TableNote = plural(int64(left), "event") + " more are in the JSON report only."
	}
}

// route says where an event happened.
func route(e *report.FabricEvent) string {
	device := e.Device()
	switch {
	case e.Kind == report.EventPushed:
		return device + " → cloud"
	case happeningOf(e.Kind).arrow != "":
		return "cloud → " + device
	case device == "":
		return "cloud"
	case e.From != "" && e.From != device:
		return device + ", by " + e.From
	}
	return device
}
