package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The kinds of events that writers tell apart from all others.
const (
	EventPushed   = "pushed"
	EventArrived  = "arrived"
	EventRegister = "register"
	EventLogin    = "login"
	EventLocked   = "locked"
)

// The states of an account's unlock state machine.
const (
	UnlockOpen      = "open"      // tries are accepted
	UnlockLocked    = "locked"    // none are, until it is reset
	UnlockDestroyed = "destroyed" // the passkeys are gone for good
)

// The actions that end or begin a try.
const (
	unlockTried     = "unlock-tried"
	unlockUnlocked  = "unlocked"
	unlockRefused   = "refused"
	unlockLocked    = "locked"
	unlockDestroyed = "destroyed"
)

// Barred says that one rule keeps the device from both saving and using passkeys, so that one reason is enough.
func (d *FabricDevice) Barred() bool {
	return !d.Save.Allowed && !d.Use.Allowed && d.Save.Rule != "" && d.Save.Rule == d.Use.Rule && d.Save.Assumed == d.Use.Assumed
}

// Device is the device the event belongs to; empty is the provider's cloud.
func (e *FabricEvent) Device() string { return cmp.Or(e.To, e.From) }

// Lag is how long a passkey took from the cloud to the device, in milliseconds. It is false for what is no arrival.
func (e *FabricEvent) Lag() (ms float64, known bool) {
	if e.Kind != EventArrived || e.SentMS <= 0 || e.AtMS < e.SentMS {
		return 0, false
	}
	return e.AtMS - e.SentMS, true
}

// Count is how many events of a kind there were.
func (a *FabricAccount) Count(kind string) int {
	n := 0
	for i := range a.Events {
		if a.Events[i].Kind == kind {
			n++
		}
	}
	return n
}

// Arrivals says in one sentence without its full stop how long passkeys took to the account's devices: "25 arrivals: lag
// p50 2.05s, p95 6.8s, at most 7.38s". It is empty when nothing arrived.
func (a *FabricAccount) Arrivals() string {
	var lags []float64
	for i := range a.Events {
		if ms, known := a.Events[i].Lag(); known {
			lags = append(lags, ms)
		}
	}
	slices.Sort(lags)
	n := len(lags)
	at := func(share float64) string { return FormatMS(lags[rank(share, int64(n))-1]) }
	text := plural(a.Count(EventArrived), "arrival")
	switch {
	case a.Count(EventArrived) == 0:
		return ""
	case n == 0:
		return text
	case n == 1:
		return text + ": lag " + at(1)
	case n < 20: // too few for a 95th percentile
		return fmt.Sprintf("%s: lag p50 %s, at most %s", text, at(.5), at(1))
	}
	return fmt.Sprintf("%s: lag p50 %s, p95 %s, at most %s", text, at(.5), at(.95), at(1))
}

// UnlockMove is a change of the unlock state machine's state, or a try that changed nothing.
type UnlockMove struct {
	Action   string // of the mark
	State    string // afterwards: UnlockOpen, UnlockLocked or UnlockDestroyed
	Failures int    // in a row, afterwards; not below zero
}

// Moves are the transitions of the path, in order, and one for each try: the entry that is made before a PIN is compared
// is left out where its outcome follows, and so is the refusal of the try that used up the last one.
func (u *FabricUnlock) Moves() []UnlockMove {
	state := UnlockOpen
	var moves []UnlockMove
	skip := u.doubled()
	for i, m := range u.Path {
		switch m.Action {
		case unlockLocked:
			state = UnlockLocked
		case unlockDestroyed:
			state = UnlockDestroyed
		case unlockUnlocked, "pin-set", "pin-reset", "wiped":
			state = UnlockOpen
		}
		if !skip[i] {
			moves = append(moves, UnlockMove{Action: m.Action, State: state, Failures: max(m.Failures, 0)})
		}
	}
	return moves
}

// doubled are the marks of which another one tells more.
func (u *FabricUnlock) doubled() []bool {
	skip := make([]bool, len(u.Path))
	begun := make(map[string]int) // of each device, the try without an outcome
	for i, m := range u.Path {
		switch m.Action {
		case unlockTried:
			begun[m.Device] = i
		case unlockUnlocked, unlockRefused, unlockLocked, unlockDestroyed:
			if at, open := begun[m.Device]; open {
				skip[at] = true
				delete(begun, m.Device)
			}
			over := m.Action == unlockLocked || m.Action == unlockDestroyed
			if over && i > 0 && u.Path[i-1].Action == unlockRefused && u.Path[i-1].Device == m.Device && u.Path[i-1].Failures == m.Failures {
				skip[i-1] = true
			}
		}
	}
	return skip
}

// String says what the path shows in one sentence without its full stop: "provider PIN: 12
// tries, 11 refused, 1 lockout; now locked".
func (u *FabricUnlock) String() string {
	var tries, refused, locked int
	last := UnlockMove{State: UnlockOpen}
	for _, m := range u.Moves() {
		switch m.Action {
		case unlockUnlocked, unlockTried:
			tries++
		case unlockRefused:
			tries, refused = tries+1, refused+1
		case unlockLocked, unlockDestroyed:
			tries, refused, locked = tries+1, refused+1, locked+1
		}
		last = m
	}
	text := strings.ReplaceAll(strings.ReplaceAll(u.Method, "-", " "), "pin", "PIN") + ": "
	if tries == 0 {
		text += "no tries"
	} else {
		text += plural(tries, "try", "tries") + ", " + strconv.Itoa(refused) + " refused"
	}
	if locked > 0 {
		text += ", " + plural(locked, "lockout")
	}
	switch {
	case last.State != UnlockOpen:
		return text + "; now " + last.State
	case last.Failures == 0:
		return text
	case u.Attempts > 0:
		return text + "; now " + strconv.Itoa(last.Failures) + " of " + strconv.Itoa(u.Attempts) + " used up"
	}
	return text + "; now " + strconv.Itoa(last.Failures) + " in a row"
}

// String says in one sentence what a study was: "A simulation of 1000 accounts with 3 devices each, …".
func (s *Study) String() string {
	return fmt.Sprintf("A simulation of %s with %s each over %s of virtual time: no relying party was asked.",
		plural(int(s.Accounts), "account"), plural(s.Devices, "device"), FormatMS(s.VirtualMS))
}

// Means says in one line by whose rules, how late and how unreliably passkeys traveled in a study.
func (s *Study) Means() string {
	return strings.Join([]string{s.Provider, s.Delay, FormatShare(s.Loss) + " lost", FormatShare(s.Duplicates) + " delivered twice"}, "; ")
}

// String names the account: "alice, Microsoft Password Manager, personal account".
func (a *FabricAccount) String() string {
	name := a.Account + ", " + cmp.Or(a.Title, a.Provider)
	if a.Type != "" {
		name += ", " + a.Type + " account"
	}
	return name
}

// String names the device and what it is: "laptop, windows 11, edge 142, windows-hello".
func (d *FabricDevice) String() string {
	what := []string{d.Name}
	for _, s := range []string{d.OS, d.Client, d.Verification} {
		if s != "" {
			what = append(what, s)
		}
	}
	return strings.Join(what, ", ")
}

// Because follows what it is about: ": Edge 142 on macOS cannot save passkeys (rule os)", or nothing.
func (e *Eligibility) Because() string {
	text := ""
	if e.Reason != "" {
		text = ": " + e.Reason
	}
	if e.Rule != "" {
		text += " (rule " + e.Rule + ")"
	}
	return text
}

// String says whether the log can be relied on: "audit log intact, 29 entries, in audit.jsonl".
func (a *FabricAudit) String() string {
	if !a.Intact {
		return "audit log damaged: " + cmp.Or(a.Problem, "it could not be verified")
	}
	text := "audit log intact, " + plural(a.Entries, "entry", "entries")
	if a.File != "" {
		text += ", in " + a.File
	}
	return text
}
