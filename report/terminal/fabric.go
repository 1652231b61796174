package terminal

import (
	"slices"
	"strconv"

	"github.com/passrig/passrig/report"
)

// fabric shows the study, and of each account who could not save or use passkeys, how long they traveled, and what
// became of unlocking.
func (p *printer) fabric() {
	f := p.run.Fabric
	if f == nil || p.opts.Quiet {
		return
	}
	p.study(f.Study)
	accounts := slices.DeleteFunc(slices.Clone(f.Accounts), func(a report.FabricAccount) bool {
		return len(a.Events) == 0 && a.Audit == nil && !noteworthy(&a) && !p.opts.Verbose
	})
	if len(accounts) == 0 {
		return
	}
	p.line()
	p.line(p.paint(bold, "Synced passkeys"))
	scenario, plainly := "", 0
	for i := range accounts {
		a := &accounts[i]
		if len(accounts) > mostAccounts && !p.opts.Verbose && !noteworthy(a) {
			plainly++
			continue
		}
		if a.Scenario != scenario && len(p.run.Scenarios) > 1 {
			scenario = a.Scenario
			p.wrapped("  ", "  ", clean(scenario), dim)
		}
		p.account(a)
	}
	if plainly > 0 {
		p.wrapped("  ", "  ", strconv.Itoa(plainly)+" more in which every device could save and use passkeys and none was locked out", dim)
	}
}

// mostAccounts is how many accounts are shown whatever became of them.
const mostAccounts = 5

// noteworthy says whether somebody was refused or locked out at an account, or its log is damaged.
func noteworthy(a *report.FabricAccount) bool {
	refused := slices.ContainsFunc(a.Devices, func(d report.FabricDevice) bool { return !d.Save.Allowed || !d.Use.Allowed })
	locked := a.Unlock != nil && slices.ContainsFunc(a.Unlock.Moves(), func(m report.UnlockMove) bool { return m.State != report.UnlockOpen })
	return refused || locked || a.Audit != nil && !a.Audit.Intact
}

func (p *printer) account(a *report.FabricAccount) {
	p.wrapped("  ", "  ", clean(a.String()), bold)
	if a.Title != "" {
		p.wrapped("    ", "    ", clean(a.Provider), dim)
	}
	for i := range a.Devices {
		p.device(&a.Devices[i])
	}
	if s := a.Arrivals(); s != "" {
		p.wrapped("    ", "    ", s, plain)
	}
	if a.Unlock != nil && len(a.Unlock.Path) > 0 {
		color := plain
		if moves := a.Unlock.Moves(); len(moves) > 0 && moves[len(moves)-1].State != report.UnlockOpen {
			color = yellow
		}
		p.wrapped("    ", "    ", clean(a.Unlock.String()), color)
	}
	if a.Audit != nil && a.Audit.Head != "" {
		if p.audited == *a.Audit { // accounts at one provider share its log
			return
		}
		p.audited = *a.Audit
	}
	p.audit(a.Audit)
}

// device says what it could not do and why; with Verbose also that it could.
func (p *printer) device(d *report.FabricDevice) {
	lead := p.fit("    " + oneLine(d.String()))
	if d.Save.Allowed && d.Use.Allowed && !p.opts.Verbose {
		return
	}
	p.line(lead)
	if d.Save == d.Use || d.Barred() && !p.opts.Verbose { // one sentence is enough
		p.eligibility("save, use", d.Save)
		return
	}
	p.eligibility("save", d.Save)
	p.eligibility("use", d.Use)
}

func (p *printer) eligibility(words string, e report.Eligibility) {
	mark, color := "✓", plain
	if !e.Allowed { // which may be just what a scenario expects
		mark, color = "✗", yellow
	}
	p.wrapped("      "+mark+" ", "        ", clean(words+e.Because()), color)
	if e.Assumed != "" {
		p.wrapped("        assumed: ", "        ", clean(e.Assumed), dim)
	}
}

func (p *printer) audit(a *report.FabricAudit) {
	switch {
	case a == nil:
	case !a.Intact:
		p.wrapped("    ", "    ", clean(a.String()), red)
	default:
		text := a.String()
		if a.Head != "" && p.opts.Verbose {
			text += ", head " + a.Head
		}
		p.wrapped("    ", "    ", clean(text), plain)
	}
}

// study shows what a simulation was of, and its events.
func (p *printer) study(s *report.Study) {
	if s == nil {
		return
	}
	p.line()
	p.line(p.paint(bold, "Study"))
	p.wrapped("  ", "  ", clean(s.String()), plain)
	p.wrapped("  ", "  ", clean(s.Means()), dim)
	g := grid{head: "Events", columns: []string{"count", "failed", "share"}, expendable: []string{"share"}}
	for _, k := range s.Kinds {
		row := line{name: "  " + k.Kind, cells: []string{strconv.FormatInt(k.Count, 10), strconv.FormatInt(k.Failed, 10), "–"}}
		if k.Count > 0 {
			row.cells[2] = report.FormatShare(float64(k.Failed) / float64(k.Count))
		}
		g.rows = append(g.rows, row)
	}
	g.rows = append(g.rows, line{name: "  all", color: bold, cells: []string{strconv.FormatInt(s.Events, 10)}})
	p.grid(g)
}
