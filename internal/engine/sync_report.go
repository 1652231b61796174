package engine

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual/fabric"
	"github.com/passrig/passrig/virtual/providers"
)

// concludeSync has what is due arrive for the last time, and writes what the providers' clouds did.
func (w *world) concludeSync(ctx context.Context) {
	if len(w.traveling.clouds) > 0 {
		w.began = w.cfg.Clock()
		w.beforeStep(ctx, "")
		w.keepUp(ctx)
		w.layZombies()
		w.tally()
	}
	var accounts []report.FabricAccount
	for _, name := range slices.Sorted(maps.Keys(w.accounts)) {
		a := w.accounts[name]
		if a.cloud == nil && len(a.provider.Save)+len(a.provider.Use) == 0 {
			continue // nothing to tell
		}
		accounts = append(accounts, w.accountReport(a))
	}
	if len(accounts) == 0 {
		return
	}
	if w.out.Fabric == nil {
		w.out.Fabric = &report.Fabric{}
	}
	w.out.Fabric.Accounts = append(w.out.Fabric.Accounts, accounts...)
}

// tally counts what shows only in the end.
func (w *world) tally() {
	w.count(metricConflicts, 0, 0)
	w.count(metricEarly, 0, 0)
	w.count(metricZombieLeft, int64(len(w.traveling.zombies)), 0)
	for _, a := range w.accounts {
		if a.cloud == nil {
			continue
		}
		lockouts := int64(0)
		for _, e := range w.entriesOf(a) {
			if e.Action == fabric.Locked || e.Action == fabric.Destroyed {
				lockouts++
			}
		}
		w.count(metricLockouts, lockouts, 0)
		several, all := a.duplicates()
		w.count(metricDuplicates, several, all)
	}
}

// duplicates counts the account's users at relying parties who have several passkeys in use, and all of them, as the
// device sees it that knows most.
func (a *account) duplicates() (several, all int64) {
	type owner struct{ rpID, handle string }
	for _, d := range a.devices {
		inUse := make(map[owner]int)
		n := int64(0)
		for _, v := range d.replica.Records() {
			if v.State != fabric.Live || v.Hidden || v.Shadowed {
				continue
			}
			of := owner{v.RPID, string(v.UserHandle)}
			if inUse[of]++; inUse[of] == 2 {
				n++
			}
		}
		several, all = max(several, n), max(all, int64(len(inUse)))
	}
	return several, all
}

// entriesOf are what the scenario brought into the audit log about an account.
func (w *world) entriesOf(a *account) []fabric.LedgerEntry {
	entries, err := a.cloud.account(a.key).Audit()
	if err != nil {
		return nil // the audit says what is wrong with it
	}
	return slices.DeleteFunc(entries, func(e fabric.LedgerEntry) bool { return e.Seq <= a.seen })
}

func (w *world) accountReport(a *account) report.FabricAccount {
	out := report.FabricAccount{
		Scenario: w.id, Account: a.name, Provider: a.provider.ID(), Title: a.provider.Title, Type: a.kind,
		Devices: make([]report.FabricDevice, 0, len(a.devices)), Events: []report.FabricEvent{},
	}
	for _, d := range a.devices {
		out.Devices = append(out.Devices, report.FabricDevice{
			Name: d.name, OS: d.spec.OS, Client: d.spec.Client, Verification: d.spec.Verification,
			Save: eligibility(d.eligible(providers.Save)), Use: eligibility(d.eligible(providers.Use)),
		})
	}
	w.traveling.heardMu.Lock() // pages are still open
	for _, e := range w.traveling.heard {
		if e.account == a {
			out.Events = append(out.Events, w.eventReport(&e))
		}
	}
	w.traveling.heardMu.Unlock()
	for _, m := range w.traveling.marks {
		if m.account == a {
			out.Events = append(out.Events, m.event)
		}
	}
	slices.SortStableFunc(out.Events, func(x, y report.FabricEvent) int { return cmp.Compare(x.AtMS, y.AtMS) })
	if a.cloud == nil {
		return out
	}
	out.Audit = w.auditOf(a)
	if a.provider.Unlock.Method != providers.UnlockNone {
		out.Unlock = w.unlockReport(a)
	}
	return out
}

func eligibility(e providers.Eligibility) report.Eligibility {
	return report.Eligibility{Allowed: e.Allowed, Reason: e.Reason, Rule: e.Rule, Assumed: e.Assumed}
}

func (w *world) eventReport(e *heard) report.FabricEvent {
	out := report.FabricEvent{AtMS: w.since(e.At), Kind: string(e.Kind), From: e.From, To: e.Device, Step: e.step, Text: e.Text}
	if e.Kind == fabric.EventPushed {
		out.From, out.To = e.Device, ""
	}
	if !e.Sent.IsZero() {
		out.SentMS = w.since(e.Sent)
	}
	if e.CredentialID != nil {
		out.Passkey = w.labelOf(e.CredentialID)
	}
	return out
}

// unlockReport is the path of the account's unlocking.
func (w *world) unlockReport(a *account) *report.FabricUnlock {
	out := &report.FabricUnlock{Method: string(a.provider.Unlock.Method), Attempts: a.provider.Unlock.Attempts, Path: []report.UnlockMark{}}
	for _, e := range w.entriesOf(a) {
		if e.Action == fabric.DeviceEnrolled || e.Action == fabric.DeviceRevoked {
			continue
		}
		out.Path = append(out.Path, report.UnlockMark{AtMS: w.since(e.Time), Device: e.Device, Action: string(e.Action), Failures: e.Failures})
	}
	return out
}

// mark is a registration or login on a device, or something that it refused.
type mark struct {
	account *account
	event   report.FabricEvent
}

// markRefusal notes that a device did not do what it was asked for, and why, among what happened to it.
func (w *world) markRefusal(s *scenarios.Step, o *outcome, step *report.Step) {
	if o.result == nil || o.result.Outcome != rp.OutcomeRefused {
		return
	}
	user, on := whoAndWhere(s)
	d, err := w.device(on, user)
	if err != nil {
		return
	}
	reason := o.result.Reason
	if !s.Syncs() {
		w.traveling.mu.Lock()
		reason = d.refusal.reason // a client has other reasons too
		w.traveling.mu.Unlock()
	}
	if reason == "" {
		return
	}
	w.traveling.marks = append(w.traveling.marks, mark{d.account, report.FabricEvent{
		AtMS: w.since(w.cfg.Clock()), Kind: string(fabric.EventRefused), To: d.name, Step: step.ID, Text: reason,
	}})
}

// markCeremony notes a registration or login among what happened to its device.
func (w *world) markCeremony(s *scenarios.Step, o *outcome, step *report.Step) {
	var kind string
	switch {
	case s.Register != nil:
		kind = "register"
	case s.Login != nil, s.LoginDiscoverable != nil:
		kind = "login"
	default:
		return
	}
	user, on := whoAndWhere(s)
	d, err := w.device(on, user)
	if err != nil {
		return
	}
	event := report.FabricEvent{
		AtMS: w.since(w.cfg.Clock()), Kind: kind, To: d.name, Step: step.ID, Verdict: step.Verdict, Text: step.Outcome,
	}
	if o != nil && o.ceremony != nil && o.ceremony.CredentialID != "" {
		if id := looseBytes(o.ceremony.CredentialID); id != nil {
			event.Passkey = w.labelOf(id)
		}
	}
	w.traveling.marks = append(w.traveling.marks, mark{d.account, event})
}
