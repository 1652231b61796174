package terminal

import (
	"fmt"
	"strings"

	"github.com/passrig/passrig/report"
)

// checks shows what is worth a look. What went as it should is only counted, as there are hundreds of checks.
func (p *printer) checks() {
	var rows []row
	var passed, recorded, inapplicable int
	same := make(map[string]int)
	for i := range p.run.Checks {
		c := &p.run.Checks[i]
		if !p.opts.Verbose {
			switch {
			case c.NotApplicable:
				inapplicable++
				continue
			case c.Verdict == report.VerdictPass:
				passed++
				continue
			case c.Verdict == report.VerdictInfo:
				recorded++
				continue
			}
			if reason := c.Message + c.Actual; c.Verdict == report.VerdictError || c.Verdict == report.VerdictSkip {
				if same[reason]++; same[reason] > manyAlike {
					continue
				}
			}
		}
		rows = append(rows, checkRow(c))
	}
	p.section("Checks", "", rows)
	if p.opts.Quiet {
		return
	}
	alike := 0
	for _, n := range same {
		alike += max(0, n-manyAlike)
	}
	p.rest(count{passed, "passed"}, count{recorded, "recorded what the relying party does"}, count{inapplicable, "do not apply to it"},
		count{alike, "could not be told, or were skipped, for a reason shown above"})
	p.suite()
}

// manyAlike is how many checks are shown that could not be told for one and the same reason.
const manyAlike = 3

func checkRow(c *report.Check) row {
	r := row{
		verdict: c.Verdict, title: strings.TrimSpace(c.ID + "  " + c.Title), duration: c.DurationMS,
		message: c.Message, expected: c.Expected, actual: c.Actual, hint: c.Hint, basis: strings.Join(c.Basis, "; "),
	}
	if c.Tolerated != "" {
		r.message = strings.TrimSpace(c.Message + " (does not fail the run: " + c.Tolerated + ")")
	}
	return r
}

type count struct {
	n    int
	what string
}

// rest counts the checks that are not shown.
func (p *printer) rest(counts ...count) {
	var parts []string
	for _, c := range counts {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	if len(parts) > 0 {
		p.line()
		p.wrapped("  ", "  ", "Checks not shown: "+strings.Join(parts, ", ")+". --verbose shows them, and a report each with what was sent.", dim)
	}
}

// suite says which part of the catalogue that was, and what it comes to.
func (p *printer) suite() {
	s := p.run.Suite
	if s == nil {
		return
	}
	if len(s.Fixed) > 0 {
		p.wrapped("  ", "  ", "Known failures that passed this time, so that the baseline can leave them out: "+strings.Join(s.Fixed, ", ")+".", plain)
	}
	switch {
	case s.Grade != "":
		p.wrapped("  ", "  ", fmt.Sprintf("Grade %s for the whole tier %s.", s.Grade, s.Tier), bold)
	case !p.run.Partial:
		p.wrapped("  ", "  ", "No grade: not every check of the tier "+s.Tier+" came to a verdict.", dim)
	}
}
