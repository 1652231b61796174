package report_test

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/passrig/passrig/report"
)

// fabricScribe writes down what happens at an account while a scribe writes the steps.
type fabricScribe struct {
	*scribe
	account *report.FabricAccount
}

func (s *fabricScribe) event(ms float64, kind, from, to, passkey, text string) {
	s.account.Events = append(s.account.Events, report.FabricEvent{AtMS: ms, Kind: kind, From: from, To: to, Passkey: passkey, Text: text})
}

// arrived is an arrival of what the cloud got at a moment.
func (s *fabricScribe) arrived(ms, sent float64, from, to, passkey string) {
	s.event(ms, "arrived", from, to, passkey, "")
	s.account.Events[len(s.account.Events)-1].SentMS = sent
	s.recorder.Observe("sync.lag", time.Duration((ms-sent)*1e6))
}

// ceremony is a step and its mark.
func (s *fabricScribe) ceremony(action, device, passkey string, ms float64, edit func(*report.Step)) {
	kind := map[string]string{"register": "registration", "login": "authentication"}[action]
	s.step(action, action+" alice on "+device, ms, func(step *report.Step) {
		ceremony(kind, "alice", device)(step)
		if edit != nil {
			edit(step)
		}
	})
	step := s.run.Steps[len(s.run.Steps)-1]
	s.event(s.now, action, "", device, passkey, step.Message)
	e := &s.account.Events[len(s.account.Events)-1]
	e.Step, e.Verdict = step.ID, step.Verdict
}

// syncRun is a journey on which everything happens.
func syncRun() *report.Run {
	refused := func(reason, rule string) report.Eligibility {
		return report.Eligibility{Reason: reason, Rule: rule}
	}
	yes := report.Eligibility{Allowed: true}
	s := &fabricScribe{scribe: newScribe("roam", 42), account: &report.FabricAccount{
		Scenario: "roam", Account: "alice", Provider: "microsoft-password-manager@142", Title: "Microsoft Password Manager", Type: "personal",
		Devices: []report.FabricDevice{
			{Name: "laptop", OS: "windows 11", Client: "edge 142", Verification: "windows-hello", Save: yes, Use: yes},
			{Name: "desktop", OS: "windows 11", Client: "edge", Verification: "pin", Save: report.Eligibility{Allowed: true, Assumed: "edge is the newest"}, Use: yes},
			{
				Name: "macbook", OS: "macos 26", Client: "edge 142", Verification: "touch-id",
				Save: refused("Edge 142 on macOS cannot save passkeys: Microsoft Password Manager needs Windows 10 or later", "os"),
				Use:  refused("Edge 142 on macOS cannot use passkeys: Microsoft Password Manager needs Windows 10 or later", "os"),
			},
		},
	}}
	s.begin("roam", "A passkey goes where its person goes", "examples/sync/roam.yaml", "Made on the laptop, unlocked on the desktop, lost and found again.", "sync")
	s.event(3, "founded", "", "laptop", "", "the vault and its PIN were made on laptop")
	s.ceremony("register", "laptop", "first", 44, nil)
	s.event(45, "pushed", "laptop", "", "first", "")
	s.ceremony("login", "desktop", "first", 12, expecting(func(*report.Step) {}, func(step *report.Step) {
		step.Verdict, step.Message = report.VerdictFail, "desktop does not have the passkey yet"
		step.Expected, step.Actual = "outcome accepted", "outcome refused: NotAllowedError"
	}))
	s.event(61, "refused", "", "desktop", "", "wrong PIN, 9 tries are left")
	s.event(420, "refused", "", "desktop", "", "wrong PIN, 8 tries are left")
	s.event(1300, "unlocked", "", "desktop", "", "")
	s.event(1301, "enrolled", "laptop", "desktop", "", "")
	s.step("sync", "sync alice to desktop", 1990, func(step *report.Step) { step.Device = "desktop" })
	s.arrived(2046, 46, "laptop", "desktop", "first")
	s.ceremony("login", "desktop", "first", 36.2, nil)
	s.event(2100, "offline", "", "laptop", "", "")
	s.event(2150, "queued", "", "laptop", "first", "renamed while it was offline")
	s.event(2200, "renamed", "", "desktop", "first", `now "Work"`)
	s.event(2201, "pushed", "desktop", "", "first", "")
	s.ceremony("register", "desktop", "a passkey with a very long label indeed", 51, nil)
	s.event(2260, "pushed", "desktop", "", "a passkey with a very long label indeed", "")
	s.event(2900, "lost", "desktop", "laptop", "first", "the announcement was lost and comes again in 30s")
	s.event(9000, "online", "", "laptop", "", "")
	s.event(9001, "conflict", "", "laptop", "first", "the cloud had a newer name; it won")
	s.arrived(9002, 2202, "desktop", "laptop", "first")
	s.event(9003, "duplicated", "desktop", "laptop", "first", "")
	s.arrived(9640, 2261, "desktop", "laptop", "a passkey with a very long label indeed")
	s.event(9700, "hidden", "", "desktop", "first", "the relying party does not know it any more")
	s.event(9710, "deleted", "", "laptop", "a passkey with a very long label indeed", "")
	s.event(9760, "unhidden", "", "desktop", "first", "")
	s.ceremony("login", "laptop", "first", 28.4, func(step *report.Step) {
		step.Verdict, step.Message = report.VerdictWarn, "the relying party shows the old name"
	})
	s.event(9900, "locked", "", "phone", "", "no try is left")
	s.event(9990, "revoked", "laptop", "desktop", "", "")
	slices.SortStableFunc(s.account.Events, func(a, b report.FabricEvent) int { return cmp.Compare(a.AtMS, b.AtMS) })
	s.account.Unlock = &report.FabricUnlock{Method: "provider-pin", Attempts: 10, Path: unlockPath()}
	s.account.Audit = &report.FabricAudit{Entries: 29, Head: "29:9f2c4e1b7a08d35566f1c2e97b3a40d8e5c6f7a8091b2c3d4e5f60718293a4b5", Intact: true, File: "fabric.audit.jsonl"}
	for i := range 40 { // other accounts of the same run
		s.recorder.Observe("sync.lag", time.Duration(900+i*i*3)*time.Millisecond)
	}
	s.recorder.Observe("unlock.total", 1239*time.Millisecond)
	s.recorder.Observe("sync.total", 1990*time.Millisecond)
	s.recorder.Count("sync.conflicts", 1)
	s.recorder.Count("sync.duplicates", 1)
	s.threshold("sync.lag.p95 < 5s", 61)
	s.now = 10_000
	s.run.Fabric = &report.Fabric{Accounts: []report.FabricAccount{*s.account, workAccount()}}
	return s.end()
}

// unlockPath is wrong PINs, a reset, and wrong PINs until no try is left.
func unlockPath() []report.UnlockMark {
	path := []report.UnlockMark{{AtMS: 2, Device: "laptop", Action: "pin-set"}}
	add := func(ms float64, device, action string, failures int) {
		path = append(path, report.UnlockMark{AtMS: ms, Device: device, Action: "unlock-tried", Failures: failures})
		path = append(path, report.UnlockMark{AtMS: ms + 50, Device: device, Action: action, Failures: failures})
	}
	add(11, "desktop", "refused", 1)
	add(370, "desktop", "refused", 2)
	add(1250, "desktop", "unlocked", 0)
	path = append(path, report.UnlockMark{AtMS: 1301, Device: "desktop", Action: "device-enrolled"})
	for i := range 9 {
		add(9010+float64(i)*90, "phone", "refused", i+1)
	}
	add(9850, "phone", "refused", 10)
	return append(path, report.UnlockMark{AtMS: 9900, Device: "phone", Action: "locked", Failures: 10}, report.UnlockMark{AtMS: 9930, Device: "phone", Action: "refused", Failures: 10})
}

// workAccount is refused everywhere, and its log was tampered with.
func workAccount() report.FabricAccount {
	no := report.Eligibility{Reason: "a work account cannot save passkeys: Microsoft Password Manager needs a personal account", Rule: "account"}
	return report.FabricAccount{
		Scenario: "roam", Account: "alice-at-work", Provider: "microsoft-password-manager@142", Title: "Microsoft Password Manager", Type: "work",
		Devices: []report.FabricDevice{{Name: "laptop", OS: "windows 11", Client: "edge 142", Save: no, Use: no}},
		Events:  []report.FabricEvent{},
		Audit:   &report.FabricAudit{Entries: 3, Head: "3:00", Problem: "line 2: the entry was changed after it was written"},
	}
}

// syncStudyRun is a simulation.
func syncStudyRun() *report.Run {
	s := newScribe("a day of an office", 7)
	s.run.Driver, s.run.Target = "", report.Target{}
	s.begin("office", "A day of an office", "examples/sync/office.yaml", "", "sync")
	s.run.Scenarios[0].Verdict = report.VerdictFail
	for i := range 20_000 { // log-normal, without randomness
		q := (float64(i) + .5) / 20_000
		s.recorder.Observe("sync.lag", time.Duration(3e9*math.Exp(1.29*math.Sqrt2*math.Erfinv(2*q-1))))
	}
	for i := range 50 {
		s.recorder.Observe("sync.zombie", time.Duration(i+1)*13*time.Second)
	}
	s.recorder.Count("sync.conflicts", 311)
	s.recorder.Count("sync.duplicates", 1499)
	s.recorder.Count("sync.lockouts", 4)
	s.threshold("sync.lag.p99 < 5s", 30)
	s.threshold("sync.zombie.p95 < 1h", 31)
	s.now = 24 * 3600e3
	s.run.Fabric = &report.Fabric{Accounts: []report.FabricAccount{}, Study: &report.Study{
		Accounts: 1000, Devices: 3, EventsEach: 10, Events: 10_000, VirtualMS: 24 * 3600e3, Provider: "google-password-manager", Delay: "log-normal, median 3s, p99 1m",
		Loss: .1, Duplicates: .05, Kinds: []report.StudyCount{{Kind: "create", Count: 1812}, {Kind: "login", Count: 4515, Failed: 231}, {Kind: "rename", Count: 905, Failed: 3}, {Kind: "wipe"}},
	}}
	run := s.end()
	m := run.Metrics
	m["sync.early_login.rejected"] = report.Metric{Unit: report.UnitCount, Count: 231, Of: 298}
	return run
}

// syncCellsRun tries every pair of flags.
func syncCellsRun() *report.Run {
	s := newScribe("flags", 9)
	s.begin("flags", "A passkey whose backup flags change", "builtin:sync/flag-matrix", "Registered with the row's flags, used with the column's.", "sync")
	flags := []string{"BE=0 BS=0", "BE=0 BS=1", "BE=1 BS=0", "BE=1 BS=1"}
	for i, row := range flags {
		for j, column := range flags {
			s.step("login", fmt.Sprintf("login with %s after %s", column, row), 20+float64(i+j), func(step *report.Step) {
				step.Cell, step.Outcome = &report.Cell{Row: row, Column: column}, "accepted"
				switch {
				case i == 1 && j != 1:
					step.Verdict, step.Message, step.Outcome = report.VerdictSkip, "it was not registered", ""
				case i > 1 && j < 2:
					step.Verdict, step.Message = report.VerdictFail, "the RP accepted a passkey whose BE flag had changed"
				case i == 0 && j > 1:
					step.Verdict, step.Message, step.Outcome = report.VerdictWarn, "the RP rejected it with status 500", "rejected"
				case i == 0 && j == 1:
					step.Outcome = "rejected"
				}
			})
		}
	}
	s.step("login", "login with BE=1 BS=1 once more", 18, func(step *report.Step) {
		step.Cell, step.Outcome = &report.Cell{Row: flags[3], Column: flags[3]}, "accepted"
	})
	s.step("whoami", "whoami alice", 3, nil)
	s.begin("roles", "Who may do what", "roles.yaml", "")
	for i, device := range []string{"laptop", "a phone whose name is a whole story"} {
		s.step("login", "login on "+device, 20, func(step *report.Step) {
			step.Cell = &report.Cell{Row: device, Column: []string{"before the deletion, at the first relying party", "after it"}[i]}
		})
	}
	return s.end()
}
