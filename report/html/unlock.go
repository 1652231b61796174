package html

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/passrig/passrig/report"
)

// unlockView is the unlock state machine of an account, from top to bottom, with the transitions that were taken.
type unlockView struct {
	ID, Title, Desc string
	Sentence        string
	Height          int
	Nodes           []unlockNode
	Steps           []unlockStep // down to the next state
	Jumps           []unlockJump // all others
	Rows            []unlockRow
	Many            bool // the table is much longer than what it stands beside
	Note            string
}

// unlockNode is a state.
type unlockNode struct {
	Y        int
	Label    string
	Class    string // "visited", "final" or "possible"
	End      bool   // it is a state without tries
	Beside   string // what happened in it without leaving it
	state    string
	failures int
}

// TextY is where the label stands, FinalY where the inner border does.
func (n unlockNode) TextY() int { return n.Y + 16 }

// FinalY is where the inner border of the last state is.
func (n unlockNode) FinalY() int { return n.Y + 3 }

// unlockStep is the transition to the state below.
type unlockStep struct {
	Y1, Y2, TextY int
	Label         string
	Taken         bool
}

// unlockJump is any other transition, drawn around the states between.
type unlockJump struct {
	D           string
	TextX, Text string
	TextY       int
}

type unlockRow struct {
	Time, Action, Device, Failures string
}

const (
	unlockPitch  = 50
	unlockNodeH  = 24
	unlockNodeX2 = 130 // the right side of the states
	unlockTop    = 30
	mostStates   = 14
	jumpFirst    = 32 // pixels from the states to the innermost jump
	jumpApart    = 14
	mostJumps    = 6   // side by side
	mostMarks    = 200 // rows of the table
)

func newUnlockView(id string, a *report.FabricAccount) *unlockView {
	u := a.Unlock
	if u == nil || len(u.Path) == 0 {
		return nil
	}
	v := &unlockView{ID: id + "-unlock", Title: "How the unlocking of " + a.Account + " went", Sentence: sentence(u.String())}
	moves := u.Moves()
	v.states(u, moves)
	v.walk(moves)
	for _, m := range u.Path[:min(len(u.Path), mostMarks)] {
		v.Rows = append(v.Rows, unlockRow{report.FormatMS(millis(m.AtMS)), m.Action, m.Device, strconv.Itoa(m.Failures)})
	}
	v.Many = len(v.Rows) > mostRowsDrawn
	if left := len(u.Path) - len(v.Rows); left > 0 {
		v.Note = plural(int64(left), "transition") + " more are in the JSON report only."
	}
	return v
}

// states are all that the machine has, or where these are too many, those that it was in.
func (v *unlockView) states(u *report.FabricUnlock, moves []report.UnlockMove) {
	failures := []int{0}
	for _, m := range moves {
		if m.State == report.UnlockOpen {
			failures = append(failures, m.Failures)
		}
	}
	if u.Attempts > 0 && u.Attempts <= mostStates {
		for i := range u.Attempts {
			failures = append(failures, i)
		}
	}
	slices.Sort(failures)
	failures = slices.Compact(failures)
	for _, n := range failures[:min(len(failures), mostStates)] {
		label := "open, " + strconv.Itoa(n)
		if u.Attempts > 0 {
			label += " of " + strconv.Itoa(u.Attempts)
		}
		v.Nodes = append(v.Nodes, unlockNode{Label: label, state: report.UnlockOpen, failures: n})
	}
	if len(failures) > mostStates {
		v.Nodes[mostStates-1].Label = fmt.Sprintf("open, %d or more", failures[mostStates-1])
	}
	for _, state := range []string{report.UnlockLocked, report.UnlockDestroyed} {
		if slices.ContainsFunc(moves, func(m report.UnlockMove) bool { return m.State == state }) {
			v.Nodes = append(v.Nodes, unlockNode{Label: state, End: true, state: state})
		}
	}
	if last := len(v.Nodes) - 1; !v.Nodes[last].End && u.Attempts > 0 {
		v.Nodes = append(v.Nodes, unlockNode{Label: "locked out", End: true})
	}
	for i := range v.Nodes {
		v.Nodes[i].Y, v.Nodes[i].Class = unlockTop+i*unlockPitch, "possible"
	}
	v.Height = unlockTop + len(v.Nodes)*unlockPitch - (unlockPitch - unlockNodeH) + 6
}

// node is the index of the state after a move.
func (v *unlockView) node(m report.UnlockMove) int {
	at := 0
	for i, n := range v.Nodes {
		if n.state == m.State && (m.State != report.UnlockOpen || n.failures <= m.Failures) {
			at = i
		}
	}
	return at
}

// taken is a transition and why it was taken, each reason with its count.
type taken struct {
	from, to int
	reasons  []string
	counts   map[string]int
}

func (t *taken) label() string {
	var parts []string
	for _, r := range t.reasons {
		if n := t.counts[r]; n > 1 {
			parts = append(parts, fmt.Sprintf("%s ×%d", r, n))
		} else {
			parts = append(parts, r)
		}
	}
	return strings.Join(parts, ", ")
}

// walk follows the moves through the states.
func (v *unlockView) walk(moves []report.UnlockMove) {
	if len(moves) == 0 {
		return
	}
	var all []*taken
	at := v.node(moves[0])
	v.Nodes[at].Class = "visited"
	begin := 0
	if moves[0].Action == "pin-set" {
		begin = 1
	} else {
		at = 0
	}
	for _, m := range moves[begin:] {
		to := v.node(m)
		if to == at && !aboutTries(m.Action) {
			continue
		}
		v.Nodes[to].Class = "visited"
		i := slices.IndexFunc(all, func(t *taken) bool { return t.from == at && t.to == to })
		if i < 0 {
			i, all = len(all), append(all, &taken{from: at, to: to, counts: make(map[string]int)})
		}
		word := strings.ReplaceAll(m.Action, "-", " ")
		if all[i].counts[word] == 0 {
			all[i].reasons = append(all[i].reasons, word)
		}
		all[i].counts[word]++
		at = to
	}
	v.Nodes[at].Class = "final"
	v.describe(all, at)
	v.connect(all)
}

// aboutTries says of an action that changed nothing whether it is worth a word in the drawing.
func aboutTries(action string) bool {
	return slices.Contains([]string{"unlock-tried", "refused", report.UnlockLocked, report.UnlockDestroyed}, action)
}

// connect draws the transitions.
func (v *unlockView) connect(all []*taken) {
	for i := range v.Nodes[:len(v.Nodes)-1] {
		step := unlockStep{Y1: v.Nodes[i].Y + unlockNodeH, Y2: v.Nodes[i+1].Y}
		step.TextY = (step.Y1+step.Y2)/2 + 4
		if j := slices.IndexFunc(all, func(t *taken) bool { return t.from == i && t.to == i+1 }); j >= 0 {
			step.Taken, step.Label = true, short(all[j].label(), longText)
		}
		v.Steps = append(v.Steps, step)
	}
	var jumps []*taken
	for _, t := range all {
		switch {
		case t.from == t.to:
			v.Nodes[t.from].Beside = short(t.label(), longText)
		case t.to != t.from+1:
			jumps = append(jumps, t)
		}
	}
	slices.SortStableFunc(jumps, func(a, b *taken) int { return max(a.from-a.to, a.to-a.from) - max(b.from-b.to, b.to-b.from) })
	right := unlockNodeX2 + jumpFirst + jumpApart*(min(len(jumps), mostJumps)-1) + 8
	used := make(map[int]int) // texts at a state
	for i, t := range jumps {
		x := unlockNodeX2 + jumpFirst + jumpApart*min(i, mostJumps-1)
		y1, y2 := v.Nodes[t.from].Y+unlockNodeH/2-4, v.Nodes[t.to].Y+unlockNodeH/2+4
		v.Jumps = append(v.Jumps, unlockJump{
			D:     fmt.Sprintf("M%d %dH%dV%dH%d", unlockNodeX2, y1, x, y2, unlockNodeX2),
			TextX: strconv.Itoa(right), TextY: y1 + 4 + lineHeight*used[t.from], Text: short(t.label(), 24),
		})
		used[t.from]++
	}
}

func (v *unlockView) describe(all []*taken, last int) {
	var parts []string
	for _, t := range all {
		parts = append(parts, fmt.Sprintf("%s to %s: %s", v.Nodes[t.from].Label, v.Nodes[t.to].Label, t.label()))
	}
	v.Desc = "It ended in the state " + v.Nodes[last].Label + ". "
	if len(parts) > 0 {
		v.Desc += "Transitions: " + strings.Join(parts, "; ") + ". "
	}
	v.Desc += "The table has all of them in order."
}
