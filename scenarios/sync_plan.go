package scenarios

import "time"

// SyncPlan is how passkeys travel, with every value known. What a study plays besides is left to it.
type SyncPlan struct {
	Delay            *DelayPlan    // nil: passkeys travel at sync steps, and at once
	Loss, Duplicates float64       // 0 to 1
	Retry            time.Duration // after a loss; 0: not given
	State            string        // path of the file; empty: memory
}

// DelayPlan is a distribution of times: File, or else log-normal with Median and P99, or else always Constant.
type DelayPlan struct {
	Constant    time.Duration
	Median, P99 time.Duration // both above 0, and P99 the longer, when the distribution is log-normal; else 0
	File        string        // path of a file of measured times; else empty
}

// SyncPlan evaluates the file's sync section; a file without one has the zero plan. The error has the place of what
// came out wrong.
func (f *File) SyncPlan(env Env) (*SyncPlan, error) {
	s := f.Sync
	if s == nil {
		s = new(SyncSection)
	}
	values := &valueChecker{env: env}
	values.checkSync(s)
	for _, p := range values.problems {
		return nil, p // the first is as good as any: each is a mistake of its own
	}
	e := &evaluator{env: env}
	p := &SyncPlan{
		Delay: s.Delay.plan(e), Loss: evaluated(e, s.Loss, 0), Duplicates: evaluated(e, s.Duplicates, 0),
		Retry: evaluated(e, s.Retry, 0), State: s.State,
	}
	return p, e.err
}

func (d *Delay) plan(e *evaluator) *DelayPlan {
	if d == nil {
		return nil
	}
	p := &DelayPlan{Constant: evaluated(e, d.Constant, 0), File: d.File}
	if d.LogNormal != nil {
		p.Median, p.P99 = evaluated(e, d.LogNormal.Median, 0), evaluated(e, d.LogNormal.P99, 0)
	}
	return p
}

// beside makes the paths of the section relative to where the file is.
func (s *SyncSection) beside(file string) {
	if s == nil {
		return
	}
	if s.State != "" {
		s.State = beside(file, s.State)
	}
	if s.Delay != nil && s.Delay.File != "" {
		s.Delay.File = beside(file, s.Delay.File)
	}
}

// checkSync finds what is wrong with the values of a sync section.
func (c *valueChecker) checkSync(s *SyncSection) {
	positive(c, s.Retry, "what was lost cannot be sent again in no time", "write how long after: 30s")
	if s.Delay != nil && s.Delay.LogNormal != nil {
		c.checkLogNormal(s.Delay.LogNormal)
	}
	if s.Study == nil {
		return
	}
	positive(c, s.Study.For, "nothing happens in no time", "write how long: 24h")
	c.checkSomeWeight(s.Study.Mix, "nothing is left to happen")
}

func (c *valueChecker) checkLogNormal(l *LogNormal) {
	positive(c, l.Median, "half of the times would be below nothing", "write a time above 0s, or a constant one: delay: 0s")
	median, ok := known(c, l.Median)
	p99, both := known(c, l.P99)
	if ok && both && median > 0 && p99 <= median {
		c.fail(l.P99.t, "write a longer time, or a constant one: delay: "+median.String(),
			"99 of 100 times are below p99, and half of them are above the median already, which is %s", median)
	}
}
