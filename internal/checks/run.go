package checks

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/report"
)

// limitPerCheck is how long one check may take, unless it is a slow one.
const limitPerCheck = 30 * time.Second

// onPages is how many times that a check may take on pages. There, no operation may take more than once that.
const onPages = 4

// Config is what a run of checks needs from outside.
type Config struct {
	Party   *rp.Party
	Driver  Driver // nil: the party itself
	Where   Where  // API or Browser: what Driver is
	Checks  []*Check
	Profile Profile
	Consent []Consent     // what was agreed to
	Strict  bool          // warnings of SHOULD and ACCEPT~ become failures
	Jobs    int           // how many checks at a time; 0: one
	Pace    time.Duration // between the beginnings of two operations
	Seed    uint64
	Clock   func() time.Time

	Started func(*Check)       // may be nil; called from several goroutines
	Done    func(report.Check) // may be nil; called from several goroutines
}

// Run performs checks and returns their results in the order given, and what is known of the target. It is complete
// even when the context ends: what was not performed says so.
func Run(ctx context.Context, cfg Config) ([]report.Check, Profile) {
	if cfg.Driver == nil {
		cfg.Driver = cfg.Party
	}
	if cfg.Where == Anywhere {
		cfg.Where = API
	}
	s := &subject{cfg: &cfg, party: cfg.Party}
	results := make([]report.Check, len(cfg.Checks))
	s.survey(ctx)
	work := make(chan int)
	var workers sync.WaitGroup
	for range max(1, cfg.Jobs) {
		workers.Go(func() {
			rig := &Rig{subject: s}
			for i := range work {
				results[i] = rig.run(ctx, cfg.Checks[i])
				if cfg.Done != nil {
					cfg.Done(results[i])
				}
			}
		})
	}
	for i := range cfg.Checks {
		work <- i
	}
	close(work)
	workers.Wait()
	return results, s.cfg.Profile
}

// survey makes the first user, learns from the options what the target did not declare, and whether users can have
// more than one passkey.
func (s *subject) survey(ctx context.Context) {
	rig := &Rig{subject: s}
	u, err := rig.NewUser(ctx)
	if err != nil {
		_ = rig.giveUp(ctx, err) // every check says so
		return
	}
	s.cfg.Profile = s.cfg.Profile.completed(ctx, rig, u)
	second := rig.act(ctx, u, Act{Session: u.Session})
	s.oneKey = second.Answer != Accepted
}

// run performs one check.
func (r *Rig) run(ctx context.Context, c *Check) report.Check {
	if r.cfg.Started != nil {
		r.cfg.Started(c)
	}
	begin := r.cfg.Clock()
	out := report.Check{
		ID: c.ID, Title: c.Title, Ceremony: string(c.Ceremony), Severity: string(c.Severity), Level: string(c.Level),
		Expected: c.Expects, Basis: c.Basis, Verdict: report.VerdictSkip,
	}
	worst, decides := c.standingOf(r.cfg.Profile)
	if reason := r.skips(ctx, c, worst, decides); reason != "" {
		out.Message, out.NotApplicable = reason, worst == closed
		return out
	}
	r.check, r.cases, r.seen, r.beyond = c, nil, nil, false
	f := r.within(ctx, c)
	if r.beyond {
		out.Message = beyondPage
		return out
	}
	out.Verdict = f.verdict(c, r.cfg.Strict, worst == undeclared)
	out.Actual = f.Actual
	out.Evidence = &report.CheckEvidence{Sent: c.Sends, Cases: r.cases, Seen: r.seen}
	out.DurationMS = float64(r.cfg.Clock().Sub(begin).Microseconds()) / 1000
	switch {
	case f.kind == kindInapplicable:
		out.NotApplicable = true
	case ctx.Err() != nil && out.Verdict == report.VerdictError:
		out.Verdict, out.Message = report.VerdictSkip, "interrupted"
	case worst == undeclared && f.kind == kindDeviates:
		out.Message = fmt.Sprintf("only recorded: it counts where the target declares %s", decides)
	case c.Ceremony == Options && f.kind == kindDeviates && r.composes():
		out.Message = "the adapter puts options together in the page's place: it counts if the page does the same"
	}
	if out.Verdict == report.VerdictFail || out.Verdict == report.VerdictWarn {
		out.Hint = c.Fix
	}
	if out.Verdict == report.VerdictPass || out.Verdict == report.VerdictInfo {
		trim(r.cases)
	}
	return out
}

// trim leaves of what went as expected only the request that carried the credential: a run has hundreds of cases.
func trim(cases []report.CheckCase) {
	for i := range cases {
		c := &cases[i]
		c.Response = nil
		for _, x := range c.Exchanges {
			if x.Purpose == "result" || x.Phase == report.PhaseResult {
				c.Exchanges = []report.Exchange{x}
				break
			}
		}
	}
}

// within performs the check in the time it has.
func (r *Rig) within(ctx context.Context, c *Check) Finding {
	if c.Consent != Slow {
		var cancel context.CancelFunc
		limit := limitPerCheck
		if r.cfg.Where == Browser {
			limit *= onPages
		}
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	if trouble := r.troubled(); trouble != nil && c.Ceremony != Options { // options can be looked at even where no client can use them
		return untold("%v", trouble)
	}
	f := c.perform(ctx, r)
	if f.kind == kindUntold && !r.beyond && ctx.Err() == nil && r.troubled() == nil {
		// The accounts may be locked by what was done to them: with others it may be told.
		r.user, r.other, r.cases = nil, nil, nil
		f = c.perform(ctx, r)
	}
	return f
}

// skips says why a check is not performed, or nothing.
func (r *Rig) skips(ctx context.Context, c *Check, worst standing, decides Gate) string {
	if ctx.Err() != nil {
		return "not run: interrupted"
	}
	if worst == closed {
		return fmt.Sprintf("does not apply: it is for targets with %s", decides)
	}
	if c.Where != Anywhere && c.Where != r.cfg.Where {
		return fmt.Sprintf("not run: it needs the %s driver", c.Where)
	}
	if c.Consent != "" && !slices.Contains(r.cfg.Consent, c.Consent) {
		return fmt.Sprintf("not run: it is %s, and runs only with --allow %s", c.Consent, c.Consent)
	}
	for _, need := range c.Needs {
		if !r.Offers(string(need)) {
			return fmt.Sprintf("not run: the adapter %q offers no %s; add that operation", r.party.Adapter().Name, need)
		}
	}
	return ""
}
